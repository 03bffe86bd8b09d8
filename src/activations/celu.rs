//! Continuously differentiable exponential linear unit (Barron, 2017).

use super::Elementwise;
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// φ(z) = z for z > 0, α(e^(z/α) − 1) elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Celu {
    alpha: f64,
}

impl Celu {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let alpha = settings.float_where("alpha", "a positive number", |a| a > 0.0)?;
        Ok(Self { alpha })
    }
}

impl Elementwise for Celu {
    const KIND: &'static str = "celu";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let alpha = F::of(self.alpha);
        if z > F::ZERO {
            z
        } else {
            alpha * (z.at_most(F::ZERO) / alpha).exp_m1()
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO {
            F::ONE
        } else {
            // e^(z/α)
            y / F::of(self.alpha) + F::ONE
        }
    }
}
