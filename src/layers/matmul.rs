//! Products of matrices in samples, and of samples with constant matrices.

use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use super::shapes::Shaped;
use super::{Function, Gradients, Inputs, Needs, Pass, State, broadcast, combine};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::linalg::matmul;
use crate::settings::Settings;
use crate::shape::Shape;

/// One side of a product.
#[derive(Debug, Clone)]
struct Side<F> {
    /// Rows and columns as its numbers lie.
    stored: (usize, usize),
    /// Whether the product takes its transpose.
    transposed: bool,
    /// Its numbers, if they are the same for all samples: as many matrices as a sample has, or one.
    constant: Option<Vec<F>>,
}

impl<F: Float> Side<F> {
    fn size(&self) -> usize {
        self.stored.0 * self.stored.1
    }

    /// Rows and columns in the product.
    fn dim(&self) -> (usize, usize) {
        let (rows, columns) = self.stored;
        if self.transposed {
            (columns, rows)
        } else {
            (rows, columns)
        }
    }

    /// Matrix number `k` of all samples.
    fn get<'a>(&'a self, x: impl Fn() -> &'a [F], k: usize) -> ArrayView2<'a, F> {
        let (all, k) = match &self.constant {
            Some(own) => (&own[..], k % (own.len() / self.size())),
            None => (x(), k),
        };
        let numbers = &all[k * self.size()..][..self.size()];
        let matrix = ArrayView2::from_shape(self.stored, numbers).expect("as many numbers");
        if self.transposed {
            matrix.reversed_axes()
        } else {
            matrix
        }
    }

    /// The place of matrix number `k` in the gradient, as the product has it.
    fn get_mut<'a>(&self, dx: &'a mut [F], k: usize) -> ArrayViewMut2<'a, F> {
        let numbers = &mut dx[k * self.size()..][..self.size()];
        let matrix = ArrayViewMut2::from_shape(self.stored, numbers).expect("as many numbers");
        if self.transposed {
            matrix.reversed_axes()
        } else {
            matrix
        }
    }
}

/// C = A B for each matrix of a sample.
#[derive(Debug, Clone)]
pub(super) struct MatMul<F> {
    a: Side<F>,
    b: Side<F>,
}

impl<F: Float> MatMul<F> {
    /// Of two inputs, or of an input and one side that is constant; None if the sides do not fit.
    fn new(a: Side<F>, b: Side<F>) -> Option<Self> {
        (a.dim().1 == b.dim().0).then_some(Self { a, b })
    }

    /// Of two inputs that hold such matrices.
    pub(super) fn of_inputs(
        (a, transpose_a): ((usize, usize), bool),
        (b, transpose_b): ((usize, usize), bool),
    ) -> Option<Self> {
        let side = |stored, transposed| Side {
            stored,
            transposed,
            constant: None,
        };
        Self::new(side(a, transpose_a), side(b, transpose_b))
    }

    /// Places of the two sides among the inputs.
    fn places(&self) -> (usize, usize) {
        (0, usize::from(self.a.constant.is_none()))
    }

    /// The rows of A of all samples, if they can be multiplied with one constant matrix at once.
    fn all_rows(&self, matrices: usize) -> Option<usize> {
        let one = |own: &Vec<F>| own.len() == self.b.size();
        let at_once = self.b.constant.as_ref().is_some_and(one) && !self.a.transposed;
        at_once.then(|| matrices * self.a.stored.0)
    }
}

