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
use crate::linalg::orthonormalize;
use crate::parallel::Threads;
use crate::random::{Distribution, Normal, Sample, Stream};
use crate::shape::Shape;

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
    orthonormalize(threads, out, rows.max(columns), gain, columns <= rows)
}

fn at_least_two(shape: &[usize]) -> Error {
    Error::shape("shape", "at least 2 dimensions", Shape(shape))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn vectors_are_refused_and_empty_matrices_are_not() {
        for shape in [&[][..], &[3]] {
            let mut out = vec![0f32; 3];
            assert!(orthogonalize(&mut out, shape, 1.0, Threads::ONE).is_err());
        }
        assert!(orthogonalize::<f32>(&mut [], &[0, 3], 1.0, Threads::ONE).is_ok());
        assert!(orthogonalize::<f32>(&mut [], &[3, 0], 1.0, Threads::ONE).is_ok());
    }
}
