//! From calls of layers to a graph: which layer reads which values, in the shapes that layers see.

use std::sync::Arc;

use super::graph::{Graph, Value, size_of_array, value};
use super::plan::Layer;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::{Concatenate, from_shapes, one};
use crate::settings::{Settings, Value as Setting};
use crate::shape::Shape;

/// A value, and its shape without the batch axis.
pub(super) type Shaped = (Value, Vec<usize>);

/// One call of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The layer, counted as they are called first.
    pub layer: usize,
    /// The values that it reads, by number: first come the inputs, then what each call makes.
    pub reads: Vec<usize>,
}

impl Call {
    /// So many layers in a row.
    pub fn chain(layers: usize) -> Vec<Self> {
        let call = |layer| Self {
            layer,
            reads: vec![layer],
        };
        (0..layers).map(call).collect()
    }
}

/// The graph of all calls.
pub(super) struct Called<F: Float> {
    pub(super) graph: Graph<F>,
    /// What each call makes.
    pub(super) layers: Vec<Layer>,
    /// The shape of that, without the batch axis.
    pub(super) output_shapes: Vec<Vec<usize>>,
    /// The outputs, and their shapes, without the batch axis.
    pub(super) ends: Vec<Shaped>,
    /// The output; of several all of them side by side.
    pub(super) output: Value,
}

impl<F: Float> Called<F> {
    /// Call layers, the first time in the order of their settings. Samples have inputs of these shapes, one after the
    /// other. The outputs are values by number; where none are named, what the last call makes.
    pub(super) fn new(
        input_shapes: &[Vec<usize>],
        settings: &[Settings],
        calls: &[Call],
        outputs: &[usize],
    ) -> Result<Self> {
        let (mut graph, mut values) = Self::inputs(input_shapes)?;
        let (mut layers, mut output_shapes) = (Vec::new(), Vec::new());
        let mut times = vec![0usize; settings.len()];
        for call in calls {
            let layer = call.layer;
            let called = times.iter().take_while(|&&times| times > 0).count();
            let Some(settings) = settings.get(layer).filter(|_| layer <= called) else {
                let expected = "layers in the order of their first calls";
                return Err(Error::value("calls", expected, layer));
            };
            let read = |&number: &usize| values.get(number).cloned();
            let reads: Option<Vec<_>> = call.reads.iter().map(read).collect();
            let reads = reads.filter(|reads| !reads.is_empty()).ok_or_else(|| {
                let expected = format!("numbers of values below {}", values.len());
                Error::value("calls", expected, format!("{:?}", call.reads))
            })?;
            let made = make(&mut graph, settings, layer, times[layer], &reads)?;
            times[layer] += 1;
            layers.push(made.0);
            values.push((made.0.output, made.1.clone()));
            output_shapes.push(made.1);
        }
        if times.contains(&0) {
            return Err(Error::value("calls", "a call of each layer", calls.len()));
        }
        let last = [values.len() - 1];
        let outputs = if outputs.is_empty() { &last } else { outputs };
        let end = |&number: &usize| values.get(number).cloned();
        let ends: Option<Vec<_>> = outputs.iter().map(end).collect();
        let ends = ends.ok_or_else(|| {
            let expected = format!("numbers of values below {}", values.len());
            Error::value("outputs", expected, format!("{outputs:?}"))
        })?;
        Ok(Self {
            output: side_by_side(&mut graph, &ends)?,
            graph,
            layers,
            output_shapes,
            ends,
        })
    }

    /// A graph of samples that have inputs of these shapes: of several each is a part of the sample.
    fn inputs(shapes: &[Vec<usize>]) -> Result<(Graph<F>, Vec<Shaped>)> {
        if let [shape] = shapes {
            let graph = Graph::new(shape)?;
            let input = graph.input();
            return Ok((graph, vec![(input, shape.clone())]));
        }
        let mut sizes = Vec::with_capacity(shapes.len());
        for shape in shapes {
            sizes.push(Graph::<F>::new(shape)?.input().size());
        }
        let all = sizes
            .iter()
            .try_fold(0usize, |sum, &size| sum.checked_add(size));
        let all = all.unwrap_or(usize::MAX);
        let mut graph = Graph::new(&[all])?;
        let (mut values, mut end) = (Vec::with_capacity(shapes.len()), 0);
        for (shape, size) in shapes.iter().zip(sizes) {
            end += size;
            let part = graph.part_of_input(end - size..end)?;
            values.push((value(part.number, shape), shape.clone()));
        }
        Ok((graph, values))
    }
}

/// The numbers of all values in one row a sample, unless there is one value.
fn side_by_side<F: Float>(graph: &mut Graph<F>, values: &[Shaped]) -> Result<Value> {
    if let [(one, _)] = values {
        return Ok(*one);
    }
    let row = |&(x, _): &Shaped| Value {
        rows: 1,
        width: x.size(),
        ..x
    };
    let rows: Vec<_> = values.iter().map(row).collect();
    let widths = rows.iter().map(|x| x.width).collect();
    graph.join(Arc::new(Concatenate { widths }), &rows)
}

/// Call a layer that was called so many times before; return what it makes, and the shape of that.
fn make<F: Float>(
    graph: &mut Graph<F>,
    settings: &Settings,
    layer: usize,
    times: usize,
    reads: &[Shaped],
) -> Result<(Layer, Vec<usize>)> {
    let first = graph.operations.len();
    let shapes: Vec<&[usize]> = reads.iter().map(|(_, shape)| &shape[..]).collect();
    let (output, shape) = if let Some(shaped) = from_shapes::<F>(settings, &shapes)? {
        size_of_array::<F>(&format!("output of layer {layer}"), &shaped.shape)?;
        if times == 0 {
            graph.skip_layer();
        }
        let number = match shaped.function {
            Some(function) => {
                let in_rows = |x: Value, rows| Value {
                    rows,
                    width: x.size() / rows,
                    ..x
                };
                let mut seen = Vec::with_capacity(reads.len());
                for (i, &(mut x, _)) in reads.iter().enumerate() {
                    for (rows, step) in shaped.steps.get(i).into_iter().flatten() {
                        x = graph.apply(layer, step.clone(), &[in_rows(x, *rows)])?;
                    }
                    seen.push(in_rows(x, shaped.rows));
                }
                graph
                    .apply_with_arrays(layer, settings, function, &seen)?
                    .number
            }
            None => reads[0].0.number,
        };
        (value(number, &shaped.shape), shaped.shape)
    } else {
        let mut shape = one(&shapes)?.to_vec();
        let x = reads[0].0;
        let output = match settings.text("path") {
            _ if times == 0 => graph.layer(settings, x)?,
            // What draws numbers draws others in each call.
            Ok(path) => {
                let path = Setting::Text(format!("{path}/{times}"));
                graph.layer_anew(layer, &settings.clone().with("path", path), x)?
            }
            Err(_) => graph.layer_again(layer, x)?,
        };
        match shape.last_mut() {
            Some(last) => *last = output.width,
            None if output.width == 1 => {} // one number a sample
            None => {
                let expected = "samples of at least one axis";
                return Err(Error::shape("inputs", expected, Shape(&shape)));
            }
        }
        size_of_array::<F>(&format!("output of layer {layer}"), &shape)?;
        (output, shape)
    };
    let last = graph.operations[first..].last();
    let last = last.filter(|last| last.makes == output);
    let before_activation = last.and_then(|last| Layer::of(last).before_activation);
    let made = Layer {
        before_activation,
        output,
    };
    Ok((made, shape))
}
