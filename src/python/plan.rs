//! The compiled network as Python holds it, and the passes over it.

use numpy::{Element, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arrays::{by_dtype, check_shape, empty, read, sizes, write};
use super::boundary::{interruptible, threads_or_global};
use super::examples::{TargetArray, data, objective};
use super::passes::{Cache, Results};
use super::settings::from_dict;
use crate::float::Float;
use crate::network::{self, Arrays, Evaluation, Place, Predictor, Trainer};
use crate::optimizers;

/// An immutable description of a network: layers, shapes, offsets into the flat arrays.
#[pyclass(frozen, module = "fanin._core")]
pub(super) struct Plan {
    input_shape: Vec<usize>,
    pub(super) compiled: Compiled,
    pub(super) reused: Results,
}

pub(super) enum Compiled {
    Single(network::Plan<f32>),
    Double(network::Plan<f64>),
}

impl From<network::Plan<f32>> for Compiled {
    fn from(plan: network::Plan<f32>) -> Self {
        Self::Single(plan)
    }
}

impl From<network::Plan<f64>> for Compiled {
    fn from(plan: network::Plan<f64>) -> Self {
        Self::Double(plan)
    }
}

/// Do something with the compiled plan, whatever its element type.
macro_rules! with_plan {
    ($self:expr, $plan:ident => $body:expr) => {
        match &$self.compiled {
            Compiled::Single($plan) => $body,
            Compiled::Double($plan) => $body,
        }
    };
}

/// (layer, name, offset, shape) of an array of a layer.
type PlaceTuple<'py> = (usize, &'static str, usize, Bound<'py, PyTuple>);

fn places<'py>(py: Python<'py>, places: &[Place]) -> PyResult<Vec<PlaceTuple<'py>>> {
    places
        .iter()
        .map(|p| Ok((p.layer, p.name, p.offset, PyTuple::new(py, &p.shape)?)))
        .collect()
}

#[pymethods]
impl Plan {
    #[new]
    fn new(
        input_shape: &Bound<'_, PyAny>,
        layers: Vec<Bound<'_, PyDict>>,
        dtype: &str,
    ) -> PyResult<Self> {
        let input_shape = sizes("input_shape", input_shape)?;
        let layers = layers.iter().map(from_dict).collect::<PyResult<Vec<_>>>()?;
        let compiled =
            by_dtype!(dtype, F => network::Plan::<F>::new(&input_shape, &layers)?.into());
        Ok(Self {
            input_shape,
            compiled,
            reused: Results::default(),
        })
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        match self.compiled {
            Compiled::Single(_) => f32::NAME,
            Compiled::Double(_) => f64::NAME,
        }
    }

    #[getter]
    fn output_shapes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        with_plan!(self, plan => plan.output_shapes().iter().map(|shape| PyTuple::new(py, shape)).collect())
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<PlaceTuple<'py>>> {
        with_plan!(self, plan => places(py, plan.parameters()))
    }

    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Vec<PlaceTuple<'py>>> {
        with_plan!(self, plan => places(py, plan.state()))
    }

    #[getter]
    fn parameter_count(&self) -> usize {
        with_plan!(self, plan => plan.parameter_count())
    }

    #[getter]
    fn state_count(&self) -> usize {
        with_plan!(self, plan => plan.state_count())
    }

    #[pyo3(signature = (params, state, x, training, threads=None, step=0))]
    fn forward<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
        step: u64,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let own = slf.get();
        let (y, kept) = with_plan!(own, plan => {
            own.forward_as(plan, params, state, x, training, threads, step)?
        });
        let cache = Cache {
            x: x.clone(),
            kept,
            training,
            traced: false,
        };
        Ok((y, cache.into_tuple(slf)?))
    }

    #[pyo3(signature = (params, cache, dy, threads=None))]
    fn backward<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        cache: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (own, cache) = (slf.get(), Cache::of(slf, cache, false)?);
        with_plan!(own, plan => own.backward_as(plan, params, &cache, dy, threads))
    }

    #[pyo3(signature = (params, state, x, training, threads=None))]
    fn trace<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, Bound<'py, PyTuple>)> {
        let own = slf.get();
        let (outputs, kept) = with_plan!(own, plan => {
            own.trace_as(plan, params, state, x, training, threads)?
        });
        let cache = Cache {
            x: x.clone(),
            kept,
            training,
            traced: true,
        };
        Ok((outputs, cache.into_tuple(slf)?))
    }

    #[pyo3(signature = (params, cache, dy, layers, with_input, threads=None))]
    fn gradients<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        cache: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        layers: usize,
        with_input: bool,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, Bound<'py, PyAny>)> {
        let (own, cache) = (slf.get(), Cache::of(slf, cache, true)?);
        with_plan!(own, plan => {
            own.gradients_as(plan, params, &cache, dy, layers, with_input, threads)
        })
    }

    #[pyo3(signature = (params, state, x, batch_size, threads=None))]
    fn predict<'py>(
        &self,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        batch_size: usize,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_plan!(self, plan => self.predict_as(plan, params, state, x, batch_size, threads))
    }

    #[pyo3(signature = (params, state, loss, metrics, x, y, weights, batch_size, threads=None))]
    fn evaluate<'py>(
        &self,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        loss: &Bound<'py, PyDict>,
        metrics: Vec<Bound<'py, PyDict>>,
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
        batch_size: usize,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<f64>> {
        with_plan!(self, plan => {
            self.evaluate_as(plan, params, state, loss, &metrics, x, y, weights, batch_size, threads)
        })
    }

    #[pyo3(signature = (params, state, slots, optimizer, loss, metrics, x, y, weights, order, batch_size,
        learning_rates, progress, threads=None))]
    fn train<'py>(
        &self,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        slots: &Bound<'py, PyAny>,
        optimizer: &Bound<'py, PyDict>,
        loss: &Bound<'py, PyDict>,
        metrics: Vec<Bound<'py, PyDict>>,
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
        order: &Bound<'py, PyAny>,
        batch_size: usize,
        learning_rates: &Bound<'py, PyAny>,
        progress: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        with_plan!(self, plan => self.train_as(
            plan, params, state, slots, optimizer, loss, &metrics, x, y, weights, order, batch_size,
            learning_rates, progress, threads,
        ))
    }
}

