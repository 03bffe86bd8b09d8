//! Logistic sigmoid.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = 1 / (1 + e⁻ᶻ).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sigmoid;

impl Elementwise for Sigmoid {
    const KIND: &'static str = "sigmoid";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.sigmoid()
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        y * (F::ONE - y)
    }
}
