//! One batch forward and back, for Python: what a layer by itself and `Sequential.forward` call.

use std::ops::Range;

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

use super::arrays::{check_exact, empty, read, write};
use super::boundary::{detached, found, threads_or_global};
use super::plan::Plan;
use crate::float::Float;
use crate::layers::{Order, State};
use crate::network::{self, Run};

/// What a pass forward leaves for passes back: a tape, whose memory belongs to whoever holds it.
pub(super) struct Cache<'py> {
    /// The inputs.
    pub(super) x: Bound<'py, PyAny>,
    /// What the layers keep.
    pub(super) kept: Bound<'py, PyAny>,
    /// Whether it was a pass of training.
    pub(super) training: bool,
}

impl<'py> Cache<'py> {
    /// As Python holds it: with the plan, so that no other takes it for its own.
    pub(super) fn into_tuple(self, plan: &Bound<'py, Plan>) -> PyResult<Bound<'py, PyTuple>> {
        (self.x, self.kept, self.training, plan).into_pyobject(plan.py())
    }

    /// What [`into_tuple`](Self::into_tuple) made for the same plan, or an error that calls it `name`.
    pub(super) fn of(
        name: &str,
        plan: &Bound<'py, Plan>,
        cache: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        type Parts<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, bool, Bound<'py, Plan>);
        let expected = format!("{name}: expected what forward of this network returned");
        let Ok((x, kept, training, made_by)) = cache.extract::<Parts>() else {
            let message = format!("{expected}, found {}", found(cache)?);
            return Err(PyTypeError::new_err(message));
        };
        if !made_by.is(plan) {
            return Err(PyValueError::new_err(format!(
                "{expected}, found what another did, or this one before it was changed"
            )));
        }
        Ok(Self { x, kept, training })
    }

    /// The memory of what is kept, for so many samples.
    fn memory<F: Float + Element>(
        &self,
        name: &str,
        plan: &network::Plan<F>,
        samples: usize,
    ) -> PyResult<Bound<'py, PyArrayDyn<F>>> {
        let kept = read::<F>(name, &self.kept)?;
        check_exact(name, kept.shape(), &[network::kept_len(plan, samples)])?;
        Ok(self.kept.cast::<PyArrayDyn<F>>()?.clone())
    }

    /// `dy`, or a copy of it where it shares memory with what is kept, which backward overwrites: outputs may.
    fn apart<F: Element>(&self, dy: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (read_dy, kept) = (read::<F>("dy", dy)?, read::<F>("cache", &self.kept)?);
        let (theirs, ours) = (
            read_dy.as_slice()?.as_ptr_range(),
            kept.as_slice()?.as_ptr_range(),
        );
        if theirs.start < ours.end && ours.start < theirs.end {
            dy.call_method0("copy")
        } else {
            Ok(dy.clone())
        }
    }
}

/// What a pass forward writes into instead of new arrays.
pub(super) struct Out<'py> {
    y: Bound<'py, PyAny>,
    /// Of an earlier pass, where its memory is used again.
    cache: Option<Cache<'py>>,
}

