//! The logarithm of softmax over the last axis.

use super::softmax::{max_of_row, sum_of_exponentials, take_limit};
use super::{Activation, add_bias, chunk_of_rows};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// yⱼ = (zⱼ − max z) − ln Σₖ e^(zₖ − max z) in each row; its limit where one z is infinite.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSoftmax;

impl<F: Float> Activation<F> for LogSoftmax {
    fn kind(&self) -> &'static str {
        "log_softmax"
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
            log_softmax(width, y);
        });
    }

    fn backward(&self, threads: Threads, width: usize, y: &[F], _kept: &[F], dy: &mut [F]) {
        let size = chunk_of_rows(width);
        parallel::for_each_chunk(threads, dy, size, |i, dy| {
            log_softmax_backward(width, &y[i * size..i * size + dy.len()], dy);
        });
    }
}

kernel! {
    fn log_softmax<F: Float>(width: usize, y: &mut [F]) {
        for row in y.chunks_exact_mut(width) {
            let max = take_limit(max_of_row(row), row);
            let log = sum_of_exponentials(row, max).ln();
            for z in row {
                *z = (*z - max) - log;
            }
        }
    }

    /// dzⱼ = dyⱼ − e^(yⱼ) Σₖ dyₖ.
    fn log_softmax_backward<F: Float>(width: usize, y: &[F], dy: &mut [F]) {
        for (y, dy) in y.chunks_exact(width).zip(dy.chunks_exact_mut(width)) {
            let mut sum = F::ZERO;
            for &dy in dy.iter() {
                sum += dy;
            }
            for (&y, dy) in y.iter().zip(dy) {
                *dy -= y.exp() * sum;
            }
        }
    }
}
