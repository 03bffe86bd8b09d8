//! Slabs: matrices of few columns, row by row, which stay in the cache of the thread that works on them.
//!
//! Every number is computed by the same fused multiply-adds in the same order at every level and on every
//! machine, so the bits are always the same.

use super::fused::{self, INSTRUCTION, OF_ANY, has_instruction};
use super::tile::unrolled;
use crate::float::Float;
use crate::simd::{Level, kernel};

/// Rows whose products are summed before they are added to the sum of those before: they stay in the
/// nearest cache, and the error grows more slowly.
const STRIPE: usize = 128;

/// What besides the vectors v makes up a block.
pub(super) struct Block<F, const W: usize> {
    /// The triangle T.
    pub(super) t: [[F; W]; W],
    /// Signs of R's diagonal; a zero counts as positive.
    pub(super) signs: [F; W],
}

/// Find the reflections that make a slab upper triangular, and leave their vectors in it.
///
/// One pass over the slab for each: while the reflection k is applied, the products of the column k + 1
/// with all others are summed. They hold its norm, what the next reflection needs of the columns after
/// it, and what T needs of those before.
pub(super) fn factorize_slab<F: Float, const W: usize>(
    slab: &mut [[F; W]],
    count: usize,
) -> Block<F, W> {
    let mut t = [[F::ZERO; W]; W];
    let mut signs = [F::ONE; W];
    let mut products = reflect_and_multiply(slab, 0, &[F::ZERO; W], 0);
    for k in 0..count.min(W) {
        let mut factors = [F::ZERO; W];
        // What is smaller was lost in the squares, and its inverse may be infinite: no reflection.
        if products[k] >= F::LEAST_NORMAL {
            // v is the column less R's new diagonal element in its first row: vᵀv = 2 / τ.
            let (norm, head) = (products[k].sqrt(), slab[k][k]);
            let diagonal = if head < F::ZERO { norm } else { -norm };
            signs[k] = if head < F::ZERO { F::ONE } else { -F::ONE };
            slab[k][k] = head - diagonal;
            let tau = F::ONE / (norm * slab[k][k].abs());
            for j in 0..W {
                factors[j] = tau * (products[j] - diagonal * slab[k][j]);
            }
            for i in 0..k {
                for j in i..k {
                    t[i][k] -= t[i][j] * factors[j];
                }
            }
            t[k][k] = tau;
        } else {
            for row in &mut slab[k..] {
                row[k] = F::ZERO;
            }
        }
        factors[..=k].fill(F::ZERO);
        slab[k][k + 1..].fill(F::ZERO);
        if k + 1 < W {
            products = reflect_and_multiply(&mut slab[k + 1..], k, &factors, k + 1);
        }
    }
    Block { t, signs }
}

/// sums ← sums + a·x
#[inline(always)]
fn add_multiple<F: Float, const N: usize, const LEVEL: u8>(sums: &mut [F; N], a: F, x: &[F; N]) {
    if const { has_instruction(LEVEL) } {
        fused::add_multiple::<F, N, INSTRUCTION>(sums, a, x);
    } else {
        fused::add_multiple::<F, N, OF_ANY>(sums, a, x);
    }
}

/// N numbers of a row, from `start` on.
#[inline(always)]
fn part<F, const N: usize>(row: &[F], start: usize) -> &[F; N] {
    row[start..]
        .first_chunk()
        .expect("a row is a whole number of parts")
}

kernel! {
    /// row ← row − row[k]·factors for every row; then the sums over the rows of row[next]·row.
    fn reflect_and_multiply<F: Float; const W: usize>(rows: &mut [[F; W]], k: usize, factors: &[F; W], next: usize) -> [F; W] {
        let zeros = [F::ZERO; W];
        let (mut sums_0, mut sums_1, mut sums_2, mut sums_3) = (zeros, zeros, zeros, zeros);
        let (fours, rest) = rows.as_chunks_mut::<4>();
        for [row_0, row_1, row_2, row_3] in fours {
            reflect_row::<F, W, LEVEL>(row_0, k, factors, next, &mut sums_0);
            reflect_row::<F, W, LEVEL>(row_1, k, factors, next, &mut sums_1);
            reflect_row::<F, W, LEVEL>(row_2, k, factors, next, &mut sums_2);
            reflect_row::<F, W, LEVEL>(row_3, k, factors, next, &mut sums_3);
        }
        for row in rest {
            reflect_row::<F, W, LEVEL>(row, k, factors, next, &mut sums_0);
        }
        std::array::from_fn(|j| (sums_0[j] + sums_1[j]) + (sums_2[j] + sums_3[j]))
    }

    /// c ← (I − V·T·Vᵀ)·c, or with Tᵀ.
    pub(super) fn reflect<F: Float; const W: usize>(v: &[[F; W]], t: &[[F; W]; W], transposed: bool, c: &mut [[F; W]]) {
        // Tiles of rows × columns that fill the registers.
        let (rows, columns) = if LEVEL == Level::Avx512 as u8 {
            (8, 128 / size_of::<F>())
        } else if LEVEL == Level::Avx2 as u8 {
            (6, 64 / size_of::<F>())
        } else {
            (4, 8)
        };
        match (rows, columns.min(W)) {
            (4, _) => reflect_in_tiles::<F, W, 4, 8, LEVEL>(v, t, transposed, c),
            (6, 8) => reflect_in_tiles::<F, W, 6, 8, LEVEL>(v, t, transposed, c),
            (6, _) => reflect_in_tiles::<F, W, 6, 16, LEVEL>(v, t, transposed, c),
            (_, 8) => reflect_in_tiles::<F, W, 8, 8, LEVEL>(v, t, transposed, c),
            (_, 16) => reflect_in_tiles::<F, W, 8, 16, LEVEL>(v, t, transposed, c),
            _ => reflect_in_tiles::<F, W, 8, 32, LEVEL>(v, t, transposed, c),
        }
    }

    /// The columns of a slab are these vectors.
    pub(super) fn gather<F: Float; const W: usize>(vectors: &[F], length: usize, slab: &mut [[F; W]]) {
        // A cache line of each vector at a time.
        for (i, rows) in slab.chunks_mut(16).enumerate() {
            for (j, vector) in vectors.chunks_exact(length).enumerate() {
                for (row, &x) in rows.iter_mut().zip(&vector[i * 16..]) {
                    row[j] = x;
                }
            }
        }
    }

    /// The vectors are `scale` times the columns of this slab.
    pub(super) fn scatter<F: Float; const W: usize>(slab: &[[F; W]], scale: F, vectors: &mut [F]) {
        for (i, rows) in slab.chunks(16).enumerate() {
            for (j, vector) in vectors.chunks_exact_mut(slab.len()).enumerate() {
                for (row, x) in rows.iter().zip(&mut vector[i * 16..]) {
                    *x = scale * row[j];
                }
            }
        }
    }
}

