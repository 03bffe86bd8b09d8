//! The boundary: argument types, allocation, releasing the interpreter lock, errors.
//!
//! No arithmetic happens here. A call comes in, is checked, goes straight down and returns.

mod arrays;
mod boundary;
mod diagnostics;
mod examples;
mod functions;
mod layout;
mod many;
mod passes;
mod plan;
mod replay;
mod reused;
mod runtime;
mod sample;
mod settings;

/// The extension module `fanin._core`: a table of contents.
///
/// It wants the interpreter lock: `reused` counts references.
#[pyo3::pymodule(gil_used = true)]
mod _core {
    #[pymodule_init]
    #[allow(clippy::unnecessary_wraps)] // PyO3 asks for a result.
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        // Who imports is usually the main thread.
        crate::parallel::set_home();
        Ok(())
    }

    #[pymodule_export]
    use super::diagnostics::{
        equal_columns, histogram, moments, participation_ratio, row_cosines, row_pairs,
        second_moment, unit_slopes,
    };
    #[pymodule_export]
    use super::functions::{
        activate, activate_backward, first_non_finite, loss_rows, metric_rows, optimizer_slots,
        optimizer_step,
    };
    #[pymodule_export]
    use super::layout::outputs_first;
    #[pymodule_export]
    use super::many::train_many;
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
        constant, fans, hadamard, identity, orthogonal, orthogonalize, permutation, philox_words,
        random_normal, random_uniform, truncated_normal, variance_scaling, variance_scaling_spread,
    };
}
