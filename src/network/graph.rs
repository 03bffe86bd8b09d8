//! A network as operations over numbered values, in an order in which they can run.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::{self, Array, Function, Take};
use crate::optimizers::Variable;
use crate::regularizers::L1L2;
use crate::settings::Settings;
use crate::shape::Shape;

/// What samples become on their way: so many rows of a width for each. Other rows and widths of the same numbers are
/// other names of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Its number; the network's input is number 0.
    pub number: usize,
    /// Rows of a sample.
    pub rows: usize,
    /// Numbers in a row.
    pub width: usize,
}

impl Value {
    /// Numbers in a sample.
    pub fn size(self) -> usize {
        self.rows * self.width
    }
}

/// One call of a function: the values it reads and makes, and where its arrays lie.
#[derive(Debug, Clone)]
pub struct Operation<F: Float> {
    /// The function.
    pub function: Arc<dyn Function<F>>,
    /// The layer that it is part of.
    pub layer: usize,
    /// The values that it reads.
    pub reads: Vec<Value>,
    /// The value that it makes.
    pub makes: Value,
    /// Its part of the flat parameters.
    pub parameters: Range<usize>,
    /// Its part of the flat state.
    pub state: Range<usize>,
    /// Whether training changes it.
    pub trainable: bool,
    /// Whether it runs as in training, whatever the pass is; None where the pass says it.
    pub mode: Option<bool>,
}

impl<F: Float> Operation<F> {
    /// Whether training changes parameters of it.
    pub(super) fn learns(&self) -> bool {
        self.trainable && !self.parameters.is_empty()
    }

    /// Multiply-adds of a row with all parameters: none where a row of them is looked up.
    pub(super) fn multiply_adds(&self) -> usize {
        if self.function.looks_up() {
            0
        } else {
            self.parameters.len()
        }
    }
}

/// Where one array of a layer lies in a flat array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The layer, counted as the caller listed them.
    pub layer: usize,
    /// Role of the array; of a part of a layer behind the name of the part.
    pub name: String,
    /// Its first element.
    pub offset: usize,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Place {
    /// Its elements in the flat array.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.shape.iter().product::<usize>()
    }

    /// Which of these variables it is. Where arrays of other networks lie between those of layers, they are variables too.
    pub fn number_among(&self, variables: &[Variable]) -> usize {
        let is_there = |variable: &Variable| variable.range == self.range();
        let found = variables.iter().position(is_there);
        found.expect("each array is a variable")
    }
}

/// Where the arrays of layers lie in flat arrays of which other networks have parts too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// The first element of each layer's, in the parameters and in the state.
    pub starts: Vec<(usize, usize)>,
    /// The lengths of these two.
    pub lengths: (usize, usize),
}

impl Spread {
    /// Check that it says where the arrays of so many layers lie.
    pub(super) fn check<F>(&self, layers: usize) -> Result<()> {
        let (parameters, state) = self.lengths;
        size_of_array::<F>("spread", &[parameters])?;
        size_of_array::<F>("spread", &[state])?;
        if self.starts.len() != layers {
            let (expected, found) = (format!("{layers}, one a layer"), self.starts.len());
            return Err(Error::value("spread", expected, found));
        }
        let beyond = |&&(first, average): &&(usize, usize)| first > parameters || average > state;
        match self.starts.iter().find(beyond) {
            Some(start) => {
                let expected = format!("starts in arrays of {parameters} and {state}");
                Err(Error::value("spread", expected, format!("{start:?}")))
            }
            None => Ok(()),
        }
    }
}

/// Arrays in a flat array, one after the other unless a [`Spread`] says where.
#[derive(Debug, Clone, Default)]
pub(super) struct Flat {
    pub(super) places: Vec<Place>,
    pub(super) count: usize,
}

impl Flat {
    /// Add the arrays of a function of a layer.
    fn push<F>(&mut self, layer: usize, prefix: &str, arrays: Vec<Array>) -> Result<Range<usize>> {
        let first = self.count;
        for array in arrays {
            let place = Place {
                layer,
                name: [prefix, array.name].concat(),
                offset: self.count,
                shape: array.shape,
            };
            self.count = size_of_array::<F>("parameters", &[place.range().end])?;
            self.places.push(place);
        }
        Ok(first..self.count)
    }

    /// Whether there is nothing but the arrays, one after the other.
    pub(super) fn in_a_row(&self) -> bool {
        let mut end = 0;
        let all = self.places.iter().all(|place| {
            let follows = place.offset == end;
            end = place.range().end;
            follows
        });
        all && end == self.count
    }

