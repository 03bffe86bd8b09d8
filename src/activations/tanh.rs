//! Hyperbolic tangent.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = tanh z.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tanh;

impl Elementwise for Tanh {
    const KIND: &'static str = "tanh";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.tanh()
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        F::ONE - y * y
    }
}
