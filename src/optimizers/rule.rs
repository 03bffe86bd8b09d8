//! A step of an optimizer with what every optimizer takes: weight decay, clipping, accumulation of gradients, an average.

use std::ops::Range;

use super::accumulation::{self, Accumulation};
use super::average::{self, Average};
use super::{
    Clip, Optimizer, Part, Slots, Step, Variable, Variables, empty_slots, numbers_of_variables,
};
use crate::error::Result;
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::settings::Settings;

/// An optimizer with what every optimizer takes: weight decay, clipping, accumulation of gradients and an average of the
/// parameters.
#[derive(Debug)]
pub struct Rule<F: Float> {
    pub(super) optimizer: Box<dyn Optimizer<F>>,
    pub(super) decay: Decay,
    pub(super) clip: Clip,
    pub(super) accumulation: Option<Accumulation>,
    pub(super) average: Option<Average>,
    /// For the largest variable; made with the first step.
    pub(super) scratch: Vec<F>,
}

/// Weight decay.
#[derive(Debug, Clone, Default)]
pub(super) struct Decay {
    rate: f64,
    /// Whether it is added to the gradients, as in `PyTorch`, and not taken off the parameters.
    coupled: bool,
    /// Variables, by number, that it leaves out.
    without: Vec<usize>,
}

impl Decay {
    fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            rate: settings.float_where("weight_decay", "a number of at least 0", |d| d >= 0.0)?,
            coupled: settings.has("coupled") && settings.flag("coupled")?,
            without: numbers_of_variables(settings, "without_decay")?,
        })
    }
}

/// Parameters that a thread takes at least.
pub(super) const CHUNK: usize = 1 << 14;

/// Parameters of a piece are a multiple of this. It is small, so that threads have as many of them each: then a thread moves the
/// weights whose gradients it has just made.
const MULTIPLE: usize = 1 << 10;

/// Pieces that a step is cut into for each thread: what one thread is late with, another can take.
const PIECES: usize = 4;

impl<F: Float> Rule<F> {
    /// That of an optimizer, with what the settings say besides.
    pub(super) fn new(optimizer: Box<dyn Optimizer<F>>, settings: &Settings) -> Result<Self> {
        Ok(Self {
            optimizer,
            decay: Decay::new(settings)?,
            clip: Clip::new(settings)?,
            accumulation: Accumulation::new(settings)?,
            average: Average::new(settings)?,
            scratch: Vec::new(),
        })
    }