impl<'py> Out<'py> {
    /// An array for the outputs, or the pair that forward returned before.
    pub(super) fn of(plan: &Bound<'py, Plan>, out: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok((y, cache)) = out.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()
            && out.is_instance_of::<PyTuple>()
        {
            let cache = Some(Cache::of("out", plan, &cache)?);
            return Ok(Self { y, cache });
        }
        if out.is_instance_of::<PyUntypedArray>() {
            let y = out.clone();
            return Ok(Self { y, cache: None });
        }
        Err(PyTypeError::new_err(format!(
            "out: expected an array, or what forward of this network returned, found {}",
            found(out)?
        )))
    }
}

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
        threads: Option<&Bound<'py, PyAny>>,
        step: u64,
        out: Option<Out<'py>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(x)?;
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        plan.check_products(samples, usize::MAX, usize::MAX)?;
        let (y, cache) = out.map_or((None, None), |out| (Some(out.y), out.cache));
        let kept = match cache {
            Some(cache) => cache.memory::<F>("out", plan, samples)?,
            None => empty::<F>(py, &[network::kept_len(plan, samples)])?,
        };
        let shape = self.output_shape(plan, samples);
        let y = match y {
            None if network::is_plain(plan) => view(kept.as_any(), 0, &shape)?.cast_into()?,
            y => given_or_new::<F>(py, y.as_ref(), &shape)?,
        };
        if samples > 0 {
            let (w, x) = (w.as_slice()?, x_array.as_slice()?);
            // Where the outputs are the front of what is kept, they are written once.
            let in_kept = network::is_plain(plan) && y.data() == kept.data();
            let mut kept = write::<F>("out", kept.as_any())?;
            let kept = kept.as_slice_mut()?;
            let mut y = if in_kept {
                None
            } else {
                Some(write::<F>("out", y.as_any())?)
            };
            let y = y.as_mut().map(|y| y.as_slice_mut()).transpose()?;
            let how = Run {
                samples,
                threads,
                training,
                step,
                order: Order::RowMajor,
            };
            let work = network::multiply_adds(plan, samples);
            let run = |state: State<F>| {
                how.awake(work, |how| {
                    network::forward(plan, how, w, state, x, kept);
                });
                if let Some(y) = y {
                    y.copy_from_slice(network::output(plan, x, samples, kept));
                }
                Ok(())
            };
            if training {
                let mut state = write::<F>("state", state)?;
                check_exact("state", state.shape(), &[plan.state_count()])?;
                let state = state.as_slice_mut()?;
                detached(py, || run(State::Updating(state)))?;
            } else {
                let state = read::<F>("state", state)?;
                check_exact("state", state.shape(), &[plan.state_count()])?;
                let state = state.as_slice()?;
                detached(py, || run(State::Frozen(state)))?;
            }
        }
        Ok((y.into_any(), kept.into_any()))
    }

    /// Gradients with respect to inputs and parameters.
    pub(super) fn backward_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        cache: &Cache<'py>,
        dy: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
        (dx, dw): (Option<&Bound<'py, PyAny>>, Option<&Bound<'py, PyAny>>),
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(&cache.x)?;
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        plan.check_products(samples, 0, 0)?;
        let kept = cache.memory::<F>("cache", plan, samples)?;
        let dy = cache.apart::<F>(dy)?;
        let mut kept = write::<F>("cache", kept.as_any())?;
        let dy = read::<F>("dy", &dy)?;
        check_exact("dy", dy.shape(), &self.output_shape(plan, samples))?;
        let dx = given_or_new::<F>(py, dx, x_array.shape())?;
        let dw = given_or_new::<F>(py, dw, &[plan.parameter_count()])?;
        if samples > 0 {
            let (w, x, dy) = (w.as_slice()?, x_array.as_slice()?, dy.as_slice()?);
            let mut dx = write::<F>("out", dx.as_any())?;
            let mut dw = write::<F>("out", dw.as_any())?;
            let (dw, dx) = (dw.as_slice_mut()?, dx.as_slice_mut()?);
            let run = Run {
                samples,
                threads,
                training: cache.training,
                step: 0,
                order: Order::RowMajor,
            };
            let kept = kept.as_slice_mut()?;
            let work = network::multiply_adds(plan, samples);
            if network::is_plain(plan) {
                detached(py, || {
                    run.awake(work, |run| {
                        network::backward_plain(plan, run, w, x, kept, dy, dw, dx);
                    });
                    Ok(())
                })?;
            } else {
                let (len, spare) = match plan.stages().len() {
                    0 | 1 => (dy.len(), 0),
                    _ => {
                        let widest = network::gradient_len(plan, samples);
                        (widest, widest)
                    }
                };
                let passed_on = empty::<F>(py, &[len.saturating_add(spare)])?;
                let mut passed_on = passed_on.readwrite();
                let (gradient, spare) = passed_on.as_slice_mut()?.split_at_mut(len);
                detached(py, || {
                    gradient[..dy.len()].copy_from_slice(dy);
                    run.awake(work, |run| {
                        network::backward(plan, run, w, x, kept, gradient, spare, dw, Some(dx));
                    });
                    Ok(())
                })?;
            }
        } else {
            write::<F>("out", dw.as_any())?
                .as_slice_mut()?
                .fill(F::ZERO);
        }
        Ok((dx.into_any(), dw.into_any()))
    }
}

