//! The compiled network as Python holds it, and passes over one batch.

use std::any::Any;

use numpy::{Element, PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arrays::{ElementType, by_dtype, check_exact, check_shape, read, sizes};
use super::boundary::{detached, found};
use super::lock::Lock;
use super::passes::{Cache, LayerArrays, Out};
use super::records::KeptArray;
use super::settings::from_dict;
use crate::float::Float;
use crate::network::gate::Reader;
use crate::network::{self, Call, Lookup, Place, Spread};
use crate::parallel::Threads;

/// An immutable description of a network: layers, shapes, offsets into the flat arrays.
#[pyclass(frozen, module = "fanin._core")]
pub(super) struct Plan {
    input_shape: Vec<usize>,
    pub(super) element_type: ElementType,
    /// A [`network::Plan`] for elements of that type.
    compiled: Box<dyn Any + Send + Sync>,
}

/// (layer, name, offset, shape) of an array of a layer.
type PlaceTuple<'py> = (usize, String, usize, Bound<'py, PyTuple>);

/// Where the arrays of each layer begin in the parameters and in the state, and the lengths of these two.
type SpreadTuple = (Vec<(usize, usize)>, (usize, usize));

type LookupTuple = (usize, usize, Option<Vec<(usize, usize)>>);

fn places<'py>(py: Python<'py>, places: &[Place]) -> PyResult<Vec<PlaceTuple<'py>>> {
    places
        .iter()
        .map(|p| {
            Ok((
                p.layer,
                p.name.clone(),
                p.offset,
                PyTuple::new(py, &p.shape)?,
            ))
        })
        .collect()
}

fn shapes<'py>(py: Python<'py>, shapes: &[Vec<usize>]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    shapes.iter().map(|shape| PyTuple::new(py, shape)).collect()
}

/// Calls of layers, each with the numbers of the values that it reads.
fn read_calls(calls: &Bound<'_, PyAny>) -> PyResult<Vec<Call>> {
    let calls: Vec<(usize, Vec<usize>)> = calls.extract().or_else(|_| {
        let expected = "pairs of a layer and the values that it reads, whole numbers from 0 on";
        let message = format!("calls: expected {expected}, found {}", found(calls)?);
        Err(PyTypeError::new_err(message))
    })?;
    let call = |(layer, reads)| Call { layer, reads };
    Ok(calls.into_iter().map(call).collect())
}

