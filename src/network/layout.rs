//! Where each value of a pass, and its gradient, stands.
//!
//! Time is counted in operations, forward from the first one and backward from the last one. A value or gradient has its
//! elements from the time when it is written until the last time when it is read; then others may have them. What an
//! operation that works in place makes stands where its input stood, if nothing needs that any more.

use std::ops::Range;

use super::graph::{Operation, Value};
use crate::float::Float;
use crate::layers::Location;

/// What a network runs for: what is kept, and which gradients are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing is kept, and there is no way back.
    Inference,
    /// All gradients, as often as they are asked for; the caller holds those of input and output. Without that of the
    /// input, values stand in the same places.
    ByHand { with_input: bool },
    /// The gradients of what is trained, once; that of the output comes in with the others.
    Training,
    /// All values and gradients, each where nothing overwrites it.
    Trace { with_input: bool },
}

/// Where an operation finds and leaves what.
#[derive(Debug)]
pub(super) struct Frame {
    /// The values that it reads.
    pub(super) reads: Vec<Location>,
    /// The value that it makes.
    pub(super) makes: Location,
    /// Whether it works in place, on a copy of its input.
    pub(super) copies: bool,
    /// Where it leaves gradients, if backward runs it.
    pub(super) back: Option<Back>,
}

/// Where an operation finds and leaves gradients.
#[derive(Debug)]
pub(super) struct Back {
    /// That of the value that it makes.
    pub(super) dy: Location,
    /// Those of the values that it reads; None where nobody wants them.
    pub(super) dx: Vec<Option<Location>>,
    /// Whether it works in place, on a copy of dy.
    pub(super) copies: bool,
    /// What is added to what after it: the gradients of a value that several operations read.
    pub(super) sums: Vec<(Location, Location)>,
    /// Whether the gradient of its parameters is wanted.
    pub(super) learns: bool,
    /// Whether that is added to what another operation with the same parameters left.
    pub(super) shares: bool,
}

/// The layout of a pass.
#[derive(Debug)]
pub(super) struct Layout {
    /// That of each operation.
    pub(super) frames: Vec<Frame>,
    /// The network's output.
    pub(super) output: Location,
    /// Where backward finds the gradient with respect to it.
    pub(super) output_gradient: Location,
    /// Where the gradients of all values stand, by their numbers.
    pub(super) gradients_at: Vec<Option<Location>>,
    /// Elements of all values, a sample.
    pub(super) values: usize,
    /// Elements of all gradients, a sample.
    pub(super) gradients: usize,
    /// Elements of the largest gradient of parameters that is added to another.
    pub(super) shared: usize,
}

impl Layout {
    pub(super) fn new<F: Float>(
        operations: &[Operation<F>],
        output: Value,
        purpose: Purpose,
    ) -> Self {
        let wanted = wanted_gradients(operations, output, purpose);
        let (values, values_end) = place_values(operations, output, purpose, &wanted);
        let mut gradients = GradientPlaces::new(operations, output, purpose);
        let output_gradient = gradients.at[output.number].clone();
        let back = |k: usize| {
            let number = operations[k].makes.number;
            // What nobody reads passes nothing back.
            let runs = wanted[number] && gradients.at[number].is_some();
            runs.then(|| gradients.back(operations, k, &wanted))
        };
        let mut backs: Vec<_> = (0..operations.len()).rev().map(back).collect();
        let frame = |operation: &Operation<F>| {
            let reads = operation.reads.iter();
            let reads: Vec<_> = reads.map(|x| values[x.number].clone()).collect();
            let makes = values[operation.makes.number].clone();
            Frame {
                copies: operation.function.in_place() && reads[0] != makes,
                reads,
                makes,
                back: backs.pop().flatten(),
            }
        };
        Self {
            frames: operations.iter().map(frame).collect(),
            output: values[output.number].clone(),
            output_gradient: output_gradient.unwrap_or(Location::Output),
            values: values_end,
            gradients: gradients.memory.end,
            shared: gradients.shared,
            gradients_at: gradients.at,
        }
    }
}

