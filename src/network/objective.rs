//! What training minimises and reports.

use std::sync::Arc;

use super::{Data, Plan};
use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::{Factor, Loss};
use crate::memory::zeros;
use crate::metrics::Metric;
use crate::parallel::Threads;

/// A loss and metrics for one plan.
#[derive(Debug)]
pub struct Objective<F: Float> {
    loss: Box<dyn Loss<F>>,
    metrics: Vec<Box<dyn Metric<F>>>,
    /// The activation that the loss has swallowed, where some metric wants what comes out of it.
    swallowed: Option<Arc<dyn Activation<F>>>,
}

/// Room for the outputs of one batch, as the objective works on them.
#[derive(Debug)]
pub(super) struct Scratch<F> {
    activated: Vec<F>,
    values: Vec<F>,
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
            let wanted = !metrics.iter().all(|metric| metric.survives_softmax());
            let swallowed = wanted.then_some(activation);
            return Ok((
                before,
                Self {
                    loss,
                    metrics,
                    swallowed,
                },
            ));
        }
        Ok((
            plan.clone(),
            Self {
                loss,
                metrics,
                swallowed: None,
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
        let activated = if self.swallowed.is_some() {
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
    /// mean), and turn its `outputs` into the gradient of the batch's mean loss.
    pub(super) fn score(
        &self,
        plan: &Plan<F>,
        outputs: &mut [F],
        data: &Data<F>,
        scratch: &mut Scratch<F>,
        sums: &mut [f64],
    ) {
        let (rows, width) = (outputs.len() / plan.output_width(), plan.output_width());
        let samples_per_row = 1.0 / plan.output_rows() as f64;
        let said = match &self.swallowed {
            None => &*outputs,
            Some(activation) => {
                let activated = &mut scratch.activated[..outputs.len()];
                activated.copy_from_slice(outputs);
                activation.forward(Threads::ONE, width, &[], activated, &mut []);
                activated
            }
        };
        let (loss_sum, metric_sums) = sums.split_at_mut(1);
        for (sum, metric) in metric_sums.iter_mut().zip(&self.metrics) {
            *sum += samples_per_row * metric.sum(width, said, data.y);
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
