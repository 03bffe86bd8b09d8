//! Layers: what each needs, forward, backward.
//!
//! A layer holds no array. Its parameters are a slice of the network's flat parameter array, its state
//! (running statistics) a slice of the flat state array, and what backward needs of forward is in a
//! cache that the caller provides. A new layer is one file and one row in [`from_settings`].

mod activation;
mod batch_normalization;
mod dense;
mod dropout;

use std::fmt::Debug;
use std::sync::Arc;

use crate::activations::Activation;
use crate::error::Result;
use crate::float::Float;
use crate::parallel::Threads;
use crate::settings::{Settings, look_up};

/// A named array of a layer: its place in the flat array follows from the order of the arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Role of the array: `"kernel"`, `"bias"`, `"gamma"`, …
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// What is the same for every layer of one pass over one batch.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Rows that the layer sees: samples times the rows of a sample.
    pub rows: usize,
    /// Threads it may use.
    pub threads: Threads,
    /// Whether forward ran, or runs, with [`State::Updating`].
    pub training: bool,
    /// Training steps done before this pass: what is random in a layer differs from step to step.
    pub step: u64,
    /// How inputs, outputs and their gradients lie in memory.
    pub order: Order,
}

/// How the matrix of a batch, a row a sample, lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A sample's numbers lie together.
    RowMajor,
    /// A unit's numbers for all samples lie together; for layers that [take columns](Layer::takes_columns).
    ColumnMajor,
}

/// A layer's state, and with it the mode: inference reads it, training updates it.
#[derive(Debug)]
pub enum State<'a, F> {
    /// Inference.
    Frozen(&'a [F]),
    /// Training.
    Updating(&'a mut [F]),
}

impl<F> State<'_, F> {
    /// The part of the state in `range`, in the same mode unless `frozen`.
    pub fn part(&mut self, range: std::ops::Range<usize>, frozen: bool) -> State<'_, F> {
        match self {
            State::Frozen(all) => State::Frozen(&all[range]),
            State::Updating(all) => {
                let part = &mut all[range];
                if frozen {
                    State::Frozen(part)
                } else {
                    State::Updating(part)
                }
            }
        }
    }
}

/// Which gradient a layer's `backward` is asked for with respect to its input.
pub type InputGradient<'a, F> = Option<&'a mut [F]>;

/// A layer that maps rows of one width to rows of another.
pub trait Layer<F: Float>: Debug + Send + Sync {
    /// Width of the rows that go out.
    fn output_width(&self) -> usize;

    /// Trainable arrays, in the order in which they lie in the flat array.
    fn parameters(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Arrays that training updates without a gradient.
    fn state(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Whether forward and backward also work on [`Order::ColumnMajor`].
    fn takes_columns(&self) -> bool {
        false
    }

    /// Whether its parameters begin with a matrix that rows are multiplied by.
    fn multiplies(&self) -> bool {
        false
    }

    /// Elements of cache that forward leaves for backward, for this many rows.
    fn cache_len(&self, rows: usize) -> usize;

    /// y from x. `cache` is what [`backward`](Self::backward) will be given.
    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        state: State<F>,
        x: &[F],
        y: &mut [F],
        cache: &mut [F],
    );

    /// Whether backward needs y: where an activation comes last, whose slope is told from it.
    fn reads_output(&self) -> bool {
        false
    }

    /// Take dy back through the layer's activation, in place; before [`backward`](Self::backward). Only a layer that
    /// [reads its output](Self::reads_output) has something to do here.
    fn through_activation(&self, _pass: Pass, _y: &[F], _cache: &[F], _dy: &mut [F]) {}

    /// Gradients from dy as [`through_activation`](Self::through_activation) left it: `dparameters` as the parameters
    /// lie (empty where nobody wants them), and dx if it is asked for. The cache may be overwritten.
    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: &[F],
        y: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        dx: InputGradient<F>,
    );

    /// This layer without its activation, and the activation: a loss fuses with softmax or sigmoid.
    fn split_activation(&self) -> Option<Split<F>> {
        None
    }
}

/// A layer taken apart into what comes before its activation (nothing for a bare activation) and
/// the activation.
#[derive(Debug)]
pub struct Split<F: Float> {
    /// The layer without it.
    pub rest: Option<Arc<dyn Layer<F>>>,
    /// The activation.
    pub activation: Arc<dyn Activation<F>>,
}

/// The layer that `settings` describe, for rows of `width` elements.
pub fn from_settings<F: Float>(settings: &Settings, width: usize) -> Result<Arc<dyn Layer<F>>> {
    type Make<F> = fn(&Settings, usize) -> Result<Arc<dyn Layer<F>>>;
    let registry: [(&str, Make<F>); 4] = [
        ("activation", |s, width| {
            Ok(Arc::new(activation::ActivationLayer::new(s, width)?))
        }),
        ("batch_normalization", |s, width| {
            Ok(Arc::new(batch_normalization::BatchNormalization::new(
                s, width,
            )?))
        }),
        ("dense", |s, width| {
            Ok(Arc::new(dense::Dense::new(s, width)?))
        }),
        ("dropout", |s, width| {
            Ok(Arc::new(dropout::Dropout::new(s, width)?))
        }),
    ];
    look_up("layer", &settings.kind, &registry)?(settings, width)
}
