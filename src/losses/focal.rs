//! Focal cross-entropies: what is certain already counts little (Lin et al., 2017).

use super::binary_crossentropy::{from_logit, from_probability};
use super::pointwise::Term;
use super::{EPSILON, RowLoss};
use crate::activations::softmax::{max_of_row, take_limit};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// What both share: a weight α, how much what is certain counts less (γ), and what is done to the targets.
#[derive(Debug, Clone, Copy)]
struct Focus {
    alpha: f64,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
}

impl Focus {
    fn new(settings: &Settings) -> Result<Self> {
        let share =
            |name| settings.float_where(name, "a number from 0 to 1", |a| (0.0..=1.0).contains(&a));
        Ok(Self {
            alpha: share("alpha")?,
            gamma: settings.float_where("gamma", "a number of at least 0", |g| g >= 0.0)?,
            from_logits: settings.flag("from_logits")?,
            label_smoothing: share("label_smoothing")?,
        })
    }

    /// xᵉ for an exponent that is γ or one less.
    #[inline(always)]
    fn power<F: Float>(x: F, exponent: f64) -> F {
        if exponent == 2.0 {
            x * x
        } else if exponent == 1.0 {
            x
        } else if exponent == 0.0 {
            F::ONE
        } else if x == F::ZERO {
            F::of(if exponent > 0.0 { 0.0 } else { f64::INFINITY })
        } else if x > F::ZERO {
            (F::of(exponent) * x.ln()).exp()
        } else {
            F::of(f64::NAN)
        }
    }
}

/// (1 − p̂)^γ c, with c the binary cross-entropy and p̂ = tp + (1 − t)(1 − p) what is given to the target; times
/// tα + (1 − t)(1 − α) where classes are balanced. Exact from logits; Keras takes these by way of probabilities.
#[derive(Debug, Clone)]
pub(super) struct BinaryFocal {
    focus: Focus,
    balanced: bool,
}

impl BinaryFocal {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            focus: Focus::new(settings)?,
            balanced: settings.flag("apply_class_balancing")?,
        })
    }
}

impl Term for BinaryFocal {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let Focus {
            alpha,
            gamma,
            from_logits,
            label_smoothing,
        } = self.focus;
        let t = F::of(1.0 - label_smoothing) * t + F::of(label_smoothing / 2.0);
        let (other, turn) = (F::ONE - t, F::ONE - (t + t));
        let ((loss, slope), missed, moves) = if from_logits {
            let (p, q) = (y.sigmoid(), (-y).sigmoid());
            (from_logit(y, t), t * q + other * p, turn * (p * q))
        } else {
            let missed = t * (F::ONE - y) + other * y;
            (from_probability(y, t), missed, turn)
        };
        let factor = Focus::power(missed, gamma);
        // The factor moves too; not where a logit is infinite.
        let turns = if gamma == 0.0 || moves == F::ZERO {
            F::ZERO
        } else {
            loss * (F::of(gamma) * Focus::power(missed, gamma - 1.0)) * moves
        };
        let weight = if self.balanced {
            t * F::of(alpha) + other * F::of(1.0 - alpha)
        } else {
            F::ONE
        };
        (weight * (factor * loss), weight * (factor * slope + turns))
    }

    fn before(&self, activation: &str) -> Option<Self> {
        (activation == "sigmoid" && !self.focus.from_logits).then(|| Self {
            focus: Focus {
                from_logits: true,
                ..self.focus
            },
            ..self.clone()
        })
    }
}

/// −α Σ tⱼ (1 − pⱼ)^γ ln pⱼ, with p = softmax(z) from logits, else p = y / Σy, kept off 0 and 1.
#[derive(Debug, Clone)]
pub(super) struct CategoricalFocal(Focus);

impl CategoricalFocal {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self(Focus::new(settings)?))
    }

    /// The term of a class, and p times its derivative with respect to p.
    #[inline(always)]
    fn term<F: Float>(&self, p: F, missed: F, ln: F, t: F) -> (F, F) {
        let gamma = self.0.gamma;
        let weight = F::of(self.0.alpha) * t;
        // A class without weight counts nothing, even where its probability is 0.
        if weight == F::ZERO {
            return (F::ZERO, F::ZERO);
        }
        let factor = Focus::power(missed, gamma);
        let turns = if gamma == 0.0 || p == F::ZERO || ln == F::ZERO {
            F::ZERO
        } else {
            F::of(gamma) * Focus::power(missed, gamma - 1.0) * (p * ln)
        };
        (-(weight * (factor * ln)), weight * (turns - factor))
    }

    /// From logits: dL/dzₖ = hₖ − pₖ Σ h, with h = p dL/dp.
    #[inline(always)]
    fn of_logits<F: Float>(&self, z: &mut [F], target: impl Fn(usize) -> F) -> F {
        let max = take_limit(max_of_row(z), z);
        let mut sum = F::ZERO;
        for z in z.iter_mut() {
            *z -= max;
            sum += z.exp();
        }
        let ln_sum = sum.ln();
        let (mut value, mut all) = (F::ZERO, F::ZERO);
        for (j, z) in z.iter().enumerate() {
            let (p, ln) = (z.exp() / sum, *z - ln_sum);
            let (term, h) = self.term(p, missed(p, ln), ln, target(j));
            value += term;
            all += h;
        }
        for (k, z) in z.iter_mut().enumerate() {
            let (p, ln) = (z.exp() / sum, *z - ln_sum);
            let (_, h) = self.term(p, missed(p, ln), ln, target(k));
            *z = h - p * all;
        }
        value
    }

    /// From probabilities: dL/dyₖ = (gₖ − Σ g q) / Σy over the classes that are not clipped, with g = dL/dq.
    #[inline(always)]
    fn of_probabilities<F: Float>(&self, y: &mut [F], target: impl Fn(usize) -> F) -> F {
        let (low, high) = (F::of(EPSILON), F::of(1.0 - EPSILON));
        let mut total = F::ZERO;
        for &y in y.iter() {
            total += y;
        }
        let (mut value, mut all) = (F::ZERO, F::ZERO);
        for (j, y) in y.iter_mut().enumerate() {
            let q = *y / total;
            let p = q.at_least(low).at_most(high);
            let (term, h) = self.term(p, F::ONE - p, p.ln(), target(j));
            let inside = !(q < low || q > high);
            value += term;
            all += if inside { h } else { F::ZERO };
            *y = if inside { h / p } else { F::ZERO };
        }
        for y in y {
            *y = (*y - all) / total;
        }
        value
    }
}

/// 1 − p, of which ln p is known too: without cancellation where p is nearly 1.
#[inline(always)]
fn missed<F: Float>(p: F, ln: F) -> F {
    if p > F::of(0.5) {
        -ln.exp_m1()
    } else {
        F::ONE - p
    }
}

impl RowLoss for CategoricalFocal {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let smoothing = self.0.label_smoothing;
        let keep = F::of(1.0 - smoothing);
        let add = F::of(smoothing / outputs.len() as f64);
        let target = |j| keep * target(j) + add;
        if self.0.from_logits {
            self.of_logits(outputs, target)
        } else {
            self.of_probabilities(outputs, target)
        }
    }

    fn before(&self, activation: &str) -> Option<Self> {
        (activation == "softmax" && !self.0.from_logits).then_some(Self(Focus {
            from_logits: true,
            ..self.0
        }))
    }
}
