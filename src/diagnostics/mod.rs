//! What a batch of signals looks like: moments, histograms, slopes, similarity, rank, and equal units.
//!
//! A signal is a matrix, a row for each sample and a column for each unit: activations, or gradients
//! with respect to them. Sums are taken in double precision whatever the element type, in an order that
//! does not depend on the number of threads.

mod groups;
mod histogram;
mod moments;
mod rank;
mod similarity;
mod slopes;

pub use groups::equal_columns;
pub use histogram::histogram;
pub use moments::{Unit, moments};
pub use rank::participation_ratio;
pub use similarity::{Pair, pairs};
pub use slopes::{Slopes, slopes};

/// Columns that one thread takes at a time: two cache lines of each row.
const COLUMNS: usize = 32;

/// Elements under which a second thread is not worth waking.
const PARALLEL_FROM: usize = 1 << 16;
