//! Sampling and initializers: allocate with `NumPy`, or take the caller's array, fill in Rust, return.

use std::time::Instant;

use numpy::{Element, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{ElementType, by_dtype, check_exact, empty, write};
use super::boundary::{detached, interruptible};
use crate::error::Error;
use crate::initializers::{
    Constant, Hadamard, Identity, Initializer, Kind, Mode, Orthogonal, VarianceScaling,
    orthogonalize as q_of,
};
use crate::parallel::Threads;
use crate::random::{
    Inverse, Normal, SLICE, Sample, Stream, TruncatedNormal, Uniform, shuffle, stream_of_slice,
};
use crate::shape;

fn filled<'py, F: Sample + Element>(
    py: Python<'py>,
    shape: &[usize],
    out: Option<&Bound<'py, PyAny>>,
    stream: &Stream,
    initializer: &(impl Initializer<F> + Sync),
) -> PyResult<Bound<'py, PyAny>> {
    let array = match out {
        None => empty::<F>(py, shape)?.into_any(),
        Some(out) => out.clone(),
    };
    {
        let mut view = write::<F>("out", &array)?;
        check_exact("out", view.shape(), shape)?;
        let out = view.as_slice_mut()?;
        let threads = Threads::global()?;
        if initializer.fills_in_slices() && out.len() > SLICE {
            fill_in_slices(py, out, shape, stream, threads, initializer)?;
        } else {
            detached(py, || initializer.fill(out, shape, stream, threads))?;
        }
    }
    Ok(array)
}

/// Fill a long array; a Ctrl-C between two slices raises `KeyboardInterrupt`.
fn fill_in_slices<F: Sample>(
    py: Python<'_>,
    out: &mut [F],
    shape: &[usize],
    stream: &Stream,
    threads: Threads,
    initializer: &(impl Initializer<F> + Sync),
) -> PyResult<()> {
    let mut slices = out.chunks_mut(SLICE).enumerate();
    let mut filled = Ok(());
    interruptible(py, |deadline| {
        for (index, slice) in &mut slices {
            let stream = stream_of_slice::<F>(stream, index);
            filled = initializer.fill(slice, shape, &stream, threads);
            if filled.is_err() {
                break;
            }
            if Instant::now() >= deadline {
                return false;
            }
        }
        true
    })?;
    Ok(filled?)
}

fn fill<'py>(
    py: Python<'py>,
    shape: &[usize],
    dtype: &str,
    out: Option<&Bound<'py, PyAny>>,
    stream: &Stream,
    initializer: &(impl Initializer<f32> + Initializer<f64> + Sync),
) -> PyResult<Bound<'py, PyAny>> {
    by_dtype!(ElementType::of_name(dtype)?, F => filled::<F>(py, shape, out, stream, initializer))
}

/// Nothing random: any stream will do.
fn no_stream() -> Stream {
    Stream::new("", "")
}

/// An array of one value.
#[pyfunction]
#[pyo3(signature = (shape, dtype, value, out=None))]
pub(super) fn constant<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    value: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    fill(py, &shape, dtype, out, &no_stream(), &Constant::new(value)?)
}

/// A matrix with `gain` on the diagonal.
#[pyfunction]
#[pyo3(signature = (shape, dtype, gain, out=None))]
pub(super) fn identity<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    gain: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    fill(py, &shape, dtype, out, &no_stream(), &Identity::new(gain)?)
}

/// The corner of a Hadamard matrix, times `gain`.
#[pyfunction]
#[pyo3(signature = (shape, dtype, gain, out=None))]
pub(super) fn hadamard<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    gain: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    fill(py, &shape, dtype, out, &no_stream(), &Hadamard::new(gain)?)
}

/// Uniform on [low, high).
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, low, high, out=None))]
pub(super) fn random_uniform<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    low: f64,
    high: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let stream = Stream::new(seed, path);
    fill(py, &shape, dtype, out, &stream, &Uniform::new(low, high)?)
}

/// Normal.
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, mean, std, out=None))]
pub(super) fn random_normal<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    mean: f64,
    std: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let stream = Stream::new(seed, path);
    fill(py, &shape, dtype, out, &stream, &Normal::new(mean, std)?)
}

/// Normal within [mean + low·std, mean + high·std].
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, mean, std, low, high, out=None))]
pub(super) fn truncated_normal<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    mean: f64,
    std: f64,
    low: f64,
    high: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let stream = Stream::new(seed, path);
    let normal = TruncatedNormal::new(mean, std, low, high)?;
    fill(py, &shape, dtype, out, &stream, &normal)
}

