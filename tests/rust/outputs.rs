//! Networks of several outputs: what is fused, what is copied, bits where a batch stops, and what is refused.

use std::time::{Duration, Instant};

use crate::common::{adam, dense, normals, sparse_crossentropy};
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{
    Arrays, Call, Data, Evaluation, Goal, Kept, Labels, Objective, Plan, Predictor, Trainer,
};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::Settings;

const WIDTH: usize = 20;
const CLASSES: usize = 3;
const VALUES: usize = 2;
const HIDDEN: usize = 16;

/// Values, classes, and the hidden layer that both read.
fn network() -> Plan<f64> {
    let layers = [
        dense(HIDDEN, "relu"),
        dense(CLASSES, "softmax"),
        dense(VALUES, "linear"),
    ];
    let calls = [(0, 0), (1, 1), (2, 1)].map(|(layer, read)| Call {
        layer,
        reads: vec![read],
    });
    Plan::of_calls(&[vec![WIDTH]], &layers, &calls, &[3, 2, 1]).unwrap()
}

fn goal(output: usize, loss: Option<&Settings>, metrics: &[&str]) -> Goal<f64> {
    let metrics = metrics.iter();
    let metric = |name: &&str| metrics::from_settings(&Settings::new(name)).unwrap();
    Goal {
        output,
        loss: loss.map(|loss| losses::from_settings(loss).unwrap()),
        weight: 1.0,
        metrics: metrics.map(metric).collect(),
        weighted: Vec::new(),
    }
}

/// Values by the mean square, half as much; classes by their cross-entropy.
fn goals() -> Vec<Goal<f64>> {
    let squares = Settings::new("mean_squared_error");
    let mut values = goal(0, Some(&squares), &["mean_absolute_error"]);
    values.weight = 0.5;
    let metric = metrics::from_settings(&Settings::new("mean_squared_error"));
    values.weighted.push(metric.unwrap());
    let accuracy = ["sparse_categorical_accuracy"];
    vec![values, goal(1, Some(&sparse_crossentropy()), &accuracy)]
}

/// Samples with targets, and weights of the values alone.
struct Samples {
    x: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<i64>,
    weights: Vec<f64>,
}

impl Samples {
    fn new(count: usize) -> Self {
        Self {
            x: normals("x", count * WIDTH),
            values: normals("y", count * VALUES),
            classes: (0..count as i64).map(|i| i * i % CLASSES as i64).collect(),
            weights: normals("weights", count).iter().map(|z| z.abs()).collect(),
        }
    }

    fn data(&self) -> Data<'_, f64> {
        let values = Labels {
            y: Targets::Values(&self.values),
            weights: &self.weights,
        };
        let classes = Labels {
            y: Targets::Classes(&self.classes),
            weights: &[],
        };
        Data {
            x: Kept::Numbers(&self.x),
            labels: vec![values, classes],
        }
    }
}

fn start(plan: &Plan<f64>) -> Vec<f64> {
    let w = normals("w", plan.parameter_count());
    w.iter().map(|w| 0.2 * w).collect()
}

/// Parameters, slots, progress and outputs after two batches, and in how many calls.
fn train(batch: usize, threads: Threads, ahead: Duration) -> ([Vec<f64>; 4], usize) {
    let (plan, samples) = (network(), Samples::new(2 * batch));
    let (trained, objective) = Objective::of(&plan, goals()).unwrap();
    let rule = optimizers::from_settings(&adam()).unwrap();
    let order: Vec<u32> = (0..2 * batch as u32).rev().collect();
    let mut w = start(&plan);
    let mut slots = vec![0.0; 2 * w.len()];
    let mut progress = vec![0.0; 2 + objective.sums()];
    let mut outputs = vec![f64::NAN; 2 * batch * plan.output_size()];
    let (data, rates) = (samples.data(), [1e-2; 2]);
    let new = Trainer::new(
        trained, objective, rule, data, &order, batch, &rates, threads,
    );
    let mut trainer = new.unwrap();
    let mut arrays = Arrays {
        w: &mut w,
        state: &mut [],
        slots: &mut slots,
        progress: &mut progress,
        outputs: &mut outputs,
    };
    trainer.check(&arrays).unwrap();
    let mut calls = 1;
    while !trainer.run_until(Instant::now() + ahead, &mut arrays) {
        calls += 1;
    }
    ([w, slots, progress, outputs], calls)
}

#[test]
fn a_batch_that_stops_on_its_way_gives_the_same_bits() {
    const LONG: usize = 50_000;
    let far = Duration::from_secs(3600);
    let (whole, calls) = train(LONG, Threads::ONE, far);
    assert_eq!(
        (calls, whole[2][..2].to_vec()),
        (1, vec![2.0, 2.0 * LONG as f64])
    );
    for threads in [Threads::ONE, Threads::new(2).unwrap()] {
        let (stopped, calls) = train(LONG, threads, Duration::ZERO);
        assert!(calls > 4, "stops within batches");
        assert_eq!(stopped, whole);
    }
}

