//! A bias, an activation, or both at once, in place.

use std::sync::Arc;

use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::activations::linear::Linear;
use crate::activations::{self, Activation};
use crate::error::Result;
use crate::float::Float;
use crate::reduce::column_sums;
use crate::settings::Settings;

/// y = φ(x + b), or φ(x).
#[derive(Debug, Clone)]
pub(crate) struct Activate<F: Float> {
    pub(crate) width: usize,
    pub(crate) use_bias: bool,
    pub(crate) activation: Arc<dyn Activation<F>>,
}

impl<F: Float> Activate<F> {
    /// y = φ(x), with the activation of a layer.
    pub(super) fn from_settings(settings: &Settings, width: usize) -> Result<Self> {
        Ok(Self {
            width,
            use_bias: false,
            activation: activations::from_settings(settings.nested("activation")?)?.into(),
        })
    }

    /// y = x + b.
    pub(super) fn bias(width: usize) -> Self {
        Self {
            width,
            use_bias: true,
            activation: Arc::new(Linear),
        }
    }
}

impl<F: Float> Function<F> for Activate<F> {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn parameters(&self) -> Vec<Array> {
        let bias = self.use_bias.then(|| Array {
            name: "bias",
            shape: vec![self.width],
        });
        bias.into_iter().collect()
    }

    fn cache_len(&self, rows: usize) -> usize {
        if self.activation.keeps_input() {
            rows * self.width
        } else {
            0
        }
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs {
            input: false,
            output: !self.activation.is_identity(),
        }
    }

    fn forward(
        &self,
        pass: Pass,
        b: &[F],
        _: State<F>,
        _: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        self.activation
            .forward(pass.threads, self.width, b, y, cache);
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        y: &[F],
        cache: &mut [F],
        _: &[F],
        db: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dz) = dx.get(0) else { return };
        self.activation
            .backward(pass.threads, self.width, y, cache, dz);
        if !db.is_empty() {
            column_sums(pass.threads, dz, db);
        }
    }
}
