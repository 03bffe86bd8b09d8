//! Adafactor (Shazeer & Stern, 2018), without momentum: second moments from those of a matrix's rows and columns.

use super::{Optimizer, Part, Step, at_least_zero};
use crate::error::Result;
use crate::exact;
use crate::float::Float;
use crate::settings::Settings;

/// With βₜ = 1 − t^`beta_2_decay`: the mean squares g² + ε₁ of a matrix's rows, r, and columns, c, are averaged with βₜ,
/// v = r c / mean r; of what is no matrix, v ← βₜv + (1 − βₜ)(g² + ε₁). Then u = g / √v, and
/// w ← w − max(ε₂, rms w) min(η, 1 / √t) · u / max(1, rms u / d).
///
/// Of an array with more axes the last two are those of a matrix. The slots are like the parameters: each element has the
/// average of its row, and of its column; of what is no matrix, v and 0. Keras has v as long as the parameters besides.
#[derive(Debug)]
pub(super) struct Adafactor {
    beta_2_decay: f64,
    epsilon_1: f64,
    epsilon_2: f64,
    clip_threshold: f64,
    /// βₜ.
    beta: f64,
}

impl Adafactor {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            beta_2_decay: settings
                .float_where("beta_2_decay", "a number of at most 0", |d| d <= 0.0)?,
            epsilon_1: at_least_zero(settings, "epsilon_1")?,
            epsilon_2: at_least_zero(settings, "epsilon_2")?,
            clip_threshold: settings
                .float_where("clip_threshold", "a number above 0", |d| d > 0.0)?,
            beta: 0.0,
        })
    }

    /// The running average of a mean square.
    fn average(&self, before: f64, now: f64) -> f64 {
        self.beta * before + (1.0 - self.beta) * now
    }

    fn average_rows_and_columns<F: Float>(
        &self,
        width: usize,
        g: &[F],
        rows: &mut [F],
        columns: &mut [F],
    ) {
        let square = |g: F| g.wide() * g.wide() + self.epsilon_1;
        for (g, row) in g.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            let mean = g.iter().map(|&g| square(g)).sum::<f64>() / width as f64;
            row.fill(F::of(self.average(row[0].wide(), mean)));
        }
        let height = g.len() / width;
        for start in (0..width).step_by(COLUMNS) {
            let some = start..width.min(start + COLUMNS);
            let mut sums = [0.0; COLUMNS];
            for row in g.chunks_exact(width) {
                for (sum, &g) in sums.iter_mut().zip(&row[some.clone()]) {
                    *sum += square(g);
                }
            }
            let (first, others) = columns.split_at_mut(width);
            for (column, sum) in first[some.clone()].iter_mut().zip(sums) {
                *column = F::of(self.average(column.wide(), sum / height as f64));
            }
            for row in others.chunks_exact_mut(width) {
                row[some.clone()].copy_from_slice(&first[some.clone()]);
            }
        }
    }
}

/// Columns that are summed at once.
const COLUMNS: usize = 16;

/// Height and width of the matrices in an array of this shape; none where it has no two axes.
fn matrix(shape: &[usize]) -> Option<(usize, usize)> {
    match shape {
        [.., height, width] => Some((*height, *width)),
        _ => None,
    }
}

/// Do something with each element of u.
fn for_each_step<F: Float>(
    shape: &[usize],
    g: &[F],
    rows: &[F],
    columns: &[F],
    mut each: impl FnMut(usize, F),
) {
    let Some((height, width)) = matrix(shape) else {
        for (i, (&g, &v)) in g.iter().zip(rows).enumerate() {
            each(i, g / v.sqrt());
        }
        return;
    };
    let size = height * width;
    for start in (0..g.len()).step_by(size) {
        let of_rows = rows[start..start + size].iter().step_by(width);
        let mean = F::of(of_rows.map(|r| r.wide()).sum::<f64>() / height as f64);
        for i in start..start + size {
            each(i, g[i] / (rows[i] / mean * columns[i]).sqrt());
        }
    }
}

fn root_mean_square<F: Float>(x: &[F]) -> f64 {
    (x.iter().map(|x| x.wide() * x.wide()).sum::<f64>() / x.len() as f64).sqrt()
}

impl<F: Float> Optimizer<F> for Adafactor {
    fn slots(&self) -> &'static [&'static str] {
        &["r", "c"]
    }

    fn takes_variables(&self) -> bool {
        true
    }

    fn measures(&self) -> usize {
        1
    }

    fn begin(&mut self, step: Step) {
        self.beta = 1.0 - exact::power(step.number as f64, self.beta_2_decay);
    }

    fn measure(&self, step: Step, part: Part<F>, measured: &mut [f64]) {
        let (g, [rows, columns, _]) = (part.gradients, part.slots);
        if g.is_empty() {
            return;
        }
        if let Some((height, width)) = matrix(part.shape) {
            let size = height * width;
            let parts = rows
                .chunks_exact_mut(size)
                .zip(columns.chunks_exact_mut(size));
            for (g, (rows, columns)) in g.chunks_exact(size).zip(parts) {
                self.average_rows_and_columns(width, g, rows, columns);
            }
        } else {
            for (&g, v) in g.iter().zip(&mut *rows) {
                let square = g.wide() * g.wide() + self.epsilon_1;
                *v = F::of(self.average((*v).wide(), square));
            }
        }
        let mut squares = 0.0;
        for_each_step(part.shape, g, rows, columns, |_, u| {
            squares += u.wide() * u.wide();
        });
        let too_long = (squares / g.len() as f64).sqrt() / self.clip_threshold;
        let rate = step.learning_rate.min(1.0 / (step.number as f64).sqrt());
        let size = root_mean_square(part.w).max(self.epsilon_2);
        measured[0] = size * rate / too_long.max(1.0);
    }

    fn update(&self, _step: Step, part: Part<F>) {
        let [rows, columns, _] = part.slots;
        if part.w.is_empty() {
            return;
        }
        let (rate, w) = (F::of(part.measured[0]), part.w);
        for_each_step(part.shape, part.gradients, rows, columns, |i, u| {
            w[i] -= rate * u;
        });
    }
}
