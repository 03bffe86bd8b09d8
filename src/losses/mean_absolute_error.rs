//! Mean absolute error.

use super::RowLoss;
use crate::float::Float;

/// L = mean over outputs of |y − t|; dL/dy = sign(y − t) / width, 0 where they are equal.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeanAbsoluteError;

impl RowLoss for MeanAbsoluteError {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let width = F::of(outputs.len() as f64);
        let mut sum = F::ZERO;
        for (j, y) in outputs.iter_mut().enumerate() {
            let error = *y - target(j);
            sum += error.abs();
            let sign = if error > F::ZERO {
                F::ONE
            } else if error < F::ZERO {
                -F::ONE
            } else {
                // 0, and NaN for NaN.
                error
            };
            *y = sign / width;
        }
        sum / width
    }
}
