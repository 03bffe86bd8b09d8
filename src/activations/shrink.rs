//! Functions that make small numbers 0, or smaller.

use super::Elementwise;
use crate::error::Result;
use crate::float::{Float, horner};
use crate::settings::Settings;

/// Of z³, z⁵, … in z − tanh z.
const BEHIND_FIRST: [f64; 14] = [
    0.3333333333333333,
    -0.13333333333333333,
    0.05396825396825397,
    -0.021869488536155203,
    0.008863235529902197,
    -0.003592128036572481,
    0.0014558343870513183,
    -0.000590027440945586,
    0.00023912911424355248,
    -9.691537956929451e-05,
    3.927832388331683e-05,
    -1.5918905069328964e-05,
    6.451689215655431e-06,
    -2.6147711512907546e-06,
];

/// φ(z) = z − tanh z.
#[derive(Debug, Clone, Copy)]
pub(super) struct TanhShrink;

impl Elementwise for TanhShrink {
    const KIND: &'static str = "tanh_shrink";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        // Near 0 the difference is the Taylor series behind its first term.
        let square = z * z;
        let series = z * square * horner(square, BEHIND_FIRST);
        if z.abs() < F::of(0.5) {
            series
        } else {
            z - z.tanh()
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        let t = z.tanh();
        t * t
    }
}

/// The threshold of shrinking: at least 0, as the side is recovered from y.
fn threshold_of(settings: &Settings) -> Result<f64> {
    settings.float_where("threshold", "a number of at least 0", |t| t >= 0.0)
}

/// φ(z) = z − t above t, z + t below −t, 0 between.
#[derive(Debug, Clone, Copy)]
pub(super) struct SoftShrink {
    threshold: f64,
}

impl SoftShrink {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let threshold = threshold_of(settings)?;
        Ok(Self { threshold })
    }
}

impl Elementwise for SoftShrink {
    const KIND: &'static str = "soft_shrink";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let t = F::of(self.threshold);
        // NaN is not within.
        z - z.at_least(-t).at_most(t)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y == F::ZERO { F::ZERO } else { F::ONE }
    }
}

/// φ(z) = z above t and below −t, 0 between.
#[derive(Debug, Clone, Copy)]
pub(super) struct HardShrink {
    threshold: f64,
}

impl HardShrink {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let threshold = threshold_of(settings)?;
        Ok(Self { threshold })
    }
}

impl Elementwise for HardShrink {
    const KIND: &'static str = "hard_shrink";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        if z.abs() <= F::of(self.threshold) {
            F::ZERO
        } else {
            z
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y == F::ZERO { F::ZERO } else { F::ONE }
    }
}

/// φ(z) = z above a number, another number elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threshold {
    threshold: f64,
    default_value: f64,
}

impl Threshold {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let number = |name| settings.float_where(name, "a finite number", |_| true);
        Ok(Self {
            threshold: number("threshold")?,
            default_value: number("default_value")?,
        })
    }
}

impl Elementwise for Threshold {
    const KIND: &'static str = "threshold";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        if z <= F::of(self.threshold) {
            F::of(self.default_value)
        } else {
            z
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        if z <= F::of(self.threshold) {
            F::ZERO
        } else {
            F::ONE
        }
    }
}
