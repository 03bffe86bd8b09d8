//! The rectified linear unit with a slope, an end and a threshold.

use super::Elementwise;
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// φ(z) = the smaller of z and m above t, a(z − t) elsewhere, with φ′(t) = a and φ′(m) = 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rectifier {
    negative_slope: f64,
    max_value: f64,
    threshold: f64,
}

impl Rectifier {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let number = |name| settings.float_where(name, "a number of at least 0", |x| x >= 0.0);
        // Without an end the largest number is one.
        let max_value = if settings.values.contains_key("max_value") {
            number("max_value")?
        } else {
            f64::INFINITY
        };
        Ok(Self {
            negative_slope: number("negative_slope")?,
            max_value,
            threshold: number("threshold")?,
        })
    }
}

impl Elementwise for Rectifier {
    const KIND: &'static str = "rectifier";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let threshold = F::of(self.threshold);
        if z > threshold {
            z.at_most(F::of(self.max_value))
        } else if self.negative_slope == 0.0 {
            // −∞ · 0 is 0 here.
            F::ZERO * z.at_least(-F::LARGEST)
        } else {
            F::of(self.negative_slope) * (z - threshold)
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        if z <= F::of(self.threshold) {
            F::of(self.negative_slope)
        } else if z < F::of(self.max_value) || self.max_value == f64::INFINITY {
            F::ONE
        } else {
            F::ZERO
        }
    }
}
