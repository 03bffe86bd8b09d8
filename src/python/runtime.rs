//! Threads and instruction sets, as Python sees them.

#![allow(
    clippy::doc_markdown,
    reason = "its users read the doc comments in Python"
)]

use pyo3::prelude::*;

use super::boundary::count;

use crate::parallel::{self, Threads};
use crate::simd::{self, Level};

/// Return how many threads a call uses at most, unless it says otherwise.
///
/// That is the number given to `set_num_threads`, else that of the environment variable FANIN_NUM_THREADS,
/// RAYON_NUM_THREADS or OMP_NUM_THREADS, else the number of cores.
///
/// Returns
/// -------
/// int
///     The number.
///
/// Raises
/// ------
/// ValueError
///     If FANIN_NUM_THREADS is asked and no whole number of at least 1.
#[pyfunction]
pub(super) fn get_num_threads() -> PyResult<usize> {
    Ok(Threads::global()?.get())
}

/// Set how many threads a call uses at most, unless it says otherwise. No result depends on it.
///
/// Parameters
/// ----------
/// n : int
///     The number, 1 or more; more than 1024 count as 1024. A call goes on with fewer where the system refuses to
///     start so many, or where it began with room for fewer: for 16, for the cores, or for the number set before its
///     first call.
///
/// Raises
/// ------
/// TypeError, ValueError
///     If `n` is no whole number, or less than 1.
#[pyfunction]
pub(super) fn set_num_threads(n: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(parallel::set_num_threads(count("n", n)?)?)
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
