//! Softmax over the last axis.

use super::{Activation, add_bias, chunk_of_rows};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// yⱼ = e^(zⱼ − max z) / Σₖ e^(zₖ − max z) in each row; its limit where one z is infinite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Softmax;

impl<F: Float> Activation<F> for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
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
            softmax(width, y);
        });
    }

    fn backward(&self, threads: Threads, width: usize, y: &[F], _kept: &[F], dy: &mut [F]) {
        let size = chunk_of_rows(width);
        parallel::for_each_chunk(threads, dy, size, |i, dy| {
            softmax_backward(width, &y[i * size..i * size + dy.len()], dy);
        });
    }
}

kernel! {
    fn softmax<F: Float>(width: usize, y: &mut [F]) {
        for row in y.chunks_exact_mut(width) {
            let max = take_limit(max_of_row(row), row);
            softmax_row(row, max);
        }
    }

    /// dzⱼ = yⱼ (dyⱼ − Σₖ yₖ dyₖ).
    fn softmax_backward<F: Float>(width: usize, y: &[F], dy: &mut [F]) {
        for (y, dy) in y.chunks_exact(width).zip(dy.chunks_exact_mut(width)) {
            let mut mean = F::ZERO;
            for (&y, &dy) in y.iter().zip(dy.iter()) {
                mean += y * dy;
            }
            for (&y, dy) in y.iter().zip(dy) {
                *dy = y * (*dy - mean);
            }
        }
    }
}

/// The largest element of a row.
#[inline(always)]
pub(crate) fn max_of_row<F: Float>(row: &[F]) -> F {
    let mut max = row[0];
    for &z in row {
        max = if z > max { z } else { max };
    }
    max
}

/// The number that a row with the largest element `max` is counted from: `max`, or 0 where that is infinite and the row
/// has been replaced by its limit.
#[inline(always)]
pub(crate) fn take_limit<F: Float>(max: F, row: &mut [F]) -> F {
    if max.abs() > F::LARGEST {
        count_from_infinity(max, row);
        return F::ZERO;
    }
    max
}

/// What the elements of a row are below its only infinity, `max`, which becomes 0. Of several nobody knows which is the
/// largest: NaN.
#[cold]
fn count_from_infinity<F: Float>(max: F, row: &mut [F]) {
    let several = row.iter().filter(|&&z| z == max).count() > 1;
    for z in row {
        // ∞ − ∞ is NaN, as is NaN − ∞.
        *z = if *z == max && !several {
            F::ZERO
        } else {
            *z - max
        };
    }
}

/// Elements whose exponentials are computed together: a whole vector even where a row is shorter.
const LANES: usize = 16;

/// Σ e^(z − max) of a row, in the order of [`softmax_row`].
#[inline(always)]
pub(super) fn sum_of_exponentials<F: Float>(row: &[F], max: F) -> F {
    let mut sum = F::ZERO;
    for chunk in row.chunks(LANES) {
        let mut lanes = [max; LANES];
        lanes[..chunk.len()].copy_from_slice(chunk);
        for lane in &mut lanes {
            *lane = (*lane - max).exp();
        }
        for &e in &lanes[..chunk.len()] {
            sum += e;
        }
    }
    sum
}

/// Softmax of a row in place, given its largest element; returns Σ e^(z − max).
#[inline(always)]
pub(crate) fn softmax_row<F: Float>(row: &mut [F], max: F) -> F {
    let mut sum = F::ZERO;
    for chunk in row.chunks_mut(LANES) {
        // What is past the end of the row becomes e⁰ and is not looked at.
        let mut lanes = [max; LANES];
        lanes[..chunk.len()].copy_from_slice(chunk);
        for lane in &mut lanes {
            *lane = (*lane - max).exp();
        }
        chunk.copy_from_slice(&lanes[..chunk.len()]);
        for &e in &*chunk {
            sum += e;
        }
    }
    let scale = F::ONE / sum;
    for z in row {
        *z *= scale;
    }
    sum
}