    /// End at so many elements, of which no array has those of another.
    fn end_at(&mut self, length: usize) -> Result<()> {
        let mut ranges: Vec<_> = self.places.iter().map(Place::range).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let meet = ranges.windows(2).any(|pair| pair[1].start < pair[0].end);
        let end = ranges.last().map_or(0, |last| last.end);
        if meet || end > length {
            let expected = format!("arrays apart from each other in {length} elements");
            let found = if meet {
                "two that meet".to_owned()
            } else {
                format!("one up to {end}")
            };
            return Err(Error::value("spread", expected, found));
        }
        self.count = length;
        Ok(())
    }
}

/// A network in the making.
#[derive(Debug, Clone)]
pub struct Graph<F: Float> {
    pub(super) input: Value,
    pub(super) operations: Vec<Operation<F>>,
    pub(super) parameters: Flat,
    pub(super) state: Flat,
    /// The operations of each layer, where it is applied first.
    layers: Vec<Range<usize>>,
    /// What there is of the parts of layers, by the numbers of the layer, of the part, of its part, and so on.
    parts: BTreeMap<Vec<usize>, Part>,
    /// Values with penalties on them.
    pub(super) activities: Vec<(Value, L1L2)>,
}

/// What there is of a part of a layer.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// How often it was applied.
    pub(super) times: usize,
    /// Its operations, where it is applied first.
    pub(super) operations: Range<usize>,
    /// The arrays that it has, or the one that it is.
    pub(super) parameters: Range<usize>,
}

impl<F: Float> Graph<F> {
    /// A network of samples of this shape, which computes nothing yet; without axes, they are single numbers.
    pub fn new(input_shape: &[usize]) -> Result<Self> {
        if input_shape.contains(&0) {
            let expected = "no axis of length 0";
            return Err(Error::shape("input_shape", expected, Shape(input_shape)));
        }
        size_of_array::<F>("input_shape", input_shape)?;
        Ok(Self {
            input: value(0, input_shape),
            operations: Vec::new(),
            parameters: Flat::default(),
            state: Flat::default(),
            layers: Vec::new(),
            parts: BTreeMap::new(),
            activities: Vec::new(),
        })
    }

    /// The network's input.
    pub fn input(&self) -> Value {
        self.input
    }

    /// These numbers of each sample.
    pub(super) fn part_of_input(&mut self, part: Range<usize>) -> Result<Value> {
        let (input, parts) = (self.input, vec![part]);
        let take = Take {
            width: input.width,
            parts,
            times: 1,
        };
        self.apply(self.layers.len(), Arc::new(take), &[input])
    }

    /// Apply a new layer to `x`.
    pub fn layer(&mut self, settings: &Settings, x: Value) -> Result<Value> {
        let first = self.operations.len();
        let made = self.layer_anew(self.layers.len(), "", settings, x)?;
        self.layers.push(first..self.operations.len());
        Ok(made)
    }

    /// Apply what `settings` describe to `x` as part of layer number `layer`, with arrays of its own, whose names begin
    /// with `prefix`.
    pub(super) fn layer_anew(
        &mut self,
        layer: usize,
        prefix: &str,
        settings: &Settings,
        mut x: Value,
    ) -> Result<Value> {
        let mode = mode_of(settings)?;
        let trainable = trainable(settings)?;
        for function in layers::from_settings::<F>(settings, x.width)? {
            let (arrays, averages) = (function.parameters(), function.state());
            let parameters = self.parameters.push::<F>(layer, prefix, arrays)?;
            let state = self.state.push::<F>(layer, prefix, averages)?;
            x = self.push(layer, function, &[x], parameters, state, trainable)?;
            self.set_mode(mode);
        }
        Ok(x)
    }

    /// Apply layer number `layer` once more, to `x`: with the same arrays.
    pub fn layer_again(&mut self, layer: usize, x: Value) -> Result<Value> {
        self.again(layer, self.layers[layer].clone(), x)
    }

    /// Apply `operations`, each of which reads what the one before makes, once more, to `x`.
    pub(super) fn again(
        &mut self,
        layer: usize,
        operations: Range<usize>,
        mut x: Value,
    ) -> Result<Value> {
        for k in operations {
            let Operation {
                function,
                parameters,
                state,
                trainable,
                mode,
                ..
            } = self.operations[k].clone();
            x = self.push(layer, function, &[x], parameters, state, trainable)?;
            self.set_mode(mode);
        }
        Ok(x)
    }

    /// Say whether the last operation runs as in training, whatever its pass does.
    pub(super) fn set_mode(&mut self, mode: Option<bool>) {
        if let Some(last) = self.operations.last_mut() {
            last.mode = mode;
        }
    }

    /// Put the arrays that come next here, in the parameters and in the state.
    pub(super) fn go_to(&mut self, (first, average): (usize, usize)) {
        (self.parameters.count, self.state.count) = (first, average);
    }

    /// End the flat arrays at these lengths.
    pub(super) fn end_at(&mut self, (parameters, state): (usize, usize)) -> Result<()> {
        self.parameters.end_at(parameters)?;
        self.state.end_at(state)
    }

