//! Training: gather a batch, forward, loss and its gradient, backward, one optimizer step.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::lock::Pause;
use super::objective::Scratch;
use super::penalties::Demands;
use super::{Batch, Cursor, Data, Objective, Plan, Program, Run, backward, count_samples, forward};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::layers::State;
use crate::linalg::PARALLEL_FROM;
use crate::memory::{Buffer, zeros};
use crate::optimizers::{Rule, Step, Variables, check_learning_rate};
use crate::parallel::{self, Threads};

/// The arrays that training changes; between two batches they always belong together.
#[derive(Debug)]
pub struct Arrays<'a, F> {
    /// The flat parameters.
    pub w: &'a mut [F],
    /// The flat state.
    pub state: &'a mut [F],
    /// The optimizer's slots, one after the other.
    pub slots: &'a mut [F],
    /// `[steps done since the optimizer was new, samples seen, sums of losses and metrics …]`.
    pub progress: &'a mut [f64],
    /// The outputs of the batches to come, row after row, as each computes them before its update. What is written leaves
    /// the slice; empty where nobody wants them.
    pub outputs: &'a mut [F],
}

/// One pass over an order of samples, which can be interrupted between batches, and within a long one.
#[derive(Debug)]
pub struct Trainer<'a, F: Float> {
    plan: Plan<F>,
    program: Arc<Program<F>>,
    objective: Objective<F>,
    update: Update<F>,
    data: Data<'a, F>,
    batches: std::slice::Chunks<'a, u32>,
    learning_rates: std::slice::Iter<'a, f64>,
    threads: Threads,
    samples: usize,
    largest: usize,
    /// Batches between two looks at the clock.
    batches_a_look: usize,
    /// The learning rate of the batch that has begun, and whether it is on its way back.
    begun: Option<f64>,
    goes_back: bool,
    cursor: Cursor,
    batch: Batch<F>,
    values: Buffer<F>,
    caches: Buffer<F>,
    gradients: Buffer<F>,
    dw: Buffer<F>,
    /// The state after the batch that runs, if it is long: a short one is never given up, and writes where its caller reads.
    state: Buffer<F>,
    /// Its sums of losses and metrics, likewise.
    sums: Vec<f64>,
    scratch: Scratch<F>,
}

impl<'a, F: Float> Trainer<'a, F> {
    /// Prepare to train on the samples of `data` that `order` lists, in batches of `batch_size`, the last
    /// one as short as it comes, with one learning rate a batch. Everything is checked and allocated here.
    pub fn new(
        plan: Plan<F>,
        objective: Objective<F>,
        rule: Rule<F>,
        data: Data<'a, F>,
        order: &'a [u32],
        batch_size: usize,
        learning_rates: &'a [f64],
        threads: Threads,
    ) -> Result<Self> {
        let samples = count_samples(&plan, &objective, &data)?;
        if let Some(&row) = order.iter().find(|&&row| row as usize >= samples) {
            return Err(Error::value("order", format!("rows below {samples}"), row));
        }
        if batch_size == 0 {
            return Err(Error::value(
                "batch_size",
                "a whole number of at least 1",
                0,
            ));
        }
        let batches = order.chunks(batch_size);
        if learning_rates.len() != batches.len() {
            return Err(Error::shape(
                "learning_rates",
                format!("{} rates, one a batch", batches.len()),
                learning_rates.len(),
            ));
        }
        learning_rates
            .iter()
            .try_for_each(|&rate| check_learning_rate(rate))?;
        let largest = batch_size.min(order.len());
        let program = plan.training();
        let work = program.multiply_adds(largest);
        Ok(Self {
            samples: order.len(),
            largest,
            batches_a_look: program.batches_a_look(largest),
            begun: None,
            goes_back: false,
            cursor: Cursor::new(&program, largest),
            batch: Batch::new(largest, &plan, &objective, &data)?,
            values: zeros(program.values_len(largest))?,
            caches: zeros(program.caches_len(largest))?,
            gradients: zeros(program.gradients_len(largest))?,
            dw: zeros(plan.parameter_count())?,
            scratch: objective.scratch(largest)?,
            learning_rates: learning_rates.iter(),
            update: Update::new(&plan, rule)?,
            state: zeros(plan.state_count())?,
            sums: vec![0.0; objective.sums()],
            plan,
            program,
            objective,
            data,
            batches,
            threads: threads.for_work(work, PARALLEL_FROM),
        })
    }

