//! A network: the plan of its layers, passes over a batch, training, evaluation, prediction.

mod calls;
mod evaluate;
pub mod gate;
mod graph;
mod layout;
pub mod lock;
mod lookups;
mod lower;
mod objective;
mod pass;
mod penalties;
mod plan;
mod program;
mod samples;
mod sync;
mod train;

pub use calls::Call;
pub use evaluate::{Evaluation, Predictor};
pub use graph::{Graph, Operation, Place, Spread, Value};
pub use lookups::Lookup;
pub use objective::{Goal, Objective};
pub use pass::{Cursor, Part, Run, backward, forward};
pub use penalties::Demand;
pub use plan::{Layer, Plan};
pub use program::Program;
pub use samples::Kept;
pub use train::{Arrays, Member, Trainer, Update, run_all_until};

use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::{Targets, check_classes};
use crate::memory::{Buffer, filled, zeros};
use crate::parallel::Threads;

use samples::copy_rows;

/// Samples with what the network should say of them.
#[derive(Debug, Clone)]
pub struct Data<'a, F> {
    /// One sample after the other.
    pub x: Kept<'a, F>,
    /// For each goal of the objective.
    pub labels: Vec<Labels<'a, F>>,
}

/// What one output should be.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a, F> {
    /// The targets.
    pub y: Targets<'a, F>,
    /// What each sample counts; empty where all count the same.
    pub weights: &'a [F],
}

/// A batch's inputs and labels, copied together from wherever its samples lie.
#[derive(Debug)]
struct Batch<F> {
    x: Buffer<F>,
    labels: Vec<LabelsOfBatch<F>>,
    /// Samples that are there.
    samples: usize,
}

/// Those of one output.
#[derive(Debug)]
struct LabelsOfBatch<F> {
    classes: Vec<i64>,
    values: Buffer<F>,
    weights: Buffer<F>,
    /// Whether targets are classes, and whether samples have weights.
    are_classes: bool,
    weighs: bool,
    /// Rows of a sample, and their width.
    rows: usize,
    width: usize,
}

impl<F: Float> Batch<F> {
    fn new(
        samples: usize,
        plan: &Plan<F>,
        objective: &Objective<F>,
        data: &Data<F>,
    ) -> Result<Self> {
        let labels = objective.labels().zip(&data.labels);
        let of = |((are_classes, rows, width), labels): ((bool, usize, usize), &Labels<F>)| {
            let weighs = !labels.weights.is_empty();
            let all = samples.saturating_mul(rows);
            let values = if are_classes { 0 } else { width };
            Ok(LabelsOfBatch {
                classes: filled(if are_classes { all } else { 0 }, 0)?,
                values: zeros(all.saturating_mul(values))?,
                weights: zeros(if weighs { all } else { 0 })?,
                are_classes,
                weighs,
                rows,
                width,
            })
        };
        Ok(Self {
            x: zeros(samples.saturating_mul(plan.input_size()))?,
            labels: labels.map(of).collect::<Result<_>>()?,
            samples: 0,
        })
    }

    /// Copy the samples of `order` together; there are at most as many as the batch has room for.
    /// Inputs lie in rows or in columns, targets in rows.
    fn gather(
        &mut self,
        threads: Threads,
        plan: &Plan<F>,
        data: &Data<F>,
        order: &[u32],
        in_columns: bool,
    ) {
        self.samples = order.len();
        let (width, x) = (plan.input_size(), &mut self.x);
        data.x.gather(threads, x, width, order, in_columns);
        for (to, from) in self.labels.iter_mut().zip(&data.labels) {
            to.gather(from, order);
        }
    }

    /// The inputs that were [gathered](Self::gather).
    fn inputs(&self, plan: &Plan<F>) -> &[F] {
        &self.x[..self.samples * plan.input_size()]
    }

    /// The labels of a goal.
    fn labels(&self, goal: usize) -> Labels<'_, F> {
        let labels = &self.labels[goal];
        let rows = self.samples * labels.rows;
        Labels {
            y: if labels.are_classes {
                Targets::Classes(&labels.classes[..rows])
            } else {
                Targets::Values(&labels.values[..rows * labels.width])
            },
            weights: if labels.weighs {
                &labels.weights[..rows]
            } else {
                &[]
            },
        }
    }
}

impl<F: Float> LabelsOfBatch<F> {
    /// Copy those of the samples of `order` together.
    fn gather(&mut self, from: &Labels<F>, order: &[u32]) {
        match from.y {
            Targets::Classes(y) => copy_rows(y, &mut self.classes, self.rows, order),
            Targets::Values(y) => copy_rows(y, &mut self.values, self.rows * self.width, order),
        }
        if self.weighs {
            let rows = self.weights.chunks_exact_mut(self.rows);
            for (rows, &sample) in rows.zip(order) {
                rows.fill(from.weights[sample as usize]);
            }
        }
    }
}

/// Check that data fits a plan and hand back how many samples there are.
fn count_samples<F: Float>(
    plan: &Plan<F>,
    objective: &Objective<F>,
    data: &Data<F>,
) -> Result<usize> {
    let goals = objective.labels();
    if goals.len() != data.labels.len() {
        let expected = format!("those of {} outputs", goals.len());
        return Err(Error::value("y", expected, data.labels.len()));
    }
    let samples = data.x.len() / plan.input_size();
    for ((takes_classes, _, _), labels) in objective.labels().zip(&data.labels) {
        if takes_classes != matches!(labels.y, Targets::Classes(_)) {
            let (classes, values) = ("one class a row", "one number an output");
            let (expected, found) = if takes_classes {
                (classes, values)
            } else {
                (values, classes)
            };
            return Err(Error::type_of("y", expected, found));
        }
    }
    if samples * plan.input_size() != data.x.len() {
        return Err(Error::shape(
            "x",
            format!("samples of {} numbers", plan.input_size()),
            data.x.len(),
        ));
    }
    for ((_, rows, width), labels) in goals.zip(&data.labels) {
        labels.check(samples, rows, width)?;
    }
    Ok(samples)
}

impl<F: Float> Labels<'_, F> {
    /// Check that they are those of so many samples of `rows` rows of this width.
    fn check(&self, samples: usize, rows: usize, width: usize) -> Result<()> {
        let (found, expected) = match self.y {
            Targets::Classes(classes) => (classes.len(), samples * rows),
            Targets::Values(values) => (values.len(), samples * rows * width),
        };
        if found != expected {
            return Err(Error::shape(
                "y",
                format!("{expected} elements for {samples} samples"),
                found,
            ));
        }
        if let Targets::Classes(classes) = self.y {
            check_classes("y", classes, width)?;
        }
        if !self.weights.is_empty() && self.weights.len() != samples {
            return Err(Error::shape(
                "weights",
                format!("{samples} weights, one a sample"),
                self.weights.len(),
            ));
        }
        Ok(())
    }
}
