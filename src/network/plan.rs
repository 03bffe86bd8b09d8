//! What the kernels need to know of a network, compiled once and never changed.

use std::ops::Range;
use std::sync::Arc;

use crate::activations::Activation;
use crate::columns;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::{self, Layer, Order};
use crate::linalg;
use crate::settings::Settings;
use crate::shape::Shape;

/// A layer and where its arrays lie.
#[derive(Debug, Clone)]
pub struct Stage<F: Float> {
    /// The layer.
    pub layer: Arc<dyn Layer<F>>,
    /// Rows that a sample is made of, as this layer sees it: it works on the last axis.
    pub rows: usize,
    /// Width of the rows that come in.
    pub width_in: usize,
    /// Width of the rows that go out.
    pub width_out: usize,
    /// Its part of the flat parameters.
    pub parameters: Range<usize>,
    /// Its part of the flat state.
    pub state: Range<usize>,
    /// Whether training changes it.
    pub trainable: bool,
}

/// Where one array of a layer lies in a flat array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The layer, counted as the caller listed them.
    pub layer: usize,
    /// Role of the array.
    pub name: &'static str,
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
}

/// The compiled network.
#[derive(Debug, Clone)]
pub struct Plan<F: Float> {
    stages: Vec<Stage<F>>,
    input_size: usize,
    output_shapes: Vec<Vec<usize>>,
    parameters: Vec<Place>,
    state: Vec<Place>,
    parameter_count: usize,
    state_count: usize,
    trainable: Vec<Range<usize>>,
    variables: Vec<Range<usize>>,
    output: (usize, usize),
}

impl<F: Float> Plan<F> {
    /// Compile a network for samples of `input_shape` (without the batch axis).
    pub fn new(input_shape: &[usize], settings: &[Settings]) -> Result<Self> {
        if input_shape.is_empty() || input_shape.contains(&0) {
            return Err(Error::shape(
                "input_shape",
                "at least one axis and none of length 0",
                Shape(input_shape),
            ));
        }
        let input_size = size_of_array::<F>("input_shape", input_shape)?;
        let mut plan = Self {
            stages: Vec::new(),
            input_size,
            output_shapes: Vec::new(),
            parameters: Vec::new(),
            state: Vec::new(),
            parameter_count: 0,
            state_count: 0,
            trainable: Vec::new(),
            variables: Vec::new(),
            output: (0, 0),
        };
        let mut shape = input_shape.to_vec();
        for (index, settings) in settings.iter().enumerate() {
            if settings.kind == "flatten" {
                // Samples are contiguous: another shape of the same numbers.
                shape = vec![shape.iter().product()];
            } else {
                plan.push(index, settings, &mut shape)?;
            }
            plan.output_shapes.push(shape.clone());
        }
        let width = shape[shape.len() - 1];
        plan.output = (shape.iter().product::<usize>() / width, width);
        Ok(plan)
    }

    fn push(&mut self, index: usize, settings: &Settings, shape: &mut [usize]) -> Result<()> {
        let last = shape.len() - 1;
        let (rows, width_in) = (shape[..last].iter().product(), shape[last]);
        let layer = layers::from_settings::<F>(settings, width_in)?;
        let trainable = !settings.values.contains_key("trainable") || settings.flag("trainable")?;
        shape[last] = layer.output_width();
        size_of_array::<F>(&format!("output of layer {index}"), shape)?;

        let place = |arrays: Vec<layers::Array>, places: &mut Vec<Place>, count: &mut usize| {
            let first = *count;
            for array in arrays {
                let place = Place {
                    layer: index,
                    name: array.name,
                    offset: *count,
                    shape: array.shape,
                };
                *count = size_of_array::<F>("parameters", &[place.range().end])?;
                places.push(place);
            }
            Ok(first..*count)
        };
        let from = self.parameters.len();
        let parameters = place(
            layer.parameters(),
            &mut self.parameters,
            &mut self.parameter_count,
        )?;
        let state = place(layer.state(), &mut self.state, &mut self.state_count)?;
        if trainable {
            self.variables
                .extend(self.parameters[from..].iter().map(Place::range));
            match self.trainable.last_mut() {
                Some(run) if run.end == parameters.start => run.end = parameters.end,
                _ if parameters.is_empty() => {}
                _ => self.trainable.push(parameters.clone()),
            }
        }
        self.stages.push(Stage {
            rows,
            width_in,
            width_out: layer.output_width(),
            layer,
            parameters,
            state,
            trainable,
        });
        Ok(())
    }

