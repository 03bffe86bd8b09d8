//! What training minimises and reports.

use std::ops::Range;
use std::sync::Arc;

use super::{Labels, Plan};
use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::{Factor, Loss};
use crate::memory::{Buffer, zeros};
use crate::metrics::Metric;
use crate::parallel::Threads;

/// What is wanted of one output of a network.
#[derive(Debug)]
pub struct Goal<F: Float> {
    /// Which output.
    pub output: usize,
    /// Its loss; None where it is only looked at.
    pub loss: Option<Box<dyn Loss<F>>>,
    /// What the loss is multiplied by in the sum of all.
    pub weight: f64,
    /// What is counted of all samples alike.
    pub metrics: Vec<Box<dyn Metric<F>>>,
    /// What is counted with each sample as heavy as in the loss.
    pub weighted: Vec<Box<dyn Metric<F>>>,
}

impl<F: Float> Goal<F> {
    /// Whether targets are classes, if all that compares them agrees.
    fn takes_classes(&self) -> Result<bool> {
        let loss = self.loss.iter().map(|loss| loss.takes_classes());
        let metrics = self.metrics.iter().chain(&self.weighted);
        let mut all = loss.chain(metrics.map(|metric| metric.takes_classes()));
        let Some(first) = all.next() else {
            let expected = "a loss or a metric of each output that it names";
            return Err(Error::value("goals", expected, "neither"));
        };
        if all.any(|other| other != first) {
            let (classes, values) = ("one class a row", "one number an output");
            let (expected, found) = if first {
                (classes, values)
            } else {
                (values, classes)
            };
            let expected = format!("metrics of {expected}, as the loss is");
            return Err(Error::value("metrics", expected, format!("one of {found}")));
        }
        Ok(first)
    }
}

/// A goal, and where its output lies.
#[derive(Debug)]
struct Part<F: Float> {
    goal: Goal<F>,
    takes_classes: bool,
    /// Its numbers of a sample.
    columns: Range<usize>,
    /// Rows of a sample, and their width.
    rows: usize,
    width: usize,
    /// The activation that is one formula with the loss, so that the network stops before it.
    fused: Option<Arc<dyn Activation<F>>>,
    /// Whether some metric wants what comes out of it.
    activates: bool,
}

/// Losses and metrics for one plan.
#[derive(Debug)]
pub struct Objective<F: Float> {
    parts: Vec<Part<F>>,
    /// Numbers of a sample in all outputs, where there are several.
    several: Option<usize>,
}

/// Room for the outputs of one batch, as the objective works on them.
#[derive(Debug)]
pub(super) struct Scratch<F> {
    activated: Buffer<F>,
    values: Buffer<F>,
    /// One output of several, in a piece.
    alone: Buffer<F>,
}

impl<F: Float> Objective<F> {
    /// The objective for a `plan` of one output, and the plan to run for it; see [`of`](Self::of).
    pub fn new(
        plan: &Plan<F>,
        loss: Box<dyn Loss<F>>,
        metrics: Vec<Box<dyn Metric<F>>>,
    ) -> Result<(Plan<F>, Self)> {
        let goal = Goal {
            output: 0,
            loss: Some(loss),
            weight: 1.0,
            metrics,
            weighted: Vec::new(),
        };
        Self::of(plan, vec![goal])
    }

    /// The objective of these goals, at most one an output, and the plan to run for it: where a loss is one formula with
    /// the activation that its output ends in (softmax, sigmoid), the network stops before that.
    ///
    /// Penalties on what layers make are part of what the plan computes.
    pub fn of(plan: &Plan<F>, goals: Vec<Goal<F>>) -> Result<(Plan<F>, Self)> {
        let plan = &plan.penalized();
        let ends = plan.outputs();
        let mut before = vec![false; ends.len()];
        let mut parts: Vec<Part<F>> = Vec::with_capacity(goals.len());
        for mut goal in goals {
            let next = parts.last().map_or(0, |part| part.goal.output + 1);
            if goal.output < next || goal.output >= ends.len() {
                let expected = format!("outputs from {next} to {}, in order", ends.len() - 1);
                return Err(Error::value("goals", expected, goal.output));
            }
            if !goal.weight.is_finite() {
                return Err(Error::value("weight", "a finite number", goal.weight));
            }
            let takes_classes = goal.takes_classes()?;
            for metric in goal.metrics.iter().chain(&goal.weighted) {
                metric.check(ends[goal.output].width)?;
            }
            let (end, activation) = (ends[goal.output], plan.last_activation(goal.output));
            let fused = activation.and_then(|activation| {
                goal.loss = Some(goal.loss.as_ref()?.before(&*activation)?);
                Some(activation)
            });
            before[goal.output] = fused.is_some();
            let mut metrics = goal.metrics.iter().chain(&goal.weighted);
            parts.push(Part {
                activates: fused.is_some() && !metrics.all(|metric| metric.survives_softmax()),
                takes_classes,
                columns: plan.columns_of(goal.output),
                rows: end.rows,
                width: end.width,
                fused,
                goal,
            });
        }
        if parts.iter().all(|part| part.goal.loss.is_none()) {
            let expected = "a loss of at least one output";
            return Err(Error::value("goals", expected, "none"));
        }
        let plan = if before.contains(&true) {
            plan.before_activations(&before)
        } else {
            plan.clone()
        };
        let several = (ends.len() > 1).then(|| plan.output_size());
        Ok((plan, Self { parts, several }))
    }

