//! Elementary functions for what Python computes towards weights and learning rates: the same bits on every platform.

use numpy::{PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{empty, read};
use super::boundary::detached;
use crate::error::{Error, Result};
use crate::exact;
use crate::float::Float;

/// The number nearest to `base` to the power `exponent`, for a base that is not negative.
#[pyfunction]
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    exact::power(base, exponent)
}

/// The number nearest to cos(π·`share`), for a share from 0 to 1.
#[pyfunction]
pub(super) fn cosine_of_half_turns(share: f64) -> PyResult<f64> {
    if (0.0..=1.0).contains(&share) {
        Ok(exact::cosine_of_half_turns(share))
    } else {
        Err(Error::value("share", "a number from 0 to 1", share).into())
    }
}

/// A function of each element of a float64 array: `exp` is this package's own, `log`, `sin` and `cos` are those of the
/// crate `libm`, which is portable Rust.
#[pyfunction]
pub(super) fn elementary<'py>(name: &str, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let function = function(name)?;
    let x_array = read::<f64>("x", x)?;
    let y = empty::<f64>(x.py(), x_array.shape())?;
    {
        let (mut y, x_elements) = (y.readwrite(), x_array.as_slice()?);
        let y = y.as_slice_mut()?;
        detached(x.py(), || {
            for (y, &x) in y.iter_mut().zip(x_elements) {
                *y = function(x);
            }
            Ok(())
        })?;
    }
    Ok(y.into_any())
}

fn function(name: &str) -> Result<fn(f64) -> f64> {
    match name {
        "exp" => Ok(Float::exp),
        "log" => Ok(libm::log),
        "sin" => Ok(libm::sin),
        "cos" => Ok(libm::cos),
        _ => Err(Error::value(
            "name",
            "exp, log, sin or cos",
            format!("{name:?}"),
        )),
    }
}
