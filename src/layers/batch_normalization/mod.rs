//! Batch normalization (Ioffe & Szegedy, 2015), over the last axis.
//!
//! Forward reads memory twice (statistics, y) and so does backward (sums, dx). Row-major batches go in stripes that are
//! cut by a fixed rule and added up in order, so the bits do not depend on the number of threads.
//!
//! Statistics are centred: the mean is that of x − pivot with the batch's first row as the pivot, and squares are
//! summed about it; stripes have both for themselves and are joined by Chan, Golub & LeVeque's formula (1983).
//! E[x²] − E[x]² would cancel where |mean| ≫ std.

mod rows;

use rows::{STRIPE, SUMS, stripe_of};

use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::parallel;
use crate::reduce::PARALLEL_FROM;
use crate::settings::Settings;
use crate::simd::kernel;

/// y = γ x̂ + β with x̂ = (x − μ) / √(σ² + ε).
///
/// Training takes μ and the biased σ² of the batch and moves the running ones towards them,
/// r ← momentum·r + (1 − momentum)·batch; inference takes the running ones. This is Keras's variant; torch's running variance
/// is unbiased, of n rows n/(n − 1) times that of the batch, and so stays where n is 1. Cumulative averages count all
/// batches alike.
#[derive(Debug, Clone)]
pub(crate) struct BatchNormalization {
    pub(crate) width: usize,
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    averages: Averages,
}

/// Where the running averages differ from Keras's.
#[derive(Debug, Clone, Copy)]
struct Averages {
    unbiased: bool,
    cumulative: bool,
}

/// Arrays in the cache with an element a column, before those of the stripes.
pub(super) const NOTES: usize = 8;

/// The cache.
pub(super) struct Cache<'a, F> {
    /// x̂ = ((x − pivot) − mean) · `inverse_std`.
    pub(super) pivot: &'a mut [F],
    pub(super) mean: &'a mut [F],
    pub(super) inverse_std: &'a mut [F],
    /// γ · `inverse_std`.
    pub(super) scale: &'a mut [F],
    /// y = (x − pivot) · scale + shift.
    pub(super) shift: &'a mut [F],
    /// Of the batch; not written in inference.
    pub(super) variance: &'a mut [F],
    /// Backward's sums.
    pub(super) dgamma: &'a mut [F],
    pub(super) dbeta: &'a mut [F],
    /// Two sums a column for each stripe.
    pub(super) stripes: &'a mut [F],
}

impl<'a, F> Cache<'a, F> {
    pub(super) fn of(cache: &'a mut [F], width: usize) -> Self {
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
        let flag = |name| Ok(settings.values.contains_key(name) && settings.flag(name)?);
        Ok(Self {
            width,
            momentum: settings.float_where("momentum", "a number from 0 to 1", momentum)?,
            epsilon: settings.float_where("epsilon", "a positive number", |e| e > 0.0)?,
            center: settings.flag("center")?,
            scale: settings.flag("scale")?,
            averages: Averages {
                unbiased: flag("unbiased")?,
                cumulative: flag("cumulative")?,
            },
        })
    }

