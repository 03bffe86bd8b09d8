//! How many directions a batch of signals uses.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::{PARALLEL_FROM, moments, sum_of_squares};
use crate::error::Result;
use crate::float::Float;
use crate::linalg::inner_products;
use crate::memory::{Buffer, zeros};
use crate::parallel::Threads;
use crate::simd::kernel;

/// (Σλ)² / Σλ² for the eigenvalues λ of the units' covariance: from 1 (all on a line) to the smaller of units and
/// rows − 1 (equal in all directions); 0 where nothing varies.
///
/// The sum of the squared eigenvalues is the squared Frobenius norm, so none is ever computed, and the rows' Gram
/// matrix has the same ones as the units' covariance: the smaller of the two is formed.
pub fn participation_ratio<F: Float>(threads: Threads, width: usize, x: &[F]) -> Result<f64> {
    let threads = threads.for_work(x.len(), PARALLEL_FROM);
    let rows = x.len() / width;
    let units = moments(threads, width, x);
    let total: f64 = units.iter().map(|unit| unit.variance).sum();
    if !(total > 0.0) {
        return Ok(if total == 0.0 { 0.0 } else { f64::NAN });
    }
    // Scaled to a mean variance of 1: squares neither overflow nor vanish in single precision.
    let scale = F::of((width as f64 / total).sqrt());
    let mut centred: Buffer<F> = zeros(x.len())?;
    let means: Vec<f64> = units.iter().map(|unit| unit.mean).collect();
    centre(x, &means, scale, &mut centred);
    let centred = ArrayView2::from_shape((rows, width), &centred).expect("whole rows");
    let size = rows.min(width);
    let mut gram: Buffer<F> = zeros(size * size)?;
    let out = ArrayViewMut2::from_shape((size, size), &mut gram).expect("a square");
    let vectors = if rows < width {
        centred
    } else {
        centred.reversed_axes()
    };
    inner_products(threads, vectors, out);
    let (mut trace, mut squares) = (0.0, 0.0);
    for (i, row) in gram.chunks_exact(size).enumerate() {
        let own = row[i].wide();
        trace += own;
        squares += own * own + 2.0 * sum_of_squares(&row[i + 1..]);
    }
    Ok(trace * trace / squares)
}

kernel! {
    fn centre<F: Float>(x: &[F], means: &[f64], scale: F, centred: &mut [F]) {
        let width = means.len();
        for (to, from) in centred.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            for ((to, &x), &mean) in to.iter_mut().zip(from).zip(means) {
                *to = F::of(x.wide() - mean) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(width: usize, x: &[f64]) -> f64 {
        participation_ratio(Threads::ONE, width, x).unwrap()
    }

    #[test]
    fn equal_directions_count_each_and_a_line_counts_once() {
        // Three orthogonal directions of equal variance, six rows; then the same with a shifted mean.
        let axes = [
            1., 0., 0., -1., 0., 0., 0., 1., 0., 0., -1., 0., 0., 0., 1., 0., 0., -1.,
        ];
        assert!((ratio(3, &axes) - 3.0).abs() < 1e-12);
        let shifted: Vec<_> = axes.iter().map(|x| x + 1e6).collect();
        assert!((ratio(3, &shifted) - 3.0).abs() < 1e-6);
        assert!((ratio(2, &[1.0, 2.0, 2.0, 4.0, 3.0, 6.0]) - 1.0).abs() < 1e-12);
        // More units than rows.
        assert!((ratio(4, &[1., 0., 0., 0., -1., 0., 0., 0.]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_varies_or_everything_overflows() {
        assert_eq!(ratio(2, &[5.0; 8]), 0.0);
        assert!(ratio(1, &[f64::INFINITY, 1.0]).is_nan());
        let tiny: Vec<f32> = (0..64).map(|i| (i % 7) as f32 * 1e-30).collect();
        let found = participation_ratio(Threads::ONE, 8, &tiny).unwrap();
        assert!(found.is_finite() && found >= 1.0, "{found}");
    }
}
