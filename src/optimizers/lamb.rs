//! Lamb (You et al., 2020): Adam's steps, as long in each variable as its parameters say.

use super::{Optimizer, Part, Step, at_least_zero, below_one, correction};
use crate::error::Result;
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², u = m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε), and
/// w ← w − η ‖w‖ / ‖u‖ · u of each variable, where both norms are above 0, else w ← w − ηu.
///
/// As in Keras, weight decay comes before, and is no part of u as in the paper.
#[derive(Debug)]
pub(super) struct Lamb {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    powers: [Powers; 2],
    /// 1 − βᵗ of each β.
    rests: [f64; 2],
}

impl Lamb {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let (beta_1, beta_2) = (
            below_one(settings, "beta_1")?,
            below_one(settings, "beta_2")?,
        );
        Ok(Self {
            beta_1,
            beta_2,
            epsilon: at_least_zero(settings, "epsilon")?,
            powers: [Powers::of(beta_1), Powers::of(beta_2)],
            rests: [1.0; 2],
        })
    }

    fn constants<F: Float>(&self) -> Constants<F> {
        Constants {
            beta_1: F::of(self.beta_1),
            beta_2: F::of(self.beta_2),
            rest_1: F::of(1.0 - self.beta_1),
            rest_2: F::of(1.0 - self.beta_2),
            under_m: F::of(self.rests[0]),
            under_v: F::of(self.rests[1]),
            epsilon: F::of(self.epsilon),
        }
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    beta_1: F,
    beta_2: F,
    rest_1: F,
    rest_2: F,
    under_m: F,
    under_v: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for Lamb {
    fn slots(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn takes_variables(&self) -> bool {
        true
    }

    fn measures(&self) -> usize {
        1
    }

    fn begin(&mut self, step: Step) {
        let of_step = |powers| correction(powers, step.number);
        self.rests = self.powers.each_mut().map(of_step);
    }

    fn measure(&self, _step: Step, part: Part<F>, measured: &mut [f64]) {
        let [m, v, _] = part.slots;
        let c = self.constants();
        averages(c, part.gradients, m, v);
        let of_w = norm(part.w.iter().copied());
        let of_u = norm(m.iter().zip(&*v).map(|(&m, &v)| direction(c, m, v)));
        measured[0] = if of_w > 0.0 && of_u > 0.0 {
            of_w / of_u
        } else {
            1.0
        };
    }

    fn update(&self, step: Step, part: Part<F>) {
        let [m, v, _] = part.slots;
        let rate = F::of(step.learning_rate * part.measured[0]);
        along(self.constants(), rate, part.w, m, v);
    }
}

fn norm<F: Float>(x: impl Iterator<Item = F>) -> f64 {
    x.map(|x| x.wide() * x.wide()).sum::<f64>().sqrt()
}

/// u.
#[inline(always)]
fn direction<F: Float>(c: Constants<F>, m: F, v: F) -> F {
    m / c.under_m / ((v / c.under_v).sqrt() + c.epsilon)
}

kernel! {
    fn averages<F: Float>(c: Constants<F>, g: &[F], m: &mut [F], v: &mut [F]) {
        for ((&g, m), v) in g.iter().zip(m).zip(v) {
            *m = (c.beta_1 * *m + c.rest_1 * g).flush();
            *v = (c.beta_2 * *v + c.rest_2 * g * g).flush();
        }
    }

    fn along<F: Float>(c: Constants<F>, rate: F, w: &mut [F], m: &[F], v: &[F]) {
        for ((w, &m), &v) in w.iter_mut().zip(m).zip(v) {
            *w -= rate * direction(c, m, v);
        }
    }
}
