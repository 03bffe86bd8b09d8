//! Features on the scale of given means and variances: what Keras calls normalization.

use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// y = (x − mean) / max(√variance, 10⁻⁷), or back again, in place. Mean and variance are state that training leaves alone:
/// one of each for all numbers, or one for each feature.
#[derive(Debug, Clone)]
pub(super) struct Standardization {
    width: usize,
    shape: Vec<usize>,
    invert: bool,
}

/// The least number that is divided by.
const LEAST_STD: f64 = 1e-7;

impl Standardization {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let shape = if settings.flag("by_feature")? {
            vec![width]
        } else {
            Vec::new()
        };
        Ok(Self {
            width,
            shape,
            invert: settings.flag("invert")?,
        })
    }

    /// Numbers that have a mean of their own.
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

impl<F: Float> Function<F> for Standardization {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn state(&self) -> Vec<Array> {
        let array = |name| Array {
            name,
            shape: self.shape.clone(),
        };
        ["mean", "variance"].map(array).into()
    }

    fn cache_len(&self, _: usize) -> usize {
        self.len()
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(
        &self,
        _: Pass,
        _: &[F],
        state: State<F>,
        _: Inputs<F>,
        y: &mut [F],
        stds: &mut [F],
    ) {
        let state = match state {
            State::Frozen(state) => state,
            State::Updating(state) => &*state,
        };
        let (mean, variance) = state.split_at(self.len());
        for (std, &variance) in stds.iter_mut().zip(variance) {
            *std = variance.sqrt().at_least(F::of(LEAST_STD));
        }
        if self.invert {
            invert(mean, stds, y);
        } else {
            standardize(mean, stds, y);
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        stds: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        if self.invert {
            scale_up(stds, dx);
        } else {
            scale_down(stds, dx);
        }
    }
}

kernel! {
    fn standardize<F: Float>(mean: &[F], stds: &[F], y: &mut [F]) {
        for row in y.chunks_exact_mut(mean.len()) {
            for ((y, &mean), &std) in row.iter_mut().zip(mean).zip(stds) {
                *y = (*y - mean) / std;
            }
        }
    }

    fn invert<F: Float>(mean: &[F], stds: &[F], y: &mut [F]) {
        for row in y.chunks_exact_mut(mean.len()) {
            for ((y, &mean), &std) in row.iter_mut().zip(mean).zip(stds) {
                *y = mean + *y * std;
            }
        }
    }

    fn scale_down<F: Float>(stds: &[F], dx: &mut [F]) {
        for row in dx.chunks_exact_mut(stds.len()) {
            for (dx, &std) in row.iter_mut().zip(stds) {
                *dx /= std;
            }
        }
    }

    fn scale_up<F: Float>(stds: &[F], dx: &mut [F]) {
        for row in dx.chunks_exact_mut(stds.len()) {
            for (dx, &std) in row.iter_mut().zip(stds) {
                *dx *= std;
            }
        }
    }
}