    /// γ and β; empty where there is none.
    fn split<'a, F>(&self, parameters: &'a [F]) -> (&'a [F], &'a [F]) {
        parameters.split_at(if self.scale { self.width } else { 0 })
    }

    /// Put μ and σ² of the batch into the cache.
    fn batch_statistics<F: Float>(&self, pass: Pass, x: &[F], cache: &mut Cache<F>) {
        let width = self.width;
        cache.pivot.copy_from_slice(&x[..width]);
        let pivot = &*cache.pivot;
        parallel::for_each_chunk(pass.threads, cache.stripes, SUMS * width, |stripe, sums| {
            rows::stripe_moments(stripe_of(x, width, stripe), pivot, sums);
        });
        rows::join_moments(pass.rows, cache.stripes, cache.mean, cache.variance);
    }

    /// Put dβ and dγ into the cache.
    fn batch_gradients<F: Float>(&self, pass: Pass, x: &[F], dy: &[F], cache: &mut Cache<F>) {
        let width = self.width;
        let (pivot, mean, inverse_std) = (&*cache.pivot, &*cache.mean, &*cache.inverse_std);
        parallel::for_each_chunk(pass.threads, cache.stripes, SUMS * width, |stripe, sums| {
            let (x, dy) = (stripe_of(x, width, stripe), stripe_of(dy, width, stripe));
            rows::stripe_gradients(x, dy, pivot, mean, sums);
        });
        rows::join_gradients(cache.stripes, inverse_std, cache.dbeta, cache.dgamma);
    }

    /// Scale and shift from the statistics of the batch, which the running ones then follow, or from the running ones.
    pub(super) fn scale_and_shift<F: Float>(
        &self,
        rows: usize,
        parameters: &[F],
        state: State<F>,
        cache: &mut Cache<F>,
    ) {
        let (gamma, beta) = self.split(parameters);
        let variance = match state {
            State::Updating(running) => {
                self.move_running(rows, running, cache);
                &*cache.variance
            }
            State::Frozen(running) => {
                let (mean, variance) = running.split_at(self.width);
                cache.pivot.copy_from_slice(mean);
                cache.mean.fill(F::ZERO);
                variance
            }
        };
        prepare(
            cache.mean,
            variance,
            F::of(self.epsilon),
            gamma,
            beta,
            cache.inverse_std,
            cache.scale,
            cache.shift,
        );
    }

    /// The gradients of γ and β, from the sums in the cache; these become what the batch's statistics answer to a change
    /// of x: dβ/m, and dγ/(m·√(σ² + ε)) for each unit of x − μ.
    pub(super) fn parameter_gradients<F: Float>(
        &self,
        pass: Pass,
        cache: &mut Cache<F>,
        dparameters: &mut [F],
    ) {
        let (offset, tilt) = (&mut *cache.dbeta, &mut *cache.dgamma);
        if !dparameters.is_empty() {
            let (dgamma, dbeta) = dparameters.split_at_mut(if self.scale { self.width } else { 0 });
            dgamma.copy_from_slice(&tilt[..dgamma.len()]);
            dbeta.copy_from_slice(&offset[..dbeta.len()]);
        }
        if !pass.training {
            offset.fill(F::ZERO);
            tilt.fill(F::ZERO);
            return;
        }
        let count = F::of(pass.rows as f64);
        for j in 0..self.width {
            offset[j] /= count;
            tilt[j] = tilt[j] * cache.inverse_std[j] / count;
        }
    }

    /// r ← momentum·r + (1 − momentum)·batch, for the mean and the variance.
    fn move_running<F: Float>(&self, rows: usize, running: &mut [F], cache: &Cache<F>) {
        let (mean, rest) = running.split_at_mut(self.width);
        let (variance, batches) = rest.split_at_mut(self.width);
        let mut momentum = self.momentum;
        if let [batches] = batches {
            *batches += F::ONE;
            momentum = 1.0 - 1.0 / batches.wide();
        }
        let (keep, take) = (F::of(momentum), F::of(1.0 - momentum));
        for j in 0..self.width {
            mean[j] = keep * mean[j] + take * (cache.pivot[j] + cache.mean[j]);
        }
        if !self.averages.unbiased {
            for j in 0..self.width {
                variance[j] = keep * variance[j] + take * cache.variance[j];
            }
        } else if rows > 1 {
            let correction = F::of(rows as f64 / (rows - 1) as f64);
            for j in 0..self.width {
                variance[j] = keep * variance[j] + take * (cache.variance[j] * correction);
            }
        }
    }
}

impl<F: Float> Function<F> for BatchNormalization {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn parameters(&self) -> Vec<Array> {
        let present = [("gamma", self.scale), ("beta", self.center)];
        let present = present.into_iter().filter(|p| p.1);
        let array = |(name, _)| Array {
            name,
            shape: vec![self.width],
        };
        present.map(array).collect()
    }

    fn state(&self) -> Vec<Array> {
        let array = |name| Array {
            name,
            shape: vec![self.width],
        };
        let batches = self.averages.cumulative.then(|| Array {
            name: "moving_count",
            shape: Vec::new(),
        });
        let averages = ["moving_mean", "moving_variance"].map(array);
        averages.into_iter().chain(batches).collect()
    }

    fn cache_len(&self, rows: usize) -> usize {
        self.width * (NOTES + SUMS * rows.div_ceil(STRIPE))
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(
        &self,
        pass: Pass,
        parameters: &[F],
        state: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        let x = x.get(0);
        let pass = with_threads(pass, x);
        let mut cache = Cache::of(cache, self.width);
        if matches!(state, State::Updating(_)) {
            self.batch_statistics(pass, x, &mut cache);
        }
        self.scale_and_shift(pass.rows, parameters, state, &mut cache);
        let (pivot, scale, shift) = (&*cache.pivot, &*cache.scale, &*cache.shift);
        parallel::for_each_chunk(pass.threads, y, STRIPE * self.width, |stripe, y| {
            rows::normalize(stripe_of(x, self.width, stripe), pivot, scale, shift, y);
        });
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dparameters: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let (x, width) = (x.get(0), self.width);
        let pass = with_threads(pass, x);
        let mut cache = Cache::of(cache, width);
        self.batch_gradients(pass, x, dy, &mut cache);
        self.parameter_gradients(pass, &mut cache, dparameters);
        let Some(dx) = dx.get(0) else { return };
        let (pivot, mean, scale) = (&*cache.pivot, &*cache.mean, &*cache.scale);
        let (offset, tilt) = (&*cache.dbeta, &*cache.dgamma);
        parallel::for_each_chunk(pass.threads, dx, STRIPE * width, |stripe, dx| {
            let (x, dy) = (stripe_of(x, width, stripe), stripe_of(dy, width, stripe));
            rows::input_gradient(x, dy, pivot, mean, scale, offset, tilt, dx);
        });
    }
}

/// The pass with as many threads as the batch is worth.
fn with_threads<F>(pass: Pass, x: &[F]) -> Pass {
    Pass {
        threads: pass.threads.for_part(x.len(), PARALLEL_FROM),
        ..pass
    }
}

kernel! {
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
}
