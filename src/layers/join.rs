//! Functions that put values together, or take parts of them.

use std::ops::Range;

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::float::Float;
use crate::simd::kernel;

/// The rows of all inputs, of these widths, side by side.
#[derive(Debug, Clone)]
pub struct Concatenate {
    /// Width of each input's rows.
    pub widths: Vec<usize>,
}

impl Concatenate {
    /// (Number, columns of the output) of each input.
    fn parts(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
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

/// Parts of each row, one after the other, and all of it so many times: a part alone, a row again and again, or in another
/// order.
#[derive(Debug, Clone)]
pub(crate) struct Take {
    /// Width of the rows that come in.
    pub(crate) width: usize,
    /// The parts.
    pub(crate) parts: Vec<Range<usize>>,
    /// How many times.
    pub(crate) times: usize,
}

impl Take {
    /// Width of the parts.
    fn len(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }
}

impl<F: Float> Function<F> for Take {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let len = self.len().checked_mul(self.times)?;
        (inputs == [self.width]).then_some(len)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let len = self.len();
        let rows = x.get(0).chunks_exact(self.width);
        for (y, x) in y.chunks_exact_mut(len * self.times).zip(rows) {
            for mut y in y.chunks_exact_mut(len) {
                for part in &self.parts {
                    let (here, rest) = y.split_at_mut(part.len());
                    here.copy_from_slice(&x[part.clone()]);
                    y = rest;
                }
            }
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        dx.fill(F::ZERO);
        let len = self.len();
        let rows = dx.chunks_exact_mut(self.width);
        for (dx, dy) in rows.zip(dy.chunks_exact(len * self.times)) {
            for mut dy in dy.chunks_exact(len) {
                for part in &self.parts {
                    let (here, rest) = dy.split_at(part.len());
                    add(here, &mut dx[part.clone()]);
                    dy = rest;
                }
            }
        }
    }
}

/// y = x₀ · x₁, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot;

impl<F: Float> Function<F> for Dot {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs.len() == 2 && inputs[0] == inputs[1]).then_some(1)
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let (a, b) = (x.get(0), x.get(1));
        let width = a.len() / pass.rows;
        let rows = a.chunks_exact(width).zip(b.chunks_exact(width));
        for (y, (a, b)) in y.iter_mut().zip(rows) {
            let terms = a.iter().zip(b);
            *y = terms.fold(F::ZERO, |sum, (&a, &b)| sum + a * b);
        }
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        for i in 0..2 {
            let (other, Some(dx)) = (x.get(1 - i), dx.get(i)) else {
                continue;
            };
            let width = other.len() / pass.rows;
            let rows = dx.chunks_exact_mut(width).zip(other.chunks_exact(width));
            for ((dx, other), &dy) in rows.zip(dy) {
                for (dx, &other) in dx.iter_mut().zip(other) {
                    *dx = dy * other;
                }
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
