//! Softplus, the smooth rectifier.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = ln(1 + eᶻ).
#[derive(Debug, Clone, Copy)]
pub(super) struct Softplus;

impl Elementwise for Softplus {
    const KIND: &'static str = "softplus";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.softplus()
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        // σ(z) = 1 − e⁻ʸ
        -(-y).exp_m1()
    }
}