/// Begin to read arrays of a network with this lock; those of no network are read as they are.
fn hold<'py, const N: usize>(
    lock: Option<&Bound<'py, Lock>>,
    arrays: [&Bound<'py, PyAny>; N],
) -> PyResult<(Option<Reader>, [Bound<'py, PyAny>; N])> {
    let arrays = arrays.map(Clone::clone);
    match lock {
        Some(lock) => lock.get().hold(lock.py(), arrays),
        None => Ok((None, arrays)),
    }
}

#[pymethods]
impl Plan {
    /// Layers in a row; or, of inputs of several shapes, calls of layers: (layer, values that it reads). The outputs are
    /// values by number; what the last call makes, if none are named. The arrays lie one after the other; or in those of
    /// several networks where `spread` says: where those of each layer begin in both, and the lengths of these.
    #[new]
    #[pyo3(signature = (input_shape, layers, dtype, calls=None, outputs=None, spread=None))]
    fn new(
        input_shape: &Bound<'_, PyAny>,
        layers: Vec<Bound<'_, PyDict>>,
        dtype: &str,
        calls: Option<&Bound<'_, PyAny>>,
        outputs: Option<Vec<usize>>,
        spread: Option<SpreadTuple>,
    ) -> PyResult<Self> {
        let outputs = outputs.unwrap_or_default();
        let element_type = ElementType::of_name(dtype)?;
        let (input_shapes, calls) = match calls {
            None => (vec![sizes("input_shape", input_shape)?], None),
            Some(calls) => {
                let shapes = input_shape.try_iter()?;
                let shapes = shapes.map(|shape| sizes("input_shape", &shape?));
                (
                    shapes.collect::<PyResult<Vec<_>>>()?,
                    Some(read_calls(calls)?),
                )
            }
        };
        let spread = spread.map(|(starts, lengths)| Spread { starts, lengths });
        let layers = layers.iter().map(from_dict).collect::<PyResult<Vec<_>>>()?;
        let calls = calls.unwrap_or_else(|| Call::chain(layers.len()));
        let compiled: Box<dyn Any + Send + Sync> = by_dtype!(element_type, F => {
            let spread = spread.as_ref();
            Box::new(network::Plan::<F>::spread(&input_shapes, &layers, &calls, &outputs, spread)?)
        });
        Ok(Self {
            compiled,
            input_shape: match <[_; 1]>::try_from(input_shapes) {
                Ok([shape]) => shape,
                // One after the other.
                Err(several) => vec![several.iter().map(|s| s.iter().product::<usize>()).sum()],
            },
            element_type,
        })
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.element_type.name()
    }

    #[getter]
    fn output_shapes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        by_dtype!(self.element_type, F => shapes(py, self.of::<F>()?.output_shapes()))
    }

    /// The shape of what a pass makes of one sample; several outputs are one row.
    #[getter]
    fn output_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let shape = by_dtype!(self.element_type, F => output_shape_of(self.of::<F>()?));
        PyTuple::new(py, shape)
    }

    /// The shape of each output.
    #[getter]
    fn shapes_of_outputs<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        by_dtype!(self.element_type, F => shapes(py, self.of::<F>()?.shapes_of_outputs()))
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<PlaceTuple<'py>>> {
        by_dtype!(self.element_type, F => places(py, self.of::<F>()?.parameters()))
    }

    /// Whether each of the parameters is trained, in their order.
    #[getter]
    fn trained(&self) -> PyResult<Vec<bool>> {
        by_dtype!(self.element_type, F => {
            let plan = self.of::<F>()?;
            let variables = plan.variables();
            let is_trained = |place: &Place| variables[place.number_among(variables)].trainable;
            Ok(plan.parameters().iter().map(is_trained).collect())
        })
    }

    /// Where each array begins that an optimizer takes for one: those of the layers, and what lies between them.
    #[getter]
    fn variables(&self) -> PyResult<Vec<usize>> {
        by_dtype!(self.element_type, F => {
            Ok(self.of::<F>()?.variables().iter().map(|variable| variable.range.start).collect())
        })
    }

    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Vec<PlaceTuple<'py>>> {
        by_dtype!(self.element_type, F => places(py, self.of::<F>()?.state()))
    }

    /// What is looked up: (layer, below which number, (start, end) of the places in a sample or None).
    #[getter]
    fn lookups(&self) -> PyResult<Vec<LookupTuple>> {
        let tuple = |lookup: &Lookup| {
            let places = lookup.places.as_ref();
            let places = places.map(|all| all.iter().map(|part| (part.start, part.end)).collect());
            (lookup.layer, lookup.below, places)
        };
        by_dtype!(self.element_type, F => Ok(self.of::<F>()?.lookups().iter().map(tuple).collect()))
    }

    #[getter]
    fn parameter_count(&self) -> PyResult<usize> {
        by_dtype!(self.element_type, F => Ok(self.of::<F>()?.parameter_count()))
    }

    /// Whether the flat arrays are those of its layers alone, one after the other.
    #[getter]
    fn in_a_row(&self) -> PyResult<bool> {
        by_dtype!(self.element_type, F => Ok(self.of::<F>()?.in_a_row()))
    }

    /// Whether it draws numbers in inference too.
    #[getter]
    fn draws_in_inference(&self) -> PyResult<bool> {
        by_dtype!(self.element_type, F => {
            let mut operations = self.of::<F>()?.operations().iter();
            Ok(operations.any(|o| o.mode == Some(true)))
        })
    }

    /// Whether there are penalties on what layers make.
    #[getter]
    fn penalizes_activity(&self) -> PyResult<bool> {
        by_dtype!(self.element_type, F => Ok(self.of::<F>()?.penalizes_activity()))
    }

    /// The penalties on weights: (layer, name, penalty).
    #[pyo3(signature = (params, lock=None))]
    fn penalties<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        lock: Option<&Bound<'py, Lock>>,
    ) -> PyResult<Vec<(usize, String, f64)>> {
        let own = slf.get();
        let (_hold, [params]) = hold(lock, [params])?;
        by_dtype!(own.element_type, F => {
            let plan = own.of::<F>()?;
            let params = read::<F>("params", &params)?;
            check_exact("params", params.shape(), &[plan.parameter_count()])?;
            let w = params.as_slice()?;
            let found = detached(slf.py(), || plan.penalties(Threads::global()?, w))?;
            let tuple = |(place, penalty): (&Place, f64)| (place.layer, place.name.clone(), penalty);
            Ok(found.into_iter().map(tuple).collect())
        })
    }

    #[getter]
    fn state_count(&self) -> PyResult<usize> {
        by_dtype!(self.element_type, F => Ok(self.of::<F>()?.state_count()))
    }

    #[pyo3(signature = (params, state, x, training, threads=None, step=0, out=None, lock=None))]
    fn forward<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
        step: u64,
        out: Option<&Bound<'py, PyAny>>,
        lock: Option<&Bound<'py, Lock>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let own = slf.get();
        let out = out.map(|out| Out::of(slf, out)).transpose()?;
        let (_hold, [params, state]) = hold(lock, [params, state])?;
        let (y, kept) = by_dtype!(own.element_type, F => {
            own.forward_as(own.of::<F>()?, &params, &state, x, training, threads, step, out)?
        });
        let cache = Cache {
            x: x.clone(),
            kept,
            training,
            traced: false,
        };
        Ok((y, cache.into_tuple(slf)?))
    }

    #[pyo3(signature = (params, cache, dy, threads=None, dx=None, dw=None, lock=None))]
    fn backward<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        cache: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
        dx: Option<&Bound<'py, PyAny>>,
        dw: Option<&Bound<'py, PyAny>>,
        lock: Option<&Bound<'py, Lock>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (own, cache) = (slf.get(), Cache::of("cache", slf, cache, false)?);
        let (_hold, [params]) = hold(lock, [params])?;
        by_dtype!(own.element_type, F => {
            own.backward_as(own.of::<F>()?, &params, &cache, dy, threads, (dx, dw))
        })
    }

    #[pyo3(signature = (params, state, x, training, threads=None))]
    fn trace<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        state: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        training: bool,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<LayerArrays<'py>>, Bound<'py, PyTuple>)> {
        let own = slf.get();
        let (layers, kept) = by_dtype!(own.element_type, F => {
            own.trace_as(own.of::<F>()?, params, state, x, training, threads)
        })?;
        let cache = Cache {
            x: x.clone(),
            kept,
            training,
            traced: true,
        };
        Ok((layers, cache.into_tuple(slf)?))
    }

    #[pyo3(signature = (params, cache, dy, before_activation=None, threads=None))]
    fn gradients<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        cache: &Bound<'py, PyAny>,
        dy: &Bound<'py, PyAny>,
        before_activation: Option<Before>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<LayerArrays<'py>>, Bound<'py, PyAny>)> {
        let (own, cache) = (slf.get(), Cache::of("cache", slf, cache, true)?);
        by_dtype!(own.element_type, F => {
            let plan = own.of::<F>()?;
            let before = match &before_activation {
                Some(Before::Each(before)) => before.clone(),
                Some(Before::All(before)) => vec![*before; plan.shapes_of_outputs().len()],
                None => vec![false; plan.shapes_of_outputs().len()],
            };
            own.gradients_as(plan, params, &cache, dy, &before, threads)
        })
    }
}

