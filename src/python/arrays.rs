//! NumPy arrays in and out: the element type, the layout, room for results.

use numpy::{
    Element, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::boundary::shape_error;

/// Call the generic `$function` for the element type of the array `$of`.
macro_rules! by_dtype {
    ($name:literal, $of:expr, $function:ident($($argument:expr),*)) => {
        match $crate::python::arrays::element_type($name, $of)? {
            $crate::python::arrays::ElementType::Single => $function::<f32>($($argument),*),
            $crate::python::arrays::ElementType::Double => $function::<f64>($($argument),*),
        }
    };
}
pub(super) use by_dtype;

/// The two types of elements that kernels take.
pub(super) enum ElementType {
    Single,
    Double,
}

/// The element type of an array, or an error that names it.
pub(super) fn element_type(name: &str, value: &Bound<'_, PyAny>) -> PyResult<ElementType> {
    let py = value.py();
    let array = value.cast::<PyUntypedArray>().map_err(|_| {
        PyTypeError::new_err(format!(
            "{name}: expected an array, found {}",
            value.get_type()
        ))
    })?;
    let found = array.dtype();
    if found.is_equiv_to(&dtype::<f32>(py)) {
        Ok(ElementType::Single)
    } else if found.is_equiv_to(&dtype::<f64>(py)) {
        Ok(ElementType::Double)
    } else {
        Err(PyTypeError::new_err(format!(
            "{name}: expected a float32 or float64 array, found {found}"
        )))
    }
}

/// A C-contiguous array for a kernel to fill. `NumPy` allocates it, so that a shape that no machine has room for raises
/// instead of aborting.
pub(super) fn empty<'py, T: Element>(
    py: Python<'py>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    let fits = shape
        .iter()
        .try_fold(size_of::<T>(), |bytes, &axis| bytes.checked_mul(axis))
        .is_some_and(|bytes| isize::try_from(bytes).is_ok());
    if !fits {
        return Err(shape_error(format!(
            "shape: expected an array that fits into memory, found {shape:?}"
        )));
    }
    let array = py
        .import("numpy")?
        .call_method1("empty", (PyTuple::new(py, shape)?, dtype::<T>(py)))
        .map_err(|error| {
            // "maximum supported dimension for an ndarray is 64"
            if error.is_instance_of::<PyValueError>(py) {
                shape_error(format!("shape: {}", error.value(py)))
            } else {
                error
            }
        })?;
    Ok(array.cast_into()?)
}

/// `value` as a C-contiguous array of `T`, or an error that names it.
fn cast<'a, 'py, T: Element>(
    name: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyArrayDyn<T>>> {
    let py = value.py();
    let array = value.cast::<PyArrayDyn<T>>().map_err(|_| {
        let found = value.cast::<PyUntypedArray>().map_or_else(
            |_| value.get_type().to_string(),
            |array| format!("{} array", array.dtype()),
        );
        PyTypeError::new_err(format!(
            "{name}: expected a {} array, found {found}",
            dtype::<T>(py)
        ))
    })?;
    if !array.is_c_contiguous() || !(array.data() as usize).is_multiple_of(align_of::<T>()) {
        return Err(PyValueError::new_err(format!(
            "{name}: expected a C-contiguous, aligned array"
        )));
    }
    Ok(array)
}

/// `value` for reading.
pub(super) fn read<'py, T: Element>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    cast(name, value)?.try_readonly().map_err(|_| busy(name))
}

/// `value` for changing in place.
pub(super) fn write<'py, T: Element>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let array = cast(name, value)?;
    array.try_readwrite().map_err(|error| match error {
        numpy::BorrowError::NotWriteable => {
            PyValueError::new_err(format!("{name}: the array is read-only"))
        }
        _ => busy(name),
    })
}

fn busy(name: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{name}: the array is being changed by another call, or is given twice"
    ))
}

/// Check the shape of `array` against what is expected; `None` is any length.
pub(super) fn check_shape(name: &str, found: &[usize], expected: &[Option<usize>]) -> PyResult<()> {
    let fits = |(&found, expected): (&usize, &Option<usize>)| expected.is_none_or(|e| e == found);
    if found.len() == expected.len() && found.iter().zip(expected).all(fits) {
        return Ok(());
    }
    let expected: Vec<_> = expected
        .iter()
        .map(|e| e.map_or("n".to_owned(), |e| e.to_string()))
        .collect();
    let comma = if expected.len() == 1 { "," } else { "" };
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let found_comma = if found.len() == 1 { "," } else { "" };
    Err(shape_error(format!(
        "{name}: expected shape ({}{comma}), found ({}{found_comma})",
        expected.join(", "),
        found.join(", "),
    )))
}
