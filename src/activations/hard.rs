//! Functions of straight pieces that stand for smooth ones (Howard et al., 2019), and the rectifier that ends at 6.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = z within 0 and 6, else the nearer of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relu6;

impl Elementwise for Relu6 {
    const KIND: &'static str = "relu6";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.at_least(F::ZERO).at_most(F::of(6.0))
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO && y < F::of(6.0) {
            F::ONE
        } else {
            F::ZERO
        }
    }
}

/// φ(z) = z within −1 and 1, else the nearer of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct HardTanh;

impl Elementwise for HardTanh {
    const KIND: &'static str = "hard_tanh";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.at_least(-F::ONE).at_most(F::ONE)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y.abs() < F::ONE { F::ONE } else { F::ZERO }
    }
}

/// z/6 + ½ within 0 and 1.
#[inline(always)]
fn hard_sigmoid<F: Float>(z: F) -> F {
    (z / F::of(6.0) + F::of(0.5))
        .at_least(F::ZERO)
        .at_most(F::ONE)
}

/// φ(z) = z/6 + ½ within 0 and 1, else the nearer of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct HardSigmoid;

impl Elementwise for HardSigmoid {
    const KIND: &'static str = "hard_sigmoid";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        hard_sigmoid(z)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO && y < F::ONE {
            F::of(1.0 / 6.0)
        } else {
            F::ZERO
        }
    }
}

/// φ(z) = z times the hard sigmoid of z; also called hard swish.
#[derive(Debug, Clone, Copy)]
pub(super) struct HardSilu;

impl Elementwise for HardSilu {
    const KIND: &'static str = "hard_silu";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        // −∞ · 0 is 0 here.
        z.at_least(-F::LARGEST) * hard_sigmoid(z)
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        let inner = (z + z + F::of(3.0)) / F::of(6.0);
        if z >= F::of(3.0) {
            F::ONE
        } else if z <= F::of(-3.0) {
            F::ZERO
        } else {
            inner
        }
    }
}
