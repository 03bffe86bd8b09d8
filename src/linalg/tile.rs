//! Tiles: small products whose sums stay in registers.
//!
//! A tile is R rows by V vectors of L columns. Every step along k loads V vectors of b, and for each row one number of a, which
//! multiplies them all. The shapes are those that fill the registers of a level and leave room for the vectors of b; V is
//! a power of two, since the compiler makes vectors of nothing else. What remains below R rows goes in tiles of fewer,
//! what remains below V vectors in tiles of fewer vectors and more rows.

use std::hint::black_box;
use std::ops::Range;

use super::fused::{add_multiple, has_instruction};
use crate::float::Float;
use crate::simd::Level;

/// Where the element (0, 0) of a matrix is, and how far it is to the next row and the next column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strided<P> {
    pub(super) at: P,
    pub(super) row: isize,
    pub(super) column: isize,
}

impl<F> Strided<*const F> {
    /// The matrix that begins at element (i, j).
    ///
    /// # Safety
    ///
    /// The element lies in the matrix, or in the same allocation.
    #[inline(always)]
    pub(super) unsafe fn from(self, i: usize, j: usize) -> Self {
        // SAFETY: the caller's promise.
        let at = unsafe {
            self.at
                .offset(i as isize * self.row + j as isize * self.column)
        };
        Self { at, ..self }
    }
}

impl<F> Strided<*mut F> {
    /// As above.
    ///
    /// # Safety
    ///
    /// As above.
    #[inline(always)]
    pub(super) unsafe fn from(self, i: usize, j: usize) -> Self {
        // SAFETY: the caller's promise.
        let at = unsafe {
            self.at
                .offset(i as isize * self.row + j as isize * self.column)
        };
        Self { at, ..self }
    }
}

/// What a strip of tiles does with its sums.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// Columns of the strip whose sums are wanted; the others are computed and left.
    pub(super) wanted: Range<usize>,
    /// Whether sums are added to those of the blocks of k before.
    pub(super) adds: bool,
}

