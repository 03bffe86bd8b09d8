//! Adagrad (Duchi, Hazan & Singer, 2011).

use super::{Optimizer, Part, Step, as_torch};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// s ← s + g², w ← w − ηg / √(s + ε), with ε inside the root as in Keras; `PyTorch` has it outside.
#[derive(Debug)]
pub(super) struct Adagrad {
    epsilon: f64,
    as_torch: bool,
}

impl Adagrad {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            epsilon: settings.float_where("epsilon", "a number of at least 0", |e| e >= 0.0)?,
            as_torch: as_torch(settings)?,
        })
    }
}

impl<F: Float> Optimizer<F> for Adagrad {
    fn slots(&self) -> &'static [&'static str] {
        &["accumulator"]
    }

    fn rests_at_zero(&self) -> bool {
        // Without ε, 0 / √0 where s is 0.
        F::of(self.epsilon) > F::ZERO
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [s, ..]) = (part.w, part.gradients, part.slots);
        let (rate, epsilon) = (F::of(step.learning_rate), F::of(self.epsilon));
        if self.as_torch {
            torch(rate, epsilon, w, g, s);
        } else {
            adagrad(rate, epsilon, w, g, s);
        }
    }
}

kernel! {
    fn adagrad<F: Float>(rate: F, epsilon: F, w: &mut [F], g: &[F], s: &mut [F]) {
        for ((w, &g), s) in w.iter_mut().zip(g).zip(s) {
            *s += g * g;
            *w -= rate * g / (*s + epsilon).sqrt();
        }
    }

    fn torch<F: Float>(rate: F, epsilon: F, w: &mut [F], g: &[F], s: &mut [F]) {
        for ((w, &g), s) in w.iter_mut().zip(g).zip(s) {
            *s += g * g;
            *w -= rate * g / ((*s).sqrt() + epsilon);
        }
    }
}
