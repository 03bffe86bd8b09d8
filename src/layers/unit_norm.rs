//! Vectors divided by their lengths.

use std::sync::Arc;

use super::shapes::{Shaped, axes_in_a_row, one};
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;
use crate::shape::Shape;

/// y = x / max(‖x‖, ε) for each of `width` vectors of `len` numbers, whose numbers are `width` apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnitNorm {
    pub(super) len: usize,
    pub(super) width: usize,
    pub(super) epsilon: f64,
}

/// What such settings describe: along one axis.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let (shape, axis) = (one(inputs)?, settings.integer("axis")?);
    let place = usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < shape.len());
    let Some(place) = place else {
        let expected = format!("an axis of samples of shape {}", Shape(shape));
        return Err(Error::value("axis", expected, axis));
    };
    let function = UnitNorm {
        len: shape[place],
        width: shape[place + 1..].iter().product(),
        epsilon: settings.float_where("epsilon", "a number of at least 0", |e| e >= 0.0)?,
    };
    let rows = shape[..place].iter().product();
    Ok(Shaped::of(Arc::new(function), rows, shape.to_vec()))
}

/// The same over axes that follow each other, which count from 1, or from −1 down.
pub(super) fn over_axes<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let shape = one(inputs)?;
    let axes = axes_in_a_row(settings.integers("axis")?, shape)?;
    let function = UnitNorm {
        len: shape[axes.clone()].iter().product(),
        width: shape[axes.end..].iter().product(),
        epsilon: settings.float_where("epsilon", "a number of at least 0", |e| e >= 0.0)?,
    };
    let rows = shape[..axes.start].iter().product();
    Ok(Shaped::of(Arc::new(function), rows, shape.to_vec()))
}

impl UnitNorm {
    /// Call `work` with the places of each vector in a row of so many.
    fn vectors(self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        (0..self.width).map(move |k| (k..k + self.len * self.width).step_by(self.width))
    }
}

impl<F: Float> Function<F> for UnitNorm {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let size = self.len.checked_mul(self.width)?;
        (inputs == [size]).then_some(size)
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: true,
        }
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let size = self.len * self.width;
        let rows = x.get(0).chunks_exact(size).zip(y.chunks_exact_mut(size));
        for (x, y) in rows {
            for places in self.vectors() {
                let norm = length(x, places.clone()).at_least(F::of(self.epsilon));
                places.for_each(|i| y[i] = x[i] / norm);
            }
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        x: Inputs<F>,
        y: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        let (size, epsilon) = (self.len * self.width, F::of(self.epsilon));
        for row in 0..dx.len() / size {
            let here = row * size..(row + 1) * size;
            let (x, y) = (&x.get(0)[here.clone()], &y[here.clone()]);
            let (dy, dx) = (&dy[here.clone()], &mut dx[here]);
            for places in self.vectors() {
                let norm = length(x, places.clone());
                let along = places.clone().fold(F::ZERO, |sum, i| sum + y[i] * dy[i]);
                // Below ε the divisor is a constant.
                let along = if norm > epsilon { along } else { F::ZERO };
                let norm = norm.at_least(epsilon);
                places.for_each(|i| dx[i] = (dy[i] - y[i] * along) / norm);
            }
        }
    }
}

fn length<F: Float>(x: &[F], places: impl Iterator<Item = usize>) -> F {
    places.fold(F::ZERO, |sum, i| sum + x[i] * x[i]).sqrt()
}
