//! Mean squared error.

use super::RowLoss;
use crate::float::Float;

/// L = mean over outputs of (y − t)²; dL/dy = 2(y − t) / width.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeanSquaredError;

impl RowLoss for MeanSquaredError {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let width = F::of(outputs.len() as f64);
        let mut sum = F::ZERO;
        for (j, y) in outputs.iter_mut().enumerate() {
            let error = *y - target(j);
            sum += error * error;
            *y = (error + error) / width;
        }
        sum / width
    }
}
