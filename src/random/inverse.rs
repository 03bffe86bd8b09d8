//! Distributions with a tail on both sides, and the beta distribution, by inversion: one word gives one number.
//!
//! All is computed in `f64`, of the probabilities below and above, and then rounded: a number's own tail is never lost
//! to the other.

use std::f64::consts::PI;

use super::beta::Logits;
use super::elementary::Sample;
use super::philox::LANES;
use super::stream::Stream;
use super::tiles::{self, Distribution, Sampler};
use crate::error::{Error, Result};
use crate::float::{Float, horner};
use crate::parallel::Threads;

/// A distribution that is known by the inverse of its distribution function, moved and stretched.
#[derive(Debug, Clone, PartialEq)]
pub struct Inverse {
    law: Law,
    /// Middle and scale; of a beta distribution its least and its largest number.
    first: f64,
    second: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Law {
    Cauchy,
    Laplace,
    Logistic,
    /// Its square over the degrees of freedom is the odds of a beta distribution: of Beta(½, df/2) from the middle on,
    /// of Beta(df/2, ½) from the ends on.
    StudentT {
        root: f64,
        ends: Logits,
        middle: Logits,
    },
    Beta {
        lower: Logits,
        upper: Logits,
    },
}

/// Degrees of freedom, and parameters of the beta distribution, for which the inverse keeps its accuracy.
const DEGREES: (f64, f64) = (0.1, 1e3);
const SHAPES: (f64, f64) = (0.05, 1e3);

/// The least distance of a probability from ½ that counts.
const NEAREST: f64 = 1.0 / (1u64 << 54) as f64;

fn within(argument: &str, (low, high): (f64, f64), value: f64) -> Result<()> {
    if low <= value && value <= high {
        Ok(())
    } else {
        let expected = format!("a number from {low} to {high}");
        Err(Error::value(argument, expected, value))
    }
}

impl Inverse {
    /// The density 1/(π(1 + z²)) of z = (x − mean)/scale.
    pub fn cauchy(mean: f64, scale: f64) -> Result<Self> {
        Self::of(Law::Cauchy, mean, scale)
    }

    /// The density e^−|z|/2 of z = (x − mean)/scale.
    pub fn laplace(mean: f64, scale: f64) -> Result<Self> {
        Self::of(Law::Laplace, mean, scale)
    }

    /// The distribution function 1/(1 + e⁻ᶻ) of z = (x − mean)/scale.
    pub fn logistic(mean: f64, scale: f64) -> Result<Self> {
        Self::of(Law::Logistic, mean, scale)
    }

    /// Student's t distribution of z = (x − mean)/scale, with `df` degrees of freedom.
    pub fn student_t(df: f64, mean: f64, scale: f64) -> Result<Self> {
        within("df", DEGREES, df)?;
        let law = Law::StudentT {
            root: df.sqrt(),
            ends: Logits::new(0.5 * df, 0.5),
            middle: Logits::new(0.5, 0.5 * df),
        };
        Self::of(law, mean, scale)
    }

    /// The beta distribution, from `low` to `high`.
    pub fn beta(a: f64, b: f64, low: f64, high: f64) -> Result<Self> {
        within("a", SHAPES, a)?;
        within("b", SHAPES, b)?;
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return Err(Error::value(
                "minval and maxval",
                "finite numbers, the first not above the second",
                format!("{low} and {high}"),
            ));
        }
        Ok(Self {
            law: Law::Beta {
                lower: Logits::new(a, b),
                upper: Logits::new(b, a),
            },
            first: low,
            second: high,
        })
    }

    fn of(law: Law, mean: f64, scale: f64) -> Result<Self> {
        if !mean.is_finite() {
            return Err(Error::value("mean", "a finite number", mean));
        }
        if !(scale.is_finite() && scale >= 0.0) {
            let expected = "a finite number of at least 0";
            return Err(Error::value("scale", expected, scale));
        }
        Ok(Self {
            law,
            first: mean,
            second: scale,
        })
    }

    /// The number with these probabilities below and above it.
    ///
    /// One function for both element types and all SIMD levels: they would have the same bits.
    #[inline(never)]
    fn at(&self, below: f64, above: f64) -> f64 {
        let is_below = below < above;
        let tail = if is_below { below } else { above };
        if let Law::Beta { lower, upper } = &self.law {
            let range = self.second - self.first;
            let logit = if is_below { lower } else { upper }.at(-Float::ln(tail));
            return if is_below {
                self.first + range * logit.sigmoid()
            } else {
                self.second - range * logit.sigmoid()
            };
        }
        let middle = (above - below).abs().at_least(NEAREST);
        let size = self.second * self.law.size(tail, middle);
        self.first + if is_below { -size } else { size }
    }
}

impl Law {
    /// The distance from the middle beyond which 2·`tail` lies on both sides, and `middle` nearer.
    fn size(&self, tail: f64, middle: f64) -> f64 {
        match self {
            Self::Cauchy => {
                if middle <= 0.5 {
                    let (sine, cosine) = circle(0.5 * PI * middle);
                    sine / cosine
                } else {
                    let (sine, cosine) = circle(PI * tail);
                    cosine / sine
                }
            }
            Self::Laplace => Float::ln_1p(middle / (tail + tail)),
            Self::Logistic => Float::ln_1p(middle / tail),
            Self::StudentT {
                root,
                ends,
                middle: central,
            } => {
                let both = tail + tail;
                let logit = if both <= 0.5 {
                    -ends.at(-Float::ln(both))
                } else {
                    central.at(-Float::ln(middle))
                };
                root * Float::exp(0.5 * logit)
            }
            Self::Beta { .. } => unreachable!("it has no middle"),
        }
    }
}

/// Sine and cosine of an angle from 0 to π/4, by the polynomials of `elementary.rs`.
fn circle(x: f64) -> (f64, f64) {
    let x2 = x * x;
    let sine = [
        -1.66666666666666307295e-1,
        8.33333333332211858878e-3,
        -1.98412698295895385996e-4,
        2.75573136213857245213e-6,
        -2.50507477628578072866e-8,
        1.58962301576546568060e-10,
    ];
    let cosine = [
        4.16666666666665929218e-2,
        -1.38888888888730564116e-3,
        2.48015872888517045348e-5,
        -2.75573141792967388112e-7,
        2.08757008419747316778e-9,
        -1.13585365213876817300e-11,
    ];
    (
        x + x * x2 * horner(x2, sine),
        1.0 - (0.5 * x2 - x2 * x2 * horner(x2, cosine)),
    )
}

impl<F: Sample> Sampler<F> for &Inverse {
    #[inline(always)]
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]) {
        for (x, &word) in out.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            let (below, above) = F::tails(word);
            *x = F::of(self.at(below, above));
        }
    }
}

impl Distribution for Inverse {
    fn draw<F: Sample>(&self, out: &mut [F], stream: &Stream, threads: Threads) -> Result<()> {
        // The least and the largest number that a word can give.
        let least = F::least_tail();
        let ends = [self.at(least, 1.0 - least), self.at(1.0 - least, least)];
        if !ends.into_iter().all(|x| F::of(x).is_finite()) {
            return Err(Error::value(
                if matches!(self.law, Law::Beta { .. }) {
                    "minval and maxval"
                } else {
                    "mean and scale"
                },
                format!("numbers within the range of {}", F::NAME),
                format!("{} and {}", self.first, self.second),
            ));
        }
        tiles::fill(self, out, stream, threads);
        Ok(())
    }
}
