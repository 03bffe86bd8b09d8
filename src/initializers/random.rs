//! The plain distributions as initializers: the shape does not matter to them.

use super::Initializer;
use crate::error::Result;
use crate::parallel::Threads;
use crate::random::{Distribution, Sample, Stream};

impl<F: Sample, D: Distribution> Initializer<F> for D {
    fn fill(
        &self,
        out: &mut [F],
        _shape: &[usize],
        stream: &Stream,
        threads: Threads,
    ) -> Result<()> {
        self.draw(out, stream, threads)
    }

    fn fills_in_slices(&self) -> bool {
        true
    }
}
