//! Running a network without training it, in blocks of samples.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::objective::Scratch;
use super::pass::awake;
use super::penalties::Demands;
use super::samples::widen;
use super::{Cursor, Data, Kept, Labels, Objective, Plan, Program, Run, count_samples, forward};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::State;
use crate::losses::Targets;
use crate::memory::{Buffer, zeros};
use crate::parallel::Threads;

/// Elements that one block keeps: some megabytes, and well under the time between two looks at signals.
const BLOCK: usize = 1 << 22;

/// Samples that one block has at least, so that the weights are not arranged for products anew for every few of them;
/// where these keep more than [`CHEAP`] elements, the caller's `batch_size` counts.
const LEAST: usize = 512;

/// Elements that a block may keep whatever the caller says: four megabytes of `f32`.
const CHEAP: usize = 1 << 20;

/// Multiply-adds that such a block has at most: some tens of milliseconds.
const QUICK: usize = 1 << 31;

/// A pass over samples in order, block by block, which can be interrupted between blocks and within a long one.
#[derive(Debug)]
struct Blocks<'a, F: Float> {
    program: Arc<Program<F>>,
    input_size: usize,
    w: &'a [F],
    state: &'a [F],
    x: Kept<'a, F>,
    samples: usize,
    size: usize,
    done: usize,
    /// The number of the next block, as what draws numbers counts steps.
    step: u64,
    cursor: Cursor,
    threads: Threads,
    /// The numbers of a block, where bytes are kept.
    numbers: Buffer<F>,
    values: Buffer<F>,
    caches: Buffer<F>,
    /// Penalties on outputs, of the samples that are done.
    penalty: f64,
}

impl<'a, F: Float> Blocks<'a, F> {
    fn new(
        plan: &Plan<F>,
        w: &'a [F],
        state: &'a [F],
        x: Kept<'a, F>,
        batch_size: usize,
        threads: Threads,
    ) -> Result<Self> {
        let samples = x.len() / plan.input_size();
        for (name, found, expected) in [
            ("params", w.len(), plan.parameter_count()),
            ("state", state.len(), plan.state_count()),
            ("x", x.len(), samples * plan.input_size()),
        ] {
            if found != expected {
                return Err(Error::shape(name, format!("{expected} elements"), found));
            }
        }
        if batch_size == 0 {
            return Err(Error::value(
                "batch_size",
                "a whole number of at least 1",
                0,
            ));
        }
        // Samples do not depend on each other here, so a block need not be larger than what is quick to run.
        let each = plan.size_of_layers(1).max(plan.output_size()).max(1);
        let quick = QUICK / plan.parameter_count().max(1);
        let (least, largest) = (LEAST.min(CHEAP / each).min(quick), (BLOCK / each).max(1));
        let program = plan.inference();
        // Unless something is a sum over a batch.
        let size = if program.sums_batches() {
            batch_size.min(samples)
        } else {
            batch_size.max(least).min(largest).min(samples)
        };
        let widened = match x {
            Kept::Numbers(_) => 0,
            Kept::Bytes(_) => size * plan.input_size(),
        };
        Ok(Self {
            numbers: zeros(widened)?,
            values: zeros(program.values_len(size))?,
            caches: zeros(program.caches_len(size))?,
            cursor: Cursor::new(&program, size),
            program,
            input_size: plan.input_size(),
            w,
            state,
            x,
            samples,
            size,
            done: 0,
            step: 0,
            threads,
            penalty: 0.0,
        })
    }

    /// Call `take` with the samples of each block and what runs it into a place for outputs, until no block is left (true)
    /// or `deadline` has passed. What runs a block returns false where it stops on the way; then the next call goes on.
    fn run_until(
        &mut self,
        deadline: Instant,
        take: impl FnMut(Range<usize>, &mut dyn FnMut(&mut [F]) -> bool) + Send,
    ) -> bool {
        let blocks = (self.samples - self.done).div_ceil(self.size.max(1));
        let left = self.program.multiply_adds(self.size).saturating_mul(blocks);
        awake(left, self.threads, |threads| {
            self.threads = threads;
            self.run_here(deadline, take)
        })
    }

    /// [`run_until`](Self::run_until) on this thread.
    fn run_here(
        &mut self,
        deadline: Instant,
        mut take: impl FnMut(Range<usize>, &mut dyn FnMut(&mut [F]) -> bool),
    ) -> bool {
        while self.done < self.samples {
            let block = self.done..(self.done + self.size).min(self.samples);
            let range = block.start * self.input_size..block.end * self.input_size;
            let x = match self.x {
                Kept::Numbers(x) => &x[range],
                Kept::Bytes(x) => {
                    let numbers = &mut self.numbers[..range.len()];
                    widen(&x[range], numbers);
                    &*numbers
                }
            };
            let (samples, end) = (block.len(), block.end);
            take(block, &mut |y| {
                let whole = self.cursor.run_until(deadline, |part| {
                    let run = Run {
                        samples,
                        threads: self.threads,
                        training: false,
                        step: self.step,
                        part,
                    };
                    let state = State::Frozen(self.state);
                    let (values, caches) = (&mut self.values, &mut self.caches);
                    forward(&self.program, run, self.w, state, x, y, values, caches);
                });
                if whole {
                    self.penalty += self.program.penalty(samples, &self.caches);
                    self.done = end;
                    self.step = self.step.wrapping_add(1);
                    let next = self.size.min(self.samples - end);
                    if next < self.size {
                        self.cursor = Cursor::new(&self.program, next);
                    }
                }
                whole
            });
            if Instant::now() >= deadline {
                break;
            }
        }
        self.done == self.samples
    }
}

