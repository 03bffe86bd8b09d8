//! Adamax (Kingma & Ba, 2015, section 7.1): Adam with the largest gradient in the place of the root mean square.

use super::{Optimizer, Part, Step, at_least_zero, below_one, correction};
use crate::error::Result;
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g|), w ← w − η / (1 − β₁ᵗ) · m / (u + ε).
///
/// `PyTorch` has ε within the maximum.
#[derive(Debug)]
pub(super) struct Adamax {
    beta_1: f64,
    beta_2: f64,
    powers: Powers,
    /// η / (1 − β₁ᵗ).
    alpha: f64,
    epsilon: f64,
}

impl Adamax {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let beta_1 = below_one(settings, "beta_1")?;
        Ok(Self {
            beta_1,
            beta_2: below_one(settings, "beta_2")?,
            powers: Powers::of(beta_1),
            alpha: 0.0,
            epsilon: at_least_zero(settings, "epsilon")?,
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    alpha: F,
    beta_1: F,
    beta_2: F,
    rest_1: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for Adamax {
    fn slots(&self) -> &'static [&'static str] {
        &["m", "u"]
    }

    fn begin(&mut self, step: Step) {
        self.alpha = step.learning_rate / correction(&mut self.powers, step.number);
    }

    fn update(&self, _step: Step, part: Part<F>) {
        let (w, g, [m, u, _]) = (part.w, part.gradients, part.slots);
        let constants = Constants {
            alpha: F::of(self.alpha),
            beta_1: F::of(self.beta_1),
            beta_2: F::of(self.beta_2),
            rest_1: F::of(1.0 - self.beta_1),
            epsilon: F::of(self.epsilon),
        };
        adamax(constants, w, g, m, u);
    }
}

kernel! {
    fn adamax<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], m: &mut [F], u: &mut [F]) {
        for (((w, &g), m), u) in w.iter_mut().zip(g).zip(m).zip(u) {
            *m = (c.beta_1 * *m + c.rest_1 * g).flush();
            // NaN if the gradient is.
            *u = g.abs().at_least((c.beta_2 * *u).flush());
            *w -= c.alpha * *m / (*u + c.epsilon);
        }
    }
}