/// Do something with I = 0, 1, … below a constant of at most 12.
///
/// As constants: sums whose indices the compiler knows stay in registers.
macro_rules! unrolled {
    ($i:ident < $count:ident, $work:expr) => {
        unrolled!($i < $count, $work, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    ($i:ident < $count:ident, $work:expr, $($value:literal)+) => {$(
        if $value < $count {
            const $i: usize = $value;
            $work;
        }
    )+};
}
pub(super) use unrolled;

/// Numbers in a vector of a level.
#[inline(always)]
pub(super) const fn lanes<F>(level: u8) -> usize {
    let bytes = if level == Level::Avx512 as u8 {
        64
    } else if level == Level::Avx2 as u8 {
        32
    } else {
        16
    };
    bytes / size_of::<F>()
}

/// Columns of the widest tile for so many rows, in vectors of so many numbers. Tiles of many rows fetch less of b for the same
/// work; few rows need many vectors, since each sum waits for its own last step.
#[inline(always)]
pub(super) const fn widest(level: u8, lanes: usize, rows: usize) -> usize {
    if rows == 1 && has_instruction(level) {
        8 * lanes
    } else if has_many_registers(level) && rows <= 6 {
        4 * lanes
    } else if has_many_registers(level) || level == Level::Avx2 as u8 {
        2 * lanes
    } else {
        lanes
    }
}

/// Whether a level has 32 registers of vectors, not 16.
#[inline(always)]
const fn has_many_registers(level: u8) -> bool {
    cfg!(target_arch = "aarch64") || level == Level::Avx512 as u8
}

/// Rows of `a` times `width` columns of `b`, which are 1, 2, 4 or 8 vectors, over `k`; what comes out goes to `out`.
///
/// # Safety
///
/// `a` has `m` rows and `k` columns, `b` has `k` rows of `width` numbers each that lie side by side. `out` has `m` rows and all
/// wanted columns, and nobody else looks at it.
#[inline(always)]
pub(super) unsafe fn strip<F: Float, const L: usize, const HOW: u8, const LEVEL: u8>(
    (m, k, width): (usize, usize, usize),
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
    columns: &Columns,
) {
    macro_rules! tiles {
        ($vectors:literal; $first:literal $($rows:literal)*) => {{
            let mut i = 0;
            while m - i >= $first {
                // SAFETY: the caller's promises; so many rows are left.
                unsafe { tile::<F, $first, $vectors, L, HOW>(k, a.from(i, 0), b, out.from(i, 0), columns) };
                i += $first;
            }
            $(if m - i >= $rows {
                // SAFETY: as above.
                unsafe { tile::<F, $rows, $vectors, L, HOW>(k, a.from(i, 0), b, out.from(i, 0), columns) };
                i += $rows;
            })*
            debug_assert!(i == m);
        }};
    }
    // After the first shape each of the smaller ones is needed at most once.
    let vectors = width / L;
    if const { has_many_registers(LEVEL) } {
        match vectors {
            8 => tiles!(8; 1),
            4 => tiles!(4; 6 4 2 1),
            // Ten are the classes of most data sets; of 8 and 2 rows the latter would wait, each for its own last step.
            2 => tiles!(2; 12 10 8 4 2 1),
            _ => tiles!(1; 12 8 4 2 1),
        }
    } else if const { LEVEL == Level::Avx2 as u8 } {
        match vectors {
            8 => tiles!(8; 1),
            4 => tiles!(4; 1),
            2 => tiles!(2; 6 4 2 1),
            _ => tiles!(1; 8 4 2 1),
        }
    } else {
        tiles!(1; 4 2 1);
    }
}

/// One tile: R rows of `a` times V·L columns of `b`.
///
/// # Safety
///
/// As [`strip`], with R rows.
#[inline(always)]
unsafe fn tile<F: Float, const R: usize, const V: usize, const L: usize, const HOW: u8>(
    k: usize,
    a: Strided<*const F>,
    b: Strided<*const F>,
    out: Strided<*mut F>,
    columns: &Columns,
) {
    if out.column == 1 {
        // Where these sums go, while they are computed; where there is no time, those of the next tile (256x10 · 10x512 is 15 %
        // faster).
        let next = if k >= WORTH_FETCHING { 0 } else { V * L };
        unrolled!(I < R, {
            // SAFETY: `out` has R rows.
            let row = unsafe { out.from(I, 0).at };
            fetch(row.wrapping_add(next), V * L);
        });
    }
    // Of transposed matrices the numbers of a column lie side by side: one address does for all rows.
    let sums = if a.row == 1 {
        // SAFETY: the caller's promises.
        unsafe { products::<F, R, V, L, HOW>(k, a, b, |i| (i * size_of::<F>()) as isize) }
    } else {
        let multiples = Multiples::of::<R>(a.row * size_of::<F>() as isize);
        // SAFETY: as above.
        unsafe { products::<F, R, V, L, HOW>(k, a, b, |i| multiples.get(i)) }
    };
    if out.column == 1 && columns.wanted == (0..V * L) {
        unrolled!(I < R, {
            // SAFETY: row I of `out` has V·L columns side by side, which are nobody else's; arrays of numbers need no
            // more alignment than numbers do.
            let to = unsafe { &mut *out.from(I, 0).at.cast::<[[F; L]; V]>() };
            if columns.adds {
                unrolled!(J < V, add_all(&mut to[J], &sums[I][J]), 0 1 2 3 4 5 6 7);
            } else {
                *to = sums[I];
            }
        });
    } else {
        // A copy: sums that somebody looks at by their address would leave the registers in the other case, too.
        let mut copy = [[[F::ZERO; L]; V]; R];
        unrolled!(
            I < R,
            unrolled!(J < V, copy[I][J] = sums[I][J], 0 1 2 3 4 5 6 7)
        );
        // SAFETY: the caller's promises.
        unsafe {
            if out.row == 1 {
                put_turned(&copy, out, columns);
            } else {
                put_some(copy.as_flattened().as_flattened(), V * L, out, columns);
            }
        }
    }
}

/// Multiples of a distance, of which the odd ones are kept: x86 has addresses that add 1, 2, 4 or 8 times a register, so that
/// no step along k has to add from row to row. Additions would take turns with multiply-adds: with them 64x784 · 784x128 takes 5 %
/// longer.
#[derive(Debug, Clone, Copy)]
struct Multiples([isize; 6]);

impl Multiples {
    /// Those below R, at most 12.
    #[inline(always)]
    fn of<const R: usize>(distance: isize) -> Self {
        Self(std::array::from_fn(|i| {
            let odd = 2 * i + 1;
            // Where it knows that they are multiples, the compiler adds step by step.
            if odd < R {
                black_box(odd as isize * distance)
            } else {
                0
            }
        }))
    }

    #[inline(always)]
    const fn get(&self, i: usize) -> isize {
        if i == 0 {
            return 0;
        }
        let twos = i.trailing_zeros();
        self.0[(i >> twos) / 2] << twos
    }
}

/// Steps along k that take as long as a line takes from memory to the nearest cache.
const WORTH_FETCHING: usize = 64;

/// Let `count` numbers come to the nearest cache.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fetch<F>(at: *const F, count: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in (0..count * size_of::<F>()).step_by(64) {
        // SAFETY: a hint, which reads and writes nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast::<i8>().wrapping_add(line)) };
    }
}

