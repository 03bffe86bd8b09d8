//! Normalization within a sample: layer normalization (Ba, Kiros & Hinton, 2016), that of root mean squares (Zhang &
//! Sennrich, 2019) and group normalization (Wu & He, 2018).
//!
//! Each sample has statistics of its own, so training and inference are one, and rows may go to any thread. Like those of a
//! batch they are centred: the mean is that of x − pivot, with the first number as the pivot, and squares are summed about it.
//! The gradients of γ and β are summed over the rows in stripes that are cut by a fixed rule and added up in order.

mod rows;

use std::sync::Arc;

use super::shapes::{Shaped, axes_in_a_row, one};
use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel;
use crate::reduce::PARALLEL_FROM;
use crate::settings::Settings;
use crate::shape::Shape;
use rows::{Cut, STRIPE};

/// y = γ x̂ + β with x̂ = (x − μ) / √(σ² + ε), or x̂ = x / √(mean of x² + ε).
///
/// The numbers of a group have their statistics together, over all places of a row. Each column has its γ and β.
#[derive(Debug, Clone)]
pub(super) struct Normalization {
    cut: Cut,
    epsilon: f64,
    /// Whether the mean is taken off.
    about_mean: bool,
    center: bool,
    scale: bool,
    /// That of γ and β.
    shape: Vec<usize>,
}

/// Over the last axes of a sample, which `axis` lists.
pub(super) fn of_layer<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (center, scale) = (settings.flag("center")?, settings.flag("scale")?);
    over_last_axes(settings, one(inputs)?, true, center, scale)
}

/// The same without the mean and β.
pub(super) fn of_mean_square<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    over_last_axes(settings, one(inputs)?, false, false, true)
}

fn over_last_axes<F: Float>(
    settings: &Settings,
    sample: &[usize],
    about_mean: bool,
    center: bool,
    scale: bool,
) -> Result<Shaped<F>> {
    let first = first_of_last_axes(settings.integers("axis")?, sample)?;
    let (others, shape) = sample.split_at(first);
    let function = Normalization {
        cut: Cut {
            places: 1,
            groups: 1,
            columns: shape.iter().product(),
        },
        epsilon: epsilon(settings)?,
        about_mean,
        center,
        scale,
        shape: shape.to_vec(),
    };
    let rows = others.iter().product();
    Ok(Shaped::of(Arc::new(function), rows, sample.to_vec()))
}

/// In so many groups of the columns of the last axis.
pub(super) fn of_groups<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let sample = one(inputs)?;
    let first = first_of_last_axes(&[settings.integer("axis")?], sample)?;
    let width = sample[first];
    let groups = match settings.integer("groups")? {
        -1 => Some(width),
        groups => usize::try_from(groups).ok(),
    };
    let divides = |&groups: &usize| groups > 0 && width.is_multiple_of(groups);
    let Some(groups) = groups.filter(divides) else {
        let expected = format!("a divisor of {width}, the length of the axis, or -1 for it");
        let found = settings.integer("groups")?;
        return Err(Error::value("groups", expected, found));
    };
    let function = Normalization {
        cut: Cut {
            places: sample[..first].iter().product(),
            groups,
            columns: width / groups,
        },
        epsilon: epsilon(settings)?,
        about_mean: true,
        center: settings.flag("center")?,
        scale: settings.flag("scale")?,
        shape: vec![width],
    };
    Ok(Shaped::of(Arc::new(function), 1, sample.to_vec()))
}

fn epsilon(settings: &Settings) -> Result<f64> {
    settings.float_where("epsilon", "a positive number", |e| e > 0.0)
}

/// The first of the axes of a sample that `axes` list, which are the last ones.
fn first_of_last_axes(axes: &[i64], sample: &[usize]) -> Result<usize> {
    let range = axes_in_a_row(axes, sample)?;
    if range.end == sample.len() {
        return Ok(range.start);
    }
    let expected = format!(
        "the last axis, or last axes, of samples of {}",
        Shape(sample)
    );
    Err(Error::value("axis", expected, Shape(axes)))
}