/// Prediction: outputs for samples, written as they come.
#[derive(Debug)]
pub struct Predictor<'a, F: Float> {
    blocks: Blocks<'a, F>,
    output_size: usize,
}

impl<'a, F: Float> Predictor<'a, F> {
    /// Prepare to predict `x` in blocks of about `batch_size` samples, so that memory stays bounded.
    pub fn new(
        plan: &Plan<F>,
        w: &'a [F],
        state: &'a [F],
        x: impl Into<Kept<'a, F>>,
        batch_size: usize,
        threads: Threads,
    ) -> Result<Self> {
        Ok(Self {
            output_size: plan.output_size(),
            blocks: Blocks::new(plan, w, state, x.into(), batch_size, threads)?,
        })
    }

    /// The same, with blocks numbered from `step` on: what draws numbers in inference too draws others in each block.
    #[must_use]
    pub fn from_step(mut self, step: u64) -> Self {
        self.blocks.step = step;
        self
    }

    /// Write outputs to `y` until all are there, and return true, or until `deadline` has passed.
    pub fn run_until(&mut self, deadline: Instant, y: &mut [F]) -> bool {
        let size = self.output_size;
        self.blocks.run_until(deadline, |block, run| {
            run(&mut y[block.start * size..block.end * size]);
        })
    }
}

/// Evaluation: the sums of losses and metrics over samples.
#[derive(Debug)]
pub struct Evaluation<'a, F: Float> {
    plan: Plan<F>,
    blocks: Blocks<'a, F>,
    objective: Objective<F>,
    data: Data<'a, F>,
    /// For each goal, what each row counts; empty where all count the same.
    row_weights: Vec<Vec<F>>,
    outputs: Buffer<F>,
    scratch: Scratch<F>,
    sums: Vec<f64>,
    demands: Demands<F>,
    /// The penalties on weights, once they are known.
    of_weights: Option<f64>,
}

impl<'a, F: Float> Evaluation<'a, F> {
    /// Prepare to evaluate `data` in blocks of about `batch_size` samples.
    pub fn new(
        plan: Plan<F>,
        objective: Objective<F>,
        w: &'a [F],
        state: &'a [F],
        data: Data<'a, F>,
        batch_size: usize,
        threads: Threads,
    ) -> Result<Self> {
        count_samples(&plan, &objective, &data)?;
        let blocks = Blocks::new(&plan, w, state, data.x, batch_size, threads)?;
        let goals = objective.labels().zip(&data.labels);
        let by_row = |((_, rows, _), labels): ((bool, usize, usize), &Labels<F>)| {
            let weights = labels.weights.iter();
            weights
                .flat_map(|&weight| std::iter::repeat_n(weight, rows))
                .collect()
        };
        Ok(Self {
            row_weights: goals.map(by_row).collect(),
            outputs: zeros(blocks.size.saturating_mul(plan.output_size()))?,
            scratch: objective.scratch(blocks.size)?,
            sums: vec![0.0; objective.sums()],
            demands: Demands::new(plan.demands(), plan.variables())?,
            of_weights: None,
            plan,
            blocks,
            objective,
            data,
        })
    }

    /// The same, with blocks numbered from `step` on: see [`Predictor::from_step`].
    #[must_use]
    pub fn from_step(mut self, step: u64) -> Self {
        self.blocks.step = step;
        self
    }

    /// Evaluate until all samples are done, and return true, or until `deadline` has passed.
    pub fn run_until(&mut self, deadline: Instant) -> bool {
        let Self {
            plan,
            blocks,
            objective,
            data,
            row_weights,
            outputs,
            scratch,
            sums,
            demands,
            of_weights,
        } = self;
        of_weights.get_or_insert_with(|| demands.penalty(blocks.threads, blocks.w, &mut []));
        let samples = blocks.samples.max(1);
        blocks.run_until(deadline, |block, run| {
            let outputs = &mut outputs[..block.len() * plan.output_size()];
            if !run(outputs) {
                return;
            }
            let labels = |goal: usize| {
                let (labels, weights) = (&data.labels[goal], &row_weights[goal]);
                // Of each array there is as much a sample.
                let rows = |len: usize| {
                    let each = len / samples;
                    block.start * each..block.end * each
                };
                Labels {
                    y: match labels.y {
                        Targets::Classes(y) => Targets::Classes(&y[rows(y.len())]),
                        Targets::Values(y) => Targets::Values(&y[rows(y.len())]),
                    },
                    weights: &weights[rows(weights.len())],
                }
            };
            objective.score(outputs, labels, scratch, sums, &mut []);
        })
    }

    /// The sums so far, which [`Objective::sums`] lists: the first one with all penalties.
    pub fn sums(&self) -> Vec<f64> {
        let samples = self.blocks.done as f64;
        let mut sums = self.sums.clone();
        sums[0] += self.blocks.penalty + samples * self.of_weights.unwrap_or(0.0);
        sums
    }

    /// The same over the number of samples: of losses and of metrics that are means.
    pub fn means(&self) -> Vec<f64> {
        let samples = self.blocks.done as f64;
        self.sums().iter().map(|sum| sum / samples).collect()
    }
}
