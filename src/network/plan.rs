//! What a network means, compiled once and never changed; and from it what runs.

use std::sync::Arc;

use once_cell::race::OnceBox;

use super::calls::{Call, Called};
use super::graph::{Flat, Graph, Operation, Place, Value};
use super::layout::Purpose;
use super::lower;
use super::program::Program;
use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::optimizers::Variable;
use crate::settings::Settings;

/// The compiled network: operations as its layers mean them. Copies share all of it.
#[derive(Debug, Clone)]
pub struct Plan<F: Float> {
    operations: Arc<[Operation<F>]>,
    input: Value,
    output: Value,
    arrays: Arc<Arrays>,
    made: Arc<Made<F>>,
}

/// What is made of a plan when it is first asked for: what runs, and the plan that ends before the last activation.
///
/// Without a lock, which a fork meanwhile would leave locked in the child: two threads may both make one.
#[derive(Debug)]
struct Made<F: Float> {
    inference: OnceBox<Arc<Program<F>>>,
    by_hand: OnceBox<Arc<Program<F>>>,
    update: OnceBox<Arc<Program<F>>>,
    training: OnceBox<Arc<Program<F>>>,
    before_activation: OnceBox<Option<BeforeActivation<F>>>,
}

type BeforeActivation<F> = (Plan<F>, Arc<dyn Activation<F>>);

impl<F: Float> Default for Made<F> {
    fn default() -> Self {
        Self {
            inference: OnceBox::new(),
            by_hand: OnceBox::new(),
            update: OnceBox::new(),
            training: OnceBox::new(),
            before_activation: OnceBox::new(),
        }
    }
}

/// What a call of a layer makes.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    /// What goes into the activation that ends it, if one does.
    pub before_activation: Option<Value>,
    /// Its output.
    pub output: Value,
}

impl Layer {
    /// One that ends in `operation`.
    pub(super) fn of<F: Float>(operation: &Operation<F>) -> Self {
        let before = || operation.reads[0];
        Self {
            before_activation: lower::activation(operation).map(|_| before()),
            output: operation.makes,
        }
    }
}

/// Layers, shapes, and where arrays lie.
#[derive(Debug)]
struct Arrays {
    layers: Vec<Layer>,
    output_shapes: Vec<Vec<usize>>,
    parameters: Flat,
    state: Flat,
    variables: Vec<Variable>,
}

impl<F: Float> Plan<F> {
    /// Compile a chain of layers for samples of `input_shape` (without the batch axis).
    pub fn new(input_shape: &[usize], settings: &[Settings]) -> Result<Self> {
        let calls = Call::chain(settings.len());
        Self::of_calls(&[input_shape.to_vec()], settings, &calls)
    }

    /// Compile calls of layers, of which the last one makes the output. Inputs of these shapes lie in a sample one after
    /// the other.
    pub fn of_calls(
        input_shapes: &[Vec<usize>],
        settings: &[Settings],
        calls: &[Call],
    ) -> Result<Self> {
        let called = Called::new(input_shapes, settings, calls)?;
        let (layers, shapes) = (called.layers, called.output_shapes);
        Self::from_graph(called.graph, called.output, layers, shapes)
    }

    /// Compile a graph that ends in `output`; each operation counts as a layer.
    pub fn of(graph: Graph<F>, output: Value) -> Result<Self> {
        let layers: Vec<_> = graph.operations.iter().map(Layer::of).collect();
        let shape = |layer: &Layer| vec![layer.output.rows, layer.output.width];
        let shapes = layers.iter().map(shape).collect();
        Self::from_graph(graph, output, layers, shapes)
    }

    fn from_graph(
        graph: Graph<F>,
        output: Value,
        layers: Vec<Layer>,
        output_shapes: Vec<Vec<usize>>,
    ) -> Result<Self> {
        let Graph {
            input,
            operations,
            parameters,
            state,
            ..
        } = graph;
        for made in 0..=operations.len() {
            let readers = operations.iter().flat_map(|o| &o.reads);
            let readers = readers.filter(|x| x.number == made).count();
            if (readers == 0) != (made == output.number) {
                return Err(Error::value(
                    "output",
                    "the one value that nothing reads",
                    format!("value {}", output.number),
                ));
            }
        }
        let variable = |place: &Place| {
            let part_of = |o: &&Operation<F>| o.parameters.contains(&place.offset);
            let operation = operations.iter().find(part_of);
            Variable {
                range: place.range(),
                shape: place.shape.clone(),
                trainable: operation.is_some_and(|o| o.trainable),
            }
        };
        let variables = parameters.places.iter().map(variable).collect();
        let arrays = Arrays {
            layers,
            output_shapes,
            parameters,
            state,
            variables,
        };
        Ok(Self::with(operations, input, output, Arc::new(arrays)))
    }

    fn with(
        operations: Vec<Operation<F>>,
        input: Value,
        output: Value,
        arrays: Arc<Arrays>,
    ) -> Self {
        Self {
            operations: operations.into(),
            input,
            output,
            arrays,
            made: Arc::default(),
        }
    }