    /// The names of the slots: the optimizer's own, then those of what is around it.
    pub fn slots(&self) -> Vec<&'static str> {
        let accumulated = self.accumulation.map(|_| accumulation::SLOT);
        let average = self.average.map(|_| average::SLOT);
        let own = self.optimizer.slots().iter().copied();
        own.chain(accumulated).chain(average).collect()
    }

    /// These variables, as this rule moves them.
    pub fn variables(&self, all: Vec<Variable>) -> Variables {
        let besides = self.slots().len() - self.optimizer.slots().len();
        Variables::new(all, &*self.optimizer, self.moves_by_rows(), besides)
    }

    /// Whether tables move row by row, after a [`step`](Self::step) that leaves them out: only the rows that were looked up.
    /// Decay, clipping, accumulation and an average see all of them.
    pub fn moves_by_rows(&self) -> bool {
        self.optimizer.rests_at_zero()
            && self.decay.rate == 0.0
            && self.clip == Clip::None
            && self.accumulation.is_none()
            && self.average.is_none()
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

    /// Whether [`prepare`](Self::prepare) changes gradients.
    pub fn prepares(&self) -> bool {
        self.clip != Clip::None || self.accumulation.is_some() || self.couples()
    }

    /// Whether the gradients of tables are then others than 0 where no row was looked up.
    pub fn prepares_whole_tables(&self) -> bool {
        self.accumulation.is_some() || self.couples()
    }

    fn couples(&self) -> bool {
        self.decay.coupled && self.decay.rate > 0.0
    }

    /// Make of the gradients what a step takes: those of the batches before added, clipped, with the decay that is coupled to
    /// them. Nothing else changes. Comes before [`step`](Self::step).
    pub fn prepare(
        &self,
        step: Step,
        variables: &Variables,
        w: &[F],
        gradients: &mut [F],
        slots: &[F],
    ) {
        if let Some(accumulation) = self.accumulation {
            if !accumulation.is_due(step) {
                return;
            }
            let from = variables.own_slots_len();
            let accumulated = &slots[from..from + w.len()];
            accumulation.take(variables, accumulated, gradients);
        }
        self.clip.apply(variables, gradients);
        if self.couples() {
            let rate = F::of(self.decay.rate);
            for i in self.decaying(variables) {
                let range = variables.range(i);
                for (g, &w) in gradients[range.clone()].iter_mut().zip(&w[range]) {
                    *g += rate * w;
                }
            }
        }
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
        let (slots, besides) = slots.split_at_mut(variables.own_slots_len());
        let accumulated = self.accumulation.map_or(0, |_| w.len());
        let (accumulated, average) = besides.split_at_mut(accumulated);
        let (due, own) = match self.accumulation {
            Some(accumulation) => (accumulation.is_due(step), accumulation.own_step(step)),
            None => (true, step),
        };
        if due {
            self.optimizer.begin(own);
            if self.optimizer.takes_variables() {
                self.step_of_variables(threads, own, variables, w, gradients, slots);
            } else if !w.is_empty() {
                self.step_of_elements(threads, own, variables, w, gradients, slots);
            }
        }
        if self.accumulation.is_some() {
            for run in &variables.runs {
                accumulation::keep(due, &mut accumulated[run.clone()], &gradients[run.clone()]);
            }
        }
        if let Some(rule) = self.average {
            let each = |part: Part<F>| rule.follow(own, part);
            over_elements(threads, variables, w, gradients, average, each);
        }
    }

    fn step_of_variables(
        &mut self,
        threads: Threads,
        step: Step,
        variables: &mut Variables,
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        let mut measured = std::mem::take(&mut variables.measured);
        let mut scratch = std::mem::take(&mut self.scratch);
        for i in self.decaying(variables) {
            let part = variables.part(i, w, gradients, slots, &[]);
            let rate = self.optimizer.weight_decay(i, part.shape, self.decay.rate);
            self.decay(step, rate, part.w);
        }
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
            let part = variables.part(i, w, gradients, slots, numbers);
            let room = self.optimizer.scratch(i, part.shape);
            if scratch.len() < room {
                scratch.resize(room, F::ZERO);
            }
            let part = Part {
                threads,
                scratch: &mut scratch[..room],
                ..part
            };
            self.optimizer.update(step, part);
        }
        (variables.measured, self.scratch) = (measured, scratch);
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
        // Decay and step in one go over the memory, where that is the same for all.
        let with_step = self.decay.without.is_empty();
        if !with_step {
            for i in self.decaying(variables) {
                self.decay(step, self.decay.rate, &mut w[variables.range(i)]);
            }
        }
        over_elements(threads, variables, w, gradients, slots, |part| {
            if with_step {
                self.decay(step, self.decay.rate, part.w);
            }
            self.optimizer.update(step, part);
        });
    }

    /// The variables that decay.
    fn decaying(&self, variables: &Variables) -> impl Iterator<Item = usize> {
        let without = &self.decay.without;
        variables.trained().filter(|i| !without.contains(i))
    }

    /// w ← w − learning rate · decay · w, before the step: decoupled from the gradient.
    fn decay(&self, step: Step, rate: f64, w: &mut [F]) {
        if rate > 0.0 && !self.decay.coupled {
            let keep = F::of(step.learning_rate * rate);
            for w in w {
                *w -= *w * keep;
            }
        }
    }
}

/// Do something with each piece of the runs of elements that are trained. `slots` are like the parameters, one after the
/// other.
fn over_elements<F: Float>(
    threads: Threads,
    variables: &Variables,
    w: &mut [F],
    gradients: &[F],
    slots: &mut [F],
    each: impl Fn(Part<F>) + Sync,
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
            each(piece(w, gradients, of_run));
        } else {
            let pieces = cut(PIECES * threads.get(), w, gradients, of_run);
            parallel::for_each(threads, pieces, &each);
        }
    }
}

/// Elements that are updated each by itself.
fn piece<'a, F>(w: &'a mut [F], gradients: &'a [F], slots: Slots<'a, F>) -> Part<'a, F> {
    Part {
        number: 0,
        shape: &[],
        measured: &[],
        w,
        gradients,
        slots,
        threads: Threads::ONE,
        scratch: &mut [],
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