/// One row of [`reflect_and_multiply`].
#[inline(always)]
fn reflect_row<F: Float, const W: usize, const LEVEL: u8>(
    row: &mut [F; W],
    k: usize,
    factors: &[F; W],
    next: usize,
    sums: &mut [F; W],
) {
    add_multiple::<F, W, LEVEL>(row, -row[k], factors);
    add_multiple::<F, W, LEVEL>(sums, row[next], row);
}

/// [`reflect`], in tiles of R rows and N columns.
#[inline(always)]
fn reflect_in_tiles<F: Float, const W: usize, const R: usize, const N: usize, const LEVEL: u8>(
    v: &[[F; W]],
    t: &[[F; W]; W],
    transposed: bool,
    c: &mut [[F; W]],
) {
    let mut products = [[F::ZERO; W]; W];
    for (v, c) in v.chunks(STRIPE).zip(c.chunks(STRIPE)) {
        for start in (0..W).step_by(N) {
            add_products::<F, W, R, N, LEVEL>(v, c, start, &mut products);
        }
    }
    let mut factors = [[F::ZERO; W]; W];
    for (i, factors) in factors.iter_mut().enumerate() {
        for (j, products) in products.iter().enumerate() {
            let t = if transposed { t[j][i] } else { t[i][j] };
            add_multiple::<F, W, LEVEL>(factors, -t, products);
        }
    }
    let whole = c.len() - c.len() % R;
    for start in (0..W).step_by(N) {
        let (tiles, rest) = c.split_at_mut(whole);
        add_multiples::<F, W, R, N, LEVEL>(v, &factors, start, tiles);
        add_multiples::<F, W, 1, N, LEVEL>(&v[whole..], &factors, start, rest);
    }
}

/// products ← products + Vᵀ·c for N columns of c.
#[inline(always)]
fn add_products<F: Float, const W: usize, const R: usize, const N: usize, const LEVEL: u8>(
    v: &[[F; W]],
    c: &[[F; W]],
    start: usize,
    products: &mut [[F; W]; W],
) {
    let whole = W - W % R;
    let (tiles, rest) = products.split_at_mut(whole);
    for (i, products) in tiles.as_chunks_mut::<R>().0.iter_mut().enumerate() {
        add_tile_of_products::<F, W, R, N, LEVEL>(v, c, R * i, start, products);
    }
    // Slabs are 8, 16 or 32 wide, and tiles have an even number of rows.
    for (i, products) in rest.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        add_tile_of_products::<F, W, 2, N, LEVEL>(v, c, whole + 2 * i, start, products);
    }
}

/// The rows of [`add_products`] from `first` on.
#[inline(always)]
fn add_tile_of_products<
    F: Float,
    const W: usize,
    const R: usize,
    const N: usize,
    const LEVEL: u8,
>(
    v: &[[F; W]],
    c: &[[F; W]],
    first: usize,
    start: usize,
    products: &mut [[F; W]; R],
) {
    let mut sums = [[F::ZERO; N]; R];
    for (v, c) in v.iter().zip(c) {
        let (v, c) = (part::<F, R>(v, first), part::<F, N>(c, start));
        unrolled!(I < R, add_multiple::<F, N, LEVEL>(&mut sums[I], v[I], c));
    }
    for (products, sums) in products.iter_mut().zip(&sums) {
        for (product, &sum) in products[start..].iter_mut().zip(sums) {
            *product += sum;
        }
    }
}

/// c ← c + V·factors for N columns of c, R rows at a time.
#[inline(always)]
fn add_multiples<F: Float, const W: usize, const R: usize, const N: usize, const LEVEL: u8>(
    v: &[[F; W]],
    factors: &[[F; W]; W],
    start: usize,
    c: &mut [[F; W]],
) {
    for (v, c) in v.as_chunks::<R>().0.iter().zip(c.as_chunks_mut::<R>().0) {
        let mut sums = c.each_ref().map(|c| *part::<F, N>(c, start));
        for (k, factors) in factors.iter().enumerate() {
            let factors = part(factors, start);
            unrolled!(
                I < R,
                add_multiple::<F, N, LEVEL>(&mut sums[I], v[I][k], factors)
            );
        }
        unrolled!(I < R, c[I][start..start + N].copy_from_slice(&sums[I]));
    }
}
