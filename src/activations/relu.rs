//! Rectified linear unit.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = max(z, 0), with φ′(0) = 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relu;

impl Elementwise for Relu {
    const KIND: &'static str = "relu";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.at_least(F::ZERO)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO { F::ONE } else { F::ZERO }
    }
}
