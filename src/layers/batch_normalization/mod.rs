//! Batch normalization (Ioffe & Szegedy, 2015), over the last axis.
//!
//! Rows are taken in stripes that fit into a core's cache: forward reads memory twice (statistics, y) and
//! so does backward (sums, dx). Stripes are cut by a fixed rule and added up in order, so the bits do not
//! depend on the number of threads.
//!
//! Statistics are centred: each stripe has its own mean, of x − pivot with the batch's first row as the
//! pivot, and the sum of squares about it; stripes are joined by Chan, Golub & LeVeque's formula (1983).
//! E[x²] − E[x]² would cancel where |mean| ≫ std.

use super::{Array, InputGradient, Layer, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::reduce::PARALLEL_FROM;
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

/// Rows of a stripe.
const STRIPE: usize = 64;

/// Arrays in the cache with an element a column, before those of the stripes.
const NOTES: usize = 8;

/// Sums that a stripe leaves for each column.
const SUMS: usize = 2;

/// The cache.
struct Cache<'a, F> {
    /// x̂ = ((x − pivot) − mean) · `inverse_std`.
    pivot: &'a mut [F],
    mean: &'a mut [F],
    inverse_std: &'a mut [F],
    /// γ · `inverse_std`.
    scale: &'a mut [F],
    /// y = (x − pivot) · scale + shift.
    shift: &'a mut [F],
    /// Of the batch; not written in inference.
    variance: &'a mut [F],
    /// Backward's sums.
    dgamma: &'a mut [F],
    dbeta: &'a mut [F],
    /// Two sums a column for each stripe.
    stripes: &'a mut [F],
}

impl<'a, F> Cache<'a, F> {
    fn of(cache: &'a mut [F], width: usize) -> Self {
        let (notes, stripes) = cache.split_at_mut(NOTES * width);
        let mut notes = notes.chunks_exact_mut(width);
        let mut next = || notes.next().expect("an array for each field");
        Self {
            pivot: next(),
            mean: next(),
            inverse_std: next(),
            scale: next(),
            shift: next(),
            variance: next(),
            dgamma: next(),
            dbeta: next(),
            stripes,
        }
    }
}

impl BatchNormalization {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let momentum = |m| (0.0..=1.0).contains(&m);
        Ok(Self {
            width,
            momentum: settings.float_where("momentum", "a number from 0 to 1", momentum)?,
            epsilon: settings.float_where("epsilon", "a positive number", |e| e > 0.0)?,
            center: settings.flag("center")?,
            scale: settings.flag("scale")?,
        })
    }

    /// γ and β; empty where there is none.
    fn split<'a, F>(&self, parameters: &'a [F]) -> (&'a [F], &'a [F]) {
        parameters.split_at(if self.scale { self.width } else { 0 })
    }

    /// Put μ and σ² of the batch into the cache.
    fn batch_statistics<F: Float>(&self, threads: Threads, x: &[F], cache: &mut Cache<F>) {
        let (width, rows) = (self.width, x.len() / self.width);
        cache.pivot.copy_from_slice(&x[..width]);
        let pivot = &*cache.pivot;
        parallel::for_each_chunk(threads, cache.stripes, SUMS * width, |stripe, sums| {
            stripe_moments(stripe_of(x, width, stripe), pivot, sums);
        });
        join_moments(rows, cache.stripes, cache.mean, cache.variance);
    }

    /// r ← momentum·r + (1 − momentum)·batch, for the mean and the variance.
    fn move_running<F: Float>(&self, running: &mut [F], cache: &Cache<F>) {
        let (keep, take) = (F::of(self.momentum), F::of(1.0 - self.momentum));
        let (mean, variance) = running.split_at_mut(self.width);
        for j in 0..self.width {
            mean[j] = keep * mean[j] + take * (cache.pivot[j] + cache.mean[j]);
            variance[j] = keep * variance[j] + take * cache.variance[j];
        }
    }
}

impl<F: Float> Layer<F> for BatchNormalization {
    fn output_width(&self) -> usize {
        self.width
    }

