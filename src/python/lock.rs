//! The lock of a network as Python holds it: readers see whole batches, and there is one writer. What the rules are says
//! [`lock`](crate::network::lock).
//!
//! Everything here that waits does so without the interpreter lock, and a Ctrl-C ends it.

use std::sync::Mutex;
use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple, PyType};

use super::boundary::{detached, interruptible};
use super::first_use;
use crate::network::gate::{self, Claim, Reader, Refusal, Turn};
use crate::network::lock::{Claimed, Id};
use crate::parallel::{self, locked};

/// Who may touch the arrays of a network. Copies of a network have one of their own, and so has a forked process.
#[pyclass(frozen, module = "fanin._core")]
pub(super) struct Lock {
    id: Id,
}

impl Lock {
    pub(super) fn id(&self) -> Id {
        self.id
    }

    /// Begin to read arrays: these themselves, which the reader keeps as they are until it is dropped, or copies where
    /// somebody writes now and then.
    pub(super) fn hold<'py, const N: usize>(
        &self,
        py: Python<'py>,
        arrays: [Bound<'py, PyAny>; N],
    ) -> PyResult<(Option<Reader>, [Bound<'py, PyAny>; N])> {
        let reader = self.enter(py)?;
        if reader.is_in_place() {
            return Ok((Some(reader), arrays));
        }
        let mut copies = arrays;
        for array in &mut copies {
            *array = copy(array)?;
        }
        Ok((None, copies))
    }

    /// Begin to read, once the turn that may be on has ended.
    fn enter(&self, py: Python<'_>) -> PyResult<Reader> {
        let reader = Reader::new(self.id);
        if reader.has_to_wait() {
            interruptible(py, |deadline| reader.wait_until(deadline))?;
        }
        Ok(reader)
    }
}

/// A copy by `NumPy`, which runs no Python.
pub(super) fn copy<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    array.call_method0(pyo3::intern!(array.py(), "copy"))
}

#[pymethods]
impl Lock {
    #[new]
    pub(super) fn new() -> Self {
        Self { id: gate::new_id() }
    }

    /// A copy, or what a pickle becomes, is a lock of its own.
    fn __reduce__<'py>(own: &Bound<'py, Self>) -> (Bound<'py, PyType>, Bound<'py, PyTuple>) {
        (own.get_type(), PyTuple::empty(own.py()))
    }

    /// Copies of arrays, all as of one whole batch.
    fn copies<'py>(
        &self,
        py: Python<'py>,
        arrays: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let _reader = self.enter(py)?;
        arrays.iter().map(copy).collect()
    }
}

/// Arrays to read from as long as a block lasts, all as of one whole batch: themselves, or copies while somebody trains.
#[pyclass(frozen, module = "fanin._core")]
pub(super) struct Reading {
    lock: Py<Lock>,
    arrays: Vec<Py<PyAny>>,
    reader: Mutex<Option<Reader>>,
}

#[pymethods]
impl Reading {
    #[new]
    fn new(lock: Py<Lock>, arrays: Vec<Py<PyAny>>) -> Self {
        Self {
            lock,
            arrays,
            reader: Mutex::new(None),
        }
    }

    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let reader = self.lock.get().enter(py)?;
        let arrays = self.arrays.iter().map(|array| array.bind(py));
        if reader.is_in_place() {
            *locked(&self.reader) = Some(reader);
            return Ok(arrays.cloned().collect());
        }
        arrays.map(copy).collect()
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, PyTuple>) {
        locked(&self.reader).take();
    }
}

/// Networks that this thread alone trains or writes, as long as a block lasts.
#[pyclass(frozen, module = "fanin._core")]
pub(super) struct Writing {
    locks: Vec<Py<Lock>>,
    /// What messages call the networks.
    names: Vec<String>,
    /// Whether it is a training, which may not be part of another; else it may be a part of what this thread does.
    training: bool,
    claim: Mutex<Option<Claim>>,
}