/// Elsewhere there is no stable name for that.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn fetch<F>(_: *const F, _: usize) {}

#[inline(always)]
fn add_all<F: Float, const L: usize>(to: &mut [F; L], sums: &[F; L]) {
    for (to, &sum) in to.iter_mut().zip(sums) {
        *to += sum;
    }
}

/// Steps along k after which a line has come from the next cache, or the one behind it.
const AHEAD: isize = 16;

/// The sums of a tile: each a chain of multiply-adds that goes up k. Row i of `a` is so many bytes behind the first one.
///
/// Vectors of b are fetched ahead: where one is late, the multiply-adds that were about to use it have taken their turns for
/// nothing (64x784 · 784x128 is 4 % faster, 1024x512 · 512x2048 too). A single vector is in the nearest cache, or has too few
/// multiply-adds to hide a fetch.
///
/// # Safety
///
/// As [`tile`].
#[inline(always)]
unsafe fn products<F: Float, const R: usize, const V: usize, const L: usize, const HOW: u8>(
    k: usize,
    a: Strided<*const F>,
    b: Strided<*const F>,
    bytes_to_row: impl Fn(usize) -> isize,
) -> [[[F; L]; V]; R] {
    let mut sums = [[[F::ZERO; L]; V]; R];
    let ahead = if k >= WORTH_FETCHING { AHEAD } else { 0 };
    for p in 0..k as isize {
        // SAFETY: row p of `b` has V·L numbers side by side, row I of `a` a column p.
        let (column, vectors) = unsafe {
            let vectors = b.at.offset(p * b.row);
            (a.at.offset(p * a.column), *vectors.cast::<[[F; L]; V]>())
        };
        if V > 1 {
            fetch(b.at.wrapping_offset((p + ahead) * b.row), V * L);
        }
        unrolled!(I < R, {
            // SAFETY: as above.
            let a = unsafe { *column.byte_offset(bytes_to_row(I)) };
            unrolled!(
                J < V,
                add_multiple::<F, L, HOW>(&mut sums[I][J], a, &vectors[J]),
                0 1 2 3 4 5 6 7
            );
        });
    }
    sums
}

/// Put the wanted ones among sums of rows of `width` into `out`.
///
/// # Safety
///
/// As [`tile`].
#[inline(never)]
unsafe fn put_some<F: Float>(sums: &[F], width: usize, out: Strided<*mut F>, columns: &Columns) {
    if out.column == 1 {
        let wanted = columns.wanted.clone();
        for (i, sums) in sums.chunks_exact(width).enumerate() {
            // SAFETY: the wanted columns of a row of `out`, which lie side by side.
            let to = unsafe {
                std::slice::from_raw_parts_mut(out.from(i, wanted.start).at, wanted.len())
            };
            put_row(to, &sums[wanted.clone()], columns.adds);
        }
        return;
    }
    for (i, sums) in sums.chunks_exact(width).enumerate() {
        for j in columns.wanted.clone() {
            // SAFETY: a wanted column of a row of `out`.
            let to = unsafe { &mut *out.from(i, j).at };
            *to = if columns.adds { *to + sums[j] } else { sums[j] };
        }
    }
}

/// [`put_some`] where the rows of `out` lie side by side.
///
/// # Safety
///
/// As [`tile`].
#[inline(never)]
unsafe fn put_turned<F: Float, const R: usize, const V: usize, const L: usize>(
    sums: &[[[F; L]; V]; R],
    out: Strided<*mut F>,
    columns: &Columns,
) {
    let sums = sums.each_ref().map(|sums| sums.as_flattened());
    for j in columns.wanted.clone() {
        // SAFETY: a wanted column of `out`, whose R numbers lie side by side.
        let to = unsafe { &mut *out.from(0, j).at.cast::<[F; R]>() };
        for (to, sums) in to.iter_mut().zip(&sums) {
            *to = if columns.adds { *to + sums[j] } else { sums[j] };
        }
    }
}

#[inline(always)]
fn put_row<F: Float>(mut to: &mut [F], mut sums: &[F], adds: bool) {
    if adds {
        for (to, &sum) in to.iter_mut().zip(sums) {
            *to += sum;
        }
        return;
    }
    // Of a few numbers a call that copies them would take most of the time.
    macro_rules! put {
        ($($count:literal)*) => {$(
            if let Some((some, rest)) = sums.split_first_chunk::<$count>() {
                let (there, left) = to.split_at_mut($count);
                there.copy_from_slice(some);
                (to, sums) = (left, rest);
            }
        )*};
    }
    put!(32 16 8 4 2 1);
    to.copy_from_slice(sums);
}
