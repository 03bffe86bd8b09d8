//! The normal distribution.

use super::elementary::Sample;
use super::philox::LANES;
use super::stream::Stream;
use super::tiles::{self, Distribution, Sampler};
use crate::error::{Error, Result};
use crate::parallel::Threads;

/// N(mean, std²), drawn by the method of G. E. P. Box and M. E. Muller (1958): a radius with the
/// right law and a uniform angle are two independent normal numbers.
///
/// The radius reaches 6.7 (`f32`) or 9.4 (`f64`) standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: f64,
    std: f64,
}

/// Beyond any radius.
const REACH: f64 = 10.0;

impl Normal {
    /// N(mean, std²); with `std` = 0 every number is `mean`.
    pub fn new(mean: f64, std: f64) -> Result<Self> {
        check_mean_and_std(mean, std)?;
        Ok(Self { mean, std })
    }
}

pub(super) fn check_mean_and_std(mean: f64, std: f64) -> Result<()> {
    if !mean.is_finite() {
        return Err(Error::value("mean", "a finite number", mean));
    }
    if !(std.is_finite() && std >= 0.0) {
        return Err(Error::value("stddev", "a finite number of at least 0", std));
    }
    Ok(())
}

/// Refuse a mean and spread whose numbers `F` would turn into infinities.
pub(super) fn check_range<F: Sample>(mean: f64, std: f64, reach: f64) -> Result<()> {
    if F::of(mean.abs() + std * reach).is_finite() {
        Ok(())
    } else {
        Err(Error::value(
            "mean and stddev",
            format!("numbers within the range of {}", F::NAME),
            format!("{mean} and {std}"),
        ))
    }
}

#[derive(Clone, Copy)]
struct BoxMuller<F> {
    mean: F,
    std: F,
}

impl<F: Sample> Sampler<F> for BoxMuller<F> {
    #[inline(always)]
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]) {
        let (words, _) = words.as_chunks::<2>();
        let (out, _) = out.as_chunks_mut::<2>();
        for ([cosines, sines], [radii, angles]) in out.iter_mut().zip(words) {
            for lane in 0..LANES {
                let radius = (F::of(-2.0) * F::positive(radii[lane]).ln()).sqrt();
                let (sine, cosine) = F::circle(angles[lane]);
                cosines[lane] = self.mean + self.std * (radius * cosine);
                sines[lane] = self.mean + self.std * (radius * sine);
            }
        }
    }
}

impl Distribution for Normal {
    fn draw<F: Sample>(&self, out: &mut [F], stream: &Stream, threads: Threads) -> Result<()> {
        check_range::<F>(self.mean, self.std, REACH)?;
        let (mean, std) = (F::of(self.mean), F::of(self.std));
        tiles::fill(BoxMuller { mean, std }, out, stream, threads);
        Ok(())
    }
}
