//! Adam (Kingma & Ba, 2015) and its variant AMSGrad (Reddi, Kale & Kumar, 2018).

use super::{Optimizer, Part, Step};
use crate::error::Result;
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − α m / (√v + ε) with
/// α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ); AMSGrad puts the largest v so far in the place of v.
///
/// This is the form at the end of the paper's section 2, which Keras uses: ε is compared with √v, not
/// with the corrected √v̂ as in `PyTorch`.
#[derive(Debug)]
pub(super) struct Adam {
    beta_1: f64,
    beta_2: f64,
    /// Of β₁ and β₂.
    powers: [Powers; 2],
    /// α of this step.
    alpha: f64,
    epsilon: f64,
    amsgrad: bool,
}

impl Adam {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let rate = |name| {
            settings.float_where(name, "a number from 0 to below 1", |b| {
                (0.0..1.0).contains(&b)
            })
        };
        let (beta_1, beta_2) = (rate("beta_1")?, rate("beta_2")?);
        Ok(Self {
            beta_1,
            beta_2,
            powers: [Powers::of(beta_1), Powers::of(beta_2)],
            alpha: 0.0,
            epsilon: settings.float_where("epsilon", "a number of at least 0", |e| e >= 0.0)?,
            amsgrad: settings.flag("amsgrad")?,
        })
    }
}

/// 1 − βᵗ.
fn correction(powers: &mut Powers, t: u64) -> f64 {
    // βᵗ ≤ exp((β − 1) t), and what is below 2⁻⁵⁴ leaves 1 as it is.
    if (1.0 - powers.base()) * t as f64 > 38.0 {
        1.0
    } else {
        1.0 - powers.at(t)
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
        let of_step = |powers| correction(powers, step.number);
        let [rest_1, rest_2] = self.powers.each_mut().map(of_step);
        self.alpha = step.learning_rate * (rest_2.sqrt() / rest_1);
    }

    fn update(&self, _step: Step, part: Part<F>) {
        let (w, g, [m, v, v_max]) = (part.w, part.gradients, part.slots);
        let constants = Constants {
            alpha: F::of(self.alpha),
            beta_1: F::of(self.beta_1),
            beta_2: F::of(self.beta_2),
            rest_1: F::of(1.0 - self.beta_1),
            rest_2: F::of(1.0 - self.beta_2),
            epsilon: F::of(self.epsilon),
        };
        if self.amsgrad {
            amsgrad(constants, w, g, m, v, v_max);
        } else {
            adam(constants, w, g, m, v);
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
