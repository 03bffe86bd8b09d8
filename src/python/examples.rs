//! Targets, weights and the objective they are for, as Python gives them.

use numpy::{Element, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::read;
use super::boundary::shape_error;
use super::settings::from_dict;
use crate::float::Float;
use crate::losses::{self, Targets};
use crate::metrics;
use crate::network::{self, Data, Objective};

/// The objective that a loss and metrics make of a plan, and the plan to run for it.
pub(super) fn objective<F: Float>(
    plan: &network::Plan<F>,
    loss: &Bound<'_, PyDict>,
    metrics: &[Bound<'_, PyDict>],
) -> PyResult<(network::Plan<F>, Objective<F>)> {
    let loss = losses::from_settings(&from_dict(loss)?)?;
    let metrics = metrics
        .iter()
        .map(|m| Ok(metrics::from_settings(&from_dict(m)?)?));
    Ok(Objective::new(
        plan,
        loss,
        metrics.collect::<PyResult<_>>()?,
    )?)
}

/// Targets as the loss takes them.
pub(super) enum TargetArray<'py, F: Element> {
    Classes(PyReadonlyArrayDyn<'py, i64>),
    Values(PyReadonlyArrayDyn<'py, F>),
}

impl<'py, F: Float + Element> TargetArray<'py, F> {
    pub(super) fn read(name: &str, y: &Bound<'py, PyAny>, classes: bool) -> PyResult<Self> {
        Ok(if classes {
            Self::Classes(read(name, y)?)
        } else {
            Self::Values(read(name, y)?)
        })
    }

    /// Its shape.
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Classes(classes) => classes.shape(),
            Self::Values(values) => values.shape(),
        }
    }

    pub(super) fn targets(&self) -> PyResult<Targets<'_, F>> {
        Ok(match self {
            Self::Classes(classes) => Targets::Classes(classes.as_slice()?),
            Self::Values(values) => Targets::Values(values.as_slice()?),
        })
    }
}

/// The samples as the core takes them.
pub(super) fn data<'a, F: Float + Element>(
    x: &'a PyReadonlyArrayDyn<'_, F>,
    y: &'a TargetArray<'_, F>,
    weights: Option<&'a PyReadonlyArrayDyn<'_, F>>,
) -> PyResult<Data<'a, F>> {
    let weights = match weights {
        None => &[],
        // To the core, no weights mean that all samples count the same.
        Some(none) if none.is_empty() => {
            return Err(shape_error(
                "weights: expected one a sample, found none".to_owned(),
            ));
        }
        Some(weights) => weights.as_slice()?,
    };
    Ok(Data {
        x: x.as_slice()?,
        y: y.targets()?,
        weights,
    })
}
