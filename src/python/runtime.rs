//! Threads and instruction sets, as Python sees them.

use pyo3::prelude::*;

use crate::parallel::{self, Threads};
use crate::simd::{self, Level};

/// How many threads calls use unless they say otherwise.
#[pyfunction]
pub(super) fn get_num_threads() -> usize {
    Threads::global().get()
}

/// Use `count` threads from now on.
#[pyfunction]
pub(super) fn set_num_threads(count: usize) -> PyResult<()> {
    Ok(parallel::set_num_threads(count)?)
}

/// The instruction set that kernels run at: "baseline", "avx2" or "avx512".
#[pyfunction]
pub(super) fn simd_level() -> PyResult<&'static str> {
    simd::level_from_environment()?;
    Ok(simd::level().name())
}

/// Run kernels at this instruction set from now on (at most what the CPU has); returns the one in force.
#[pyfunction]
pub(super) fn set_simd_level(name: &str) -> PyResult<&'static str> {
    Ok(simd::set_level(Level::parse(name)?).name())
}
