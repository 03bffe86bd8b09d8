//! What is made at its first use, each under a lock: names of attributes, types, `NumPy`'s functions, modules.
//!
//! `PyO3`, `numpy` and Python's import let go of the interpreter lock while they hold such a lock. Another thread may fork meanwhile, and in the child
//! nobody would ever give it up. So whoever forks has all of it made before, and waits where another thread is making it.

use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::{IntoPyDict, PyDict, PyList, PySequence};

use super::lock::{self, Lock};
use super::records::{Batches, Network, Objective, Samples, Update};

/// What `fit`, `evaluate`, `predict` and copies import when they are first called (`models/_sequential.py`).
const IMPORTED_LATER: [&str; 4] = [
    "fanin.models._training",
    "fanin.models._evaluation",
    "fanin.models._whole",
    "fanin.layers._one_batch",
];

/// Make all of it.
pub(super) fn make(py: Python<'_>) -> PyResult<()> {
    for module in IMPORTED_LATER {
        py.import(module)?;
    }
    PySequence::type_object(py);
    py.get_type::<PyAny>().module()?;
    let array = PyArray1::<f64>::zeros(py, 1, false);
    drop(array.try_readwrite()?);
    lock::copy(array.as_any())?;
    names(py)
}

/// The names of the records' attributes, each made when a record is read so far.
fn names(py: Python<'_>) -> PyResult<()> {
    let none = || py.None().into_bound(py);
    let namespace = py.import("types")?.getattr("SimpleNamespace")?;
    let goal = [
        ("output", 0usize.into_pyobject(py)?.into_any()),
        ("loss", none()),
        ("weight", 1.0f64.into_pyobject(py)?.into_any()),
        ("metrics", PyList::empty(py).into_any()),
        ("weighted", PyList::empty(py).into_any()),
    ];
    let goal = namespace.call((), Some(&goal.into_py_dict(py)?))?;
    let attributes = [
        ("params", none()),
        ("state", none()),
        ("lock", Bound::new(py, Lock::new())?.into_any()),
        // The last name of a network, which this is none of.
        ("plan", none()),
        ("goals", PyList::new(py, [goal])?.into_any()),
        ("optimizer", PyDict::new(py).into_any()),
        ("slots", none()),
        ("order", none()),
        ("batch_size", 1usize.into_pyobject(py)?.into_any()),
        ("learning_rates", none()),
        ("progress", none()),
        ("outputs", none()),
        ("x", none()),
        ("y", none()),
        ("weights", none()),
    ];
    let record = namespace.call((), Some(&attributes.into_py_dict(py)?))?;
    record.extract::<Network<'_>>().err();
    record.extract::<Objective<'_>>()?;
    record.extract::<Update<'_>>()?;
    record.extract::<Batches<'_>>()?;
    record.extract::<Samples<'_>>()?;
    Ok(())
}
