//! Running networks over samples: prediction, evaluation, training.

use std::time::Instant;

use numpy::{Element, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{by_dtype, check_exact, empty, read, write};
use super::boundary::{SLICE, detached, interruptible, threads_or_global};
use super::lock::{begin_turn, claim, in_turn};
use super::passes::{Cache, run_backward};
use super::plan::outputs_of;
use super::records::{Batches, Borrowed, Network, Objective, Orders, Samples, Update};
use super::settings::from_dict;
use crate::error::Error;
use crate::float::Float;
use crate::memory::zeros;
use crate::network::gate;
use crate::network::lock::Pause;
use crate::network::{self, Evaluation, Member, Part, Predictor, Run, Trainer, run_all_until};
use crate::optimizers::{self, Step, check_learning_rate};
use crate::parallel::Threads;

/// The outputs for samples.
#[pyfunction]
#[pyo3(signature = (network, x, batch_size, threads=None, step=0))]
pub(super) fn predict<'py>(
    network: Network<'py>,
    x: &Bound<'py, PyAny>,
    batch_size: usize,
    threads: Option<&Bound<'py, PyAny>>,
    step: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let threads = threads_or_global(threads)?;
    by_dtype!(network.plan.get().element_type, F => {
        predict_as::<F>(&network, x, batch_size, threads, step)
    })
}

fn predict_as<'py, F: Float + Element>(
    network: &Network<'py>,
    x: &Bound<'py, PyAny>,
    batch_size: usize,
    threads: Threads,
    step: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, own) = (x.py(), network.plan.get());
    let (plan, (x, samples)) = (own.of::<F>()?, own.read_kept::<F>(x)?);
    let (_hold, params, state) = network.hold()?;
    let (w, state) = (read::<F>("params", &params)?, read::<F>("state", &state)?);
    let y = empty::<F>(py, &outputs_of(plan, samples))?;
    {
        let mut predictor = Predictor::new(
            plan,
            w.as_slice()?,
            state.as_slice()?,
            x.kept()?,
            batch_size,
            threads,
        )?
        .from_step(step);
        let mut y = y.readwrite();
        let y = y.as_slice_mut()?;
        interruptible(py, |deadline| predictor.run_until(deadline, y))?;
    }
    Ok(y.into_any())
}

/// The sums over samples of what the objective counts.
#[pyfunction]
#[pyo3(signature = (network, objective, samples, batch_size, threads=None, step=0))]
pub(super) fn evaluate<'py>(
    py: Python<'py>,
    network: Network<'py>,
    objective: Objective<'py>,
    samples: Samples<'py>,
    batch_size: usize,
    threads: Option<&Bound<'py, PyAny>>,
    step: u64,
) -> PyResult<Vec<f64>> {
    let threads = threads_or_global(threads)?;
    by_dtype!(network.plan.get().element_type, F => {
        evaluate_as::<F>(py, network, &objective, &samples, batch_size, threads, step)
    })
}

