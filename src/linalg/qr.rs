//! Orthonormal vectors by Householder's QR factorisation, in blocks.
//!
//! The product of the reflections I − τᵢvᵢvᵢᵀ of a block is I − V·T·Vᵀ with a triangular T (R. Schreiber, C. Van Loan,
//! "A storage-efficient WY representation for products of Householder transformations", SIAM J. Sci. Stat.
//! Comput. 10, 1989), so that a block is applied by two matrix products instead of vector by vector.
//!
//! The vectors stand in *slabs* ([`super::slab`]), one for each block. A slab is always worked on by one thread, and
//! sees the same blocks in the same order however many there are.

use super::slab::{Block, factorize_slab, gather, reflect, scatter};
use crate::error::Result;
use crate::float::Float;
use crate::memory::filled;
use crate::parallel::{self, Threads, for_each_chunk};

/// Multiply-adds, roughly, under which a second thread is not worth waking: at 192 x 192 it gains nothing yet.
const PARALLEL_FROM: usize = 1 << 24;

/// Blocks found before the slabs after them are touched: each is then loaded once for all of them.
const GROUP: usize = 4;

/// Rows of a matrix that a thread writes at a time.
const ROWS: usize = 128;

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
            for_each_chunk(threads, vectors, ROWS * count, |i, rows| {
                for (r, row) in (i * ROWS..).zip(rows.chunks_exact_mut(count)) {
                    copy_row(&slabs, length, r, scale, row);
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

/// `scale` times row r of all slabs next to each other.
fn copy_row<F: Float, const W: usize>(
    slabs: &[[F; W]],
    length: usize,
    r: usize,
    scale: F,
    row: &mut [F],
) {
    for (out, slab) in row.chunks_mut(W).zip(slabs.chunks_exact(length)) {
        for (out, &q) in out.iter_mut().zip(&slab[r]) {
            *out = scale * q;
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Distribution, Normal, Sample, Stream};
    use crate::simd::{Level, detected, set_level};

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

    /// Largest element of `QᵀQ` − I.
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
        for (length, count) in [(5, 3), (37, 13), (270, 260), (1500, 41)] {
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
