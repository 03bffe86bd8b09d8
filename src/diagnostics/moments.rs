//! Moments of each unit over a batch.

use super::{COLUMNS, PARALLEL_FROM};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// One unit over a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Unit {
    /// Mean.
    pub mean: f64,
    /// Variance about it (divided by the number of rows).
    pub variance: f64,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// Rows at which it is exactly zero.
    pub zeros: f64,
}

/// The moments of each of the `width` columns of `x`, which has at least one row; NaN where a column has one.
///
/// One pass, accurate for means far larger than the spread: deviations are taken from the first row.
pub fn moments<F: Float>(threads: Threads, width: usize, x: &[F]) -> Vec<Unit> {
    let mut units = vec![Unit::default(); width];
    let threads = threads.for_work(x.len(), PARALLEL_FROM);
    parallel::for_each_chunk(threads, &mut units, COLUMNS, |block, units| {
        column_moments(width, block * COLUMNS, x, units);
    });
    units
}

kernel! {
    fn column_moments<F: Float>(width: usize, first: usize, x: &[F], units: &mut [Unit]) {
        let columns = first..first + units.len();
        let mut pivot = [0.0; COLUMNS];
        for (pivot, x) in pivot.iter_mut().zip(&x[columns.clone()]) {
            *pivot = x.wide();
        }
        let (mut sum, mut squares, mut zeros) = ([0.0; COLUMNS], [0.0; COLUMNS], [0.0; COLUMNS]);
        let (mut minimum, mut maximum) = (pivot, pivot);
        for row in x.chunks_exact(width) {
            for (j, x) in row[columns.clone()].iter().enumerate() {
                let x = x.wide();
                let deviation = x - pivot[j];
                sum[j] += deviation;
                squares[j] += deviation * deviation;
                minimum[j] = if x < minimum[j] { x } else { minimum[j] };
                maximum[j] = if x > maximum[j] { x } else { maximum[j] };
                zeros[j] += if x == 0.0 { 1.0 } else { 0.0 };
            }
        }
        let rows = (x.len() / width) as f64;
        for (j, unit) in units.iter_mut().enumerate() {
            let shift = sum[j] / rows;
            *unit = Unit {
                mean: pivot[j] + shift,
                // Not below 0 by rounding; NaN stays NaN.
                variance: (squares[j] / rows - shift * shift).at_least(0.0),
                minimum: minimum[j],
                maximum: maximum[j],
                zeros: zeros[j],
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mean_does_not_cancel_the_variance() {
        // Column j is 1e6 + j ± 0.5, in turn.
        let (rows, width) = (1000, 70);
        let x: Vec<f32> = (0..rows * width)
            .map(|i| 1e6 + (i % width) as f32 + if (i / width) % 2 == 0 { 0.5 } else { -0.5 })
            .collect();
        let units = moments(Threads::ONE, width, &x);
        for (j, unit) in units.iter().enumerate() {
            assert_eq!(unit.mean, 1e6 + j as f64);
            assert_eq!(unit.variance, 0.25);
            assert_eq!(
                (unit.minimum, unit.maximum),
                (unit.mean - 0.5, unit.mean + 0.5)
            );
            assert_eq!(unit.zeros, 0.0);
        }
        assert_eq!(units, moments(Threads::new(3).unwrap(), width, &x));
    }

    #[test]
    fn zeros_are_counted_and_nan_is_not_hidden() {
        let x = [0.0, 1.0, f64::NAN, -0.0, 1.0, 2.0];
        let units = moments(Threads::ONE, 3, &x);
        assert_eq!((units[0].zeros, units[1].zeros), (2.0, 0.0));
        assert_eq!(units[1].variance, 0.0);
        assert!(units[2].mean.is_nan() && units[2].variance.is_nan());
    }
}
