//! One product on one thread.
//!
//! # The order
//!
//! Element (i, j) of a · b is a sum of blocks of [`BLOCK`] terms, the last one as short as it comes. The sum of a block starts
//! at +0 and takes its terms in ascending order, each by one multiply-add that is rounded once: s ← a(i, p)·b(p, j) + s. The
//! element is the first block's sum; the others are added to it in ascending order, each rounded. Without terms it is
//! +0. This is all that its bits depend on.
//!
//! With u = 2⁻²⁴ in single and 2⁻⁵³ in double precision, the error is at most (512 + ⌈k / 512⌉)·u·Σ|a(i, p)·b(p, j)|, but for terms of
//! higher order and what underflows. One chain over all of k would have k in the place of the factor.
//!
//! # The loops
//!
//! ```text
//! rows of a and out, ROWS at a time           so that a block of them stays in a cache for all columns
//!   k, a BLOCK at a time                      out gets the first block's sums, then the others are added
//!     columns of b and out, a panel at a time copied first where b does not fit a cache or its rows do not lie side by side
//!       strips of the panel                   as wide as a tile
//!         tiles of the strip, downwards       all of b's strip stays in a cache, the rows of a stream past
//!           p in the block                    in registers (`tile.rs`)
//! ```
//!
//! Nothing here knows how large a cache is: the sizes are constants that suit those of 512 KiB and more (level 2).
//! Where a panel is copied decides nothing but time, and so does the shape of tiles, which is the level's. Where columns are
//! left that fill no tile, the last one begins further left and computes some columns again; in a copied panel there are zeros.
//! A single row is too little for tiles: it goes along the rows of b as they lie ([`row`]).

use std::mem::MaybeUninit;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use super::fused::{INSTRUCTION, OF_ANY, OF_TAME, are_tame, fused, has_instruction};
use super::panel::{self, Aligned};
use super::tile::{Columns, Strided, lanes, strip, widest};
use crate::float::Float;
use crate::simd::kernel;

/// Terms that are summed by themselves.
pub(super) const BLOCK: usize = 512;

/// Rows that share what is in the caches; a multiple of each tile's.
const ROWS: usize = 252;

/// Rows that share a copied panel: copying takes as long as some tens of rows.
const ROWS_OF_PANEL: usize = 2 * ROWS;

/// Bytes of the largest `b` that is used where it lies.
const IN_PLACE: usize = 1 << 20;

/// Rows below which a `b` of any size is: copying it would be most of the work.
const FEW: usize = 24;

/// Bytes of a row of `b` that no level's vectors are longer than.
const NARROW: usize = 64;

/// Columns that [`row`] sums together: the sums stay in the nearest cache.
const SUMS: usize = 1024;

/// out = a · b; none of them is empty.
pub(super) fn product<F: Float>(a: ArrayView2<F>, b: ArrayView2<F>, out: ArrayViewMut2<F>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let bytes = |numbers: usize| numbers.saturating_mul(size_of::<F>());
    if b.strides()[1] == 1 && bytes(n) >= NARROW {
        if m == 1 && out.strides()[1] == 1 {
            return row(a, b, out);
        }
        if m < FEW || bytes(k.saturating_mul(n)) <= IN_PLACE {
            return in_place(a, b, out);
        }
    }
    copied(a, b, out);
}

/// Where the elements of a matrix are.
fn source<F>(view: &ArrayView2<F>) -> Strided<*const F> {
    Strided {
        at: view.as_ptr(),
        row: view.strides()[0],
        column: view.strides()[1],
    }
}

/// As [`source`], for writing.
fn target<F>(view: &mut ArrayViewMut2<F>) -> Strided<*mut F> {
    Strided {
        row: view.strides()[0],
        column: view.strides()[1],
        at: view.as_mut_ptr(),
    }
}

