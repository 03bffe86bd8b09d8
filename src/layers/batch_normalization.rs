//! Batch normalization (Ioffe & Szegedy, 2015), over the last axis.
//!
//! Statistics are computed centred: first the mean of x − pivot, with the batch's first row as the
//! pivot, then the mean square of what remains. E[x²] − E[x]² would cancel where |mean| ≫ std.

use ndarray::ArrayViewMut2;

use super::{Array, InputGradient, Layer, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::parallel;
use crate::reduce::{COLUMNS, PARALLEL_FROM, striped_sums};
use crate::settings::Settings;
use crate::simd::kernel;

/// y = γ x̂ + β with x̂ = (x − μ) / √(σ² + ε).
///
/// Training takes μ and the biased σ² of the batch and moves the running ones towards them,
/// r ← momentum·r + (1 − momentum)·batch; inference takes the running ones. This is Keras's variant.
#[derive(Debug)]
pub(super) struct BatchNormalization {
    width: usize,
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
}

/// Elements of cache a column.
const PER_COLUMN: usize = 6;

/// The cache of one block of columns.
struct Notes<'a, F> {
    /// x̂ = ((x − pivot) − mean) · `inverse_std`.
    pivot: &'a mut [F],
    mean: &'a mut [F],
    inverse_std: &'a mut [F],
    /// Of the batch; not written in inference.
    variance: &'a mut [F],
    /// Backward's two sums.
    dgamma: &'a mut [F],
    dbeta: &'a mut [F],
}

impl<'a, F> Notes<'a, F> {
    #[inline(always)]
    fn of(block: &'a mut [F]) -> Self {
        let columns = block.len() / PER_COLUMN;
        let (pivot, block) = block.split_at_mut(columns);
        let (mean, block) = block.split_at_mut(columns);
        let (inverse_std, block) = block.split_at_mut(columns);
        let (variance, block) = block.split_at_mut(columns);
        let (dgamma, dbeta) = block.split_at_mut(columns);
        Self {
            pivot,
            mean,
            inverse_std,
            variance,
            dgamma,
            dbeta,
        }
    }
}

impl BatchNormalization {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        Ok(Self {
            width,
            momentum: settings.float_where("momentum", "a number from 0 to 1", |m| {
                (0.0..=1.0).contains(&m)
            })?,
            epsilon: settings.float_where("epsilon", "a positive number", |e| e > 0.0)?,
            center: settings.flag("center")?,
            scale: settings.flag("scale")?,
        })
    }

    /// γ and β; empty where there is none.
    fn split<'a, F>(&self, parameters: &'a [F]) -> (&'a [F], &'a [F]) {
        parameters.split_at(if self.scale { self.width } else { 0 })
    }
}

impl<F: Float> Layer<F> for BatchNormalization {
    fn output_width(&self) -> usize {
        self.width
    }

    fn parameters(&self) -> Vec<Array> {
        let present = [("gamma", self.scale), ("beta", self.center)];
        present
            .into_iter()
            .filter(|p| p.1)
            .map(|(name, _)| Array {
                name,
                shape: vec![self.width],
            })
            .collect()
    }

    fn state(&self) -> Vec<Array> {
        ["moving_mean", "moving_variance"]
            .map(|name| Array {
                name,
                shape: vec![self.width],
            })
            .into()
    }

    fn cache_len(&self, _rows: usize) -> usize {
        PER_COLUMN * self.width
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        mut state: State<F>,
        x: &[F],
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (gamma, beta) = self.split(parameters);
        let y = ArrayViewMut2::from_shape((pass.rows, self.width), y).expect("whole rows");
        let threads = pass.threads.for_work(x.len(), PARALLEL_FROM);
        let epsilon = F::of(self.epsilon);
        let running = match &state {
            State::Frozen(running) => Some(running.split_at(self.width)),
            State::Updating(_) => None,
        };
        parallel::for_each_column_block(
            threads,
            y,
            COLUMNS,
            cache,
            PER_COLUMN,
            |first, y, notes| {
                let mut notes = Notes::of(notes);
                match running {
                    None => batch_statistics(x, self.width, first, epsilon, &mut notes),
                    Some((mean, variance)) => {
                        running_statistics(&mean[first..], &variance[first..], epsilon, &mut notes);
                    }
                }
                normalize(x, self.width, first, &notes, gamma, beta, y);
            },
        );
        if let State::Updating(running) = &mut state {
            self.move_running(running, cache);
        }
    }

