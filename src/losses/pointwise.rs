//! Losses that are means over outputs of a term of each output and its target.

use std::fmt::Debug;

use super::{EPSILON, RowLoss, RowValue};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// What one output adds.
pub(crate) trait Term: Clone + Debug + Send + Sync + 'static {
    /// The term of output `y` and target `t`, and its derivative with respect to `y`.
    fn of<F: Float>(&self, y: F, t: F) -> (F, F);

    /// The same term of what goes into an activation of this kind, if that is one formula.
    fn before(&self, _activation: &str) -> Option<Self> {
        None
    }
}

/// L = mean over outputs of a term.
#[derive(Debug, Clone)]
pub(crate) struct MeanOf<T>(pub(crate) T);

impl<T: Term> RowLoss for MeanOf<T> {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let width = F::of(outputs.len() as f64);
        let mut sum = F::ZERO;
        for (j, y) in outputs.iter_mut().enumerate() {
            let (term, slope) = self.0.of(*y, target(j));
            sum += term;
            *y = slope / width;
        }
        sum / width
    }

    fn before(&self, activation: &str) -> Option<Self> {
        self.0.before(activation).map(Self)
    }
}

impl<T: Term> RowValue for MeanOf<T> {
    #[inline(always)]
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F {
        let mut sum = F::ZERO;
        for (j, &y) in outputs.iter().enumerate() {
            sum += self.0.of(y, target(j)).0;
        }
        sum / F::of(outputs.len() as f64)
    }
}

/// ln x: −∞ at 0, NaN below.
#[inline(always)]
fn log<F: Float>(x: F) -> F {
    if x > F::ZERO {
        x.ln()
    } else if x == F::ZERO {
        F::of(f64::NEG_INFINITY)
    } else {
        F::of(f64::NAN)
    }
}

/// ln(1 + x) for x ≥ 0, infinity too.
#[inline(always)]
fn log_1p<F: Float>(x: F) -> F {
    if x > F::LARGEST { x } else { x.ln_1p() }
}

/// 1, −1 or 0 as `x` has it, and NaN for NaN.
#[inline(always)]
fn sign<F: Float>(x: F) -> F {
    if x > F::ZERO {
        F::ONE
    } else if x < F::ZERO {
        -F::ONE
    } else {
        x
    }
}

/// Huber's loss of an error e: e²/2 up to |e| = δ, then δ|e| − δ²/2 (Huber, 1964). Keras's, and `torch`'s `HuberLoss`;
/// its `SmoothL1Loss` is this over δ.
#[derive(Debug, Clone)]
pub(crate) struct Huber {
    delta: f64,
}

impl Huber {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let delta = settings.float_where("delta", "a positive number", |d| d > 0.0)?;
        Ok(Self { delta })
    }
}

impl Term for Huber {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let (e, delta, half) = (y - t, F::of(self.delta), F::of(0.5));
        let a = e.abs();
        if a <= delta {
            (half * (e * e), e)
        } else {
            (delta * (a - half * delta), delta * sign(e))
        }
    }
}

/// ln cosh e, of an error e; its derivative is tanh e.
#[derive(Debug, Clone)]
pub(crate) struct LogCosh;

impl Term for LogCosh {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let e = y - t;
        let a = e.abs();
        // cosh a − 1 = (1 − e⁻ᵃ)² / 2e⁻ᵃ, which does not cancel where a is small.
        let shrunk = (-a).exp_m1();
        let near = (shrunk * shrunk / (F::of(2.0) * (F::ONE + shrunk))).ln_1p();
        let far = a + ((-a - a).exp().ln_1p() - F::of(std::f64::consts::LN_2));
        (if a < F::ONE { near } else { far }, e.tanh())
    }
}

/// A target as hinges take it: −1 or 1; 0 means −1. (Keras and this differ where 0 stands beside others than 0 and 1.)
#[inline(always)]
fn side<F: Float>(t: F) -> F {
    if t == F::ZERO { -F::ONE } else { t }
}

/// What is missing to a margin of 1, max(1 − ty, 0), or its square.
#[derive(Debug, Clone)]
pub(crate) struct Hinge {
    pub(crate) squared: bool,
}

impl Term for Hinge {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let t = side(t);
        let missing = F::ONE - t * y;
        let short = missing.at_least(F::ZERO);
        if self.squared {
            return (short * short, -(short + short) * t);
        }
        // 0 at the bend; NaN for NaN.
        let slope = if missing > F::ZERO { -t } else { short };
        (short, slope)
    }
}

/// y − t ln(y + ε): what a Poisson distribution of mean y says against the count t, but for what y does not change.
#[derive(Debug, Clone)]
pub(crate) struct Poisson;

impl Term for Poisson {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let mean = y + F::of(EPSILON);
        (y - t * log(mean), F::ONE - t / mean)
    }
}

/// 100 |t − y| / max(|t|, ε).
#[derive(Debug, Clone)]
pub(crate) struct PercentageError;

impl Term for PercentageError {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let (size, percent) = (t.abs().at_least(F::of(EPSILON)), F::of(100.0));
        let e = (y - t) / size;
        (percent * e.abs(), percent * sign(e) / size)
    }
}

/// (ln(1 + y) − ln(1 + t))², where y and t count as ε below that.
#[derive(Debug, Clone)]
pub(crate) struct LogarithmicError;

impl Term for LogarithmicError {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let low = F::of(EPSILON);
        let (kept, target) = (y.at_least(low), t.at_least(low));
        let e = log_1p(kept) - log_1p(target);
        let slope = if y < low {
            F::ZERO
        } else {
            (e + e) / (F::ONE + kept)
        };
        (e * e, slope)
    }
}

/// α(t − y) where the output is below its target, (1 − α)(y − t) above: least where y is the α-quantile of the targets
/// (Koenker and Bassett, 1978). `mean_pinball_loss` of scikit-learn.
#[derive(Debug, Clone)]
pub(crate) struct Pinball {
    alpha: f64,
}

impl Pinball {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let alpha = settings.float_where("alpha", "a number from 0 to 1", |a| {
            (0.0..=1.0).contains(&a)
        })?;
        Ok(Self { alpha })
    }
}

impl Term for Pinball {
    #[inline(always)]
    fn of<F: Float>(&self, y: F, t: F) -> (F, F) {
        let (e, below, above) = (y - t, F::of(self.alpha), F::of(1.0 - self.alpha));
        if e > F::ZERO {
            (above * e, above)
        } else if e < F::ZERO {
            (-(below * e), -below)
        } else {
            (e, e)
        }
    }
}
