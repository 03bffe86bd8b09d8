//! No number below 0.

use super::Constraint;
use crate::float::Float;
use crate::simd::kernel;

/// w ← max(w, 0).
#[derive(Debug, Clone, Copy)]
pub(super) struct NonNegative;

impl<F: Float> Constraint<F> for NonNegative {
    fn apply(&self, w: &mut [F], _: &mut [f64]) {
        cut(w);
    }
}

kernel! {
    fn cut<F: Float>(w: &mut [F]) {
        for w in w {
            *w = w.at_least(F::ZERO);
        }
    }
}
