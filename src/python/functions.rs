//! Single kernels on plain arrays: activations, losses, metrics, optimizer steps, products, others' layout of a kernel.

use std::borrow::Cow;

use ndarray::ArrayView2;
use numpy::{Element, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{by_dtype, check_exact, element_type, empty, read, write};
use super::boundary::{detached, shape_error, threads_or_global};
use super::records::TargetArray;
use super::settings::from_dict;
use crate::error::Error;
use crate::float::Float;
use crate::linalg::matmul;
use crate::losses::{Factor, Targets};
use crate::memory::{filled, zeros};
use crate::optimizers::{Step, Variable, check_learning_rate};
use crate::parallel::Threads;
use crate::shape::Shape;
use crate::{activations, constraints, layout, losses, metrics, optimizers, regularizers};

/// Length of the last axis; an error if there is none.
fn last_axis(name: &str, shape: &[usize]) -> PyResult<usize> {
    match shape.last() {
        Some(&width) if width > 0 => Ok(width),
        _ => Err(shape_error(format!(
            "{name}: expected a last axis that is not empty, found shape {}",
            Shape(shape)
        ))),
    }
}

/// φ(x).
#[pyfunction]
pub(super) fn activate<'py>(
    activation: &Bound<'py, PyDict>,
    x: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(
        activation: &Bound<'py, PyDict>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let activation = activations::from_settings::<F>(&from_dict(activation)?)?;
        let x = read::<F>("x", x)?;
        let width = last_axis("x", x.shape())?;
        let y = empty::<F>(py, x.shape())?;
        {
            let (mut y, x) = (y.readwrite(), x.as_slice()?);
            let y = y.as_slice_mut()?;
            detached(py, || {
                let mut kept = zeros(if activation.keeps_input() { x.len() } else { 0 })?;
                y.copy_from_slice(x);
                activation.forward(Threads::global()?, width, &[], y, &mut kept);
                Ok(())
            })?;
        }
        Ok(y.into_any())
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(activation, x))
}

/// dx = dy · φ′(x).
#[pyfunction]
pub(super) fn activate_backward<'py>(
    activation: &Bound<'py, PyDict>,
    x: &Bound<'py, PyAny>,
    dy: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(
        activation: &Bound<'py, PyDict>,
        x: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let activation = activations::from_settings::<F>(&from_dict(activation)?)?;
        let (x, dy) = (read::<F>("x", x)?, read::<F>("dy", dy)?);
        let width = last_axis("x", x.shape())?;
        check_exact("dy", dy.shape(), x.shape())?;
        let dx = empty::<F>(py, x.shape())?;
        {
            let (mut dx, x, dy) = (dx.readwrite(), x.as_slice()?, dy.as_slice()?);
            let dx = dx.as_slice_mut()?;
            detached(py, || {
                let mut kept = zeros(if activation.keeps_input() { x.len() } else { 0 })?;
                let mut y = x.to_vec();
                activation.forward(Threads::global()?, width, &[], &mut y, &mut kept);
                dx.copy_from_slice(dy);
                activation.backward(Threads::global()?, width, &y, &kept, dx);
                Ok(())
            })?;
        }
        Ok(dx.into_any())
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(activation, x, dy))
}

/// Targets for `outputs`: a class for each row, or an array like them.
fn read_targets<'py, F: Float + Element>(
    targets: &Bound<'py, PyAny>,
    outputs: &[usize],
    classes: bool,
) -> PyResult<TargetArray<'py, F>> {
    let array = TargetArray::<F>::read("targets", targets, classes)?;
    let width = last_axis("outputs", outputs)?;
    let expected = if classes {
        &outputs[..outputs.len() - 1]
    } else {
        outputs
    };
    check_exact("targets", array.shape(), expected)?;
    if let Targets::Classes(classes) = array.targets()? {
        losses::check_classes("targets", classes, width)?;
    }
    Ok(array)
}

