//! The seam between the two worlds: the one place that releases the interpreter lock and the one
//! place that turns the core's errors into Python's.

use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::error::Error;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Shape(_) => shape_error(message),
            Error::Value(_) => PyValueError::new_err(message),
            Error::Type(_) => PyTypeError::new_err(message),
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

/// `MemoryError` for an array that no machine has room for.
pub(super) fn memory_error(message: String) -> PyErr {
    PyMemoryError::new_err(message)
}

/// Run `work` without the interpreter lock.
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> crate::Result<R> + Send,
) -> PyResult<R> {
    py.detach(work).map_err(PyErr::from)
}
