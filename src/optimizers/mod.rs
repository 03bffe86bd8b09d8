//! Optimizers: one fused pass over the flat parameters, gradients and slots, after what must be known of all gradients.
//!
//! The formulas and defaults are Keras's; each file says where others differ. A new optimizer is one
//! file with its formula ([`Optimizer`]) and one row in [`from_settings`].

mod adagrad;
mod adam;
mod clip;
mod rmsprop;
mod sgd;
#[cfg(test)]
mod tests;
mod variables;

use std::fmt::Debug;
use std::ops::Range;

pub use clip::Clip;
pub use variables::{Part, Variable, Variables};

use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::settings::{Settings, look_up};

/// More slots than this no optimizer has.
pub const MAX_SLOTS: usize = 3;

/// A slice of each slot; those that an optimizer does not have are empty.
pub type Slots<'a, F> = [&'a mut [F]; MAX_SLOTS];

/// Where training stands.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Number of this step, from 1.
    pub number: u64,
    /// Learning rate of this step.
    pub learning_rate: f64,
}

/// Refuse a learning rate that would make parameters NaN or infinite.
pub fn check_learning_rate(rate: f64) -> Result<()> {
    if rate.is_finite() {
        Ok(())
    } else {
        Err(Error::value("learning_rate", "a finite number", rate))
    }
}

/// The update rule of an optimizer, in two phases: what must be known of all gradients first, then the update.
///
/// Without a first phase, and with slots like the parameters, every element is updated by itself: then a [`Part`] is any
/// piece of the flat arrays. Else it is a whole variable.
pub trait Optimizer<F: Float>: Debug + Send + Sync {
    /// The names of its slots.
    fn slots(&self) -> &'static [&'static str];

    /// The shape of slot number `slot` of a variable of this shape.
    fn slot_shape(&self, _slot: usize, variable: &[usize]) -> Vec<usize> {
        variable.to_vec()
    }

    /// Whether an update takes whole variables: because something is measured of them, a slot has a shape of its own, or
    /// the formula is one of matrices.
    fn takes_variables(&self) -> bool {
        false
    }

    /// Whether a gradient of 0 leaves a parameter and its slots as they are, so that the rows of a table that nobody has
    /// looked up need not be visited: the same bits, but for a parameter of −0 and a negative learning rate.
    fn rests_at_zero(&self) -> bool {
        false
    }

    /// Numbers that [`measure`](Self::measure) finds of a variable, such as a norm.
    fn measures(&self) -> usize {
        0
    }

    /// Before a step: compute what is the same for all variables.
    fn begin(&mut self, _step: Step) {}

    /// The first phase: measure a variable, and move its slots where that comes before. `part.measured` is empty.
    fn measure(&self, _step: Step, _part: Part<F>, _measured: &mut [f64]) {}

    /// Between the phases: make what was measured of each variable that is trained, one after the other, what its update
    /// has to know of all.
    fn combine(&self, _measured: &mut [f64]) {}

    /// The second phase: move the parameters along their gradients.
    fn update(&self, step: Step, part: Part<F>);
}

/// An optimizer with what every optimizer takes: weight decay and clipping.
#[derive(Debug)]
pub struct Rule<F: Float> {
    optimizer: Box<dyn Optimizer<F>>,
    weight_decay: f64,
    clip: Clip,
}

/// The optimizer that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Rule<F>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Optimizer<F>>>;
    let registry: [(&str, Make<F>); 4] = [
        ("adagrad", |s| Ok(Box::new(adagrad::Adagrad::new(s)?))),
        ("adam", |s| Ok(Box::new(adam::Adam::new(s)?))),
        ("rmsprop", |s| Ok(Box::new(rmsprop::RmsProp::new(s)?))),
        ("sgd", |s| Ok(Box::new(sgd::Sgd::new(s)?))),
    ];
    Ok(Rule {
        optimizer: look_up("optimizer", &settings.kind, &registry)?(settings)?,
        weight_decay: settings
            .float_where("weight_decay", "a number of at least 0", |d| d >= 0.0)?,
        clip: Clip::new(settings)?,
    })
}

/// Parameters that a thread takes at least.
const CHUNK: usize = 1 << 14;

/// Parameters of a piece are a multiple of this. It is small, so that threads have as many of them each: then a thread moves the
/// weights whose gradients it has just made.
const MULTIPLE: usize = 1 << 10;

/// Pieces that a step is cut into for each thread: what one thread is late with, another can take.
const PIECES: usize = 4;