    /// Check that the arrays are as long as the plan, the optimizer and the objective want them.
    pub fn check(&self, arrays: &Arrays<F>) -> Result<()> {
        let count = self.plan.parameter_count();
        for (name, found, expected) in [
            ("params", arrays.w.len(), count),
            ("state", arrays.state.len(), self.plan.state_count()),
            ("slots", arrays.slots.len(), self.update.slots_len()),
            ("progress", arrays.progress.len(), 2 + self.objective.sums()),
        ] {
            if found != expected {
                return Err(Error::shape(name, format!("{expected} elements"), found));
            }
        }
        let outputs = self.samples * self.plan.output_size();
        if !arrays.outputs.is_empty() && arrays.outputs.len() != outputs {
            let (expected, found) = (format!("{outputs} elements"), arrays.outputs.len());
            return Err(Error::shape("outputs", expected, found));
        }
        Ok(())
    }

    /// Train until no batch is left, and return true, or until it is time to pause: a deadline has passed, as a rule. A
    /// batch that takes long stops on its way, and the next call goes on there.
    pub fn run_until<'p>(&mut self, pause: impl Into<Pause<'p>>, arrays: &mut Arrays<F>) -> bool {
        let pause = pause.into();
        // Inside the pool from the first batch to the last: entering it costs more than a small product.
        parallel::keep_awake(self.threads, |threads| {
            self.threads = threads;
            let mut unwatched = 0;
            while self.begin(arrays) {
                unwatched += 1;
                if !self.step(pause.deadline(), arrays) {
                    return false;
                }
                if unwatched == self.batches_a_look {
                    if pause.is_due() {
                        return self.is_done();
                    }
                    unwatched = 0;
                }
            }
            true
        })
    }

    /// Whether no batch is left.
    fn is_done(&self) -> bool {
        self.begun.is_none() && self.batches.len() == 0
    }

    /// Begin the next batch, unless one has begun; false if none is left.
    fn begin(&mut self, arrays: &Arrays<F>) -> bool {
        if self.begun.is_none() {
            let (Some(order), Some(&learning_rate)) =
                (self.batches.next(), self.learning_rates.next())
            else {
                return false;
            };
            let in_columns = self.program.takes_columns();
            let (threads, plan) = (self.threads, &self.plan);
            self.batch
                .gather(threads, plan, &self.data, order, in_columns);
            if order.len() < self.largest {
                self.cursor = Cursor::new(&self.program, order.len());
            }
            if self.cursor.stops() {
                self.state.copy_from_slice(arrays.state);
                self.sums.fill(0.0);
            }
            self.begun = Some(learning_rate);
        }
        true
    }

    /// Go on with the batch that has begun until it is done, and return true, or until `deadline` has passed.
    fn step(&mut self, deadline: Instant, arrays: &mut Arrays<F>) -> bool {
        let Self {
            plan,
            program,
            objective,
            cursor,
            values,
            caches,
            gradients,
            dw,
            ..
        } = self;
        let Some(learning_rate) = self.begun else {
            return true;
        };
        let (samples, w) = (self.batch.samples, &*arrays.w);
        let done = arrays.progress[0] as u64;
        let run = |part| Run {
            samples,
            threads: self.threads,
            training: true,
            step: done,
            part,
        };
        // Backward finds the caches from their end.
        let caches = if samples < self.largest {
            &mut caches[..program.caches_len(samples)]
        } else {
            &mut caches[..]
        };
        let (batch, x) = (&self.batch, self.batch.inputs(plan));
        let stops = cursor.stops();

        if !self.goes_back {
            let forward = |part| {
                let state = if stops {
                    &mut self.state
                } else {
                    &mut *arrays.state
                };
                let state = State::Updating(state);
                let y = program.output_gradient(samples, gradients);
                forward(program, run(part), w, state, x, y, values, caches);
            };
            if !cursor.run_until(deadline, forward) {
                return false;
            }
            let outputs = program.output_gradient(samples, gradients);
            let copy = arrays.outputs.len().min(outputs.len());
            let copy = arrays.outputs.split_off_mut(..copy).unwrap_or_default();
            let sums = if stops {
                &mut self.sums
            } else {
                &mut arrays.progress[2..]
            };
            let labels = |goal| batch.labels(goal);
            objective.score(outputs, labels, &mut self.scratch, sums, copy);
            sums[0] += program.penalty(samples, caches);
            self.goes_back = true;
        }
        let backward = |part| {
            let (run, dx) = (run(part), &mut []);
            backward(program, run, w, x, values, caches, &[], gradients, dw, dx);
        };
        if !cursor.run_until(deadline, backward) {
            return false;
        }
        let step = Step {
            number: done + 1,
            learning_rate,
        };
        let penalty = self
            .update
            .prepare(self.threads, step, dw, (w, arrays.slots));

        // From here on the caller's arrays change. A batch that is given up is given up before.
        let (w, slots) = (&mut *arrays.w, &mut *arrays.slots);
        let rows = program.rows(samples, x, values);
        self.update.step(self.threads, step, dw, (w, slots), rows);
        if stops {
            arrays.state.copy_from_slice(&self.state);
            for (sum, of_batch) in arrays.progress[2..].iter_mut().zip(&self.sums) {
                *sum += of_batch;
            }
        }
        arrays.progress[2] += penalty * samples as f64;
        arrays.progress[0] += 1.0;
        arrays.progress[1] += samples as f64;

        (self.begun, self.goes_back) = (None, false);
        true
    }
}

