//! How far rows or columns are from being orthogonal.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::{Regularizer, factor};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::linalg::matmul;
use crate::parallel::Threads;
use crate::settings::Settings;
use crate::shape::Shape;

/// P = factor · mean of |rᵢ · rⱼ| over the pairs i < j of rows, or columns, each divided by its norm, as in Keras.
///
/// With R the rows rᵢ, S the signs of R·Rᵀ without its diagonal, and n(n − 1)/2 pairs, D = 2 · factor / (n(n − 1)) · S·R and
/// dP/dwᵢ = (Dᵢ − rᵢ · (rᵢ · Dᵢ)) / ‖wᵢ‖. A norm counts as at least 10⁻⁷.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orthogonal {
    factor: f64,
    by_rows: bool,
    /// Rows or columns, and their length.
    count: usize,
    len: usize,
}

/// The least norm of a row.
const LEAST_NORM: f64 = 1e-7;

impl Orthogonal {
    pub(super) fn new(settings: &Settings, argument: &str, shape: &[usize]) -> Result<Self> {
        let mode = settings.text("mode")?;
        let (count, len) = match (mode, shape) {
            ("rows", &[rows, columns]) => (rows, columns),
            ("columns", &[rows, columns]) => (columns, rows),
            ("rows" | "columns", _) => (0, 0),
            _ => return Err(Error::value("mode", "\"rows\" or \"columns\"", mode)),
        };
        if count < 2 || len == 0 {
            let expected = format!("a matrix of at least 2 {mode}");
            return Err(Error::shape(argument, expected, Shape(shape)));
        }
        Ok(Self {
            factor: factor(settings, "factor")?,
            by_rows: mode == "rows",
            count,
            len,
        })
    }
}

impl<F: Float> Regularizer<F> for Orthogonal {
    fn scratch_len(&self) -> usize {
        let (count, len) = (self.count, self.len);
        let sides = len.saturating_mul(2).saturating_add(count + 1);
        count.saturating_mul(sides)
    }

    fn penalty(&self, threads: Threads, w: &[F], gradients: &mut [F], scratch: &mut [F]) -> f64 {
        let (count, len) = (self.count, self.len);
        let (units, scratch) = scratch.split_at_mut(count * len);
        let (slopes, scratch) = scratch.split_at_mut(count * len);
        let (products, norms) = scratch.split_at_mut(count * count);
        // Element j of vector i stands at i · apart + j · step.
        let (apart, step) = if self.by_rows { (len, 1) } else { (1, count) };
        let element = |i: usize, j: usize| i * apart + j * step;

        for (i, (unit, norm)) in units.chunks_exact_mut(len).zip(&mut *norms).enumerate() {
            let mut squares = 0.0;
            for (j, unit) in unit.iter_mut().enumerate() {
                *unit = w[element(i, j)];
                squares += unit.wide() * unit.wide();
            }
            *norm = F::of(squares.sqrt().max(LEAST_NORM));
            for x in unit {
                *x /= *norm;
            }
        }
        let view = |x, (rows, columns)| ArrayView2::from_shape((rows, columns), x);
        let rows = view(units, (count, len)).expect("as many elements");
        let out = ArrayViewMut2::from_shape((count, count), &mut *products);
        matmul(threads, rows, rows.t(), out.expect("as many elements"));
        let mut sum = 0.0;
        for (i, products) in products.chunks_exact_mut(count).enumerate() {
            products[i] = F::ZERO;
            for product in products {
                sum += product.wide().abs();
                *product = sign(*product);
            }
        }
        let each = self.factor / (count as f64 * (count as f64 - 1.0));
        if !gradients.is_empty() {
            let signs = view(products, (count, count)).expect("as many elements");
            let out = ArrayViewMut2::from_shape((count, len), &mut *slopes);
            matmul(threads, signs, rows, out.expect("as many elements"));
            let twice = 2.0 * each;
            for (i, (unit, slope)) in units
                .chunks_exact(len)
                .zip(slopes.chunks_exact(len))
                .enumerate()
            {
                let along = unit.iter().zip(slope).map(|(r, d)| r.wide() * d.wide());
                // What is shorter than the least norm is divided by a constant.
                let short = norms[i] <= F::of(LEAST_NORM);
                let along = if short { F::ZERO } else { F::of(along.sum()) };
                let scale = F::of(twice / norms[i].wide());
                for (j, (&r, &d)) in unit.iter().zip(slope).enumerate() {
                    gradients[element(i, j)] += scale * (d - r * along);
                }
            }
        }
        each * sum
    }
}

/// −1, 0, 1, or NaN.
fn sign<F: Float>(x: F) -> F {
    if x > F::ZERO {
        F::ONE
    } else if x < F::ZERO {
        -F::ONE
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

    fn penalty(of: Orthogonal, w: &[f64], gradients: &mut [f64]) -> f64 {
        let len = Regularizer::<f64>::scratch_len(&of);
        of.penalty(Threads::ONE, w, gradients, &mut vec![0.0; len])
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        for (mode, shape) in [("rows", [3, 4]), ("columns", [4, 3]), ("rows", [4, 3])] {
            let settings = Settings::new("orthogonal")
                .with("factor", Value::Float(0.3))
                .with("mode", Value::Text(mode.to_owned()));
            let of = Orthogonal::new(&settings, "kernel", &shape).unwrap();
            let mut w: Vec<f64> = (0..12).map(|i| f64::from(i * i % 17) / 5.0 - 1.3).collect();
            let mut gradients = vec![0.0; 12];
            penalty(of, &w, &mut gradients);
            for i in 0..12 {
                let at = w[i];
                let mut side = |x| {
                    w[i] = x;
                    penalty(of, &w, &mut [])
                };
                let slope = (side(at + 1e-6) - side(at - 1e-6)) / 2e-6;
                w[i] = at;
                assert!(
                    (slope - gradients[i]).abs() < 1e-8,
                    "{slope} {}",
                    gradients[i]
                );
            }
        }
    }
}