    fn backward(
        &self,
        pass: Pass,
        parameters: &[F],
        x: &[F],
        _: &[F],
        cache: &mut [F],
        dy: &mut [F],
        dparameters: &mut [F],
        dx: InputGradient<F>,
    ) {
        let (gamma, _) = self.split(parameters);
        let threads = pass.threads.for_work(x.len(), PARALLEL_FROM);
        let dy = &*dy;
        if let Some(dx) = dx {
            let dx = ArrayViewMut2::from_shape((pass.rows, self.width), dx).expect("whole rows");
            parallel::for_each_column_block(
                threads,
                dx,
                COLUMNS,
                cache,
                PER_COLUMN,
                |first, dx, notes| {
                    let mut notes = Notes::of(notes);
                    gradient_sums(x, dy, self.width, first, &mut notes);
                    input_gradient(x, dy, self.width, first, &notes, gamma, pass.training, dx);
                },
            );
        } else {
            parallel::for_each_chunk(threads, cache, COLUMNS * PER_COLUMN, |block, notes| {
                gradient_sums(x, dy, self.width, block * COLUMNS, &mut Notes::of(notes));
            });
        }
        let (dgamma, dbeta) = dparameters.split_at_mut(if self.scale { self.width } else { 0 });
        for (block, notes) in cache.chunks_mut(COLUMNS * PER_COLUMN).enumerate() {
            let notes = Notes::of(notes);
            let columns = block * COLUMNS..block * COLUMNS + notes.mean.len();
            if self.scale {
                dgamma[columns.clone()].copy_from_slice(notes.dgamma);
            }
            if self.center {
                dbeta[columns].copy_from_slice(notes.dbeta);
            }
        }
    }
}

impl BatchNormalization {
    /// r ← momentum·r + (1 − momentum)·batch, for the mean and the variance.
    fn move_running<F: Float>(&self, running: &mut [F], cache: &mut [F]) {
        let (keep, take) = (F::of(self.momentum), F::of(1.0 - self.momentum));
        let (mean, variance) = running.split_at_mut(self.width);
        for (block, notes) in cache.chunks_mut(COLUMNS * PER_COLUMN).enumerate() {
            let notes = Notes::of(notes);
            for j in 0..notes.mean.len() {
                let column = block * COLUMNS + j;
                mean[column] = keep * mean[column] + take * (notes.pivot[j] + notes.mean[j]);
                variance[column] = keep * variance[column] + take * notes.variance[j];
            }
        }
    }
}

/// The part of each row of `x` that lies in these columns.
#[inline(always)]
fn columns_of<F>(
    x: &[F],
    width: usize,
    first: usize,
    columns: usize,
) -> impl Iterator<Item = &[F]> {
    x.chunks_exact(width)
        .map(move |row| &row[first..first + columns])
}

