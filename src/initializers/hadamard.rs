//! Rows and columns of a Hadamard matrix: orthogonal, and nothing random about them.

use super::Initializer;
use super::identity::{check_gain, representable};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::Threads;
use crate::random::Stream;
use crate::shape::Shape;

/// The top left corner of Sylvester's Hadamard matrix, times `gain`.
///
/// Element (i, j) is ±gain, negative where i and j have an odd number of binary ones in common; so are those of
/// H₀ = 1, Hₘ₊₁ = [[Hₘ, Hₘ], [Hₘ, −Hₘ]].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hadamard {
    gain: f64,
}

impl Hadamard {
    /// A finite gain.
    pub fn new(gain: f64) -> Result<Self> {
        check_gain(gain)?;
        Ok(Self { gain })
    }
}

impl<F: Float> Initializer<F> for Hadamard {
    fn fill(
        &self,
        out: &mut [F],
        shape: &[usize],
        _stream: &Stream,
        _threads: Threads,
    ) -> Result<()> {
        let &[_, columns] = shape else {
            return Err(Error::shape("shape", "2 dimensions", Shape(shape)));
        };
        let gain: F = representable(self.gain)?;
        for (i, row) in out.chunks_exact_mut(columns.max(1)).enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                let odd = (i & j).count_ones() % 2 == 1;
                *value = if odd { -gain } else { gain };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_matrices_are_orthogonal() {
        let n = 16;
        let mut h = vec![0f64; n * n];
        let stream = Stream::new("0", "");
        Hadamard::new(0.25)
            .unwrap()
            .fill(&mut h, &[n, n], &stream, Threads::ONE)
            .unwrap();
        for (i, a) in h.chunks(n).enumerate() {
            for (j, b) in h.chunks(n).enumerate() {
                let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert_eq!(dot, if i == j { 1.0 } else { 0.0 });
            }
        }
    }
}
