//! The product of rows with a matrix of weights.

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::linalg::{matmul, pieces, rows_of_piece};

/// y = x W, with W of shape (`fan_in`, `fan_out`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) fan_in: usize,
    pub(crate) fan_out: usize,
}

impl Product {
    pub(super) fn new<F>(fan_in: usize, fan_out: usize) -> Result<Self> {
        let largest = isize::MAX as usize / size_of::<F>();
        if fan_in.checked_mul(fan_out).is_none_or(|len| len > largest) {
            return Err(Error::shape(
                "units",
                "a kernel that fits into memory",
                format!("({fan_in}, {fan_out})"),
            ));
        }
        Ok(Self { fan_in, fan_out })
    }

    /// Elements of W.
    pub(crate) fn size(self) -> usize {
        self.fan_in * self.fan_out
    }
}

impl<F: Float> Function<F> for Product {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.fan_in]).then_some(self.fan_out)
    }

    fn parameters(&self) -> Vec<Array> {
        vec![Array {
            name: "kernel",
            shape: vec![self.fan_in, self.fan_out],
        }]
    }

    fn pieces(&self, rows: usize) -> usize {
        pieces((rows, self.fan_in, self.fan_out))
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(&self, pass: Pass, w: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let (x, w) = (matrix(x.get(0), self.fan_in), matrix(w, self.fan_out));
        let mut y = matrix_mut(y, self.fan_out);
        let rows = rows_of_piece(pass.rows, pass.piece, pass.pieces);
        let (x, y) = (x.slice(s![rows.clone(), ..]), y.slice_mut(s![rows, ..]));
        matmul(pass.threads, x, w, y);
    }

    fn backward(
        &self,
        pass: Pass,
        w: &[F],
        x: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        dw: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let dy = matrix(dy, self.fan_out);
        if !dw.is_empty() {
            let rows = rows_of_piece(self.fan_in, pass.piece, pass.pieces);
            let (x, mut dw) = (matrix(x.get(0), self.fan_in), matrix_mut(dw, self.fan_out));
            let xt = x.slice(s![.., rows.clone()]).reversed_axes();
            matmul(pass.threads, xt, dy, dw.slice_mut(s![rows, ..]));
        }
        if let Some(dx) = dx.get(0) {
            let rows = rows_of_piece(pass.rows, pass.piece, pass.pieces);
            let (wt, mut dx) = (
                matrix(w, self.fan_out).reversed_axes(),
                matrix_mut(dx, self.fan_in),
            );
            let dy = dy.slice(s![rows.clone(), ..]);
            matmul(pass.threads, dy, wt, dx.slice_mut(s![rows, ..]));
        }
    }
}

fn matrix<F>(flat: &[F], width: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((flat.len() / width, width), flat).expect("whole rows")
}

fn matrix_mut<F>(flat: &mut [F], width: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((flat.len() / width, width), flat).expect("whole rows")
}
