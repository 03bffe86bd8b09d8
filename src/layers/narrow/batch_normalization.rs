//! Batch normalization of columns: the sums and passes, a column after the other.

use super::columns::sum_of;
use crate::float::Float;
use crate::layers::batch_normalization::{Cache, NOTES};
use crate::layers::{BatchNormalization, Function, Gradients, Inputs, Needs, Pass, State};
use crate::simd::kernel;

/// [`BatchNormalization`] of column-major batches.
#[derive(Debug)]
pub(crate) struct NarrowBatchNormalization(pub(crate) BatchNormalization);

impl<F: Float> Function<F> for NarrowBatchNormalization {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        Function::<F>::output_width(&self.0, inputs)
    }

    fn cache_len(&self, _: usize) -> usize {
        self.0.width * NOTES
    }

    fn needs(&self) -> Needs {
        Function::<F>::needs(&self.0)
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        state: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (x, mut cache) = (x.get(0), Cache::of(cache, self.0.width));
        if matches!(state, State::Updating(_)) {
            moments(pass.rows, x, cache.pivot, cache.mean, cache.variance);
        }
        self.0
            .scale_and_shift(pass.rows, parameters, state, &mut cache);
        normalize(pass.rows, x, cache.pivot, cache.scale, cache.shift, y);
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let (x, mut cache) = (x.get(0), Cache::of(cache, self.0.width));
        let c = &mut cache;
        gradients(
            pass.rows,
            x,
            dy,
            c.pivot,
            c.mean,
            c.inverse_std,
            c.dbeta,
            c.dgamma,
        );
        self.0.parameter_gradients(pass, c, dparameters);
        if let Some(dx) = dx.get(0) {
            input_gradient(
                pass.rows, x, dy, c.pivot, c.mean, c.scale, c.dbeta, c.dgamma, dx,
            );
        }
    }
}

kernel! {
    /// Mean of x − pivot and biased variance of each column, with its first element as the pivot.
    fn moments<F: Float>(samples: usize, x: &[F], pivot: &mut [F], mean: &mut [F], variance: &mut [F]) {
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
    fn normalize<F: Float>(samples: usize, x: &[F], pivot: &[F], scale: &[F], shift: &[F], y: &mut [F]) {
        for (j, (x, y)) in x.chunks_exact(samples).zip(y.chunks_exact_mut(samples)).enumerate() {
            let (pivot, scale, shift) = (pivot[j], scale[j], shift[j]);
            for (&x, y) in x.iter().zip(y) {
                *y = (x - pivot) * scale + shift;
            }
        }
    }

    /// dβ = Σ dy and dγ = Σ dy·x̂.
    fn gradients<F: Float>(
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
    fn input_gradient<F: Float>(
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
