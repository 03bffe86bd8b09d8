//! Functions of several values.

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::float::Float;
use crate::simd::kernel;

/// y = x₀ + x₁ + …
#[derive(Debug, Clone, Copy)]
pub struct Add;

impl<F: Float> Function<F> for Add {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let (&first, others) = inputs.split_first()?;
        others.iter().all(|&width| width == first).then_some(first)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        y.copy_from_slice(x.get(0));
        for i in 1..x.count() {
            add(x.get(i), y);
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        for i in 0..x.count() {
            if let Some(dx) = dx.get(i) {
                dx.copy_from_slice(dy);
            }
        }
    }
}

/// The rows of all inputs, of these widths, side by side.
#[derive(Debug, Clone)]
pub struct Concatenate {
    /// Width of each input's rows.
    pub widths: Vec<usize>,
}

impl Concatenate {
    /// (Number, columns of the output) of each input.
    fn parts(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let mut end = 0;
        self.widths.iter().enumerate().map(move |(i, &width)| {
            end += width;
            (i, end - width..end)
        })
    }
}

impl<F: Float> Function<F> for Concatenate {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (!inputs.is_empty() && inputs == self.widths).then(|| inputs.iter().sum())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let width = y.len() / pass.rows;
        for (i, columns) in self.parts() {
            let rows = x.get(i).chunks_exact(columns.len());
            for (y, x) in y.chunks_exact_mut(width).zip(rows) {
                y[columns.clone()].copy_from_slice(x);
            }
        }
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let width = dy.len() / pass.rows;
        for (i, columns) in self.parts() {
            let Some(dx) = dx.get(i) else { continue };
            let rows = dx.chunks_exact_mut(columns.len());
            for (dx, dy) in rows.zip(dy.chunks_exact(width)) {
                dx.copy_from_slice(&dy[columns.clone()]);
            }
        }
    }
}

kernel! {
    /// sum ← sum + x.
    pub(crate) fn add<F: Float>(x: &[F], sum: &mut [F]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum += x;
        }
    }
}
