//! The core of `fanin`: initialize a neural network, see what that does to it, and train it.
//!
//! Arrows point down. Nothing here knows of Python except `python`, which is compiled only with the
//! feature of that name.

#![warn(missing_docs)]

// The ground.
pub mod error;
pub mod float;
mod linalg;
pub mod parallel;
pub mod settings;
pub mod shape;
pub mod simd;

// The concepts.
pub mod initializers;
pub mod random;

pub use error::{Error, Result};

#[cfg(feature = "python")]
mod python;
