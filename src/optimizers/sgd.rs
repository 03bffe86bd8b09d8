//! Stochastic gradient descent, with momentum and Nesterov's variant of it.

use super::{Optimizer, Part, Step, as_torch};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// v ← μv − ηg, w ← w + v; Nesterov: w ← w + μv − ηg with the new v. Without momentum w ← w − ηg.
///
/// `PyTorch` keeps η out of v, so that its paths differ when η changes: v ← μv + g, w ← w − ηv, Nesterov: w ← w − η(g + μv).
#[derive(Debug)]
pub(super) struct Sgd {
    momentum: f64,
    nesterov: bool,
    as_torch: bool,
}

impl Sgd {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            momentum: settings.float_where("momentum", "a number from 0 to 1", |m| {
                (0.0..=1.0).contains(&m)
            })?,
            nesterov: settings.flag("nesterov")?,
            as_torch: as_torch(settings)?,
        })
    }
}

impl<F: Float> Optimizer<F> for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 {
            &["velocity"]
        } else {
            &[]
        }
    }

    fn rests_at_zero(&self) -> bool {
        self.momentum == 0.0
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [v, ..]) = (part.w, part.gradients, part.slots);
        let (rate, momentum) = (F::of(step.learning_rate), F::of(self.momentum));
        if self.momentum == 0.0 {
            plain(rate, w, g);
        } else if self.as_torch {
            let ahead = if self.nesterov { F::ONE } else { F::ZERO };
            torch(rate, momentum, ahead, w, g, v);
        } else if self.nesterov {
            nesterov(rate, momentum, w, g, v);
        } else {
            heavy_ball(rate, momentum, w, g, v);
        }
    }
}

kernel! {
    fn plain<F: Float>(rate: F, w: &mut [F], g: &[F]) {
        for (w, &g) in w.iter_mut().zip(g) {
            *w -= rate * g;
        }
    }

    fn heavy_ball<F: Float>(rate: F, momentum: F, w: &mut [F], g: &[F], v: &mut [F]) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            *v = (momentum * *v - rate * g).flush();
            *w += *v;
        }
    }

    /// `ahead` is 1 for Nesterov's variant, else 0.
    fn torch<F: Float>(rate: F, momentum: F, ahead: F, w: &mut [F], g: &[F], v: &mut [F]) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            *v = (momentum * *v + g).flush();
            *w -= rate * if ahead > F::ZERO { g + momentum * *v } else { *v };
        }
    }

    fn nesterov<F: Float>(rate: F, momentum: F, w: &mut [F], g: &[F], v: &mut [F]) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            *v = (momentum * *v - rate * g).flush();
            *w += momentum * *v - rate * g;
        }
    }
}