#[pymethods]
impl Writing {
    #[new]
    fn new(locks: Vec<Py<Lock>>, names: Vec<String>, training: bool) -> Self {
        Self {
            locks,
            names,
            training,
            claim: Mutex::new(None),
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().begin(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, PyTuple>) {
        locked(&self.claim).take();
    }

    /// Call `write(*arguments)`, which changes arrays and runs nothing of a user's, in a turn of the one network.
    #[pyo3(signature = (write, *arguments))]
    fn turn<'py>(
        &self,
        write: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ids: Vec<_> = self.locks.iter().map(|lock| lock.get().id).collect();
        in_turn(write.py(), &ids, || write.call1(arguments))
    }
}

impl Writing {
    fn begin(&self, py: Python<'_>) -> PyResult<()> {
        let ids = self.locks.iter().map(|lock| lock.get().id).collect();
        *locked(&self.claim) = claim(py, ids, &self.names, self.training)?;
        Ok(())
    }
}

/// Claim networks, and wait until nobody reads them in place; none where this thread has claimed them already, which a
/// training does not go on with. Messages call the networks by their `names`, if there are some.
pub(super) fn claim(
    py: Python<'_>,
    ids: Vec<Id>,
    names: &[String],
    training: bool,
) -> PyResult<Option<Claim>> {
    let (place, found, hint) = match Claim::new(ids) {
        Ok(claim) => {
            interruptible(py, |deadline| claim.settle_until(deadline))?;
            return Ok(Some(claim));
        }
        Err(Refusal::Claimed(Claimed { by_same: true, .. })) if !training => return Ok(None),
        Err(Refusal::Claimed(Claimed {
            place,
            by_same: true,
        })) => {
            let hint = "a callback trains a copy.deepcopy of its model";
            (place, "this thread trains or changes", hint)
        }
        Err(Refusal::Claimed(Claimed {
            place,
            by_same: false,
        })) => {
            let hint = "wait for that thread, or use a copy.deepcopy";
            (place, "another thread trains or changes", hint)
        }
        Err(Refusal::Read(place)) => {
            let hint = "wait until that call has ended, or use a copy.deepcopy";
            (place, "a call of this thread reads", hint)
        }
    };
    let network = names.get(place).map_or_else(
        || "a network".to_owned(),
        |name| format!("network '{name}'"),
    );
    Err(PyRuntimeError::new_err(format!(
        "model: expected a network to train or change, found {network}, which {found} at this time; {hint}"
    )))
}

/// Begin a turn of networks that this thread has claimed.
pub(super) fn begin_turn<'a>(py: Python<'_>, ids: &'a [Id]) -> PyResult<Turn<'a>> {
    // At once, as a rule.
    let mut turn = Turn::begin_until(ids, Instant::now());
    if turn.is_none() {
        interruptible(py, |deadline| {
            turn = Turn::begin_until(ids, deadline);
            turn.is_some()
        })?;
    }
    Ok(turn.expect("it has begun"))
}

/// Do `write` in a turn of networks that this thread has claimed; it may have one on, whose handler of signals this is.
pub(super) fn in_turn<R>(
    py: Python<'_>,
    ids: &[Id],
    write: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    if ids.iter().any(|&id| gate::locks().has_turn(id)) {
        return write();
    }
    let _turn = begin_turn(py, ids)?;
    write()
}

/// Hold off turns for a fork, and wait until none is on, which is soon; from then on nobody but this thread has any lock. A
/// Ctrl-C is seen after the fork: `os.fork` ignores what its hooks raise.
#[pyfunction]
fn before_fork(py: Python<'_>) -> PyResult<()> {
    let made = first_use::make(py);
    detached(py, || {
        gate::before_fork();
        parallel::before_fork();
        Ok(())
    })?;
    made
}

/// Go on with turns.
#[pyfunction]
fn after_fork() {
    parallel::after_fork();
    gate::after_fork();
}

/// Make the locks of a child.
#[pyfunction]
fn in_child() {
    parallel::after_fork();
    gate::in_child();
}

/// Have `os.fork` call these, where there is one.
pub(super) fn watch_forks(py: Python<'_>) -> PyResult<()> {
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
        return Ok(());
    };
    let hooks: Bound<'_, PyDict> = [
        ("before", wrap_pyfunction!(before_fork, py)?),
        ("after_in_parent", wrap_pyfunction!(after_fork, py)?),
        ("after_in_child", wrap_pyfunction!(in_child, py)?),
    ]
    .into_py_dict(py)?;
    register.call((), Some(&hooks))?;
    Ok(())
}
