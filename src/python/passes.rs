//! One batch forward and back, for Python: what a layer by itself and `Sequential.forward` call.

use std::ops::Range;

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

use super::arrays::{check_exact, empty, read, write};
use super::boundary::{detached, found, interruptible, threads_or_global};
use super::plan::{Plan, outputs_of};
use crate::float::Float;
use crate::layers::State;
use crate::network::{self, Cursor, Layer, Part, Program, Run, Value};

/// What a pass forward leaves for passes back: a tape, whose memory belongs to whoever holds it.
pub(super) struct Cache<'py> {
    /// The inputs.
    pub(super) x: Bound<'py, PyAny>,
    /// What the layers keep.
    pub(super) kept: Bound<'py, PyAny>,
    /// Whether it was a pass of training.
    pub(super) training: bool,
    /// Whether it was a trace.
    pub(super) traced: bool,
}

impl<'py> Cache<'py> {
    /// As Python holds it: with the plan, so that no other takes it for its own.
    pub(super) fn into_tuple(self, plan: &Bound<'py, Plan>) -> PyResult<Bound<'py, PyTuple>> {
        (self.x, self.kept, self.training, self.traced, plan).into_pyobject(plan.py())
    }

    /// What [`into_tuple`](Self::into_tuple) made for the same plan and the same kind of pass, or an error that calls
    /// it `name`.
    pub(super) fn of(
        name: &str,
        plan: &Bound<'py, Plan>,
        cache: &Bound<'py, PyAny>,
        of_trace: bool,
    ) -> PyResult<Self> {
        type Parts<'py> = (
            Bound<'py, PyAny>,
            Bound<'py, PyAny>,
            bool,
            bool,
            Bound<'py, Plan>,
        );
        let pass = if of_trace { "trace" } else { "forward" };
        let expected = format!("{name}: expected what {pass} of this network returned");
        let Ok((x, kept, training, traced, made_by)) = cache.extract::<Parts>() else {
            let message = format!("{expected}, found {}", found(cache)?);
            return Err(PyTypeError::new_err(message));
        };
        if !made_by.is(plan) || traced != of_trace {
            return Err(PyValueError::new_err(format!(
                "{expected}, found what another did, or this one before it was changed"
            )));
        }
        Ok(Self {
            x,
            kept,
            training,
            traced,
        })
    }

