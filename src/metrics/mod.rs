//! Metrics, counted on the fly while training passes over a batch.
//!
//! A new metric is a formula for one row ([`Metric`]) and one row in [`from_settings`].

use std::fmt::Debug;

use crate::error::Result;
use crate::float::Float;
use crate::losses::{Target, Targets};
use crate::settings::{Settings, look_up};

/// A number a row, to be averaged over rows.
pub trait Metric<F: Float>: Debug + Send + Sync {
    /// Whether targets are classes rather than one number an output.
    fn takes_classes(&self) -> bool;

    /// The metric of one row.
    fn row(&self, outputs: &[F], target: Target<F>) -> F;

    /// Whether it is the same before softmax as after, because only the order of the outputs counts.
    fn survives_softmax(&self) -> bool {
        false
    }

    /// Its sum over the rows of a batch. Sample weights weigh the loss, not what is reported of it.
    fn sum(&self, width: usize, outputs: &[F], targets: Targets<F>) -> f64 {
        let rows = outputs.chunks_exact(width).enumerate();
        rows.map(|(i, outputs)| self.row(outputs, targets.row(i, width)).wide())
            .sum()
    }

    /// Its sum over the rows of a batch, each times its weight; none means that all weigh 1.
    fn weighted_sum(&self, width: usize, outputs: &[F], targets: Targets<F>, weights: &[F]) -> f64 {
        if weights.is_empty() {
            return self.sum(width, outputs, targets);
        }
        let rows = outputs.chunks_exact(width).zip(weights).enumerate();
        rows.map(|(i, (outputs, weight))| {
            weight.wide() * self.row(outputs, targets.row(i, width)).wide()
        })
        .sum()
    }
}

/// The metric that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Box<dyn Metric<F>>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Metric<F>>>;
    let registry: [(&str, Make<F>); 5] = [
        ("binary_accuracy", |s| {
            Ok(Box::new(BinaryAccuracy {
                threshold: s.float_where("threshold", "a finite number", |_| true)?,
            }))
        }),
        ("categorical_accuracy", |_| {
            Ok(Box::new(CategoricalAccuracy { sparse: false }))
        }),
        ("mean_absolute_error", |_| Ok(Box::new(MeanAbsoluteError))),
        ("mean_squared_error", |_| Ok(Box::new(MeanSquaredError))),
        ("sparse_categorical_accuracy", |_| {
            Ok(Box::new(CategoricalAccuracy { sparse: true }))
        }),
    ];
    look_up("metric", &settings.kind, &registry)?(settings)
}

/// 1 where the largest output is the target's class, or at the place of the largest target.
#[derive(Debug)]
struct CategoricalAccuracy {
    sparse: bool,
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

impl<F: Float> Metric<F> for CategoricalAccuracy {
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
struct BinaryAccuracy {
    threshold: f64,
}

impl<F: Float> Metric<F> for BinaryAccuracy {
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
struct MeanSquaredError;

impl<F: Float> Metric<F> for MeanSquaredError {
    fn takes_classes(&self) -> bool {
        false
    }

    fn row(&self, outputs: &[F], target: Target<F>) -> F {
        mean(outputs, |j, y| (y - target.at(j)) * (y - target.at(j)))
    }
}

/// Mean of |y − t|.
#[derive(Debug)]
struct MeanAbsoluteError;

impl<F: Float> Metric<F> for MeanAbsoluteError {
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
