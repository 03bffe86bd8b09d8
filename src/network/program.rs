//! What runs: operations, and where their values stand.

use std::ops::Range;

use super::graph::{Operation, Value};
use super::layout::{Frame, Layout, Purpose};
use super::lower::function;
use crate::float::Float;
use crate::layers::{Cost, Location, Penalize, Values, index, of_samples};
use crate::linalg;

/// Operations in the order in which they run, with the layout of a pass.
#[derive(Debug)]
pub struct Program<F: Float> {
    operations: Vec<Operation<F>>,
    pub(super) layout: Layout,
    columns: bool,
    /// The numbers of the operations that look rows of their parameters up.
    tables: Vec<usize>,
    /// Whether some outputs have penalties.
    penalizes: bool,
}

impl<F: Float> Program<F> {
    pub(super) fn new(operations: Vec<Operation<F>>, output: Value, purpose: Purpose) -> Self {
        let looks_up = |&k: &usize| operations[k].function.looks_up();
        Self {
            layout: Layout::new(&operations, output, purpose),
            tables: (0..operations.len()).filter(looks_up).collect(),
            penalizes: operations.iter().any(is_penalty),
            operations,
            columns: false,
        }
    }

    /// The same, of operations that take samples column-major.
    pub(super) fn of_columns(self) -> Self {
        Self {
            columns: true,
            ..self
        }
    }

    /// Whether a batch comes in column-major: a unit's numbers for all samples lie together.
    pub fn takes_columns(&self) -> bool {
        self.columns
    }

    /// The operations, in order.
    pub fn operations(&self) -> &[Operation<F>] {
        &self.operations
    }

    /// The operations, each with where it finds and leaves what.
    pub(super) fn steps(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&Operation<F>, &Frame)> + ExactSizeIterator {
        self.operations.iter().zip(&self.layout.frames)
    }

    /// Elements of the values of a pass. Saturates where no memory would do, as the other lengths do.
    pub fn values_len(&self, samples: usize) -> usize {
        samples.saturating_mul(self.layout.values)
    }

    /// Elements that operations keep for backward besides values.
    pub fn caches_len(&self, samples: usize) -> usize {
        let len = |o: &Operation<F>| o.function.cache_len(samples.saturating_mul(o.makes.rows));
        self.operations
            .iter()
            .map(len)
            .fold(0, usize::saturating_add)
    }

    /// The penalties on outputs of a batch, one added to the other, which forward has left in the caches.
    pub fn penalty(&self, samples: usize, mut caches: &[F]) -> f64 {
        let mut sum = 0.0;
        let operations = if self.penalizes {
            &self.operations[..]
        } else {
            &[]
        };
        for operation in operations {
            let rows = samples * operation.makes.rows;
            let (cache, others) = caches.split_at(operation.function.cache_len(rows));
            caches = others;
            if is_penalty(operation) {
                sum += Penalize::of(cache);
            }
        }
        sum
    }

    /// Whether a part of the loss depends on how many samples a batch has.
    pub(super) fn sums_batches(&self) -> bool {
        let costs = self.operations.iter().filter_map(function::<Cost, F>);
        costs.into_iter().any(Cost::sums_batches)
    }

    /// Elements of the gradients of a pass back.
    pub fn gradients_len(&self, samples: usize) -> usize {
        let gradients = samples.saturating_mul(self.layout.gradients);
        gradients.saturating_add(self.layout.shared)
    }

