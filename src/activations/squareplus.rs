//! Squareplus (Barron, 2021): a smooth rectifier of algebraic functions.

use super::Elementwise;
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// φ(z) = (z + √(z² + b)) / 2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Squareplus {
    b: f64,
}

impl Squareplus {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let b = settings.float_where("b", "a number above 0 and up to 1e6", |b| {
            b > 0.0 && b <= 1e6
        })?;
        Ok(Self { b })
    }

    /// √(z² + b).
    #[inline(always)]
    fn root<F: Float>(self, z: F) -> F {
        // From there on b is far below the last place of z², which may overflow.
        let size = z.abs();
        if size > F::of(1e18) {
            size
        } else {
            (z * z + F::of(self.b)).sqrt()
        }
    }
}

impl Elementwise for Squareplus {
    const KIND: &'static str = "squareplus";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let root = self.root(z);
        if z < F::ZERO {
            // The difference of two numbers that are almost equal, as a quotient.
            F::of(0.5 * self.b) / (root - z)
        } else {
            F::of(0.5) * z + F::of(0.5) * root
        }
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, y: F) -> F {
        // (1 + z / √(z² + b)) / 2 = y / √(z² + b)
        y.bounded() / self.root(z).bounded()
    }
}