    /// The memory of what a program keeps, for so many samples.
    pub(super) fn memory<F: Float + Element>(
        &self,
        name: &str,
        program: &Program<F>,
        samples: usize,
    ) -> PyResult<Bound<'py, PyArrayDyn<F>>> {
        let kept = read::<F>(name, &self.kept)?;
        check_exact(name, kept.shape(), &[kept_len(program, samples)])?;
        Ok(self.kept.cast::<PyArrayDyn<F>>()?.clone())
    }

    /// `dy`, or a copy of it where it shares memory with what is kept, which backward overwrites: outputs may.
    pub(super) fn apart<F: Element>(&self, dy: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
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
            let cache = Some(Cache::of("out", plan, &cache, false)?);
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
    /// Outputs, and what `backward` needs.
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
        // Held while `out` is opened: where they share memory, it is `out` that is wrong.
        let (_x, samples) = self.read_samples::<F>(x)?;
        let _w = read::<F>("params", params)?;
        let (y, cache) = out.map_or((None, None), |out| (Some(out.y), out.cache));
        let program = plan.by_hand();
        let kept = match cache {
            Some(cache) => Some(cache.memory::<F>("out", &program, samples)?),
            None => None,
        };
        let y = given_or_new::<F>(params.py(), y.as_ref(), &outputs_of(plan, samples))?;
        let mut outputs = write::<F>("out", y.as_any())?;
        let outputs = outputs.as_slice_mut()?;
        let kept = self.run_forward(
            plan, &program, params, state, x, training, threads, step, outputs, kept,
        )?;
        Ok((y.into_any(), kept))
    }

    /// Run a program, which leaves outputs in `y`, if it is not empty; return what it keeps, in the memory that was given
    /// or in new.
    fn run_forward<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        program: &Program<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
        step: u64,
        y: &mut [F],
        kept: Option<Bound<'py, PyArrayDyn<F>>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(x)?;
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        let kept = match kept {
            Some(kept) => kept,
            None => empty::<F>(py, &[kept_len(program, samples)])?,
        };
        if samples > 0 {
            let (w, x) = (w.as_slice()?, x_array.as_slice()?);
            let mut kept = write::<F>("out", kept.as_any())?;
            let values = program.values_len(samples);
            let (values, caches) = kept.as_slice_mut()?.split_at_mut(values);
            let how = Run {
                samples,
                threads,
                training,
                step,
                part: Part::All,
            };
            let mut forward = |how, state: State<F>| {
                network::forward(program, how, w, state, x, y, values, caches);
            };
            if training {
                let mut state = write::<F>("state", state)?;
                check_exact("state", state.shape(), &[plan.state_count()])?;
                let state = state.as_slice_mut()?;
                let mut staged = state.to_vec();
                run_parts(py, program, how, |how| {
                    forward(how, State::Updating(&mut staged));
                })?;
                state.copy_from_slice(&staged);
            } else {
                let state = read::<F>("state", state)?;
                check_exact("state", state.shape(), &[plan.state_count()])?;
                let state = state.as_slice()?;
                run_parts(py, program, how, |how| forward(how, State::Frozen(state)))?;
            }
        }
        Ok(kept.into_any())
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
        let program = plan.by_hand();
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        let kept = cache.memory::<F>("cache", &program, samples)?;
        let dy = cache.apart::<F>(dy)?;
        let mut kept = write::<F>("cache", kept.as_any())?;
        let dy = read::<F>("dy", &dy)?;
        check_exact("dy", dy.shape(), &outputs_of(plan, samples))?;
        let dx = given_or_new::<F>(py, dx, x_array.shape())?;
        let dw = given_or_new::<F>(py, dw, &[plan.parameter_count()])?;
        {
            let (w, x, dy) = (w.as_slice()?, x_array.as_slice()?, dy.as_slice()?);
            let mut dx = write::<F>("out", dx.as_any())?;
            let mut dw = write::<F>("out", dw.as_any())?;
            let (dw, dx) = (dw.as_slice_mut()?, dx.as_slice_mut()?);
            program.clear_tables(dw);
            if plan.has_gaps() {
                dw.fill(F::ZERO);
            }
            let gradients = empty::<F>(py, &[program.gradients_len(samples)])?;
            let mut gradients = gradients.readwrite();
            let gradients = gradients.as_slice_mut()?;
            let kept = kept
                .as_slice_mut()?
                .split_at_mut(program.values_len(samples));
            let run = Run {
                samples,
                threads,
                training: cache.training,
                step: 0,
                part: Part::All,
            };
            run_backward(py, &program, run, w, x, kept, dy, gradients, dw, dx)?;
        }
        Ok((dx.into_any(), dw.into_any()))
    }

    /// What goes into the activation of each layer that ends in one, and its output; and what `gradients` needs.
    pub(super) fn trace_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<LayerArrays<'py>>, Bound<'py, PyAny>)> {
        let (_, samples) = self.read_samples::<F>(x)?;
        let program = plan.trace();
        let kept = self.run_forward(
            plan,
            &program,
            params,
            state,
            x,
            training,
            threads,
            0,
            &mut [],
            None,
        )?;
        let array_of = |value: Value| {
            let of_value = match program.value_of(value, samples) {
                Some(range) => part(&kept, range)?,
                None => x.clone(),
            };
            matrix(&of_value, samples * value.rows, value.width).map(Some)
        };
        Ok((by_layer(plan.layers(), array_of)?, kept))
    }

    /// Gradients with respect to what `trace` shows, and to the parameters; from that with respect to the network's output
    /// or, `before_activation`, to what goes into its last activation; of several outputs for each of them.
    pub(super) fn gradients_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        cache: &Cache<'py>,
        dy: &Bound<'py, PyAny>,
        before_activation: &[bool],
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<LayerArrays<'py>>, Bound<'py, PyAny>)> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x_array, samples) = self.read_samples::<F>(&cache.x)?;
        let whole = plan.trace();
        let outputs = plan.shapes_of_outputs().len();
        if before_activation.len() != outputs {
            return Err(PyValueError::new_err(format!(
                "before_activation: expected a flag for each of {outputs} outputs, found {}",
                before_activation.len()
            )));
        }
        let chosen = before_activation.iter().enumerate();
        for (output, _) in chosen.filter(|(_, before)| **before) {
            if plan.last_activation(output).is_none() {
                return Err(PyValueError::new_err(
                    "before_activation: expected False, as the network does not end in an activation, found True",
                ));
            }
        }
        let program = if before_activation.contains(&true) {
            &plan.trace_before(before_activation)
        } else {
            &whole
        };
        let w = read::<F>("params", params)?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        let kept = cache.memory::<F>("cache", &whole, samples)?;
        let dy = cache.apart::<F>(dy)?;
        let dy = read::<F>("dy", &dy)?;
        // An activation changes no shape.
        check_exact("dy", dy.shape(), &outputs_of(plan, samples))?;

        let gradients = empty::<F>(py, &[program.gradients_len(samples)])?;
        let dw = empty::<F>(py, &[plan.parameter_count()])?;
        {
            let mut kept = write::<F>("cache", kept.as_any())?;
            let (mut gradients, mut dw) = (gradients.readwrite(), dw.readwrite());
            let (w, x, dy) = (w.as_slice()?, x_array.as_slice()?, dy.as_slice()?);
            let kept = kept.as_slice_mut()?.split_at_mut(whole.values_len(samples));
            let (gradients, dw) = (gradients.as_slice_mut()?, dw.as_slice_mut()?);
            dw.fill(F::ZERO);
            program
                .output_gradient(samples, gradients)
                .copy_from_slice(dy);
            let run = Run {
                samples,
                threads,
                training: cache.training,
                step: 0,
                part: Part::All,
            };
            run_backward(py, program, run, w, x, kept, &[], gradients, dw, &mut [])?;
        }
        let array_of = |value: Value| {
            let range = program.gradient_of(value, samples);
            let rows = |range| {
                let of_value = part(gradients.as_any(), range)?;
                matrix(&of_value, samples * value.rows, value.width)
            };
            range.map(rows).transpose()
        };
        Ok((by_layer(plan.layers(), array_of)?, dw.into_any()))
    }
}

