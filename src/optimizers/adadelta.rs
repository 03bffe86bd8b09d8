//! Adadelta (Zeiler, 2012).

use super::{Optimizer, Part, Step, at_least_zero};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// s ← ρs + (1 − ρ)g², u = g √(d + ε) / √(s + ε), d ← ρd + (1 − ρ)u², w ← w − ηu.
///
/// The formula is the paper's, of Keras and of `PyTorch`; the latter has η = 1 by default.
#[derive(Debug)]
pub(super) struct Adadelta {
    rho: f64,
    epsilon: f64,
}

impl Adadelta {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            rho: settings
                .float_where("rho", "a number from 0 to 1", |r| (0.0..=1.0).contains(&r))?,
            epsilon: at_least_zero(settings, "epsilon")?,
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    rate: F,
    rho: F,
    rest: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for Adadelta {
    fn slots(&self) -> &'static [&'static str] {
        &["accumulated_grad", "accumulated_delta_var"]
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [s, d, _]) = (part.w, part.gradients, part.slots);
        let constants = Constants {
            rate: F::of(step.learning_rate),
            rho: F::of(self.rho),
            rest: F::of(1.0 - self.rho),
            epsilon: F::of(self.epsilon),
        };
        adadelta(constants, w, g, s, d);
    }
}

kernel! {
    fn adadelta<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], s: &mut [F], d: &mut [F]) {
        for (((w, &g), s), d) in w.iter_mut().zip(g).zip(s).zip(d) {
            *s = (c.rho * *s + c.rest * (g * g)).flush();
            let u = g * (*d + c.epsilon).sqrt() / (*s + c.epsilon).sqrt();
            *d = (c.rho * *d + c.rest * (u * u)).flush();
            *w -= c.rate * u;
        }
    }
}
