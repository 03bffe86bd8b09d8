//! The exponential function.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = eᶻ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exponential;

impl Elementwise for Exponential {
    const KIND: &'static str = "exponential";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.exp()
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        y
    }
}
