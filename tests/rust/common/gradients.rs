//! Passes over a plan, and its gradients against differences.

use fanin::layers::State;
use fanin::network::{self, Part, Plan, Program, Run};
use fanin::parallel::Threads;

use super::normals;

/// Running statistics that are neither 0 nor 1.
pub fn running(len: usize) -> Vec<f64> {
    normals("state", len)
        .iter()
        .map(|z| 0.5 + z.abs())
        .collect()
}

/// What a pass forward leaves.
pub struct Forward {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub values: Vec<f64>,
    pub caches: Vec<f64>,
}

fn run(samples: usize, training: bool) -> Run {
    Run {
        samples,
        threads: Threads::ONE,
        training,
        step: 3,
        part: Part::All,
    }
}

/// A batch forward; its samples are turned to columns where the program takes these.
pub fn run_forward(
    plan: &Plan<f64>,
    program: &Program<f64>,
    samples: usize,
    state: State<f64>,
    w: &[f64],
    x: &[f64],
) -> Forward {
    let width = plan.input_size();
    let columns = || (0..width).flat_map(|j| x.iter().skip(j).step_by(width).copied());
    let mut pass = Forward {
        x: if program.takes_columns() {
            columns().collect()
        } else {
            x.to_vec()
        },
        y: vec![f64::NAN; samples * plan.output_size()],
        values: vec![f64::NAN; program.values_len(samples)],
        caches: vec![f64::NAN; program.caches_len(samples)],
    };
    let how = run(samples, matches!(state, State::Updating(_)));
    let (x, y) = (&pass.x, &mut pass.y);
    let (values, caches) = (&mut pass.values, &mut pass.caches);
    network::forward(program, how, w, state, x, y, values, caches);
    pass
}

/// Gradients of Σ y·dy with respect to the parameters and, if the program is one for all gradients, the input.
pub fn run_backward(
    plan: &Plan<f64>,
    program: &Program<f64>,
    samples: usize,
    training: bool,
    w: &[f64],
    pass: &mut Forward,
    dy: &[f64],
) -> (Vec<f64>, Option<Vec<f64>>) {
    let mut gradients = vec![f64::NAN; program.gradients_len(samples)];
    let inside = program.output_gradient(samples, &mut gradients);
    let by_optimizer = !inside.is_empty();
    if by_optimizer {
        inside.copy_from_slice(dy);
    }
    let mut dw = vec![0.0; plan.parameter_count()];
    let mut dx = vec![f64::NAN; if by_optimizer { 0 } else { pass.x.len() }];
    network::backward(
        program,
        run(samples, training),
        w,
        &pass.x,
        &pass.values,
        &mut pass.caches,
        dy,
        &mut gradients,
        &mut dw,
        &mut dx,
    );
    (dw, (!by_optimizer).then_some(dx))
}

/// Parameters that gradients are taken at.
pub fn weights(plan: &Plan<f64>) -> Vec<f64> {
    let normals = normals("w", plan.parameter_count());
    normals.iter().map(|z| 0.6 * z).collect()
}

/// Largest difference between the gradient of Σ y·dy and its central differences, relative to its largest element.
pub fn gradient_error(
    plan: &Plan<f64>,
    program: &Program<f64>,
    samples: usize,
    training: bool,
) -> f64 {
    let w = weights(plan);
    let x = normals("x", samples * plan.input_size());
    let dy = normals("dy", samples * plan.output_size());
    let forward = |w: &[f64], x: &[f64]| {
        let mut state = running(plan.state_count());
        let state = if training {
            State::Updating(&mut state)
        } else {
            State::Frozen(&state)
        };
        run_forward(plan, program, samples, state, w, x)
    };
    let mut pass = forward(&w, &x);
    let (dw, dx) = run_backward(plan, program, samples, training, &w, &mut pass, &dy);

    let h = 1e-5;
    let mut worst = 0.0f64;
    let inputs = dx.as_ref().map(|dx| (&x, dx, false));
    for (variable, exact, of_weights) in [(&w, &dw, true)].into_iter().chain(inputs) {
        let scale = exact
            .iter()
            .fold(1e-3f64, |largest, g| largest.max(g.abs()));
        for i in 0..variable.len() {
            let at = |by: f64| {
                let mut moved = variable.clone();
                moved[i] += by;
                let pass = if of_weights {
                    forward(&moved, &x)
                } else {
                    forward(&w, &moved)
                };
                pass.y.iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
            };
            let difference = (at(h) - at(-h)) / (2.0 * h);
            worst = worst.max((difference - exact[i]).abs() / scale);
        }
    }
    worst
}
