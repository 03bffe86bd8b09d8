//! What an optimizer works on: the arrays of a network, and where their slots lie.

use std::ops::Range;

use super::{MAX_SLOTS, Optimizer, Slots};
use crate::float::Float;
use crate::parallel::Threads;

/// One array among the flat parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its elements in the flat parameters.
    pub range: Range<usize>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether training changes it.
    pub trainable: bool,
    /// Whether it is a table of which a batch looks some rows up: the gradients of all others are 0.
    pub looked_up: bool,
}

/// The arrays that one optimizer moves. Its slots lie one after the other, each with its part for every variable, trained
/// or not, in their order: a slot with the variables' shapes is laid out like the parameters.
#[derive(Debug)]
pub struct Variables {
    all: Vec<Variable>,
    /// Elements that are trained and lie together, without those that move row by row.
    pub(super) runs: Vec<Range<usize>>,
    /// The part of each slot for each variable.
    slots: Vec<[Range<usize>; MAX_SLOTS]>,
    /// Elements of the optimizer's own slots, which come first.
    own_slots_len: usize,
    slots_len: usize,
    /// What is measured of each variable: so many numbers.
    pub(super) measured: Vec<f64>,
    measures: usize,
}

/// A variable with its gradient and slots; or, where every element is updated by itself, any piece of the flat arrays.
#[derive(Debug)]
pub struct Part<'a, F> {
    /// The number of the variable; 0 for a piece.
    pub number: usize,
    /// The shape of the variable; empty for a piece.
    pub shape: &'a [usize],
    /// What was measured of it.
    pub measured: &'a [f64],
    /// The parameters.
    pub w: &'a mut [F],
    /// Their gradients.
    pub gradients: &'a [F],
    /// Its part of each slot; those that the optimizer does not have are empty.
    pub slots: Slots<'a, F>,
    /// Threads that its update may use.
    pub threads: Threads,
    /// Memory for its update, as much as the optimizer wants.
    pub scratch: &'a mut [F],
}

impl Variables {
    pub(super) fn new<F: Float>(
        all: Vec<Variable>,
        optimizer: &dyn Optimizer<F>,
        by_rows: bool,
        slots_besides: usize,
    ) -> Self {
        let mut runs = Vec::<Range<usize>>::new();
        let in_run = |variable: &&Variable| variable.trainable && !(by_rows && variable.looked_up);
        for variable in all.iter().filter(in_run) {
            match runs.last_mut() {
                Some(run) if run.end == variable.range.start => run.end = variable.range.end,
                _ => runs.push(variable.range.clone()),
            }
        }
        let mut slots = vec![[(); MAX_SLOTS].map(|()| 0..0); all.len()];
        let mut end = 0;
        for slot in 0..optimizer.slots().len() {
            for (variable, slots) in all.iter().zip(&mut slots) {
                let shape = optimizer.slot_shape(slot, &variable.shape);
                slots[slot] = end..end + shape.iter().product::<usize>();
                end = slots[slot].end;
            }
        }
        let measures = optimizer.measures();
        let len = all.last().map_or(0, |last| last.range.end);
        Self {
            measured: vec![0.0; measures * all.len()],
            measures,
            runs,
            slots,
            own_slots_len: end,
            slots_len: end + slots_besides * len,
            all,
        }
    }

    /// Elements of all slots together.
    pub fn slots_len(&self) -> usize {
        self.slots_len
    }

    /// Elements of those that the optimizer itself has.
    pub(super) fn own_slots_len(&self) -> usize {
        self.own_slots_len
    }

    /// The elements of variable `i`.
    pub(super) fn range(&self, i: usize) -> Range<usize> {
        self.all[i].range.clone()
    }

    /// The numbers of the variables that are trained.
    pub(super) fn trained(&self) -> impl Iterator<Item = usize> {
        (0..self.all.len()).filter(|&i| self.all[i].trainable)
    }

    /// The elements of those variables.
    pub(super) fn ranges(&self) -> impl Iterator<Item = &Range<usize>> {
        self.trained().map(|i| &self.all[i].range)
    }

    /// Where what is measured of the `n`-th of those stands.
    pub(super) fn measures(&self, n: usize) -> Range<usize> {
        n * self.measures..(n + 1) * self.measures
    }

    /// Variable `i` of the flat arrays.
    pub(super) fn part<'a, F>(
        &'a self,
        i: usize,
        w: &'a mut [F],
        gradients: &'a [F],
        slots: &'a mut [F],
        measured: &'a [f64],
    ) -> Part<'a, F> {
        let Variable { range, shape, .. } = &self.all[i];
        let (mut parts, mut rest, mut from) = (super::empty_slots(), slots, 0);
        for (part, range) in parts.iter_mut().zip(&self.slots[i]) {
            let (_, after) = rest.split_at_mut(range.start.saturating_sub(from));
            (*part, rest) = after.split_at_mut(range.len());
            from = range.end.max(from);
        }
        Part {
            number: i,
            shape,
            measured,
            w: &mut w[range.clone()],
            gradients: &gradients[range.clone()],
            slots: parts,
            threads: Threads::ONE,
            scratch: &mut [],
        }
    }
}
