//! Outputs that cost something, and what layers add to the loss.

use super::shapes::Shaped;
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::regularizers::L1L2;
use crate::settings::Settings;

/// y = x, in place, with a penalty that is part of the loss: that of each sample's numbers, added up. The gradient is that
/// of its mean over the batch, as the loss is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalize {
    /// Numbers of a sample.
    pub(crate) width: usize,
    pub(crate) penalty: L1L2,
}

impl Penalize {
    /// The penalty of a batch, of what forward has left: so of a [`Cost`].
    pub(crate) fn of<F: Float>(cache: &[F]) -> f64 {
        cache.iter().map(|part| part.wide()).sum()
    }
}

/// Keep a sum in a cache of two numbers.
fn keep<F: Float>(sum: f64, cache: &mut [F]) {
    cache[0] = F::of(sum);
    let rest = sum - cache[0].wide();
    cache[1] = if rest.is_finite() {
        F::of(rest)
    } else {
        F::ZERO
    };
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
        keep(samples.map(|sample| self.penalty.of(sample)).sum(), cache);
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

/// What a layer adds to the loss: y = x₀, and each of the other inputs is a part of the loss, with all of its numbers added
/// up; of a batch a mean, or else the sum. Elsewhere than beside a loss, where it is not `charged`, it costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    /// Numbers of a sample, of each input.
    widths: Vec<usize>,
    /// For each input but the first whether its part is a mean over the batch.
    means: Vec<bool>,
    charged: bool,
}

impl Cost {
    /// The same that is part of a loss.
    pub(crate) fn charged(&self) -> Self {
        Self {
            charged: true,
            ..self.clone()
        }
    }

    /// Whether what it costs depends on how many samples a batch has.
    pub(crate) fn sums_batches(&self) -> bool {
        self.means.contains(&false)
    }
}

/// What goes on, and what it costs.
pub(super) fn cost<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let means: Vec<bool> = settings
        .integers("means")?
        .iter()
        .map(|&mean| mean != 0)
        .collect();
    if means.is_empty() || inputs.len() != means.len() + 1 {
        let expected = format!("{} values, of which the first goes on", means.len() + 1);
        return Err(Error::value("inputs", expected, inputs.len()));
    }
    let widths = inputs.iter().map(|shape| shape.iter().product()).collect();
    let cost = Cost {
        widths,
        means,
        charged: false,
    };
    Ok(Shaped::new(cost, 1, inputs[0].to_vec()))
}

impl<F: Float> Function<F> for Cost {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == self.widths).then(|| self.widths[0])
    }

    /// A number of twice the precision.
    fn cache_len(&self, _: usize) -> usize {
        2
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(
        &self,
        pass: Pass,
        _: &[F],
        _: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        y.copy_from_slice(x.get(0));
        let mut sum = 0.0;
        for (i, &mean) in self.means.iter().enumerate() {
            // The loss is a mean over the samples: what is a sum counts for each of them.
            let factor = if mean { 1.0 } else { pass.rows as f64 };
            let numbers = x.get(i + 1).iter();
            sum += factor * numbers.map(|x| x.wide()).sum::<f64>();
        }
        keep(if self.charged { sum } else { 0.0 }, cache);
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
            dx.copy_from_slice(dy);
        }
        for (i, &mean) in self.means.iter().enumerate() {
            let slope = if mean { 1.0 / pass.rows as f64 } else { 1.0 };
            if let Some(dx) = dx.get(i + 1) {
                dx.fill(F::of(if self.charged { slope } else { 0.0 }));
            }
        }
    }
}
