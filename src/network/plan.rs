//! What a network means, compiled once and never changed; and from it what runs.

use std::ops::Range;
use std::sync::Arc;

use once_cell::race::OnceBox;

use super::calls::{Call, Called, Shaped};
use super::graph::{Flat, Graph, Operation, Place, Spread, Value};
use super::layout::Purpose;
use super::lookups::{Lookup, lookups};
use super::lower;
use super::penalties::{Demand, Demands, demands, with_penalties};
use super::program::Program;
use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::Cost;
use crate::optimizers::Variable;
use crate::parallel::Threads;
use crate::regularizers::L1L2;
use crate::settings::Settings;

/// The compiled network: operations as its layers mean them. Copies share all of it.
#[derive(Debug, Clone)]
pub struct Plan<F: Float> {
    operations: Arc<[Operation<F>]>,
    input: Value,
    output: Value,
    /// The outputs: the one, or those that it has side by side.
    ends: Arc<[Value]>,
    arrays: Arc<Arrays<F>>,
    made: Arc<Made<F>>,
}

/// What is made of a plan when it is first asked for: what runs, and the plan of which some outputs end before their
/// activations, for the first choice of them that is asked for.
///
/// Without a lock, which a fork meanwhile would leave locked in the child: two threads may both make one.
#[derive(Debug)]
struct Made<F: Float> {
    inference: OnceBox<Arc<Program<F>>>,
    by_hand: OnceBox<Arc<Program<F>>>,
    update: OnceBox<Arc<Program<F>>>,
    training: OnceBox<Arc<Program<F>>>,
    before_activations: OnceBox<(Vec<bool>, Plan<F>)>,
    penalized: OnceBox<Plan<F>>,
}