    /// What there is of a part of a layer.
    pub(super) fn part(&mut self, path: &[usize]) -> &mut Part {
        self.parts.entry(path.to_vec()).or_default()
    }

    /// Add an array called `name` to those of layer number `layer`.
    pub(super) fn weight(
        &mut self,
        layer: usize,
        name: &str,
        shape: Vec<usize>,
    ) -> Result<Range<usize>> {
        size_of_array::<F>(name, &shape)?;
        let array = Array { name: "", shape };
        self.parameters.push::<F>(layer, name, vec![array])
    }

    /// Apply a function of a weight, which lies in `parameters`; of no values it makes one row a sample.
    pub(super) fn apply_weight(
        &mut self,
        layer: usize,
        function: Arc<dyn Function<F>>,
        reads: &[Value],
        parameters: Range<usize>,
        trainable: bool,
    ) -> Result<Value> {
        self.push(layer, function, reads, parameters, 0..0, trainable)
    }

    /// Apply a function without arrays to several values.
    pub fn join(&mut self, function: Arc<dyn Function<F>>, reads: &[Value]) -> Result<Value> {
        let layer = self.layers.len();
        self.skip_layer();
        self.apply(layer, function, reads)
    }

    /// Apply a function without arrays as part of layer number `layer`.
    pub(super) fn apply(
        &mut self,
        layer: usize,
        function: Arc<dyn Function<F>>,
        reads: &[Value],
    ) -> Result<Value> {
        self.push(layer, function, reads, 0..0, 0..0, true)
    }

    /// The same, with the arrays of the layer or the part of one at `path`, which it gets where it is applied first, under
    /// names that begin with `prefix`.
    pub(super) fn apply_with_arrays(
        &mut self,
        (path, prefix): (&[usize], &str),
        settings: &Settings,
        function: Arc<dyn Function<F>>,
        reads: &[Value],
    ) -> Result<Value> {
        let (layer, arrays) = (path[0], function.parameters());
        if arrays.is_empty() {
            return self.apply(layer, function, reads);
        }
        if self.part(path).parameters.is_empty() {
            self.part(path).parameters = self.parameters.push::<F>(layer, prefix, arrays)?;
        }
        let parameters = self.part(path).parameters.clone();
        self.push(
            layer,
            function,
            reads,
            parameters,
            0..0,
            trainable(settings)?,
        )
    }

    /// Count a layer that has no operation of its own.
    pub(super) fn skip_layer(&mut self) {
        let end = self.operations.len();
        self.layers.push(end..end);
    }

    fn push(
        &mut self,
        layer: usize,
        function: Arc<dyn Function<F>>,
        reads: &[Value],
        parameters: Range<usize>,
        state: Range<usize>,
        trainable: bool,
    ) -> Result<Value> {
        let rows = reads.first().map_or(1, |x| x.rows);
        let widths: Vec<_> = reads.iter().map(|x| x.width).collect();
        let same_rows = reads.iter().all(|x| x.rows == rows);
        let width = function.output_width(&widths).filter(|_| same_rows);
        let width = width.ok_or_else(|| {
            let found = format!("{rows} rows of {}", Shape(&widths));
            Error::shape("inputs", format!("rows that {function:?} takes"), found)
        })?;
        size_of_array::<F>(&format!("output of layer {layer}"), &[rows, width])?;
        let number = self.operations.len() + 1;
        let makes = Value {
            number,
            rows,
            width,
        };
        self.operations.push(Operation {
            function,
            layer,
            reads: reads.to_vec(),
            makes,
            parameters,
            state,
            trainable,
            mode: None,
        });
        Ok(makes)
    }
}

/// Whether training changes the arrays of a layer.
fn trainable(settings: &Settings) -> Result<bool> {
    Ok(!settings.values.contains_key("trainable") || settings.flag("trainable")?)
}

/// Whether a layer runs as in training whatever its pass does, if it is said.
pub(super) fn mode_of(settings: &Settings) -> Result<Option<bool>> {
    let said = settings.values.contains_key("mode");
    said.then(|| settings.flag("mode")).transpose()
}

/// Value `number`, of this shape without the batch axis: of none, it is one number.
pub(super) fn value(number: usize, shape: &[usize]) -> Value {
    let (width, others) = shape.split_last().unwrap_or((&1, &[]));
    let (rows, width) = (others.iter().product(), *width);
    Value {
        number,
        rows,
        width,
    }
}

/// Number of elements of an array, if its bytes can be counted at all.
pub(super) fn size_of_array<F>(argument: &str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |size, &axis| size.checked_mul(axis))
        .filter(|&size| size <= isize::MAX as usize / size_of::<F>())
        .ok_or_else(|| Error::shape(argument, "an array that fits into memory", Shape(shape)))
}