impl Plan {
    /// The output of each layer that computes something: views of what forward kept.
    pub(super) fn outputs_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        cache: &Cache<'py>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (_, samples) = self.read_samples::<F>(&cache.x)?;
        cache.memory::<F>("cache", plan, samples)?;
        let widths = plan.stages().iter().map(|stage| stage.width_out);
        let parts = network::outputs(plan, samples).into_iter().zip(widths);
        matrices(&cache.kept, parts)
    }

    /// Gradients with respect to the input of each of the first `layers` layers that compute something (of the first one
    /// only `with_input`), and to the parameters.
    pub(super) fn gradients_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        cache: &Cache<'py>,
        dy: &Bound<'py, PyAny>,
        layers: usize,
        with_input: bool,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, Bound<'py, PyAny>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(&cache.x)?;
        let stages = plan.stages();
        if layers == 0 || layers > stages.len() {
            let message = format!("layers: expected 1 to {}, found {layers}", stages.len());
            return Err(PyValueError::new_err(message));
        }
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        plan.check_products(samples, 0, usize::from(!with_input))?;
        let kept = cache.memory::<F>("cache", plan, samples)?;
        let dy = cache.apart::<F>(dy)?;
        let (last, dy) = (&stages[layers - 1], read::<F>("dy", &dy)?);
        let rows = samples * last.rows;
        check_exact("dy", dy.shape(), &[rows, last.width_out])?;

        let mut places = network::input_gradients(plan, samples);
        places.truncate(layers);
        let len = places.last().map_or(0, |place| place.end);
        let gradients = empty::<F>(py, &[len])?;
        let dw = empty::<F>(py, &[plan.parameter_count()])?;
        {
            let mut kept = write::<F>("cache", kept.as_any())?;
            let (mut gradients, mut dw) = (gradients.readwrite(), dw.readwrite());
            let (w, x, dy) = (w.as_slice()?, x_array.as_slice()?, dy.as_slice()?);
            let (kept, gradients) = (kept.as_slice_mut()?, gradients.as_slice_mut()?);
            let dw = dw.as_slice_mut()?;
            let run = Run {
                samples,
                threads,
                training: cache.training,
                step: 0,
                order: Order::RowMajor,
            };
            let work = network::multiply_adds(plan, samples);
            detached(py, || {
                dw[last.parameters.end..].fill(F::ZERO);
                if samples > 0 {
                    run.awake(work, |run| {
                        network::backward_keeping(
                            plan, run, layers, w, x, kept, dy, gradients, dw, with_input,
                        );
                    });
                } else {
                    dw.fill(F::ZERO);
                }
                Ok(())
            })?;
        }
        let mut parts: Vec<_> = places
            .into_iter()
            .zip(stages.iter().map(|stage| stage.width_in))
            .collect();
        if !with_input {
            parts.remove(0);
        }
        Ok((matrices(gradients.as_any(), parts)?, dw.into_any()))
    }
}

/// The array that was given, if it has this shape and can be written to, or a new one.
fn given_or_new<'py, F: Element>(
    py: Python<'py>,
    given: Option<&Bound<'py, PyAny>>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<F>>> {
    let Some(given) = given else {
        return empty(py, shape);
    };
    check_exact("out", write::<F>("out", given)?.shape(), shape)?;
    Ok(given.cast::<PyArrayDyn<F>>()?.clone())
}

/// Views of parts of a flat array, as matrices of the width that goes with each.
fn matrices<'py>(
    flat: &Bound<'py, PyAny>,
    parts: impl IntoIterator<Item = (Range<usize>, usize)>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let matrix = |(part, width): (Range<usize>, usize)| {
        let shape = [part.len() / width, width];
        view(flat, part.start, &shape)
    };
    parts.into_iter().map(matrix).collect()
}

/// A view of an array's elements from `start` on, in this shape.
fn view<'py>(
    array: &Bound<'py, PyAny>,
    start: usize,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let end = start + shape.iter().product::<usize>();
    let slice = PySlice::new(py, isize::try_from(start)?, isize::try_from(end)?, 1);
    array
        .get_item(slice)?
        .call_method1("reshape", (PyTuple::new(py, shape)?,))
}
