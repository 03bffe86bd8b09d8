//! The core of `fanin`: initialize a neural network, see what that does to it, and train it.
//!
//! Arrows point down. Nothing here knows of Python except `python`, which is compiled only with the
//! feature of that name.

#[cfg(feature = "python")]
mod python;

// One concept, one file.
pub mod activations;
pub mod constraints;
pub mod diagnostics;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod network;
pub mod optimizers;
pub mod regularizers;

// The ground.
pub mod error;
pub mod exact;
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

/// The name of the rules by which trainings have their bits: `docs/bits.md`. What changes one of them changes it.
pub const BITS: &str = "bits 1";
