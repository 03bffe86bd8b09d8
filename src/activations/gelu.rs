//! Gaussian error linear unit (Hendrycks & Gimpel, 2016), exact and by its tanh approximation.

use super::{Activation, Elementwise};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// The variant that `approximate` asks for.
pub(super) fn new<F: Float>(settings: &Settings) -> Result<Box<dyn Activation<F>>> {
    Ok(if settings.flag("approximate")? {
        Box::new(TanhGelu)
    } else {
        Box::new(Gelu)
    })
}

/// φ(z) = z Φ(z), Φ the standard normal distribution function.
#[derive(Debug, Clone, Copy)]
struct Gelu;

/// Φ(z) = ½ erfc(−z/√2).
#[inline(always)]
fn normal_cdf<F: Float>(z: F) -> F {
    F::of(0.5) * (z * F::of(-std::f64::consts::FRAC_1_SQRT_2)).erfc()
}

/// Φ′(z) = e^(−z²/2) / √(2π).
#[inline(always)]
fn normal_pdf<F: Float>(z: F) -> F {
    const INVERSE_SQRT_TAU: f64 = 0.39894228040143267793994605993438;
    F::of(INVERSE_SQRT_TAU) * (F::of(-0.5) * z * z).exp()
}

impl Elementwise for Gelu {
    const KIND: &'static str = "gelu";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        // −∞ · 0 is 0 here.
        z.at_least(-F::LARGEST) * normal_cdf(z)
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        normal_cdf(z) + z.bounded() * normal_pdf(z)
    }
}

/// φ(z) = ½z(1 + tanh u), u = √(2/π)(z + 0.044715 z³).
#[derive(Debug, Clone, Copy)]
struct TanhGelu;

const SQRT_2_OVER_PI: f64 = 0.79788456080286535587989211986876;
const CUBIC: f64 = 0.044715;

#[inline(always)]
fn tanh_u<F: Float>(z: F) -> F {
    (F::of(SQRT_2_OVER_PI) * (z + F::of(CUBIC) * z * z * z)).tanh()
}

impl Elementwise for TanhGelu {
    const KIND: &'static str = "gelu";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        F::of(0.5) * z.at_least(-F::LARGEST) * (F::ONE + tanh_u(z))
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        let t = tanh_u(z);
        let du = F::of(SQRT_2_OVER_PI) * (F::ONE + F::of(3.0 * CUBIC) * z * z);
        // tanh u is flat long before z³ overflows.
        F::of(0.5) * (F::ONE + t + z.bounded() * (F::ONE - t * t) * du.bounded())
    }
}
