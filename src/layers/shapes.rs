//! Layers that look at whole samples: they join values, change shapes, or look numbers up.

use std::ops::Range;
use std::sync::Arc;

use super::broadcast::{self, Steps};
use super::elementwise::{Average, Extreme, Multiply, Subtract};
use super::embedding::{CategoryEncoding, Embedding};
use super::join::{Dot, Take};
use super::matmul::MatMul;
use super::unit_norm::UnitNorm;
use super::{
    Add, Concatenate, Function, Select, along, combine, draw, maps, matmul, normalization,
    penalize, prelu, reductions, unit_norm,
};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;
use crate::shape::Shape;

/// What such a layer does with inputs of certain shapes.
pub(crate) struct Shaped<F: Float> {
    /// What it computes; None where it gives the same numbers another shape.
    pub(crate) function: Option<Arc<dyn Function<F>>>,
    /// What is done with each input before; nothing with those that are not listed.
    pub(crate) steps: Vec<Steps<F>>,
    /// As how many rows of a sample the function sees its inputs.
    pub(crate) rows: usize,
    /// The shape of what it makes, without the batch axis.
    pub(crate) shape: Vec<usize>,
}

impl<F: Float> Shaped<F> {
    pub(super) fn new(function: impl Function<F>, rows: usize, shape: Vec<usize>) -> Self {
        Self::of(Arc::new(function), rows, shape)
    }

    pub(super) fn of(function: Arc<dyn Function<F>>, rows: usize, shape: Vec<usize>) -> Self {
        Self {
            function: Some(function),
            steps: Vec::new(),
            rows,
            shape,
        }
    }

