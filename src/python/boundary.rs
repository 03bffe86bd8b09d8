//! The seam between the two worlds: the one place that releases the interpreter lock and the one
//! place that turns the core's errors into Python's.

use std::time::{Duration, Instant};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyInt, PyType};

use crate::error::{Error, caught};
use crate::parallel::Threads;
use crate::simd::DefaultArithmetic;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Shape(_) => shape_error(message),
            Error::Value(_) => PyValueError::new_err(message),
            Error::Type(_) => PyTypeError::new_err(message),
            Error::Memory(_) => PyMemoryError::new_err(message),
            Error::Runtime(_) => PyRuntimeError::new_err(message),
        }
    }
}

/// `fanin.errors.ShapeError`, which Python code can catch as a `ValueError` too.
pub(super) fn shape_error(message: String) -> PyErr {
    Python::attach(|py| {
        py.import("fanin.errors")
            .and_then(|module| module.getattr("ShapeError"))
            .and_then(|class| Ok(class.cast_into::<PyType>()?))
            .map_or_else(|error| error, |class| PyErr::from_type(class, message))
    })
}

/// Run `work` without the interpreter lock, in the default mode of arithmetic whatever this thread is in. A panic, which would be
/// no `Exception`, is a `RuntimeError` with its words.
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> crate::Result<R> + Send,
) -> PyResult<R> {
    let done = py.detach(|| {
        let _default = DefaultArithmetic::enter();
        caught(work)
    });
    let done = done.unwrap_or_else(|words| {
        let expected = "no error of its own; please report this one";
        Err(Error::runtime("fanin's core", expected, words))
    });
    Ok(done?)
}

/// How long kernels run before signals are looked at: a Ctrl-C acts within twice that.
pub(super) const SLICE: Duration = Duration::from_millis(40);

/// Call `work(deadline)` without the interpreter lock until it returns true; a Ctrl-C in between raises
/// `KeyboardInterrupt`.
pub(super) fn interruptible(
    py: Python<'_>,
    mut work: impl FnMut(Instant) -> bool + Send,
) -> PyResult<()> {
    loop {
        let done = detached(py, || Ok(work(Instant::now() + SLICE)))?;
        py.check_signals()?;
        if done {
            return Ok(());
        }
    }
}

/// The threads a call asks for, or those that the process is set to.
pub(super) fn threads_or_global(threads: Option<&Bound<'_, PyAny>>) -> PyResult<Threads> {
    Ok(match threads {
        Some(threads) => Threads::new(count("threads", threads)?)?,
        None => Threads::global()?,
    })
}

/// What a message calls a value that was found, as `fanin._checks` has it.
pub(super) fn found(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let checks = value.py().import("fanin._checks")?;
    checks.getattr("found")?.call1((value,))?.extract()
}

/// A whole number of at least 1. What is none is refused in Python's own words, by `fanin._checks`.
pub(super) fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    if value.is_exact_instance_of::<PyInt>()
        && let Ok(count @ 1..) = value.extract()
    {
        return Ok(count);
    }
    let py = value.py();
    let integer = py.import("fanin._checks")?.getattr("integer")?;
    let bound = |key: &str, bound| [(key, bound)].into_py_dict(py);
    let whole = integer.call((name, value), Some(&bound("minimum", 1_isize)?))?;
    let whole = integer.call((name, whole), Some(&bound("maximum", isize::MAX)?))?;
    whole.extract()
}
