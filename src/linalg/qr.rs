//! Orthonormal vectors by Householder's QR factorisation, in blocks.
//!
//! The product of the reflections I − τᵢvᵢvᵢᵀ of a block is I − V·T·Vᵀ with a triangular T (R. Schreiber, C. Van Loan,
//! "A storage-efficient WY representation for products of Householder transformations", SIAM J. Sci. Stat.
//! Comput. 10, 1989), so that a block is applied by two matrix products instead of vector by vector.
//!
//! A *slab* is a matrix of few columns, row by row: what one thread works on, small enough to stay in its
//! cache, and what the reflections of a block are found in. Every number is computed by the same fused
//! multiply-adds in the same order whatever the threads, the level and the machine are, so the bits are
//! always the same. (`matmul` does not promise that: its order depends on the sizes of the caches.)

use crate::error::Result;
use crate::float::Float;
use crate::memory::filled;
use crate::parallel::{self, Threads, for_each_chunk};
use crate::simd::{Level, kernel};

/// Multiply-adds, roughly, under which a second thread is not worth waking.
const PARALLEL_FROM: usize = 1 << 21;

/// Blocks found before the slabs after them are touched: each is then loaded once for all of them.
const GROUP: usize = 4;

/// Rows whose products are summed before they are added to the sum of those before: they stay in the
/// nearest cache, and the error grows more slowly.
const STRIPE: usize = 128;

/// Replace vectors of `length` numbers, which lie one after the other and are not more than `length`, by `scale` times
/// the Q of their QR factorisation whose R has a positive diagonal: its columns one after the other, or as the
/// columns of a row-major matrix.
pub(crate) fn orthonormalize<F: Float>(
    threads: Threads,
    vectors: &mut [F],
    length: usize,
    scale: F,
    as_columns: bool,
) -> Result<()> {
    // A slab's row is two cache lines; columns that only fill a narrower one up are work for nothing.
    match vectors.len() / length {
        0..=8 => in_blocks::<F, 8>(threads, vectors, length, scale, as_columns),
        9..=16 => in_blocks::<F, 16>(threads, vectors, length, scale, as_columns),
        _ if size_of::<F>() == 8 => in_blocks::<F, 16>(threads, vectors, length, scale, as_columns),
        _ => in_blocks::<F, 32>(threads, vectors, length, scale, as_columns),
    }
}

/// [`orthonormalize`] in slabs of W columns.
fn in_blocks<F: Float, const W: usize>(
    threads: Threads,
    vectors: &mut [F],
    length: usize,
    scale: F,
    as_columns: bool,
) -> Result<()> {
    let count = vectors.len() / length;
    let total = count.div_ceil(W);
    let mut slabs = filled(total * length, [F::ZERO; W])?;
    let mut found = filled(total.min(GROUP) * length, [F::ZERO; W])?;
    let threads = threads.for_work(vectors.len() * count, PARALLEL_FROM);
    parallel::run(threads, |threads| {
        for_each_chunk(threads, &mut slabs, length, |s, slab| {
            let vectors = &vectors[s * W * length..];
            gather(&vectors[..vectors.len().min(W * length)], length, slab);
        });
        let blocks = factorize(threads, &mut slabs, length, count);
        multiply_out(threads, &mut slabs, &blocks, length, count, &mut found);
        if as_columns {
            for_each_chunk(threads, vectors, STRIPE * count, |i, rows| {
                for (r, row) in (i * STRIPE..).zip(rows.chunks_exact_mut(count)) {
                    for (out, slab) in row.chunks_mut(W).zip(slabs.chunks_exact(length)) {
                        for (out, &q) in out.iter_mut().zip(&slab[r]) {
                            *out = scale * q;
                        }
                    }
                }
            });
        } else {
            for_each_chunk(threads, vectors, W * length, |s, vectors| {
                scatter(&slabs[s * length..][..length], scale, vectors);
            });
        }
    });
    Ok(())
}