/// The loss of each row and the gradient of their sum with respect to the outputs.
#[pyfunction]
pub(super) fn loss_rows<'py>(
    loss: &Bound<'py, PyDict>,
    outputs: &Bound<'py, PyAny>,
    targets: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    fn run<'py, F: Float + Element>(
        loss: &Bound<'py, PyDict>,
        outputs: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let py = outputs.py();
        let loss = losses::from_settings::<F>(&from_dict(loss)?)?;
        let outputs = read::<F>("outputs", outputs)?;
        let width = last_axis("outputs", outputs.shape())?;
        let targets = read_targets::<F>(targets, outputs.shape(), loss.takes_classes())?;
        let rows = &outputs.shape()[..outputs.shape().len() - 1];
        let (values, gradient) = (empty::<F>(py, rows)?, empty::<F>(py, outputs.shape())?);
        {
            let (mut values, mut gradient) = (values.readwrite(), gradient.readwrite());
            let gradient = gradient.as_slice_mut()?;
            gradient.copy_from_slice(outputs.as_slice()?);
            let factor = Factor {
                all: F::ONE,
                weights: &[],
            };
            let (targets, values) = (targets.targets()?, values.as_slice_mut()?);
            detached(py, || {
                loss.rows(width, gradient, targets, factor, values);
                Ok(())
            })?;
        }
        Ok((values.into_any(), gradient.into_any()))
    }
    by_dtype!(element_type("outputs", outputs)?, F => run::<F>(loss, outputs, targets))
}

/// The metric of each row.
#[pyfunction]
pub(super) fn metric_rows<'py>(
    metric: &Bound<'py, PyDict>,
    outputs: &Bound<'py, PyAny>,
    targets: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(
        metric: &Bound<'py, PyDict>,
        outputs: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = outputs.py();
        let settings = from_dict(metric)?;
        let metric = metrics::from_settings::<F>(&settings)?;
        let Some(metric) = metric.of_rows() else {
            let expected = "one that is the mean of a number a row";
            return Err(Error::value("metric", expected, settings.kind).into());
        };
        let outputs = read::<F>("outputs", outputs)?;
        let width = last_axis("outputs", outputs.shape())?;
        let targets = read_targets::<F>(targets, outputs.shape(), metric.takes_classes())?;
        let rows = &outputs.shape()[..outputs.shape().len() - 1];
        let values = empty::<F>(py, rows)?;
        {
            let mut values = values.readwrite();
            let (targets, values) = (targets.targets()?, values.as_slice_mut()?);
            let outputs = outputs.as_slice()?.chunks_exact(width).enumerate();
            detached(py, || {
                for (value, (i, outputs)) in values.iter_mut().zip(outputs) {
                    *value = metric.row(outputs, targets.row(i, width));
                }
                Ok(())
            })?;
        }
        Ok(values.into_any())
    }
    by_dtype!(element_type("outputs", outputs)?, F => run::<F>(metric, outputs, targets))
}

/// What a metric counts of outputs, each row times its weight.
#[pyfunction]
#[pyo3(signature = (metric, outputs, targets, weights=None))]
pub(super) fn metric_sums<'py>(
    metric: &Bound<'py, PyDict>,
    outputs: &Bound<'py, PyAny>,
    targets: &Bound<'py, PyAny>,
    weights: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(
        metric: &Bound<'py, PyDict>,
        outputs: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = outputs.py();
        let metric = metrics::from_settings::<F>(&from_dict(metric)?)?;
        let outputs = read::<F>("outputs", outputs)?;
        let width = last_axis("outputs", outputs.shape())?;
        metric.check(width)?;
        let targets = read_targets::<F>(targets, outputs.shape(), metric.takes_classes())?;
        let weights = weights.map(|weights| read::<F>("weights", weights));
        let weights = weights.transpose()?;
        if let Some(weights) = &weights {
            check_exact("weights", weights.shape(), &[outputs.len() / width])?;
        }
        let sums = empty::<f64>(py, &[metric.sums(width)])?;
        {
            let mut sums = sums.readwrite();
            let sums = sums.as_slice_mut()?;
            let weights = match &weights {
                Some(weights) => weights.as_slice()?,
                None => &[],
            };
            let (outputs, targets) = (outputs.as_slice()?, targets.targets()?);
            detached(py, || {
                sums.fill(0.0);
                metric.add(width, outputs, targets, weights, 1.0, sums);
                Ok(())
            })?;
        }
        Ok(sums.into_any())
    }
    by_dtype!(element_type("outputs", outputs)?, F => run::<F>(metric, outputs, targets, weights))
}