    /// What is to be known of the labels of each goal: whether targets are classes, rows of a sample, and their width.
    pub(super) fn labels(&self) -> impl ExactSizeIterator<Item = (bool, usize, usize)> {
        let of = |part: &Part<F>| (part.takes_classes, part.rows, part.width);
        self.parts.iter().map(of)
    }

    /// Whether the targets of each goal are classes.
    pub fn takes_classes(&self) -> Vec<bool> {
        self.parts.iter().map(|part| part.takes_classes).collect()
    }

    /// How many sums [`score`](Self::score) adds to: the whole loss; and for each goal its own loss, where there are
    /// several outputs, its metrics and, if it has some, its weighted metrics and what the samples count.
    pub fn sums(&self) -> usize {
        let several = self.several.is_some();
        let parts = self.parts.iter();
        1 + parts.map(|part| part.sums(several)).sum::<usize>()
    }

    pub(super) fn scratch(&self, samples: usize) -> Result<Scratch<F>> {
        let largest = |size: &dyn Fn(&Part<F>) -> usize| {
            let largest = self.parts.iter().map(size).max().unwrap_or(0);
            zeros(samples.saturating_mul(largest))
        };
        let several = self.several.is_some();
        let activates = |part: &Part<F>| part.activates || (several && part.fused.is_some());
        Ok(Scratch {
            activated: largest(&|part| if activates(part) { part.size() } else { 0 })?,
            values: largest(&|part| part.rows)?,
            alone: largest(&|part| if several { part.size() } else { 0 })?,
        })
    }

    /// Add losses and metrics of a batch to `sums` (over samples; a sample of several rows counts their mean), and turn its
    /// `outputs` into the gradient of the batch's mean loss. `copy` gets the outputs of the whole network, unless it is
    /// empty; `labels` are those of each goal.
    pub(super) fn score<'l>(
        &self,
        outputs: &mut [F],
        labels: impl Fn(usize) -> Labels<'l, F>,
        scratch: &mut Scratch<F>,
        sums: &mut [f64],
        copy: &mut [F],
    ) where
        F: 'l,
    {
        let Some(size) = self.several else {
            for part in &self.parts {
                let seen = if !copy.is_empty() {
                    &mut *copy
                } else if part.activates {
                    &mut scratch.activated[..outputs.len()]
                } else {
                    &mut []
                };
                let (whole, sums) = sums.split_at_mut(1);
                let loss = part.score(outputs, labels(0), seen, &mut scratch.values, sums);
                whole[0] += part.goal.weight * loss;
            }
            return;
        };
        self.score_each(size, outputs, labels, scratch, sums, copy);
    }

    /// [`score`](Self::score) of several outputs, which lie side by side in rows of `size` numbers: each is taken out, and
    /// its gradient put back.
    fn score_each<'l>(
        &self,
        size: usize,
        outputs: &mut [F],
        labels: impl Fn(usize) -> Labels<'l, F>,
        scratch: &mut Scratch<F>,
        sums: &mut [f64],
        copy: &mut [F],
    ) where
        F: 'l,
    {
        let (samples, (whole, mut sums)) = (outputs.len() / size, sums.split_at_mut(1));
        copy.copy_from_slice(&outputs[..copy.len()]);
        let mut end = 0;
        for (number, part) in self.parts.iter().enumerate() {
            let columns = part.columns.clone();
            clear(outputs, size, end..columns.start);
            end = columns.end;
            let alone = &mut scratch.alone[..samples * part.size()];
            for (to, from) in alone
                .chunks_exact_mut(part.size())
                .zip(outputs.chunks_exact(size))
            {
                to.copy_from_slice(&from[columns.clone()]);
            }
            let activates = part.activates || (part.fused.is_some() && !copy.is_empty());
            let seen = if activates {
                &mut scratch.activated[..alone.len()]
            } else {
                &mut []
            };
            let (of_part, others) = sums.split_at_mut(part.sums(true));
            sums = others;
            let (own, of_metrics) = of_part.split_at_mut(part.sums(true) - part.sums(false));
            let loss = part.score(alone, labels(number), seen, &mut scratch.values, of_metrics);
            whole[0] += part.goal.weight * loss;
            if let [own] = own {
                *own += loss;
            }
            put_columns(alone, outputs, size, &columns);
            if !copy.is_empty() {
                put_columns(seen, copy, size, &columns);
            }
        }
        clear(outputs, size, end..size);
    }
}

