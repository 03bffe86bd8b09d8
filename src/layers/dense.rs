//! The fully connected layer.

use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use super::{Array, InputGradient, Layer, Order, Pass, Split, State};
use crate::activations::linear::Linear;
use crate::activations::{self, Activation};
use crate::columns;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::linalg::matmul;
use crate::reduce::column_sums;
use crate::settings::Settings;

/// y = φ(x W + b), with W of shape (`fan_in`, `fan_out`).
#[derive(Debug, Clone)]
pub(super) struct Dense<F: Float> {
    fan_in: usize,
    fan_out: usize,
    use_bias: bool,
    activation: Arc<dyn Activation<F>>,
}

impl<F: Float> Dense<F> {
    pub(super) fn new(settings: &Settings, fan_in: usize) -> Result<Self> {
        let fan_out = settings.count("units")?;
        if fan_in
            .checked_mul(fan_out)
            .is_none_or(|len| len > isize::MAX as usize / size_of::<F>())
        {
            return Err(Error::shape(
                "units",
                "a kernel that fits into memory",
                format!("({fan_in}, {fan_out})"),
            ));
        }
        Ok(Self {
            fan_in,
            fan_out,
            use_bias: settings.flag("use_bias")?,
            activation: activations::from_settings(settings.nested("activation")?)?.into(),
        })
    }

    /// W and b in the flat parameters; b is empty where there is none.
    fn split<'a>(&self, parameters: &'a [F]) -> (ArrayView2<'a, F>, &'a [F]) {
        let (kernel, bias) = parameters.split_at(self.fan_in * self.fan_out);
        (matrix(kernel, self.fan_out), bias)
    }

    /// y = φ(y + b) for each unit, whose numbers lie together.
    fn activate_columns(&self, pass: Pass, b: &[F], y: &mut [F], mut cache: &mut [F]) {
        for (j, y) in y.chunks_exact_mut(pass.rows).enumerate() {
            let kept = cache.split_off_mut(..y.len().min(cache.len()));
            let bias = if b.is_empty() { b } else { &b[j..=j] };
            self.activation
                .forward(pass.threads, 1, bias, y, kept.unwrap_or_default());
        }
    }
}

impl<F: Float> Layer<F> for Dense<F> {
    fn output_width(&self) -> usize {
        self.fan_out
    }

    fn parameters(&self) -> Vec<Array> {
        let kernel = Array {
            name: "kernel",
            shape: vec![self.fan_in, self.fan_out],
        };
        let bias = Array {
            name: "bias",
            shape: vec![self.fan_out],
        };
        if self.use_bias {
            vec![kernel, bias]
        } else {
            vec![kernel]
        }
    }

    fn takes_columns(&self) -> bool {
        self.activation.is_elementwise() && self.fan_in.max(self.fan_out) <= columns::WIDEST
    }

    fn multiplies(&self) -> bool {
        true
    }

    fn cache_len(&self, rows: usize) -> usize {
        if self.activation.keeps_input() {
            rows * self.fan_out
        } else {
            0
        }
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        _: State<F>,
        x: &[F],
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (w, b) = self.split(parameters);
        if pass.order == Order::ColumnMajor {
            columns::combine(pass.rows, x, w, y);
            return self.activate_columns(pass, b, y, cache);
        }
        matmul(
            pass.threads,
            matrix(x, self.fan_in),
            w,
            matrix_mut(y, self.fan_out),
        );
        self.activation
            .forward(pass.threads, self.fan_out, b, y, cache);
    }

    fn reads_output(&self) -> bool {
        !self.activation.is_identity()
    }

    fn through_activation(&self, pass: Pass, y: &[F], cache: &[F], dy: &mut [F]) {
        self.activation
            .backward(pass.threads, self.fan_out, y, cache, dy);
    }

    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: &[F],
        _: &[F],
        _: &mut [F],
        dz: &[F],
        dparameters: &mut [F],
        dx: InputGradient<F>,
    ) {
        let (w, _) = self.split(parameters);
        if pass.order == Order::ColumnMajor {
            if !dparameters.is_empty() {
                let (dw, db) = dparameters.split_at_mut(self.fan_in * self.fan_out);
                columns::products(pass.rows, x, dz, dw);
                columns::sums(pass.rows, dz, db);
            }
            if let Some(dx) = dx {
                columns::combine(pass.rows, dz, w.reversed_axes(), dx);
            }
            return;
        }
        if !dparameters.is_empty() {
            let (dw, db) = dparameters.split_at_mut(self.fan_in * self.fan_out);
            let xt = matrix(x, self.fan_in).reversed_axes();
            matmul(
                pass.threads,
                xt,
                matrix(dz, self.fan_out),
                matrix_mut(dw, self.fan_out),
            );
            column_sums(pass.threads, dz, db);
        }
        if let Some(dx) = dx {
            matmul(
                pass.threads,
                matrix(dz, self.fan_out),
                w.reversed_axes(),
                matrix_mut(dx, self.fan_in),
            );
        }
    }

    fn split_activation(&self) -> Option<Split<F>> {
        let rest = Self {
            activation: Arc::new(Linear),
            ..self.clone()
        };
        Some(Split {
            rest: Some(Arc::new(rest)),
            activation: self.activation.clone(),
        })
    }
}

fn matrix<F>(flat: &[F], width: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((flat.len() / width, width), flat).expect("whole rows")
}

fn matrix_mut<F>(flat: &mut [F], width: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((flat.len() / width, width), flat).expect("whole rows")
}
