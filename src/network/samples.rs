//! The inputs of samples as their owner keeps them, and how they come into a batch.

use ndarray::{ArrayViewMut2, Axis};

use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// Inputs, one sample after the other: the numbers, or bytes that say them, as those of pictures do. These become numbers a
/// batch at a time, so that nobody needs room for all of them.
#[derive(Debug, Clone, Copy)]
pub enum Kept<'a, F> {
    /// As the network takes them.
    Numbers(&'a [F]),
    /// The whole numbers from 0 to 255.
    Bytes(&'a [u8]),
}

impl<'a, F> From<&'a [F]> for Kept<'a, F> {
    fn from(numbers: &'a [F]) -> Self {
        Self::Numbers(numbers)
    }
}

impl<'a, F> From<&'a Vec<F>> for Kept<'a, F> {
    fn from(numbers: &'a Vec<F>) -> Self {
        Self::Numbers(numbers)
    }
}

impl<F: Float> Kept<'_, F> {
    /// How many numbers there are.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Numbers(x) => x.len(),
            Self::Bytes(x) => x.len(),
        }
    }

    /// Copy the samples of `order`, of `width` numbers each, to the front of `to`: in rows or in columns.
    pub(super) fn gather(
        self,
        threads: Threads,
        to: &mut [F],
        width: usize,
        order: &[u32],
        in_columns: bool,
    ) {
        match self {
            Self::Numbers(x) => gather(threads, x, to, width, order, in_columns),
            Self::Bytes(x) => gather(threads, x, to, width, order, in_columns),
        }
    }
}

/// What is kept in the place of a `T`.
pub(super) trait Becomes<T>: Copy + Send + Sync {
    /// It.
    fn get(self) -> T;
    /// All of them, of slices of one length.
    fn copy(from: &[Self], to: &mut [T]);
}

impl<T: Copy + Send + Sync> Becomes<T> for T {
    #[inline(always)]
    fn get(self) -> T {
        self
    }

    #[inline(always)]
    fn copy(from: &[T], to: &mut [T]) {
        to.copy_from_slice(from);
    }
}

impl<F: Float> Becomes<F> for u8 {
    #[inline(always)]
    fn get(self) -> F {
        F::from(self)
    }

    fn copy(from: &[u8], to: &mut [F]) {
        widen(from, to);
    }
}

kernel! {
    /// The numbers that bytes say.
    pub(super) fn widen<F: Float>(from: &[u8], to: &mut [F]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = F::from(from);
        }
    }
}

/// Numbers of a batch from which on threads share the copying.
const SHARED_FROM: usize = 1 << 14;

fn gather<S: Becomes<T>, T: Send>(
    threads: Threads,
    from: &[S],
    to: &mut [T],
    width: usize,
    order: &[u32],
    in_columns: bool,
) {
    match threads.for_part(order.len() * width, SHARED_FROM) {
        _ if in_columns => copy_columns(from, to, width, order),
        Threads::ONE => copy_rows(from, to, width, order),
        threads => copy_parts_of_rows(threads, from, to, width, order),
    }
}

/// Copy the rows of `order` to the front of `to`.
pub(super) fn copy_rows<S: Becomes<T>, T>(from: &[S], to: &mut [T], width: usize, order: &[u32]) {
    let to = &mut to[..order.len() * width];
    if width == 1 {
        // Classes: a call to copy each takes longer than all else.
        for (to, &row) in to.iter_mut().zip(order) {
            *to = from[row as usize].get();
        }
        return;
    }
    for (to, &row) in to.chunks_exact_mut(width).zip(order) {
        S::copy(&from[row as usize * width..][..width], to);
    }
}

/// [`copy_rows`] by threads that each copy some columns, since each multiplies by some rows of the weights (`linalg/terms.rs`).
fn copy_parts_of_rows<S: Becomes<T>, T: Send>(
    threads: Threads,
    from: &[S],
    to: &mut [T],
    width: usize,
    order: &[u32],
) {
    let to = &mut to[..order.len() * width];
    let to = ArrayViewMut2::from_shape((order.len(), width), to);
    let mut to = to.expect("a row for each sample");
    let len = width.div_ceil(threads.get());
    let parts = to.axis_chunks_iter_mut(Axis(1), len).enumerate();
    parallel::for_each(threads, parts.collect(), |(part, mut to)| {
        for (to, &row) in to.rows_mut().into_iter().zip(order) {
            let to = to.into_slice().expect("numbers side by side");
            let from = &from[row as usize * width + part * len..];
            S::copy(&from[..to.len()], to);
        }
    });
}

/// [`copy_rows`] to a column-major `to`.
fn copy_columns<S: Becomes<T>, T>(from: &[S], to: &mut [T], width: usize, order: &[u32]) {
    let to = &mut to[..order.len() * width];
    for (j, column) in to.chunks_exact_mut(order.len().max(1)).enumerate() {
        for (to, &row) in column.iter_mut().zip(order) {
            *to = from[row as usize * width + j].get();
        }
    }
}