/// The names of an optimizer's slots.
#[pyfunction]
pub(super) fn optimizer_slots(optimizer: &Bound<'_, PyDict>) -> PyResult<Vec<&'static str>> {
    let rule = optimizers::from_settings::<f64>(&from_dict(optimizer)?)?;
    Ok(rule.slots())
}

/// One step of an optimizer on flat arrays of one variable, of this shape, in place; `iteration` steps were done before.
#[pyfunction]
#[pyo3(signature = (optimizer, params, grads, slots, iteration, learning_rate, shape=None))]
pub(super) fn optimizer_step<'py>(
    optimizer: &Bound<'py, PyDict>,
    params: &Bound<'py, PyAny>,
    grads: &Bound<'py, PyAny>,
    slots: &Bound<'py, PyAny>,
    iteration: u64,
    learning_rate: f64,
    shape: Option<Vec<usize>>,
) -> PyResult<()> {
    fn run<'py, F: Float + Element>(
        optimizer: &Bound<'py, PyDict>,
        params: &Bound<'py, PyAny>,
        grads: &Bound<'py, PyAny>,
        slots: &Bound<'py, PyAny>,
        step: Step,
        shape: Option<Vec<usize>>,
    ) -> PyResult<()> {
        let py = params.py();
        let mut rule = optimizers::from_settings::<F>(&from_dict(optimizer)?)?;
        let (mut w, grads) = (write::<F>("params", params)?, read::<F>("grads", grads)?);
        let mut slots = write::<F>("slots", slots)?;
        let count = w.len();
        check_exact("params", w.shape(), &[count])?;
        check_exact("grads", grads.shape(), &[count])?;
        check_exact("slots", slots.shape(), &[rule.slots().len(), count])?;
        let (w, slots) = (w.as_slice_mut()?, slots.as_slice_mut()?);
        let mut gradients = Cow::Borrowed(grads.as_slice()?);
        let shape = shape.unwrap_or_else(|| vec![count]);
        if shape
            .iter()
            .try_fold(1, |all: usize, &n| all.checked_mul(n))
            != Some(count)
        {
            let expected = format!("that of {count} elements");
            return Err(Error::shape("shape", expected, Shape(&shape)).into());
        }
        let mut variables = rule.variables(vec![Variable {
            range: 0..count,
            shape,
            trainable: true,
            looked_up: false,
        }]);
        detached(py, || {
            if rule.prepares() {
                // These are the caller's, who did not ask for them to be changed.
                rule.prepare(step, &variables, w, gradients.to_mut(), slots);
            }
            let threads = Threads::global()?;
            rule.step(threads, step, &mut variables, w, &gradients, slots);
            Ok(())
        })
    }
    check_learning_rate(learning_rate)?;
    let step = Step {
        number: iteration.saturating_add(1),
        learning_rate,
    };
    by_dtype!(element_type("params", params)?, F => run::<F>(optimizer, params, grads, slots, step, shape))
}

/// The penalty of an array of weights, and its gradient.
#[pyfunction]
pub(super) fn penalty<'py>(
    regularizer: &Bound<'py, PyDict>,
    w: &Bound<'py, PyAny>,
) -> PyResult<(f64, Bound<'py, PyAny>)> {
    fn run<'py, F: Float + Element>(
        regularizer: &Bound<'py, PyDict>,
        w: &Bound<'py, PyAny>,
    ) -> PyResult<(f64, Bound<'py, PyAny>)> {
        let (py, settings) = (w.py(), from_dict(regularizer)?);
        let w = read::<F>("w", w)?;
        let regularizer = regularizers::from_settings::<F>(&settings, "w", w.shape())?;
        let gradient = empty::<F>(py, w.shape())?;
        let mut scratch = zeros(regularizer.scratch_len())?;
        let value = {
            let mut gradient = gradient.readwrite();
            let (w, gradient) = (w.as_slice()?, gradient.as_slice_mut()?);
            detached(py, || {
                gradient.fill(F::ZERO);
                Ok(regularizer.penalty(Threads::global()?, w, gradient, &mut scratch))
            })?
        };
        Ok((value, gradient.into_any()))
    }
    by_dtype!(element_type("w", w)?, F => run::<F>(regularizer, w))
}

