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
//! columns of b and out, some hundred at a time     so that what is copied of b stays in a cache (`room.rs`)
//!   k, a BLOCK at a time                           out gets the first block's sums, then the others are added
//!     copy the columns' panels                     rows of a panel are as wide as a tile and follow each other
//!     rows of a and out, a tile's at a time        or ROWS of them, which are copied where that pays
//!       panels                                     each comes from a cache once for all these rows
//!         tiles                                    in registers, p by p (`tile.rs`)
//! ```
//!
//! A `b` that is small, or meets few rows, is used where it lies, and so are the rows of `a` then. Rows of `b` that are shorter than a
//! vector are copied to vectors ([`blocks_narrow`]); where `a` is transposed, the transposed product is computed instead, which has
//! full vectors. A single row goes along the rows of a large `b` ([`row`]). Threads share rows or columns of `out` (`linalg.rs`), or terms (`terms.rs`).
//!
//! Nothing here knows how large a cache is: the sizes are constants that suit those of 32 KiB and more, and of 1 MiB and more.
//! What is copied decides nothing but time, and so does the shape of tiles, which is the level's. Where columns are left that
//! fill no tile, the last one begins further left and computes some again; in a panel there are zeros behind them.

use std::mem::MaybeUninit;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use super::fused::{INSTRUCTION, OF_ANY, OF_TAME, add_multiple, are_tame, has_instruction};
use super::panel::{self, Aligned};
use super::room::Room;
use super::tile::{Columns, Strided, lanes, strip, unrolled, widest};
use crate::float::Float;
use crate::simd::kernel;

/// Terms that are summed by themselves.
pub(super) const BLOCK: usize = 512;

/// Rows that go past a strip of columns before its next one; a whole number of any level's tiles.
const ROWS_OF_TILE: usize = 12;

/// Rows of `a` that are copied together: of transposed ones, lines of the cache as a whole.
const ROWS: usize = 4 * ROWS_OF_TILE;

/// Bytes of a `b` that is used where it lies whatever it meets: the nearest cache has room for it.
const NEAREST: usize = 1 << 15;

/// Bytes of a `b` that is used where it lies if it meets fewer rows than [`MANY`], and of one that is for less than [`FEW`]: copying
/// it would be a good part of the work.
const IN_PLACE: usize = 1 << 20;
const MANY: usize = 128;
const FEW: usize = 24;

/// Rows that are copied to all panels before the next ones.
const ROWS_OF_COPY: usize = 16;

/// Columns from which on it pays to copy the rows of `a`.
const WIDE: usize = 96;

/// Bytes of the longest vector of any level; rows of `b` that are shorter are narrow.
const NARROW: usize = 64;

/// Columns that [`row`] sums together: the sums stay in the nearest cache.
const SUMS: usize = 1024;

