//! Losses that compare the whole of a row: a divergence, an angle, a margin.

use super::{EPSILON, RowLoss, RowValue};
use crate::float::Float;

/// Σ t ln(t / y), with t and y kept between ε and 1 (Kullback and Leibler, 1951).
#[derive(Debug, Clone)]
pub(crate) struct KlDivergence;

/// A target between ε and 1.
#[inline(always)]
fn share<F: Float>(x: F) -> F {
    x.at_least(F::of(EPSILON)).at_most(F::ONE)
}

impl RowLoss for KlDivergence {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let value = self.value(outputs, &target);
        let low = F::of(EPSILON);
        for (j, y) in outputs.iter_mut().enumerate() {
            let outside = *y < low || *y > F::ONE;
            *y = if outside {
                F::ZERO
            } else {
                -share(target(j)) / *y
            };
        }
        value
    }
}

impl RowValue for KlDivergence {
    #[inline(always)]
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F {
        let mut sum = F::ZERO;
        for (j, &y) in outputs.iter().enumerate() {
            let t = share(target(j));
            sum += t * (t / share(y)).ln();
        }
        sum
    }
}

/// −Σ t̂ŷ, the cosine of the angle between outputs and targets with a minus, where t̂ and ŷ are t and y over their norms, of
/// which none counts less than ε.
#[derive(Debug, Clone)]
pub(crate) struct CosineSimilarity;

/// One over the norm whose square this is; at most 1/ε.
#[inline(always)]
fn inverse_norm<F: Float>(square: F) -> F {
    (F::ONE / square.sqrt()).at_most(F::of(1.0 / EPSILON))
}

/// Σ ty, and one over the norms of y and of t.
#[inline(always)]
fn angle<F: Float>(outputs: &[F], target: impl Fn(usize) -> F) -> (F, F, F) {
    let (mut dot, mut of_y, mut of_t) = (F::ZERO, F::ZERO, F::ZERO);
    for (j, &y) in outputs.iter().enumerate() {
        let t = target(j);
        dot += t * y;
        of_y += y * y;
        of_t += t * t;
    }
    (dot, inverse_norm(of_y), inverse_norm(of_t))
}

impl CosineSimilarity {
    /// The cosine itself.
    #[inline(always)]
    pub(crate) fn cosine<F: Float>(outputs: &[F], target: impl Fn(usize) -> F) -> F {
        let (dot, of_y, of_t) = angle(outputs, target);
        dot * of_y * of_t
    }
}

impl RowLoss for CosineSimilarity {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let (dot, of_y, of_t) = angle(outputs, &target);
        let cosine = dot * of_y * of_t;
        // Where y is as short as ε, its factor is a constant.
        let along = if of_y < F::of(1.0 / EPSILON) {
            cosine * of_y
        } else {
            F::ZERO * cosine
        };
        for (j, y) in outputs.iter_mut().enumerate() {
            *y = (along * *y - target(j) * of_t) * of_y;
        }
        -cosine
    }
}

/// max(m − Σ ty + 1, 0), with m the largest (1 − t) y: the classes' margin, of one-hot targets.
#[derive(Debug, Clone)]
pub(crate) struct CategoricalHinge;

/// What is missing to a margin of 1, and where the largest of the others is.
#[inline(always)]
fn missing<F: Float>(outputs: &[F], target: impl Fn(usize) -> F) -> (F, usize) {
    let (mut right, mut wrong, mut at) = (F::ZERO, F::of(f64::NEG_INFINITY), 0);
    for (j, &y) in outputs.iter().enumerate() {
        let t = target(j);
        right += t * y;
        let other = (F::ONE - t) * y;
        if other > wrong {
            (wrong, at) = (other, j);
        }
    }
    (wrong - right + F::ONE, at)
}

impl RowLoss for CategoricalHinge {
    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let (missing, at) = missing(outputs, &target);
        let short = missing.at_least(F::ZERO);
        // 0 past the margin; NaN for NaN.
        let slope = if missing > F::ZERO { F::ONE } else { short };
        for (j, y) in outputs.iter_mut().enumerate() {
            let t = target(j);
            let other = if j == at { F::ONE - t } else { F::ZERO };
            *y = slope * (other - t);
        }
        short
    }
}

impl RowValue for CategoricalHinge {
    #[inline(always)]
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F {
        missing(outputs, target).0.at_least(F::ZERO)
    }
}
