//! Clipping of gradients.

use std::ops::Range;

use super::Variables;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;

/// What to do with gradients that are too large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Nothing.
    None,
    /// Limit each element to ±value.
    Value(f64),
    /// Scale each variable's gradient to at most this norm.
    Norm(f64),
    /// Scale all gradients together to at most this norm.
    GlobalNorm(f64),
}

impl Clip {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let limit = |name| {
            settings.float_where(name, "a number of at least 0 (0: no clipping)", |c| {
                c >= 0.0
            })
        };
        let (value, norm, global_norm) = (
            limit("clipvalue")?,
            limit("clipnorm")?,
            limit("global_clipnorm")?,
        );
        match (value > 0.0, norm > 0.0, global_norm > 0.0) {
            (false, false, false) => Ok(Self::None),
            (true, false, false) => Ok(Self::Value(value)),
            (false, true, false) => Ok(Self::Norm(norm)),
            (false, false, true) => Ok(Self::GlobalNorm(global_norm)),
            _ => Err(Error::value(
                "clipvalue, clipnorm, global_clipnorm",
                "at most one of them",
                format!("{value}, {norm}, {global_norm}"),
            )),
        }
    }

    /// Clip the gradients of what is trained.
    pub(super) fn apply<F: Float>(self, variables: &Variables, gradients: &mut [F]) {
        match self {
            Self::None => {}
            Self::Value(limit) => {
                let limit = F::of(limit);
                for run in &variables.runs {
                    for g in &mut gradients[run.clone()] {
                        *g = g.at_least(-limit).at_most(limit);
                    }
                }
            }
            Self::Norm(limit) => {
                for variable in variables.ranges() {
                    scale_to(limit, std::slice::from_ref(variable), gradients);
                }
            }
            Self::GlobalNorm(limit) => scale_to(limit, &variables.runs, gradients),
        }
    }
}

/// Scale these parts of the gradients so that their common norm is at most `limit`.
fn scale_to<F: Float>(limit: f64, parts: &[Range<usize>], gradients: &mut [F]) {
    let squares = |part: &Range<usize>| {
        gradients[part.clone()]
            .iter()
            .map(|g| g.wide() * g.wide())
            .sum::<f64>()
    };
    let norm = parts.iter().map(squares).sum::<f64>().sqrt();
    if norm > limit {
        let scale = F::of(limit / norm);
        for part in parts {
            for g in &mut gradients[part.clone()] {
                *g *= scale;
            }
        }
    }
}
