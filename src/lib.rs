//! The core of `fanin`: initialize a neural network, see what that does to it, and train it.
//!
//! Arrows point down. Nothing here knows of Python except `python`, which is compiled only with the
//! feature of that name.

#[cfg(feature = "python")]
mod python;

// One concept, one file.
pub mod activations;
pub mod diagnostics;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod network;
pub mod optimizers;

// The ground.
pub mod error;
pub mod float;
pub mod layout;
mod linalg;
pub mod memory;
pub mod parallel;
pub mod reduce;
pub mod settings;
pub mod shape;
pub mod simd;

// The concepts.
pub mod initializers;
pub mod random;

pub use error::{Error, Result};
