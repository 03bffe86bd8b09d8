//! Nadam (Dozat, 2016): Adam with Nesterov's momentum.

use super::{Optimizer, Part, Step, at_least_zero, below_one, correction};
use crate::error::Result;
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// With μₜ = β₁(1 − 0.96ᵗ / 2) and Pₜ = μ₁ ⋯ μₜ: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
/// w ← w − η (μₜ₊₁ m / (1 − Pₜ₊₁) + (1 − μₜ) g / (1 − Pₜ)) / (√(v / (1 − β₂ᵗ)) + ε).
///
/// As in Keras; `PyTorch` has 0.96 to the power of t · `momentum_decay`, 0.004 by default.
#[derive(Debug)]
pub(super) struct Nadam {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    warming: Warming,
    powers: Powers,
    /// What m and g are multiplied by, and v is divided by, in this step.
    factors: [f64; 3],
}

/// The momenta μₜ and their products.
#[derive(Debug)]
struct Warming {
    beta: f64,
    powers: Powers,
    of_beta: Powers,
    /// P of the number of a step up to [`WARM_AFTER`].
    product: (u64, f64),
}

/// From here on 1 − 0.96ᵗ / 2 is 1 in `f64`.
const WARM_AFTER: u64 = 1024;

impl Warming {
    fn new(beta: f64) -> Self {
        Self {
            beta,
            powers: Powers::of(0.96),
            of_beta: Powers::of(beta),
            product: (0, 1.0),
        }
    }

    /// μₜ.
    fn momentum(&mut self, t: u64) -> f64 {
        self.beta * (1.0 - 0.5 * self.powers.at(t))
    }

    /// Pₜ, the same whichever was asked for before.
    fn product(&mut self, t: u64) -> f64 {
        let warming = t.min(WARM_AFTER);
        let (mut done, mut product) = self.product;
        if done > warming {
            (done, product) = (0, 1.0);
        }
        while done < warming {
            done += 1;
            product *= self.momentum(done);
        }
        self.product = (done, product);
        if t > WARM_AFTER {
            product *= self.of_beta.at(t - WARM_AFTER);
        }
        product
    }
}

impl Nadam {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let (beta_1, beta_2) = (
            below_one(settings, "beta_1")?,
            below_one(settings, "beta_2")?,
        );
        Ok(Self {
            beta_1,
            beta_2,
            epsilon: at_least_zero(settings, "epsilon")?,
            warming: Warming::new(beta_1),
            powers: Powers::of(beta_2),
            factors: [0.0; 3],
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    of_m: F,
    of_g: F,
    under_v: F,
    beta_1: F,
    beta_2: F,
    rest_1: F,
    rest_2: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for Nadam {
    fn slots(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn begin(&mut self, step: Step) {
        let (t, rate) = (step.number, step.learning_rate);
        let product = self.warming.product(t);
        let (now, next) = (self.warming.momentum(t), self.warming.momentum(t + 1));
        self.factors = [
            rate * (next / (1.0 - product * next)),
            rate * ((1.0 - now) / (1.0 - product)),
            correction(&mut self.powers, t),
        ];
    }

    fn update(&self, _step: Step, part: Part<F>) {
        let (w, g, [m, v, _]) = (part.w, part.gradients, part.slots);
        let [of_m, of_g, under_v] = self.factors.map(F::of);
        let constants = Constants {
            of_m,
            of_g,
            under_v,
            beta_1: F::of(self.beta_1),
            beta_2: F::of(self.beta_2),
            rest_1: F::of(1.0 - self.beta_1),
            rest_2: F::of(1.0 - self.beta_2),
            epsilon: F::of(self.epsilon),
        };
        nadam(constants, w, g, m, v);
    }
}

kernel! {
    fn nadam<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], m: &mut [F], v: &mut [F]) {
        for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            *m = (c.beta_1 * *m + c.rest_1 * g).flush();
            *v = (c.beta_2 * *v + c.rest_2 * g * g).flush();
            *w -= (c.of_m * *m + c.of_g * g) / ((*v / c.under_v).sqrt() + c.epsilon);
        }
    }
}
