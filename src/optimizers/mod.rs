//! Optimizers: one fused pass over the flat parameters, gradients and slots, after what must be known of all gradients.
//!
//! The formulas and defaults are Keras's; each file says where others differ. A new optimizer is one
//! file with its formula ([`Optimizer`]) and one row in [`from_settings`].

mod accumulation;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod average;
mod clip;
mod ftrl;
mod lamb;
mod lion;
mod muon;
mod nadam;
mod rmsprop;
mod rule;
mod sgd;
#[cfg(test)]
mod tests;
mod variables;

use std::fmt::Debug;

pub use clip::Clip;
pub use rule::Rule;
pub use variables::{Part, Variable, Variables};

use crate::error::{Error, Result};
use crate::exact::Powers;
use crate::float::Float;
use crate::settings::{Settings, look_up};

/// More slots than this no optimizer has.
pub const MAX_SLOTS: usize = 3;

/// A slice of each slot; those that an optimizer does not have are empty.
pub type Slots<'a, F> = [&'a mut [F]; MAX_SLOTS];

/// Where training stands.
///
/// Of a [`Rule`], `number` counts the batches; of an [`Optimizer`] its own steps, which are fewer where gradients are
/// accumulated.
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

    /// The weight decay of variable `number`, where `shared` is that of all.
    fn weight_decay(&self, _number: usize, _shape: &[usize], shared: f64) -> f64 {
        shared
    }

    /// Elements of scratch memory that the update of variable `number` wants.
    fn scratch(&self, _number: usize, _shape: &[usize]) -> usize {
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

/// Numbers of variables in the settings; none where nothing is said of them.
fn numbers_of_variables(settings: &Settings, name: &str) -> Result<Vec<usize>> {
    if !settings.has(name) {
        return Ok(Vec::new());
    }
    let number = |&i: &i64| {
        usize::try_from(i).map_err(|_| Error::value(name, "numbers of variables, from 0", i))
    };
    settings.integers(name)?.iter().map(number).collect()
}

/// Whether the settings ask for the formula of `PyTorch`, where it is another than that of Keras.
fn as_torch(settings: &Settings) -> Result<bool> {
    if !settings.has("convention") {
        return Ok(false);
    }
    match settings.text("convention")? {
        "keras" => Ok(false),
        "torch" => Ok(true),
        other => Err(Error::value("convention", "keras or torch", other)),
    }
}

/// 1 − βᵗ.
fn correction(powers: &mut Powers, t: u64) -> f64 {
    // βᵗ ≤ exp((β − 1) t), and what is below 2⁻⁵⁴ leaves 1 as it is.
    if (1.0 - powers.base()) * t as f64 > 38.0 {
        1.0
    } else {
        1.0 - powers.at(t)
    }
}

/// A rate of decay of a running average.
fn below_one(settings: &Settings, name: &str) -> Result<f64> {
    settings.float_where(name, "a number from 0 to below 1", |b| {
        (0.0..1.0).contains(&b)
    })
}

/// A number such as ε.
fn at_least_zero(settings: &Settings, name: &str) -> Result<f64> {
    settings.float_where(name, "a number of at least 0", |e| e >= 0.0)
}

/// The optimizer that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Rule<F>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Optimizer<F>>>;
    let registry: [(&str, Make<F>); 12] = [
        ("adadelta", |s| Ok(Box::new(adadelta::Adadelta::new(s)?))),
        ("adafactor", |s| Ok(Box::new(adafactor::Adafactor::new(s)?))),
        ("adagrad", |s| Ok(Box::new(adagrad::Adagrad::new(s)?))),
        ("adam", |s| Ok(Box::new(adam::Adam::new(s)?))),
        ("adamax", |s| Ok(Box::new(adamax::Adamax::new(s)?))),
        ("ftrl", |s| Ok(Box::new(ftrl::Ftrl::new(s)?))),
        ("lamb", |s| Ok(Box::new(lamb::Lamb::new(s)?))),
        ("lion", |s| Ok(Box::new(lion::Lion::new(s)?))),
        ("muon", |s| Ok(Box::new(muon::Muon::new(s)?))),
        ("nadam", |s| Ok(Box::new(nadam::Nadam::new(s)?))),
        ("rmsprop", |s| Ok(Box::new(rmsprop::RmsProp::new(s)?))),
        ("sgd", |s| Ok(Box::new(sgd::Sgd::new(s)?))),
    ];
    let optimizer = look_up("optimizer", &settings.kind, &registry)?(settings)?;
    Rule::new(optimizer, settings)
}

fn empty_slots<'a, F>() -> Slots<'a, F> {
    [(); MAX_SLOTS].map(|()| <&mut [F]>::default())
}
