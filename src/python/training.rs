//! Running networks over samples: prediction, evaluation, training.

use numpy::{Element, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{by_dtype, check_exact, empty, read, write};
use super::boundary::{count, detached, interruptible, threads_or_global};
use super::passes::{Cache, run_backward};
use super::records::{Batches, Borrowed, Network, Objective, Samples, Update};
use super::settings::from_dict;
use crate::error::Error;
use crate::float::Float;
use crate::memory::zeros;
use crate::network::{self, Evaluation, Member, Part, Predictor, Run, Trainer, run_all_until};
use crate::optimizers::{self, Step, check_learning_rate};
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

/// What follows a pass by hand in training: back from `dy`, then a step of the optimizer, and the running averages that
/// the pass has moved become the network's. Everything is checked before anything is written.
#[pyfunction]
#[pyo3(signature = (network, update, cache, dy, state, number, learning_rate, threads=None))]
pub(super) fn update<'py>(
    py: Python<'py>,
    network: Network<'py>,
    update: Update<'py>,
    cache: &Bound<'py, PyAny>,
    dy: &Bound<'py, PyAny>,
    state: &Bound<'py, PyAny>,
    number: &Bound<'py, PyAny>,
    learning_rate: f64,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    check_learning_rate(learning_rate)?;
    let step = Step {
        number: count("number", number)? as u64,
        learning_rate,
    };
    let (plan, threads) = (&network.plan, threads_or_global(threads)?);
    let cache = Cache::of("cache", plan, cache, false)?;
    if !cache.training {
        let message = "cache: expected that of a pass in training, found one of inference";
        return Err(PyValueError::new_err(message));
    }
    by_dtype!(plan.get().element_type, F => {
        update_as::<F>(py, &network, &update, &cache, dy, state, step, threads)
    })
}

fn update_as<'py, F: Float + Element>(
    py: Python<'py>,
    network: &Network<'py>,
    update: &Update<'py>,
    cache: &Cache<'py>,
    dy: &Bound<'py, PyAny>,
    staged: &Bound<'py, PyAny>,
    step: Step,
    threads: Threads,
) -> PyResult<()> {
    let own = network.plan.get();
    let plan = own.of::<F>()?;
    let program = plan.update();
    let rule = optimizers::from_settings(&from_dict(&update.optimizer)?)?;
    let mut updates = network::Update::new(plan, rule);

    let (x, samples) = own.read_samples::<F>(&cache.x)?;
    if samples == 0 {
        let message = "cache: expected that of at least 1 sample, found none";
        return Err(PyValueError::new_err(message));
    }
    let kept = cache.memory::<F>("cache", &program, samples)?;
    let dy = cache.apart::<F>(dy)?;
    let (dy, staged) = (read::<F>("dy", &dy)?, read::<F>("state", staged)?);
    let mut kept = write::<F>("cache", kept.as_any())?;
    let mut w = write::<F>("params", &network.params)?;
    let mut state = write::<F>("network.state", &network.state)?;
    let mut slots = write::<F>("slots", &update.slots)?;
    check_exact("dy", dy.shape(), &own.output_shape(plan, samples))?;
    check_exact("params", w.shape(), &[plan.parameter_count()])?;
    check_exact("state", staged.shape(), &[plan.state_count()])?;
    check_exact("network.state", state.shape(), &[plan.state_count()])?;
    if slots.len() != updates.slots_len() {
        let expected = format!("{} elements", updates.slots_len());
        return Err(Error::shape("slots", expected, slots.len()).into());
    }

    let run = Run {
        samples,
        threads,
        training: true,
        step: step.number - 1,
        part: Part::All,
    };
    let mut gradients = zeros(program.gradients_len(samples))?;
    let mut dw = zeros(plan.parameter_count())?;
    let kept = kept
        .as_slice_mut()?
        .split_at_mut(program.values_len(samples));
    let (w, slots, state) = (
        w.as_slice_mut()?,
        slots.as_slice_mut()?,
        state.as_slice_mut()?,
    );
    let (x, dy, staged) = (x.as_slice()?, dy.as_slice()?, staged.as_slice()?);
    run_backward(
        py,
        &program,
        run,
        w,
        x,
        kept,
        dy,
        &mut gradients,
        &mut dw,
        &mut [],
    )?;
    detached(py, || {
        updates.clip(&mut dw);
        updates.commit(run.threads, step, &dw, staged, (w, slots, state));
        Ok(())
    })
}
