//! The phases of an optimizer, with one that needs them all: slots with shapes of their own, norms of each variable, and a
//! norm of all.

use super::rule::{CHUNK, Decay};
use super::*;
use crate::parallel::Threads;

/// Adafactor's second moment (Shazeer & Stern, 2018) with Lamb's trust ratio (You et al., 2020), on all gradients scaled to
/// a norm of 1: R and C are the mean squares of a matrix's rows and columns, u = g / √(R C / mean R), and
/// w ← w − η ‖w‖/‖u‖ · u / Σ‖g‖.
#[derive(Debug)]
struct Factored;

impl Factored {
    /// u of a variable, element by element.
    fn updates<'a, F: Float>(
        shape: &[usize],
        g: &'a [F],
        rows: &'a [F],
        columns: &'a [F],
    ) -> impl Iterator<Item = F> + 'a {
        let width = shape.get(1).copied().unwrap_or(1);
        let mean = rows.iter().map(|r| r.wide()).sum::<f64>() / rows.len() as f64;
        g.iter().enumerate().map(move |(i, &g)| {
            let column = if columns.is_empty() {
                F::of(mean)
            } else {
                columns[i % width]
            };
            g / (rows[i / width] * column / F::of(mean)).sqrt()
        })
    }
}

fn norm<F: Float>(x: impl Iterator<Item = F>) -> f64 {
    x.map(|x| x.wide() * x.wide()).sum::<f64>().sqrt()
}

impl<F: Float> Optimizer<F> for Factored {
    fn slots(&self) -> &'static [&'static str] {
        &["rows", "columns"]
    }

    fn slot_shape(&self, slot: usize, variable: &[usize]) -> Vec<usize> {
        match (slot, variable) {
            (0, &[rows, _]) => vec![rows],
            (1, &[_, columns]) => vec![columns],
            (0, _) => variable.to_vec(),
            _ => vec![0],
        }
    }

    fn takes_variables(&self) -> bool {
        true
    }

    fn measures(&self) -> usize {
        2
    }

    fn measure(&self, _: Step, part: Part<F>, measured: &mut [f64]) {
        let (g, [rows, columns, _]) = (part.gradients, part.slots);
        let width = g.len() / rows.len();
        rows.fill(F::ZERO);
        columns.fill(F::ZERO);
        for (i, &g) in g.iter().enumerate() {
            rows[i / width] += g * g / F::of(width as f64);
            if let Some(column) = columns.get_mut(i % width) {
                *column += g * g / F::of(rows.len() as f64);
            }
        }
        let u = norm(Self::updates(part.shape, g, rows, columns));
        measured[0] = norm(part.w.iter().copied()) / u;
        measured[1] = norm(g.iter().copied());
    }

    fn combine(&self, measured: &mut [f64]) {
        let all = norm(measured.iter().skip(1).step_by(2).copied());
        for ratio in measured.iter_mut().step_by(2) {
            *ratio /= all;
        }
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (g, [rows, columns, _]) = (part.gradients, part.slots);
        let rate = F::of(step.learning_rate * part.measured[0]);
        for (w, u) in part
            .w
            .iter_mut()
            .zip(Self::updates(part.shape, g, rows, columns))
        {
            *w -= rate * u;
        }
    }
}

fn variable(range: std::ops::Range<usize>, shape: &[usize], trainable: bool) -> Variable {
    Variable {
        range,
        shape: shape.to_vec(),
        trainable,
        looked_up: false,
    }
}

const STEP: Step = Step {
    number: 1,
    learning_rate: 0.5,
};