    /// The layers that compute something, in order.
    pub fn stages(&self) -> &[Stage<F>] {
        &self.stages
    }

    /// Numbers in a sample.
    pub fn input_size(&self) -> usize {
        self.input_size
    }

    /// Rows of the output of a sample: 1 unless the output has several axes.
    pub fn output_rows(&self) -> usize {
        self.output.0
    }

    /// Width of the last axis of the output.
    pub fn output_width(&self) -> usize {
        self.output.1
    }

    /// Numbers in the output of a sample.
    pub fn output_size(&self) -> usize {
        self.output.0 * self.output.1
    }

    /// The shape of each layer's output, without the batch axis.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }

    /// Where each trainable array lies.
    pub fn parameters(&self) -> &[Place] {
        &self.parameters
    }

    /// Where each array of the state lies.
    pub fn state(&self) -> &[Place] {
        &self.state
    }

    /// Length of the flat parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    /// Length of the flat state.
    pub fn state_count(&self) -> usize {
        self.state_count
    }

    /// The runs of the flat parameters that training changes.
    pub fn trainable(&self) -> &[Range<usize>] {
        &self.trainable
    }

    /// The arrays that make up those runs.
    pub fn variables(&self) -> &[Range<usize>] {
        &self.variables
    }

    /// How batches best lie in memory for training: column-major where all layers are narrow and can take that.
    pub fn order(&self) -> Order {
        let narrow = |stage: &Stage<F>| {
            let widest = stage.width_in.max(stage.width_out);
            stage.rows == 1 && widest <= columns::WIDEST && stage.layer.takes_columns()
        };
        if !self.stages.is_empty() && self.stages.iter().all(narrow) {
            Order::ColumnMajor
        } else {
            Order::RowMajor
        }
    }

    /// Check that this machine can compute the products of a pass of so many samples, which gets the gradients of
    /// parameters from stage `dw_from` on, and of inputs from stage `dx_from` on.
    pub fn check_products(&self, samples: usize, dw_from: usize, dx_from: usize) -> Result<()> {
        let of = |(i, stage): (usize, &Stage<F>)| {
            let rows = samples.saturating_mul(stage.rows);
            let (fan_in, fan_out) = (stage.width_in, stage.width_out);
            let y = stage.layer.multiplies().then_some((rows, fan_in, fan_out));
            [
                y,
                y.filter(|_| i >= dw_from).map(|_| (fan_in, rows, fan_out)),
                y.filter(|_| i >= dx_from).map(|_| (rows, fan_out, fan_in)),
            ]
        };
        let products = self.stages.iter().enumerate().flat_map(of);
        linalg::check(products.flatten())
    }

    /// The first stage that has parameters and is trained; the number of stages if there is none.
    pub fn first_trained(&self) -> usize {
        let trained = |stage: &Stage<F>| stage.trainable && !stage.parameters.is_empty();
        self.stages
            .iter()
            .position(trained)
            .unwrap_or(self.stages.len())
    }

    /// The same network up to the input of its last activation, and that activation.
    pub fn split_activation(&self) -> Option<(Self, Arc<dyn Activation<F>>)> {
        let last = self.stages.last()?;
        if (last.rows, last.width_out) != self.output {
            // Behind a Flatten a loss sees other rows than the activation did.
            return None;
        }
        let split = last.layer.split_activation()?;
        let mut plan = self.clone();
        match split.rest {
            Some(layer) => plan.stages.last_mut()?.layer = layer,
            None => {
                plan.stages.pop();
            }
        }
        Some((plan, split.activation))
    }
}

/// Number of elements of an array, if its bytes can be counted at all.
fn size_of_array<F>(argument: &str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |size, &axis| size.checked_mul(axis))
        .filter(|&size| size <= isize::MAX as usize / size_of::<F>())
        .ok_or_else(|| Error::shape(argument, "an array that fits into memory", Shape(shape)))
}