/// What besides the vectors v makes up a block.
struct Block<F, const W: usize> {
    /// The triangle T.
    t: [[F; W]; W],
    /// Signs of R's diagonal; a zero counts as positive.
    signs: [F; W],
}

/// Turn each slab into the vectors v of its block, zero above their first rows.
fn factorize<F: Float, const W: usize>(
    threads: Threads,
    slabs: &mut [[F; W]],
    length: usize,
    count: usize,
) -> Vec<Block<F, W>> {
    let total = slabs.len() / length;
    let mut blocks: Vec<Block<F, W>> = Vec::with_capacity(total);
    for first in (0..total).step_by(GROUP) {
        let last = (first + GROUP).min(total);
        for s in first..last {
            let (found, slab) = slabs.split_at_mut(s * length);
            let slab = &mut slab[..length];
            reflect_by_all(found, &blocks, first, slab);
            blocks.push(factorize_slab(&mut slab[s * W..], count - s * W));
        }
        let (found, after) = slabs.split_at_mut(last * length);
        for_each_chunk(threads, after, length, |_, slab| {
            reflect_by_all(found, &blocks, first, slab);
        });
    }
    blocks
}

/// Turn the vectors v in the slabs into the columns of Q: unit vectors times the signs, reflected by all blocks from the
/// last to the first.
fn multiply_out<F: Float, const W: usize>(
    threads: Threads,
    slabs: &mut [[F; W]],
    blocks: &[Block<F, W>],
    length: usize,
    count: usize,
    found: &mut [[F; W]],
) {
    for first in (0..blocks.len()).step_by(GROUP).rev() {
        let group = &blocks[first..(first + GROUP).min(blocks.len())];
        let slabs = &mut slabs[first * length..];
        let units = &mut slabs[..group.len() * length];
        let found = &mut found[..units.len()];
        found.copy_from_slice(units);
        units.fill([F::ZERO; W]);
        for (i, (slab, block)) in units.chunks_exact_mut(length).zip(group).enumerate() {
            let top = (first + i) * W;
            for j in 0..W.min(count - top) {
                slab[top + j][j] = block.signs[j];
            }
        }
        for_each_chunk(threads, slabs, length, |s, slab| {
            // A unit vector is not reached by the reflections of the rows below its one.
            let reach = group.len().min(s + 1);
            let vectors = found.chunks_exact(length);
            for (i, (v, block)) in vectors.zip(group).enumerate().take(reach).rev() {
                let top = (first + i) * W;
                reflect(&v[top..], &block.t, false, &mut slab[top..]);
            }
        });
    }
}

/// Apply the blocks from number `first` on to a slab behind them.
fn reflect_by_all<F: Float, const W: usize>(
    found: &[[F; W]],
    blocks: &[Block<F, W>],
    first: usize,
    slab: &mut [[F; W]],
) {
    let vectors = found.chunks_exact(slab.len());
    for (b, (v, block)) in vectors.zip(blocks).enumerate().skip(first) {
        reflect(&v[b * W..], &block.t, true, &mut slab[b * W..]);
    }
}

