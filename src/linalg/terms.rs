//! Products whose terms threads share, block by block, where they could share rows.
//!
//! Of a layer's weights each thread moves some rows after a batch, and has them in its cache. In the next batch the rows that
//! another core has written take longer to come than to be multiplied, if they meet few samples. So each thread takes rows of
//! its own: blocks of terms. It sums each block by itself, and then the sums are added in the order of the blocks. These are
//! the additions that one thread makes, so the bits are the same.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::product::{BLOCK, product};
use super::{Piece, Sizes};
use crate::float::Float;
use crate::parallel::{self, Threads};

/// Rows of `a` up to which this pays, even if one thread has a third more to do than on average.
const FEW_ROWS: usize = 96;

/// Bytes of sums that are added afterwards; they come from a cache again.
const MOST: usize = 1 << 20;

/// The blocks of a part; no part has more than the first one.
fn blocks_of(part: usize, parts: usize, blocks: usize) -> Range<usize> {
    let start = |part: usize| (blocks * part).div_ceil(parts);
    start(part)..start(part + 1)
}

/// Whether threads had better share the terms of a product.
pub(super) fn pays<F>(threads: Threads, (m, k, n): Sizes) -> bool {
    let (parts, blocks) = (threads.get(), k.div_ceil(BLOCK));
    if m > FEW_ROWS || blocks < parts {
        return false;
    }
    let most = blocks_of(0, parts, blocks).len();
    let sums = (blocks - most) * m * n * size_of::<F>();
    3 * most * BLOCK * parts <= 4 * k && sums <= MOST
}

/// out = a · b.
pub(super) fn product_of_blocks<F: Float>(
    threads: Threads,
    a: ArrayView2<F>,
    b: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let (parts, blocks) = (threads.get(), k.div_ceil(BLOCK));
    let first = blocks_of(0, parts, blocks);
    let mut others = vec![F::ZERO; (blocks - first.len()) * m * n];
    let mut sums = others.chunks_exact_mut(m * n);

    let piece = |blocks: Range<usize>, out| -> Piece<F> {
        let terms = blocks.start * BLOCK..k.min(blocks.end * BLOCK);
        (
            a.slice_move(s![.., terms.clone()]),
            b.slice_move(s![terms, ..]),
            out,
        )
    };
    let mut of_parts = vec![vec![piece(first, out.view_mut())]];
    for part in 1..parts {
        let each = blocks_of(part, parts, blocks).map(|block| {
            let sums = sums.next().expect("sums of each block");
            let sums = ArrayViewMut2::from_shape((m, n), sums).expect("m × n numbers");
            piece(block..block + 1, sums)
        });
        of_parts.push(each.collect());
    }
    parallel::for_each(threads, of_parts, |pieces| {
        for (a, b, out) in pieces {
            product(a, b, out);
        }
    });
    for sums in others.chunks_exact(m * n) {
        out += &ArrayView2::from_shape((m, n), sums).expect("m × n numbers");
    }
}
