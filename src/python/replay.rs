//! Other frameworks' random numbers.

use numpy::{Element, PyArrayMethods};
use pyo3::prelude::*;

use super::arrays::{ElementType, by_dtype, empty, write};
use super::boundary::detached;
use crate::error::Error;
use crate::float::Float;
use crate::parallel::Threads;
use crate::random::replay::{
    JaxDistribution, JaxNormal, JaxReal, JaxUniform, Mt19937, STATE_LEN, SerialNormal, Threefry,
    TorchReal, draw, normal, permutation, uniform,
};
use crate::shape::Shape;

/// A new array, filled by `fill` without the interpreter lock.
fn made<'py, T: Element>(
    py: Python<'py>,
    shape: &[usize],
    fill: impl FnOnce(&mut [T]) -> crate::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let array = empty::<T>(py, shape)?;
    {
        let mut view = array.readwrite();
        let out = view.as_slice_mut()?;
        detached(py, || fill(out))?;
    }
    Ok(array.into_any())
}

/// As [`made`], from the generator whose state the caller keeps.
fn taken<'py, T: Element>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    shape: &[usize],
    fill: impl FnOnce(&mut Mt19937<'_>, &mut [T]) + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let mut state = write::<u32>("state", state)?;
    let words = state.as_slice_mut()?;
    made(py, shape, |out| {
        fill(&mut Mt19937::resume(words)?, out);
        Ok(())
    })
}

/// The state of MT19937 for a seed: its 624 words and how many were taken.
#[pyfunction]
pub(super) fn mt19937_state(py: Python<'_>, seed: u32) -> PyResult<Bound<'_, PyAny>> {
    made(py, &[STATE_LEN], |out| {
        let state = out.try_into().expect("the length is that of the array");
        Mt19937::seed(state, seed);
        Ok(())
    })
}

/// The next words of MT19937.
#[pyfunction]
pub(super) fn mt19937_words<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    count: usize,
) -> PyResult<Bound<'py, PyAny>> {
    taken(py, state, &[count], |generator, out| {
        generator.fill(out);
    })
}

/// torch's `uniform_`.
#[pyfunction]
pub(super) fn torch_uniform<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    shape: Vec<usize>,
    dtype: &str,
    low: f64,
    high: f64,
) -> PyResult<Bound<'py, PyAny>> {
    fn of<F: TorchReal>(low: f64, high: f64) -> impl FnOnce(&mut Mt19937<'_>, &mut [F]) + Send {
        move |generator, out| uniform(generator, out, low, high)
    }
    by_dtype!(ElementType::of_name(dtype)?, F => taken(py, state, &shape, of::<F>(low, high)))
}

/// torch's `normal_` of a contiguous array of 16 elements or more.
#[pyfunction]
pub(super) fn torch_normal<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    shape: Vec<usize>,
    dtype: &str,
    mean: f64,
    std: f64,
) -> PyResult<Bound<'py, PyAny>> {
    fn of<F: TorchReal>(mean: f64, std: f64) -> impl FnOnce(&mut Mt19937<'_>, &mut [F]) + Send {
        move |generator, out| normal(generator, out, mean, std)
    }
    let size = shape
        .iter()
        .try_fold(1_usize, |n, &axis| n.checked_mul(axis));
    if size.is_some_and(|n| n < 16) {
        return Err(Error::value("shape", "16 elements or more", Shape(&shape)).into());
    }
    by_dtype!(ElementType::of_name(dtype)?, F => taken(py, state, &shape, of::<F>(mean, std)))
}

/// What torch's `normal_` draws for any other array, in double precision, and the standard normal that is left
/// over.
#[pyfunction]
pub(super) fn torch_serial_normal<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    spare: Option<f64>,
    shape: Vec<usize>,
    mean: f64,
    std: f64,
) -> PyResult<(Bound<'py, PyAny>, Option<f64>)> {
    let mut source = SerialNormal { spare };
    let numbers = taken(py, state, &shape, |generator, out| {
        source.fill(generator, out, mean, std);
    })?;
    Ok((numbers, source.spare))
}

/// torch's `randperm`.
#[pyfunction]
pub(super) fn torch_permutation<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyAny>,
    n: usize,
) -> PyResult<Bound<'py, PyAny>> {
    taken(py, state, &[n], permutation)
}

/// The 64 bits of a threefry key for each counter from `start` on.
#[pyfunction]
pub(super) fn threefry_words(
    py: Python<'_>,
    key: [u32; 2],
    start: u64,
    count: usize,
) -> PyResult<Bound<'_, PyAny>> {
    let key = Threefry::new(key);
    made(py, &[count], |out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = key.bits(start.wrapping_add(i as u64));
        }
        Ok(())
    })
}

fn drawn<'py, F: JaxReal + Element>(
    py: Python<'py>,
    key: [u32; 2],
    shape: &[usize],
    what: impl JaxDistribution<F> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    made(py, shape, |out| {
        draw(out, Threefry::new(key), what, Threads::global()?);
        Ok(())
    })
}

/// `jax.random.uniform`.
#[pyfunction]
pub(super) fn jax_uniform<'py>(
    py: Python<'py>,
    key: [u32; 2],
    shape: Vec<usize>,
    dtype: &str,
    low: f64,
    high: f64,
) -> PyResult<Bound<'py, PyAny>> {
    by_dtype!(ElementType::of_name(dtype)?, F => {
        drawn(py, key, &shape, JaxUniform::new(F::of(low), F::of(high)))
    })
}

/// `jax.random.normal`.
#[pyfunction]
pub(super) fn jax_normal<'py>(
    py: Python<'py>,
    key: [u32; 2],
    shape: Vec<usize>,
    dtype: &str,
) -> PyResult<Bound<'py, PyAny>> {
    by_dtype!(ElementType::of_name(dtype)?, F => drawn(py, key, &shape, JaxNormal::<F>::standard()))
}

/// `jax.random.truncated_normal`.
#[pyfunction]
pub(super) fn jax_truncated_normal<'py>(
    py: Python<'py>,
    key: [u32; 2],
    shape: Vec<usize>,
    dtype: &str,
    low: f64,
    high: f64,
) -> PyResult<Bound<'py, PyAny>> {
    by_dtype!(ElementType::of_name(dtype)?, F => drawn(py, key, &shape, JaxNormal::<F>::truncated(low, high)?))
}