/// Find the reflections that make a slab upper triangular, and leave their vectors in it.
///
/// One pass over the slab for each: while the reflection k is applied, the products of the column k + 1
/// with all others are summed. They hold its norm, what the next reflection needs of the columns after
/// it, and what T needs of those before.
fn factorize_slab<F: Float, const W: usize>(slab: &mut [[F; W]], count: usize) -> Block<F, W> {
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

/// a·b + c, rounded once.
#[inline(always)]
fn fused<F: Float, const LEVEL: u8>(a: F, b: F, c: F) -> F {
    if cfg!(target_arch = "x86_64") && LEVEL == Level::Baseline as u8 {
        a.mul_add_without_fma(b, c)
    } else {
        a.mul_add(b, c)
    }
}

/// sums ← sums + a·x
#[inline(always)]
fn add_multiple<F: Float, const N: usize, const LEVEL: u8>(sums: &mut [F; N], a: F, x: &[F; N]) {
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum = fused::<F, LEVEL>(a, x, *sum);
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
    fn reflect<F: Float; const W: usize>(v: &[[F; W]], t: &[[F; W]; W], transposed: bool, c: &mut [[F; W]]) {
        // Tiles of rows × columns that fill the registers.
        let (rows, columns) = if LEVEL == Level::Avx512 as u8 {
            (8, 128 / size_of::<F>())
        } else if LEVEL == Level::Avx2 as u8 {
            (4, 64 / size_of::<F>())
        } else {
            (4, 8)
        };
        match (rows, columns.min(W)) {
            (4, 8) => reflect_in_tiles::<F, W, 4, 8, LEVEL>(v, t, transposed, c),
            (4, _) => reflect_in_tiles::<F, W, 4, 16, LEVEL>(v, t, transposed, c),
            (_, 8) => reflect_in_tiles::<F, W, 8, 8, LEVEL>(v, t, transposed, c),
            (_, 16) => reflect_in_tiles::<F, W, 8, 16, LEVEL>(v, t, transposed, c),
            _ => reflect_in_tiles::<F, W, 8, 32, LEVEL>(v, t, transposed, c),
        }
    }

    /// The columns of a slab are these vectors.
    fn gather<F: Float; const W: usize>(vectors: &[F], length: usize, slab: &mut [[F; W]]) {
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
    fn scatter<F: Float; const W: usize>(slab: &[[F; W]], scale: F, vectors: &mut [F]) {
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

/// Do something with I = 0, 1, … below a constant of at most 8.
///
/// As constants: sums whose indices the compiler knows stay in registers.
macro_rules! unrolled {
    ($i:ident < $count:ident, $work:expr) => {
        unrolled!($i < $count, $work, 0 1 2 3 4 5 6 7)
    };
    ($i:ident < $count:ident, $work:expr, $($value:literal)+) => {$(
        if $value < $count {
            const $i: usize = $value;
            $work;
        }
    )+};
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
    for (i, products) in products.as_chunks_mut::<R>().0.iter_mut().enumerate() {
        let mut sums = [[F::ZERO; N]; R];
        for (v, c) in v.iter().zip(c) {
            let (v, c) = (part::<F, R>(v, R * i), part::<F, N>(c, start));
            unrolled!(I < R, add_multiple::<F, N, LEVEL>(&mut sums[I], v[I], c));
        }
        for (products, sums) in products.iter_mut().zip(&sums) {
            for (product, &sum) in products[start..].iter_mut().zip(sums) {
                *product += sum;
            }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Distribution, Normal, Sample, Stream};
    use crate::simd::{detected, set_level};

    fn gaussian<F: Sample>(length: usize, count: usize) -> Vec<F> {
        let mut out = vec![F::ZERO; length * count];
        Normal::new(0.0, 1.0)
            .unwrap()
            .draw(&mut out, &Stream::new("4", "kernel"), Threads::ONE)
            .unwrap();
        out
    }

    fn q_of<F: Float>(vectors: &[F], length: usize) -> Vec<F> {
        let mut q = vectors.to_vec();
        orthonormalize(Threads::ONE, &mut q, length, F::ONE, false).unwrap();
        q
    }

    /// Householder's Q by the textbook: a reflection at a time.
    fn by_the_textbook(vectors: &[f64], length: usize) -> Vec<f64> {
        let reflect = |v: &[f64], x: &mut [f64]| {
            let dot: f64 = v.iter().zip(&*x).map(|(v, x)| v * x).sum();
            let squares: f64 = v.iter().map(|v| v * v).sum();
            for (x, v) in x.iter_mut().zip(v) {
                *x -= 2.0 * dot / squares * v;
            }
        };
        let mut found: Vec<(Vec<f64>, f64)> = Vec::new();
        for (k, vector) in vectors.chunks_exact(length).enumerate() {
            let mut x = vector.to_vec();
            for (v, _) in &found {
                reflect(v, &mut x);
            }
            x[..k].fill(0.0);
            let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let diagonal = if x[k] < 0.0 { norm } else { -norm };
            x[k] -= diagonal;
            found.push((x, diagonal.signum()));
        }
        let mut q = vec![0.0; vectors.len()];
        for (j, column) in q.chunks_exact_mut(length).enumerate() {
            column[j] = found[j].1;
            for (v, _) in found.iter().rev() {
                reflect(v, column);
            }
        }
        q
    }

    /// Largest element of QᵀQ − I.
    fn defect<F: Float>(q: &[F], length: usize) -> f64 {
        let mut worst = 0f64;
        for (i, a) in q.chunks_exact(length).enumerate() {
            for (j, b) in q.chunks_exact(length).enumerate() {
                let dot: f64 = a.iter().zip(b).map(|(a, b)| a.wide() * b.wide()).sum();
                let error = (dot - f64::from(u8::from(i == j))).abs();
                worst = if error <= worst { worst } else { error };
            }
        }
        worst
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_the_textbooks_factorisation((length, count) in (1usize..150).prop_flat_map(|n| (Just(n), 1..=n))) {
            let (vectors, single) = (gaussian::<f64>(length, count), gaussian::<f32>(length, count));
            let expected = by_the_textbook(&vectors, length);
            let found = q_of(&vectors, length);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
            }
            prop_assert!(defect(&found, length) < 4e-15);
            prop_assert!(defect(&q_of(&single, length), length) < 2e-6);

            let mut columns = vectors.clone();
            orthonormalize(Threads::ONE, &mut columns, length, 3.0, true).unwrap();
            for (i, row) in columns.chunks_exact(count).enumerate() {
                for (j, &x) in row.iter().enumerate() {
                    prop_assert_eq!(x, 3.0 * found[j * length + i]);
                }
            }
        }
    }

    fn bits_of<F: Sample>(length: usize, count: usize) {
        let vectors = gaussian::<F>(length, count);
        let expected = q_of(&vectors, length);
        for level in Level::ALL.into_iter().filter(|&level| level <= detected()) {
            set_level(level);
            for threads in 1..=3 {
                let mut q = vectors.clone();
                let threads = Threads::new(threads).unwrap();
                orthonormalize(threads, &mut q, length, F::ONE, false).unwrap();
                assert!(q == expected, "{length} {count} {level:?} {threads:?}");
            }
        }
        set_level(detected());
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_level() {
        for (length, count) in [(5, 3), (37, 13), (190, 150), (1500, 41)] {
            bits_of::<f32>(length, count);
            bits_of::<f64>(length, count);
        }
    }

    #[test]
    fn vectors_that_depend_on_each_other_still_give_orthonormal_ones() {
        let (length, count) = (70, 40);
        let identity: Vec<f64> = (0..length * count)
            .map(|i| f64::from(u8::from(i % (length + 1) == 0)))
            .collect();
        assert!(q_of(&vec![0.0; length * count], length) == identity);
        assert!(q_of(&identity, length) == identity);

        let mut vectors = gaussian::<f64>(length, count);
        vectors.copy_within(..length, 3 * length);
        vectors[7 * length..9 * length].fill(0.0);
        vectors.copy_within(5 * length..6 * length, 33 * length);
        assert!(defect(&q_of(&vectors, length), length) < 1e-14);
        for tiny in [1e-140, 1e-160, f64::MIN_POSITIVE, 5e-324] {
            let vectors: Vec<_> = vectors.iter().map(|x| x * tiny).collect();
            assert!(defect(&q_of(&vectors, length), length) < 1e-14, "{tiny}");
        }
    }
}