    /// The gradient with respect to the output, in the gradients of a pass for training or of a trace.
    pub fn output_gradient<'a>(&self, samples: usize, gradients: &'a mut [F]) -> &'a mut [F] {
        match &self.layout.output_gradient {
            Location::At(range) => &mut gradients[of_samples(range, samples)],
            Location::Input | Location::Output => &mut [],
        }
    }

    /// Where a trace leaves a value; None for the input, which stays with the caller.
    pub fn value_of(&self, value: Value, samples: usize) -> Option<Range<usize>> {
        let made_by = value.number.checked_sub(1)?;
        range_of(&self.layout.frames[made_by].makes, samples)
    }

    /// Where a trace leaves the gradient with respect to a value; None if it was not asked for.
    pub fn gradient_of(&self, value: Value, samples: usize) -> Option<Range<usize>> {
        let location = self.layout.gradients_at.get(value.number)?;
        range_of(location.as_ref()?, samples)
    }

    /// Set the gradients of tables to 0, which a pass back adds to.
    pub fn clear_tables(&self, dw: &mut [F]) {
        for &k in &self.tables {
            dw[self.operations[k].parameters.clone()].fill(F::ZERO);
        }
    }

    /// The rows of trained tables that a pass has looked up, as often as it has, in the order of the samples: parameters
    /// whose gradients are not 0 after the pass back.
    pub fn rows<'a>(
        &'a self,
        samples: usize,
        x: &'a [F],
        values: &'a [F],
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let values = Values::all(samples, x, &[], values);
        self.tables.iter().flat_map(move |&k| {
            let operation = &self.operations[k];
            let (table, width) = (operation.parameters.clone(), operation.makes.width);
            let numbers: &[F] = if operation.learns() {
                values.get(&self.layout.frames[k].reads[0])
            } else {
                &[]
            };
            numbers.iter().filter_map(move |&x| {
                let start = table.start + index(x, table.len() / width)? * width;
                Some(start..start + width)
            })
        })
    }

    /// Pieces that the operations of a pass of so many samples are done in, one way.
    pub fn pieces(&self, samples: usize) -> usize {
        let rows = |o: &Operation<F>| samples.saturating_mul(o.makes.rows);
        let pieces = |o: &Operation<F>| o.function.pieces(rows(o));
        self.operations
            .iter()
            .map(pieces)
            .fold(0, usize::saturating_add)
    }

    /// Whether a pass of so many samples takes milliseconds.
    pub fn is_long(&self, samples: usize) -> bool {
        self.work(samples) >= LONG
    }

    /// Batches of so many samples after which to look at the clock: one, unless they take less than a look is worth.
    pub fn batches_a_look(&self, samples: usize) -> usize {
        (WORTH_A_LOOK / self.work(samples).max(1)).clamp(1, 16)
    }

    /// Multiply-adds, or elements where there are no products, of a pass of so many samples.
    fn work(&self, samples: usize) -> usize {
        let of = |o: &Operation<F>| {
            let each = o.multiply_adds().max(o.makes.width);
            samples.saturating_mul(o.makes.rows).saturating_mul(each)
        };
        self.operations
            .iter()
            .map(of)
            .fold(0, usize::saturating_add)
    }

    /// Multiply-adds, roughly, of those operations whose products threads share, for so many samples; where there are
    /// none, a second thread that stays awake is in the way.
    pub fn multiply_adds(&self, samples: usize) -> usize {
        let of = |o: &Operation<F>| {
            let rows = samples.saturating_mul(o.makes.rows);
            rows.saturating_mul(o.multiply_adds())
        };
        let shared = self.operations.iter().map(of);
        shared
            .filter(|&work| work >= linalg::PARALLEL_FROM)
            .fold(0, usize::saturating_add)
    }
}

/// [Work](Program::work) from which on a pass is long: some tenths of a millisecond, or some milliseconds.
const LONG: usize = 1 << 24;

/// [Work](Program::work) of some microseconds: a look at the clock takes a fiftieth of one.
const WORTH_A_LOOK: usize = 1 << 14;

fn is_penalty<F: Float>(operation: &Operation<F>) -> bool {
    function::<Penalize, F>(operation).is_some() || function::<Cost, F>(operation).is_some()
}

fn range_of(location: &Location, samples: usize) -> Option<Range<usize>> {
    match location {
        Location::At(range) => Some(of_samples(range, samples)),
        Location::Input | Location::Output => None,
    }
}
