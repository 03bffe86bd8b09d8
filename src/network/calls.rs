//! From calls of layers to a graph: which layer reads which values, in the shapes that layers see.

use std::ops::Range;
use std::sync::Arc;

use super::graph::{Graph, Spread, Value, mode_of, size_of_array, value};
use super::plan::Layer;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::{Concatenate, from_shapes, of_weight, one};
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
    /// other. The outputs are values by number; where none are named, what the last call makes. The arrays of layers lie
    /// where `spread` says, or one after the other.
    pub(super) fn new(
        input_shapes: &[Vec<usize>],
        settings: &[Settings],
        calls: &[Call],
        outputs: &[usize],
        spread: Option<&Spread>,
    ) -> Result<Self> {
        if let Some(spread) = spread {
            spread.check::<F>(settings.len())?;
        }
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
            if let Some(spread) = spread.filter(|_| times[layer] == 0) {
                graph.go_to(spread.starts[layer]);
            }
            let site = Site {
                settings,
                path: vec![layer],
                prefix: String::new(),
                times: times[layer],
            };
            let made = make(&mut graph, &site, &reads)?;
            times[layer] += 1;
            layers.push(made.0);
            values.push((made.0.output, made.1.clone()));
            output_shapes.push(made.1);
        }
        if times.contains(&0) {
            return Err(Error::value("calls", "a call of each layer", calls.len()));
        }
        if let Some(spread) = spread {
            graph.end_at(spread.lengths)?;
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

/// What is called: a layer, or a part of one.
struct Site<'a> {
    settings: &'a Settings,
    /// The numbers of the layer, of the part of it, of the part of that, and so on.
    path: Vec<usize>,
    /// What the names of its arrays begin with.
    prefix: String,
    /// How often it was called before.
    times: usize,
}

impl Site<'_> {
    fn layer(&self) -> usize {
        self.path[0]
    }

    /// Whether the whole of a layer is called for the first time.
    fn begins_layer(&self) -> bool {
        self.times == 0 && self.path.len() == 1
    }
}

/// Call a layer or a part of one; return what it makes, and the shape of that.
fn make<F: Float>(
    graph: &mut Graph<F>,
    site: &Site,
    reads: &[Shaped],
) -> Result<(Layer, Vec<usize>)> {
    let first = graph.operations.len();
    let (layer, settings) = (site.layer(), site.settings);
    let shapes: Vec<&[usize]> = reads.iter().map(|(_, shape)| &shape[..]).collect();
    let (output, shape) = if settings.kind == "traced" {
        traced(graph, site, reads)?
    } else if let Some(shaped) = from_shapes::<F>(settings, &shapes)? {
        size_of_array::<F>(&format!("output of layer {layer}"), &shaped.shape)?;
        if site.begins_layer() {
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
                let place = (&site.path[..], &site.prefix[..]);
                let made = graph.apply_with_arrays(place, settings, function, &seen)?;
                graph.set_mode(mode_of(settings)?);
                made.number
            }
            None => reads[0].0.number,
        };
        (value(number, &shaped.shape), shaped.shape)
    } else {
        let mut shape = one(&shapes)?.to_vec();
        let output = of_rows(graph, site, reads[0].0)?;
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
    // What a layer of parts ends in is no activation of its own.
    let last = last.filter(|last| last.makes == output && settings.kind != "traced");
    let before_activation = last.and_then(|last| Layer::of(last).before_activation);
    let made = Layer {
        before_activation,
        output,
    };
    Ok((made, shape))
}

/// Call what sees samples row by row.
fn of_rows<F: Float>(graph: &mut Graph<F>, site: &Site, x: Value) -> Result<Value> {
    let (layer, settings) = (site.layer(), site.settings);
    if site.begins_layer() {
        return graph.layer(settings, x);
    }
    let path = settings.text("path").ok().filter(|_| site.times > 0);
    match path {
        // What draws numbers draws others in each call.
        Some(path) => {
            let path = Setting::Text(format!("{path}/{}", site.times));
            let settings = settings.clone().with("path", path);
            graph.layer_anew(layer, &site.prefix, &settings, x)
        }
        None if site.path.len() == 1 => graph.layer_again(layer, x),
        None if site.times > 0 => {
            let operations = graph.part(&site.path).operations.clone();
            graph.again(layer, operations, x)
        }
        None => {
            let first = graph.operations.len();
            let made = graph.layer_anew(layer, &site.prefix, settings, x)?;
            graph.part(&site.path).operations = first..graph.operations.len();
            Ok(made)
        }
    }
}

