//! What training minimises and reports.

use std::sync::Arc;

use super::{Data, Plan};
use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::{Factor, Loss};
use crate::memory::{Buffer, zeros};
use crate::metrics::Metric;
use crate::parallel::Threads;

/// A loss and metrics for one plan.
#[derive(Debug)]
pub struct Objective<F: Float> {
    loss: Box<dyn Loss<F>>,
    metrics: Vec<Box<dyn Metric<F>>>,
    /// The activation that is one formula with the loss, so that the network stops before it.
    fused: Option<Arc<dyn Activation<F>>>,
    /// Whether some metric wants what comes out of it.
    activates: bool,
}

/// Room for the outputs of one batch, as the objective works on them.
#[derive(Debug)]
pub(super) struct Scratch<F> {
    activated: Buffer<F>,
    values: Buffer<F>,
}

impl<F: Float> Objective<F> {
    /// The objective for `plan`, and the plan to run for it: where the loss is one formula with the last
    /// activation (softmax, sigmoid), the network stops before that.
    pub fn new(
        plan: &Plan<F>,
        loss: Box<dyn Loss<F>>,
        metrics: Vec<Box<dyn Metric<F>>>,
    ) -> Result<(Plan<F>, Self)> {
        if metrics
            .iter()
            .any(|metric| metric.takes_classes() != loss.takes_classes())
        {
            let (classes, values) = ("one class a row", "one number an output");
            let (expected, found) = if loss.takes_classes() {
                (classes, values)
            } else {
                (values, classes)
            };
            let expected = format!("metrics of {expected}, as the loss is");
            return Err(Error::value("metrics", expected, format!("one of {found}")));
        }
        if let Some((before, activation)) = plan.before_activation()
            && let Some(loss) = loss.before(&*activation)
        {
            let activates = !metrics.iter().all(|metric| metric.survives_softmax());
            return Ok((
                before,
                Self {
                    loss,
                    metrics,
                    fused: Some(activation),
                    activates,
                },
            ));
        }
        Ok((
            plan.clone(),
            Self {
                loss,
                metrics,
                fused: None,
                activates: false,
            },
        ))
    }

    /// Whether targets are classes.
    pub fn takes_classes(&self) -> bool {
        self.loss.takes_classes()
    }

    /// How many sums [`score`](Self::score) adds to: the loss and each metric.
    pub fn sums(&self) -> usize {
        1 + self.metrics.len()
    }

    pub(super) fn scratch(&self, plan: &Plan<F>, samples: usize) -> Result<Scratch<F>> {
        let activated = if self.activates {
            plan.output_size()
        } else {
            0
        };
        Ok(Scratch {
            activated: zeros(samples.saturating_mul(activated))?,
            values: zeros(samples.saturating_mul(plan.output_rows()))?,
        })
    }

    /// Add the loss and metrics of a batch to `sums` (over samples; a sample of several rows counts their
    /// mean), and turn its `outputs` into the gradient of the batch's mean loss. `copy` gets the outputs of the
    /// whole network, unless it is empty.
    pub(super) fn score(
        &self,
        plan: &Plan<F>,
        outputs: &mut [F],
        data: &Data<F>,
        scratch: &mut Scratch<F>,
        sums: &mut [f64],
        copy: &mut [F],
    ) {
        let (rows, width) = (outputs.len() / plan.output_width(), plan.output_width());
        let samples_per_row = 1.0 / plan.output_rows() as f64;
        let seen = if copy.is_empty() && !self.activates {
            &*outputs
        } else {
            let seen = if copy.is_empty() {
                &mut scratch.activated[..outputs.len()]
            } else {
                copy
            };
            seen.copy_from_slice(outputs);
            if let Some(activation) = &self.fused {
                activation.forward(Threads::ONE, width, &[], seen, &mut []);
            }
            seen
        };
        let (loss_sum, metric_sums) = sums.split_at_mut(1);
        for (sum, metric) in metric_sums.iter_mut().zip(&self.metrics) {
            *sum += samples_per_row * metric.sum(width, seen, data.y);
        }
        let values = &mut scratch.values[..rows];
        let factor = Factor {
            all: F::of(1.0 / rows as f64),
            weights: data.weights,
        };
        self.loss.rows(width, outputs, data.y, factor, values);
        let weighted = values
            .iter()
            .enumerate()
            .map(|(i, v)| v.wide() * data.weights.get(i).map_or(1.0, |w| w.wide()));
        loss_sum[0] += samples_per_row * weighted.sum::<f64>();
    }
}
