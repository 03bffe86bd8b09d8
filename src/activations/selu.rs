//! Scaled exponential linear unit (Klambauer et al., 2017).

use super::Elementwise;
use crate::float::Float;

const ALPHA: f64 = 1.6732632423543772848170429916717;
const SCALE: f64 = 1.0507009873554804934193349852946;

/// φ(z) = λz for z > 0, λα(eᶻ − 1) elsewhere; λ and α make (mean 0, variance 1) a fixed point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selu;

impl Elementwise for Selu {
    const KIND: &'static str = "selu";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        if z > F::ZERO {
            F::of(SCALE) * z
        } else {
            F::of(SCALE * ALPHA) * z.at_most(F::ZERO).exp_m1()
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO {
            F::of(SCALE)
        } else {
            y + F::of(SCALE * ALPHA)
        }
    }
}
