//! Muon (Jordan et al., 2024): the momentum of a matrix, made nearly orthogonal; Adam for what is no matrix.

use ndarray::ArrayView2;
use ndarray::ArrayViewMut2;

use super::adam::Moments;
use super::{Optimizer, Part, Step, at_least_zero, below_one, numbers_of_variables};
use crate::error::Result;
use crate::float::Float;
use crate::linalg::matmul;
use crate::parallel::Threads;
use crate::settings::Settings;

/// m ← μm + g, x = m, with Nesterov's variant g + μm; x ← x / (‖x‖ + 10⁻⁷), and so many times (Newton and Schulz)
/// x ← ax + (bA + cA²)x with A = x xᵀ; w ← w − η √max(height, width) ρ x (Liu et al., 2025; without ρ w ← w − ηx).
///
/// What has other than two axes, and the variables `by_adam`, move as Adam's do, at a learning rate of their own.
#[derive(Debug)]
pub(super) struct Muon {
    momentum: f64,
    nesterov: bool,
    coefficients: [f64; 3],
    iterations: usize,
    rms_rate: f64,
    by_adam: Vec<usize>,
    adam: Moments,
    adam_lr_ratio: f64,
    adam_weight_decay: f64,
}

impl Muon {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let any = |name| settings.float_where(name, "a number", |_| true);
        let betas = [
            below_one(settings, "adam_beta_1")?,
            below_one(settings, "adam_beta_2")?,
        ];
        Ok(Self {
            momentum: settings.float_where("momentum", "a number from 0 to 1", |m| {
                (0.0..=1.0).contains(&m)
            })?,
            nesterov: settings.flag("nesterov")?,
            coefficients: [any("muon_a")?, any("muon_b")?, any("muon_c")?],
            iterations: settings.count("ns_steps")?,
            rms_rate: at_least_zero(settings, "rms_rate")?,
            by_adam: numbers_of_variables(settings, "by_adam")?,
            adam: Moments::new(betas, at_least_zero(settings, "epsilon")?),
            adam_lr_ratio: at_least_zero(settings, "adam_lr_ratio")?,
            adam_weight_decay: at_least_zero(settings, "adam_weight_decay")?,
        })
    }

    /// Height and width of a matrix that moves by this rule.
    fn matrix(&self, number: usize, shape: &[usize]) -> Option<(usize, usize)> {
        match *shape {
            [height, width] if !self.by_adam.contains(&number) => Some((height, width)),
            _ => None,
        }
    }
}

/// Elements of the products on the way to a matrix of this shape, and of the matrix.
fn room(height: usize, width: usize) -> usize {
    let least = height.min(width);
    2 * height * width + 2 * least * least
}

/// Make a matrix that is no higher than wide nearly orthogonal. `rest` has room for the products.
fn orthogonalize<F: Float>(
    threads: Threads,
    [a, b, c]: [F; 3],
    iterations: usize,
    (height, width): (usize, usize),
    x: &mut [F],
    rest: &mut [F],
) {
    let norm = x.iter().map(|x| x.wide() * x.wide()).sum::<f64>().sqrt() + 1e-7;
    let norm = F::of(norm);
    for x in &mut *x {
        *x /= norm;
    }
    let (product, rest) = rest.split_at_mut(height * width);
    let (gram, square) = rest.split_at_mut(height * height);
    let square = &mut square[..height * height];
    for _ in 0..iterations {
        {
            let x = view(height, width, x);
            matmul(threads, x, x.t(), view_mut(height, height, gram));
        }
        let of_gram = view(height, height, gram);
        matmul(threads, of_gram, of_gram, view_mut(height, height, square));
        for (gram, &square) in gram.iter_mut().zip(&*square) {
            *gram = b * *gram + c * square;
        }
        matmul(
            threads,
            view(height, height, gram),
            view(height, width, x),
            view_mut(height, width, product),
        );
        for (x, &product) in x.iter_mut().zip(&*product) {
            *x = a * *x + product;
        }
    }
}

fn view<F>(height: usize, width: usize, x: &[F]) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((height, width), x).expect("as many elements as the shape has")
}

fn view_mut<F>(height: usize, width: usize, x: &mut [F]) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((height, width), x).expect("as many elements as the shape has")
}

impl<F: Float> Optimizer<F> for Muon {
    fn slots(&self) -> &'static [&'static str] {
        &["momentum", "velocity"]
    }

    fn takes_variables(&self) -> bool {
        true
    }

    fn scratch(&self, number: usize, shape: &[usize]) -> usize {
        self.matrix(number, shape)
            .map_or(0, |(height, width)| room(height, width))
    }

    fn weight_decay(&self, number: usize, shape: &[usize], shared: f64) -> f64 {
        match self.matrix(number, shape) {
            Some(_) => shared,
            None => self.adam_weight_decay,
        }
    }

    fn begin(&mut self, step: Step) {
        self.adam.begin(Step {
            learning_rate: step.learning_rate * self.adam_lr_ratio,
            ..step
        });
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [m, v, _]) = (part.w, part.gradients, part.slots);
        let Some((height, width)) = self.matrix(part.number, part.shape) else {
            self.adam.update(w, g, m, v);
            return;
        };
        let momentum = F::of(self.momentum);
        let (x, rest) = part.scratch.split_at_mut(height * width);
        // Lying, so that the product of the matrix with itself is as small as can be.
        let stands = height > width;
        for (i, (m, &g)) in m.iter_mut().zip(g).enumerate() {
            *m = (momentum * *m + g).flush();
            let at = if stands {
                i % width * height + i / width
            } else {
                i
            };
            x[at] = if self.nesterov { g + momentum * *m } else { *m };
        }
        let lying = (height.min(width), height.max(width));
        let coefficients = self.coefficients.map(F::of);
        orthogonalize(part.threads, coefficients, self.iterations, lying, x, rest);
        let size = if self.rms_rate > 0.0 {
            (lying.1 as f64).sqrt() * self.rms_rate
        } else {
            1.0
        };
        let rate = F::of(step.learning_rate * size);
        for (i, w) in w.iter_mut().enumerate() {
            let at = if stands {
                i % width * height + i / width
            } else {
                i
            };
            *w -= rate * x[at];
        }
    }
}
