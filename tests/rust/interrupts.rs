//! What takes long stops on its way, goes on with the same bits, and changes nothing before a batch is whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{activation, adam, batch_normalization, dense, dropout, normals};
use fanin::layers::Add;
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{
    Arrays, Data, Evaluation, Graph, Kept, Labels, Member, Objective, Plan, Predictor, Trainer,
    run_all_until,
};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::{Settings, Value};

const WIDTH: usize = 20;
const OUTPUTS: usize = 3;

/// Sums of a block's layers and its input, normalized.
fn residual() -> Plan<f32> {
    let mut graph = Graph::new(&[WIDTH]).unwrap();
    let x = graph.input();
    let inner = graph.layer(&batch_normalization(), x).unwrap();
    let inner = graph.layer(&dense(WIDTH, "gelu"), inner).unwrap();
    let sum = graph.join(Arc::new(Add), &[x, inner]).unwrap();
    let again = graph.layer_again(1, sum).unwrap();
    let y = graph.layer(&dense(OUTPUTS, "tanh"), again).unwrap();
    Plan::of(graph, y).unwrap()
}

/// Networks, with the rows of a batch from which on they take long.
fn networks() -> [(&'static str, Plan<f32>, usize); 5] {
    let plan = |input: usize, layers: &[Settings]| Plan::new(&[input], layers).unwrap();
    let alone = Settings::new("activation").with("activation", activation("relu"));
    let narrow = [
        dense(16, "tanh"),
        batch_normalization(),
        dense(16, "relu"),
        dense(OUTPUTS, "tanh"),
    ];
    let layers = [
        batch_normalization(),
        dense(200, "relu"),
        dropout(0.3),
        batch_normalization(),
        alone,
        dense(OUTPUTS, "linear"),
    ];
    let frozen = dense(150, "silu").with("trainable", Value::Bool(false));
    let deep = [frozen, dense(150, "relu"), dense(OUTPUTS, "sigmoid")];
    // The second product is done in pieces of rows, forward and back.
    let wide = [
        dense(1100, "relu"),
        dense(1100, "linear"),
        dense(OUTPUTS, "linear"),
    ];
    [
        ("narrow", plan(WIDTH - 4, &narrow), 40_000),
        ("normalization and dropout", plan(WIDTH, &layers), 4_000),
        ("dense", plan(WIDTH, &deep), 1_000),
        ("residual", residual(), 40_000),
        ("in pieces", plan(WIDTH, &wide), 4_100),
    ]
}

const BATCHES: usize = 3;

/// A training of three batches, the last one shorter, and what it needs.
struct Training {
    plan: Plan<f32>,
    batch: usize,
    x: Vec<f32>,
    y: Vec<f32>,
    order: Vec<u32>,
    w: Vec<f32>,
    state: Vec<f32>,
    slots: Vec<f32>,
    progress: Vec<f64>,
    outputs: Vec<f32>,
}

fn numbers(name: &str, len: usize) -> Vec<f32> {
    normals(name, len).iter().map(|&z| z as f32).collect()
}

impl Training {
    fn new(plan: Plan<f32>, batch: usize) -> Self {
        let samples = BATCHES * batch - batch / 4;
        let w = numbers("w", plan.parameter_count());
        Self {
            batch,
            x: numbers("x", samples * plan.input_size()),
            y: numbers("y", samples * OUTPUTS),
            order: (0..samples as u32).rev().collect(),
            state: vec![1.0; plan.state_count()],
            slots: vec![0.0; 2 * w.len()],
            w: w.iter().map(|w| 0.2 * w).collect(),
            progress: vec![0.0; 4],
            outputs: vec![f32::NAN; samples * OUTPUTS],
            plan,
        }
    }

    fn objective(&self) -> (Plan<f32>, Objective<f32>) {
        let loss = losses::from_settings(&Settings::new("mean_squared_error")).unwrap();
        let metric = metrics::from_settings(&Settings::new("mean_absolute_error")).unwrap();
        Objective::new(&self.plan, loss, vec![metric]).unwrap()
    }

    /// A trainer, and the arrays that it changes.
    fn member(&mut self, threads: Threads) -> Member<'_, '_, f32> {
        let (plan, objective) = self.objective();
        let data = Data {
            x: Kept::Numbers(&self.x),
            labels: vec![Labels {
                y: Targets::Values(&self.y),
                weights: &[],
            }],
        };
        let rule = optimizers::from_settings(&adam()).unwrap();
        let trainer = Trainer::new(
            plan,
            objective,
            rule,
            data,
            &self.order,
            self.batch,
            &[1e-2; BATCHES],
            threads,
        );
        let arrays = Arrays {
            w: &mut self.w,
            state: &mut self.state,
            slots: &mut self.slots,
            progress: &mut self.progress,
            outputs: &mut self.outputs,
        };
        (trainer.unwrap(), arrays)
    }

    /// Train without a stop.
    fn run(mut self, threads: Threads) -> Self {
        let (mut trainer, mut arrays) = self.member(threads);
        trainer.check(&arrays).unwrap();
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(trainer.run_until(far, &mut arrays));
        self
    }

    fn assert_is(&self, other: &Self, name: &str) {
        assert!(self.w == other.w && self.slots == other.slots, "{name}");
        assert!(self.state == other.state && self.progress == other.progress);
        assert!(self.outputs == other.outputs && self.outputs.iter().all(|y| y.is_finite()));
    }
}

/// Two threads share products, if there are two.
fn threads() -> [Threads; 2] {
    [Threads::ONE, Threads::new(2).unwrap()]
}

#[test]
fn training_that_stops_after_every_piece_gives_the_same_bits() {
    for (name, plan, batch) in networks() {
        let program = plan.training();
        let last = batch - batch / 4;
        let pieces = (BATCHES - 1) * program.pieces(batch) + program.pieces(last);
        let operations = BATCHES * program.operations().len();
        // What takes pieces takes seconds here: once without a stop and once with.
        let takes_pieces = pieces > operations;
        assert_eq!(takes_pieces, name == "in pieces");
        let of_whole = threads()[usize::from(takes_pieces)];
        let whole = Training::new(plan.clone(), batch).run(of_whole);
        for threads in &threads()[usize::from(takes_pieces)..] {
            let mut stopped = Training::new(plan.clone(), batch);
            let (mut trainer, mut arrays) = stopped.member(*threads);
            let mut calls = 1;
            while !trainer.run_until(Instant::now(), &mut arrays) {
                calls += 1;
            }
            // Forward and back, but for the last one of each way forward, which goes on to what follows.
            assert_eq!(calls, 2 * pieces - BATCHES, "{name}");
            stopped.assert_is(&whole, name);
        }
    }
}

#[test]
fn what_is_given_up_in_a_batch_leaves_the_last_whole_one() {
    // A piece more or less is nothing new to that.
    for (name, plan, batch) in networks().into_iter().filter(|n| n.0 != "in pieces") {
        let mut training = Training::new(plan, batch);
        let (mut trainer, mut arrays) = training.member(Threads::ONE);
        let copies = |a: &Arrays<f32>| {
            let flat = [&*a.w, a.state, a.slots].concat();
            (flat, a.progress.to_vec())
        };
        let mut last = copies(&arrays);
        let mut stops_within = 0;
        while !trainer.run_until(Instant::now(), &mut arrays) {
            let now = copies(&arrays);
            if now.1[0] == last.1[0] {
                assert!(now == last, "{name}: changed before the batch was done");
                stops_within += 1;
            } else {
                assert_eq!(now.1[0], last.1[0] + 1.0);
                assert_eq!(now.1[1], last.1[1] + batch as f64);
            }
            last = now;
        }
        assert!(stops_within > 2 * BATCHES, "{name}");
    }
}

#[test]
fn short_batches_stop_between_batches_only() {
    for (name, plan, _) in networks() {
        let mut training = Training::new(plan, 8);
        let (mut trainer, mut arrays) = training.member(Threads::ONE);
        let (mut before, mut done) = (0.0, false);
        while !done {
            done = trainer.run_until(Instant::now(), &mut arrays);
            // After each batch, or after some of those that take no longer than a look at the clock is worth.
            let batches = arrays.progress[0] - before;
            assert!((1.0..=16.0).contains(&batches), "{name}: {batches}");
            before = arrays.progress[0];
        }
        assert_eq!(before, BATCHES as f64);
    }
}

#[test]
fn networks_that_are_trained_together_stop_and_go_on() {
    let [(_, narrow, rows), .., (_, residual, _), _] = networks();
    let whole = [narrow, residual].map(|plan| Training::new(plan, rows).run(Threads::ONE));
    let mut stopped = whole.each_ref().map(|whole| {
        let plan = whole.plan.clone();
        Training::new(plan, rows)
    });
    let members = stopped.iter_mut().map(|one| one.member(Threads::ONE));
    let mut members: Vec<_> = members.collect();
    while !run_all_until(Instant::now(), &mut members, threads()[1]) {}
    drop(members);
    for (stopped, whole) in stopped.iter().zip(&whole) {
        stopped.assert_is(whole, "together");
    }
}

#[test]
fn prediction_and_evaluation_stop_within_a_block_and_give_the_same_bits() {
    let (_, plan, rows) = networks().into_iter().find(|n| n.0 == "dense").unwrap();
    let operations = plan.inference().operations().len();
    let training = Training::new(plan, rows);
    let (w, state, x) = (&training.w, &training.state, &training.x);
    let data = Data {
        x: Kept::Numbers(x),
        labels: vec![Labels {
            y: Targets::Values(&training.y),
            weights: &[],
        }],
    };
    let run = |ahead: Duration, threads| {
        let deadline = || Instant::now() + ahead;
        let mut outputs = vec![f32::NAN; training.y.len()];
        let new = Predictor::new(&training.plan, w, state, x, rows, threads);
        let mut predictor = new.unwrap();
        let (mut predicts, mut evaluates) = (1, 1);
        while !predictor.run_until(deadline(), &mut outputs) {
            predicts += 1;
        }
        let (plan, objective) = training.objective();
        let new = Evaluation::new(plan, objective, w, state, data.clone(), rows, threads);
        let mut evaluation = new.unwrap();
        while !evaluation.run_until(deadline()) {
            evaluates += 1;
        }
        ((predicts, evaluates), outputs, evaluation.means())
    };
    let whole = run(Duration::from_secs(3600), Threads::ONE);
    assert_eq!(whole.0, (1, 1));
    for threads in threads() {
        let stopped = run(Duration::ZERO, threads);
        assert_eq!(stopped.0, (BATCHES * operations, BATCHES * operations));
        assert!(stopped.1 == whole.1 && stopped.2 == whole.2);
    }
}
