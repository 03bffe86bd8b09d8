//! The identity matrix: a layer that starts by passing its input on.

use super::Initializer;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::Threads;
use crate::random::Stream;
use crate::shape::Shape;

/// `gain` on the diagonal of a matrix, square or not, and zero elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Identity {
    gain: f64,
}

impl Identity {
    /// A finite gain.
    pub fn new(gain: f64) -> Result<Self> {
        check_gain(gain)?;
        Ok(Self { gain })
    }
}

pub(super) fn check_gain(gain: f64) -> Result<()> {
    if gain.is_finite() {
        Ok(())
    } else {
        Err(Error::value("gain", "a finite number", gain))
    }
}

pub(super) fn representable<F: Float>(gain: f64) -> Result<F> {
    let value = F::of(gain);
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::value(
            "gain",
            format!("a number within the range of {}", F::NAME),
            gain,
        ))
    }
}

impl<F: Float> Initializer<F> for Identity {
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
        let gain = representable(self.gain)?;
        out.fill(F::ZERO);
        if columns > 0 {
            for (i, row) in out.chunks_exact_mut(columns).enumerate().take(columns) {
                row[i] = gain;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_matrix_has_a_diagonal() {
        for (rows, columns) in [(3, 3), (2, 4), (4, 2), (0, 3), (3, 0)] {
            let mut out = vec![9f32; rows * columns];
            Identity::new(0.5)
                .unwrap()
                .fill(
                    &mut out,
                    &[rows, columns],
                    &Stream::new("0", ""),
                    Threads::ONE,
                )
                .unwrap();
            for (i, &x) in out.iter().enumerate() {
                assert!(x == if i / columns == i % columns { 0.5 } else { 0.0 });
            }
        }
    }
}