/// Call a function of `<F, L, HOW, LEVEL>` with as many lanes as this level has, and as it multiplies and adds these numbers.
macro_rules! at_level {
    ($float:ident, $level:ident, $a:ident, $b:ident, $function:ident($($argument:expr),*)) => {
        if const { has_instruction($level) && lanes::<$float>($level) == 16 } {
            $function::<$float, 16, INSTRUCTION, $level>($($argument),*)
        } else if const { has_instruction($level) && lanes::<$float>($level) == 8 } {
            $function::<$float, 8, INSTRUCTION, $level>($($argument),*)
        } else if const { has_instruction($level) && lanes::<$float>($level) == 4 } {
            $function::<$float, 4, INSTRUCTION, $level>($($argument),*)
        } else if const { has_instruction($level) } {
            $function::<$float, 2, INSTRUCTION, $level>($($argument),*)
        } else if are_tame(&$a) && are_tame(&$b) {
            $function::<$float, 4, OF_TAME, $level>($($argument),*)
        } else {
            $function::<$float, 4, OF_ANY, $level>($($argument),*)
        }
    };
}

kernel! {
    /// [`product`] with the rows of `b` where they lie: they are at least as long as a vector.
    fn in_place<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let mut out = out;
        let sizes = sizes(&a, &b, &out);
        assert!(b.strides()[1] == 1 && size_of::<F>() * sizes.2 >= NARROW, "rows of vectors");
        let (from_a, from_b, to) = (source(&a), source(&b), target(&mut out));
        // SAFETY: the views are of these sizes, and `out` is nobody else's; as asserted.
        unsafe { at_level!(F, LEVEL, a, b, blocks_in_place(sizes, from_a, from_b, to)) }
    }

    /// [`product`] with panels of `b` that are copied.
    fn copied<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let mut out = out;
        let sizes = sizes(&a, &b, &out);
        let (from_a, from_b, to) = (source(&a), source(&b), target(&mut out));
        // SAFETY: the views are of these sizes, and `out` is nobody else's.
        unsafe { at_level!(F, LEVEL, a, b, blocks_copied(sizes, from_a, from_b, to)) }
    }

    /// [`product`] of one row, along the rows of `b` as they lie, each of which is read once. Four go at a time, so that sums are
    /// fetched and put back a fourth as often; they are added in the same order.
    fn row<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let mut out = out;
        let (_, k, n) = sizes(&a, &b, &out);
        let a = a.row(0);
        for j in (0..n).step_by(SUMS) {
            let columns = j..n.min(j + SUMS);
            let b = b.slice(s![.., columns.clone()]);
            let mut out = out.slice_mut(s![0, columns]);
            let out = out.as_slice_mut().expect("columns side by side");
            for p in (0..k).step_by(BLOCK) {
                let terms = p..k.min(p + BLOCK);
                let (a, b) = (a.slice(s![terms.clone()]), b.slice(s![terms, ..]));
                let mut sums = [F::ZERO; SUMS];
                let sums = &mut sums[..out.len()];
                if const { has_instruction(LEVEL) } {
                    add_rows::<F, INSTRUCTION>(a, b, sums);
                } else if a.iter().all(|a| a.is_tame()) && are_tame(&b) {
                    add_rows::<F, OF_TAME>(a, b, sums);
                } else {
                    add_rows::<F, OF_ANY>(a, b, sums);
                }
                for (out, &sum) in out.iter_mut().zip(&*sums) {
                    *out = if p == 0 { sum } else { *out + sum };
                }
            }
        }
    }
}

/// Rows, terms and columns.
#[inline(always)]
fn sizes<F>(a: &ArrayView2<F>, b: &ArrayView2<F>, out: &ArrayViewMut2<F>) -> (usize, usize, usize) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert!(b.nrows() == k && out.dim() == (m, n), "matrices that fit");
    (m, k, n)
}

/// sums ← sums + a · b, term by term.
#[inline(always)]
fn add_rows<F: Float, const HOW: u8>(a: ArrayView1<F>, b: ArrayView2<F>, sums: &mut [F]) {
    let n = sums.len();
    let row = |p: usize| &b.row(p).to_slice().expect("columns side by side")[..n];
    let whole = a.len() / 4 * 4;
    for p in (0..whole).step_by(4) {
        let (a_0, a_1, a_2, a_3) = (a[p], a[p + 1], a[p + 2], a[p + 3]);
        let (b_0, b_1, b_2, b_3) = (row(p), row(p + 1), row(p + 2), row(p + 3));
        for (j, sum) in sums.iter_mut().enumerate() {
            let two = fused::<F, HOW>(a_1, b_1[j], fused::<F, HOW>(a_0, b_0[j], *sum));
            *sum = fused::<F, HOW>(a_3, b_3[j], fused::<F, HOW>(a_2, b_2[j], two));
        }
    }
    for p in whole..a.len() {
        let (a, b) = (a[p], row(p));
        for (sum, &b) in sums.iter_mut().zip(b) {
            *sum = fused::<F, HOW>(a, b, *sum);
        }
    }
}

