//! Layers without arrays that look at whole samples: they join values, or change shapes.

use std::ops::Range;
use std::sync::Arc;

use super::elementwise::{Average, Extreme, Multiply, Subtract};
use super::join::{Dot, Take};
use super::{Add, Concatenate, Function, Select};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;
use crate::shape::Shape;

/// What such a layer does with inputs of certain shapes.
pub(crate) struct Shaped<F: Float> {
    /// What it computes; None where it gives the same numbers another shape.
    pub(crate) function: Option<Arc<dyn Function<F>>>,
    /// As how many rows of a sample the function sees its inputs.
    pub(crate) rows: usize,
    /// The shape of what it makes, without the batch axis.
    pub(crate) shape: Vec<usize>,
}

impl<F: Float> Shaped<F> {
    fn new(function: impl Function<F>, rows: usize, shape: Vec<usize>) -> Self {
        let function: Option<Arc<dyn Function<F>>> = Some(Arc::new(function));
        Self {
            function,
            rows,
            shape,
        }
    }

    fn another_name(shape: Vec<usize>) -> Self {
        Self {
            function: None,
            rows: 1,
            shape,
        }
    }
}

/// The layer that `settings` describe, for inputs of these shapes; None if it is one of rows.
pub(crate) fn from_shapes<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Option<Shaped<F>>> {
    type Make<F> = fn(&Settings, &[&[usize]]) -> Result<Shaped<F>>;
    let registry: [(&str, Make<F>); 13] = [
        ("add", |_, x| elementwise(Add, x)),
        ("average", |_, x| elementwise(Average, x)),
        ("concatenate", concatenate),
        ("dot", dot),
        ("flatten", |_, x| {
            let size = one(x)?.iter().product();
            Ok(Shaped::another_name(vec![size]))
        }),
        ("maximum", |_, x| elementwise(Extreme { largest: true }, x)),
        ("minimum", |_, x| elementwise(Extreme { largest: false }, x)),
        ("multiply", |_, x| elementwise(Multiply, x)),
        ("permute", permute),
        ("repeat_vector", repeat_vector),
        ("reshape", reshape),
        ("select", |_, x| elementwise(Select, x)),
        ("subtract", |_, x| elementwise(Subtract, x)),
    ];
    let row = registry.iter().find(|(name, _)| *name == settings.kind);
    row.map(|(_, make)| make(settings, inputs)).transpose()
}

/// The shape of the one input that a layer takes.
pub(crate) fn one<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize]> {
    match inputs {
        &[shape] => Ok(shape),
        _ => Err(Error::value("inputs", "one value", inputs.len())),
    }
}

fn elementwise<F: Float>(function: impl Function<F>, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let Some(&first) = inputs.first() else {
        return Err(Error::value("inputs", "at least one value", 0));
    };
    if let Some(other) = inputs.iter().find(|&&shape| shape != first) {
        let expected = format!("values of one shape, {}", Shape(first));
        return Err(Error::shape("inputs", expected, Shape(other)));
    }
    Ok(Shaped::new(function, 1, first.to_vec()))
}

/// Side by side along an axis, which is counted with that of the batch.
fn concatenate<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let Some(&first) = inputs.first() else {
        return Err(Error::value("inputs", "at least one value", 0));
    };
    let axis = match settings.integer("axis")? {
        axis if axis < 0 => first.len().checked_add_signed(axis as isize),
        axis => (axis as usize).checked_sub(1),
    };
    let Some(axis) = axis.filter(|&axis| axis < first.len()) else {
        let expected = format!("an axis of samples of shape {}", Shape(first));
        return Err(Error::value("axis", expected, settings.integer("axis")?));
    };
    let others = |shape: &[usize]| [&shape[..axis], &shape[axis + 1..]].concat();
    let differs = |shape: &&&[usize]| shape.len() != first.len() || others(shape) != others(first);
    if let Some(other) = inputs.iter().find(differs) {
        let expected = format!("shapes that differ from {} in one axis", Shape(first));
        return Err(Error::shape("inputs", expected, Shape(other)));
    }
    let mut shape = first.to_vec();
    shape[axis] = inputs.iter().map(|shape| shape[axis]).sum();
    let widths = inputs.iter().map(|shape| shape[axis..].iter().product());
    let widths = widths.collect();
    let rows = first[..axis].iter().product();
    Ok(Shaped::new(Concatenate { widths }, rows, shape))
}

fn dot<F: Float>(_: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    match *inputs {
        [&[a], &[b]] if a == b => Ok(Shaped::new(Dot, 1, vec![1])),
        _ => {
            let found: Vec<_> = inputs.iter().map(|&x| Shape(x).to_string()).collect();
            let expected = "two vectors of one length";
            Err(Error::shape("inputs", expected, found.join(" and ")))
        }
    }
}

fn reshape<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (from, target) = (one(inputs)?, settings.integers("target_shape")?);
    let size: usize = from.iter().product();
    let mut known = target.iter().filter(|&&axis| axis != -1);
    let known = known.try_fold(1usize, |product, &axis| {
        product.checked_mul(usize::try_from(axis).ok()?)
    });
    let open = target.iter().filter(|&&axis| axis == -1).count();
    let fits = match (known, open) {
        (Some(known), 0) => known == size,
        (Some(known), 1) => known > 0 && size.is_multiple_of(known),
        _ => false,
    };
    if !fits || target.is_empty() {
        let expected = format!("a shape of {size} numbers, as {} has", Shape(from));
        return Err(Error::shape("target_shape", expected, Shape(target)));
    }
    let rest = size / known.unwrap_or(1).max(1);
    let axes = target.iter();
    let axes = axes.map(|&axis| if axis == -1 { rest } else { axis as usize });
    Ok(Shaped::another_name(axes.collect()))
}

fn repeat_vector<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (times, &[width]) = (settings.count("n")?, one(inputs)?) else {
        let expected = "samples of one axis";
        return Err(Error::shape("inputs", expected, Shape(one(inputs)?)));
    };
    let take = Take {
        width,
        parts: std::iter::once(0..width).collect(),
        times,
    };
    Ok(Shaped::new(take, 1, vec![times, width]))
}

/// The axes in the order of `dims`, which count from 1.
fn permute<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (from, dims) = (one(inputs)?, settings.integers("dims")?);
    let axes: Vec<usize> = dims
        .iter()
        .map(|&dim| dim.wrapping_sub(1) as usize)
        .collect();
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..from.len()) {
        let expected = format!("each of the axes 1 to {} once", from.len());
        return Err(Error::value("dims", expected, Shape(dims)));
    }
    let strides = |shape: &[usize]| -> Vec<usize> {
        let after = |k: usize| shape[k + 1..].iter().product();
        (0..shape.len()).map(after).collect()
    };
    let shape: Vec<_> = axes.iter().map(|&axis| from[axis]).collect();
    let (size, old, new) = (from.iter().product(), strides(from), strides(&shape));
    let place = |k: usize| -> usize {
        let index = |j: usize| k / new[j] % shape[j] * old[axes[j]];
        (0..shape.len()).map(index).sum()
    };
    let mut parts: Vec<Range<usize>> = Vec::new();
    if parts.try_reserve_exact(size).is_err() {
        let expected = "samples that fit into memory";
        return Err(Error::shape("inputs", expected, Shape(from)));
    }
    for start in (0..size).map(place) {
        match parts.last_mut() {
            Some(last) if last.end == start => last.end += 1,
            _ => parts.push(start..start + 1),
        }
    }
    parts.shrink_to_fit();
    let take = Take {
        width: size,
        parts,
        times: 1,
    };
    Ok(Shaped::new(take, 1, shape))
}
