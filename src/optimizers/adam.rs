//! Adam (Kingma & Ba, 2015) and its variant AMSGrad (Reddi, Kale & Kumar, 2018).

use super::{Optimizer, Part, Step, as_torch, at_least_zero, below_one, correction};
use crate::error::Result;
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − α m / (√v + ε) with
/// α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ); AMSGrad puts the largest v so far in the place of v.
///
/// This is the form at the end of the paper's section 2, which Keras uses: ε is compared with √v, not
/// with the corrected √v̂ as in `PyTorch`, whose form this has where the settings ask for it.
#[derive(Debug)]
pub(super) struct Adam {
    moments: Moments,
    amsgrad: bool,
}

impl Adam {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let betas = [
            below_one(settings, "beta_1")?,
            below_one(settings, "beta_2")?,
        ];
        let moments = Moments::new(betas, at_least_zero(settings, "epsilon")?);
        Ok(Self {
            moments: Moments {
                as_torch: as_torch(settings)?,
                ..moments
            },
            amsgrad: settings.flag("amsgrad")?,
        })
    }
}

/// The rule, for what has m and v.
#[derive(Debug)]
pub(super) struct Moments {
    betas: [f64; 2],
    /// Of β₁ and β₂.
    powers: [Powers; 2],
    /// α of this step.
    alpha: f64,
    epsilon: f64,
    /// Whether ε is compared with √v̂.
    as_torch: bool,
    /// What √v is compared with in this step.
    epsilon_of_step: f64,
}

impl Moments {
    pub(super) fn new(betas: [f64; 2], epsilon: f64) -> Self {
        Self {
            betas,
            powers: betas.map(Powers::of),
            alpha: 0.0,
            epsilon,
            as_torch: false,
            epsilon_of_step: epsilon,
        }
    }

    pub(super) fn begin(&mut self, step: Step) {
        let of_step = |powers| correction(powers, step.number);
        let [rest_1, rest_2] = self.powers.each_mut().map(of_step);
        self.alpha = step.learning_rate * (rest_2.sqrt() / rest_1);
        if self.as_torch {
            // √v̂ + ε is (√v + ε √(1 − β₂ᵗ)) / √(1 − β₂ᵗ).
            self.epsilon_of_step = self.epsilon * rest_2.sqrt();
        }
    }

    fn constants<F: Float>(&self) -> Constants<F> {
        let [beta_1, beta_2] = self.betas;
        Constants {
            alpha: F::of(self.alpha),
            beta_1: F::of(beta_1),
            beta_2: F::of(beta_2),
            rest_1: F::of(1.0 - beta_1),
            rest_2: F::of(1.0 - beta_2),
            epsilon: F::of(self.epsilon_of_step),
        }
    }

    pub(super) fn update<F: Float>(&self, w: &mut [F], g: &[F], m: &mut [F], v: &mut [F]) {
        adam(self.constants(), w, g, m, v);
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    alpha: F,
    beta_1: F,
    beta_2: F,
    rest_1: F,
    rest_2: F,
    epsilon: F,
}

impl<F: Float> Optimizer<F> for Adam {
    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad {
            &["m", "v", "v_max"]
        } else {
            &["m", "v"]
        }
    }

    fn begin(&mut self, step: Step) {
        self.moments.begin(step);
    }

    fn update(&self, _step: Step, part: Part<F>) {
        let (w, g, [m, v, v_max]) = (part.w, part.gradients, part.slots);
        if self.amsgrad {
            amsgrad(self.moments.constants(), w, g, m, v, v_max);
        } else {
            self.moments.update(w, g, m, v);
        }
    }
}

kernel! {
    fn adam<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], m: &mut [F], v: &mut [F]) {
        for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            *m = (c.beta_1 * *m + c.rest_1 * g).flush();
            *v = (c.beta_2 * *v + c.rest_2 * g * g).flush();
            *w -= c.alpha * *m / (v.sqrt() + c.epsilon);
        }
    }

    fn amsgrad<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], m: &mut [F], v: &mut [F], v_max: &mut [F]) {
        for ((((w, &g), m), v), v_max) in w.iter_mut().zip(g).zip(m).zip(v).zip(v_max) {
            *m = (c.beta_1 * *m + c.rest_1 * g).flush();
            *v = (c.beta_2 * *v + c.rest_2 * g * g).flush();
            *v_max = v_max.at_least(*v);
            *w -= c.alpha * *m / (v_max.sqrt() + c.epsilon);
        }
    }
}