/// out = a · b; none of them is empty.
pub(super) fn product<F: Float>(a: ArrayView2<F>, b: ArrayView2<F>, out: ArrayViewMut2<F>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let bytes = |columns: usize| columns.saturating_mul(size_of::<F>());
    let is_narrow = bytes(n) < NARROW;
    if a.strides()[0] == 1 && m > 1 && (n == 1 || is_narrow && bytes(m) >= NARROW) {
        // A few columns are rows of the transposed product, where vectors are full.
        return product(b.reversed_axes(), a.reversed_axes(), out.reversed_axes());
    }
    let size = bytes(k.saturating_mul(n));
    if is_narrow && b.strides() == [n as isize, 1] {
        return narrow(a, b, out);
    }
    if b.strides()[1] == 1 && !is_narrow {
        if m == 1 && size > IN_PLACE && out.strides()[1] == 1 {
            return row(a, b, out);
        }
        if m < FEW || size <= NEAREST || m < MANY && size <= IN_PLACE {
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
    /// [`product`] with the rows of `b` where they lie, one behind the other.
    fn in_place<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let mut out = out;
        let sizes = sizes(&a, &b, &out);
        assert!(b.strides()[1] == 1 && size_of::<F>() * sizes.2 >= NARROW, "rows of vectors");
        let (from_a, from_b, to) = (source(&a), source(&b), target(&mut out));
        // SAFETY: the views are of these sizes, and `out` is nobody else's; as asserted.
        unsafe { at_level!(F, LEVEL, a, b, blocks_in_place(sizes, from_a, from_b, to)) }
    }

    /// [`product`] where the rows of `b` are short and follow each other.
    fn narrow<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let mut out = out;
        let sizes = sizes(&a, &b, &out);
        assert!(b.strides() == [sizes.2 as isize, 1] && size_of::<F>() * sizes.2 < NARROW, "short rows");
        let (from_a, from_b, to) = (source(&a), source(&b), target(&mut out));
        // SAFETY: the views are of these sizes, and `out` is nobody else's; as asserted.
        unsafe { at_level!(F, LEVEL, a, b, blocks_narrow(sizes, from_a, from_b, to)) }
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
    const TOGETHER: usize = 8;
    let (k, n) = b.dim();
    assert!(a.len() == k && sums.len() == n, "vectors that fit");
    let (stride_a, stride_b, a, b) = (a.strides()[0], b.strides()[0], a.as_ptr(), b.as_ptr());
    // SAFETY: p is below k, and n columns lie side by side.
    let term = |p: usize| unsafe { *a.offset(p as isize * stride_a) };
    // SAFETY: as above.
    let row = |p: usize| unsafe { std::slice::from_raw_parts(b.offset(p as isize * stride_b), n) };
    // Without the instruction it is what is computed that takes the time.
    let whole = if HOW == INSTRUCTION {
        k / TOGETHER * TOGETHER
    } else {
        0
    };
    for p in (0..whole).step_by(TOGETHER) {
        let a: [F; TOGETHER] = std::array::from_fn(|i| term(p + i));
        let b: [&[F]; TOGETHER] = std::array::from_fn(|i| row(p + i));
        for (j, sum) in sums.iter_mut().enumerate() {
            unrolled!(I < TOGETHER, *sum = a[I].mul_add(b[I][j], *sum), 0 1 2 3 4 5 6 7);
        }
    }
    for p in whole..k {
        let (a, (sums, rest), (b, b_rest)) =
            (term(p), sums.as_chunks_mut::<4>(), row(p).as_chunks());
        for (sums, b) in sums.iter_mut().zip(b) {
            add_multiple::<F, 4, HOW>(sums, a, b);
        }
        for (sum, b) in rest
            .as_chunks_mut::<1>()
            .0
            .iter_mut()
            .zip(b_rest.as_chunks().0)
        {
            add_multiple::<F, 1, HOW>(sum, a, b);
        }
    }
}

/// # Safety
///
/// The matrices are m × k, k × n and m × n. The numbers of a row of `b` lie side by side, at least L.
#[inline(always)]
unsafe fn blocks_in_place<F: Float, const L: usize, const HOW: u8, const LEVEL: u8>(
    (m, k, n): (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
) {
    let most = widest(LEVEL, L, m);
    for p in (0..k).step_by(BLOCK) {
        let terms = BLOCK.min(k - p);
        for i in (0..m).step_by(ROWS_OF_TILE) {
            let height = ROWS_OF_TILE.min(m - i);
            let mut j = 0;
            while j < n {
                let mut width = width_for(n - j, L, most);
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
                    strip::<F, L, HOW, LEVEL>((height, terms, width), a, b, out, &columns);
                }
                j = start + width;
            }
        }
    }
}

/// # Safety
///
/// The matrices are m × k, k × n and m × n. The numbers of a row of `b` lie side by side, less than [`NARROW`] bytes, and the rows
/// follow each other.
#[inline(always)]
unsafe fn blocks_narrow<F: Float, const L: usize, const HOW: u8, const LEVEL: u8>(
    sizes: (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
) {
    // SAFETY: the caller's promises.
    unsafe {
        if const { size_of::<F>() * 16 == NARROW } {
            in_narrow_panels::<F, 16, L, HOW, LEVEL>(sizes, a, b, out);
        } else {
            in_narrow_panels::<F, 8, L, HOW, LEVEL>(sizes, a, b, out);
        }
    }
}

/// [`blocks_narrow`], where W numbers are [`NARROW`] bytes. Each row is copied with what it has of the next ones, whose sums nobody wants: whole
/// vectors, which lie on one line of the cache each.
///
/// # Safety
///
/// As [`blocks_narrow`].
#[inline(always)]
unsafe fn in_narrow_panels<
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
    let panel = panel.0.as_mut_ptr().cast::<[F; W]>();
    // Rows that have W numbers behind their beginning.
    let whole = k.saturating_sub((W - n).div_ceil(n));
    for p in (0..k).step_by(BLOCK) {
        let terms = BLOCK.min(k - p);
        let here = whole.clamp(p, p + terms) - p;
        // SAFETY: these rows and columns are in the matrix, and a panel has room for them.
        unsafe {
            panel::copy(b.from(p, 0), here, W, panel);
            panel::copy(b.from(p + here, 0), terms - here, n, panel.add(here));
        }
        for i in (0..m).step_by(ROWS_OF_TILE) {
            let sizes = (ROWS_OF_TILE.min(m - i), terms, n);
            // SAFETY: these rows, terms and columns are in the matrices.
            unsafe {
                let (a, out) = (a.from(i, p), out.from(i, 0));
                strips::<F, W, L, HOW, LEVEL>(sizes, a, panel.cast(), out, p > 0);
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
        match widest(LEVEL, L, usize::MAX) {
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
    let mut one = Aligned(MaybeUninit::<[[F; W]; BLOCK]>::uninit());
    // A closure that something else calls would be compiled for another level, hence the room comes here.
    let (count, of_rows) = (n.div_ceil(W), (ROWS * BLOCK).div_ceil(W * BLOCK));
    let mut kept = if count > 1 {
        Room::take::<[[F; W]; BLOCK]>(count + of_rows)
    } else {
        None
    };
    let (rows, panels) = match &mut kept {
        Some(kept) => kept.values().split_at_mut(of_rows),
        None => (&mut [][..], std::slice::from_mut(&mut one.0)),
    };
    // SAFETY: the caller's promises.
    unsafe { in_panels::<F, W, L, HOW, LEVEL>((m, k, n), a, b, out, panels, rows) };
}

/// [`blocks_in_panels`], with room for panels, and for ROWS times BLOCK numbers unless there is none.
///
/// # Safety
///
/// As [`blocks_copied`].
#[inline(always)]
unsafe fn in_panels<F: Float, const W: usize, const L: usize, const HOW: u8, const LEVEL: u8>(
    (m, k, n): (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
    panels: &mut [MaybeUninit<[[F; W]; BLOCK]>],
    rows: &mut [MaybeUninit<[[F; W]; BLOCK]>],
) {
    let together = panels.len() * W;
    for j in (0..n).step_by(together) {
        let count = together.min(n - j);
        for p in (0..k).step_by(BLOCK) {
            let terms = BLOCK.min(k - p);
            // A few rows of all panels, so that these rows are read as they lie; columns that lie side by side, panel by panel.
            let together = if b.column == 1 { ROWS_OF_COPY } else { BLOCK };
            for q in (0..terms).step_by(together) {
                for (panel, first) in panels.iter_mut().zip((0..count).step_by(W)) {
                    let (height, here) = (together.min(terms - q), W.min(count - first));
                    // SAFETY: these terms and columns are in the matrix, and a panel has room for them.
                    unsafe {
                        let to = panel.as_mut_ptr().cast::<[F; W]>().add(q);
                        panel::copy(b.from(p + q, j + first), height, here, to);
                    }
                }
            }
            let copies_rows = count >= WIDE && !rows.is_empty() && (a.row == 1 || collide(&a));
            // What is read where it lies stays in the nearest cache, and `out` is written along its rows: 2 % of
            // 512x2048 · 2048x2048.
            let rows_together = if copies_rows { ROWS } else { ROWS_OF_TILE };
            for i in (0..m).step_by(rows_together) {
                let height = rows_together.min(m - i);
                // SAFETY: these rows and terms are in the matrix.
                let (mut a, mut next) = (unsafe { a.from(i, p) }, a.row);
                if copies_rows {
                    let rows = rows.as_mut_ptr().cast();
                    // SAFETY: there is room for them.
                    a = unsafe {
                        panel::copy_rows::<F, ROWS_OF_TILE, BLOCK>(a, height, terms, rows)
                    };
                    next = BLOCK as isize;
                }
                for (panel, first) in panels.iter().zip((0..count).step_by(W)) {
                    let here = W.min(count - first);
                    let panel = panel.as_ptr().cast();
                    for t in (0..height).step_by(ROWS_OF_TILE) {
                        // SAFETY: these rows, terms and columns are in the matrices, or zeros in the panel.
                        unsafe {
                            let at = a.at.offset(t as isize * next);
                            let out = out.from(i + t, j + first);
                            let sizes = (ROWS_OF_TILE.min(height - t), terms, here);
                            strips::<F, W, L, HOW, LEVEL>(
                                sizes,
                                Strided { at, ..a },
                                panel,
                                out,
                                p > 0,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Whether the rows of a matrix are so far apart that their beginnings meet in the same few lines of a cache.
#[inline(always)]
const fn collide<F>(a: &Strided<*const F>) -> bool {
    a.row * size_of::<F>() as isize % 1024 == 0
}

/// Some rows times a panel.
///
/// # Safety
///
/// As [`strip`] for all strips of the panel.
#[inline(always)]
unsafe fn strips<F: Float, const W: usize, const L: usize, const HOW: u8, const LEVEL: u8>(
    (height, terms, count): (usize, usize, usize),
    a: Strided<*const F>,
    panel: *const F,
    out: Strided<*mut F>,
    adds: bool,
) {
    let panel = Strided {
        at: panel,
        row: W as isize,
        column: 1,
    };
    let mut done = 0;
    while done < count {
        let width = width_for(count - done, L, widest(LEVEL, L, usize::MAX));
        let wanted = 0..width.min(count - done);
        // SAFETY: the caller's promises.
        unsafe {
            let (b, out, columns) = (
                panel.from(0, done),
                out.from(0, done),
                Columns { wanted, adds },
            );
            strip::<F, L, HOW, LEVEL>((height, terms, width), a, b, out, &columns);
        }
        done += width;
    }
}

/// Columns of a strip where so many are left: the fewest vectors, a power of two, that hold them, but `most` at most.
#[inline(always)]
fn width_for(left: usize, lanes: usize, most: usize) -> usize {
    let vectors = left.div_ceil(lanes).next_power_of_two();
    (vectors * lanes).min(most)
}
