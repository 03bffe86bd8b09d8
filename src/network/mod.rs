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
mod plan;
mod program;
mod sync;
mod train;

pub use calls::Call;
pub use evaluate::{Evaluation, Predictor};
pub use graph::{Graph, Operation, Place, Value};
pub use lookups::Lookup;
pub use objective::Objective;
pub use pass::{Cursor, Part, Run, backward, forward};
pub use plan::{Layer, Plan};
pub use program::Program;
pub use train::{Arrays, Member, Trainer, Update, run_all_until};

use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::{Targets, check_classes};
use crate::memory::{Buffer, filled, zeros};

/// Samples with what the network should say of them.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a, F> {
    /// One sample after the other.
    pub x: &'a [F],
    /// Their targets.
    pub y: Targets<'a, F>,
    /// What each sample counts; empty where all count the same.
    pub weights: &'a [F],
}

/// A batch's inputs and targets, copied together from wherever its samples lie.
#[derive(Debug)]
struct Batch<F> {
    x: Buffer<F>,
    classes: Vec<i64>,
    values: Buffer<F>,
    weights: Buffer<F>,
    /// Samples that are there.
    samples: usize,
}

impl<F: Float> Batch<F> {
    fn new(samples: usize, plan: &Plan<F>, data: &Data<F>) -> Result<Self> {
        let (classes, values) = match data.y {
            Targets::Classes(_) => (plan.output_rows(), 0),
            Targets::Values(_) => (0, plan.output_size()),
        };
        let weights = if data.weights.is_empty() {
            0
        } else {
            plan.output_rows()
        };
        Ok(Self {
            x: zeros(samples.saturating_mul(plan.input_size()))?,
            classes: filled(samples.saturating_mul(classes), 0)?,
            values: zeros(samples.saturating_mul(values))?,
            weights: zeros(samples.saturating_mul(weights))?,
            samples: 0,
        })
    }

    /// Copy the samples of `order` together; there are at most as many as the batch has room for.
    /// Inputs lie in rows or in columns, targets in rows.
    fn gather(&mut self, plan: &Plan<F>, data: &Data<F>, order: &[u32], in_columns: bool) {
        self.samples = order.len();
        let copy = if in_columns { copy_columns } else { copy_rows };
        copy(data.x, &mut self.x, plan.input_size(), order);
        match data.y {
            Targets::Classes(from) => {
                copy_rows(from, &mut self.classes, plan.output_rows(), order);
            }
            Targets::Values(from) => {
                copy_rows(from, &mut self.values, plan.output_size(), order);
            }
        }
        if !data.weights.is_empty() {
            let rows = self.weights.chunks_exact_mut(plan.output_rows());
            for (rows, &sample) in rows.zip(order) {
                rows.fill(data.weights[sample as usize]);
            }
        }
    }

    /// The samples that were [gathered](Self::gather) from `data`.
    fn data(&self, plan: &Plan<F>, data: &Data<F>) -> Data<'_, F> {
        let (samples, rows) = (self.samples, self.samples * plan.output_rows());
        Data {
            x: &self.x[..samples * plan.input_size()],
            y: match data.y {
                Targets::Classes(_) => Targets::Classes(&self.classes[..rows]),
                Targets::Values(_) => Targets::Values(&self.values[..samples * plan.output_size()]),
            },
            weights: if data.weights.is_empty() {
                &[]
            } else {
                &self.weights[..rows]
            },
        }
    }
}

/// Copy the rows of `order` to the front of `to`.
fn copy_rows<T: Copy>(from: &[T], to: &mut [T], width: usize, order: &[u32]) {
    let to = &mut to[..order.len() * width];
    if width == 1 {
        // Classes: a call to copy each takes longer than all else.
        for (to, &row) in to.iter_mut().zip(order) {
            *to = from[row as usize];
        }
        return;
    }
    for (to, &row) in to.chunks_exact_mut(width).zip(order) {
        to.copy_from_slice(&from[row as usize * width..][..width]);
    }
}

/// [`copy_rows`] to a column-major `to`.
fn copy_columns<T: Copy>(from: &[T], to: &mut [T], width: usize, order: &[u32]) {
    let to = &mut to[..order.len() * width];
    for (j, column) in to.chunks_exact_mut(order.len().max(1)).enumerate() {
        for (to, &row) in column.iter_mut().zip(order) {
            *to = from[row as usize * width + j];
        }
    }
}

/// Check that data fits a plan and hand back how many samples there are.
fn count_samples<F: Float>(
    plan: &Plan<F>,
    objective: &Objective<F>,
    data: &Data<F>,
) -> Result<usize> {
    if objective.takes_classes() != matches!(data.y, Targets::Classes(_)) {
        let (classes, values) = ("one class a row", "one number an output");
        let (expected, found) = if objective.takes_classes() {
            (classes, values)
        } else {
            (values, classes)
        };
        return Err(Error::type_of("y", expected, found));
    }
    let samples = data.x.len() / plan.input_size();
    if samples * plan.input_size() != data.x.len() {
        return Err(Error::shape(
            "x",
            format!("samples of {} numbers", plan.input_size()),
            data.x.len(),
        ));
    }
    let (found, expected) = match data.y {
        Targets::Classes(classes) => (classes.len(), samples * plan.output_rows()),
        Targets::Values(values) => (values.len(), samples * plan.output_size()),
    };
    if found != expected {
        return Err(Error::shape(
            "y",
            format!("{expected} elements for {samples} samples"),
            found,
        ));
    }
    if let Targets::Classes(classes) = data.y {
        check_classes("y", classes, plan.output_width())?;
    }
    if !data.weights.is_empty() && data.weights.len() != samples {
        return Err(Error::shape(
            "weights",
            format!("{samples} weights, one a sample"),
            data.weights.len(),
        ));
    }
    Ok(samples)
}
