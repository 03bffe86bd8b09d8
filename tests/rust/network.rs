//! The core as a Rust program sees it: gradients against differences, bits against threads.

use std::time::{Duration, Instant};

use crate::common::gradients::{gradient_error, run_backward, run_forward, running};
use crate::common::{
    activation, adam, batch_normalization, dense, dropout, normals, sparse_crossentropy,
};
use fanin::layers::State;
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{Arrays, Data, Evaluation, Kept, Labels, Objective, Plan, Predictor, Trainer};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::{Settings, Value};
use proptest::prelude::*;

const SMOOTH: [&str; 8] = [
    "tanh", "sigmoid", "softplus", "softsign", "silu", "gelu", "softmax", "linear",
];

#[test]
fn gradients_agree_with_differences_for_every_activation() {
    for kind in SMOOTH
        .into_iter()
        .chain(["relu", "leaky_relu", "elu", "selu"])
    {
        let dropout = dropout(0.4);
        let alone = Settings::new("activation").with("activation", activation(kind));
        let plan = Plan::new(&[4], &[dense(5, kind), dropout, alone, dense(3, "linear")]).unwrap();
        for training in [false, true] {
            let error = gradient_error(&plan, &plan.by_hand(), 6, training);
            assert!(error < 1e-6, "{kind}, training {training}: {error:e}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_agree_with_differences_for_any_shape(
        input in 1usize..6, rows in 1usize..4, hidden in 1usize..70, samples in 2usize..9,
        kind in prop::sample::select(&SMOOTH[..]), training: bool, flatten: bool,
    ) {
        let mut layers = vec![dense(hidden, kind), batch_normalization(), dense(3, "tanh")];
        if flatten {
            layers.insert(2, Settings::new("flatten"));
        }
        let plan = Plan::new(&[rows, input], &layers).unwrap();
        let error = gradient_error(&plan, &plan.by_hand(), samples, training);
        prop_assert!(error < 1e-6, "{error:e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn narrow_networks_do_the_same_on_columns(
        input in 1usize..17, hidden in 1usize..17, output in 1usize..17, samples in 1usize..70,
        kind in prop::sample::select(&["tanh", "gelu", "silu", "linear", "softplus"][..]), use_bias: bool,
    ) {
        let alone = Settings::new("activation").with("activation", activation(kind));
        let first = dense(hidden, kind).with("use_bias", Value::Bool(use_bias));
        let layers = [first, batch_normalization(), alone, dense(output, kind)];
        let plan = Plan::<f64>::new(&[input], &layers).unwrap();
        let (rows, columns) = (plan.by_hand(), plan.training());
        prop_assert!(columns.takes_columns() && !rows.takes_columns());
        // One sample is its own mean: nothing depends on it, and differences are noise.
        if samples > 1 {
            let error = gradient_error(&plan, &columns, samples.min(20), true);
            prop_assert!(error < 1e-6, "{error:e}");
        }
        let (w, x) = (normals("w", plan.parameter_count()), normals("x", samples * input));
        let dy = normals("dy", samples * output);
        let run = |program| {
            let mut state = running(plan.state_count());
            let mut pass = run_forward(&plan, program, samples, State::Updating(&mut state), &w, &x);
            let y = pass.y.clone();
            let (dw, _) = run_backward(&plan, program, samples, true, &w, &mut pass, &dy);
            [y, state, dw]
        };
        // Sums of n terms in another order differ by n·eps; a normalization by a small std makes that larger.
        let tolerance = 100.0 * (samples * 16) as f64 * f64::EPSILON;
        for (rows, columns) in run(&rows).iter().zip(&run(&columns)) {
            let scale = rows.iter().fold(1.0f64, |largest, a| largest.max(a.abs()));
            for (a, b) in rows.iter().zip(columns) {
                prop_assert!((a - b).abs() <= tolerance * scale, "{a} and {b}");
            }
        }
    }
}

#[test]
fn wide_networks_and_layers_that_look_across_units_stay_with_rows() {
    let softmax = dense(3, "softmax");
    for (shape, layers) in [
        (&[17][..], vec![dense(3, "relu")]),
        (&[3], vec![dense(17, "relu"), dense(3, "relu")]),
        (&[2, 3], vec![dense(3, "relu")]),
        (&[3], vec![softmax]),
        (&[3], vec![dense(3, "relu"), dropout(0.4)]),
        (&[3], vec![]),
    ] {
        let plan = Plan::<f32>::new(shape, &layers).unwrap();
        assert!(!plan.training().takes_columns(), "{shape:?} {layers:?}");
    }
}

struct Trained {
    w: Vec<f32>,
    state: Vec<f32>,
    progress: Vec<f64>,
    predictions: Vec<f32>,
    scores: Vec<f64>,
}

/// Train a network with `threads` threads in slices that end after every batch or only at the end.
fn train(hidden: usize, threads: usize, one_slice: bool) -> Trained {
    let (samples, batch, classes) = (1280, 256, 10);
    let layers = [
        dense(hidden, "relu"),
        batch_normalization(),
        dense(hidden, "gelu"),
        dense(classes, "softmax"),
    ];
    let plan = Plan::<f32>::new(&[100], &layers).unwrap();
    let x: Vec<f32> = normals("x", samples * 100)
        .iter()
        .map(|&z| z as f32)
        .collect();
    let y: Vec<i64> = (0..samples as i64)
        .map(|i| i * i % classes as i64)
        .collect();
    let order: Vec<u32> = (0..samples as u32).rev().collect();
    let mut w: Vec<f32> = normals("w", plan.parameter_count())
        .iter()
        .map(|&z| 0.1 * z as f32)
        .collect();
    let mut state = vec![1.0f32; plan.state_count()];
    let mut slots = vec![0.0f32; 2 * w.len()];
    let mut progress = vec![0.0; 4];
    let threads = Threads::new(threads).unwrap();
    let rates = vec![1e-3; samples / batch];
    let objective = || {
        let loss = losses::from_settings(&sparse_crossentropy()).unwrap();
        let accuracy =
            metrics::from_settings(&Settings::new("sparse_categorical_accuracy")).unwrap();
        Objective::new(&plan, loss, vec![accuracy]).unwrap()
    };
    let data = Data {
        x: Kept::Numbers(&x),
        labels: vec![Labels {
            y: Targets::Classes(&y),
            weights: &[],
        }],
    };

    let (trained, goal) = objective();
    let rule = optimizers::from_settings(&adam()).unwrap();
    let trained_is_long = trained.training().is_long(batch);
    let mut trainer = Trainer::new(
        trained,
        goal,
        rule,
        data.clone(),
        &order,
        batch,
        &rates,
        threads,
    )
    .unwrap();
    let mut arrays = Arrays {
        w: &mut w,
        state: &mut state,
        slots: &mut slots,
        progress: &mut progress,
        outputs: &mut [],
    };
    trainer.check(&arrays).unwrap();
    let ahead = if one_slice {
        Duration::from_secs(60)
    } else {
        Duration::ZERO
    };
    let mut slices = 1;
    while !trainer.run_until(Instant::now() + ahead, &mut arrays) {
        slices += 1;
    }
    let batches = samples / batch;
    match (one_slice, trained_is_long) {
        (true, _) => assert_eq!(slices, 1),
        (false, false) => assert_eq!(slices, batches),
        (false, true) => assert!(slices > batches, "stops within batches"),
    }

    let mut predictions = vec![0.0; samples * classes];
    let mut predictor = Predictor::new(&plan, &w, &state, &x, 100, threads).unwrap();
    while !predictor.run_until(Instant::now(), &mut predictions) {}
    let (evaluated, goal) = objective();
    let mut evaluation = Evaluation::new(evaluated, goal, &w, &state, data, 100, threads).unwrap();
    while !evaluation.run_until(Instant::now()) {}
    Trained {
        scores: evaluation.means(),
        w,
        state,
        progress,
        predictions,
    }
}

#[test]
fn training_gives_the_same_bits_for_any_number_of_threads_and_slices() {
    for hidden in [24, 777] {
        let first = train(hidden, 1, true);
        assert_eq!(first.progress[..2], [5.0, 1280.0]);
        for (threads, one_slice) in [(1, false), (2, true), (3, false)] {
            let other = train(hidden, threads, one_slice);
            assert_eq!(first.w, other.w, "{hidden} units, {threads} threads");
            assert_eq!(first.state, other.state);
            assert_eq!(first.progress, other.progress);
            assert_eq!(first.predictions, other.predictions);
            assert_eq!(first.scores, other.scores);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_argument_named() {
    let plan = Plan::<f32>::new(&[3], &[dense(2, "softmax")]).unwrap();
    let new = |x: &[f32], y: Targets<f32>, order: &[u32], batch: usize, rates: &[f64]| {
        let loss = losses::from_settings(&sparse_crossentropy()).unwrap();
        let (plan, objective) = Objective::new(&plan, loss, vec![]).unwrap();
        let rule = optimizers::from_settings(&adam()).unwrap();
        let labels = vec![Labels { y, weights: &[] }];
        let data = Data {
            x: Kept::Numbers(x),
            labels,
        };
        Trainer::new(
            plan,
            objective,
            rule,
            data,
            order,
            batch,
            rates,
            Threads::ONE,
        )
        .unwrap_err()
        .to_string()
    };
    let x = [0.0; 6];
    assert!(new(&x[..5], Targets::Classes(&[0, 1]), &[0], 1, &[0.1]).starts_with("x:"));
    assert!(new(&x, Targets::Classes(&[0]), &[0], 1, &[0.1]).starts_with("y:"));
    assert!(new(&x, Targets::Classes(&[0, 2]), &[0], 1, &[0.1]).contains("2 at index 1"));
    assert!(new(&x, Targets::Values(&x[..4]), &[0], 1, &[0.1]).starts_with("y:"));
    assert!(new(&x, Targets::Classes(&[0, 1]), &[2], 1, &[0.1]).starts_with("order:"));
    assert!(new(&x, Targets::Classes(&[0, 1]), &[0], 0, &[0.1]).starts_with("batch_size:"));
    assert!(new(&x, Targets::Classes(&[0, 1]), &[0], 1, &[]).starts_with("learning_rates:"));
    let refused = |shape: &[usize], layer: Settings| {
        Plan::<f32>::new(shape, &[layer]).unwrap_err().to_string()
    };
    assert!(refused(&[], dense(2, "relu")).contains("samples of at least one axis"));
    assert!(refused(&[3, 0], dense(2, "relu")).starts_with("input_shape"));
    assert!(refused(&[3], dense(0, "relu")).starts_with("units"));
    assert!(refused(&[1 << 40], dense(1 << 40, "relu")).starts_with("units"));
    assert!(refused(&[3], dense(2, "rleu")).contains("rleu"));
}

/// The gradient that one step of plain descent applies: (w before − w after) / rate.
fn applied_gradient(
    plan: &Plan<f64>,
    w: &[f64],
    loss: &Settings,
    x: &[f64],
    y: &[f64],
) -> Vec<f64> {
    let loss = losses::from_settings(loss).unwrap();
    let (plan, objective) = Objective::new(plan, loss, vec![]).unwrap();
    let sgd = [
        "momentum",
        "weight_decay",
        "clipvalue",
        "clipnorm",
        "global_clipnorm",
    ]
    .into_iter()
    .fold(Settings::new("sgd"), |s, name| {
        s.with(name, Value::Float(0.0))
    })
    .with("nesterov", Value::Bool(false));
    let rule = optimizers::from_settings(&sgd).unwrap();
    let samples = x.len() / plan.input_size();
    let order: Vec<u32> = (0..samples as u32).collect();
    let data = Data {
        x: Kept::Numbers(x),
        labels: vec![Labels {
            y: Targets::Values(y),
            weights: &[],
        }],
    };
    let mut moved = w.to_vec();
    let mut trainer = Trainer::new(
        plan,
        objective,
        rule,
        data,
        &order,
        samples,
        &[1.0],
        Threads::ONE,
    )
    .unwrap();
    let mut arrays = Arrays {
        w: &mut moved,
        state: &mut [],
        slots: &mut [],
        progress: &mut [0.0; 3],
        outputs: &mut [],
    };
    assert!(trainer.run_until(Instant::now(), &mut arrays));
    w.iter()
        .zip(&moved)
        .map(|(before, after)| before - after)
        .collect()
}

fn crossentropy() -> Settings {
    Settings::new("categorical_crossentropy")
        .with("from_logits", Value::Bool(false))
        .with("label_smoothing", Value::Float(0.0))
}

#[test]
fn a_frozen_layer_stays_and_those_around_it_learn_as_before() {
    let frozen = |at: Option<usize>| {
        let layers = (0..3).map(|i| dense(4, "tanh").with("trainable", Value::Bool(at != Some(i))));
        Plan::<f64>::new(&[5], &layers.collect::<Vec<_>>()).unwrap()
    };
    let squared = Settings::new("mean_squared_error");
    let free = frozen(None);
    let (w, x, y) = (
        normals("w", free.parameter_count()),
        normals("x", 30),
        normals("y", 24),
    );
    let all = applied_gradient(&free, &w, &squared, &x, &y);
    for at in 0..3 {
        let plan = frozen(Some(at));
        let some = applied_gradient(&plan, &w, &squared, &x, &y);
        for place in plan.parameters() {
            for i in place.range() {
                let expected = if place.layer == at { 0.0 } else { all[i] };
                assert_eq!(
                    some[i], expected,
                    "layer {at} frozen, {} of {}",
                    place.name, place.layer
                );
            }
        }
    }
}

#[test]
fn a_loss_and_the_last_activation_at_once_are_both_in_turn() {
    let binary = Settings::new("binary_crossentropy")
        .with("from_logits", Value::Bool(false))
        .with("label_smoothing", Value::Float(0.0));
    let nothing = Settings::new("activation").with("activation", activation("linear"));
    for (kind, loss) in [("softmax", crossentropy()), ("sigmoid", binary)] {
        let layers = [dense(20, "tanh"), dense(3, kind), nothing.clone()];
        // Behind an activation that does nothing the loss takes probabilities.
        let fused = Plan::<f64>::new(&[5], &layers[..2]).unwrap();
        let in_turn = Plan::<f64>::new(&[5], &layers).unwrap();
        let w = normals("w", fused.parameter_count());
        let (x, y) = (normals("x", 20), [0.2, 0.3, 0.5, 1.0, 0.0, 0.0].repeat(2));
        let [fused, in_turn] =
            [fused, in_turn].map(|plan| applied_gradient(&plan, &w, &loss, &x, &y));
        for (a, b) in fused.iter().zip(&in_turn) {
            assert!((a - b).abs() < 1e-12, "{kind}: {a} and {b}");
        }
        assert!(fused.iter().any(|g| g.abs() > 1e-3));
    }
}

#[test]
fn a_loss_does_not_reach_through_a_flatten() {
    let plan = Plan::new(&[2, 4], &[dense(3, "softmax"), Settings::new("flatten")]).unwrap();
    let mut w = normals("w", plan.parameter_count());
    let (x, y) = (normals("x", 24), [0.1, 0.2, 0.3, 0.1, 0.1, 0.2].repeat(3));
    let gradient = applied_gradient(&plan, &w, &crossentropy(), &x, &y);
    let mut loss = |i: usize, by: f64| {
        w[i] += by;
        let (plan, objective) = Objective::new(
            &plan,
            losses::from_settings(&crossentropy()).unwrap(),
            vec![],
        )
        .unwrap();
        let data = Data {
            x: Kept::Numbers(&x),
            labels: vec![Labels {
                y: Targets::Values(&y),
                weights: &[],
            }],
        };
        let mut evaluation =
            Evaluation::new(plan, objective, &w, &[], data, 2, Threads::ONE).unwrap();
        while !evaluation.run_until(Instant::now()) {}
        let mean = evaluation.means()[0];
        w[i] -= by;
        mean
    };
    for (i, &g) in gradient.iter().enumerate() {
        let difference = (loss(i, 1e-5) - loss(i, -1e-5)) / 2e-5;
        assert!(
            (difference - g).abs() < 1e-8,
            "{i}: {difference} against {g}"
        );
    }
}

#[test]
fn not_a_number_is_reported_by_every_loss() {
    let flags = |s: Settings, logits| {
        s.with("from_logits", Value::Bool(logits))
            .with("label_smoothing", Value::Float(0.0))
    };
    let mut all = vec![
        Settings::new("mean_squared_error"),
        Settings::new("mean_absolute_error"),
    ];
    for logits in [false, true] {
        all.push(flags(Settings::new("binary_crossentropy"), logits));
        all.push(flags(Settings::new("categorical_crossentropy"), logits));
    }
    for settings in all {
        let loss = losses::from_settings::<f32>(&settings).unwrap();
        let (mut outputs, mut value) = ([f32::NAN, 0.5], [0.0]);
        let factor = losses::Factor {
            all: 1.0,
            weights: &[],
        };
        loss.rows(
            2,
            &mut outputs,
            Targets::Values(&[1.0, 0.0]),
            factor,
            &mut value,
        );
        assert!(
            value[0].is_nan() && outputs[0].is_nan(),
            "{settings:?}: {value:?}, {outputs:?}"
        );
    }
}