/// Run a program back, if there are samples; without them all gradients of parameters are 0.
pub(super) fn run_backward<F: Float>(
    py: Python<'_>,
    program: &Program<F>,
    run: Run,
    w: &[F],
    x: &[F],
    (values, caches): (&mut [F], &mut [F]),
    dy: &[F],
    gradients: &mut [F],
    dw: &mut [F],
    dx: &mut [F],
) -> PyResult<()> {
    if run.samples == 0 {
        dw.fill(F::ZERO);
        return Ok(());
    }
    let caches = &mut caches[..program.caches_len(run.samples)];
    run_parts(py, program, run, |run| {
        network::backward(program, run, w, x, values, caches, dy, gradients, dw, dx);
    })
}

/// Call `work` with the parts of a pass; a Ctrl-C within a long one raises `KeyboardInterrupt`.
fn run_parts<F: Float>(
    py: Python<'_>,
    program: &Program<F>,
    run: Run,
    mut work: impl FnMut(Run) + Send,
) -> PyResult<()> {
    let mut cursor = Cursor::new(program, run.samples);
    let multiply_adds = program.multiply_adds(run.samples);
    if !cursor.stops() {
        return detached(py, || {
            run.awake(multiply_adds, work);
            Ok(())
        });
    }
    interruptible(py, |deadline| {
        run.awake(multiply_adds, |run| {
            cursor.run_until(deadline, |part| work(Run { part, ..run }))
        })
    })
}

fn kept_len<F: Float>(program: &Program<F>, samples: usize) -> usize {
    let values = program.values_len(samples);
    values.saturating_add(program.caches_len(samples))
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

/// What is looked at of a layer: what goes into the activation that ends it, if one does, and its output; or gradients
/// with respect to these, where they are formed.
pub(super) type LayerArrays<'py> = (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// What `array_of` returns for the values of each layer.
fn by_layer<'py>(
    layers: &[Layer],
    array_of: impl Fn(Value) -> PyResult<Option<Bound<'py, PyAny>>>,
) -> PyResult<Vec<LayerArrays<'py>>> {
    let of_layer = |layer: &Layer| {
        let before = layer.before_activation.map(&array_of).transpose()?;
        Ok((before.flatten(), array_of(layer.output)?))
    };
    layers.iter().map(of_layer).collect()
}

/// A view of a flat array's elements in `range`.
fn part<'py>(array: &Bound<'py, PyAny>, range: Range<usize>) -> PyResult<Bound<'py, PyAny>> {
    let (start, end) = (isize::try_from(range.start)?, isize::try_from(range.end)?);
    array.get_item(PySlice::new(array.py(), start, end, 1))
}

/// A view of an array's elements as so many rows of this width.
fn matrix<'py>(
    array: &Bound<'py, PyAny>,
    rows: usize,
    width: usize,
) -> PyResult<Bound<'py, PyAny>> {
    array.call_method1("reshape", ((rows, width),))
}
