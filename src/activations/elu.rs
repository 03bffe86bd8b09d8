//! Exponential linear unit (Clevert, Unterthiner & Hochreiter, 2016).

use super::Elementwise;
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// φ(z) = z for z > 0, α(eᶻ − 1) elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elu {
    alpha: f64,
}

impl Elu {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        // Not below 0: the side is recovered from the sign of y.
        let alpha = settings.float_where("alpha", "a number of at least 0", |a| a >= 0.0)?;
        Ok(Self { alpha })
    }
}

impl Elementwise for Elu {
    const KIND: &'static str = "elu";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        if z > F::ZERO {
            z
        } else {
            F::of(self.alpha) * z.at_most(F::ZERO).exp_m1()
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO {
            F::ONE
        } else {
            y + F::of(self.alpha)
        }
    }
}