impl Plan {
    /// `x` for reading, checked against the network's input; with the number of samples.
    pub(super) fn read_samples<'py, F: Element>(
        &self,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<(PyReadonlyArrayDyn<'py, F>, usize)> {
        let x = read("x", x)?;
        let expected: Vec<_> = [None]
            .into_iter()
            .chain(self.input_shape.iter().copied().map(Some))
            .collect();
        check_shape("x", x.shape(), &expected)?;
        let samples = x.shape()[0];
        Ok((x, samples))
    }

    /// The shape of the outputs for so many samples.
    pub(super) fn output_shape<F: Float>(
        &self,
        plan: &network::Plan<F>,
        samples: usize,
    ) -> Vec<usize> {
        let shape = plan.output_shapes().last().unwrap_or(&self.input_shape);
        [&[samples][..], shape].concat()
    }

    fn predict_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        batch_size: usize,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (x, samples) = self.read_samples::<F>(x)?;
        let (w, state) = (read::<F>("params", params)?, read::<F>("state", state)?);
        let y = empty::<F>(py, &self.output_shape(plan, samples))?;
        {
            let mut predictor = Predictor::new(
                plan,
                w.as_slice()?,
                state.as_slice()?,
                x.as_slice()?,
                batch_size,
                threads,
            )?;
            let mut y = y.readwrite();
            let y = y.as_slice_mut()?;
            interruptible(py, |deadline| predictor.run_until(deadline, y))?;
        }
        Ok(y.into_any())
    }

    fn evaluate_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        loss: &Bound<'py, PyDict>,
        metrics: &[Bound<'py, PyDict>],
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
        batch_size: usize,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<f64>> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (plan, objective) = objective(plan, loss, metrics)?;
        let (x, _) = self.read_samples::<F>(x)?;
        let y = TargetArray::<F>::read("y", y, objective.takes_classes())?;
        let weights = weights
            .map(|weights| read::<F>("weights", weights))
            .transpose()?;
        let (w, state) = (read::<F>("params", params)?, read::<F>("state", state)?);
        let data = data(&x, &y, weights.as_ref())?;
        let mut evaluation = Evaluation::new(
            plan,
            objective,
            w.as_slice()?,
            state.as_slice()?,
            data,
            batch_size,
            threads,
        )?;
        interruptible(py, |deadline| evaluation.run_until(deadline))?;
        Ok(evaluation.means())
    }

    fn train_as<'py, F: Float + Element>(
        &self,
        plan: &network::Plan<F>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        slots: &Bound<'py, PyAny>,
        optimizer: &Bound<'py, PyDict>,
        loss: &Bound<'py, PyDict>,
        metrics: &[Bound<'py, PyDict>],
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
        order: &Bound<'py, PyAny>,
        batch_size: usize,
        learning_rates: &Bound<'py, PyAny>,
        progress: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let (py, threads) = (params.py(), threads_or_global(threads)?);
        let (plan, objective) = objective(plan, loss, metrics)?;
        let rule = optimizers::from_settings(&from_dict(optimizer)?)?;
        let (x, _) = self.read_samples::<F>(x)?;
        let y = TargetArray::<F>::read("y", y, objective.takes_classes())?;
        let weights = weights
            .map(|weights| read::<F>("weights", weights))
            .transpose()?;
        let order = read::<u32>("order", order)?;
        let learning_rates = read::<f64>("learning_rates", learning_rates)?;
        let (mut w, mut state) = (write::<F>("params", params)?, write::<F>("state", state)?);
        let (mut slots, mut progress) = (
            write::<F>("slots", slots)?,
            write::<f64>("progress", progress)?,
        );

        let data = data(&x, &y, weights.as_ref())?;
        let (order, rates) = (order.as_slice()?, learning_rates.as_slice()?);
        let mut trainer = Trainer::new(
            plan, objective, rule, data, order, batch_size, rates, threads,
        )?;
        let mut arrays = Arrays {
            w: w.as_slice_mut()?,
            state: state.as_slice_mut()?,
            slots: slots.as_slice_mut()?,
            progress: progress.as_slice_mut()?,
        };
        trainer.check(&arrays)?;
        interruptible(py, |deadline| trainer.run_until(deadline, &mut arrays))
    }
}