/// How a network is updated by one optimizer: a step from the gradients of a batch.
#[derive(Debug)]
pub struct Update<F: Float> {
    rule: Rule<F>,
    variables: Variables,
    demands: Demands<F>,
    /// Gradients that are to be 0 again after a step: penalties, decay or batches before have a part in them, and the next
    /// pass back adds to them.
    unwritten: Vec<Range<usize>>,
}

impl<F: Float> Update<F> {
    /// That of `plan`'s parameters by `rule`.
    pub fn new(plan: &Plan<F>, rule: Rule<F>) -> Result<Self> {
        let mut variables = plan.variables().to_vec();
        let demands = Demands::new(plan.demands(), &variables)?;
        let is_demanded = |i: usize| plan.demands().iter().any(|demand| demand.variable == i);
        let changes_all = rule.prepares_whole_tables();
        let changed = (variables.iter().enumerate())
            .filter(|(i, variable)| variable.trainable && (changes_all || is_demanded(*i)))
            .map(|(_, variable)| variable.range.clone());
        let unwritten = changed.filter(|range| !is_written(range, plan)).collect();
        for demand in plan.demands() {
            // It moves as a whole, whatever is looked up.
            variables[demand.variable].looked_up = false;
        }
        Ok(Self {
            unwritten,
            demands,
            variables: rule.variables(variables),
            rule,
        })
    }

    /// Elements of the slots.
    pub fn slots_len(&self) -> usize {
        self.variables.slots_len()
    }

    /// Add the gradients of penalties, and make of all of them what the optimizer takes, such as clipped ones: comes before
    /// [`step`](Self::step). Returns the sum of the penalties.
    pub fn prepare(
        &mut self,
        threads: Threads,
        step: Step,
        dw: &mut [F],
        (w, slots): (&[F], &[F]),
    ) -> f64 {
        let penalty = self.demands.penalty(threads, w, dw);
        self.rule.prepare(step, &self.variables, w, dw, slots);
        penalty
    }

    /// Move the parameters and the slots along the gradients, and put back what is constrained. The gradients of the `rows` that were looked up in tables are 0
    /// again behind it, as all others of a table are.
    pub fn step(
        &mut self,
        threads: Threads,
        step: Step,
        dw: &mut [F],
        (w, slots): (&mut [F], &mut [F]),
        rows: impl Iterator<Item = Range<usize>>,
    ) {
        self.rule
            .step(threads, step, &mut self.variables, w, dw, slots);
        let by_rows = self.rule.moves_by_rows();
        for row in rows {
            // The second time it has a gradient of 0.
            if by_rows && !self.demands.include(row.start) {
                self.rule.step_of_row(step, row.clone(), w, dw, slots);
            }
            dw[row].fill(F::ZERO);
        }
        for range in &self.unwritten {
            dw[range.clone()].fill(F::ZERO);
        }
        self.demands.constrain(w);
    }
}

/// Whether a pass back writes the gradients of a variable from end to end: of a table it adds to rows, and what is used in
/// inference alone it leaves.
fn is_written<F: Float>(range: &Range<usize>, plan: &Plan<F>) -> bool {
    let program = plan.training();
    let mut operations = program.operations().iter();
    operations.any(|operation| {
        let has_it = operation.parameters.contains(&range.start);
        operation.learns() && !operation.function.looks_up() && has_it
    })
}

/// Fewer steps than these, of some microseconds each at least, are done before other threads are awake.
const STEPS_WORTH_WAKING: usize = 16;

/// A network that is trained beside others, and the arrays that this changes, which may be lent for a turn.
pub type Member<'t, 'a, F> = (Trainer<'t, F>, Arrays<'a, F>);

/// Train all members until none has a batch left, and return true, or until it is time to pause.
///
/// A member is one piece of work: made with [`Threads::ONE`], it stays on the thread that took it.
pub fn run_all_until<'p, F: Float>(
    pause: impl Into<Pause<'p>>,
    members: &mut [Member<F>],
    threads: Threads,
) -> bool {
    let pause = pause.into();
    let steps = members.iter().map(|(trainer, _)| trainer.batches.len());
    let threads = threads.for_work(steps.sum(), STEPS_WORTH_WAKING);
    parallel::for_each_chunk(threads, members, 1, |_, chunk| {
        for (trainer, arrays) in chunk {
            trainer.run_until(pause, arrays);
        }
    });
    members.iter().all(|(trainer, _)| trainer.is_done())
}
