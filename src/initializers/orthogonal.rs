//! Orthogonal matrices: they change no length, in any number of layers.
//!
//! A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in
//! deep linear neural networks", ICLR 2014. Q of the QR factorisation of a Gaussian matrix, each
//! column times the sign of R's diagonal, so that every orthogonal matrix is equally likely
//! (F. Mezzadri, Notices of the AMS 54, 2007).

use super::Initializer;
use super::identity::{check_gain, representable};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::{Threads, for_each_chunk};
use crate::random::{Distribution, Normal, Sample, Stream};
use crate::shape::Shape;
use crate::simd::kernel;

/// `gain` times a random matrix with orthonormal columns, or rows where it has fewer rows than columns.
///
/// An array of more than two dimensions is a matrix of `shape[-1]` columns, as in Keras.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orthogonal {
    gain: f64,
}

impl Orthogonal {
    /// A finite gain.
    pub fn new(gain: f64) -> Result<Self> {
        check_gain(gain)?;
        Ok(Self { gain })
    }
}

impl<F: Sample> Initializer<F> for Orthogonal {
    fn fill(
        &self,
        out: &mut [F],
        shape: &[usize],
        stream: &Stream,
        threads: Threads,
    ) -> Result<()> {
        Normal::new(0.0, 1.0)?.draw(out, stream, threads)?;
        orthogonalize(out, shape, self.gain, threads)
    }
}

/// Replace the Gaussian numbers in `out` by the orthogonal matrix they stand for.
///
/// They are read as the longer vectors of the matrix to be, one after the other.
pub fn orthogonalize<F: Float>(
    out: &mut [F],
    shape: &[usize],
    gain: f64,
    threads: Threads,
) -> Result<()> {
    let [field @ .., columns] = shape else {
        return Err(at_least_two(shape));
    };
    if field.is_empty() {
        return Err(at_least_two(shape));
    }
    let gain: F = representable(gain)?;
    let (rows, columns) = (field.iter().product::<usize>(), *columns);
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let (length, count) = (rows.max(columns), rows.min(columns));
    let q = orthonormal(out, length, count, threads);
    if rows < columns {
        for (out, &q) in out.iter_mut().zip(&q) {
            *out = gain * q;
        }
    } else {
        for (r, row) in out.chunks_exact_mut(columns).enumerate() {
            for (out, q) in row.iter_mut().zip(q.chunks_exact(length)) {
                *out = gain * q[r];
            }
        }
    }
    Ok(())
}

fn at_least_two(shape: &[usize]) -> Error {
    Error::shape("shape", "at least 2 dimensions", Shape(shape))
}

/// Vectors that are worked on together: each element of a reflector is loaded once for all of them.
const GROUP: usize = 4;

/// Reflectors found before the vectors after them are touched, so that they stay in the cache; a whole
/// number of groups.
const PANEL: usize = 32;

/// Partial sums of a scalar product.
const LANES: usize = 16;

/// Fewer elements than this are not worth another thread.
const SERIAL: usize = 1 << 14;

/// Householder's Q of `count` vectors of `length` numbers, in the signs that make R's diagonal positive.
///
/// Every vector goes through the same operations in the same order however they are shared out, so
/// threads do not change a bit.
fn orthonormal<F: Float>(vectors: &[F], length: usize, count: usize, threads: Threads) -> Vec<F> {
    // A last group that is not full is filled up with zeros, which stay zero.
    let padded = count.next_multiple_of(GROUP) * length;
    let mut reflectors = vec![F::ZERO; padded];
    reflectors[..vectors.len()].copy_from_slice(vectors);
    let mut signs = vec![F::ONE; count];
    let threads = threads.for_work(padded, SERIAL);

    for start in (0..count).step_by(PANEL) {
        let rest = &mut reflectors[start * length..];
        let (panel, after) = rest.split_at_mut((PANEL * length).min(rest.len()));
        for k in start..count.min(start + PANEL) {
            let (found, current) = panel.split_at_mut((k - start) * length);
            let current = &mut current[..length];
            for (i, v) in found.chunks_exact(length).enumerate() {
                reflect_one(current, v, start + i);
            }
            signs[k] = make_reflector(current, k);
        }
        for_each_chunk(threads, after, GROUP * length, |_, group| {
            for (i, v) in panel.chunks_exact(length).enumerate() {
                reflect_group(group, v, start + i);
            }
        });
    }

    let mut q = vec![F::ZERO; padded];
    for_each_chunk(threads, &mut q, GROUP * length, |index, group| {
        let first = index * GROUP;
        let last = (first + GROUP).min(count);
        for (j, vector) in (first..last).zip(group.chunks_exact_mut(length)) {
            vector[j] = signs[j];
        }
        // A unit vector is not reached by the reflectors of the rows below its one.
        for k in (0..last).rev() {
            reflect_group(group, &reflectors[k * length..][..length], k);
        }
    });
    q
}

/// Turn the vector `x` into the v for which (I − vvᵀ)x is zero below row `k`; returns the sign of what
/// is then in row `k`.
fn make_reflector<F: Float>(x: &mut [F], k: usize) -> F {
    x[..k].fill(F::ZERO);
    let mut squares = F::ZERO;
    for &x in &x[k..] {
        squares += x * x;
    }
    let norm = squares.sqrt();
    let sign = if x[k] < F::ZERO { F::ONE } else { -F::ONE };
    if norm > F::ZERO {
        x[k] -= sign * norm;
        // |v|² = 2.
        let scale = F::ONE / (norm * x[k].abs()).sqrt();
        for x in &mut x[k..] {
            *x *= scale;
        }
    }
    sign
}

