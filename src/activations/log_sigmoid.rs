//! The logarithm of the logistic sigmoid.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = ln σ(z) = −ln(1 + e⁻ᶻ).
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSigmoid;

impl Elementwise for LogSigmoid {
    const KIND: &'static str = "log_sigmoid";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        -(-z).softplus()
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        (-z).sigmoid()
    }
}