/// # Safety
///
/// The matrices are m × k, k × n and m × n. The rows of `b` lie side by side and are no shorter than L.
#[inline(always)]
unsafe fn blocks_in_place<F: Float, const L: usize, const HOW: u8, const LEVEL: u8>(
    (m, k, n): (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
) {
    for i in (0..m).step_by(ROWS) {
        for p in (0..k).step_by(BLOCK) {
            let (rows, terms) = (ROWS.min(m - i), BLOCK.min(k - p));
            let mut j = 0;
            while j < n {
                let mut width = width_for(n - j, L, LEVEL);
                while width > n {
                    width /= 2;
                }
                // What is left over may be less than a vector: its columns are then the last of one.
                let start = j.min(n - width);
                let columns = Columns {
                    wanted: j - start..width,
                    adds: p > 0,
                };
                // SAFETY: these rows, terms and columns are in the matrices.
                unsafe {
                    let (a, b, out) = (a.from(i, p), b.from(p, start), out.from(i, start));
                    strip::<F, L, HOW, LEVEL>((rows, terms, width), a, b, out, &columns);
                }
                j = start + width;
            }
        }
    }
}

/// # Safety
///
/// The matrices are m × k, k × n and m × n.
#[inline(always)]
unsafe fn blocks_copied<F: Float, const L: usize, const HOW: u8, const LEVEL: u8>(
    sizes: (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
) {
    // SAFETY: the caller's promises.
    unsafe {
        match widest(LEVEL, L) {
            64 => blocks_in_panels::<F, 64, L, HOW, LEVEL>(sizes, a, b, out),
            32 => blocks_in_panels::<F, 32, L, HOW, LEVEL>(sizes, a, b, out),
            _ => blocks_in_panels::<F, 16, L, HOW, LEVEL>(sizes, a, b, out),
        }
    }
}

/// # Safety
///
/// As [`blocks_copied`].
#[inline(always)]
unsafe fn blocks_in_panels<
    F: Float,
    const W: usize,
    const L: usize,
    const HOW: u8,
    const LEVEL: u8,
>(
    (m, k, n): (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
) {
    let mut panel = Aligned(MaybeUninit::<[[F; W]; BLOCK]>::uninit());
    let panel: *mut [F; W] = panel.0.as_mut_ptr().cast();
    let strips = Strided {
        at: panel.cast::<F>().cast_const(),
        row: W as isize,
        column: 1,
    };
    for i in (0..m).step_by(ROWS_OF_PANEL) {
        for p in (0..k).step_by(BLOCK) {
            let (rows, terms) = (ROWS_OF_PANEL.min(m - i), BLOCK.min(k - p));
            for j in (0..n).step_by(W) {
                let count = W.min(n - j);
                // SAFETY: these terms and columns are in the matrix, and the panel has room for them.
                unsafe { panel::copy(b.from(p, j), terms, count, panel) };
                let mut first = 0;
                while first < count {
                    let width = width_for(count - first, L, LEVEL);
                    let columns = Columns {
                        wanted: 0..width.min(count - first),
                        adds: p > 0,
                    };
                    // SAFETY: these rows, terms and columns are in the matrices, or zeros in the panel.
                    unsafe {
                        let (a, b) = (a.from(i, p), strips.from(0, first));
                        let out = out.from(i, j + first);
                        strip::<F, L, HOW, LEVEL>((rows, terms, width), a, b, out, &columns);
                    }
                    first += width;
                }
            }
        }
    }
}

/// Columns of a strip where so many are left: the fewest vectors, a power of two, that hold them, if a tile is so wide.
#[inline(always)]
fn width_for(left: usize, lanes: usize, level: u8) -> usize {
    let vectors = left.div_ceil(lanes).next_power_of_two();
    (vectors * lanes).min(widest(level, lanes))
}
