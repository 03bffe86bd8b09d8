//! Metrics that are means of a number a row.

use super::RowMetric;
use crate::float::Float;
use crate::losses::similarity::CosineSimilarity as CosineLoss;
use crate::losses::{RowValue, Target};

/// 1 where the largest output is the target's class, or at the place of the largest target.
#[derive(Debug)]
pub(super) struct CategoricalAccuracy {
    pub(super) sparse: bool,
}

/// The place of the first largest element; NaN is never largest.
fn argmax<F: Float>(values: impl Iterator<Item = F>) -> usize {
    let mut best = (0, None);
    for (j, value) in values.enumerate() {
        if best
            .1
            .map_or(!value.wide().is_nan(), |largest| value > largest)
        {
            best = (j, Some(value));
        }
    }
    best.0
}

impl<F: Float> RowMetric<F> for CategoricalAccuracy {
    fn takes_classes(&self) -> bool {
        self.sparse
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        let expected = match target {
            Target::Class(class) => class,
            Target::Values(values) => argmax(values.iter().copied()),
        };
        if argmax(outputs.iter().copied()) == expected {
            F::ONE
        } else {
            F::ZERO
        }
    }

    fn survives_softmax(&self) -> bool {
        true
    }
}

/// The part of the outputs that are on the target's side of the threshold.
#[derive(Debug)]
pub(super) struct BinaryAccuracy {
    pub(super) threshold: f64,
}

impl<F: Float> RowMetric<F> for BinaryAccuracy {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        let threshold = F::of(self.threshold);
        let says = |y: F| if y > threshold { F::ONE } else { F::ZERO };
        mean(outputs, |j, y| {
            if says(y) == target.at(j) {
                F::ONE
            } else {
                F::ZERO
            }
        })
    }
}

/// Mean of (y − t)².
#[derive(Debug)]
pub(super) struct MeanSquaredError;

impl<F: Float> RowMetric<F> for MeanSquaredError {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        mean(outputs, |j, y| (y - target.at(j)) * (y - target.at(j)))
    }
}

/// Mean of |y − t|.
#[derive(Debug)]
pub(super) struct MeanAbsoluteError;

impl<F: Float> RowMetric<F> for MeanAbsoluteError {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        mean(outputs, |j, y| (y - target.at(j)).abs())
    }
}

fn mean<F: Float>(outputs: &[F], term: impl Fn(usize, F) -> F) -> F {
    let mut sum = F::ZERO;
    for (j, &y) in outputs.iter().enumerate() {
        sum += term(j, y);
    }
    sum / F::of(outputs.len() as f64)
}

/// The part of the outputs that are equal to the targets.
#[derive(Debug)]
pub(super) struct Equality;

impl<F: Float> RowMetric<F> for Equality {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        mean(
            outputs,
            |j, y| {
                if y == target.at(j) { F::ONE } else { F::ZERO }
            },
        )
    }
}

/// 1 where fewer than k outputs are above that of the target's class, which NaN is not among.
#[derive(Debug)]
pub(super) struct TopK {
    pub(super) k: usize,
    pub(super) sparse: bool,
}

impl<F: Float> RowMetric<F> for TopK {
    fn takes_classes(&self) -> bool {
        self.sparse
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        let class = match target {
            Target::Class(class) => class,
            Target::Values(values) => argmax(values.iter().copied()),
        };
        let own = outputs[class];
        let own = if own.is_nan() {
            F::of(f64::NEG_INFINITY)
        } else {
            own
        };
        let above = outputs.iter().filter(|&&y| y > own).count();
        if above < self.k { F::ONE } else { F::ZERO }
    }

    fn survives_softmax(&self) -> bool {
        true
    }
}

/// The value of a loss.
#[derive(Debug)]
pub(super) struct OfLoss<L>(pub(super) L);

impl<F: Float, L: RowValue> RowMetric<F> for OfLoss<L> {
    fn takes_classes(&self) -> bool {
        L::TAKES_CLASSES
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        self.0.value(outputs, |j| target.at(j))
    }
}

/// The cosine of the angle between outputs and targets.
#[derive(Debug)]
pub(super) struct CosineSimilarity;

impl<F: Float> RowMetric<F> for CosineSimilarity {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        CosineLoss::cosine(outputs, |j| target.at(j))
    }
}