    fn parameters(&self) -> Vec<Array> {
        let present = [("gamma", self.scale), ("beta", self.center)]
            .into_iter()
            .filter(|p| p.1);
        present
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

    fn cache_len(&self, rows: usize) -> usize {
        self.width * (NOTES + SUMS * rows.div_ceil(STRIPE))
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        state: State<F>,
        x: &[F],
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (gamma, beta) = self.split(parameters);
        let threads = pass.threads.for_part(x.len(), PARALLEL_FROM);
        let mut cache = Cache::of(cache, self.width);
        let epsilon = F::of(self.epsilon);
        match state {
            State::Updating(running) => {
                self.batch_statistics(threads, x, &mut cache);
                self.move_running(running, &cache);
                prepare(
                    cache.mean,
                    cache.variance,
                    epsilon,
                    gamma,
                    beta,
                    cache.inverse_std,
                    cache.scale,
                    cache.shift,
                );
            }
            State::Frozen(running) => {
                let (mean, variance) = running.split_at(self.width);
                cache.pivot.copy_from_slice(mean);
                cache.mean.fill(F::ZERO);
                prepare(
                    cache.mean,
                    variance,
                    epsilon,
                    gamma,
                    beta,
                    cache.inverse_std,
                    cache.scale,
                    cache.shift,
                );
            }
        }
        let cache = &cache;
        parallel::for_each_chunk(threads, y, STRIPE * self.width, |stripe, y| {
            normalize(
                stripe_of(x, self.width, stripe),
                cache.pivot,
                cache.scale,
                cache.shift,
                y,
            );
        });
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        x: &[F],
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        dx: InputGradient<F>,
    ) {
        let width = self.width;
        let threads = pass.threads.for_part(x.len(), PARALLEL_FROM);
        let cache = Cache::of(cache, width);
        let (pivot, mean, scale) = (&*cache.pivot, &*cache.mean, &*cache.scale);
        parallel::for_each_chunk(threads, cache.stripes, SUMS * width, |stripe, sums| {
            let (x, dy) = (stripe_of(x, width, stripe), stripe_of(dy, width, stripe));
            stripe_gradients(x, dy, pivot, mean, sums);
        });
        join_gradients(cache.stripes, cache.inverse_std, cache.dbeta, cache.dgamma);
        if !dparameters.is_empty() {
            let (dgamma, dbeta) = dparameters.split_at_mut(if self.scale { width } else { 0 });
            dgamma.copy_from_slice(&cache.dgamma[..dgamma.len()]);
            dbeta.copy_from_slice(&cache.dbeta[..dbeta.len()]);
        }
        let Some(dx) = dx else { return };
        // What the batch's statistics answer: dβ/m, and dγ/(m·√(σ² + ε)) for each unit of x − μ.
        let (offset, tilt) = (cache.dbeta, cache.dgamma);
        let count = F::of(pass.rows as f64);
        for j in 0..width {
            offset[j] = if pass.training {
                offset[j] / count
            } else {
                F::ZERO
            };
            tilt[j] = if pass.training {
                tilt[j] * cache.inverse_std[j] / count
            } else {
                F::ZERO
            };
        }
        parallel::for_each_chunk(threads, dx, STRIPE * width, |stripe, dx| {
            let (x, dy) = (stripe_of(x, width, stripe), stripe_of(dy, width, stripe));
            input_gradient(x, dy, pivot, mean, scale, offset, tilt, dx);
        });
    }
}

/// The rows of a stripe.
fn stripe_of<F>(x: &[F], width: usize, stripe: usize) -> &[F] {
    let start = stripe * STRIPE * width;
    &x[start..x.len().min(start + STRIPE * width)]
}

/// Rows that are taken together where columns are summed: the sums are fetched and put back once for all of them. They
/// are added in their order, so the bits do not depend on it.
const ROWS: usize = 4;

/// R rows of `width`.
#[inline(always)]
fn rows<F, const R: usize>(x: &[F], width: usize) -> [&[F]; R] {
    std::array::from_fn(|r| &x[r * width..][..width])
}

/// mean ← mean + (x − pivot) for each of R rows.
#[inline(always)]
fn add_rows<F: Float, const R: usize>(x: &[F], pivot: &[F], mean: &mut [F]) {
    let (width, x) = (pivot.len(), rows::<F, R>(x, pivot.len()));
    for (j, mean) in mean[..width].iter_mut().enumerate() {
        for x in x {
            *mean += x[j] - pivot[j];
        }
    }
}

/// squares ← squares + (x − pivot − mean)² for each of R rows.
#[inline(always)]
fn add_squares<F: Float, const R: usize>(x: &[F], pivot: &[F], mean: &[F], squares: &mut [F]) {
    let (width, x) = (pivot.len(), rows::<F, R>(x, pivot.len()));
    let mean = &mean[..width];
    for (j, squares) in squares[..width].iter_mut().enumerate() {
        for x in x {
            let centred = (x[j] - pivot[j]) - mean[j];
            *squares += centred * centred;
        }
    }
}

/// plain ← plain + dy and tilted ← tilted + dy·(x − μ) for each of R rows.
#[inline(always)]
fn add_gradients<F: Float, const R: usize>(
    x: &[F],
    dy: &[F],
    pivot: &[F],
    mean: &[F],
    plain: &mut [F],
    tilted: &mut [F],
) {
    let width = pivot.len();
    let (x, dy) = (rows::<F, R>(x, width), rows::<F, R>(dy, width));
    let (mean, plain) = (&mean[..width], &mut plain[..width]);
    for (j, tilted) in tilted[..width].iter_mut().enumerate() {
        for (x, dy) in x.iter().zip(dy) {
            plain[j] += dy[j];
            *tilted += dy[j] * ((x[j] - pivot[j]) - mean[j]);
        }
    }
}

kernel! {
    /// `sums` of a stripe: its mean of x − pivot, and Σ (x − pivot − that mean)².
    fn stripe_moments<F: Float>(x: &[F], pivot: &[F], sums: &mut [F]) {
        let width = pivot.len();
        let (mean, squares) = sums.split_at_mut(width);
        mean.fill(F::ZERO);
        squares.fill(F::ZERO);
        let (several, single) = x.split_at(x.len() - x.len() % (ROWS * width));
        for x in several.chunks_exact(ROWS * width) {
            add_rows::<F, ROWS>(x, pivot, mean);
        }
        for x in single.chunks_exact(width) {
            add_rows::<F, 1>(x, pivot, mean);
        }
        let share = F::ONE / F::of((x.len() / width) as f64);
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for x in several.chunks_exact(ROWS * width) {
            add_squares::<F, ROWS>(x, pivot, mean, squares);
        }
        for x in single.chunks_exact(width) {
            add_squares::<F, 1>(x, pivot, mean, squares);
        }
    }

    /// Mean and biased variance of all rows, from the moments of the stripes.
    fn join_moments<F: Float>(rows: usize, stripes: &[F], mean: &mut [F], variance: &mut [F]) {
        let width = mean.len();
        mean.fill(F::ZERO);
        variance.fill(F::ZERO);
        let rows_of = |stripe: usize| F::of(STRIPE.min(rows - stripe * STRIPE) as f64);
        let all = F::of(rows as f64);
        for (stripe, sums) in stripes.chunks_exact(SUMS * width).enumerate() {
            let share = rows_of(stripe) / all;
            for j in 0..width {
                mean[j] += share * sums[j];
            }
        }
        for (stripe, sums) in stripes.chunks_exact(SUMS * width).enumerate() {
            let (means, squares) = sums.split_at(width);
            let count = rows_of(stripe);
            for j in 0..width {
                let off = means[j] - mean[j];
                variance[j] += (squares[j] + count * off * off) / all;
            }
        }
    }

    /// 1/√(σ² + ε), γ times that, and β less that times the mean; an empty γ is 1, an empty β 0.
    fn prepare<F: Float>(
        mean: &[F], variance: &[F], epsilon: F, gamma: &[F], beta: &[F],
        inverse_std: &mut [F], scale: &mut [F], shift: &mut [F],
    ) {
        for (inverse_std, &variance) in inverse_std.iter_mut().zip(variance) {
            *inverse_std = F::ONE / (variance + epsilon).sqrt();
        }
        scale.copy_from_slice(inverse_std);
        for (scale, &gamma) in scale.iter_mut().zip(gamma) {
            *scale *= gamma;
        }
        for ((shift, &mean), &scale) in shift.iter_mut().zip(mean).zip(&*scale) {
            *shift = -(mean * scale);
        }
        for (shift, &beta) in shift.iter_mut().zip(beta) {
            *shift += beta;
        }
    }

    /// y = γ x̂ + β = (x − pivot)·scale + shift.
    fn normalize<F: Float>(x: &[F], pivot: &[F], scale: &[F], shift: &[F], y: &mut [F]) {
        let width = pivot.len();
        let (scale, shift) = (&scale[..width], &shift[..width]);
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            for j in 0..width {
                y[j] = (x[j] - pivot[j]) * scale[j] + shift[j];
            }
        }
    }

