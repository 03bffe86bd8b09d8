//! What Python says of a network, of what it is trained for and of samples: records, read from the attributes of Python's
//! objects, and their arrays, borrowed from `NumPy`.

use numpy::{Element, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arrays::{check_exact, read, write};
use super::boundary::shape_error;
use super::lock::Lock;
use super::plan::{Plan, outputs_of};
use super::settings::from_dict;
use crate::float::Float;
use crate::losses::{self, Targets};
use crate::metrics;
use crate::network::gate::Reader;
use crate::network::{self, Arrays, Data, Kept, Labels};

/// A plan and its arrays, and the lock that says who may touch them now.
#[derive(FromPyObject)]
pub(super) struct Network<'py> {
    pub(super) params: Bound<'py, PyAny>,
    pub(super) state: Bound<'py, PyAny>,
    pub(super) lock: Bound<'py, Lock>,
    pub(super) plan: Bound<'py, Plan>,
}

impl<'py> Network<'py> {
    /// Begin to read: the parameters and the state to read from, as long as the hold lasts.
    pub(super) fn hold(&self) -> PyResult<(Option<Reader>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let arrays = [self.params.clone(), self.state.clone()];
        let (hold, [params, state]) = self.lock.get().hold(self.params.py(), arrays)?;
        Ok((hold, params, state))
    }
}

/// What training minimizes and reports: what is wanted of each output.
#[derive(FromPyObject)]
pub(super) struct Objective<'py> {
    goals: Vec<Goal<'py>>,
}

/// What is wanted of one output: settings of a loss, if it has one, and of metrics.
#[derive(FromPyObject)]
struct Goal<'py> {
    output: usize,
    loss: Option<Bound<'py, PyDict>>,
    weight: f64,
    metrics: Vec<Bound<'py, PyDict>>,
    weighted: Vec<Bound<'py, PyDict>>,
}

impl Objective<'_> {
    /// The objective for a plan, and the plan to run for it.
    pub(super) fn resolve<F: Float>(
        &self,
        plan: &network::Plan<F>,
    ) -> PyResult<(network::Plan<F>, network::Objective<F>)> {
        let goals = self.goals.iter().map(Goal::resolve);
        let goals = goals.collect::<PyResult<_>>()?;
        Ok(network::Objective::of(plan, goals)?)
    }
}

impl Goal<'_> {
    fn resolve<F: Float>(&self) -> PyResult<network::Goal<F>> {
        let loss = |settings| Ok::<_, PyErr>(losses::from_settings(&from_dict(settings)?)?);
        let all = |all: &[Bound<'_, PyDict>]| {
            all.iter()
                .map(|m| Ok(metrics::from_settings(&from_dict(m)?)?))
                .collect::<PyResult<_>>()
        };
        Ok(network::Goal {
            output: self.output,
            loss: self.loss.as_ref().map(loss).transpose()?,
            weight: self.weight,
            metrics: all(&self.metrics)?,
            weighted: all(&self.weighted)?,
        })
    }
}

/// How a network is updated: an optimizer's settings and its slots, one a row.
#[derive(FromPyObject)]
pub(super) struct Update<'py> {
    pub(super) optimizer: Bound<'py, PyDict>,
    pub(super) slots: Bound<'py, PyAny>,
}

/// Batches to train on: rows of the samples, cut into batches of this size, a learning rate for each; how far training is,
/// `[steps, samples, sums of losses and metrics …]`; and room for the outputs of these rows, as training computes them.
#[derive(FromPyObject)]
pub(super) struct Batches<'py> {
    order: Bound<'py, PyAny>,
    pub(super) batch_size: usize,
    learning_rates: Bound<'py, PyAny>,
    progress: Bound<'py, PyAny>,
    outputs: Option<Bound<'py, PyAny>>,
}

/// The arrays of batches that nobody else looks at, for the whole of a call.
pub(super) struct Orders<'py, F: Element> {
    pub(super) order: PyReadonlyArrayDyn<'py, u32>,
    pub(super) learning_rates: PyReadonlyArrayDyn<'py, f64>,
    outputs: Option<PyReadwriteArrayDyn<'py, F>>,
}

impl<'py, F: Float + Element> Orders<'py, F> {
    pub(super) fn new(network: &Network<'py>, batches: &Batches<'py>) -> PyResult<Self> {
        let order = read("order", &batches.order)?;
        let write_outputs = |outputs| {
            let array = write::<F>("outputs", outputs)?;
            let plan = network.plan.get();
            let shape = outputs_of(plan.of::<F>()?, order.len());
            check_exact("outputs", array.shape(), &shape)?;
            Ok::<_, PyErr>(array)
        };
        Ok(Self {
            outputs: batches.outputs.as_ref().map(write_outputs).transpose()?,
            order,
            learning_rates: read("learning_rates", &batches.learning_rates)?,
        })
    }

    /// The order, the learning rates, and the room for outputs.
    pub(super) fn split(&mut self) -> PyResult<(&[u32], &[f64], &mut [F])> {
        let outputs = match &mut self.outputs {
            Some(outputs) => outputs.as_slice_mut()?,
            None => &mut [],
        };
        Ok((
            self.order.as_slice()?,
            self.learning_rates.as_slice()?,
            outputs,
        ))
    }
}

