//! Networks that are no chains: gradients against differences, and each layout against the list as it is meant.

use std::sync::Arc;

use crate::common::gradients::{
    Forward, gradient_error, run_backward, run_forward, running, weights,
};
use crate::common::{activation, batch_normalization, dense, dropout, normals};
use fanin::layers::{Add, Concatenate, State};
use fanin::network::{self, Call, Graph, Part, Plan, Program, Run, Value};
use fanin::parallel::Threads;
use fanin::settings::{self, Settings};

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
        dense(18, "relu").with("trainable", settings::Value::Bool(false)),
        dense(4, "softmax"),
    ];
    Plan::new(&[17], &layers).unwrap()
}

/// Rows of several axes, what a layer makes of them, the input and a value twice as outputs.
fn outputs() -> Plan<f64> {
    let settings = [dense(4, "tanh"), dense(3, "softmax"), batch_normalization()];
    let calls = [(0, 0), (1, 1), (2, 1)].map(|(layer, read)| Call {
        layer,
        reads: vec![read],
    });
    let ends = [2, 0, 3, 1, 2];
    Plan::of_calls(&[vec![2, 5]], &settings, &calls, &ends).unwrap()
}

fn all() -> [(&'static str, Plan<f64>); 6] {
    [
        ("residual", residual()),
        ("concatenation", concatenation()),
        ("used twice", used_twice()),
        ("siblings", siblings()),
        ("chain", chain()),
        ("outputs", outputs()),
    ]
}

const SAMPLES: usize = 6;

/// Two inputs, a layer called on each, what `between` makes of its outputs and of the second input, and a last layer.
fn called(between: &[Settings], calls: &[Call]) -> Plan<f64> {
    let first = [dense(4, "tanh")];
    let settings = [
        &first,
        between,
        &[Settings::new("flatten"), dense(2, "linear")],
    ]
    .concat();
    let call = |layer, reads: &[usize]| Call {
        layer,
        reads: reads.to_vec(),
    };
    // Values: 0 and 1 are inputs, 2 and 3 what the layer makes of them.
    let mut all = vec![call(0, &[0]), call(0, &[1])];
    all.extend_from_slice(calls);
    let end = 1 + all.len();
    all.extend([
        call(between.len() + 1, &[end]),
        call(between.len() + 2, &[end + 1]),
    ]);
    Plan::of_calls(&[vec![3], vec![3]], &settings, &all, &[]).unwrap()
}

fn dot(normalize: bool) -> Settings {
    Settings::new("dot")
        .with("axes", settings::Value::Integers(vec![1, 1]))
        .with("normalize", settings::Value::Bool(normalize))
}

/// One of each layer that joins values or changes shapes, on 4 numbers each.
fn joins() -> Vec<(&'static str, Plan<f64>)> {
    let integers = |row: &[i64]| settings::Value::Integers(row.to_vec());
    let number = settings::Value::Float;
    let both = |layer| Call {
        layer,
        reads: vec![2, 3],
    };
    let mut all = Vec::new();
    for kind in [
        "add", "average", "maximum", "minimum", "multiply", "subtract",
    ] {
        all.push((kind, called(&[Settings::new(kind)], &[both(1)])));
    }
    for (name, normalize) in [("dot", false), ("dot of unit vectors", true)] {
        all.push((name, called(&[dot(normalize)], &[both(1)])));
    }
    let axis = |axis| Settings::new("concatenate").with("axis", settings::Value::Int(axis));
    let square = Settings::new("reshape").with("target_shape", integers(&[2, -1]));
    all.push(("concatenate", called(&[axis(-1)], &[both(1)])));
    let one = |layer, read| Call {
        layer,
        reads: vec![read],
    };
    let last = |layer, reads: [usize; 2]| Call {
        layer,
        reads: reads.to_vec(),
    };
    all.push((
        "concatenate along the first axis",
        called(
            &[square.clone(), axis(1)],
            &[one(1, 2), one(1, 3), last(2, [4, 5])],
        ),
    ));
    let turned = Settings::new("permute").with("dims", integers(&[2, 1]));
    all.push((
        "permute",
        called(
            &[square, turned, Settings::new("add")],
            &[one(1, 2), one(2, 4), one(1, 3), last(3, [5, 6])],
        ),
    ));
    let repeated = Settings::new("repeat_vector").with("n", settings::Value::Int(3));
    let scaled = Settings::new("rescaling")
        .with("scale", number(-1.5))
        .with("offset", number(0.25));
    all.push((
        "repeat and rescale",
        called(
            &[repeated, scaled, Settings::new("multiply")],
            &[one(1, 2), one(2, 4), one(1, 3), last(3, [5, 6])],
        ),
    ));
    all
}

#[test]
fn joins_have_the_gradients_of_differences_and_one_bit_pattern() {
    for (name, plan) in joins() {
        for program in [&plan.by_hand(), &plan.training()] {
            let error = gradient_error(&plan, program, SAMPLES, true);
            assert!(error < 1e-6, "{name}: {error:e}");
        }
        let expected = results(&plan, &plan.trace());
        assert_eq!(results(&plan, &plan.by_hand()), expected, "{name} by hand");
        assert_eq!(results(&plan, &plan.training()), expected, "{name} trained");
    }
}

#[test]
fn calls_that_mean_nothing_are_refused() {
    let (tanh, add) = (dense(4, "tanh"), Settings::new("add"));
    let call = |layer, reads: &[usize]| Call {
        layer,
        reads: reads.to_vec(),
    };
    let shapes = [vec![3], vec![4]];
    let of = |settings: &[Settings], calls: &[Call]| {
        let refused = Plan::<f64>::of_calls(&shapes, settings, calls, &[]);
        refused.unwrap_err().to_string()
    };
    let alone = std::slice::from_ref(&tanh);
    for (calls, expected) in [
        (vec![call(1, &[0])], "order of their first calls"),
        (vec![call(0, &[5])], "numbers of values below 2"),
        (vec![call(0, &[])], "numbers of values"),
        (vec![], "a call of each layer"),
        (vec![call(0, &[0, 1])], "inputs: expected one value"),
        (vec![call(0, &[0])], "the one value that nothing reads"),
        (vec![call(0, &[0]), call(0, &[1])], "rows that"),
    ] {
        let found = of(alone, &calls);
        assert!(found.contains(expected), "{found}");
    }
    let unknown = Plan::<f64>::of_calls(&shapes[..1], alone, &[call(0, &[0])], &[1, 2]);
    let found = unknown.unwrap_err().to_string();
    assert!(
        found.contains("outputs: expected numbers of values below 2"),
        "{found}"
    );
    let found = of(&[add], &[call(0, &[0, 1])]);
    assert!(found.contains("or 1 there, found (3,) and (4,)"), "{found}");
    let settings = |kind: &str, name: &str, row: &[i64]| {
        Settings::new(kind).with(name, settings::Value::Integers(row.to_vec()))
    };
    for wrong in [
        settings("reshape", "target_shape", &[-1, -1]),
        settings("reshape", "target_shape", &[0, -1]),
        settings("reshape", "target_shape", &[i64::MAX, i64::MAX]),
        settings("permute", "dims", &[i64::MIN]),
        settings("permute", "dims", &[1, 2]),
        Settings::new("concatenate").with("axis", settings::Value::Int(0)),
        Settings::new("concatenate").with("axis", settings::Value::Int(i64::MIN)),
        Settings::new("repeat_vector").with("n", settings::Value::Int(i64::MAX)),
        dot(false),
    ] {
        assert!(Plan::<f64>::new(&[3], &[wrong]).is_err());
    }
}

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
        ("outputs", outputs()),
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
        let trace = plan.trace();
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

/// A pass back through a trace in inference: the gradients of values, and of the parameters.
fn traced_back(plan: &Plan<f64>, pass: &Forward, dy: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let program = plan.trace();
    let mut gradients = vec![f64::NAN; program.gradients_len(SAMPLES)];
    program
        .output_gradient(SAMPLES, &mut gradients)
        .copy_from_slice(dy);
    let (w, mut caches) = (weights(plan), pass.caches.clone());
    let mut dw = vec![0.0; w.len()];
    let run = Run {
        samples: SAMPLES,
        threads: Threads::ONE,
        training: false,
        step: 0,
        part: Part::All,
    };
    network::backward(
        &program,
        run,
        &w,
        &pass.x,
        &pass.values,
        &mut caches[..program.caches_len(SAMPLES)],
        &[],
        &mut gradients,
        &mut dw,
        &mut [],
    );
    (gradients, dw)
}

#[test]
fn a_trace_has_each_value_and_each_gradient() {
    let plan = residual();
    let trace = plan.trace();
    let (w, state) = (weights(&plan), running(plan.state_count()));
    let x = normals("x", SAMPLES * plan.input_size());
    let pass = run_forward(&plan, &trace, SAMPLES, State::Frozen(&state), &w, &x);
    let made: Vec<_> = plan.operations().iter().map(|o| o.makes).collect();
    let output = *made.last().unwrap();
    let value = |value| trace.value_of(value, SAMPLES);
    assert_eq!(pass.values[value(output).unwrap()], pass.y);
    let mut taken: Vec<_> = made.iter().map(|&made| value(made).unwrap()).collect();
    taken.sort_by_key(|range| range.start);
    assert!(taken.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert_eq!(taken[taken.len() - 1].end, trace.values_len(SAMPLES));
    assert!(pass.values.iter().all(|value| value.is_finite()));

    // One that ends before the last activation finds its values at the same places.
    let part = plan.before_activations(&[true]);
    let program = part.trace();
    let end = *part.operations().last().map(|o| &o.makes).unwrap();
    assert_eq!(plan.layers().last().unwrap().before_activation, Some(end));
    assert_eq!(program.value_of(end, SAMPLES), value(end));
    let dy = normals("dy", SAMPLES * end.size());
    let (gradients, dw) = traced_back(&part, &pass, &dy);
    let gradient = |value| program.gradient_of(value, SAMPLES);
    assert!(gradients.iter().chain(&dw).all(|g| g.is_finite()));
    assert_eq!(gradients[gradient(end).unwrap()], dy);
    assert_eq!(
        (gradient(output), gradient(plan_input(&plan))),
        (None, None)
    );
    // Both readers of x W + b count: the bias gets the sum over samples.
    let shared = made[1];
    let dx = &gradients[gradient(shared).unwrap()];
    for (j, &db) in dw[5 * 6..6 * 6].iter().enumerate() {
        let sum: f64 = dx.iter().skip(j).step_by(6).sum();
        assert!((sum - db).abs() < 1e-12, "{sum} and {db}");
    }
}

fn plan_input(plan: &Plan<f64>) -> Value {
    plan.operations()[0].reads[0]
}

#[test]
fn a_trace_has_the_gradient_of_the_input_where_a_layer_shows_it() {
    let plan = concatenation();
    let (trace, input) = (plan.trace(), plan_input(&plan));
    assert_eq!(trace.value_of(input, SAMPLES), None);
    let activated = plan.layers().iter().find_map(|l| l.before_activation);
    assert_eq!(activated, Some(input));
    let (w, state) = (weights(&plan), running(plan.state_count()));
    let (x, dy) = (
        normals("x", SAMPLES * plan.input_size()),
        normals("dy", SAMPLES * plan.output_size()),
    );
    let pass = run_forward(&plan, &trace, SAMPLES, State::Frozen(&state), &w, &x);
    let (gradients, dw) = traced_back(&plan, &pass, &dy);
    let dx = &gradients[trace.gradient_of(input, SAMPLES).unwrap()];

    let by_hand = plan.by_hand();
    let mut pass = run_forward(&plan, &by_hand, SAMPLES, State::Frozen(&state), &w, &x);
    let expected = run_backward(&plan, &by_hand, SAMPLES, false, &w, &mut pass, &dy);
    assert_eq!((dw, Some(dx.to_vec())), expected);
}

#[test]
fn a_chain_says_what_each_layer_makes_and_what_goes_into_its_activation() {
    let alone = |kind| Settings::new("activation").with("activation", activation(kind));
    let layers = [
        Settings::new("flatten"),
        alone("relu"),
        dense(5, "tanh"),
        dense(4, "linear"),
        alone("linear"),
        Settings::new("flatten"),
    ];
    let plan = Plan::<f64>::new(&[2, 3], &layers).unwrap();
    let numbers: Vec<_> = plan
        .layers()
        .iter()
        .map(|l| (l.before_activation.map(|z| z.number), l.output.number))
        .collect();
    // Operations: relu, product, bias, tanh, product, bias, linear.
    let expected = [
        (None, 0),
        (Some(0), 1),
        (Some(3), 4),
        (None, 6),
        (Some(6), 7),
        (None, 7),
    ];
    assert_eq!(numbers, expected);
    let sizes: Vec<_> = plan.layers().iter().map(|l| l.output.size()).collect();
    assert_eq!(sizes, [6, 6, 5, 4, 4, 4]);
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
    assert!(plan.trace().values_len(1) >= 320);
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
