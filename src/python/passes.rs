//! One batch forward and back, for Python: what a layer by itself and `Sequential.forward` call.

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

use super::arrays::{check_shape, empty, read, write};
use super::boundary::{detached, threads_or_global};
use super::plan::Plan;
use crate::float::Float;
use crate::layers::{Order, State};
use crate::memory::zeros;
use crate::network::{self, Run};

impl Plan {
    /// Outputs, and what `backward` needs. Where backward does not need the outputs they are a view of the front of
    /// what is kept, so that they are written once.
    pub(super) fn forward_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<usize>,
        step: u64,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(x)?;
        let w = read::<F>("params", params)?;
        check_shape("params", w.shape(), &[Some(plan.parameter_count())])?;
        let kept = empty::<F>(py, &[network::kept_len(plan, samples)])?;
        let shape = self.output_shape(plan, samples);
        let plain = network::is_plain(plan);
        let y = if plain {
            front(&kept, &shape)?
        } else {
            empty::<F>(py, &shape)?
        };
        if samples > 0 {
            let (w, x) = (w.as_slice()?, x_array.as_slice()?);
            let mut kept = kept.readwrite();
            let kept = kept.as_slice_mut()?;
            let mut y = if plain { None } else { Some(y.readwrite()) };
            let y = y.as_mut().map(|y| y.as_slice_mut()).transpose()?;
            let how = Run {
                samples,
                threads,
                training,
                step,
                order: Order::RowMajor,
            };
            let run = |state: State<F>| {
                network::forward(plan, how, w, state, x, kept);
                if let Some(y) = y {
                    y.copy_from_slice(network::output(plan, x, samples, kept));
                }
            };
            if training {
                let mut state = write::<F>("state", state)?;
                check_shape("state", state.shape(), &[Some(plan.state_count())])?;
                let state = state.as_slice_mut()?;
                py.detach(|| run(State::Updating(state)));
            } else {
                let state = read::<F>("state", state)?;
                check_shape("state", state.shape(), &[Some(plan.state_count())])?;
                let state = state.as_slice()?;
                py.detach(|| run(State::Frozen(state)));
            }
        }
        let cache = (x, kept, training).into_pyobject(py)?;
        Ok((y.into_any(), cache))
    }

    /// Gradients with respect to inputs and parameters.
    pub(super) fn backward_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        (x, kept, training): &(Bound<'py, PyAny>, Bound<'py, PyAny>, bool),
        dy: &Bound<'py, PyAny>,
        threads: Option<usize>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(x)?;
        let w = read::<F>("params", params)?;
        check_shape("params", w.shape(), &[Some(plan.parameter_count())])?;
        let mut kept = write::<F>("cache", kept)?;
        check_shape(
            "cache",
            kept.shape(),
            &[Some(network::kept_len(plan, samples))],
        )?;
        let dy = read::<F>("dy", dy)?;
        let expected: Vec<_> = self
            .output_shape(plan, samples)
            .into_iter()
            .map(Some)
            .collect();
        check_shape("dy", dy.shape(), &expected)?;
        let dx = empty::<F>(py, x_array.shape())?;
        let dw = empty::<F>(py, &[plan.parameter_count()])?;
        if samples > 0 {
            let (w, x, dy) = (w.as_slice()?, x_array.as_slice()?, dy.as_slice()?);
            let (mut dw, mut dx) = (dw.readwrite(), dx.readwrite());
            let (dw, dx) = (dw.as_slice_mut()?, dx.as_slice_mut()?);
            let run = Run {
                samples,
                threads,
                training: *training,
                step: 0,
                order: Order::RowMajor,
            };
            let kept = kept.as_slice_mut()?;
            detached(py, || {
                if network::is_plain(plan) {
                    network::backward_plain(plan, run, w, x, kept, dy, dw, dx);
                    return Ok(());
                }
                let (len, spare) = match plan.stages().len() {
                    0 | 1 => (dy.len(), 0),
                    _ => {
                        let widest = network::gradient_len(plan, samples);
                        (widest, widest)
                    }
                };
                let (mut gradient, mut spare) = (zeros(len)?, zeros(spare)?);
                gradient[..dy.len()].copy_from_slice(dy);
                network::backward(
                    plan,
                    run,
                    w,
                    x,
                    kept,
                    &mut gradient,
                    &mut spare,
                    dw,
                    Some(dx),
                );
                Ok(())
            })?;
        } else {
            dw.readwrite().as_slice_mut()?.fill(F::ZERO);
        }
        Ok((dx.into_any(), dw.into_any()))
    }
}

/// A view of an array's first elements, in this shape.
fn front<'py, F: Element>(
    array: &Bound<'py, PyArrayDyn<F>>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<F>>> {
    let py = array.py();
    let len = shape.iter().product::<usize>();
    let first = array
        .as_any()
        .get_item(PySlice::new(py, 0, isize::try_from(len)?, 1))?;
    let shaped = first.call_method1("reshape", (PyTuple::new(py, shape)?,))?;
    Ok(shaped.cast_into()?)
}