kernel! {
    fn reflect_one<F: Float>(x: &mut [F], v: &[F], k: usize) {
        reflect([x], v, k);
    }

    fn reflect_group<F: Float>(group: &mut [F], v: &[F], k: usize) {
        let (ab, cd) = group.split_at_mut(2 * v.len());
        let (a, b) = ab.split_at_mut(v.len());
        let (c, d) = cd.split_at_mut(v.len());
        reflect([a, b, c, d], v, k);
    }
}

/// x ← x − (v·x)v, for a v that is zero above row `k`.
#[inline(always)]
fn reflect<F: Float, const N: usize>(mut vectors: [&mut [F]; N], v: &[F], k: usize) {
    let start = k - k % LANES;
    let (v, v_rest) = v[start..].as_chunks::<LANES>();
    let mut dots = [[F::ZERO; LANES]; N];
    for (x, dot) in vectors.iter().zip(&mut dots) {
        for (dot, (&x, &v)) in dot
            .iter_mut()
            .zip(x[start + v.len() * LANES..].iter().zip(v_rest))
        {
            *dot = x * v;
        }
    }
    for (i, v) in v.iter().enumerate() {
        for (x, dot) in vectors.iter().zip(&mut dots) {
            let x = &x[start + i * LANES..][..LANES];
            for lane in 0..LANES {
                dot[lane] += x[lane] * v[lane];
            }
        }
    }
    let dots = dots.map(sum);
    for (i, v) in v.iter().enumerate() {
        for (x, &dot) in vectors.iter_mut().zip(&dots) {
            let x = &mut x[start + i * LANES..][..LANES];
            for lane in 0..LANES {
                x[lane] -= dot * v[lane];
            }
        }
    }
    for (x, &dot) in vectors.iter_mut().zip(&dots) {
        for (x, &v) in x[start + v.len() * LANES..].iter_mut().zip(v_rest) {
            *x -= dot * v;
        }
    }
}

/// The sum of the partial sums, as a tree.
#[inline(always)]
fn sum<F: Float>(mut lanes: [F; LANES]) -> F {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, detected, set_level};

    fn draw<F: Sample>(shape: &[usize], threads: usize) -> Vec<F> {
        let mut out = vec![F::ZERO; shape.iter().product()];
        Orthogonal::new(1.5)
            .unwrap()
            .fill(
                &mut out,
                shape,
                &Stream::new("4", "kernel"),
                Threads::new(threads).unwrap(),
            )
            .unwrap();
        out
    }

    /// Largest error of MᵀM = gain²·I, or of MMᵀ where the matrix is wide.
    fn error<F: Float>(matrix: &[F], rows: usize, columns: usize) -> f64 {
        let (count, length) = (rows.min(columns), rows.max(columns));
        let at = |vector: usize, i: usize| {
            let (r, c) = if rows < columns {
                (vector, i)
            } else {
                (i, vector)
            };
            matrix[r * columns + c].wide()
        };
        let mut worst = 0f64;
        for i in 0..count {
            for j in 0..=i {
                let dot: f64 = (0..length).map(|n| at(i, n) * at(j, n)).sum();
                let expected = if i == j { 2.25 } else { 0.0 };
                worst = worst.max((dot - expected).abs());
            }
        }
        worst
    }

    #[test]
    fn columns_or_rows_are_orthonormal() {
        for (rows, columns) in [
            (1, 1),
            (2, 1),
            (1, 3),
            (3, 3),
            (5, 4),
            (33, 70),
            (100, 37),
            (97, 97),
        ] {
            let single = draw::<f32>(&[rows, columns], 1);
            assert!(error(&single, rows, columns) < 4e-6, "{rows} {columns}");
            let double = draw::<f64>(&[rows, columns], 1);
            assert!(error(&double, rows, columns) < 1e-14, "{rows} {columns}");
        }
        assert!(error(&draw::<f64>(&[3, 3, 4, 20], 1), 36, 20) < 1e-14);
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_level() {
        let shape = [190, 150];
        let expected = draw::<f32>(&shape, 1);
        for level in Level::ALL.into_iter().filter(|&level| level <= detected()) {
            set_level(level);
            for threads in 1..=3 {
                assert!(draw::<f32>(&shape, threads) == expected);
            }
        }
        set_level(detected());
    }

    #[test]
    fn it_is_the_factorisation_with_a_positive_diagonal() {
        // RᵀR = AᵀA for the Gaussian A drawn, and R = QᵀA is upper triangular with R's diagonal > 0.
        let (length, count) = (23, 9);
        let mut a = vec![0f64; length * count];
        Normal::new(0.0, 1.0)
            .unwrap()
            .draw(&mut a, &Stream::new("4", "kernel"), Threads::ONE)
            .unwrap();
        let q = orthonormal(&a, length, count, Threads::ONE);
        for i in 0..count {
            for j in 0..count {
                let r: f64 = (0..length)
                    .map(|n| q[i * length + n] * a[j * length + n])
                    .sum();
                assert!(if i == j {
                    r > 0.1
                } else {
                    j > i || r.abs() < 1e-13
                });
            }
        }
    }

    #[test]
    fn vectors_are_refused_and_empty_matrices_are_not() {
        for shape in [&[][..], &[3]] {
            let mut out = vec![0f32; 3];
            assert!(orthogonalize(&mut out, shape, 1.0, Threads::ONE).is_err());
        }
        assert!(orthogonalize::<f32>(&mut [], &[0, 3], 1.0, Threads::ONE).is_ok());
        assert!(orthogonalize::<f32>(&mut [], &[3, 0], 1.0, Threads::ONE).is_ok());
    }
}
