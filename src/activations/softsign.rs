//! Softsign.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = z / (1 + |z|).
#[derive(Debug, Clone, Copy)]
pub(super) struct Softsign;

impl Elementwise for Softsign {
    const KIND: &'static str = "softsign";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let z = z.bounded();
        z / (F::ONE + z.abs())
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        // 1 / (1 + |z|)² = (1 − |y|)²
        let s = F::ONE - y.abs();
        s * s
    }
}