/// Whether a gradient is with respect to what goes into the activation that makes an output: of all outputs, or of each.
#[derive(FromPyObject)]
enum Before {
    All(bool),
    Each(Vec<bool>),
}

impl Plan {
    /// The plan for elements of type `F`, if it is one.
    pub(super) fn of<F: Float>(&self) -> PyResult<&network::Plan<F>> {
        self.compiled.downcast_ref().ok_or_else(|| {
            let (expected, found) = (F::NAME, self.element_type.name());
            PyTypeError::new_err(format!(
                "plan: expected one of dtype {expected}, found {found}"
            ))
        })
    }

    /// `x` for reading, checked against the network's input; with the number of samples.
    pub(super) fn read_samples<'py, F: Element>(
        &self,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<(PyReadonlyArrayDyn<'py, F>, usize)> {
        let x = read("x", x)?;
        let samples = self.count_samples(x.shape())?;
        Ok((x, samples))
    }

    /// The same of what may be kept as bytes.
    pub(super) fn read_kept<'py, F: Element>(
        &self,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<(KeptArray<'py, F>, usize)> {
        if x.cast::<PyArrayDyn<u8>>().is_err() {
            let (x, samples) = self.read_samples(x)?;
            return Ok((KeptArray::Numbers(x), samples));
        }
        let (x, samples) = self.read_samples(x)?;
        Ok((KeptArray::Bytes(x), samples))
    }

    /// How many samples an array of this shape has; their shape is checked.
    fn count_samples(&self, shape: &[usize]) -> PyResult<usize> {
        let expected: Vec<_> = [None]
            .into_iter()
            .chain(self.input_shape.iter().copied().map(Some))
            .collect();
        check_shape("x", shape, &expected)?;
        Ok(shape[0])
    }
}

/// The shape of the outputs for so many samples.
pub(super) fn outputs_of<F: Float>(plan: &network::Plan<F>, samples: usize) -> Vec<usize> {
    [&[samples][..], &output_shape_of(plan)].concat()
}

/// The shape of what a pass makes of one sample.
fn output_shape_of<F: Float>(plan: &network::Plan<F>) -> Vec<usize> {
    match plan.shapes_of_outputs() {
        [shape] => shape.clone(),
        _ => vec![plan.output_size()],
    }
}
