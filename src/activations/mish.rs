//! Mish (Misra, 2019).

use super::Elementwise;
use crate::float::Float;

/// φ(z) = z tanh(ln(1 + eᶻ)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Mish;

impl Elementwise for Mish {
    const KIND: &'static str = "mish";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        // −∞ · 0 is 0 here.
        z.at_least(-F::LARGEST) * z.softplus().tanh()
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        let t = z.softplus().tanh();
        t + z.bounded() * (F::ONE - t * t) * z.sigmoid()
    }
}
