//! Sigmoid linear unit, also called swish.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = z σ(z).
#[derive(Debug, Clone, Copy)]
pub(super) struct Silu;

impl Elementwise for Silu {
    const KIND: &'static str = "silu";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        // −∞ · 0 is 0 here.
        z.at_least(-F::LARGEST) * z.sigmoid()
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, y: F) -> F {
        // σ + zσ(1 − σ) = σ + y(1 − σ)
        let s = z.sigmoid();
        s + y.bounded() * (F::ONE - s)
    }
}
