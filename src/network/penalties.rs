//! What is asked of weights and outputs besides the loss: penalties, which are part of it, and constraints.

use std::sync::Arc;

use super::graph::{Operation, Place, Value};
use crate::constraints::{self, Constraint};
use crate::error::Result;
use crate::float::Float;
use crate::layers::Penalize;
use crate::memory::{Buffer, filled, zeros};
use crate::optimizers::Variable;
use crate::parallel::Threads;
use crate::regularizers::{self, L1L2, Regularizer};
use crate::settings::{Settings, Value as Setting};

/// What is asked of one array of weights.
#[derive(Debug, Clone)]
pub struct Demand<F: Float> {
    /// The number of the variable.
    pub variable: usize,
    /// A penalty, if there is one.
    pub regularizer: Option<Arc<dyn Regularizer<F>>>,
    /// Where it is put back to after a step, if it is.
    pub constraint: Option<Arc<dyn Constraint<F>>>,
}

/// What the settings of layers ask of the variables at these places. Nothing is asked of what is not trained, as in Keras.
pub(super) fn demands<F: Float>(
    layers: &[Settings],
    places: &[Place],
    variables: &[Variable],
) -> Result<Vec<Demand<F>>> {
    let mut demands = Vec::new();
    for place in places {
        let Some(settings) = layers.get(place.layer) else {
            continue;
        };
        let argument = |what: &str| format!("{}_{what}", place.name);
        let regularizer = asked(settings, &place.name, "regularizer")
            .map(|s| regularizers::from_settings(s, &argument("regularizer"), &place.shape))
            .transpose()?;
        let constraint = asked(settings, &place.name, "constraint")
            .map(|s| constraints::from_settings(s, &argument("constraint"), &place.shape))
            .transpose()?;
        let number = place.number_among(variables);
        if variables[number].trainable && (regularizer.is_some() || constraint.is_some()) {
            demands.push(Demand {
                variable: number,
                regularizer,
                constraint,
            });
        }
    }
    Ok(demands)
}

/// The settings of the regularizer or the constraint (`what`) of the array called `name`: of a part of a layer behind the
/// name of the part.
fn asked<'s>(settings: &'s Settings, name: &str, what: &str) -> Option<&'s Settings> {
    let nested = |settings: &'s Settings, name: &str| match settings.values.get(name) {
        Some(Setting::Nested(nested)) => Some(nested),
        _ => None,
    };
    if settings.kind != "traced" {
        return nested(settings, &format!("{name}_{what}"));
    }
    let mut parts = nested(settings, "parts")?.values.values();
    let of_part = |part: &'s Setting| {
        let Setting::Nested(part) = part else {
            return None;
        };
        let part_name = part.text("part").ok()?;
        if part.kind == "weight" {
            (part_name == name).then(|| nested(part, what))?
        } else {
            asked(part, name.strip_prefix(part_name)?, what)
        }
    };
    parts.find_map(of_part)
}

/// The same operations with penalties on these values, whose readers then read what [`Penalize`] makes; the outputs among
/// `ends` likewise.
pub(super) fn with_penalties<F: Float>(
    operations: &mut Vec<Operation<F>>,
    ends: &mut [&mut Value],
    activities: &[(Value, L1L2)],
) {
    let numbers = operations.iter().map(|o| o.makes.number);
    let mut number = numbers.max().unwrap_or(0);
    for &(value, penalty) in activities {
        number += 1;
        let whole = |number| Value {
            number,
            rows: 1,
            width: value.size(),
        };
        let reads = operations.iter_mut().flat_map(|o| &mut o.reads);
        for read in reads.chain(ends.iter_mut().map(|end| &mut **end)) {
            if read.number == value.number {
                read.number = number;
            }
        }
        let made = operations
            .iter()
            .position(|o| o.makes.number == value.number);
        let function = Penalize {
            width: value.size(),
            penalty,
        };
        let operation = Operation {
            function: Arc::new(function),
            layer: made.map_or(0, |k| operations[k].layer),
            reads: vec![whole(value.number)],
            makes: whole(number),
            parameters: 0..0,
            state: 0..0,
            trainable: true,
            mode: None,
        };
        operations.insert(made.map_or(0, |k| k + 1), operation);
    }
}

/// What is asked of the weights of one network, with room to compute it.
#[derive(Debug)]
pub(super) struct Demands<F: Float> {
    all: Vec<(Variable, Demand<F>)>,
    scratch: Buffer<F>,
    numbers: Vec<f64>,
}

impl<F: Float> Demands<F> {
    pub(super) fn new(demands: &[Demand<F>], variables: &[Variable]) -> Result<Self> {
        let scratch = demands.iter().flat_map(|demand| &demand.regularizer);
        let numbers = demands.iter().flat_map(|demand| &demand.constraint);
        Ok(Self {
            scratch: zeros(scratch.map(|r| r.scratch_len()).max().unwrap_or(0))?,
            numbers: filled(numbers.map(|c| c.scratch_len()).max().unwrap_or(0), 0.0)?,
            all: demands
                .iter()
                .map(|demand| (variables[demand.variable].clone(), demand.clone()))
                .collect(),
        })
    }

    /// Whether something is asked of the variable that has this element.
    pub(super) fn include(&self, element: usize) -> bool {
        let mut all = self.all.iter();
        all.any(|(variable, _)| variable.range.contains(&element))
    }

    /// The penalty of each variable that has one, with its number among all.
    pub(super) fn penalties(&mut self, threads: Threads, w: &[F]) -> Vec<(usize, f64)> {
        let mut found = Vec::with_capacity(self.all.len());
        for (variable, demand) in &self.all {
            if let Some(regularizer) = &demand.regularizer {
                let w = &w[variable.range.clone()];
                let penalty = regularizer.penalty(threads, w, &mut [], &mut self.scratch);
                found.push((demand.variable, penalty));
            }
        }
        found
    }

    /// The sum of all penalties. Their gradients are added to `dw`, unless that is empty.
    pub(super) fn penalty(&mut self, threads: Threads, w: &[F], dw: &mut [F]) -> f64 {
        let mut sum = 0.0;
        for (variable, demand) in &self.all {
            if let Some(regularizer) = &demand.regularizer {
                let (w, range) = (&w[variable.range.clone()], variable.range.clone());
                let dw = dw.get_mut(range).unwrap_or_default();
                sum += regularizer.penalty(threads, w, dw, &mut self.scratch);
            }
        }
        sum
    }

    /// Put weights back to where they have to be.
    pub(super) fn constrain(&mut self, w: &mut [F]) {
        for (variable, demand) in &self.all {
            if let Some(constraint) = &demand.constraint {
                constraint.apply(&mut w[variable.range.clone()], &mut self.numbers);
            }
        }
    }
}
