//! Statistics of signals: a matrix with a row a sample and a column a unit.

use numpy::{Element, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{by_dtype, check_shape, element_type, empty, read};
use super::boundary::{detached, shape_error, threads_or_global};
use super::settings::from_dict;
use crate::diagnostics::Whole;
use crate::float::Float;
use crate::shape::Shape;
use crate::{activations, diagnostics};

/// `x` for reading, if it is a matrix with at least one element; with its width.
fn matrix<'py, F: Element>(
    name: &str,
    x: &Bound<'py, PyAny>,
) -> PyResult<(PyReadonlyArrayDyn<'py, F>, usize)> {
    let x = read::<F>(name, x)?;
    check_shape(name, x.shape(), &[None, None])?;
    if x.len() == 0 {
        let shape = Shape(x.shape());
        return Err(shape_error(format!(
            "{name}: expected at least one element, found shape {shape}"
        )));
    }
    let width = x.shape()[1];
    Ok((x, width))
}

/// A new matrix, a row for each of `rows`.
fn table<const N: usize>(
    py: Python<'_>,
    rows: impl ExactSizeIterator<Item = [f64; N]>,
) -> PyResult<Bound<'_, PyAny>> {
    let array = empty::<f64>(py, &[rows.len(), N])?;
    for (to, from) in array
        .readwrite()
        .as_slice_mut()?
        .chunks_exact_mut(N)
        .zip(rows)
    {
        to.copy_from_slice(&from);
    }
    Ok(array.into_any())
}

/// Mean and variance of each unit; then mean, variance, mean square, smallest, largest, and share of zeros of all.
#[pyfunction]
#[pyo3(signature = (x, threads=None))]
pub(super) fn moments<'py>(
    x: &Bound<'py, PyAny>,
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, [f64; 6])> {
    fn run<'py, F: Float + Element>(
        x: &Bound<'py, PyAny>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, [f64; 6])> {
        let (py, threads) = (x.py(), threads_or_global(threads)?);
        let (array, width) = matrix::<F>("x", x)?;
        let x = array.as_slice()?;
        let units = detached(py, || Ok(diagnostics::moments(threads, width, x)))?;
        let w = Whole::of(&units, x.len() / width);
        let whole = [
            w.mean,
            w.variance,
            w.second_moment,
            w.minimum,
            w.maximum,
            w.zeros,
        ];
        let units = table(py, units.iter().map(|unit| [unit.mean, unit.variance]))?;
        Ok((units, whole))
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x, threads))
}

/// Mean square of all elements.
#[pyfunction]
pub(super) fn second_moment(x: &Bound<'_, PyAny>) -> PyResult<f64> {
    fn run<F: Float + Element>(x: &Bound<'_, PyAny>) -> PyResult<f64> {
        let py = x.py();
        let x = read::<F>("x", x)?;
        let x = x.as_slice()?;
        Ok(detached(py, || Ok(diagnostics::sum_of_squares(x)))? / x.len() as f64)
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x))
}

/// Counts of values in equal bins.
#[pyfunction]
#[pyo3(signature = (x, low, high, bins, threads=None))]
pub(super) fn histogram(
    x: &Bound<'_, PyAny>,
    low: f64,
    high: f64,
    bins: usize,
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u64>> {
    fn run<F: Float + Element>(
        x: &Bound<'_, PyAny>,
        (low, high, bins): (f64, f64, usize),
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u64>> {
        let threads = threads_or_global(threads)?;
        if bins == 0 || bins > 1 << 20 {
            let message = format!("bins: expected 1 to {}, found {bins}", 1 << 20);
            return Err(pyo3::exceptions::PyValueError::new_err(message));
        }
        let array = read::<F>("x", x)?;
        let values = array.as_slice()?;
        detached(x.py(), || {
            Ok(diagnostics::histogram(threads, values, low, high, bins))
        })
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x, (low, high, bins), threads))
}

/// For each unit: rows at which φ′(z) = 0, rows at which |φ′(z)| < `threshold`, and the sum of φ′(z)².
#[pyfunction]
pub(super) fn unit_slopes<'py>(
    activation: &Bound<'py, PyDict>,
    z: &Bound<'py, PyAny>,
    threshold: f64,
) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(
        activation: &Bound<'py, PyDict>,
        z: &Bound<'py, PyAny>,
        threshold: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = z.py();
        let activation = activations::from_settings::<F>(&from_dict(activation)?)?;
        let (z, width) = matrix::<F>("z", z)?;
        let z = z.as_slice()?;
        let slopes = detached(py, || {
            diagnostics::slopes(&*activation, width, z, threshold)
        })?;
        let unit = |j| [slopes.flat[j], slopes.small[j], slopes.squares[j]];
        table(py, (0..width).map(unit))
    }
    by_dtype!(element_type("z", z)?, F => run::<F>(activation, z, threshold))
}

/// Mean a², b² and ab over the units, for rows 0 and 1, rows 2 and 3, and so on.
#[pyfunction]
pub(super) fn row_pairs<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    fn run<'py, F: Float + Element>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let (x, width) = matrix::<F>("x", x)?;
        let x = x.as_slice()?;
        let pairs = detached(py, || Ok(diagnostics::pairs(width, x)))?;
        table(py, pairs.iter().map(|pair| [pair.aa, pair.bb, pair.ab]))
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x))
}

/// Mean and variance of the cosine of the angle between two rows, over all pairs.
#[pyfunction]
#[pyo3(signature = (x, threads=None))]
pub(super) fn row_cosines(
    x: &Bound<'_, PyAny>,
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<(f64, f64)> {
    fn run<F: Float + Element>(
        x: &Bound<'_, PyAny>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(f64, f64)> {
        let (py, threads) = (x.py(), threads_or_global(threads)?);
        let (x, width) = matrix::<F>("x", x)?;
        if x.shape()[0] < 2 {
            let shape = Shape(x.shape());
            let message = format!("x: expected at least two rows, found shape {shape}");
            return Err(shape_error(message));
        }
        let x = x.as_slice()?;
        detached(py, || diagnostics::cosines(threads, width, x))
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x, threads))
}

/// (Σλ)² / Σλ² of the units' covariance.
#[pyfunction]
#[pyo3(signature = (x, threads=None))]
pub(super) fn participation_ratio(
    x: &Bound<'_, PyAny>,
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<f64> {
    fn run<F: Float + Element>(
        x: &Bound<'_, PyAny>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<f64> {
        let (py, threads) = (x.py(), threads_or_global(threads)?);
        let (x, width) = matrix::<F>("x", x)?;
        let x = x.as_slice()?;
        detached(py, || diagnostics::participation_ratio(threads, width, x))
    }
    by_dtype!(element_type("x", x)?, F => run::<F>(x, threads))
}

/// For each column the first one that it equals, up to `tolerance` times the largest absolute value.
#[pyfunction]
pub(super) fn equal_columns(columns: &Bound<'_, PyAny>, tolerance: f64) -> PyResult<Vec<u32>> {
    fn run<F: Float + Element>(array: &Bound<'_, PyAny>, tolerance: f64) -> PyResult<Vec<u32>> {
        let py = array.py();
        let (array, width) = matrix::<F>("columns", array)?;
        let array = array.as_slice()?;
        detached(py, || {
            Ok(diagnostics::equal_columns(width, array, tolerance))
        })
    }
    by_dtype!(element_type("columns", columns)?, F => run::<F>(columns, tolerance))
}