/// Call a layer that is made of parts: weights, and layers, of which `calls` says what each reads. For each call there are
/// the number of the part, what is done with it if it is a weight (see [`of_weight`]), how many values are read, and
/// these: first come the inputs of the layer, then what each call makes.
fn traced<F: Float>(
    graph: &mut Graph<F>,
    site: &Site,
    inputs: &[Shaped],
) -> Result<(Value, Vec<usize>)> {
    let (layer, parts) = (site.layer(), site.settings.nested("parts")?);
    if site.begins_layer() {
        graph.skip_layer();
    }
    let part = |number: usize| parts.nested(&number.to_string());
    let path = |number: usize| [&site.path[..], &[number]].concat();
    if site.times == 0 {
        // Weights lie in the order in which they were added, whatever uses them first.
        for number in 0..parts.values.len() {
            let settings = part(number)?;
            if settings.kind == "weight" {
                let name = format!("{}{}", site.prefix, settings.text("part")?);
                let range = graph.weight(layer, &name, shape_of(settings)?)?;
                graph.part(&path(number)).parameters = range;
            }
        }
    }
    let wrong = |found: &dyn std::fmt::Display| {
        let expected = "parts, forms, counts and numbers of values that are there";
        Error::value("calls", expected, found)
    };
    let mut values: Vec<Shaped> = inputs.to_vec();
    let calls = site.settings.integers("calls")?;
    let mut numbers = calls.iter().map(|&number| usize::try_from(number));
    while let Some(number) = numbers.next() {
        let mut next = || numbers.next().and_then(std::result::Result::ok);
        let header = (number.ok(), next(), next());
        let (Some(number), Some(form), Some(count)) = header else {
            return Err(wrong(&Shape(calls)));
        };
        let read = |_| next().and_then(|number| values.get(number).cloned());
        let reads: Option<Vec<Shaped>> = (0..count.min(values.len() + 1)).map(read).collect();
        let (Some(reads), Ok(settings)) = (reads, part(number)) else {
            return Err(wrong(&Shape(calls)));
        };
        let path = path(number);
        let made = if settings.kind == "weight" {
            let parameters = graph.part(&path).parameters.clone();
            use_weight(graph, layer, settings, form, parameters, &reads)?
        } else if reads.is_empty() {
            return Err(wrong(&Shape(calls)));
        } else {
            let times = graph.part(&path).times;
            graph.part(&path).times += 1;
            let site = Site {
                settings,
                prefix: format!("{}{}", site.prefix, settings.text("part")?),
                path,
                times,
            };
            let (made, shape) = make(graph, &site, &reads)?;
            (made.output, shape)
        };
        values.push(made);
    }
    // What an input is given back as is another name of it.
    values.pop().ok_or_else(|| wrong(&Shape(calls)))
}

/// Do something with a weight, which lies in `parameters`.
fn use_weight<F: Float>(
    graph: &mut Graph<F>,
    layer: usize,
    settings: &Settings,
    form: usize,
    parameters: Range<usize>,
    reads: &[Shaped],
) -> Result<Shaped> {
    let shape = shape_of(settings)?;
    let input = match reads {
        [] => None,
        [(_, shape)] => Some(&shape[..]),
        _ => return Err(Error::value("inputs", "at most one value", reads.len())),
    };
    let made = of_weight::<F>(form, &shape, input)?;
    let rows = |(x, _): &Shaped| Value {
        rows: x.size() / made.width,
        width: made.width,
        ..*x
    };
    let reads: Vec<_> = reads.iter().map(rows).collect();
    let trainable = settings.flag("trainable")?;
    let output = graph.apply_weight(layer, made.function, &reads, parameters, trainable)?;
    Ok((value(output.number, &made.shape), made.shape))
}

/// The shape of a weight.
fn shape_of(settings: &Settings) -> Result<Vec<usize>> {
    let shape = settings.integers("shape")?;
    let axis = |&axis: &i64| usize::try_from(axis).ok().filter(|&axis| axis > 0);
    let axes: Option<_> = shape.iter().map(axis).collect();
    axes.ok_or_else(|| Error::value("shape", "lengths of at least 1", Shape(shape)))
}
