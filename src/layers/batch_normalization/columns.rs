//! The sums and passes over a column-major batch, a column after the other.

use crate::columns::sum_of;
use crate::float::Float;
use crate::simd::kernel;

kernel! {
    /// Mean of x − pivot and biased variance of each column, with its first element as the pivot.
    pub(super) fn moments<F: Float>(samples: usize, x: &[F], pivot: &mut [F], mean: &mut [F], variance: &mut [F]) {
        let count = F::of(samples as f64);
        for (j, x) in x.chunks_exact(samples).enumerate() {
            let first = x[0];
            let average = sum_of([x], |[x]| x - first) / count;
            let squares = sum_of([x], |[x]| {
                let centred = (x - first) - average;
                centred * centred
            });
            (pivot[j], mean[j], variance[j]) = (first, average, squares / count);
        }
    }

    /// y = (x − pivot)·scale + shift.
    pub(super) fn normalize<F: Float>(samples: usize, x: &[F], pivot: &[F], scale: &[F], shift: &[F], y: &mut [F]) {
        for (j, (x, y)) in x.chunks_exact(samples).zip(y.chunks_exact_mut(samples)).enumerate() {
            let (pivot, scale, shift) = (pivot[j], scale[j], shift[j]);
            for (&x, y) in x.iter().zip(y) {
                *y = (x - pivot) * scale + shift;
            }
        }
    }

    /// dβ = Σ dy and dγ = Σ dy·x̂.
    pub(super) fn gradients<F: Float>(
        samples: usize, x: &[F], dy: &[F], pivot: &[F], mean: &[F], inverse_std: &[F],
        dbeta: &mut [F], dgamma: &mut [F],
    ) {
        for (j, (x, dy)) in x.chunks_exact(samples).zip(dy.chunks_exact(samples)).enumerate() {
            let (pivot, mean) = (pivot[j], mean[j]);
            dbeta[j] = sum_of([dy], |[dy]| dy);
            dgamma[j] = sum_of([x, dy], |[x, dy]| dy * ((x - pivot) - mean)) * inverse_std[j];
        }
    }

    /// dx = scale · (dy − offset − (x − μ)·tilt).
    pub(super) fn input_gradient<F: Float>(
        samples: usize, x: &[F], dy: &[F], pivot: &[F], mean: &[F], scale: &[F], offset: &[F], tilt: &[F], dx: &mut [F],
    ) {
        let columns = x.chunks_exact(samples).zip(dy.chunks_exact(samples));
        for (j, ((x, dy), dx)) in columns.zip(dx.chunks_exact_mut(samples)).enumerate() {
            let (pivot, mean, scale, offset, tilt) = (pivot[j], mean[j], scale[j], offset[j], tilt[j]);
            for ((&x, &dy), dx) in x.iter().zip(dy).zip(dx) {
                let centred = (x - pivot) - mean;
                *dx = scale * (dy - offset - centred * tilt);
            }
        }
    }
}