#[test]
fn what_training_hands_out_is_what_prediction_says() {
    let ([_, _, progress, outputs], _) = train(64, Threads::ONE, Duration::ZERO);
    let (plan, samples) = (network(), Samples::new(128));
    let (w, mut predicted) = (start(&plan), vec![0.0; 128 * plan.output_size()]);
    let new = Predictor::new(&plan, &w, &[], &samples.x, 64, Threads::ONE);
    let mut predictor = new.unwrap();
    while !predictor.run_until(Instant::now(), &mut predicted) {}
    // The first batch has the last rows, backwards.
    let size = plan.output_size();
    let rows = predicted.chunks_exact(size).rev();
    for (trained, predicted) in outputs.chunks_exact(size).zip(rows).take(64) {
        for (a, b) in trained.iter().zip(predicted) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
        let classes = &trained[plan.columns_of(1)];
        assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-14);
    }
    // The whole loss; the loss, the error, its weighted square and the weights; the loss and the accuracy.
    let [whole, squares, _, weighted, counted, entropy, accuracy] = progress[2..] else {
        panic!("seven sums");
    };
    assert!((whole - 0.5 * squares - entropy).abs() < 1e-9);
    assert!((weighted - squares).abs() < 1e-9);
    let weights: f64 = samples.weights.iter().sum();
    assert!((counted - weights).abs() < 1e-9);
    assert!((0.0..=128.0).contains(&accuracy));
}

#[test]
fn a_softmax_goes_into_the_loss_of_its_output_alone() {
    let plan = network();
    let (trained, _) = Objective::of(&plan, goals()).unwrap();
    let count = |plan: &Plan<f64>| plan.operations().len();
    assert_eq!(count(&trained), count(&plan) - 1);
    let again = Objective::of(&plan, goals()).unwrap().0;
    assert!(
        std::ptr::eq(again.operations(), trained.operations()),
        "made once"
    );
    let squares = Settings::new("mean_squared_error");
    let others = vec![goal(0, Some(&squares), &[]), goal(2, Some(&squares), &[])];
    assert_eq!(
        count(&Objective::of(&plan, others).unwrap().0),
        count(&plan)
    );

    // From logits of 800 probabilities underflow; their logarithms do not.
    let (mut w, samples) = (start(&plan), Samples::new(16));
    for place in plan.parameters().iter().filter(|place| place.layer == 1) {
        w[place.range()].iter_mut().for_each(|w| *w *= 1e4);
    }
    let (trained, objective) = Objective::of(&plan, goals()).unwrap();
    let data = samples.data();
    let new = Evaluation::new(trained, objective, &w, &[], data, 16, Threads::ONE);
    let mut evaluation = new.unwrap();
    while !evaluation.run_until(Instant::now()) {}
    assert!(
        evaluation.means()[5] > 100.0,
        "beyond what is left of a probability"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let plan = network();
    let refused = |goals| Objective::of(&plan, goals).unwrap_err().to_string();
    let squares = Settings::new("mean_squared_error");
    let of = |output| goal(output, Some(&squares), &[]);
    assert!(refused(vec![]).contains("a loss of at least one output"));
    assert!(refused(vec![of(3)]).contains("outputs from 0 to 2"));
    assert!(refused(vec![of(1), of(0)]).contains("outputs from 2 to 2"));
    assert!(refused(vec![goal(0, None, &[])]).contains("a loss or a metric"));
    assert!(refused(vec![goal(0, None, &["mean_squared_error"])]).contains("a loss of at least"));
    let mixed = goal(1, Some(&sparse_crossentropy()), &["mean_squared_error"]);
    assert!(refused(vec![mixed]).starts_with("metrics:"));
    let mut endless = of(0);
    endless.weight = f64::INFINITY;
    assert!(refused(vec![endless]).starts_with("weight:"));

    let samples = Samples::new(4);
    let evaluate = |change: &dyn Fn(&mut Data<'_, f64>)| {
        let (trained, objective) = Objective::of(&plan, goals()).unwrap();
        let (w, mut data) = (start(&plan), samples.data());
        change(&mut data);
        let new = Evaluation::new(trained, objective, &w, &[], data, 4, Threads::ONE);
        new.unwrap_err().to_string()
    };
    assert!(evaluate(&|data| data.labels.truncate(1)).starts_with("y: expected those of 2"));
    assert!(evaluate(&|data| data.labels.reverse()).starts_with("y:"));
    assert!(evaluate(&|data| data.labels[0].y = Targets::Values(&[0.0])).starts_with("y:"));
    assert!(evaluate(&|data| data.labels[1].y = Targets::Classes(&[0, 3, 0, 0])).contains("3 at"));
    assert!(evaluate(&|data| data.labels[1].weights = &[1.0]).starts_with("weights:"));
}
