//! NumPy arrays in and out: the element type, the layout, room for results.

use numpy::{
    Element, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::boundary::{found, shape_error};
use crate::error::Error;
use crate::float::Float;
use crate::shape::Shape;

/// Do `$body` with the type that `$element_type` stands for as `$F`: the one place where it is chosen.
macro_rules! by_dtype {
    ($element_type:expr, $F:ident => $body:expr) => {
        match $element_type {
            $crate::python::arrays::ElementType::Single => {
                type $F = f32;
                $body
            }
            $crate::python::arrays::ElementType::Double => {
                type $F = f64;
                $body
            }
        }
    };
}
pub(super) use by_dtype;

/// The two types of elements that kernels take.
#[derive(Clone, Copy)]
pub(super) enum ElementType {
    Single,
    Double,
}

impl ElementType {
    /// The one of this name.
    pub(super) fn of_name(dtype: &str) -> crate::Result<Self> {
        match dtype {
            f32::NAME => Ok(Self::Single),
            f64::NAME => Ok(Self::Double),
            _ => {
                let expected = format!("{} or {}", f32::NAME, f64::NAME);
                Err(Error::type_of("dtype", expected, format!("{dtype:?}")))
            }
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Single => f32::NAME,
            Self::Double => f64::NAME,
        }
    }
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
            "shape: expected an array that fits into memory, found {}",
            Shape(shape)
        )));
    }
    let array = py
        .import("numpy")?
        .call_method1("empty", (PyTuple::new(py, shape)?, dtype::<T>(py)))
        .map_err(|error| {
            // "maximum supported dimension for an ndarray is 64"
            if error.is_instance_of::<PyValueError>(py) {
                let (found, words) = (Shape(shape), error.value(py));
                shape_error(format!(
                    "shape: expected one that NumPy takes, found {found}: {words}"
                ))
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
            "{name}: expected a C-contiguous, aligned array, found another"
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
        numpy::BorrowError::NotWriteable => PyValueError::new_err(format!(
            "{name}: expected an array that can be written to, found a read-only one"
        )),
        _ => busy(name),
    })
}

fn busy(name: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{name}: expected an array for this call alone, found one that another call is changing, or that is given twice"
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
    Err(shape_error(format!(
        "{name}: expected shape {}, found {}",
        Shape(&expected),
        Shape(found),
    )))
}

/// [`check_shape`] against a shape that is known in full.
pub(super) fn check_exact(name: &str, found: &[usize], expected: &[usize]) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    let expected: Vec<_> = expected.iter().copied().map(Some).collect();
    check_shape(name, found, &expected)
}

/// The sizes of a shape that Python gives.
pub(super) fn sizes(name: &str, shape: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    shape.extract().or_else(|_| {
        let (most, found) = (isize::MAX, found(shape)?);
        Err(shape_error(format!(
            "{name}: expected whole numbers from 0 to {most}, found {found}"
        )))
    })
}
