//! Leaky rectified linear unit.

use super::Elementwise;
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// φ(z) = z for z > 0, a·z elsewhere, with φ′(0) = a.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeakyRelu {
    negative_slope: f64,
}

impl LeakyRelu {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        // Not below 0: the slope is recovered from the sign of y.
        let negative_slope =
            settings.float_where("negative_slope", "a number of at least 0", |a| a >= 0.0)?;
        Ok(Self { negative_slope })
    }
}

impl Elementwise for LeakyRelu {
    const KIND: &'static str = "leaky_relu";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        if z > F::ZERO {
            z
        } else if self.negative_slope == 0.0 {
            // −∞ · 0 is 0 here.
            F::ZERO * z.at_least(-F::LARGEST)
        } else {
            F::of(self.negative_slope) * z
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO {
            F::ONE
        } else {
            F::of(self.negative_slope)
        }
    }
}
