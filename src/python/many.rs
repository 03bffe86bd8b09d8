//! Training of several networks on the same samples in one call.

use numpy::{Element, PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{read, write};
use super::boundary::{interruptible, threads_or_global};
use super::examples::{TargetArray, data, objective};
use super::plan::{Compiled, Plan};
use super::settings::from_dict;
use crate::float::Float;
use crate::network::{self, Arrays, Member, Trainer, run_all_until};
use crate::optimizers;
use crate::parallel::Threads;

/// (plan, params, state, slots, optimizer, order, learning rates, progress) of one network.
type Given<'py> = (
    PyRef<'py, Plan>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyDict>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);

/// The arrays of one network, borrowed from `NumPy`.
struct Held<'py, F: Element> {
    params: PyReadwriteArrayDyn<'py, F>,
    state: PyReadwriteArrayDyn<'py, F>,
    slots: PyReadwriteArrayDyn<'py, F>,
    order: PyReadonlyArrayDyn<'py, u32>,
    learning_rates: PyReadonlyArrayDyn<'py, f64>,
    progress: PyReadwriteArrayDyn<'py, f64>,
}

/// What a network's element type is known to be.
trait Chosen: Float + Element {
    /// The plan for elements of this type, if it is one.
    fn plan(of: &Plan) -> Option<&network::Plan<Self>>;
}

impl Chosen for f32 {
    fn plan(of: &Plan) -> Option<&network::Plan<Self>> {
        match &of.compiled {
            Compiled::Single(plan) => Some(plan),
            Compiled::Double(_) => None,
        }
    }
}

impl Chosen for f64 {
    fn plan(of: &Plan) -> Option<&network::Plan<Self>> {
        match &of.compiled {
            Compiled::Double(plan) => Some(plan),
            Compiled::Single(_) => None,
        }
    }
}

/// Train each network as `Plan.train` does, each on one thread, as many at a time as there are threads.
#[pyfunction]
#[pyo3(signature = (members, loss, metrics, x, y, weights, batch_size, threads=None))]
pub(super) fn train_many<'py>(
    py: Python<'py>,
    members: Vec<Given<'py>>,
    loss: &Bound<'py, PyDict>,
    metrics: Vec<Bound<'py, PyDict>>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    weights: Option<&Bound<'py, PyAny>>,
    batch_size: usize,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let threads = threads_or_global(threads)?;
    let Some((first, ..)) = members.first() else {
        return Err(PyValueError::new_err(
            "members: expected at least one, found none",
        ));
    };
    let train = match first.compiled {
        Compiled::Single(_) => train_as::<f32>,
        Compiled::Double(_) => train_as::<f64>,
    };
    train(
        py, &members, loss, &metrics, x, y, weights, batch_size, threads,
    )
}

fn train_as<F: Chosen>(
    py: Python<'_>,
    given: &[Given<'_>],
    loss: &Bound<'_, PyDict>,
    metrics: &[Bound<'_, PyDict>],
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    batch_size: usize,
    threads: Threads,
) -> PyResult<()> {
    let plans = given.iter().map(|member| plan_as::<F>(&member.0));
    let (plans, objectives): (Vec<_>, Vec<_>) = plans
        .map(|plan| objective(plan?, loss, metrics))
        .collect::<PyResult<Vec<_>>>()?
        .into_iter()
        .unzip();
    for (plan, ..) in given {
        plan.read_samples::<F>(x)?;
    }
    let x = read::<F>("x", x)?;
    let classes = objectives.iter().all(network::Objective::takes_classes);
    let y = TargetArray::<F>::read("y", y, classes)?;
    let weights = weights
        .map(|weights| read::<F>("weights", weights))
        .transpose()?;
    let mut held = given.iter().map(hold).collect::<PyResult<Vec<_>>>()?;
    let networks = given.iter().zip(&mut held).zip(plans).zip(objectives);
    let mut members = networks
        .map(|(((given, held), plan), objective)| {
            let rule = optimizers::from_settings(&from_dict(&given.4)?)?;
            let trainer = Trainer::new(
                plan,
                objective,
                rule,
                data(&x, &y, weights.as_ref())?,
                held.order.as_slice()?,
                batch_size,
                held.learning_rates.as_slice()?,
                Threads::ONE,
            )?;
            let arrays = Arrays {
                w: held.params.as_slice_mut()?,
                state: held.state.as_slice_mut()?,
                slots: held.slots.as_slice_mut()?,
                progress: held.progress.as_slice_mut()?,
            };
            trainer.check(&arrays)?;
            Ok((trainer, arrays))
        })
        .collect::<PyResult<Vec<Member<F>>>>()?;
    interruptible(py, |deadline| {
        run_all_until(deadline, &mut members, threads)
    })
}

fn plan_as<F: Chosen>(plan: &Plan) -> PyResult<&network::Plan<F>> {
    F::plan(plan).ok_or_else(|| {
        PyTypeError::new_err(format!(
            "members: expected plans of one dtype, {}, found another",
            F::NAME
        ))
    })
}

fn hold<'py, F: Element>(given: &Given<'py>) -> PyResult<Held<'py, F>> {
    let (_, params, state, slots, _, order, learning_rates, progress) = given;
    Ok(Held {
        params: write("params", params)?,
        state: write("state", state)?,
        slots: write("slots", slots)?,
        order: read("order", order)?,
        learning_rates: read("learning_rates", learning_rates)?,
        progress: write("progress", progress)?,
    })
}