fn evaluate_as<'py, F: Float + Element>(
    py: Python<'py>,
    network: Network<'py>,
    objective: &Objective<'py>,
    samples: &Samples<'py>,
    batch_size: usize,
    threads: Threads,
    step: u64,
) -> PyResult<Vec<f64>> {
    let (plan, objective) = objective.resolve(network.plan.get().of::<F>()?)?;
    let networks = std::slice::from_ref(&network);
    let samples = samples.read::<F>(networks, &objective.takes_classes())?;
    let (_hold, params, state) = network.hold()?;
    let (w, state) = (read::<F>("params", &params)?, read::<F>("state", &state)?);
    let mut evaluation = Evaluation::new(
        plan,
        objective,
        w.as_slice()?,
        state.as_slice()?,
        samples.data()?,
        batch_size,
        threads,
    )?
    .from_step(step);
    interruptible(py, |deadline| evaluation.run_until(deadline))?;
    Ok(evaluation.sums())
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
    let (_, first): &(_, network::Objective<F>) = &resolved[0];
    let samples = samples.read::<F>(networks, &first.takes_classes())?;
    let ids: Vec<_> = networks.iter().map(|own| own.lock.get().id()).collect();
    let _claim = claim(py, ids.clone(), &[], false)?;
    let mut orders = networks
        .iter()
        .zip(batches)
        .map(|(network, batches)| Orders::<F>::new(network, batches))
        .collect::<PyResult<Vec<_>>>()?;
    let for_each = if networks.len() == 1 {
        threads
    } else {
        Threads::ONE
    };
    let (mut trainers, mut outputs) = (Vec::new(), Vec::new());
    for (i, ((plan, objective), orders)) in resolved.into_iter().zip(&mut orders).enumerate() {
        let (order, learning_rates, own_outputs) = orders.split()?;
        trainers.push(Trainer::new(
            plan,
            objective,
            optimizers::from_settings(&from_dict(&updates[i].optimizer)?)?,
            samples.data()?,
            order,
            batches[i].batch_size,
            learning_rates,
            for_each,
        )?);
        outputs.push((own_outputs, 0));
    }
    let borrow = || {
        let records = networks.iter().zip(updates).zip(batches);
        let borrowed = records
            .map(|((network, update), batches)| Borrowed::<F>::new(network, update, batches));
        borrowed.collect::<PyResult<Vec<_>>>()
    };
    for (trainer, (borrowed, (outputs, _))) in
        trainers.iter().zip(borrow()?.iter_mut().zip(&mut outputs))
    {
        trainer.check(&borrowed.arrays(outputs)?)?;
    }

    // All networks have their turns at once, and wait for them here: a thread of the pool that waited for readers would
    // keep these from their own work in it. A turn may end within a long batch: until its commit nothing that others can see
    // has changed. So none lasts while signals are looked at, whose handlers are Python, and may read.
    loop {
        let turn = begin_turn(py, &ids)?;
        let mut borrowed = borrow()?;
        let arrays = borrowed
            .iter_mut()
            .zip(&mut outputs)
            .map(|(borrowed, (outputs, done))| borrowed.arrays(&mut outputs[*done..]));
        let arrays = arrays.collect::<PyResult<Vec<_>>>()?;
        let mut members: Vec<Member<F>> = trainers.drain(..).zip(arrays).collect();
        let done = detached(py, || {
            let pause = Pause::of_turn(Instant::now() + SLICE, gate::locks());
            Ok(run_all_until(pause, &mut members, threads))
        })?;
        let mut left = Vec::with_capacity(members.len());
        for (trainer, arrays) in members {
            trainers.push(trainer);
            left.push(arrays.outputs.len());
        }
        for ((outputs, done), left) in outputs.iter_mut().zip(left) {
            *done = outputs.len() - left;
        }
        drop((borrowed, turn));
        py.check_signals()?;
        if done {
            return Ok(());
        }
    }
}

/// What follows a pass by hand in training: back from `dy`, then a step of the optimizer, and the running averages that
/// the pass has moved become the network's, as `progress` becomes what it is `after` the step. Everything is checked before
/// anything is written.
#[pyfunction]
#[pyo3(signature = (network, update, cache, dy, state, progress, after, learning_rate, threads=None))]
pub(super) fn update<'py>(
    py: Python<'py>,
    network: Network<'py>,
    update: Update<'py>,
    cache: &Bound<'py, PyAny>,
    dy: &Bound<'py, PyAny>,
    state: &Bound<'py, PyAny>,
    progress: &Bound<'py, PyAny>,
    after: &Bound<'py, PyAny>,
    learning_rate: f64,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    check_learning_rate(learning_rate)?;
    let (plan, threads) = (&network.plan, threads_or_global(threads)?);
    let cache = Cache::of("cache", plan, cache, false)?;
    if !cache.training {
        let message = "cache: expected that of a pass in training, found one of inference";
        return Err(PyValueError::new_err(message));
    }
    let progress = (progress, after);
    by_dtype!(plan.get().element_type, F => {
        update_as::<F>(py, &network, &update, &cache, dy, state, progress, learning_rate, threads)
    })
}

