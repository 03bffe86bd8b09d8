//! Panels: columns of a matrix, copied so that the numbers of a row lie side by side and the rows follow each other.

use std::ptr;

use super::tile::Strided;
use crate::float::Float;

/// Columns that are turned together, in two rounds that interleave [`FOUR`] rows each.
const GROUP: usize = FOUR * FOUR;
const FOUR: usize = 4;

/// Rows that are turned together: both rounds stay in the nearest cache.
const ROWS: usize = 32;

/// The same, of what is left.
const FEW_ROWS: usize = 8;

/// What begins where a line of the cache does: no vector of it lies on two.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Aligned<T>(pub(super) T);

/// Copy `rows` rows and `count` columns of `b` to `panel`, whose rows are W long, with zeros behind them.
///
/// # Safety
///
/// `b` has so many rows and columns. `panel` has so many rows, which may be uninitialized, and nobody else looks at it.
#[inline(always)]
pub(super) unsafe fn copy<F: Float, const W: usize>(
    b: Strided<*const F>,
    rows: usize,
    count: usize,
    panel: *mut [F; W],
) {
    debug_assert!(count <= W);
    if b.column == 1 && count == W {
        for p in 0..rows {
            // SAFETY: row p has W numbers side by side.
            unsafe { *panel.add(p) = *b.from(p, 0).at.cast::<[F; W]>() };
        }
        return;
    }
    // What fills no block goes number by number.
    let (whole_rows, whole_columns) = if b.row == 1 {
        (rows / FEW_ROWS * FEW_ROWS, count / GROUP * GROUP)
    } else {
        (0, 0)
    };
    for j in (0..whole_columns).step_by(GROUP) {
        let mut p = 0;
        // SAFETY: so many rows and columns are left here and there.
        unsafe {
            while p + ROWS <= whole_rows {
                turn::<F, ROWS>(b.from(p, j), panel.add(p).cast::<F>().add(j), W);
                p += ROWS;
            }
            while p < whole_rows {
                turn::<F, FEW_ROWS>(b.from(p, j), panel.add(p).cast::<F>().add(j), W);
                p += FEW_ROWS;
            }
        }
    }
    for p in 0..rows {
        let first = if p < whole_rows { whole_columns } else { 0 };
        for j in first..W {
            // SAFETY: row p has `count` columns here, and W there.
            unsafe {
                let to = panel.add(p).cast::<F>().add(j);
                *to = if j < count { *b.from(p, j).at } else { F::ZERO };
            }
        }
    }
}

/// Copy `height` rows of `a` and `terms` columns to `to`, K·T numbers for each T rows: these lie side by side as they do in `a`,
/// all rows of a column or all columns of a row. Returns the first T rows; others are K numbers a row further on.
///
/// # Safety
///
/// `a` has so many rows and columns, at most K. `to` has room for K numbers a row, in whole T of them, and nobody else looks at it.
#[inline(always)]
pub(super) unsafe fn copy_rows<F: Float, const T: usize, const K: usize>(
    a: Strided<*const F>,
    height: usize,
    terms: usize,
    to: *mut F,
) -> Strided<*const F> {
    let (row, column) = if a.row == 1 { (1, T) } else { (K, 1) };
    let whole = if a.row == 1 { height / T * T } else { 0 };
    for p in 0..terms {
        for i in (0..whole).step_by(T) {
            // SAFETY: column p has T numbers side by side here, and there.
            unsafe { *to.add(i * K + p * T).cast::<[F; T]>() = *a.from(i, p).at.cast::<[F; T]>() };
        }
    }
    for i in whole..height {
        if (a.column, column) == (1, 1) {
            // SAFETY: a row's numbers lie side by side here, and there, which is somewhere else.
            unsafe { ptr::copy_nonoverlapping(a.from(i, 0).at, to.add(i * K), terms) };
            continue;
        }
        let first = i / T * T;
        for p in 0..terms {
            // SAFETY: row and column of both.
            unsafe { *to.add(first * K + (i - first) * row + p * column) = *a.from(i, p).at };
        }
    }
    Strided {
        at: to.cast_const(),
        row: row as isize,
        column: column as isize,
    }
}

/// Copy a block of a matrix, whose numbers of a column lie side by side, to rows that are `width` apart.
///
/// # Safety
///
/// `b` has R rows and [`GROUP`] columns, and so has what is at `to`.
#[inline(always)]
unsafe fn turn<F: Float, const R: usize>(b: Strided<*const F>, to: *mut F, width: usize) {
    // SAFETY: the numbers of a column lie side by side.
    let column = |j: usize| unsafe { &*b.from(0, j).at.cast::<[F; R]>() };
    let mut fours = Aligned([[[F::ZERO; FOUR]; R]; FOUR]);
    for (j, fours) in fours.0.iter_mut().enumerate() {
        let (c_0, c_1, c_2, c_3) = (column(j), column(j + 4), column(j + 8), column(j + 12));
        interleave(c_0, c_1, c_2, c_3, fours);
    }
    let [f_0, f_1, f_2, f_3] = fours.0.each_ref().map(|fours| fours.as_flattened());
    let mut turned = Aligned([[F::ZERO; GROUP]; R]);
    let (whole, _) = turned.0.as_flattened_mut().as_chunks_mut();
    interleave(f_0, f_1, f_2, f_3, whole);
    for (p, row) in turned.0.iter().enumerate() {
        // SAFETY: so many rows and columns are there.
        unsafe { *to.add(p * width).cast::<[F; GROUP]>() = *row };
    }
}

/// A number of each, in turn.
#[inline(always)]
fn interleave<F: Float>(a: &[F], b: &[F], c: &[F], d: &[F], to: &mut [[F; FOUR]]) {
    for ((((to, &a), &b), &c), &d) in to.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *to = [a, b, c, d];
    }
}
