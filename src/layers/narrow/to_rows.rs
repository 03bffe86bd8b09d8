//! From columns to rows, where a loss takes over.

use super::columns::transpose;
use crate::float::Float;
use crate::layers::{Function, Gradients, Inputs, Needs, Pass, State};

/// The same batch row-major.
#[derive(Debug)]
pub(crate) struct ToRows;

impl<F: Float> Function<F> for ToRows {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        inputs.first().copied()
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        transpose(x.get(0), pass.rows, y);
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
        if let Some(dx) = dx.get(0) {
            transpose(dy, dy.len() / pass.rows, dx);
        }
    }
}