impl<F: Float> Default for Made<F> {
    fn default() -> Self {
        Self {
            inference: OnceBox::new(),
            by_hand: OnceBox::new(),
            update: OnceBox::new(),
            training: OnceBox::new(),
            before_activations: OnceBox::new(),
            penalized: OnceBox::new(),
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
struct Arrays<F: Float> {
    layers: Vec<Layer>,
    output_shapes: Vec<Vec<usize>>,
    end_shapes: Vec<Vec<usize>>,
    parameters: Flat,
    state: Flat,
    variables: Vec<Variable>,
    lookups: Vec<Lookup>,
    demands: Vec<Demand<F>>,
    activities: Vec<(Value, L1L2)>,
}

impl<F: Float> Plan<F> {
    /// Compile a chain of layers for samples of `input_shape` (without the batch axis).
    pub fn new(input_shape: &[usize], settings: &[Settings]) -> Result<Self> {
        let calls = Call::chain(settings.len());
        Self::of_calls(&[input_shape.to_vec()], settings, &calls, &[])
    }

    /// Compile calls of layers. Inputs of these shapes lie in a sample one after the other. The outputs are values by number,
    /// as [`Call::reads`] counts them; where none are named, there is one, what the last call makes. Several lie in a row
    /// side by side.
    pub fn of_calls(
        input_shapes: &[Vec<usize>],
        settings: &[Settings],
        calls: &[Call],
        outputs: &[usize],
    ) -> Result<Self> {
        Self::spread(input_shapes, settings, calls, outputs, None)
    }

    /// The same, of arrays of which other networks have parts too: those of the layers lie where `spread` says.
    pub fn spread(
        input_shapes: &[Vec<usize>],
        settings: &[Settings],
        calls: &[Call],
        outputs: &[usize],
        spread: Option<&Spread>,
    ) -> Result<Self> {
        let called = Called::new(input_shapes, settings, calls, outputs, spread)?;
        let (layers, shapes) = (called.layers, called.output_shapes);
        Self::from_graph(
            called.graph,
            called.output,
            called.ends,
            layers,
            shapes,
            settings,
        )
    }

    /// Compile a graph that ends in `output`; each operation counts as a layer.
    pub fn of(graph: Graph<F>, output: Value) -> Result<Self> {
        let layers: Vec<_> = graph.operations.iter().map(Layer::of).collect();
        let shape = |layer: &Layer| vec![layer.output.rows, layer.output.width];
        let shapes = layers.iter().map(shape).collect();
        let ends = vec![(output, vec![output.rows, output.width])];
        Self::from_graph(graph, output, ends, layers, shapes, &[])
    }

    fn from_graph(
        graph: Graph<F>,
        output: Value,
        ends: Vec<Shaped>,
        layers: Vec<Layer>,
        output_shapes: Vec<Vec<usize>>,
        settings: &[Settings],
    ) -> Result<Self> {
        let Graph {
            input,
            operations,
            parameters,
            state,
            activities,
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
                looked_up: operation.is_some_and(|o| o.function.looks_up()),
            }
        };
        let variables = parameters.places.iter().map(variable).collect();
        let variables = without_gaps(variables, parameters.count);
        let (ends, end_shapes): (Vec<_>, _) = ends.into_iter().unzip();
        let arrays = Arrays {
            demands: demands(settings, &parameters.places, &variables)?,
            activities,
            layers,
            output_shapes,
            end_shapes,
            parameters,
            state,
            variables,
            lookups: lookups(input, &operations),
        };
        let arrays = Arc::new(arrays);
        Ok(Self::with(operations, input, output, &ends, arrays))
    }

    fn with(
        operations: Vec<Operation<F>>,
        input: Value,
        output: Value,
        ends: &[Value],
        arrays: Arc<Arrays<F>>,
    ) -> Self {
        Self {
            operations: operations.into(),
            input,
            output,
            ends: ends.into(),
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

    /// Width of the last axis of the output.
    pub fn output_width(&self) -> usize {
        self.output.width
    }

    /// Numbers in the output of a sample.
    pub fn output_size(&self) -> usize {
        self.output.size()
    }

    /// The outputs: one, or several that lie side by side in the row of a sample.
    pub fn outputs(&self) -> &[Value] {
        &self.ends
    }

    /// The shapes of the outputs, without the batch axis.
    pub fn shapes_of_outputs(&self) -> &[Vec<usize>] {
        &self.arrays.end_shapes
    }

    /// The numbers of a sample that are those of an output.
    pub fn columns_of(&self, output: usize) -> Range<usize> {
        let before = self.ends[..output].iter().map(|end| end.size()).sum();
        before..before + self.ends[output].size()
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

    /// Whether the flat arrays are those of its layers alone, one after the other.
    pub fn in_a_row(&self) -> bool {
        self.arrays.parameters.in_a_row() && self.arrays.state.in_a_row()
    }

    /// Whether parts of the flat parameters are those of other networks.
    pub fn has_gaps(&self) -> bool {
        self.variables().len() > self.parameters().len()
    }

    /// Length of the flat state.
    pub fn state_count(&self) -> usize {
        self.arrays.state.count
    }

    /// The arrays that the flat parameters consist of, in the order in which they lie, as an optimizer takes them: those of
    /// other networks are not trained.
    pub fn variables(&self) -> &[Variable] {
        &self.arrays.variables
    }

    /// What is asked of the variables besides the loss: penalties and constraints.
    pub fn demands(&self) -> &[Demand<F>] {
        &self.arrays.demands
    }

    /// The penalties on weights, each with the place of its variable.
    pub fn penalties(&self, threads: Threads, w: &[F]) -> Result<Vec<(&Place, f64)>> {
        let found = Demands::new(self.demands(), self.variables())?.penalties(threads, w);
        let place_of = |i: usize| {
            let range = &self.variables()[i].range;
            let place = self.parameters().iter().find(|p| p.range() == *range);
            place.expect("a penalty is on an array of a layer")
        };
        Ok(found.into_iter().map(|(i, x)| (place_of(i), x)).collect())
    }

    /// Whether there are penalties on what layers make, or parts of the loss that they add.
    pub fn penalizes_activity(&self) -> bool {
        let adds = |o: &Operation<F>| lower::function::<Cost, F>(o).is_some();
        !self.arrays.activities.is_empty() || self.operations.iter().any(adds)
    }

    /// The same network with its penalties on what layers make: for a loss that they are part of.
    pub fn penalized(&self) -> Self {
        if !self.penalizes_activity() {
            return self.clone();
        }
        let make = || {
            let (mut operations, mut ends) = (self.operations.to_vec(), self.ends.to_vec());
            let mut output = self.output;
            let mut changed: Vec<_> = ends.iter_mut().chain([&mut output]).collect();
            with_penalties(&mut operations, &mut changed, &self.arrays.activities);
            for operation in &mut operations {
                if let Some(cost) = lower::function::<Cost, F>(operation) {
                    operation.function = Arc::new(cost.charged());
                }
            }
            let arrays = self.arrays.clone();
            Box::new(Self::with(operations, self.input, output, &ends, arrays))
        };
        self.made.penalized.get_or_init(make).clone()
    }

    /// The numbers that are looked up, which have to be checked before a pass.
    pub fn lookups(&self) -> &[Lookup] {
        &self.arrays.lookups
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
        self.traced(self.operations.to_vec(), self.output)
    }

    /// A trace for gradients with respect to what goes into the activations that make the chosen outputs: of all
    /// operations, so that values stand where they do in [`trace`](Self::trace).
    pub fn trace_before(&self, chosen: &[bool]) -> Program<F> {
        let (operations, _, output) = self.moved_ends(chosen);
        self.traced(operations, output)
    }

    fn traced(&self, operations: Vec<Operation<F>>, output: Value) -> Program<F> {
        let seen = |layer: &Layer| [Some(layer.output), layer.before_activation];
        let mut seen = self.arrays.layers.iter().flat_map(seen).flatten();
        let with_input = seen.any(|x| x.number == self.input.number);
        Program::new(operations, output, Purpose::Trace { with_input })
    }

    fn fused(&self, purpose: Purpose) -> Program<F> {
        let operations = lower::fuse_bias(&self.operations, self.output);
        Program::new(operations, self.output, purpose)
    }

    /// The activation that makes an output, if nothing else does: for a loss that is one formula with it.
    pub fn last_activation(&self, output: usize) -> Option<Arc<dyn Activation<F>>> {
        lower::last_activation(&self.operations, self.ends[output]).cloned()
    }

    /// The same network where the outputs that are chosen are what goes into the activations that make them.
    pub fn before_activations(&self, chosen: &[bool]) -> Self {
        let split = || Box::new((chosen.to_vec(), self.split_at(chosen)));
        match self.made.before_activations.get_or_init(split) {
            (known, plan) if known == chosen => plan.clone(),
            _ => self.split_at(chosen),
        }
    }

    fn split_at(&self, chosen: &[bool]) -> Self {
        let (mut operations, ends, output) = self.moved_ends(chosen);
        // Of an activation that nobody reads now nothing is left.
        let read = operations.iter().flat_map(|o| &o.reads);
        let read: Vec<_> = read.chain([&output]).map(|x| x.number).collect();
        operations.retain(|o| read.contains(&o.makes.number));
        Self::with(operations, self.input, output, &ends, self.arrays.clone())
    }

    /// The operations, the outputs and all of them side by side, where the chosen ones are what goes into the activations
    /// that make them.
    fn moved_ends(&self, chosen: &[bool]) -> (Vec<Operation<F>>, Vec<Value>, Value) {
        let (mut operations, mut ends) = (self.operations.to_vec(), self.ends.to_vec());
        let choices = ends.iter_mut().zip(chosen);
        for (end, _) in choices.filter(|(_, chosen)| **chosen) {
            let maker = |made: Value| {
                operations
                    .iter()
                    .position(|o| o.makes.number == made.number)
            };
            let Some(last) = maker(*end) else { continue };
            if lower::function::<Cost, F>(&operations[last]).is_none() {
                *end = operations[last].reads[0];
            } else if let Some(before) = maker(operations[last].reads[0]) {
                // What is added to the loss stays in front of it.
                operations[last].reads[0].number = operations[before].reads[0].number;
            }
        }
        let mut output = self.output;
        if let [end] = ends[..] {
            output = end;
        } else if let Some(join) = operations.last_mut() {
            for (read, end) in join.reads.iter_mut().zip(&ends) {
                read.number = end.number;
            }
        }
        (operations, ends, output)
    }
}

/// Variables in the order in which they lie in so many elements, and others, which are not trained, for what is between.
fn without_gaps(mut variables: Vec<Variable>, count: usize) -> Vec<Variable> {
    variables.sort_by_key(|variable| variable.range.start);
    let mut all = Vec::with_capacity(variables.len());
    let gap = |range: Range<usize>| Variable {
        shape: vec![range.len()],
        range,
        trainable: false,
        looked_up: false,
    };
    let mut end = 0;
    for variable in variables {
        if variable.range.start > end {
            all.push(gap(end..variable.range.start));
        }
        end = variable.range.end;
        all.push(variable);
    }
    if count > end {
        all.push(gap(end..count));
    }
    all
}

/// What is in `place`, made if nothing is.
fn once<F: Float>(
    place: &OnceBox<Arc<Program<F>>>,
    make: impl FnOnce() -> Program<F>,
) -> Arc<Program<F>> {
    place.get_or_init(|| Box::new(Arc::new(make()))).clone()
}