fn update_as<'py, F: Float + Element>(
    py: Python<'py>,
    network: &Network<'py>,
    update: &Update<'py>,
    cache: &Cache<'py>,
    dy: &Bound<'py, PyAny>,
    staged: &Bound<'py, PyAny>,
    (progress, after): (&Bound<'py, PyAny>, &Bound<'py, PyAny>),
    learning_rate: f64,
    threads: Threads,
) -> PyResult<()> {
    let own = network.plan.get();
    let plan = own.of::<F>()?;
    let program = plan.update();
    let rule = optimizers::from_settings(&from_dict(&update.optimizer)?)?;
    let mut updates = network::Update::new(plan, rule)?;

    let (x, samples) = own.read_samples::<F>(&cache.x)?;
    if samples == 0 {
        let message = "cache: expected that of at least 1 sample, found none";
        return Err(PyValueError::new_err(message));
    }
    let id = network.lock.get().id();
    let _claim = claim(py, vec![id], &[], false)?;
    let kept = cache.memory::<F>("cache", &program, samples)?;
    let dy = cache.apart::<F>(dy)?;
    let (dy, staged) = (read::<F>("dy", &dy)?, read::<F>("state", staged)?);
    let mut kept = write::<F>("cache", kept.as_any())?;
    let after = read::<f64>("after", after)?;
    let borrow = || {
        Ok::<_, PyErr>((
            write::<F>("params", &network.params)?,
            write::<F>("network.state", &network.state)?,
            write::<F>("slots", &update.slots)?,
            write::<f64>("progress", progress)?,
        ))
    };
    check_exact("dy", dy.shape(), &outputs_of(plan, samples))?;
    check_exact("state", staged.shape(), &[plan.state_count()])?;
    {
        let (w, state, slots, progress) = borrow()?;
        check_exact("params", w.shape(), &[plan.parameter_count()])?;
        check_exact("network.state", state.shape(), &[plan.state_count()])?;
        check_exact("after", after.shape(), progress.shape())?;
        if slots.len() != updates.slots_len() {
            let expected = format!("{} elements", updates.slots_len());
            return Err(Error::shape("slots", expected, slots.len()).into());
        }
    }

    let after = after.as_slice()?;
    let step = Step {
        number: number_of_step(after)?,
        learning_rate,
    };
    let run = Run {
        samples,
        threads,
        training: true,
        step: step.number - 1,
        part: Part::All,
    };
    let mut gradients = zeros(program.gradients_len(samples))?;
    let mut dw = zeros(plan.parameter_count())?;
    let (values, caches) = kept
        .as_slice_mut()?
        .split_at_mut(program.values_len(samples));
    let (x, dy, staged) = (x.as_slice()?, dy.as_slice()?, staged.as_slice()?);
    let w = read::<F>("params", &network.params)?;
    run_backward(
        py,
        &program,
        run,
        w.as_slice()?,
        x,
        (&mut *values, caches),
        dy,
        &mut gradients,
        &mut dw,
        &mut [],
    )?;
    drop(w);
    in_turn(py, &[id], || {
        let (mut w, mut state, mut slots, mut progress) = borrow()?;
        let (w, slots) = (w.as_slice_mut()?, slots.as_slice_mut()?);
        let (state, progress) = (state.as_slice_mut()?, progress.as_slice_mut()?);
        detached(py, || {
            updates.prepare(run.threads, step, &mut dw, (&*w, &*slots));
            let rows = program.rows(samples, x, values);
            updates.step(run.threads, step, &mut dw, (w, slots), rows);
            state.copy_from_slice(staged);
            progress.copy_from_slice(after);
            Ok(())
        })
    })
}

/// Which step it is, as progress after it says: its first number.
fn number_of_step(after: &[f64]) -> Result<u64, Error> {
    // Whole numbers that are exact in `f64`.
    const MOST: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    match after {
        [steps, ..] if (1.0..=MOST).contains(steps) && steps.fract() == 0.0 => Ok(*steps as u64),
        _ => {
            let expected = "as its first number how many steps are then done, at least 1";
            let found = after.first().map_or("none".to_owned(), f64::to_string);
            Err(Error::value("after", expected, found))
        }
    }
}
