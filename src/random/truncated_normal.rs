//! The normal distribution between two bounds, by inversion: one word gives one number, whatever
//! share of the distribution the bounds leave.

use std::f64::consts::FRAC_1_SQRT_2;

use super::elementary::Sample;
use super::normal::{check_mean_and_std, check_range};
use super::philox::LANES;
use super::quantile;
use super::stream::Stream;
use super::tiles::{self, Distribution, Sampler};
use crate::error::{Error, Result};
use crate::parallel::Threads;

/// N(mean, std²) given that it is within [mean + low·std, mean + high·std].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruncatedNormal {
    mean: f64,
    std: f64,
    low: f64,
    high: f64,
}

/// The variance of a standard normal number truncated at ±2 is the square of this.
pub const STD_WITHIN_TWO: f64 = 0.87962566103423978;

/// Less than this share of the distribution between the bounds counts as none: the arithmetic on the
/// tail probabilities would leave the range of `f64`.
const LEAST_MASS: f64 = 1e-280;

impl TruncatedNormal {
    /// `low` and `high` count standard deviations from the mean, and may be infinite.
    pub fn new(mean: f64, std: f64, low: f64, high: f64) -> Result<Self> {
        check_mean_and_std(mean, std)?;
        let bounds = || format!("{low} and {high}");
        if !(low < high) {
            return Err(Error::value(
                "bounds",
                "the lower one below the upper one",
                bounds(),
            ));
        }
        let this = Self {
            mean,
            std,
            low,
            high,
        };
        if Tails::between(low, high).mass < LEAST_MASS {
            return Err(Error::value(
                "bounds",
                "an interval in which the normal distribution has some probability",
                bounds(),
            ));
        }
        Ok(this)
    }

    /// As Keras and JAX truncate: at two standard deviations.
    pub fn within_two(mean: f64, std: f64) -> Result<Self> {
        Self::new(mean, std, -2.0, 2.0)
    }
}

/// Probabilities below the lower bound, above the upper bound, and between the two.
struct Tails {
    below: f64,
    above: f64,
    mass: f64,
}

impl Tails {
    fn between(low: f64, high: f64) -> Self {
        let lower = |z: f64| 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let (below, above) = (lower(low), lower(-high));
        // Of the differences that are equal on paper, the one between the smaller numbers.
        let mass = if low > 0.0 {
            lower(-low) - above
        } else {
            lower(high) - below
        };
        Self { below, above, mass }
    }
}

/// Both bounds are near the mean and much lies between them: the inversion is exact to the last few
/// bits in `F` itself.
#[derive(Clone, Copy)]
struct Near<F> {
    centre: F,
    mass: F,
    scale: Scale<F>,
}

impl<F: Sample> Sampler<F> for Near<F> {
    #[inline(always)]
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]) {
        for (x, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            let z = F::near(self.centre + self.mass * F::centred(word));
            *x = self.scale.apply(self.scale.mean + self.scale.std * z);
        }
    }
}

/// Any bounds: the probability of each tail is kept apart, in `f64`, so that none is lost to the other.
#[derive(Clone, Copy)]
struct Far<F> {
    below: f64,
    above: f64,
    mass: f64,
    mean: f64,
    std: f64,
    scale: Scale<F>,
}

impl<F: Sample> Sampler<F> for Far<F> {
    #[inline(always)]
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]) {
        for (x, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            let (u, rest) = F::tails(word);
            let below = self.below + self.mass * u;
            let above = self.above + self.mass * rest;
            let is_below = below < above;
            let z = quantile::far(if is_below { below } else { above });
            let z = if is_below { -z } else { z };
            *x = self.scale.apply(F::of(self.mean + self.std * z));
        }
    }
}

/// Rounding must not carry a number across a bound.
#[derive(Clone, Copy)]
struct Scale<F> {
    mean: F,
    std: F,
    low: F,
    high: F,
}

impl<F: Sample> Scale<F> {
    #[inline(always)]
    fn apply(self, x: F) -> F {
        x.at_least(self.low).at_most(self.high)
    }
}

/// Bounds up to here, with at least this much between them, are [`Near`].
const NEAR_BOUND: f64 = 2.5;
const NEAR_MASS: f64 = 0.25;

impl Distribution for TruncatedNormal {
    fn draw<F: Sample>(&self, out: &mut [F], stream: &Stream, threads: Threads) -> Result<()> {
        let Self {
            mean,
            std,
            low,
            high,
        } = *self;
        // Infinite bounds are beyond any number drawn: 36 standard deviations have no probability.
        let (low, high) = (low.max(-40.0), high.min(40.0));
        check_range::<F>(mean, std, low.abs().max(high.abs()))?;
        let scale = Scale {
            mean: F::of(mean),
            std: F::of(std),
            low: F::of(mean + std * low),
            high: F::of(mean + std * high),
        };
        let Tails { below, above, mass } = Tails::between(low, high);
        if low.abs().max(high.abs()) <= NEAR_BOUND && mass >= NEAR_MASS {
            let near = Near {
                centre: F::of(0.5 * (below - above)),
                mass: F::of(mass),
                scale,
            };
            tiles::fill(near, out, stream, threads);
        } else {
            let far = Far {
                below,
                above,
                mass,
                mean,
                std,
                scale,
            };
            tiles::fill(far, out, stream, threads);
        }
        Ok(())
    }
}
