//! Sums of absolute values and of squares.

use super::{Regularizer, factor};
use crate::error::Result;
use crate::float::Float;
use crate::parallel::Threads;
use crate::settings::Settings;
use crate::simd::kernel;

/// P = l1 · Σ|w| + l2 · Σw²; dP/dw = l1 · sign(w) + 2 · l2 · w, with sign(0) = 0.
///
/// As in Keras. `PyTorch`'s `weight_decay` and scikit-learn's `alpha` leave the 2 out: they are of l2/2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct L1L2 {
    l1: f64,
    l2: f64,
}

/// Elements that are summed, and whose gradient is made, at a time: what fits a cache.
const BLOCK: usize = 1024;

/// Running sums of a block.
const LANES: usize = 8;

impl L1L2 {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            l1: factor(settings, "l1")?,
            l2: factor(settings, "l2")?,
        })
    }

    /// The penalty of these numbers.
    pub fn of<F: Float>(&self, x: &[F]) -> f64 {
        self.sum(x, |_, _| ())
    }

    /// Add a gradient of the penalty of `x`, divided by `samples`, to `gradients`.
    pub fn add_gradient<F: Float>(&self, samples: usize, x: &[F], gradients: &mut [F]) {
        let (l1, l2) = self.slopes(samples);
        add_slopes(l1, l2, x, gradients);
    }

    /// l1 and 2 · l2, divided by so many samples.
    fn slopes<F: Float>(&self, samples: usize) -> (F, F) {
        let samples = samples as f64;
        (F::of(self.l1 / samples), F::of(2.0 * self.l2 / samples))
    }

    /// The penalty of `x`, whose blocks `see` gets with their first elements.
    fn sum<F: Float>(&self, x: &[F], mut see: impl FnMut(usize, &[F])) -> f64 {
        let (mut absolute, mut squares) = (0.0, 0.0);
        for (i, block) in x.chunks(BLOCK).enumerate() {
            let sums = sums_of(block);
            absolute += sums.0;
            squares += sums.1;
            see(i * BLOCK, block);
        }
        // Without what is not asked for: 0 · ∞ is no number.
        let part = |factor: f64, sum: f64| if factor > 0.0 { factor * sum } else { 0.0 };
        part(self.l1, absolute) + part(self.l2, squares)
    }
}

impl<F: Float> Regularizer<F> for L1L2 {
    fn penalty(&self, _: Threads, w: &[F], gradients: &mut [F], _: &mut [F]) -> f64 {
        if gradients.is_empty() {
            return self.of(w);
        }
        let (l1, l2) = self.slopes(1);
        self.sum(w, |start, block| {
            add_slopes(l1, l2, block, &mut gradients[start..start + block.len()]);
        })
    }
}

kernel! {
    /// Σ|x| and Σx² of a block: element i is added to running sum i mod 8, and these in order.
    fn sums_of<F: Float>(x: &[F]) -> (f64, f64) {
        let (mut absolute, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let lines = x.chunks_exact(LANES);
        let rest = lines.remainder();
        for line in lines {
            for (i, &x) in line.iter().enumerate() {
                let x = x.wide();
                absolute[i] += x.abs();
                squares[i] += x * x;
            }
        }
        for (i, &x) in rest.iter().enumerate() {
            let x = x.wide();
            absolute[i] += x.abs();
            squares[i] += x * x;
        }
        let mut sums = (0.0, 0.0);
        for (&absolute, &squares) in absolute.iter().zip(&squares) {
            sums.0 += absolute;
            sums.1 += squares;
        }
        sums
    }

    /// dx ← dx + (l1 · sign(x) + l2 · x).
    fn add_slopes<F: Float>(l1: F, l2: F, x: &[F], dx: &mut [F]) {
        for (dx, &x) in dx.iter_mut().zip(x) {
            // 0 and NaN are their own signs.
            let sign = if x > F::ZERO {
                F::ONE
            } else if x < F::ZERO {
                -F::ONE
            } else {
                x
            };
            *dx += l1 * sign + l2 * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_and_its_gradient_are_those_of_the_formula() {
        let of = L1L2 { l1: 0.5, l2: 0.25 };
        let w: Vec<f64> = (0..3000).map(|i| f64::from(i % 7) - 3.0).collect();
        let mut gradients = vec![1.0; w.len()];
        let found = of.penalty(Threads::ONE, &w, &mut gradients, &mut []);
        let expected: f64 = w.iter().map(|w| 0.5 * w.abs() + 0.25 * w * w).sum();
        assert!((found - expected).abs() < 1e-12 * expected);
        assert_eq!(found.to_bits(), of.of(&w).to_bits());
        for (g, w) in gradients.iter().zip(&w) {
            let sign = if *w == 0.0 { 0.0 } else { w.signum() };
            assert_eq!(*g, 1.0 + (0.5 * sign + 0.5 * w));
        }
        // Divided by the samples.
        let mut of_four = vec![0.0; w.len()];
        of.add_gradient(4, &w, &mut of_four);
        assert_eq!(of_four[0], -(0.125 + 0.125 * 3.0));
    }

    #[test]
    fn what_is_not_asked_for_does_not_count() {
        let w = [f64::INFINITY, 1.0];
        assert_eq!(L1L2 { l1: 0.0, l2: 0.0 }.of(&w), 0.0);
        assert_eq!(L1L2 { l1: 0.1, l2: 0.0 }.of(&w), f64::INFINITY);
    }
}
