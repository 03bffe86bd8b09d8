//! Optimizers: one fused pass over the flat parameters, gradients and slots.
//!
//! The formulas and defaults are Keras's; each file says where others differ. A new optimizer is one
//! file with its formula ([`Optimizer`]) and one row in [`from_settings`].

mod adagrad;
mod adam;
mod clip;
mod rmsprop;
mod sgd;

use std::fmt::Debug;
use std::ops::Range;

pub use clip::Clip;

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

/// The update rule of an optimizer.
pub trait Optimizer<F: Float>: Debug + Send + Sync {
    /// The names of its slots: arrays laid out like the parameters.
    fn slots(&self) -> &'static [&'static str];

    /// Move the parameters `w` along their gradients, element by element.
    fn update(&self, step: Step, w: &mut [F], gradients: &[F], slots: Slots<F>);
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

/// Pieces that a step is cut into for each thread: what one thread is late with, another can take.
const PIECES: usize = 4;

impl<F: Float> Rule<F> {
    /// The names of the slots.
    pub fn slots(&self) -> &'static [&'static str] {
        self.optimizer.slots()
    }

    /// Whether [`clip`](Self::clip) does anything.
    pub fn clips(&self) -> bool {
        self.clip != Clip::None
    }

    /// Clip the gradients of the `trainable` runs of the flat array, which `variables` make up; comes before
    /// [`step`](Self::step).
    pub fn clip(
        &self,
        trainable: &[Range<usize>],
        variables: &[Range<usize>],
        gradients: &mut [F],
    ) {
        self.clip.apply(trainable, variables, gradients);
    }

    /// One step over the `trainable` runs of the flat arrays; `slots` holds one after the other.
    pub fn step(
        &self,
        threads: Threads,
        step: Step,
        trainable: &[Range<usize>],
        w: &mut [F],
        gradients: &[F],
        slots: &mut [F],
    ) {
        if w.is_empty() {
            return;
        }
        let len = w.len();
        for run in trainable {
            let threads = threads.for_part(run.len(), 2 * CHUNK);
            let mut of_run = empty_slots();
            for (slot, all) in of_run.iter_mut().zip(slots.chunks_exact_mut(len)) {
                *slot = &mut all[run.clone()];
            }
            let (w, gradients) = (&mut w[run.clone()], &gradients[run.clone()]);
            if threads == Threads::ONE {
                self.update(step, w, gradients, of_run);
            } else {
                let pieces = cut(PIECES * threads.get(), w, gradients, of_run);
                parallel::for_each(threads, pieces, |(w, gradients, slots)| {
                    self.update(step, w, gradients, slots);
                });
            }
        }
    }

    fn update(&self, step: Step, w: &mut [F], gradients: &[F], slots: Slots<F>) {
        self.decay(step, w);
        self.optimizer.update(step, w, gradients, slots);
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

/// Parameters, their gradients and slots.
type Piece<'a, F> = (&'a mut [F], &'a [F], Slots<'a, F>);

/// About so many pieces for threads to share: every parameter is updated by itself, so where they are cut does not matter.
fn cut<'a, F>(
    count: usize,
    mut w: &'a mut [F],
    mut gradients: &'a [F],
    mut slots: Slots<'a, F>,
) -> Vec<Piece<'a, F>> {
    let size = w.len().div_ceil(count).next_multiple_of(CHUNK);
    let mut pieces = Vec::with_capacity(count);
    while !w.is_empty() {
        let len = size.min(w.len());
        let slots = slots.each_mut().map(|slot| {
            slot.split_off_mut(..len.min(slot.len()))
                .unwrap_or_default()
        });
        let w = w.split_off_mut(..len).unwrap_or_default();
        let gradients = gradients.split_off(..len).unwrap_or_default();
        pieces.push((w, gradients, slots));
    }
    pieces
}

fn empty_slots<'a, F>() -> Slots<'a, F> {
    [(); MAX_SLOTS].map(|()| <&mut [F]>::default())
}