#[test]
fn an_optimizer_knows_norms_first_and_has_slots_of_its_own_shapes() {
    let mut rule = Rule {
        optimizer: Box::new(Factored),
        decay: Decay::default(),
        clip: Clip::None,
        accumulation: None,
        average: None,
        scratch: Vec::new(),
    };
    let mut variables = rule.variables(vec![
        variable(0..6, &[2, 3], true),
        variable(6..10, &[2, 2], false),
        variable(10..13, &[3], true),
    ]);
    // Rows and columns of each: 2 + 2 + 3, then 3 + 2 + 0, frozen ones too.
    assert_eq!(variables.slots_len(), 12);
    let w: Vec<f64> = (0..13).map(|i| f64::from(i) - 4.5).collect();
    let g: Vec<f64> = (0..13).map(|i| f64::from(i * 5 % 7) + 0.25).collect();
    let (mut moved, mut slots) = (w.clone(), vec![-1.0; 12]);
    rule.step(
        Threads::ONE,
        STEP,
        &mut variables,
        &mut moved,
        &g,
        &mut slots,
    );

    let mean = |of: &[f64]| of.iter().map(|g| g * g).sum::<f64>() / of.len() as f64;
    let rows = [mean(&g[..3]), mean(&g[3..6])];
    let columns = [0, 1, 2].map(|j| mean(&[g[j], g[j + 3]]));
    let matrix: Vec<f64> = (0..6)
        .map(|i| g[i] / (rows[i / 3] * columns[i % 3] / rows[0].midpoint(rows[1])).sqrt())
        .collect();
    let all = norm(g[..6].iter().chain(&g[10..]).copied());
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    };
    let check = |range: std::ops::Range<usize>, u: &[f64]| {
        let ratio = norm(w[range.clone()].iter().copied()) / norm(u.iter().copied());
        for (i, u) in range.zip(u) {
            near(moved[i], w[i] - 0.5 * ratio / all * u);
        }
    };
    check(0..6, &matrix);
    // A vector's own squares: every u is ±1.
    check(10..13, &[1.0; 3]);
    assert_eq!(moved[6..10], w[6..10]);
    for (found, expected) in slots.iter().zip([rows[0], rows[1], -1.0, -1.0]) {
        near(*found, expected);
    }
    for (found, expected) in slots[7..]
        .iter()
        .zip([columns[0], columns[1], columns[2], -1.0, -1.0])
    {
        near(*found, expected);
    }
}

#[test]
fn slots_like_the_parameters_lie_like_them_and_elements_move_alike_in_pieces() {
    let adam = crate::settings::Settings::new("adam");
    let numbers = [
        ("beta_1", 0.9),
        ("beta_2", 0.999),
        ("epsilon", 1e-7),
        ("weight_decay", 0.01),
        ("clipvalue", 0.0),
        ("clipnorm", 0.0),
        ("global_clipnorm", 0.0),
    ];
    let adam = numbers.into_iter().fold(adam, |settings, (name, value)| {
        settings.with(name, crate::settings::Value::Float(value))
    });
    let adam = adam.with("amsgrad", crate::settings::Value::Bool(false));
    let mut rule = from_settings::<f32>(&adam).unwrap();
    let len = 10 * CHUNK + 7;
    let parts = [0..CHUNK, CHUNK..CHUNK + 9, CHUNK + 9..len];
    let list = |trainable: [bool; 3]| {
        let parts = parts.iter().cloned().zip(trainable);
        let parts = parts.map(|(range, trainable)| {
            let shape = [range.len()];
            variable(range, &shape, trainable)
        });
        parts.collect::<Vec<_>>()
    };
    let mut run = |all: Vec<Variable>, threads: usize| {
        let mut variables = rule.variables(all);
        let g: Vec<f32> = (0..len).map(|i| (i % 13) as f32 - 6.0).collect();
        let (mut w, mut slots) = (vec![1.0f32; len], vec![0.0f32; 2 * len]);
        assert_eq!(variables.slots_len(), slots.len());
        let threads = Threads::new(threads).unwrap();
        rule.step(threads, STEP, &mut variables, &mut w, &g, &mut slots);
        (w, slots)
    };
    let (w, slots) = run(list([true; 3]), 1);
    assert_eq!(run(list([true; 3]), 3), (w.clone(), slots.clone()));
    let (some, of_some) = run(list([true, false, true]), 2);
    for (i, &value) in some.iter().enumerate() {
        let frozen = parts[1].contains(&i);
        assert_eq!(value, if frozen { 1.0 } else { w[i] });
        for slot in [0, len] {
            assert_eq!(
                of_some[slot + i],
                if frozen { 0.0 } else { slots[slot + i] }
            );
        }
    }
}