impl<F: Float> Part<F> {
    /// Numbers of a sample.
    fn size(&self) -> usize {
        self.rows * self.width
    }

    /// How many sums there are of it, with or without that of its loss.
    fn sums(&self, with_loss: bool) -> usize {
        let loss = with_loss && self.goal.loss.is_some();
        let weighted = usize::from(!self.goal.weighted.is_empty());
        usize::from(loss)
            + self.sums_of(&self.goal.metrics)
            + self.sums_of(&self.goal.weighted)
            + weighted
    }

    fn sums_of(&self, metrics: &[Box<dyn Metric<F>>]) -> usize {
        metrics.iter().map(|metric| metric.sums(self.width)).sum()
    }

    /// Add its metrics to `sums`, return its loss, and turn `outputs`, which are its own alone, into the gradient of what
    /// that adds to the batch's mean loss. `seen` gets what metrics look at, unless it is empty, and they look at `outputs`.
    fn score(
        &self,
        outputs: &mut [F],
        labels: Labels<F>,
        seen: &mut [F],
        values: &mut [F],
        sums: &mut [f64],
    ) -> f64 {
        let (width, rows) = (self.width, outputs.len() / self.width);
        let samples_per_row = 1.0 / self.rows as f64;
        let seen = if seen.is_empty() {
            &*outputs
        } else {
            seen.copy_from_slice(outputs);
            if let Some(activation) = &self.fused {
                activation.forward(Threads::ONE, width, &[], seen, &mut []);
            }
            seen
        };
        let mut left = sums;
        let plain = self.goal.metrics.iter().map(|metric| (metric, &[][..]));
        let weighted = self.goal.weighted.iter();
        for (metric, weights) in plain.chain(weighted.map(|metric| (metric, labels.weights))) {
            let (sums, others) = left.split_at_mut(metric.sums(width));
            metric.add(width, seen, labels.y, weights, samples_per_row, sums);
            left = others;
        }
        if let [counted] = left {
            *counted += samples_per_row
                * if labels.weights.is_empty() {
                    rows as f64
                } else {
                    labels.weights.iter().map(|weight| weight.wide()).sum()
                };
        }
        let Some(loss) = &self.goal.loss else {
            outputs.fill(F::ZERO);
            return 0.0;
        };
        let values = &mut values[..rows];
        let factor = Factor {
            all: F::of(self.goal.weight / rows as f64),
            weights: labels.weights,
        };
        loss.rows(width, outputs, labels.y, factor, values);
        let weighted = values
            .iter()
            .enumerate()
            .map(|(i, v)| v.wide() * labels.weights.get(i).map_or(1.0, |w| w.wide()));
        samples_per_row * weighted.sum::<f64>()
    }
}

/// Write 0 into these columns of rows of `size` numbers.
fn clear<F: Float>(rows: &mut [F], size: usize, columns: Range<usize>) {
    if !columns.is_empty() {
        for row in rows.chunks_exact_mut(size) {
            row[columns.clone()].fill(F::ZERO);
        }
    }
}

/// Write `from`, row after row, into these columns of rows of `size` numbers, unless it is empty.
fn put_columns<F: Float>(from: &[F], rows: &mut [F], size: usize, columns: &Range<usize>) {
    let rows = rows.chunks_exact_mut(size);
    for (to, from) in rows.zip(from.chunks_exact(columns.len())) {
        to[columns.clone()].copy_from_slice(from);
    }
}
