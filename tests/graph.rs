//! Networks that are no chains: gradients against differences, and each layout against the list as it is meant.

mod common;

use std::sync::Arc;

use common::gradients::{gradient_error, run_backward, run_forward, running, weights};
use common::{activation, batch_normalization, dense, dropout, normals};
use fanin::layers::{Add, Concatenate, State};
use fanin::network::{self, Graph, Part, Plan, Program, Run};
use fanin::parallel::Threads;
use fanin::settings::{Settings, Value};

/// y = relu(norm(x W + b)) + x W + b, twice normalized.
fn residual() -> Plan<f64> {
    let mut graph = Graph::new(&[5]).unwrap();
    let x = graph.input();
    let x = graph.layer(&dense(6, "linear"), x).unwrap();
    let inner = graph.layer(&batch_normalization(), x).unwrap();
    let inner = graph.layer(&dense(6, "gelu"), inner).unwrap();
    let sum = graph.join(Arc::new(Add), &[x, inner]).unwrap();
    let y = graph.layer(&dense(3, "tanh"), sum).unwrap();
    Plan::of(graph, y).unwrap()
}

/// A value, what an activation makes of it and what a layer makes of it, side by side; rows of several axes.
fn concatenation() -> Plan<f64> {
    let mut graph = Graph::new(&[2, 4]).unwrap();
    let x = graph.input();
    let alone = Settings::new("activation").with("activation", activation("silu"));
    let activated = graph.layer(&alone, x).unwrap();
    let wide = graph.layer(&dense(3, "sigmoid"), x).unwrap();
    let joint = Concatenate {
        widths: vec![4, 3, 4],
    };
    let joined = graph.join(Arc::new(joint), &[x, wide, activated]).unwrap();
    let y = graph.layer(&dense(2, "linear"), joined).unwrap();
    Plan::of(graph, y).unwrap()
}

/// A layer twice in turn, with something between, and its first output beside the second.
fn used_twice() -> Plan<f64> {
    let mut graph = Graph::new(&[4]).unwrap();
    let x = graph.input();
    let first = graph.layer(&dense(4, "tanh"), x).unwrap();
    let between = graph.layer(&dropout(0.3), first).unwrap();
    let second = graph.layer_again(0, between).unwrap();
    let y = graph.join(Arc::new(Add), &[second, first, second]).unwrap();
    Plan::of(graph, y).unwrap()
}

/// One layer on two inputs of its own, whose sum goes through an activation in place.
fn siblings() -> Plan<f64> {
    let mut graph = Graph::new(&[20]).unwrap();
    let x = graph.input();
    let left = graph.layer(&dense(20, "linear"), x).unwrap();
    let alone = Settings::new("activation").with("activation", activation("softplus"));
    let right = graph.layer(&alone, left).unwrap();
    let left = graph.layer_again(0, left).unwrap();
    let right = graph.layer_again(0, right).unwrap();
    let sum = graph.join(Arc::new(Add), &[left, right]).unwrap();
    let y = graph.layer(&alone, sum).unwrap();
    Plan::of(graph, y).unwrap()
}

fn chain() -> Plan<f64> {
    let layers = [
        dense(20, "gelu"),
        batch_normalization(),
        Settings::new("activation").with("activation", activation("relu")),
        dropout(0.3),
        dense(18, "relu").with("trainable", Value::Bool(false)),
        dense(4, "softmax"),
    ];
    Plan::new(&[17], &layers).unwrap()
}

