//! Norms along some axes that are one number, or between two.

use super::Constraint;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::simd::kernel;

/// w ← w · goal / (10⁻⁷ + n), where n is the norm along the axes, and the goal is 1, or
/// rate · (n between the bounds) + (1 − rate) · n.
///
/// As in Keras, whose 10⁻⁷ keeps it from dividing by 0: norms come out by that share too small.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Norm {
    /// The least and the largest norm, and the rate; None for 1.
    bounds: Option<(f64, f64, f64)>,
    /// For each axis its length, and by how much the number of a norm grows along it: 0 where norms go along it.
    steps: Vec<(usize, usize)>,
    /// How many norms there are.
    count: usize,
}

/// What is added to a norm.
const EPSILON: f64 = 1e-7;

impl Norm {
    pub(super) fn bounded(settings: &Settings, argument: &str, shape: &[usize]) -> Result<Self> {
        let norm = |name| settings.float_where(name, "a finite number of at least 0", |x| x >= 0.0);
        let (least, largest) = (norm("min_value")?, norm("max_value")?);
        if least > largest {
            let expected = format!("at most max_value, {largest}");
            return Err(Error::value("min_value", expected, least));
        }
        let rate = settings.float_where("rate", "a number from 0 to 1", |rate| {
            (0.0..=1.0).contains(&rate)
        })?;
        Ok(Self {
            bounds: Some((least, largest, rate)),
            ..Self::unit(settings, argument, shape)?
        })
    }

    pub(super) fn unit(settings: &Settings, argument: &str, shape: &[usize]) -> Result<Self> {
        // Negative ones count from the last axis.
        let (axes, rank) = (settings.integers("axis")?, shape.len() as i64);
        if let Some(axis) = axes.iter().find(|axis| !(-rank..rank).contains(*axis)) {
            let expected = format!("axes of an array of shape {}", Shape(shape));
            return Err(Error::value(&format!("axis of {argument}"), expected, axis));
        }
        let along = |axis: i64| axes.contains(&axis) || axes.contains(&(axis - rank));
        let (mut steps, mut count) = (Vec::with_capacity(shape.len()), 1);
        for (axis, &len) in shape.iter().enumerate().rev() {
            if along(axis as i64) {
                steps.push((len, 0));
            } else {
                steps.push((len, count));
                count *= len;
            }
        }
        steps.reverse();
        Ok(Self {
            bounds: None,
            steps,
            count,
        })
    }

    /// What weights of this norm are multiplied by.
    fn factor<F: Float>(&self, squares: f64) -> F {
        let norm = F::of(squares.sqrt());
        let goal = match self.bounds {
            None => F::ONE,
            Some((least, largest, rate)) => {
                let inside = norm.at_least(F::of(least)).at_most(F::of(largest));
                if rate == 1.0 {
                    inside
                } else {
                    F::of(rate) * inside + F::of(1.0 - rate) * norm
                }
            }
        };
        goal / (F::of(EPSILON) + norm)
    }
}

impl<F: Float> Constraint<F> for Norm {
    fn scratch_len(&self) -> usize {
        self.count
    }

    fn apply(&self, w: &mut [F], scratch: &mut [f64]) {
        if w.is_empty() {
            return;
        }
        let norms = &mut scratch[..self.count];
        norms.fill(0.0);
        walk(&self.steps, w, 0, &mut |row, first, step| {
            if step == 0 {
                norms[first] += sum_of_squares(row);
            } else {
                add_squares(row, &mut norms[first..first + row.len()]);
            }
        });
        for norm in &mut *norms {
            *norm = self.factor::<F>(*norm).wide();
        }
        walk(&self.steps, w, 0, &mut |row, first, step| {
            if step == 0 {
                scale(F::of(norms[first]), row);
            } else {
                scale_each(&norms[first..first + row.len()], row);
            }
        });
    }
}

/// Call `visit` with the rows of an array with these axes, in order, each with the number of the norm of its first element
/// and by how much that grows from element to element: 0 or 1.
fn walk<F>(
    axes: &[(usize, usize)],
    w: &mut [F],
    first: usize,
    visit: &mut impl FnMut(&mut [F], usize, usize),
) {
    match axes {
        [] => visit(w, first, 0),
        [(_, step)] => visit(w, first, *step),
        [(len, step), inner @ ..] => {
            for (i, part) in w.chunks_exact_mut(w.len() / len).enumerate() {
                walk(inner, part, first + i * step, visit);
            }
        }
    }
}

/// Running sums of a row.
const LANES: usize = 8;

kernel! {
    /// Σx²: element i is added to running sum i mod 8, and these in order.
    fn sum_of_squares<F: Float>(x: &[F]) -> f64 {
        let mut squares = [0.0; LANES];
        let lines = x.chunks_exact(LANES);
        let rest = lines.remainder();
        for line in lines {
            for (i, &x) in line.iter().enumerate() {
                squares[i] += x.wide() * x.wide();
            }
        }
        for (i, &x) in rest.iter().enumerate() {
            squares[i] += x.wide() * x.wide();
        }
        let mut sum = 0.0;
        for square in squares {
            sum += square;
        }
        sum
    }

    fn add_squares<F: Float>(x: &[F], sums: &mut [f64]) {
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += x.wide() * x.wide();
        }
    }

    fn scale<F: Float>(factor: F, x: &mut [F]) {
        for x in x {
            *x *= factor;
        }
    }

    fn scale_each<F: Float>(factors: &[f64], x: &mut [F]) {
        for (x, &factor) in x.iter_mut().zip(factors) {
            *x *= F::of(factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

    fn apply(settings: &Settings, shape: &[usize], w: &mut [f64]) -> Norm {
        let norm = if settings.kind == "unit_norm" {
            Norm::unit(settings, "kernel_constraint", shape)
        } else {
            Norm::bounded(settings, "kernel_constraint", shape)
        };
        let norm = norm.unwrap();
        norm.apply(w, &mut vec![0.0; norm.count]);
        norm
    }

    #[test]
    fn norms_along_any_axes_become_one() {
        let shape = [2, 3, 4];
        for axes in [&[0][..], &[1], &[-1], &[0, 2], &[0, 1, 2], &[-3, 1]] {
            let mut w: Vec<f64> = (0..24).map(|i| f64::from(i * 7 % 11) - 4.5).collect();
            let settings = Settings::new("unit_norm").with("axis", Value::Integers(axes.to_vec()));
            let norm = apply(&settings, &shape, &mut w);
            let mut sums = vec![0.0; norm.count];
            for (i, w) in w.iter().enumerate() {
                let place = [i / 12, i / 4 % 3, i % 4];
                let number = place.iter().zip(&norm.steps).map(|(p, (_, step))| p * step);
                sums[number.sum::<usize>()] += w * w;
            }
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn norms_between_the_bounds_stay_and_others_are_put_back() {
        let settings = Settings::new("min_max_norm")
            .with("min_value", Value::Float(1.0))
            .with("max_value", Value::Float(2.0))
            .with("rate", Value::Float(1.0))
            .with("axis", Value::Integers(vec![0]));
        let mut w = [3.0, 0.3, 4.0, 0.4];
        apply(&settings, &[2, 2], &mut w);
        let expected = [1.2, 0.6, 1.6, 0.8];
        assert!(w.iter().zip(&expected).all(|(w, e)| (w - e).abs() < 1e-6));
        let before = w;
        apply(&settings, &[2, 2], &mut w);
        assert!(w.iter().zip(&before).all(|(w, e)| (w - e).abs() < 1e-6));
    }
}
