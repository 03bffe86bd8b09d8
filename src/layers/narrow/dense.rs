//! The fully connected layer on columns.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::columns;
use crate::activations::Activation;
use crate::float::Float;
use crate::layers::{Function, Gradients, Inputs, Needs, Pass, Product, State};
use crate::parallel::Threads;

/// y = φ(x W + b) in one: on short rows a call costs as much as the arithmetic.
#[derive(Debug)]
pub(crate) struct NarrowDense<F: Float> {
    pub(crate) product: Product,
    pub(crate) activation: Arc<dyn Activation<F>>,
}

impl<F: Float> NarrowDense<F> {
    /// W and b in the flat parameters; b is empty where there is none.
    fn split<'a>(&self, parameters: &'a [F]) -> (ArrayView2<'a, F>, &'a [F]) {
        let Product { fan_in, fan_out } = self.product;
        let (w, b) = parameters.split_at(self.product.size());
        let w = ArrayView2::from_shape((fan_in, fan_out), w).expect("a kernel");
        (w, b)
    }

    /// What is kept of z for backward, and room for dz.
    fn cache<'a>(&self, rows: usize, cache: &'a mut [F]) -> (&'a mut [F], &'a mut [F]) {
        let kept = cache.len().saturating_sub(rows * self.product.fan_out);
        cache.split_at_mut(kept)
    }
}

impl<F: Float> Function<F> for NarrowDense<F> {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        Function::<F>::output_width(&self.product, inputs)
    }

    fn cache_len(&self, rows: usize) -> usize {
        let parts = [
            self.activation.keeps_input(),
            !self.activation.is_identity(),
        ];
        rows * self.product.fan_out * parts.into_iter().filter(|&part| part).count()
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: !self.activation.is_identity(),
        }
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        _: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (w, b) = self.split(parameters);
        columns::combine(pass.rows, x.get(0), w, y);
        let (mut kept, _) = self.cache(pass.rows, cache);
        for (j, y) in y.chunks_exact_mut(pass.rows).enumerate() {
            let kept = kept.split_off_mut(..y.len().min(kept.len()));
            let b = if b.is_empty() { b } else { &b[j..=j] };
            self.activation
                .forward(Threads::ONE, 1, b, y, kept.unwrap_or_default());
        }
    }

    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: Inputs<F>,
        y: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let (w, _) = self.split(parameters);
        let (kept, dz) = self.cache(pass.rows, cache);
        let dz = if self.activation.is_identity() {
            dy
        } else {
            dz.copy_from_slice(dy);
            self.activation.backward(Threads::ONE, 1, y, kept, dz);
            dz
        };
        if !dparameters.is_empty() {
            let (dw, db) = dparameters.split_at_mut(w.len());
            columns::products(pass.rows, x.get(0), dz, dw);
            columns::sums(pass.rows, dz, db);
        }
        if let Some(dx) = dx.get(0) {
            columns::combine(pass.rows, dz, w.reversed_axes(), dx);
        }
    }
}
