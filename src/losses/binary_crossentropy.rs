//! Binary cross-entropy, each output a probability of its own.

use super::{EPSILON, RowLoss, RowValue};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// L = mean over outputs of −t ln p − (1 − t) ln(1 − p), with p = σ(z) from logits, else p = y kept off
/// 0 and 1. Label smoothing α turns t into (1 − α) t + α/2. An infinite logit gives the limit: 0 where t is on its
/// side for certain, else ∞.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl BinaryCrossentropy {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            from_logits: settings.flag("from_logits")?,
            label_smoothing: settings.float_where(
                "label_smoothing",
                "a number from 0 to 1",
                |a| (0.0..=1.0).contains(&a),
            )?,
        })
    }
}

impl RowLoss for BinaryCrossentropy {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let keep = F::of(1.0 - self.label_smoothing);
        let add = F::of(self.label_smoothing / 2.0);
        let width = F::of(outputs.len() as f64);
        let mut sum = F::ZERO;
        for (j, y) in outputs.iter_mut().enumerate() {
            let t = keep * target(j) + add;
            let (loss, gradient) = if self.from_logits {
                from_logit(*y, t)
            } else {
                from_probability(*y, t)
            };
            sum += loss;
            *y = gradient / width;
        }
        sum / width
    }

    fn before(&self, activation: &str) -> Option<Self> {
        (activation == "sigmoid" && !self.from_logits).then_some(Self {
            from_logits: true,
            ..*self
        })
    }
}

impl RowValue for BinaryCrossentropy {
    #[inline(always)]
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F {
        let keep = F::of(1.0 - self.label_smoothing);
        let add = F::of(self.label_smoothing / 2.0);
        let mut sum = F::ZERO;
        for (j, &y) in outputs.iter().enumerate() {
            let t = keep * target(j) + add;
            let (loss, _) = if self.from_logits {
                from_logit(y, t)
            } else {
                from_probability(y, t)
            };
            sum += loss;
        }
        sum / F::of(outputs.len() as f64)
    }
}

/// L = max(z, 0) − zt + ln(1 + e^−|z|); dL/dz = σ(z) − t.
#[inline(always)]
pub(super) fn from_logit<F: Float>(z: F, t: F) -> (F, F) {
    let against = if z > F::ZERO { F::ONE - t } else { t };
    // Where the target is on z's side for certain, |z| counts nothing, even if it is infinite.
    let wrong_side = if against == F::ZERO {
        F::ZERO
    } else {
        z.abs() * against
    };
    (wrong_side + (-z.abs()).exp().ln_1p(), z.sigmoid() - t)
}

/// dL/dp = (p − t) / (p(1 − p)), and 0 where p is clipped.
#[inline(always)]
pub(super) fn from_probability<F: Float>(y: F, t: F) -> (F, F) {
    let (low, high) = (F::of(EPSILON), F::of(1.0 - EPSILON));
    let p = y.at_least(low).at_most(high);
    let loss = -(t * p.ln() + (F::ONE - t) * (F::ONE - p).ln());
    // Not `p == y`: NaN must stay NaN.
    let clipped = y < low || y > high;
    let gradient = if clipped {
        F::ZERO
    } else {
        (p - t) / (p * (F::ONE - p))
    };
    (loss, gradient)
}
