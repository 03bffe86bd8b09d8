//! The only door to matrix products and factorisations.

mod fused;
mod panel;
mod product;
mod qr;
mod room;
mod slab;
mod terms;
#[cfg(test)]
mod tests;
mod tile;

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use crate::float::Float;
use crate::parallel::{self, Threads};

use product::product;
pub(crate) use qr::orthonormalize;

/// Multiply-adds under which a product is not worth a second thread.
pub(crate) const PARALLEL_FROM: usize = CUT_FROM;

/// Rows, multiply-adds for an element, and columns of a product.
pub(crate) type Sizes = (usize, usize, usize);

/// `out = a · b`; transposed views (`a.t()`) cost nothing.
///
/// # Panics
///
/// If the shapes do not fit: callers have checked them.
pub(crate) fn matmul<F: Float>(
    threads: Threads,
    a: ArrayView2<F>,
    b: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert!(
        b.nrows() == k && out.dim() == (m, n),
        "matmul: {m}x{k} · {}x{n} into {:?}",
        b.nrows(),
        out.dim()
    );
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        out.fill(F::ZERO);
        return;
    }
    match threads.for_part(m * n * k, PARALLEL_FROM) {
        Threads::ONE => product(a, b, out),
        threads if terms::pays::<F>(threads, (m, k, n)) => {
            terms::product_of_blocks(threads, a, b, out);
        }
        threads => {
            let mut pieces = Vec::new();
            cut(PIECES * threads.get(), a, b, out, &mut pieces);
            parallel::for_each(threads, pieces, |(a, b, out)| product(a, b, out));
        }
    }
}

/// Multiply-adds that take about a tenth of a second.
const QUICK: usize = 1 << 32;

/// Rows that a piece of a product that takes longer has at least: the right matrix is packed anew for each piece, which for a
/// transposed one takes as long as some hundred rows.
const ROWS_OF_PIECE: usize = 2048;

/// Pieces of rows that a product is done in, so that others can look at signals in between.
pub(crate) fn pieces((m, k, n): Sizes) -> usize {
    let multiply_adds = m.saturating_mul(k).saturating_mul(n);
    multiply_adds.div_ceil(QUICK).max(1)
}

/// The rows of a product of `m` rows that are piece number `piece` of so many. Pieces are not small, so that each element
/// has the bits that it has in the whole product; where there are too few rows for all pieces, the last ones are empty.
pub(crate) fn rows_of_piece(m: usize, piece: usize, pieces: usize) -> Range<usize> {
    if pieces == 1 {
        return 0..m;
    }
    let count = pieces.min(m / ROWS_OF_PIECE).max(1);
    let start = |piece: usize| {
        if piece >= count {
            m
        } else {
            (m as u128 * piece as u128 / count as u128) as usize / ROWS_OF_PIECE * ROWS_OF_PIECE
        }
    };
    start(piece)..start(piece + 1)
}

/// out = A·Aᵀ on and above the diagonal, for as few multiply-adds; what is below it says nothing.
pub(crate) fn inner_products<F: Float>(
    threads: Threads,
    a: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
) {
    let size = a.nrows();
    for start in (0..size).step_by(SQUARE) {
        let end = size.min(start + SQUARE);
        let (rows, columns) = (a.slice(s![start..end, ..]), a.slice(s![start.., ..]));
        let out = out.slice_mut(s![start..end, start..]);
        matmul(threads, rows, columns.reversed_axes(), out);
    }
}

/// Rows of [`inner_products`] that are computed together.
const SQUARE: usize = 64;

/// Pieces that a product is cut into for each thread: what one thread is late with, another can take.
const PIECES: usize = 2;

/// Multiply-adds of the smallest product that is cut.
const CUT_FROM: usize = 1 << 22;

/// Rows or columns that are not cut: each piece copies what it needs of the other matrix.
const SMALL: usize = 64;

/// A product of two matrices and where it goes.
type Piece<'a, F> = (ArrayView2<'a, F>, ArrayView2<'a, F>, ArrayViewMut2<'a, F>);

/// Cut out = a · b into about so many products for threads to share.
fn cut<'a, F: Float>(
    count: usize,
    a: ArrayView2<'a, F>,
    b: ArrayView2<'a, F>,
    out: ArrayViewMut2<'a, F>,
    pieces: &mut Vec<Piece<'a, F>>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let (half_m, half_n) = (half(m), half(n));
    if count > 1 && m * n * k >= CUT_FROM {
        if half_m.max(n) > SMALL && (m >= n || half_n.max(m) <= SMALL) {
            let (top, bottom) = a.split_at(Axis(0), half_m);
            let (out_top, out_bottom) = out.split_at(Axis(0), half_m);
            cut(count / 2, top, b, out_top, pieces);
            return cut(count / 2, bottom, b, out_bottom, pieces);
        }
        if half_n.max(m) > SMALL {
            let (left, right) = b.split_at(Axis(1), half_n);
            let (out_left, out_right) = out.split_at(Axis(1), half_n);
            cut(count / 2, a, left, out_left, pieces);
            return cut(count / 2, a, right, out_right, pieces);
        }
    }
    pieces.push((a, b, out));
}

/// Where to cut: about in the middle, and the smaller part first so that a test of it holds for both.
fn half(len: usize) -> usize {
    const VECTORS: usize = 16;
    if len < 4 * VECTORS {
        len / 2
    } else {
        len / 2 / VECTORS * VECTORS
    }
}