fn all() -> [(&'static str, Plan<f64>); 5] {
    [
        ("residual", residual()),
        ("concatenation", concatenation()),
        ("used twice", used_twice()),
        ("siblings", siblings()),
        ("chain", chain()),
    ]
}

const SAMPLES: usize = 6;

#[test]
fn gradients_agree_with_differences() {
    for (name, plan) in all() {
        for training in [false, true] {
            let error = gradient_error(&plan, &plan.by_hand(), SAMPLES, training);
            assert!(error < 1e-6, "{name}, training {training}: {error:e}");
        }
    }
    for (name, plan) in [
        ("residual", residual()),
        ("used twice", used_twice()),
        ("siblings", siblings()),
    ] {
        let error = gradient_error(&plan, &plan.training(), SAMPLES, true);
        assert!(error < 1e-6, "{name} as trained: {error:e}");
    }
}

/// Outputs and the gradient of the parameters in training, and the state afterwards.
fn results(plan: &Plan<f64>, program: &Program<f64>) -> [Vec<f64>; 3] {
    let (w, mut state) = (weights(plan), running(plan.state_count()));
    let x = normals("x", SAMPLES * plan.input_size());
    let dy = normals("dy", SAMPLES * plan.output_size());
    let mut pass = run_forward(plan, program, SAMPLES, State::Updating(&mut state), &w, &x);
    let y = pass.y.clone();
    let (dw, _) = run_backward(plan, program, SAMPLES, true, &w, &mut pass, &dy);
    [y, dw, state]
}

#[test]
fn what_runs_gives_the_bits_of_what_is_meant() {
    for (name, plan) in all() {
        let trace = plan.trace(plan.operations().len(), true);
        let expected = results(&plan, &trace);
        assert_eq!(results(&plan, &plan.by_hand()), expected, "{name} by hand");
        let trained = plan.training();
        assert!(!trained.takes_columns());
        let [y, mut dw, state] = results(&plan, &trained);
        assert_eq!((&y, &state), (&expected[0], &expected[2]), "{name}");
        for frozen in plan.variables().iter().filter(|v| !v.trainable) {
            // An optimizer does not ask for these.
            dw[frozen.range.clone()].copy_from_slice(&expected[1][frozen.range.clone()]);
        }
        assert_eq!(dw, expected[1], "{name} as trained");

        let state = running(plan.state_count());
        let x = normals("x", SAMPLES * plan.input_size());
        let predict = |program: &Program<f64>| {
            let state = State::Frozen(&state);
            run_forward(&plan, program, SAMPLES, state, &weights(&plan), &x).y
        };
        assert_eq!(predict(&plan.inference()), predict(&trace), "{name}");
    }
}

#[test]
fn a_pass_by_hand_can_go_back_more_than_once() {
    for (name, plan) in all() {
        let (program, w) = (plan.by_hand(), weights(&plan));
        let (x, dy) = (
            normals("x", SAMPLES * plan.input_size()),
            normals("dy", SAMPLES * plan.output_size()),
        );
        let mut state = running(plan.state_count());
        let state = State::Updating(&mut state);
        let mut pass = run_forward(&plan, &program, SAMPLES, state, &w, &x);
        let mut back = || run_backward(&plan, &program, SAMPLES, true, &w, &mut pass, &dy);
        assert_eq!(back(), back(), "{name}");
    }
}

#[test]
fn a_trace_has_each_value_and_each_gradient() {
    let plan = residual();
    let trace = plan.trace(plan.operations().len(), true);
    let (w, state) = (weights(&plan), running(plan.state_count()));
    let x = normals("x", SAMPLES * plan.input_size());
    let pass = run_forward(&plan, &trace, SAMPLES, State::Frozen(&state), &w, &x);
    // From each value on, the rest of the network gives the same output: nothing was overwritten.
    let last = plan.operations().len() - 1;
    assert_eq!(pass.values[trace.value_of(last, SAMPLES)], pass.y);
    let mut taken: Vec<_> = (0..=last).map(|k| trace.value_of(k, SAMPLES)).collect();
    taken.sort_by_key(|range| range.start);
    assert!(taken.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert_eq!(taken[last].end, trace.values_len(SAMPLES));
    assert!(pass.values.iter().all(|value| value.is_finite()));

    // A trace that ends early finds its values at the same places.
    let (ends, dy) = (plan.layer_ends().collect::<Vec<_>>(), normals("dy", 6 * 6));
    let part = plan.trace(ends[1] + 1, false);
    assert_eq!(
        part.value_of(ends[1], SAMPLES),
        trace.value_of(ends[1], SAMPLES)
    );
    let mut gradients = vec![f64::NAN; part.gradients_len(SAMPLES)];
    part.output_gradient(SAMPLES, &mut gradients)
        .copy_from_slice(&dy);
    let (mut dw, mut caches) = (vec![0.0; w.len()], pass.caches.clone());
    let caches = &mut caches[..part.caches_len(SAMPLES)];
    let run = Run {
        samples: SAMPLES,
        threads: Threads::ONE,
        training: false,
        step: 0,
        part: Part::All,
    };
    let values = &pass.values;
    network::backward(
        &part,
        run,
        &w,
        &x,
        values,
        caches,
        &dy,
        &mut gradients,
        &mut dw,
        &mut [],
    );
    assert_eq!(part.gradient_of(0, SAMPLES), 0..0);
    assert!(gradients.iter().chain(&dw[..36]).all(|g| g.is_finite()));
    // In inference normalization is a product with γ/√(σ² + ε).
    let dnorm = &gradients[part.gradient_of(ends[1], SAMPLES)];
    assert!(
        dnorm
            .iter()
            .zip(&dy)
            .all(|(dx, dy)| *dx != 0.0 && *dy != 0.0)
    );
}

#[test]
fn memory_is_reused_by_lifetime() {
    let deep: Vec<_> = (0..10).map(|_| dense(32, "relu")).collect();
    let plan = Plan::<f64>::new(&[32], &deep).unwrap();
    // Predictions: two layers at a time, the last one with the caller.
    assert_eq!(plan.inference().values_len(1), 64);
    // Training: the output of each layer once, gradients two at a time.
    let training = plan.training();
    assert_eq!(training.values_len(1), 320);
    assert_eq!(training.gradients_len(1), 64);
    assert!(plan.trace(deep.len(), true).values_len(1) >= 320);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut graph = Graph::<f64>::new(&[3]).unwrap();
    let x = graph.input();
    let wide = graph.layer(&dense(4, "relu"), x).unwrap();
    let refused = graph.join(Arc::new(Add), &[x, wide]).unwrap_err();
    assert!(refused.to_string().contains("(3, 4)"), "{refused}");
    assert!(graph.layer_again(0, wide).is_err());
    let unread = graph.layer(&dense(2, "relu"), x).unwrap();
    assert!(Plan::of(graph.clone(), unread).is_err());
    assert!(Plan::of(graph, x).is_err());
}
