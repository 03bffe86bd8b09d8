//! `RMSprop` (Tieleman & Hinton, 2012), plain, centred (Graves, 2013) and with momentum.

use super::{Optimizer, Part, Step, as_torch};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// v ← ρv + (1 − ρ)g², u = g / √(v + ε), w ← w − ηu. Centred: a ← ρa + (1 − ρ)g and v − a² in the
/// place of v. With momentum: b ← μb + ηu, w ← w − b.
///
/// ε stands inside the root, as in Keras; `PyTorch` puts it outside, and η before b: b ← μb + u, w ← w − ηb.
#[derive(Debug)]
pub(super) struct RmsProp {
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
    as_torch: bool,
}

impl RmsProp {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let part =
            |name| settings.float_where(name, "a number from 0 to 1", |r| (0.0..=1.0).contains(&r));
        Ok(Self {
            rho: part("rho")?,
            momentum: part("momentum")?,
            epsilon: settings.float_where("epsilon", "a number of at least 0", |e| e >= 0.0)?,
            centered: settings.flag("centered")?,
            as_torch: as_torch(settings)?,
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    rate: F,
    rho: F,
    rest: F,
    momentum: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for RmsProp {
    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["velocity"],
            (false, true) => &["velocity", "momentum"],
            (true, false) => &["velocity", "average_gradient"],
            (true, true) => &["velocity", "momentum", "average_gradient"],
        }
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [v, second, third]) = (part.w, part.gradients, part.slots);
        let c = Constants {
            rate: F::of(step.learning_rate),
            rho: F::of(self.rho),
            rest: F::of(1.0 - self.rho),
            momentum: F::of(self.momentum),
            epsilon: F::of(self.epsilon),
        };
        if self.as_torch {
            let (momentum, mean) = match (self.centered, self.momentum > 0.0) {
                (false, false) => (None, None),
                (false, true) => (Some(second), None),
                (true, false) => (None, Some(second)),
                (true, true) => (Some(second), Some(third)),
            };
            torch(c, w, g, v, momentum, mean);
            return;
        }
        match (self.centered, self.momentum > 0.0) {
            (false, false) => plain(c, w, g, v),
            (false, true) => with_momentum(c, w, g, v, second),
            (true, false) => centered(c, w, g, v, second),
            (true, true) => centered_with_momentum(c, w, g, v, second, third),
        }
    }
}

/// v ← ρv + (1 − ρ)g².
#[inline(always)]
fn average<F: Float>(c: Constants<F>, average: &mut F, x: F) -> F {
    *average = (c.rho * *average + c.rest * x).flush();
    *average
}

/// v − a², which rounding may leave a little below 0.
#[inline(always)]
fn about<F: Float>(square: F, mean: F) -> F {
    (square - mean * mean).at_least(F::ZERO)
}

/// As `PyTorch` has it, with the slots that there are.
fn torch<F: Float>(
    c: Constants<F>,
    w: &mut [F],
    g: &[F],
    v: &mut [F],
    mut momentum: Option<&mut [F]>,
    mut mean: Option<&mut [F]>,
) {
    for (i, ((w, &g), v)) in w.iter_mut().zip(g).zip(v).enumerate() {
        let square = average(c, v, g * g);
        let spread = match &mut mean {
            Some(mean) => about(square, average(c, &mut mean[i], g)),
            None => square,
        };
        let mut step = g / (spread.sqrt() + c.epsilon);
        if let Some(momentum) = &mut momentum {
            momentum[i] = (c.momentum * momentum[i] + step).flush();
            step = momentum[i];
        }
        *w -= c.rate * step;
    }
}

kernel! {
    fn plain<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], v: &mut [F]) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            *w -= c.rate * g / (average(c, v, g * g) + c.epsilon).sqrt();
        }
    }

    fn with_momentum<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], v: &mut [F], b: &mut [F]) {
        for (((w, &g), v), b) in w.iter_mut().zip(g).zip(v).zip(b) {
            *b = (c.momentum * *b + c.rate * g / (average(c, v, g * g) + c.epsilon).sqrt()).flush();
            *w -= *b;
        }
    }

    fn centered<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], v: &mut [F], a: &mut [F]) {
        for (((w, &g), v), a) in w.iter_mut().zip(g).zip(v).zip(a) {
            let mean = average(c, a, g);
            let variance = about(average(c, v, g * g), mean);
            *w -= c.rate * g / (variance + c.epsilon).sqrt();
        }
    }

    fn centered_with_momentum<F: Float>(
        c: Constants<F>, w: &mut [F], g: &[F], v: &mut [F], b: &mut [F], a: &mut [F],
    ) {
        for ((((w, &g), v), b), a) in w.iter_mut().zip(g).zip(v).zip(b).zip(a) {
            let mean = average(c, a, g);
            let variance = about(average(c, v, g * g), mean);
            *b = (c.momentum * *b + c.rate * g / (variance + c.epsilon).sqrt()).flush();
            *w -= *b;
        }
    }
}
