//! The random numbers of other frameworks, bit for bit: what they draw from a seed, drawn here.
//!
//! `docs/replay.md` says which of their functions these are and how far the bits agree. Unlike stream v1
//! these kernels use fused multiply-adds, written out as `mul_add`, where the compilers of those frameworks
//! put them: the bits are theirs, at every instruction set.

mod erf_inv;
mod jax;
mod mt19937;
mod threefry;
mod torch;

pub use jax::{JaxDistribution, JaxNormal, JaxReal, JaxUniform, draw};
pub use mt19937::{Mt19937, STATE_LEN};
pub use threefry::Threefry;
pub use torch::{SerialNormal, TorchReal, normal, permutation, uniform};
