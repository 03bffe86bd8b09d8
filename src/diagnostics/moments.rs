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

/// All elements of a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whole {
    /// Mean.
    pub mean: f64,
    /// Variance about it (divided by the number of elements).
    pub variance: f64,
    /// Mean square.
    pub second_moment: f64,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// Share of elements that are exactly zero.
    pub zeros: f64,
}

impl Whole {
    /// Put units, of which there is one, together again; each has been seen at `rows` rows.
    pub fn of(units: &[Unit], rows: usize) -> Self {
        let count = units.len() as f64;
        let mean_of = |f: &dyn Fn(&Unit) -> f64| units.iter().map(f).sum::<f64>() / count;
        let mean = mean_of(&|unit| unit.mean);
        Self {
            mean,
            // Within the units, and between them.
            variance: mean_of(&|unit| unit.variance)
                + mean_of(&|unit| (unit.mean - mean) * (unit.mean - mean)),
            second_moment: mean_of(&|unit| unit.variance + unit.mean * unit.mean),
            minimum: extreme(units.iter().map(|unit| unit.minimum), |a, b| a < b),
            maximum: extreme(units.iter().map(|unit| unit.maximum), |a, b| a > b),
            zeros: mean_of(&|unit| unit.zeros) / rows as f64,
        }
    }
}

/// The one that is beyond all others; NaN if one is.
fn extreme(values: impl Iterator<Item = f64>, beyond: fn(f64, f64) -> bool) -> f64 {
    let further = |a: f64, b: f64| if beyond(b, a) || b.is_nan() { b } else { a };
    values.reduce(further).unwrap_or(f64::NAN)
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

/// What has been seen of some neighbouring columns; deviations are from `pivot`, their first row.
struct Seen {
    pivot: [f64; COLUMNS],
    sum: [f64; COLUMNS],
    squares: [f64; COLUMNS],
    minimum: [f64; COLUMNS],
    maximum: [f64; COLUMNS],
    zeros: [f64; COLUMNS],
}

impl Seen {
    #[inline(always)]
    fn from<F: Float>(first: &[F]) -> Self {
        let mut pivot = [0.0; COLUMNS];
        for (pivot, x) in pivot.iter_mut().zip(first) {
            *pivot = x.wide();
        }
        let zero = [0.0; COLUMNS];
        Self {
            pivot,
            sum: zero,
            squares: zero,
            minimum: pivot,
            maximum: pivot,
            zeros: zero,
        }
    }

    /// Take in `R` rows, in their order: sums are fetched and put back once for all of them.
    #[inline(always)]
    fn add<F: Float, const R: usize>(&mut self, rows: [&[F]; R]) {
        let width = rows[0].len();
        assert!(width <= COLUMNS && rows.iter().all(|row| row.len() == width));
        for j in 0..width {
            let (mut sum, mut squares, mut zeros) = (self.sum[j], self.squares[j], self.zeros[j]);
            let (mut minimum, mut maximum) = (self.minimum[j], self.maximum[j]);
            for row in rows {
                let x = row[j].wide();
                let deviation = x - self.pivot[j];
                sum += deviation;
                squares += deviation * deviation;
                minimum = if x < minimum { x } else { minimum };
                maximum = if x > maximum { x } else { maximum };
                zeros += if x == 0.0 { 1.0 } else { 0.0 };
            }
            (self.sum[j], self.squares[j], self.zeros[j]) = (sum, squares, zeros);
            (self.minimum[j], self.maximum[j]) = (minimum, maximum);
        }
    }

    fn unit(&self, j: usize, rows: f64) -> Unit {
        let shift = self.sum[j] / rows;
        Unit {
            mean: self.pivot[j] + shift,
            // Not below 0 by rounding; NaN stays NaN.
            variance: (self.squares[j] / rows - shift * shift).at_least(0.0),
            minimum: self.minimum[j],
            maximum: self.maximum[j],
            zeros: self.zeros[j],
        }
    }
}

kernel! {
    fn column_moments<F: Float>(width: usize, first: usize, x: &[F], units: &mut [Unit]) {
        let columns = units.len();
        let mut seen = Seen::from(&x[first..][..columns]);
        let fours = x.chunks_exact(4 * width);
        let rest = fours.remainder();
        for rows in fours {
            seen.add::<F, 4>(std::array::from_fn(|r| &rows[r * width + first..][..columns]));
        }
        for row in rest.chunks_exact(width) {
            seen.add([&row[first..][..columns]]);
        }
        let rows = (x.len() / width) as f64;
        for (j, unit) in units.iter_mut().enumerate() {
            *unit = seen.unit(j, rows);
        }
    }
}

kernel! {
    /// Σ x².
    pub fn sum_of_squares<F: Float>(x: &[F]) -> f64 {
        // Independent sums, for vectors and for the latency of an addition.
        const LANES: usize = 32;
        let mut sums = [0.0; LANES];
        let whole = x.chunks_exact(LANES);
        let rest = whole.remainder();
        for x in whole {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += x.wide() * x.wide();
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += x.wide() * x.wide();
        }
        sums.iter().sum()
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
    fn the_whole_is_within_and_between_units() {
        let x = [3.0, 0.0, 5.0, 4.0];
        let whole = Whole::of(&moments(Threads::ONE, 2, &x), 2);
        let expected = Whole {
            mean: 3.0,
            variance: 3.5,
            second_moment: 12.5,
            minimum: 0.0,
            maximum: 5.0,
            zeros: 0.25,
        };
        assert_eq!(whole, expected);
        assert!(
            Whole::of(&moments(Threads::ONE, 2, &[f64::NAN, 1.0]), 1)
                .mean
                .is_nan()
        );
    }

    #[test]
    fn extremes_of_the_whole_do_not_pass_over_nan() {
        let x = [1.0, f64::NAN, 2.0, 3.0];
        let whole = Whole::of(&moments(Threads::ONE, 2, &x), 2);
        assert!(whole.minimum.is_nan() && whole.maximum.is_nan());
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
