//! Lion (Chen et al., 2023): steps of one length, along the sign of a momentum.

use super::{Optimizer, Part, Step};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// w ← w − η sign(β₁m + (1 − β₁)g), then m ← β₂m + (1 − β₂)g; the sign of 0 is 0.
#[derive(Debug)]
pub(super) struct Lion {
    beta_1: f64,
    beta_2: f64,
}

impl Lion {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            beta_1: settings.float_where("beta_1", "a number above 0, and at most 1", |b| {
                b > 0.0 && b <= 1.0
            })?,
            beta_2: settings.float_where("beta_2", "a number from 0 to 1", |b| {
                (0.0..=1.0).contains(&b)
            })?,
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    rate: F,
    beta_1: F,
    beta_2: F,
    rest_1: F,
    rest_2: F,
}

impl<F: Float> Optimizer<F> for Lion {
    fn slots(&self) -> &'static [&'static str] {
        &["m"]
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [m, ..]) = (part.w, part.gradients, part.slots);
        let constants = Constants {
            rate: F::of(step.learning_rate),
            beta_1: F::of(self.beta_1),
            beta_2: F::of(self.beta_2),
            rest_1: F::of(1.0 - self.beta_1),
            rest_2: F::of(1.0 - self.beta_2),
        };
        lion(constants, w, g, m);
    }
}

/// 1, 0 or −1; NaN stays.
#[inline(always)]
fn sign<F: Float>(x: F) -> F {
    if x > F::ZERO {
        F::ONE
    } else if x < F::ZERO {
        -F::ONE
    } else {
        x
    }
}

kernel! {
    fn lion<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], m: &mut [F]) {
        for ((w, &g), m) in w.iter_mut().zip(g).zip(m) {
            *w -= c.rate * sign(c.beta_1 * *m + c.rest_1 * g);
            *m = (c.beta_2 * *m + c.rest_2 * g).flush();
        }
    }
}
