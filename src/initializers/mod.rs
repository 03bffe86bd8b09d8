//! Initializers: what an array of weights holds before training.

mod constant;
mod hadamard;
mod identity;
mod orthogonal;
mod random;
mod variance_scaling;

pub use constant::Constant;
pub use hadamard::Hadamard;
pub use identity::Identity;
pub use orthogonal::{Orthogonal, orthogonalize};
pub use variance_scaling::{Kind, Mode, VarianceScaling};

use crate::error::Result;
use crate::parallel::Threads;
use crate::random::Stream;

/// How to fill an array of weights.
pub trait Initializer<F> {
    /// Fill `out`, an array of `shape` in row-major order; what is random in it comes from `stream`.
    fn fill(&self, out: &mut [F], shape: &[usize], stream: &Stream, threads: Threads)
    -> Result<()>;

    /// Whether an element's place in the stream alone decides it, so that a long array can be filled in slices.
    fn fills_in_slices(&self) -> bool {
        false
    }
}