    /// `sums` of a stripe: Σ dy and Σ dy·(x − μ).
    fn stripe_gradients<F: Float>(x: &[F], dy: &[F], pivot: &[F], mean: &[F], sums: &mut [F]) {
        let width = pivot.len();
        let (plain, tilted) = sums.split_at_mut(width);
        plain.fill(F::ZERO);
        tilted.fill(F::ZERO);
        let whole = x.len() - x.len() % (ROWS * width);
        let ((x, last_x), (dy, last_dy)) = (x.split_at(whole), dy.split_at(whole));
        for (x, dy) in x.chunks_exact(ROWS * width).zip(dy.chunks_exact(ROWS * width)) {
            add_gradients::<F, ROWS>(x, dy, pivot, mean, plain, tilted);
        }
        for (x, dy) in last_x.chunks_exact(width).zip(last_dy.chunks_exact(width)) {
            add_gradients::<F, 1>(x, dy, pivot, mean, plain, tilted);
        }
    }

    /// dβ = Σ dy and dγ = Σ dy·x̂, from the sums of the stripes.
    fn join_gradients<F: Float>(stripes: &[F], inverse_std: &[F], dbeta: &mut [F], dgamma: &mut [F]) {
        let width = inverse_std.len();
        dbeta.fill(F::ZERO);
        dgamma.fill(F::ZERO);
        for sums in stripes.chunks_exact(SUMS * width) {
            for j in 0..width {
                dbeta[j] += sums[j];
                dgamma[j] += sums[width + j] * inverse_std[j];
            }
        }
    }

    /// dx = γ/√(σ² + ε) · (dy − dβ/m − x̂·dγ/m) through the batch's statistics; the running ones do not
    /// depend on x, so in inference offset and tilt are 0.
    fn input_gradient<F: Float>(
        x: &[F], dy: &[F], pivot: &[F], mean: &[F], scale: &[F], offset: &[F], tilt: &[F], dx: &mut [F],
    ) {
        let width = pivot.len();
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            for j in 0..width {
                let centred = (x[j] - pivot[j]) - mean[j];
                dx[j] = scale[j] * (dy[j] - offset[j] - centred * tilt[j]);
            }
        }
    }
}
