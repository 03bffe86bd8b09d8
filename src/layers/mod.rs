//! Layers: the functions that each is made of, with forward and backward.
//!
//! A function holds no array. Its parameters are a slice of the network's flat parameter array, its state
//! (running statistics) a slice of the flat state array, and what backward needs of forward is in a
//! cache that the caller provides. A new layer is one file and one row in [`from_settings`], or in `from_shapes` if it
//! joins values or changes shapes.

mod activate;
mod along;
mod batch_normalization;
mod broadcast;
mod combine;
mod dense;
mod draw;
mod dropout;
mod elementwise;
mod embedding;
mod join;
mod maps;
mod matmul;
pub(crate) mod narrow;
mod noise;
mod normalization;
mod operands;
mod penalize;
mod prelu;
mod product;
mod reductions;
mod rescaling;
mod select;
mod shapes;
mod standardization;
mod unit_norm;
mod weight;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

pub(crate) use activate::Activate;
pub(crate) use batch_normalization::BatchNormalization;
pub use elementwise::Add;
pub(crate) use embedding::index;
pub use join::Concatenate;
pub(crate) use join::{Take, add};
pub use operands::{Gradients, Inputs};
pub(crate) use operands::{Location, Values, of_samples};
pub(crate) use penalize::{Cost, Penalize};
pub(crate) use product::Product;
pub(crate) use select::Select;
pub(crate) use shapes::{from_shapes, one};
pub(crate) use weight::of_weight;

use crate::error::Result;
use crate::float::Float;
use crate::parallel::Threads;
use crate::settings::{Settings, look_up};

/// A named array of a function: its place in the flat array follows from the order of the arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Role of the array: `"kernel"`, `"bias"`, `"gamma"`, …
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// What is the same for every call of one pass over one batch.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Rows that the function sees: samples times the rows of a sample.
    pub rows: usize,
    /// Threads it may use.
    pub threads: Threads,
    /// Whether forward ran, or runs, with [`State::Updating`].
    pub training: bool,
    /// Training steps done before this pass: what is random in a layer differs from step to step.
    pub step: u64,
    /// Which piece of the function's work is to be done.
    pub piece: usize,
    /// Pieces that it is cut into: one, or as many as the function [says](Function::pieces).
    pub pieces: usize,
}

impl Pass {
    /// Whether the function is done with this piece.
    pub(crate) fn is_last_piece(&self) -> bool {
        self.piece + 1 == self.pieces
    }
}

/// A function's state, and with it the mode: inference reads it, training updates it.
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

/// What backward reads of forward, besides the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The inputs.
    pub input: bool,
    /// The output.
    pub output: bool,
}

impl Needs {
    /// Neither.
    pub const NOTHING: Self = Self {
        input: false,
        output: false,
    };
}

/// A function of rows with a gradient: what a layer is made of.
pub trait Function<F: Float>: Any + Debug + Send + Sync {
    /// Width of the rows that go out, for inputs with rows of these widths; None if it does not take them.
    fn output_width(&self, inputs: &[usize]) -> Option<usize>;

    /// Trainable arrays, in the order in which they lie in the flat array.
    fn parameters(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Arrays that training updates without a gradient.
    fn state(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Whether the parameters are a table, rows of the output's width, of which it looks some up: the numbers of its input
    /// say which. Backward adds to the gradients of these rows, which are 0 before, and leaves the others.
    fn looks_up(&self) -> bool {
        false
    }

    /// Below which number those of its input have to be, if they have to be whole numbers from 0 on.
    fn indices_below(&self) -> Option<usize> {
        None
    }

    /// Elements of cache that forward leaves for backward, for this many rows.
    fn cache_len(&self, _rows: usize) -> usize {
        0
    }

    /// Pieces that forward and backward can be done in, one after the other, so that a pass over so many rows can stop
    /// between them. What works in place has one.
    fn pieces(&self, _rows: usize) -> usize {
        1
    }

    /// Whether it has one input and works in place: forward finds x in `y`, backward finds dy in the gradient of the
    /// input; `x` and `dy` are not to be read then.
    fn in_place(&self) -> bool {
        false
    }

    /// What backward reads of forward.
    fn needs(&self) -> Needs;

    /// y from x. `cache` is what [`backward`](Self::backward) will be given.
    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        state: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    );

    /// Gradients from dy: `dparameters` as the parameters lie (empty where nobody wants them), and those of the inputs
    /// that are asked for. What the function does not [need](Self::needs) may be empty. The cache may be overwritten.
    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: Inputs<F>,
        y: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        dx: Gradients<F>,
    );
}

/// The functions, one after the other, of the layer that `settings` describe, for rows of `width` elements.
pub fn from_settings<F: Float>(
    settings: &Settings,
    width: usize,
) -> Result<Vec<Arc<dyn Function<F>>>> {
    type Make<F> = fn(&Settings, usize) -> Result<Vec<Arc<dyn Function<F>>>>;
    let registry: [(&str, Make<F>); 9] = [
        ("activation", |s, width| {
            Ok(vec![Arc::new(Activate::from_settings(s, width)?)])
        }),
        ("alpha_dropout", |s, width| {
            Ok(vec![Arc::new(noise::AlphaDropout::new(s, width)?)])
        }),
        ("batch_normalization", |s, width| {
            Ok(vec![Arc::new(BatchNormalization::new(s, width)?)])
        }),
        ("dense", dense::functions),
        ("dropout", |s, width| {
            Ok(vec![Arc::new(dropout::Dropout::new(s, width)?)])
        }),
        ("gaussian_dropout", |s, width| {
            Ok(vec![Arc::new(noise::GaussianDropout::new(s, width)?)])
        }),
        ("gaussian_noise", |s, width| {
            Ok(vec![Arc::new(noise::GaussianNoise::new(s, width)?)])
        }),
        ("normalization", |s, width| {
            Ok(vec![Arc::new(standardization::Standardization::new(
                s, width,
            )?)])
        }),
        ("rescaling", |s, width| {
            Ok(vec![Arc::new(rescaling::Rescaling::new(s, width)?)])
        }),
    ];
    look_up("layer", &settings.kind, &registry)?(settings, width)
}