kernel! {
    /// μ and σ² of the batch.
    fn batch_statistics<F: Float>(x: &[F], width: usize, first: usize, epsilon: F, notes: &mut Notes<'_, F>) {
        let columns = notes.mean.len();
        let count = F::of((x.len() / width) as f64);
        notes.pivot.copy_from_slice(&x[first..first + columns]);
        let pivot = &*notes.pivot;
        let sums = striped_sums(columns_of(x, width, first, columns), columns, |x: &[F], sums: &mut [F]| {
            for j in 0..columns {
                sums[j] += x[j] - pivot[j];
            }
        });
        for (mean, sum) in notes.mean.iter_mut().zip(sums) {
            *mean = sum / count;
        }
        let mean = &*notes.mean;
        let squares = striped_sums(columns_of(x, width, first, columns), columns, |x: &[F], sums: &mut [F]| {
            for j in 0..columns {
                let centred = (x[j] - pivot[j]) - mean[j];
                sums[j] += centred * centred;
            }
        });
        for j in 0..columns {
            notes.variance[j] = squares[j] / count;
            notes.inverse_std[j] = F::ONE / (notes.variance[j] + epsilon).sqrt();
        }
    }

    /// The running μ and σ² as if they were the batch's.
    fn running_statistics<F: Float>(mean: &[F], variance: &[F], epsilon: F, notes: &mut Notes<'_, F>) {
        for j in 0..notes.mean.len() {
            notes.pivot[j] = mean[j];
            notes.mean[j] = F::ZERO;
            notes.inverse_std[j] = F::ONE / (variance[j] + epsilon).sqrt();
        }
    }

    /// y = γ x̂ + β.
    fn normalize<F: Float>(
        x: &[F], width: usize, first: usize, notes: &Notes<'_, F>, gamma: &[F], beta: &[F], y: ArrayViewMut2<'_, F>,
    ) {
        let (columns, mut y) = (notes.mean.len(), y);
        let (pivot, mean) = (&*notes.pivot, &*notes.mean);
        let (mut scale, mut shift) = ([F::ZERO; COLUMNS], [F::ZERO; COLUMNS]);
        for j in 0..columns {
            scale[j] = if gamma.is_empty() { notes.inverse_std[j] } else { gamma[first + j] * notes.inverse_std[j] };
            shift[j] = if beta.is_empty() { F::ZERO } else { beta[first + j] };
        }
        for (x, y) in columns_of(x, width, first, columns).zip(y.outer_iter_mut()) {
            let y = y.into_slice().expect("a row is contiguous");
            for j in 0..columns {
                y[j] = ((x[j] - pivot[j]) - mean[j]) * scale[j] + shift[j];
            }
        }
    }

    /// dβ = Σ dy and dγ = Σ dy·x̂.
    fn gradient_sums<F: Float>(x: &[F], dy: &[F], width: usize, first: usize, notes: &mut Notes<'_, F>) {
        let columns = notes.mean.len();
        let dbeta = striped_sums(columns_of(dy, width, first, columns), columns, |dy: &[F], sums: &mut [F]| {
            for j in 0..columns {
                sums[j] += dy[j];
            }
        });
        let (pivot, mean, inverse_std) = (&*notes.pivot, &*notes.mean, &*notes.inverse_std);
        let rows = columns_of(x, width, first, columns).zip(columns_of(dy, width, first, columns));
        let dgamma = striped_sums(rows, columns, |(x, dy), sums| {
            for j in 0..columns {
                sums[j] += dy[j] * (((x[j] - pivot[j]) - mean[j]) * inverse_std[j]);
            }
        });
        notes.dbeta.copy_from_slice(&dbeta[..columns]);
        notes.dgamma.copy_from_slice(&dgamma[..columns]);
    }

    /// dx = γ/√(σ² + ε) · (dy − dβ/m − x̂·dγ/m) through the batch's statistics; the running ones do not
    /// depend on x, so in inference dx = γ/√(σ² + ε) · dy.
    fn input_gradient<F: Float>(
        x: &[F], dy: &[F], width: usize, first: usize, notes: &Notes<'_, F>, gamma: &[F], training: bool,
        dx: ArrayViewMut2<'_, F>,
    ) {
        let (columns, mut dx) = (notes.mean.len(), dx);
        let count = F::of((x.len() / width) as f64);
        let (pivot, mean) = (&*notes.pivot, &*notes.mean);
        let (mut scale, mut offset, mut tilt) = ([F::ZERO; COLUMNS], [F::ZERO; COLUMNS], [F::ZERO; COLUMNS]);
        for j in 0..columns {
            scale[j] = if gamma.is_empty() { notes.inverse_std[j] } else { gamma[first + j] * notes.inverse_std[j] };
            if training {
                offset[j] = notes.dbeta[j] / count;
                tilt[j] = notes.dgamma[j] * notes.inverse_std[j] / count;
            }
        }
        let rows = columns_of(x, width, first, columns).zip(columns_of(dy, width, first, columns));
        for ((x, dy), dx) in rows.zip(dx.outer_iter_mut()) {
            let dx = dx.into_slice().expect("a row is contiguous");
            for j in 0..columns {
                dx[j] = scale[j] * (dy[j] - offset[j] - ((x[j] - pivot[j]) - mean[j]) * tilt[j]);
            }
        }
    }
}
