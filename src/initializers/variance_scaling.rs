//! Weights whose variance follows from how many inputs and outputs a unit has.
//!
//! Glorot (Xavier), He and LeCun are choices of the arguments:
//!
//! | preset | scale | mode | source |
//! |---|---|---|---|
//! | Glorot | 1 | average | X. Glorot, Y. Bengio, AISTATS 2010 |
//! | He | 2 | `fan_in` | K. He, X. Zhang, S. Ren, J. Sun, ICCV 2015 |
//! | `LeCun` | 1 | `fan_in` | Y. `LeCun`, L. Bottou, G. Orr, K.-R. Müller, "Efficient `BackProp`", 1998 |

use super::Initializer;
use crate::error::{Error, Result};
use crate::parallel::Threads;
use crate::random::{
    Distribution, Normal, STD_WITHIN_TWO, Sample, Stream, TruncatedNormal, Uniform,
};
use crate::settings::look_up;
use crate::shape::fans;

/// What the variance is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Inputs of a unit: keeps the variance of activations going forward.
    FanIn,
    /// Outputs of a unit: keeps the variance of gradients going backward.
    FanOut,
    /// The mean of the two.
    FanAverage,
    /// The square root of their product, as in JAX.
    FanGeometric,
}

/// The shape of the distribution; its variance is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Normal, truncated at two standard deviations and widened so that the variance comes out right.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform on (−limit, limit).
    Uniform,
}

impl Mode {
    /// The mode that Keras and JAX give this name.
    pub fn parse(name: &str) -> Result<Self> {
        look_up(
            "mode",
            name,
            &[
                ("fan_in", Self::FanIn),
                ("fan_out", Self::FanOut),
                ("fan_avg", Self::FanAverage),
                ("fan_geo_avg", Self::FanGeometric),
            ],
        )
    }
}

impl Kind {
    /// The distribution that Keras gives this name.
    pub fn parse(name: &str) -> Result<Self> {
        look_up(
            "distribution",
            name,
            &[
                ("truncated_normal", Self::TruncatedNormal),
                ("untruncated_normal", Self::UntruncatedNormal),
                ("uniform", Self::Uniform),
            ],
        )
    }
}

/// Random weights of mean 0 and variance scale / fan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceScaling {
    scale: f64,
    mode: Mode,
    kind: Kind,
    fans: Option<(f64, f64)>,
}

impl VarianceScaling {
    /// `scale` must be positive.
    pub fn new(scale: f64, mode: Mode, kind: Kind) -> Result<Self> {
        if scale.is_finite() && scale > 0.0 {
            Ok(Self {
                scale,
                mode,
                kind,
                fans: None,
            })
        } else {
            Err(Error::value("scale", "a finite number above 0", scale))
        }
    }

    /// With these inputs and outputs of a unit instead of those that follow from the shape.
    #[must_use]
    pub fn with_fans(self, fans: Option<(f64, f64)>) -> Self {
        Self { fans, ..self }
    }

    /// The variance of weights of this shape. A fan of 0 counts as 1, as in Keras.
    pub fn variance(&self, shape: &[usize]) -> f64 {
        let (fan_in, fan_out) = self.fans.unwrap_or_else(|| fans(shape));
        let fan = match self.mode {
            Mode::FanIn => fan_in,
            Mode::FanOut => fan_out,
            Mode::FanAverage => 0.5 * (fan_in + fan_out),
            Mode::FanGeometric => (fan_in * fan_out).sqrt(),
        };
        self.scale / fan.max(1.0)
    }

    /// The parameter of the distribution for this shape: the standard deviation of the normal
    /// distribution (before truncation), or the limit of the uniform one.
    pub fn spread(&self, shape: &[usize]) -> f64 {
        let variance = self.variance(shape);
        match self.kind {
            Kind::TruncatedNormal => variance.sqrt() / STD_WITHIN_TWO,
            Kind::UntruncatedNormal => variance.sqrt(),
            Kind::Uniform => (3.0 * variance).sqrt(),
        }
    }
}

impl<F: Sample> Initializer<F> for VarianceScaling {
    fn fill(
        &self,
        out: &mut [F],
        shape: &[usize],
        stream: &Stream,
        threads: Threads,
    ) -> Result<()> {
        let spread = self.spread(shape);
        match self.kind {
            Kind::TruncatedNormal => {
                TruncatedNormal::within_two(0.0, spread)?.draw(out, stream, threads)
            }
            Kind::UntruncatedNormal => Normal::new(0.0, spread)?.draw(out, stream, threads),
            Kind::Uniform => Uniform::new(-spread, spread)?.draw(out, stream, threads),
        }
    }

    fn fills_in_slices(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_same_variance() {
        let shape = [200, 300];
        for mode in [
            Mode::FanIn,
            Mode::FanOut,
            Mode::FanAverage,
            Mode::FanGeometric,
        ] {
            for kind in [
                Kind::TruncatedNormal,
                Kind::UntruncatedNormal,
                Kind::Uniform,
            ] {
                let scaling = VarianceScaling::new(2.0, mode, kind).unwrap();
                let mut out = vec![0f64; 60_000];
                let stream = Stream::new("1", "variance");
                scaling
                    .fill(&mut out, &shape, &stream, Threads::ONE)
                    .unwrap();
                let mean = out.iter().sum::<f64>() / 6e4;
                let variance = out.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 6e4;
                // The relative error of a variance of 60,000 numbers is at most √(2/60,000) = 0.6 %.
                assert!((variance / scaling.variance(&shape) - 1.0).abs() < 0.024);
                assert!(mean.abs() < 4.0 * (scaling.variance(&shape) / 6e4).sqrt());
            }
        }
    }

    #[test]
    fn variances_are_those_of_the_papers() {
        let variance = |scale, mode| {
            VarianceScaling::new(scale, mode, Kind::Uniform)
                .unwrap()
                .variance(&[784, 128])
        };
        assert_eq!(variance(2.0, Mode::FanIn), 2.0 / 784.0);
        assert_eq!(variance(1.0, Mode::FanAverage), 2.0 / 912.0);
        assert_eq!(variance(1.0, Mode::FanOut), 1.0 / 128.0);
        assert_eq!(
            variance(1.0, Mode::FanGeometric),
            1.0 / (784f64 * 128.0).sqrt()
        );
        let of_a_bias = VarianceScaling::new(1.0, Mode::FanIn, Kind::Uniform)
            .unwrap()
            .with_fans(Some((784.0, 128.0)));
        assert_eq!(of_a_bias.variance(&[128]), 1.0 / 784.0);
    }

    #[test]
    fn scales_that_mean_nothing_are_refused() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(VarianceScaling::new(scale, Mode::FanIn, Kind::Uniform).is_err());
        }
    }
}