impl<F: Float> Rule<F> {
    /// The names of the slots.
    pub fn slots(&self) -> &'static [&'static str] {
        self.optimizer.slots()
    }

    /// These variables, as this rule moves them.
    pub fn variables(&self, all: Vec<Variable>) -> Variables {
        Variables::new(all, &*self.optimizer, self.moves_by_rows())
    }

    /// Whether tables move row by row, after a [`step`](Self::step) that leaves them out: only the rows that were looked up.
    /// Decay and clipping see all of them.
    pub fn moves_by_rows(&self) -> bool {
        self.optimizer.rests_at_zero() && self.weight_decay == 0.0 && !self.clips()
    }

    /// Move one row of a table.
    pub fn step_of_row(
        &self,
        step: Step,
        row: Range<usize>,
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        let mut of_row = empty_slots();
        for (slot, all) in of_row.iter_mut().zip(slots.chunks_exact_mut(w.len())) {
            *slot = &mut all[row.clone()];
        }
        let part = piece(&mut w[row.clone()], &gradients[row], of_row);
        self.optimizer.update(step, part);
    }

    /// Whether [`clip`](Self::clip) does anything.
    pub fn clips(&self) -> bool {
        self.clip != Clip::None
    }

    /// Clip the gradients; comes before [`step`](Self::step).
    pub fn clip(&self, variables: &Variables, gradients: &mut [F]) {
        self.clip.apply(variables, gradients);
    }

    /// One step over the flat arrays.
    pub fn step(
        &mut self,
        threads: Threads,
        step: Step,
        variables: &mut Variables,
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        self.optimizer.begin(step);
        if self.optimizer.takes_variables() {
            self.step_of_variables(step, variables, w, gradients, slots);
        } else if !w.is_empty() {
            self.step_of_elements(threads, step, variables, w, gradients, slots);
        }
    }

    fn step_of_variables(
        &self,
        step: Step,
        variables: &mut Variables,
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        let mut measured = std::mem::take(&mut variables.measured);
        let mut count = 0;
        for i in variables.trained() {
            let part = variables.part(i, w, gradients, slots, &[]);
            let numbers = variables.measures(count);
            self.optimizer.measure(step, part, &mut measured[numbers]);
            count += 1;
        }
        self.optimizer
            .combine(&mut measured[..variables.measures(count).start]);
        for (n, i) in variables.trained().enumerate() {
            let numbers = &measured[variables.measures(n)];
            self.update(step, variables.part(i, w, gradients, slots, numbers));
        }
        variables.measured = measured;
    }

    fn step_of_elements(
        &self,
        threads: Threads,
        step: Step,
        variables: &Variables,
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        let len = w.len();
        for run in &variables.runs {
            let threads = threads.for_part(run.len(), 2 * CHUNK);
            let mut of_run = empty_slots();
            for (slot, all) in of_run.iter_mut().zip(slots.chunks_exact_mut(len)) {
                *slot = &mut all[run.clone()];
            }
            let (w, gradients) = (&mut w[run.clone()], &gradients[run.clone()]);
            if threads == Threads::ONE {
                self.update(step, piece(w, gradients, of_run));
            } else {
                let pieces = cut(PIECES * threads.get(), w, gradients, of_run);
                parallel::for_each(threads, pieces, |piece| self.update(step, piece));
            }
        }
    }

    fn update(&self, step: Step, part: Part<F>) {
        self.decay(step, part.w);
        self.optimizer.update(step, part);
    }

    /// w ← w − learning rate · decay · w, before the step: decoupled from the gradient.
    fn decay(&self, step: Step, w: &mut [F]) {
        if self.weight_decay > 0.0 {
            let keep = F::of(step.learning_rate * self.weight_decay);
            for w in w {
                *w -= *w * keep;
            }
        }
    }
}

/// Elements that are updated each by itself.
fn piece<'a, F>(w: &'a mut [F], gradients: &'a [F], slots: Slots<'a, F>) -> Part<'a, F> {
    Part {
        shape: &[],
        measured: &[],
        w,
        gradients,
        slots,
    }
}

/// About so many pieces for threads to share: every parameter is updated by itself, so where they are cut does not matter.
fn cut<'a, F>(
    count: usize,
    mut w: &'a mut [F],
    mut gradients: &'a [F],
    mut slots: Slots<'a, F>,
) -> Vec<Part<'a, F>> {
    let size = w.len().div_ceil(count).next_multiple_of(MULTIPLE);
    let mut pieces = Vec::with_capacity(count);
    while !w.is_empty() {
        let len = size.min(w.len());
        let slots = slots.each_mut().map(|slot| {
            slot.split_off_mut(..len.min(slot.len()))
                .unwrap_or_default()
        });
        let w = w.split_off_mut(..len).unwrap_or_default();
        let gradients = gradients.split_off(..len).unwrap_or_default();
        pieces.push(piece(w, gradients, slots));
    }
    pieces
}

fn empty_slots<'a, F>() -> Slots<'a, F> {
    [(); MAX_SLOTS].map(|()| <&mut [F]>::default())
}
