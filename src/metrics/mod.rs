//! Metrics, counted on the fly while training passes over a batch.
//!
//! A metric is sums over rows, so that batches, blocks and chunks can be added up in any grouping; what the sums say together
//! is computed where they are reported. A mean of a number a row is a formula for one row ([`RowMetric`]), others count
//! ([`Metric`]); both are one row in [`from_settings`].

mod counts;
mod means;

use std::fmt::Debug;

use crate::error::Result;
use crate::float::Float;
use crate::losses::categorical_crossentropy::CategoricalCrossentropy;
use crate::losses::pointwise::{
    Hinge, LogCosh, LogarithmicError, MeanOf, PercentageError, Poisson,
};
use crate::losses::similarity::{CategoricalHinge, KlDivergence};
use crate::losses::{Target, Targets, binary_crossentropy::BinaryCrossentropy};
use crate::settings::{Settings, look_up};
use means::{
    BinaryAccuracy, CategoricalAccuracy, CosineSimilarity, Equality, MeanAbsoluteError,
    MeanSquaredError, OfLoss, TopK,
};

/// Sums over rows.
pub trait Metric<F: Float>: Debug + Send + Sync {
    /// Whether targets are classes rather than one number an output.
    fn takes_classes(&self) -> bool;

    /// Whether it is the same before softmax as after, because only the order of the outputs counts.
    fn survives_softmax(&self) -> bool {
        false
    }

    /// Refuse outputs of a width that its settings do not fit.
    fn check(&self, _width: usize) -> Result<()> {
        Ok(())
    }

    /// How many sums there are, of rows of `width` outputs.
    fn sums(&self, width: usize) -> usize;

    /// Add rows to `sums`, each times its weight; none means that all weigh 1. A row is the part `share` of a sample, which
    /// means count; numbers of outputs do not.
    fn add(
        &self,
        width: usize,
        outputs: &[F],
        targets: Targets<F>,
        weights: &[F],
        share: f64,
        sums: &mut [f64],
    );

    /// The formula for one row, of a metric that is the mean of these.
    fn of_rows(&self) -> Option<&dyn RowMetric<F>> {
        None
    }
}

/// A number a row, to be averaged over rows.
pub trait RowMetric<F: Float>: Debug + Send + Sync {
    /// Whether targets are classes rather than one number an output.
    fn takes_classes(&self) -> bool;

    /// The metric of one row.
    fn row(&self, outputs: &[F], target: Target<F>) -> F;

    /// Whether it is the same before softmax as after, because only the order of the outputs counts.
    fn survives_softmax(&self) -> bool {
        false
    }

    /// Its sum over the rows of a batch.
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

/// The metric that is the mean over rows.
#[derive(Debug)]
struct Mean<M>(M);

impl<F: Float, M: RowMetric<F>> Metric<F> for Mean<M> {
    fn takes_classes(&self) -> bool {
        self.0.takes_classes()
    }

    fn survives_softmax(&self) -> bool {
        self.0.survives_softmax()
    }

    fn sums(&self, _width: usize) -> usize {
        1
    }

    fn add(
        &self,
        width: usize,
        outputs: &[F],
        targets: Targets<F>,
        weights: &[F],
        share: f64,
        sums: &mut [f64],
    ) {
        sums[0] += share * self.0.weighted_sum(width, outputs, targets, weights);
    }

    fn of_rows(&self) -> Option<&dyn RowMetric<F>> {
        Some(&self.0)
    }
}

/// The metric that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Box<dyn Metric<F>>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Metric<F>>>;
    fn mean<F: Float, M: RowMetric<F> + 'static>(row: M) -> Box<dyn Metric<F>> {
        Box::new(Mean(row))
    }
    let registry: [(&str, Make<F>); 24] = [
        ("accuracy", |_| Ok(mean(Equality))),
        ("binary_accuracy", |s| {
            Ok(mean(BinaryAccuracy {
                threshold: s.float_where("threshold", "a finite number", |_| true)?,
            }))
        }),
        ("binary_crossentropy", |s| {
            Ok(mean(OfLoss(BinaryCrossentropy::new(s)?)))
        }),
        ("buckets", |s| Ok(Box::new(counts::Buckets::new(s)?))),
        ("categorical_accuracy", |_| {
            Ok(mean(CategoricalAccuracy { sparse: false }))
        }),
        ("categorical_crossentropy", |s| {
            Ok(mean(OfLoss(CategoricalCrossentropy::dense(s)?)))
        }),
        ("categorical_hinge", |_| Ok(mean(OfLoss(CategoricalHinge)))),
        ("cosine_similarity", |_| Ok(mean(CosineSimilarity))),
        ("fbeta_score", |s| Ok(Box::new(counts::Decisions::new(s)?))),
        ("hinge", |_| {
            Ok(mean(OfLoss(MeanOf(Hinge { squared: false }))))
        }),
        ("kl_divergence", |_| Ok(mean(OfLoss(KlDivergence)))),
        ("log_cosh_error", |_| Ok(mean(OfLoss(MeanOf(LogCosh))))),
        ("mean_absolute_error", |_| Ok(mean(MeanAbsoluteError))),
        ("mean_absolute_percentage_error", |_| {
            Ok(mean(OfLoss(MeanOf(PercentageError))))
        }),
        ("mean_squared_error", |_| Ok(mean(MeanSquaredError))),
        ("mean_squared_logarithmic_error", |_| {
            Ok(mean(OfLoss(MeanOf(LogarithmicError))))
        }),
        ("poisson", |_| Ok(mean(OfLoss(MeanOf(Poisson))))),
        ("r2_score", |_| Ok(Box::new(counts::Spread))),
        // The root is taken of the mean.
        ("root_mean_squared_error", |_| Ok(mean(MeanSquaredError))),
        ("sparse_categorical_accuracy", |_| {
            Ok(mean(CategoricalAccuracy { sparse: true }))
        }),
        ("sparse_categorical_crossentropy", |s| {
            Ok(mean(OfLoss(CategoricalCrossentropy::sparse(s)?)))
        }),
        ("sparse_top_k_categorical_accuracy", |s| {
            Ok(mean(TopK {
                k: s.count("k")?,
                sparse: true,
            }))
        }),
        ("squared_hinge", |_| {
            Ok(mean(OfLoss(MeanOf(Hinge { squared: true }))))
        }),
        ("top_k_categorical_accuracy", |s| {
            Ok(mean(TopK {
                k: s.count("k")?,
                sparse: false,
            }))
        }),
    ];
    look_up("metric", &settings.kind, &registry)?(settings)
}
