//! Running networks over samples: prediction, evaluation, training.

use numpy::{Element, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{by_dtype, empty, read};
use super::boundary::{interruptible, threads_or_global};
use super::records::{Batches, Borrowed, Network, Objective, Samples, Update};
use super::settings::from_dict;
use crate::float::Float;
use crate::network::{self, Evaluation, Member, Predictor, Trainer, run_all_until};
use crate::optimizers;
use crate::parallel::Threads;

/// The outputs for samples.
#[pyfunction]
#[pyo3(signature = (network, x, batch_size, threads=None))]
pub(super) fn predict<'py>(
    network: Network<'py>,
    x: &Bound<'py, PyAny>,
    batch_size: usize,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let threads = threads_or_global(threads)?;
    by_dtype!(network.plan.get().element_type, F => {
        predict_as::<F>(&network, x, batch_size, threads)
    })
}

fn predict_as<'py, F: Float + Element>(
    network: &Network<'py>,
    x: &Bound<'py, PyAny>,
    batch_size: usize,
    threads: Threads,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, own) = (x.py(), network.plan.get());
    let (plan, (x, samples)) = (own.of::<F>()?, own.read_samples::<F>(x)?);
    let (w, state) = (
        read::<F>("params", &network.params)?,
        read::<F>("state", &network.state)?,
    );
    let y = empty::<F>(py, &own.output_shape(plan, samples))?;
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

/// The means of the loss and of each metric over samples.
#[pyfunction]
#[pyo3(signature = (network, objective, samples, batch_size, threads=None))]
pub(super) fn evaluate<'py>(
    py: Python<'py>,
    network: Network<'py>,
    objective: Objective<'py>,
    samples: Samples<'py>,
    batch_size: usize,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<f64>> {
    let threads = threads_or_global(threads)?;
    by_dtype!(network.plan.get().element_type, F => {
        evaluate_as::<F>(py, network, &objective, &samples, batch_size, threads)
    })
}

fn evaluate_as<'py, F: Float + Element>(
    py: Python<'py>,
    network: Network<'py>,
    objective: &Objective<'py>,
    samples: &Samples<'py>,
    batch_size: usize,
    threads: Threads,
) -> PyResult<Vec<f64>> {
    let (plan, objective) = objective.resolve(network.plan.get().of::<F>()?)?;
    let networks = std::slice::from_ref(&network);
    let samples = samples.read::<F>(networks, objective.takes_classes())?;
    let (w, state) = (
        read::<F>("params", &network.params)?,
        read::<F>("state", &network.state)?,
    );
    let mut evaluation = Evaluation::new(
        plan,
        objective,
        w.as_slice()?,
        state.as_slice()?,
        samples.data()?,
        batch_size,
        threads,
    )?;
    interruptible(py, |deadline| evaluation.run_until(deadline))?;
    Ok(evaluation.means())
}

/// Train networks on the same samples, each with its own update and batches. Of one network, products are shared by the
/// threads; of several, each is trained on one thread, as many at a time as there are threads.
#[pyfunction]
#[pyo3(signature = (networks, updates, objective, samples, batches, threads=None))]
pub(super) fn train<'py>(
    py: Python<'py>,
    networks: Vec<Network<'py>>,
    updates: Vec<Update<'py>>,
    objective: Objective<'py>,
    samples: Samples<'py>,
    batches: Vec<Batches<'py>>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let threads = threads_or_global(threads)?;
    let count = networks.len();
    for (name, found) in [("updates", updates.len()), ("batches", batches.len())] {
        if found != count {
            return Err(PyValueError::new_err(format!(
                "{name}: expected {count}, one a network, found {found}"
            )));
        }
    }
    let Some(first) = networks.first() else {
        return Err(PyValueError::new_err(
            "networks: expected at least one, found none",
        ));
    };
    by_dtype!(first.plan.get().element_type, F => {
        train_as::<F>(py, &networks, &updates, &objective, &samples, &batches, threads)
    })
}

fn train_as<'py, F: Float + Element>(
    py: Python<'py>,
    networks: &[Network<'py>],
    updates: &[Update<'py>],
    objective: &Objective<'py>,
    samples: &Samples<'py>,
    batches: &[Batches<'py>],
    threads: Threads,
) -> PyResult<()> {
    let resolved = networks
        .iter()
        .map(|network| objective.resolve(network.plan.get().of::<F>()?))
        .collect::<PyResult<Vec<_>>>()?;
    let classes = resolved
        .iter()
        .all(|(_, objective): &(_, network::Objective<F>)| objective.takes_classes());
    let samples = samples.read::<F>(networks, classes)?;
    let mut borrowed = networks
        .iter()
        .zip(updates)
        .zip(batches)
        .map(|((network, update), batches)| Borrowed::<F>::new(network, update, batches))
        .collect::<PyResult<Vec<_>>>()?;
    let for_each = if networks.len() == 1 {
        threads
    } else {
        Threads::ONE
    };
    let parts = resolved.into_iter().zip(&mut borrowed);
    let mut members = parts
        .zip(updates)
        .zip(batches)
        .map(|((((plan, objective), borrowed), update), batches)| {
            let (arrays, order, learning_rates) = borrowed.split()?;
            let trainer = Trainer::new(
                plan,
                objective,
                optimizers::from_settings(&from_dict(&update.optimizer)?)?,
                samples.data()?,
                order,
                batches.batch_size,
                learning_rates,
                for_each,
            )?;
            trainer.check(&arrays)?;
            Ok((trainer, arrays))
        })
        .collect::<PyResult<Vec<Member<F>>>>()?;
    interruptible(py, |deadline| {
        run_all_until(deadline, &mut members, threads)
    })
}