impl<F: Float> Function<F> for MatMul<F> {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let sides = [&self.a, &self.b].into_iter();
        let free = sides.filter(|side| side.constant.is_none());
        let fit = inputs.iter().copied().eq(free.map(Side::size));
        self.a.dim().0.checked_mul(self.b.dim().1).filter(|_| fit)
    }

    fn needs(&self) -> Needs {
        Needs {
            input: self.a.constant.is_none() && self.b.constant.is_none(),
            output: false,
        }
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let ((m, _), (_, n)) = (self.a.dim(), self.b.dim());
        let (a, b) = self.places();
        if let Some(rows) = self.all_rows(pass.rows) {
            let all = ArrayView2::from_shape((rows, self.a.stored.1), x.get(a)).expect("rows");
            let y = ArrayViewMut2::from_shape((rows, n), y).expect("rows");
            return matmul(pass.threads, all, self.b.get(|| x.get(b), 0), y);
        }
        for (k, y) in y.chunks_exact_mut(m * n).enumerate() {
            let y = ArrayViewMut2::from_shape((m, n), y).expect("a product");
            let (a, b) = (self.a.get(|| x.get(a), k), self.b.get(|| x.get(b), k));
            matmul(pass.threads, a, b, y);
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
        let ((m, _), (_, n)) = (self.a.dim(), self.b.dim());
        let (a, b) = self.places();
        let dy_of = |k: usize| {
            let dy = &dy[k * m * n..][..m * n];
            ArrayView2::from_shape((m, n), dy).expect("a product")
        };
        if self.a.constant.is_none()
            && let Some(da) = dx.get(a)
        {
            if let Some(rows) = self.all_rows(pass.rows) {
                let dy = ArrayView2::from_shape((rows, n), dy).expect("rows");
                let da = ArrayViewMut2::from_shape((rows, self.a.stored.1), da).expect("rows");
                let b = self.b.get(|| x.get(b), 0).reversed_axes();
                matmul(pass.threads, dy, b, da);
            } else {
                for k in 0..pass.rows {
                    let b = self.b.get(|| x.get(b), k).reversed_axes();
                    matmul(pass.threads, dy_of(k), b, self.a.get_mut(da, k));
                }
            }
        }
        if self.b.constant.is_none()
            && let Some(db) = dx.get(b)
        {
            for k in 0..pass.rows {
                let a = self.a.get(|| x.get(a), k).reversed_axes();
                matmul(pass.threads, a, dy_of(k), self.b.get_mut(db, k));
            }
        }
    }
}

/// The product that settings of the kind "matmul" describe: of samples that end in the axes of matrices, whose other axes
/// meet.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let constants = [
        combine::constant(settings, 0)?,
        combine::constant(settings, 1)?,
    ];
    let mut shapes = inputs.iter().copied();
    let of = |constant: &Option<(Vec<usize>, &[f64])>, inputs: &mut dyn Iterator<Item = _>| {
        constant.as_ref().map_or_else(
            || inputs.next().map(<[usize]>::to_vec),
            |(shape, _)| Some(shape.clone()),
        )
    };
    let both = (
        of(&constants[0], &mut shapes),
        of(&constants[1], &mut shapes),
    );
    let (Some(a), Some(b), None, false) = (&both.0, &both.1, shapes.next(), inputs.is_empty())
    else {
        return Err(Error::value(
            "inputs",
            "values and constants, two in all",
            inputs.len(),
        ));
    };
    let refused = || {
        let found = format!("{} and {}", Shape(a), Shape(b));
        Error::shape("inputs", "matrices that can be multiplied", found)
    };
    let split = |shape: &[usize]| match *shape {
        [ref others @ .., rows, columns] => Ok((others.to_vec(), (rows, columns))),
        _ => Err(refused()),
    };
    let ((others_a, stored_a), (others_b, stored_b)) = (split(a)?, split(b)?);
    let others = broadcast::meet(&[&others_a, &others_b])?;
    let side = |constant: &Option<(Vec<usize>, &[f64])>, own: &[usize], (rows, columns)| {
        let numbers = |(_, numbers): &(Vec<usize>, &[f64])| {
            if own.iter().all(|&axis| axis == 1) {
                return broadcast::repeated(numbers, &[], &[]);
            }
            let (from, to) = (
                [own, &[rows, columns]].concat(),
                [&others[..], &[rows, columns]].concat(),
            );
            broadcast::repeated(numbers, &from, &to)
        };
        Side {
            stored: (rows, columns),
            transposed: false,
            constant: constant.as_ref().map(numbers),
        }
    };
    let product = MatMul::new(
        side(&constants[0], &others_a, stored_a),
        side(&constants[1], &others_b, stored_b),
    );
    let product = product.ok_or_else(refused)?;
    let shape = [&others[..], &[stored_a.0, stored_b.1]].concat();
    let sides = [(&constants[0], a, stored_a), (&constants[1], b, stored_b)];
    let steps = sides
        .into_iter()
        .filter(|(constant, ..)| constant.is_none());
    let steps = steps.map(|(_, own, (rows, columns))| {
        broadcast::steps(own, &[&others[..], &[rows, columns]].concat())
    });
    Ok(Shaped {
        steps: steps.collect(),
        ..Shaped::of(Arc::new(product), others.iter().product(), shape)
    })
}