impl Normalization {
    /// γ and β; empty where there is none.
    fn split<'a, F>(&self, parameters: &'a [F]) -> (&'a [F], &'a [F]) {
        parameters.split_at(if self.scale { self.cut.width() } else { 0 })
    }

    /// The elements of a stripe of rows that have `of_row` each, in an array of all rows.
    fn stripe<F>(all: &[F], of_row: usize, stripe: usize) -> &[F] {
        let start = stripe * STRIPE * of_row;
        &all[start..all.len().min(start + STRIPE * of_row)]
    }

    /// The gradients of γ and β.
    fn parameter_gradients<F: Float>(
        &self,
        pass: Pass,
        x: &[F],
        dy: &[F],
        (notes, sums): (&[F], &mut [F]),
        dparameters: &mut [F],
    ) {
        let (cut, width, size) = (self.cut, self.cut.width(), self.cut.size());
        parallel::for_each_chunk(pass.threads, sums, 2 * width, |stripe, sums| {
            rows::stripe_gradients(
                Self::stripe(x, size, stripe),
                Self::stripe(dy, size, stripe),
                Self::stripe(notes, cut.notes(), stripe),
                cut,
                sums,
            );
        });
        let (dgamma, dbeta) = dparameters.split_at_mut(if self.scale { width } else { 0 });
        rows::join_gradients(sums, width, dgamma, dbeta);
    }
}

impl<F: Float> Function<F> for Normalization {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let size = self.cut.size();
        (inputs == [size]).then_some(size)
    }

    fn parameters(&self) -> Vec<Array> {
        let present = [("gamma", self.scale), ("beta", self.center)];
        let present = present.into_iter().filter(|p| p.1);
        let array = |(name, _)| Array {
            name,
            shape: self.shape.clone(),
        };
        present.map(array).collect()
    }

    fn cache_len(&self, rows: usize) -> usize {
        rows * self.cut.notes() + 2 * self.cut.width() * rows.div_ceil(STRIPE)
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        _: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (x, cut) = (x.get(0), self.cut);
        let (size, of_row) = (cut.size(), cut.notes());
        let threads = pass.threads.for_part(x.len(), PARALLEL_FROM);
        let notes = &mut cache[..pass.rows * of_row];
        let (epsilon, about_mean) = (F::of(self.epsilon), self.about_mean);
        parallel::for_each_chunk(threads, notes, STRIPE * of_row, |stripe, notes| {
            let x = Self::stripe(x, size, stripe);
            rows::moments(x, cut, about_mean, epsilon, notes);
        });
        let (notes, (gamma, beta)) = (&*notes, self.split(parameters));
        parallel::for_each_chunk(threads, y, STRIPE * size, |stripe, y| {
            let x = Self::stripe(x, size, stripe);
            let notes = Self::stripe(notes, of_row, stripe);
            rows::normalize(x, notes, cut, gamma, beta, y);
        });
    }

    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let (x, cut) = (x.get(0), self.cut);
        let (size, of_row) = (cut.size(), cut.notes());
        let pass = Pass {
            threads: pass.threads.for_part(x.len(), PARALLEL_FROM),
            ..pass
        };
        let (notes, sums) = cache.split_at_mut(pass.rows * of_row);
        if !dparameters.is_empty() {
            self.parameter_gradients(pass, x, dy, (notes, sums), dparameters);
        }
        let Some(dx) = dx.get(0) else { return };
        let (notes, (gamma, _)) = (&*notes, self.split(parameters));
        parallel::for_each_chunk(pass.threads, dx, STRIPE * size, |stripe, dx| {
            rows::input_gradient(
                Self::stripe(x, size, stripe),
                Self::stripe(dy, size, stripe),
                Self::stripe(notes, of_row, stripe),
                cut,
                self.about_mean,
                gamma,
                dx,
            );
        });
    }
}
