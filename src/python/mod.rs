//! The boundary: argument types, allocation, releasing the interpreter lock, errors.
//!
//! No arithmetic happens here. A call comes in, is checked, goes straight down and returns.

mod boundary;
mod runtime;
mod sample;

/// The extension module `fanin._core`: a table of contents.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use super::runtime::{get_num_threads, set_num_threads, set_simd_level, simd_level};
    #[pymodule_export]
    use super::sample::{
        constant, fans, identity, orthogonal, orthogonalize, philox_words, random_normal,
        random_uniform, truncated_normal, variance_scaling, variance_scaling_spread,
    };
}
