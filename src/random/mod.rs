//! Random numbers as a contract: stream v1.
//!
//! The value of element `i` is a function of (seed, path, `i`, distribution, element type) and of
//! nothing else. `docs/stream.md` says which, exactly enough to write it again.

mod beta;
mod elementary;
mod inverse;
mod normal;
mod permutation;
mod philox;
mod quantile;
pub mod replay;
mod stream;
mod tiles;
mod truncated_normal;
mod uniform;

pub use elementary::Sample;
pub use inverse::Inverse;
pub use normal::Normal;
pub use permutation::shuffle;
pub(crate) use philox::WORDS_PER_TILE;
pub use stream::Stream;
pub use tiles::{Distribution, SLICE, stream_of_slice};
pub use truncated_normal::{STD_WITHIN_TWO, TruncatedNormal};
pub use uniform::Uniform;
