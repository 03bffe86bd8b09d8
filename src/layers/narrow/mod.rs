//! Functions of column-major batches, for rows that are too short to fill a vector.
//!
//! The lowering of a plan for training takes them where all rows are at most [`WIDEST`] long. Sums over the batch go in
//! another order than for rows, so results differ by rounding.

mod batch_normalization;
mod columns;
mod dense;
mod to_rows;

pub(crate) use batch_normalization::NarrowBatchNormalization;
pub(crate) use columns::{WIDEST, sum_of};
pub(crate) use dense::NarrowDense;
pub(crate) use to_rows::ToRows;