/// A distribution that is drawn by its inverse: `parameters` are its own, then middle and scale or, of a beta
/// distribution, bounds.
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, law, parameters, out=None))]
pub(super) fn inverse<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    law: &str,
    parameters: Vec<f64>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let inverse = match (law, &parameters[..]) {
        ("cauchy", &[mean, scale]) => Inverse::cauchy(mean, scale),
        ("laplace", &[mean, scale]) => Inverse::laplace(mean, scale),
        ("logistic", &[mean, scale]) => Inverse::logistic(mean, scale),
        ("student_t", &[df, mean, scale]) => Inverse::student_t(df, mean, scale),
        ("beta", &[a, b, low, high]) => Inverse::beta(a, b, low, high),
        _ => Err(Error::value(
            "law",
            "a distribution, and its parameters",
            format!("{law:?} and {} numbers", parameters.len()),
        )),
    }?;
    fill(py, &shape, dtype, out, &Stream::new(seed, path), &inverse)
}

/// Glorot, He, `LeCun` and the rest of their family.
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, scale, mode, distribution, out=None, fans=None))]
pub(super) fn variance_scaling<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    scale: f64,
    mode: &str,
    distribution: &str,
    out: Option<&Bound<'py, PyAny>>,
    fans: Option<(f64, f64)>,
) -> PyResult<Bound<'py, PyAny>> {
    let scaling = scaling(scale, mode, distribution)?.with_fans(fans);
    fill(py, &shape, dtype, out, &Stream::new(seed, path), &scaling)
}

/// The standard deviation (before truncation) or the limit that `variance_scaling` draws with.
#[pyfunction]
#[pyo3(signature = (shape, scale, mode, distribution, fans=None))]
pub(super) fn variance_scaling_spread(
    shape: Vec<usize>,
    scale: f64,
    mode: &str,
    distribution: &str,
    fans: Option<(f64, f64)>,
) -> PyResult<f64> {
    let scaling = scaling(scale, mode, distribution)?.with_fans(fans);
    Ok(scaling.spread(&shape))
}

fn scaling(scale: f64, mode: &str, distribution: &str) -> PyResult<VarianceScaling> {
    Ok(VarianceScaling::new(
        scale,
        Mode::parse(mode)?,
        Kind::parse(distribution)?,
    )?)
}

/// A random orthogonal matrix times `gain`.
#[pyfunction]
#[pyo3(signature = (shape, dtype, seed, path, gain, out=None))]
pub(super) fn orthogonal<'py>(
    py: Python<'py>,
    shape: Vec<usize>,
    dtype: &str,
    seed: &str,
    path: &str,
    gain: f64,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let stream = Stream::new(seed, path);
    fill(py, &shape, dtype, out, &stream, &Orthogonal::new(gain)?)
}

/// The orthogonal matrix that a Gaussian one stands for; its rows are the longer vectors.
#[pyfunction]
pub(super) fn orthogonalize<'py>(
    py: Python<'py>,
    gaussian: PyReadonlyArray2<'py, f64>,
    shape: Vec<usize>,
    gain: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let array = empty::<f64>(py, &shape)?;
    let mut view = array.readwrite();
    let (out, numbers) = (view.as_slice_mut()?, gaussian.as_slice()?);
    if out.len() != numbers.len() {
        let expected = format!("{} numbers", out.len());
        return Err(Error::shape("gaussian", expected, numbers.len()).into());
    }
    detached(py, || {
        out.copy_from_slice(numbers);
        q_of(out, &shape, gain, Threads::global()?)
    })?;
    Ok(array.into_any())
}

/// Inputs and outputs of one unit: by the rule for a whole layer, or by axes of inputs, of outputs, of independent arrays
/// (none: all others), groups, and whether the kernel is transposed.
#[pyfunction]
#[pyo3(signature = (shape, axes=None))]
pub(super) fn fans(shape: Vec<usize>, axes: Option<AxesOfKernel>) -> PyResult<(f64, f64)> {
    Ok(match axes {
        None => shape::fans(&shape),
        Some((inputs, outputs, batch, groups, transposed)) => shape::Axes {
            inputs,
            outputs,
            batch,
            groups,
            transposed,
        }
        .fans(&shape)?,
    })
}

type AxesOfKernel = (Vec<isize>, Vec<isize>, Option<Vec<isize>>, usize, bool);

/// The raw words of a stream, from number `start` on.
#[pyfunction]
pub(super) fn philox_words<'py>(
    py: Python<'py>,
    seed: &str,
    path: &str,
    start: u64,
    count: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let array = empty::<u32>(py, &[count])?;
    let mut view = array.readwrite();
    let out = view.as_slice_mut()?;
    let stream = Stream::new(seed, path);
    detached(py, || {
        for (out, word) in out.iter_mut().zip(stream.words(start)) {
            *out = word;
        }
        Ok(())
    })?;
    Ok(array.into_any())
}

/// The numbers from 0 to n − 1 in a random order.
#[pyfunction]
pub(super) fn permutation<'py>(
    py: Python<'py>,
    seed: &str,
    path: &str,
    n: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let array = empty::<u32>(py, &[n as usize])?;
    {
        let mut view = array.readwrite();
        let order = view.as_slice_mut()?;
        for (place, i) in order.iter_mut().zip(0..) {
            *place = i;
        }
        let stream = Stream::new(seed, path);
        detached(py, || {
            shuffle(&stream, order);
            Ok(())
        })?;
    }
    Ok(array.into_any())
}
