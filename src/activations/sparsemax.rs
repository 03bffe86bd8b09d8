//! Sparsemax over the last axis (Martins & Astudillo, 2016): the nearest probabilities, some of which are 0.

use super::softmax::{max_of_row, take_limit};
use super::{Activation, add_bias, chunk_of_rows};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// yⱼ = max(zⱼ − τ, 0) in each row, with the τ that makes their sum 1; its limit where one z is infinite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sparsemax;

impl<F: Float> Activation<F> for Sparsemax {
    fn kind(&self) -> &'static str {
        "sparsemax"
    }

    fn keeps_input(&self) -> bool {
        false
    }

    fn is_elementwise(&self) -> bool {
        false
    }

    fn forward(&self, threads: Threads, width: usize, bias: &[F], y: &mut [F], _kept: &mut [F]) {
        parallel::for_each_chunk(threads, y, chunk_of_rows(width), |_, y| {
            add_bias(bias, y);
            sparsemax(width, y);
        });
    }

    fn backward(&self, threads: Threads, width: usize, y: &[F], _kept: &[F], dy: &mut [F]) {
        let size = chunk_of_rows(width);
        parallel::for_each_chunk(threads, dy, size, |i, dy| {
            sparsemax_backward(width, &y[i * size..i * size + dy.len()], dy);
        });
    }
}

kernel! {
    fn sparsemax<F: Float>(width: usize, y: &mut [F]) {
        for row in y.chunks_exact_mut(width) {
            let max = take_limit(max_of_row(row), row);
            for z in row.iter_mut() {
                *z -= max;
            }
            let tau = find_threshold(row);
            for z in row {
                *z = (*z - tau).at_least(F::ZERO);
            }
        }
    }

    /// dzⱼ = dyⱼ less the mean of dy over all k with yₖ > 0, where yⱼ > 0; else 0.
    fn sparsemax_backward<F: Float>(width: usize, y: &[F], dy: &mut [F]) {
        for (y, dy) in y.chunks_exact(width).zip(dy.chunks_exact_mut(width)) {
            let (mut sum, mut count) = (F::ZERO, F::ZERO);
            for (&y, &dy) in y.iter().zip(dy.iter()) {
                if y > F::ZERO {
                    sum += dy;
                    count += F::ONE;
                }
            }
            let mean = sum / count;
            for (&y, dy) in y.iter().zip(dy) {
                *dy = if y > F::ZERO { *dy - mean } else { F::ZERO };
            }
        }
    }
}

/// τ of a row whose largest element is 0 (Michelot, 1986): the numbers above it are those of the sum; it only rises, and fewer
/// are above, until it stays.
#[inline(always)]
fn find_threshold<F: Float>(row: &[F]) -> F {
    // Nothing below −1 has a part: the largest alone would have 1.
    let (mut tau, mut before) = (-F::ONE, F::ZERO);
    loop {
        let (mut sum, mut count) = (F::ZERO, F::ZERO);
        for &z in row {
            if z > tau {
                sum += z;
                count += F::ONE;
            }
        }
        if count == before || count == F::ZERO {
            return tau;
        }
        (tau, before) = ((sum - F::ONE) / count, count);
    }
}