/// Room for one entry a value.
fn for_each_value<T: Clone, F: Float>(operations: &[Operation<F>], entry: T) -> Vec<T> {
    let last = operations.iter().map(|o| o.makes.number).max();
    vec![entry; last.unwrap_or(0) + 1]
}

/// Which values' gradients are wanted: of what is trained, those of all values that depend on it.
fn wanted_gradients<F: Float>(
    operations: &[Operation<F>],
    output: Value,
    purpose: Purpose,
) -> Vec<bool> {
    let all = !matches!(purpose, Purpose::Inference | Purpose::Training);
    let mut wanted = for_each_value(operations, all);
    match purpose {
        Purpose::Training => {
            for operation in operations {
                let mut reads = operation.reads.iter();
                wanted[operation.makes.number] =
                    operation.learns() || reads.any(|x| wanted[x.number]);
            }
        }
        Purpose::Trace { with_input } => wanted[INPUT] = with_input || output.number == INPUT,
        Purpose::ByHand { with_input } => wanted[INPUT] = with_input,
        Purpose::Inference => {}
    }
    wanted
}

/// Where each value stands, and how many elements there are in all.
fn place_values<F: Float>(
    operations: &[Operation<F>],
    output: Value,
    purpose: Purpose,
    wanted: &[bool],
) -> (Vec<Location>, usize) {
    // The last time that each value is needed.
    let mut until = for_each_value(operations, 0);
    for (k, operation) in operations.iter().enumerate() {
        let needs = operation.function.needs();
        let back = wanted[operation.makes.number];
        for x in &operation.reads {
            until[x.number] = if back && needs.input {
                NEVER
            } else {
                k.max(until[x.number])
            };
        }
        until[operation.makes.number] = if back && needs.output { NEVER } else { k };
    }
    if matches!(purpose, Purpose::Trace { .. }) {
        until.fill(NEVER);
    }
    let stays_in_place = |k: usize| {
        let operation = &operations[k];
        let only = |x: &Value| x.number != INPUT && until[x.number] == k;
        operation.function.in_place() && operation.reads.first().is_some_and(only)
    };
    let mut at = for_each_value(operations, Location::Input);
    if until[output.number] != NEVER && !operations.is_empty() {
        // With the caller at once, as is what becomes it in place.
        let mut value = output;
        at[value.number] = Location::Output;
        while let Some(k) = operations
            .iter()
            .position(|o| o.makes.number == value.number)
            && stays_in_place(k)
        {
            value = operations[k].reads[0];
            at[value.number] = Location::Output;
        }
    }
    let mut memory = Memory::default();
    for (k, operation) in operations.iter().enumerate() {
        let number = operation.makes.number;
        if at[number] == Location::Output {
            continue;
        }
        // A weight as a value reads nothing.
        let before = operation.reads.first().map(|x| &at[x.number]);
        at[number] = Location::At(match before {
            Some(Location::At(range)) if stays_in_place(k) => {
                memory.keep(range.clone(), until[number])
            }
            _ => memory.take(operation.makes.size(), k, until[number]),
        });
    }
    (at, memory.end)
}

/// Where gradients stand, as backward goes from the last operation to the first.
struct GradientPlaces {
    at: Vec<Option<Location>>,
    /// Until when each is needed: that of a value until backward has run what made it.
    until: Vec<usize>,
    /// The ranges of parameters whose gradient is written already.
    learnt: Vec<Range<usize>>,
    shared: usize,
    memory: Memory,
    purpose: Purpose,
}

