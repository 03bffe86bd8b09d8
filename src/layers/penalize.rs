//! Outputs that cost something.

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::float::Float;
use crate::regularizers::L1L2;

/// y = x, in place, with a penalty that is part of the loss: that of each sample's numbers, added up. The gradient is that
/// of its mean over the batch, as the loss is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalize {
    /// Numbers of a sample.
    pub(crate) width: usize,
    pub(crate) penalty: L1L2,
}

impl Penalize {
    /// The penalty of a batch, of what forward has left.
    pub(crate) fn of<F: Float>(cache: &[F]) -> f64 {
        cache.iter().map(|part| part.wide()).sum()
    }
}

impl<F: Float> Function<F> for Penalize {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    /// A number of twice the precision.
    fn cache_len(&self, _: usize) -> usize {
        2
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs {
            input: false,
            output: true,
        }
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], cache: &mut [F]) {
        let samples = y.chunks_exact(self.width);
        let sum: f64 = samples.map(|sample| self.penalty.of(sample)).sum();
        cache[0] = F::of(sum);
        let rest = sum - cache[0].wide();
        cache[1] = if rest.is_finite() {
            F::of(rest)
        } else {
            F::ZERO
        };
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        y: &[F],
        _: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0) {
            self.penalty.add_gradient(pass.rows, y, dx);
        }
    }
}
