//! An activation as a layer of its own.

use std::sync::Arc;

use super::{InputGradient, Layer, Pass, Split, State};
use crate::activations::{self, Activation};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// y = φ(x).
#[derive(Debug)]
pub(super) struct ActivationLayer<F: Float> {
    width: usize,
    activation: Arc<dyn Activation<F>>,
}

impl<F: Float> ActivationLayer<F> {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        Ok(Self {
            width,
            activation: activations::from_settings(settings.nested("activation")?)?.into(),
        })
    }
}

impl<F: Float> Layer<F> for ActivationLayer<F> {
    fn output_width(&self) -> usize {
        self.width
    }

    fn takes_columns(&self) -> bool {
        self.activation.is_elementwise()
    }

    fn cache_len(&self, rows: usize) -> usize {
        if self.activation.keeps_input() {
            rows * self.width
        } else {
            0
        }
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, x: &[F], y: &mut [F], cache: &mut [F]) {
        y.copy_from_slice(x);
        self.activation
            .forward(pass.threads, self.width, &[], y, cache);
    }

    fn reads_output(&self) -> bool {
        !self.activation.is_identity()
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: &[F],
        y: &[F],
        cache: &mut [F],
        dy: &[F],
        _: &mut [F],
        dx: InputGradient<F>,
    ) {
        if let Some(dx) = dx {
            dx.copy_from_slice(dy);
            self.activation
                .backward(pass.threads, self.width, y, cache, dx);
        }
    }

    fn split_activation(&self) -> Option<Split<F>> {
        Some(Split {
            rest: None,
            activation: self.activation.clone(),
        })
    }
}