    /// The operations, as the layers mean them.
    pub fn operations(&self) -> &[Operation<F>] {
        &self.operations
    }

    /// Numbers in a sample.
    pub fn input_size(&self) -> usize {
        self.input.size()
    }

    /// Rows of the output of a sample: 1 unless the output has several axes.
    pub fn output_rows(&self) -> usize {
        self.output.rows
    }

    /// Width of the last axis of the output.
    pub fn output_width(&self) -> usize {
        self.output.width
    }

    /// Numbers in the output of a sample.
    pub fn output_size(&self) -> usize {
        self.output.size()
    }

    /// What each call of a layer makes; in a chain there is one a layer.
    pub fn layers(&self) -> &[Layer] {
        &self.arrays.layers
    }

    /// The shape of what each call of a layer makes, without the batch axis.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.arrays.output_shapes
    }

    /// Where each trainable array lies.
    pub fn parameters(&self) -> &[Place] {
        &self.arrays.parameters.places
    }

    /// Where each array of the state lies.
    pub fn state(&self) -> &[Place] {
        &self.arrays.state.places
    }

    /// Length of the flat parameters.
    pub fn parameter_count(&self) -> usize {
        self.arrays.parameters.count
    }

    /// Length of the flat state.
    pub fn state_count(&self) -> usize {
        self.arrays.state.count
    }

    /// The arrays that the flat parameters consist of, as an optimizer takes them.
    pub fn variables(&self) -> &[Variable] {
        &self.arrays.variables
    }

    /// Elements that the outputs of all layers and what they keep have, for so many samples.
    pub fn size_of_layers(&self, samples: usize) -> usize {
        let ends = self.layer_ends();
        let outputs = ends.map(|last| self.operations[last].makes.size());
        let caches = self.operations.iter().map(|o| {
            let rows = samples.saturating_mul(o.makes.rows);
            o.function.cache_len(rows)
        });
        outputs
            .map(|size| samples.saturating_mul(size))
            .chain(caches)
            .fold(0, usize::saturating_add)
    }

    /// The last operation of each layer that computes something.
    fn layer_ends(&self) -> impl Iterator<Item = usize> {
        let layer = |i: usize| self.operations.get(i).map(|o| o.layer);
        (0..self.operations.len()).filter(move |&i| layer(i) != layer(i + 1))
    }

    /// What runs to predict.
    pub fn inference(&self) -> Arc<Program<F>> {
        once(&self.made.inference, || {
            let (operations, output) = lower::of_mode(&self.operations, self.output, false);
            let fused = lower::fuse_bias(&operations, output);
            Program::new(fused, output, Purpose::Inference)
        })
    }

    /// What runs forward and back in separate calls, for all gradients.
    pub fn by_hand(&self) -> Arc<Program<F>> {
        let purpose = Purpose::ByHand { with_input: true };
        once(&self.made.by_hand, || self.fused(purpose))
    }

    /// What runs back through a pass by hand to move the parameters: without the gradient of the input.
    pub fn update(&self) -> Arc<Program<F>> {
        let purpose = Purpose::ByHand { with_input: false };
        once(&self.made.update, || self.fused(purpose))
    }

    /// What runs in training.
    pub fn training(&self) -> Arc<Program<F>> {
        once(&self.made.training, || {
            let (operations, output) = lower::of_mode(&self.operations, self.output, true);
            let fused = lower::fuse_bias(&operations, output);
            match lower::narrow(&fused, output) {
                Some((operations, output)) => {
                    let program = Program::new(operations, output, Purpose::Training);
                    program.of_columns()
                }
                None => Program::new(fused, output, Purpose::Training),
            }
        })
    }

    /// What runs where each value and each gradient is to be seen; that of the input where a layer has it as its output
    /// or in its activation.
    pub fn trace(&self) -> Program<F> {
        let seen = |layer: &Layer| [Some(layer.output), layer.before_activation];
        let mut seen = self.arrays.layers.iter().flat_map(seen).flatten();
        let with_input = seen.any(|x| x.number == self.input.number);
        let purpose = Purpose::Trace { with_input };
        Program::new(self.operations.to_vec(), self.output, purpose)
    }

    fn fused(&self, purpose: Purpose) -> Program<F> {
        let operations = lower::fuse_bias(&self.operations, self.output);
        Program::new(operations, self.output, purpose)
    }

    /// The same network up to the input of its last activation, and that activation.
    pub fn before_activation(&self) -> Option<BeforeActivation<F>> {
        let split = || {
            let activation = lower::last_activation(&self.operations, self.output)?;
            let (last, before) = self.operations.split_last()?;
            let (output, arrays) = (last.reads[0], self.arrays.clone());
            let plan = Self::with(before.to_vec(), self.input, output, arrays);
            Some((plan, activation))
        };
        let made = &self.made.before_activation;
        made.get_or_init(|| Box::new(split())).clone()
    }
}

/// What is in `place`, made if nothing is.
fn once<F: Float>(
    place: &OnceBox<Arc<Program<F>>>,
    make: impl FnOnce() -> Program<F>,
) -> Arc<Program<F>> {
    place.get_or_init(|| Box::new(Arc::new(make()))).clone()
}
