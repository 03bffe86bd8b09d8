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
pub use moments::{Unit, Whole, moments, sum_of_squares};
pub use rank::participation_ratio;
pub use similarity::{Pair, cosines, pairs};
pub use slopes::{Slopes, slopes};

/// Columns that one thread takes at a time: long enough a piece of each row for the memory's prefetching, and few enough
/// that what is summed up stays in the first cache.
const COLUMNS: usize = 256;

/// Elements under which a second thread is not worth waking: a diagnosis has many signals, and gives each to one thread.
const PARALLEL_FROM: usize = 1 << 20;