/// Project an array of weights, in place.
#[pyfunction]
pub(super) fn constrain(constraint: &Bound<'_, PyDict>, w: &Bound<'_, PyAny>) -> PyResult<()> {
    fn run<F: Float + Element>(
        constraint: &Bound<'_, PyDict>,
        w: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (py, settings) = (w.py(), from_dict(constraint)?);
        let mut w = write::<F>("w", w)?;
        let constraint = constraints::from_settings::<F>(&settings, "w", w.shape())?;
        let mut numbers = filled(constraint.scratch_len(), 0.0)?;
        let w = w.as_slice_mut()?;
        detached(py, || {
            constraint.apply(w, &mut numbers);
            Ok(())
        })
    }
    by_dtype!(element_type("w", w)?, F => run::<F>(constraint, w))
}

/// The flat index of the first element that is infinite or NaN.
#[pyfunction]
pub(super) fn first_non_finite(x: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    fn run<F: Float + Element>(x: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let py = x.py();
        let x = read::<F>("x", x)?;
        let x = x.as_slice()?;
        detached(py, || Ok(crate::reduce::first_non_finite(x)))
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x))
}

/// Copy a kernel `(spatial..., inputs, outputs)` into an array `(outputs, inputs, spatial...)`.
#[pyfunction]
pub(super) fn outputs_first(kernel: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
    fn run<F: Float + Element>(kernel: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = kernel.py();
        let kernel = read::<F>("kernel", kernel)?;
        let mut out = write::<F>("out", out)?;
        let [spatial @ .., inputs, outputs] = kernel.shape() else {
            return Err(shape_error(format!(
                "kernel: expected at least 2 dimensions, found shape {}",
                Shape(kernel.shape())
            )));
        };
        let theirs = [&[*outputs, *inputs], spatial].concat();
        check_exact("out", out.shape(), &theirs)?;
        let sizes = [spatial.iter().product(), *inputs, *outputs];
        let (from, to) = (kernel.as_slice()?, out.as_slice_mut()?);
        detached(py, || {
            layout::outputs_first(Threads::global()?, from, sizes, to);
            Ok(())
        })
    }
    by_dtype!(element_type("kernel", kernel)?, F => run::<F>(kernel, out))
}

/// Write a · b into `out`, each of `a` and `b` transposed first where so asked: in the order of the layers' products.
#[pyfunction]
#[pyo3(signature = (a, b, out, transposes=(false, false), threads=None))]
pub(super) fn product(
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    transposes: (bool, bool),
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    fn run<F: Float + Element>(
        [a, b, out]: [&Bound<'_, PyAny>; 3],
        transposes: (bool, bool),
        threads: Threads,
    ) -> PyResult<()> {
        let py = a.py();
        let (a, b) = (read::<F>("a", a)?, read::<F>("b", b)?);
        let mut out = write::<F>("out", out)?;
        let (mut view_a, mut view_b) = (matrix("a", &a)?, matrix("b", &b)?);
        if transposes.0 {
            view_a = view_a.reversed_axes();
        }
        if transposes.1 {
            view_b = view_b.reversed_axes();
        }
        check_exact("rows of b", &[view_b.nrows()], &[view_a.ncols()])?;
        check_exact("out", out.shape(), &[view_a.nrows(), view_b.ncols()])?;
        let mut out = out.as_array_mut();
        let out = out.view_mut().into_dimensionality().expect("a matrix");
        detached(py, || {
            matmul(threads, view_a, view_b, out);
            Ok(())
        })
    }
    let threads = threads_or_global(threads)?;
    by_dtype!(element_type("a", a)?, F => run::<F>([a, b, out], transposes, threads))
}

/// An array as a matrix, or an error that names it.
fn matrix<'a, F: Element>(
    name: &str,
    array: &'a PyReadonlyArrayDyn<'_, F>,
) -> PyResult<ArrayView2<'a, F>> {
    array.as_array().into_dimensionality().map_err(|_| {
        let found = Shape(array.shape());
        shape_error(format!(
            "{name}: expected 2 dimensions, found shape {found}"
        ))
    })
}
