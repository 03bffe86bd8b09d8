//! The identity: a layer without an activation.

use super::{Activation, add_bias, chunk_of_rows};
use crate::float::Float;
use crate::parallel::{self, Threads};

/// φ(z) = z. Not an [`Elementwise`](super::Elementwise), so that a pass with nothing to do is no pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear;

impl<F: Float> Activation<F> for Linear {
    fn kind(&self) -> &'static str {
        "linear"
    }

    fn keeps_input(&self) -> bool {
        false
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn forward(&self, threads: Threads, width: usize, bias: &[F], y: &mut [F], _kept: &mut [F]) {
        if !bias.is_empty() {
            parallel::for_each_chunk(threads, y, chunk_of_rows(width), |_, y| add_bias(bias, y));
        }
    }

    fn backward(&self, _threads: Threads, _width: usize, _y: &[F], _kept: &[F], _dy: &mut [F]) {}
}
