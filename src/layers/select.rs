//! One value in training and another one in inference.

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::float::Float;

/// y = x₀ in training, x₁ in inference. Where a pass is of one mode for good, lowering leaves the other value out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Select;

impl<F: Float> Function<F> for Select {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs.len() == 2 && inputs[0] == inputs[1]).then_some(inputs[0])
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        y.copy_from_slice(x.get(usize::from(!pass.training)));
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
        for i in 0..2 {
            let Some(dx) = dx.get(i) else { continue };
            if (i == 0) == pass.training {
                dx.copy_from_slice(dy);
            } else {
                dx.fill(F::ZERO);
            }
        }
    }
}
