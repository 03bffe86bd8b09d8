//! The boundary: argument types, allocation, releasing the interpreter lock, errors.
//!
//! No arithmetic happens here. A call comes in, is checked, goes straight down and returns.

mod arrays;
mod boundary;
mod diagnostics;
mod elementary;
mod first_use;
mod functions;
mod lock;
mod passes;
mod plan;
mod records;
mod replay;
mod runtime;
mod sample;
mod settings;
mod training;

/// The extension module `fanin._core`: a table of contents. Nothing in it needs the interpreter lock.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        // Who imports is usually the main thread.
        crate::parallel::set_home();
        super::lock::watch_forks(module.py())
    }

    #[pymodule_export]
    const BITS: &str = crate::BITS;

    #[pymodule_export]
    use super::diagnostics::{
        equal_columns, histogram, moments, participation_ratio, row_cosines, row_pairs,
        second_moment, unit_slopes,
    };
    #[pymodule_export]
    use super::elementary::{cosine_of_half_turns, elementary, power};
    #[pymodule_export]
    use super::functions::{
        activate, activate_backward, constrain, first_non_finite, loss_rows, metric_rows,
        metric_sums, optimizer_slots, optimizer_step, outputs_first, penalty, product,
    };
    #[pymodule_export]
    use super::lock::{Lock, Reading, Writing};
    #[pymodule_export]
    use super::plan::Plan;
    #[pymodule_export]
    use super::replay::{
        jax_normal, jax_truncated_normal, jax_uniform, mt19937_state, mt19937_words,
        threefry_words, torch_normal, torch_permutation, torch_serial_normal, torch_uniform,
    };
    #[pymodule_export]
    use super::runtime::{get_num_threads, set_num_threads, set_simd_level, simd_level};
    #[pymodule_export]
    use super::sample::{
        constant, fans, hadamard, identity, inverse, orthogonal, orthogonalize, permutation,
        philox_words, random_normal, random_uniform, truncated_normal, variance_scaling,
        variance_scaling_spread,
    };
    #[pymodule_export]
    use super::training::{evaluate, predict, train, update};
}