    fn another_name(shape: Vec<usize>) -> Self {
        Self {
            function: None,
            steps: Vec::new(),
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
    let registry: [(&str, Make<F>); 29] = [
        ("add", |_, x| elementwise(Add, x)),
        ("along", along::from_settings),
        ("average", |_, x| elementwise(Average, x)),
        ("broadcast", broadcast_to),
        ("category_encoding", category_encoding),
        ("combine", combine::from_settings),
        ("concatenate", concatenate),
        ("cost", penalize::cost),
        ("dot", dot),
        ("draw", draw::from_settings),
        ("embedding", embedding),
        ("flatten", |_, x| {
            let size = one(x)?.iter().product();
            Ok(Shaped::another_name(vec![size]))
        }),
        ("group_normalization", normalization::of_groups),
        ("layer_normalization", normalization::of_layer),
        ("matmul", matmul::from_settings),
        ("maximum", |_, x| elementwise(Extreme { largest: true }, x)),
        ("minimum", |_, x| elementwise(Extreme { largest: false }, x)),
        ("multiply", |_, x| elementwise(Multiply, x)),
        ("permute", permute),
        ("prelu", prelu::from_settings),
        ("reduce", reductions::from_settings),
        ("repeat_vector", repeat_vector),
        ("reshape", reshape),
        ("rms_normalization", normalization::of_mean_square),
        ("select", |_, x| elementwise(Select, x)),
        ("subtract", |_, x| elementwise(Subtract, x)),
        ("take", take),
        ("unit_norm", unit_norm::from_settings),
        ("unit_normalization", unit_norm::over_axes),
    ];
    if let &[shape] = inputs {
        let width = shape.last().copied().unwrap_or(1);
        if let Some(function) = maps::from_settings(settings, width)? {
            let rows = shape.iter().product::<usize>() / width;
            return Ok(Some(Shaped::of(function, rows, shape.to_vec())));
        }
    }
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

/// The axes of a sample that `axes` list in any order, which follow each other. They count from 1, or from −1 down.
pub(super) fn axes_in_a_row(axes: &[i64], sample: &[usize]) -> Result<Range<usize>> {
    let place = |&axis: &i64| match axis {
        axis if axis < 0 => sample.len().checked_add_signed(axis as isize),
        axis => (axis as usize).checked_sub(1),
    };
    let places: Option<Vec<usize>> = axes.iter().map(place).collect();
    let mut places = places.unwrap_or_default();
    places.sort_unstable();
    if let (Some(&first), Some(&last)) = (places.first(), places.last())
        && last < sample.len()
        && places.iter().copied().eq(first..=last)
    {
        return Ok(first..last + 1);
    }
    let expected = format!("axes in a row of samples of shape {}", Shape(sample));
    Err(Error::value("axis", expected, Shape(axes)))
}

/// Element by element, in the shape that all of them meet in.
fn elementwise<F: Float>(function: impl Function<F>, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    if inputs.is_empty() {
        return Err(Error::value("inputs", "at least one value", 0));
    }
    let shape = broadcast::meet(inputs)?;
    let steps = inputs.iter().map(|own| broadcast::steps(own, &shape));
    Ok(Shaped {
        steps: steps.collect(),
        ..Shaped::new(function, 1, shape.clone())
    })
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

/// Vectors of one length, or matrices, along an axis of each that is counted with that of the batch.
fn dot<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let &[a, b] = inputs else {
        return Err(Error::value("inputs", "two values", inputs.len()));
    };
    let (axes, normalize) = (settings.integers("axes")?, settings.flag("normalize")?);
    let place = |shape: &[usize], axis: i64| -> Option<usize> {
        let place = match axis {
            axis if axis < 0 => shape.len().checked_add_signed(axis as isize),
            axis => (axis as usize).checked_sub(1),
        };
        place.filter(|&place| place < shape.len() && shape.len() <= 2)
    };
    let places = match *axes {
        [of_a, of_b] => place(a, of_a).zip(place(b, of_b)),
        _ => None,
    };
    let fit = places.filter(|&(of_a, of_b)| a[of_a] == b[of_b]);
    let Some((of_a, of_b)) = fit else {
        let found = format!("{} and {}, axes {}", Shape(a), Shape(b), Shape(axes));
        let expected = "samples of one axis or two, of one length along the axes";
        return Err(Error::shape("inputs", expected, found));
    };
    let mut shaped = if a.len() == 1 && b.len() == 1 {
        Shaped::new(Dot, 1, vec![1])
    } else {
        // A vector is a matrix of one row, or of one column.
        let row = |shape: &[usize], axis| match *shape {
            [rows, columns] => ((rows, columns), axis == 0),
            _ => ((1, shape[0]), false),
        };
        let column = |shape: &[usize], axis| match *shape {
            [rows, columns] => ((rows, columns), axis == 1),
            _ => ((shape[0], 1), false),
        };
        let product = MatMul::of_inputs(row(a, of_a), column(b, of_b));
        let rest = [(a, of_a), (b, of_b)]
            .into_iter()
            .flat_map(|(shape, axis)| {
                let others = shape.iter().enumerate().filter(move |&(k, _)| k != axis);
                others.map(|(_, &length)| length)
            });
        Shaped::new(product.expect("sides that fit"), 1, rest.collect())
    };
    if normalize {
        let steps = [(a, of_a), (b, of_b)].map(|(shape, axis)| -> Steps<F> {
            let function = UnitNorm {
                len: shape[axis],
                width: shape[axis + 1..].iter().product(),
                epsilon: LEAST_NORM,
            };
            vec![(shape[..axis].iter().product(), Arc::new(function))]
        });
        shaped.steps = steps.into();
    }
    Ok(shaped)
}

/// The least number that a vector is divided by to have length 1.
const LEAST_NORM: f64 = 1e-7;

/// Places along an axis, in any order.
fn take<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (shape, axis) = (one(inputs)?, settings.integer("axis")?);
    let place = usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < shape.len());
    let Some(axis) = place else {
        let expected = format!("an axis of samples of shape {}", Shape(shape));
        return Err(Error::value("axis", expected, axis));
    };
    let (indices, len) = (settings.integers("indices")?, shape[axis]);
    let fit = |&index: &i64| usize::try_from(index).ok().filter(|&index| index < len);
    let places: Option<Vec<usize>> = indices.iter().map(fit).collect();
    let Some(places) = places.filter(|places| !places.is_empty()) else {
        let expected = format!("at least one place from 0 to {}", len - 1);
        return Err(Error::value("indices", expected, Shape(indices)));
    };
    let inner: usize = shape[axis + 1..].iter().product();
    let take = Take {
        width: len * inner,
        parts: joined(
            places
                .iter()
                .map(|&place| place * inner..(place + 1) * inner),
        ),
        times: 1,
    };
    let rows = shape[..axis].iter().product();
    let shape = [&shape[..axis], &[places.len()], &shape[axis + 1..]].concat();
    Ok(Shaped::new(take, rows, shape))
}

/// Parts, of which those that follow each other are one.
fn joined(parts: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for part in parts {
        match found.last_mut() {
            Some(last) if last.end == part.start => last.end = part.end,
            _ => found.push(part),
        }
    }
    found
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
    if !fits {
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

/// The same numbers again and again, in a shape that theirs meets.
fn broadcast_to<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (from, target) = (one(inputs)?, settings.integers("target_shape")?);
    let axes: Option<Vec<usize>> = target.iter().map(|&n| usize::try_from(n).ok()).collect();
    let shape = axes.filter(|shape| broadcast::meet(&[from, shape]).as_ref() == Ok(shape));
    let Some(shape) = shape else {
        let expected = format!("a shape that {} is broadcast to", Shape(from));
        return Err(Error::shape("target_shape", expected, Shape(target)));
    };
    let mut steps = broadcast::steps(from, &shape);
    Ok(match steps.pop() {
        Some((rows, last)) => Shaped {
            steps: vec![steps],
            ..Shaped::of(last, rows, shape)
        },
        None => Shaped::another_name(shape),
    })
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
    if Vec::<Range<usize>>::new().try_reserve_exact(size).is_err() {
        let expected = "samples that fit into memory";
        return Err(Error::shape("inputs", expected, Shape(from)));
    }
    let mut parts = joined((0..size).map(place).map(|start| start..start + 1));
    parts.shrink_to_fit();
    let take = Take {
        width: size,
        parts,
        times: 1,
    };
    Ok(Shaped::new(take, 1, shape))
}

/// A vector for each number.
fn embedding<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (shape, width) = (one(inputs)?, settings.count("output_dim")?);
    let table = Embedding::new::<F>(settings.count("input_dim")?, width)?;
    let rows = shape.iter().product();
    Ok(Shaped::new(table, rows, [shape, &[width]].concat()))
}

/// A vector of categories for each number, or for those of the last axis together.
fn category_encoding<F: Float>(settings: &Settings, inputs: &[&[usize]]) -> Result<Shaped<F>> {
    let (shape, categories) = (one(inputs)?, settings.count("num_tokens")?);
    // Of one number a sample there is one.
    let (&last, others) = shape.split_last().unwrap_or((&1, &[]));
    let (len, counts, shape) = match settings.text("output_mode")? {
        "one_hot" if last == 1 => (1, false, others),
        "one_hot" => (1, false, shape),
        "multi_hot" => (last, false, others),
        "count" => (last, true, others),
        mode => {
            let expected = "\"one_hot\", \"multi_hot\" or \"count\"";
            return Err(Error::value("output_mode", expected, format!("{mode:?}")));
        }
    };
    let encoding = CategoryEncoding::new::<F>(categories, len, counts)?;
    let rows = shape.iter().product();
    Ok(Shaped::new(encoding, rows, [shape, &[categories]].concat()))
}
