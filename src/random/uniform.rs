//! The uniform distribution on [low, high).

use super::elementary::Sample;
use super::philox::LANES;
use super::stream::Stream;
use super::tiles::{self, Distribution, Sampler};
use crate::error::{Error, Result};
use crate::parallel::Threads;

/// Numbers in [low, high), each `low + (high − low)·u` with `u` of 24 (`f32`) or 53 (`f64`) bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    low: f64,
    high: f64,
}

impl Uniform {
    /// Uniform on [low, high); if the two are equal, every number is `low`.
    pub fn new(low: f64, high: f64) -> Result<Self> {
        if low.is_finite() && high.is_finite() && low <= high {
            Ok(Self { low, high })
        } else {
            Err(Error::value(
                "minval and maxval",
                "finite numbers, the first not above the second",
                format!("{low} and {high}"),
            ))
        }
    }
}

#[derive(Clone, Copy)]
struct Scaled<F> {
    low: F,
    range: F,
    /// The largest number below `high`: the sum may round up to `high` itself.
    last: F,
}

impl<F: Sample> Sampler<F> for Scaled<F> {
    #[inline(always)]
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]) {
        for (x, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            *x = (self.low + self.range * F::unit(word)).at_most(self.last);
        }
    }
}

impl Distribution for Uniform {
    fn draw<F: Sample>(&self, out: &mut [F], stream: &Stream, threads: Threads) -> Result<()> {
        let (low, high) = (F::of(self.low), F::of(self.high));
        let range = high - low;
        if !(low.is_finite() && high.is_finite() && range.is_finite()) {
            return Err(Error::value(
                "minval and maxval",
                format!("a range that {} can hold", F::NAME),
                format!("{} and {}", self.low, self.high),
            ));
        }
        let last = high.next_down().at_least(low);
        tiles::fill(Scaled { low, range, last }, out, stream, threads);
        Ok(())
    }
}