impl GradientPlaces {
    fn new<F: Float>(operations: &[Operation<F>], output: Value, purpose: Purpose) -> Self {
        let mut until = for_each_value(operations, NEVER);
        if !matches!(purpose, Purpose::Trace { .. }) {
            for (time, operation) in operations.iter().rev().enumerate() {
                until[operation.makes.number] = time;
            }
        }
        let (mut at, mut memory) = (for_each_value(operations, None), Memory::default());
        if matches!(purpose, Purpose::ByHand { .. }) {
            at[output.number] = Some(Location::Output);
        } else if purpose != Purpose::Inference {
            let range = memory.take(output.size(), 0, until[output.number]);
            at[output.number] = Some(Location::At(range));
        }
        Self {
            at,
            until,
            learnt: Vec::new(),
            shared: 0,
            memory,
            purpose,
        }
    }

    /// Those of operation `k`, which backward runs.
    fn back<F: Float>(&mut self, operations: &[Operation<F>], k: usize, wanted: &[bool]) -> Back {
        let (operation, time) = (&operations[k], operations.len() - 1 - k);
        let in_place = operation.function.in_place();
        let by_optimizer = self.purpose == Purpose::Training;
        let learns = !operation.parameters.is_empty() && (operation.trainable || !by_optimizer);
        // What looks up adds by itself.
        let adds = operation.function.looks_up();
        let shares = learns && !adds && self.learnt.contains(&operation.parameters);
        if learns {
            self.learnt.push(operation.parameters.clone());
        }
        if shares {
            self.shared = self.shared.max(operation.parameters.len());
        }
        let dy = self.at[operation.makes.number].clone();
        let dy = dy.expect("the gradient of a value that is read, or the output");
        let mut sums = Vec::new();
        let mut place = |x: &Value| {
            let scratch = |memory: &mut Memory| {
                let until = if self.purpose == Purpose::Training {
                    time
                } else {
                    NEVER
                };
                Location::At(memory.take(x.size(), time, until))
            };
            if !wanted[x.number] {
                // What works in place needs a place.
                return (in_place && learns).then(|| scratch(&mut self.memory));
            }
            if let Some(first) = &self.at[x.number] {
                let another = scratch(&mut self.memory);
                sums.push((another.clone(), first.clone()));
                return Some(another);
            }
            let until = self.until[x.number];
            let location = match (&dy, self.purpose) {
                (_, Purpose::ByHand { .. }) if x.number == INPUT => Location::Input,
                (Location::At(dy), Purpose::Training | Purpose::ByHand { .. }) if in_place => {
                    Location::At(self.memory.keep(dy.clone(), until))
                }
                _ => Location::At(self.memory.take(x.size(), time, until)),
            };
            self.at[x.number] = Some(location.clone());
            Some(location)
        };
        let dx: Vec<_> = operation.reads.iter().map(&mut place).collect();
        Back {
            copies: in_place && dx[0].as_ref().is_some_and(|dx| *dx != dy),
            dy,
            dx,
            sums,
            learns,
            shares,
        }
    }
}

/// The number of the network's input.
const INPUT: usize = 0;

/// Later than any time.
const NEVER: usize = usize::MAX;

/// Ranges of memory, given out for a time.
#[derive(Debug, Default)]
struct Memory {
    /// Each with the last time that it is needed, in the order in which they lie.
    given: Vec<(Range<usize>, usize)>,
    end: usize,
}

impl Memory {
    /// The first free range of so many elements, from `now` until `until`. Time does not run back from call to call.
    fn take(&mut self, size: usize, now: usize, until: usize) -> Range<usize> {
        self.given.retain(|(_, until)| *until >= now);
        let mut start = 0;
        for (taken, _) in &self.given {
            if taken.start >= start + size {
                break;
            }
            start = start.max(taken.end);
        }
        let at = self.given.partition_point(|(taken, _)| taken.start < start);
        let range = start..start + size;
        self.given.insert(at, (range.clone(), until));
        self.end = self.end.max(range.end);
        range
    }

    /// Keep a range that was given out until `until`.
    fn keep(&mut self, range: Range<usize>, until: usize) -> Range<usize> {
        for (given, last) in &mut self.given {
            if *given == range {
                *last = until.max(*last);
            }
        }
        range
    }
}