/// The arrays of one network that a batch changes, for a turn.
///
/// Not for longer: a process that is forked gets copies of the marks that arrays are borrowed, and those of the thread that
/// trains nobody there would take back.
pub(super) struct Borrowed<'py, F: Element> {
    params: PyReadwriteArrayDyn<'py, F>,
    state: PyReadwriteArrayDyn<'py, F>,
    slots: PyReadwriteArrayDyn<'py, F>,
    progress: PyReadwriteArrayDyn<'py, f64>,
}

impl<'py, F: Float + Element> Borrowed<'py, F> {
    pub(super) fn new(
        network: &Network<'py>,
        update: &Update<'py>,
        batches: &Batches<'py>,
    ) -> PyResult<Self> {
        Ok(Self {
            params: write("params", &network.params)?,
            state: write("state", &network.state)?,
            slots: write("slots", &update.slots)?,
            progress: write("progress", &batches.progress)?,
        })
    }

    /// As training takes them, with the room for outputs that is left.
    pub(super) fn arrays<'a>(&'a mut self, outputs: &'a mut [F]) -> PyResult<Arrays<'a, F>> {
        Ok(Arrays {
            w: self.params.as_slice_mut()?,
            state: self.state.as_slice_mut()?,
            slots: self.slots.as_slice_mut()?,
            progress: self.progress.as_slice_mut()?,
            outputs,
        })
    }
}

/// Samples, their targets and what each of them counts: an array, or a tuple of one a goal.
#[derive(FromPyObject)]
pub(super) struct Samples<'py> {
    x: Bound<'py, PyAny>,
    y: Bound<'py, PyAny>,
    weights: Option<Bound<'py, PyAny>>,
}

impl<'py> Samples<'py> {
    /// Their arrays, for these plans and, for each goal, targets of classes or of values.
    pub(super) fn read<F: Float + Element>(
        &self,
        networks: &[Network<'py>],
        classes: &[bool],
    ) -> PyResult<SampleArrays<'py, F>> {
        let (first, others) = networks.split_first().expect("a network");
        let (x, _) = first.plan.get().read_kept::<F>(&self.x)?;
        for network in others {
            network.plan.get().read_kept::<F>(&self.x)?;
        }
        let targets = of_each_goal("y", &self.y, classes.len())?;
        let weights = match &self.weights {
            Some(weights) => of_each_goal("weights", weights, classes.len())?,
            None => vec![None; classes.len()],
        };
        let goals = targets.into_iter().zip(weights).zip(classes);
        let goals = goals.map(|((y, weights), &classes)| {
            let y = y.unwrap_or_else(|| self.y.py().None().into_bound(self.y.py()));
            let weights = weights.map(|weights| read("weights", &weights));
            Ok(LabelArrays {
                y: TargetArray::read("y", &y, classes)?,
                weights: weights.transpose()?,
            })
        });
        Ok(SampleArrays {
            x,
            labels: goals.collect::<PyResult<_>>()?,
        })
    }
}

/// One entry a goal.
fn of_each_goal<'py>(
    name: &str,
    given: &Bound<'py, PyAny>,
    goals: usize,
) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
    let several = match given.cast::<PyTuple>() {
        Ok(several) => several.extract()?,
        Err(_) => vec![Some(given.clone())],
    };
    if several.len() != goals {
        let found = several.len();
        return Err(PyValueError::new_err(format!(
            "{name}: expected {goals}, one a goal, found {found}"
        )));
    }
    Ok(several)
}

/// The arrays of samples.
pub(super) struct SampleArrays<'py, F: Element> {
    x: KeptArray<'py, F>,
    labels: Vec<LabelArrays<'py, F>>,
}

/// The inputs of samples.
pub(super) enum KeptArray<'py, F: Element> {
    Numbers(PyReadonlyArrayDyn<'py, F>),
    Bytes(PyReadonlyArrayDyn<'py, u8>),
}

impl<F: Float + Element> KeptArray<'_, F> {
    /// As the core takes them.
    pub(super) fn kept(&self) -> PyResult<Kept<'_, F>> {
        Ok(match self {
            Self::Numbers(x) => Kept::Numbers(x.as_slice()?),
            Self::Bytes(x) => Kept::Bytes(x.as_slice()?),
        })
    }
}

/// The arrays of what one output should be.
struct LabelArrays<'py, F: Element> {
    y: TargetArray<'py, F>,
    weights: Option<PyReadonlyArrayDyn<'py, F>>,
}

impl<F: Float + Element> SampleArrays<'_, F> {
    /// As the core takes them.
    pub(super) fn data(&self) -> PyResult<Data<'_, F>> {
        let labels = self.labels.iter().map(LabelArrays::labels);
        Ok(Data {
            x: self.x.kept()?,
            labels: labels.collect::<PyResult<_>>()?,
        })
    }
}

impl<F: Float + Element> LabelArrays<'_, F> {
    fn labels(&self) -> PyResult<Labels<'_, F>> {
        let weights = match &self.weights {
            None => &[],
            // To the core, no weights mean that all samples count the same.
            Some(none) if none.is_empty() => {
                return Err(shape_error(
                    "weights: expected one a sample, found none".to_owned(),
                ));
            }
            Some(weights) => weights.as_slice()?,
        };
        Ok(Labels {
            y: self.y.targets()?,
            weights,
        })
    }
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
