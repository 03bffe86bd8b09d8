//! Layers that add noise in training: normal noise (Gaussian noise and dropout), and dropout for self-normalizing networks.
//!
//! As of [`Dropout`](super::dropout), what a training step draws is a function of seed, path, step and index.

use super::dropout::{CHUNK, TILES_PER_STEP, multiply, threshold};
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::random::{Distribution, Normal, Stream, WORDS_PER_TILE};
use crate::settings::Settings;
use crate::simd::kernel;

/// Numbers that are drawn at a time.
const DRAWN: usize = 1 << 10;

/// Numbers of double precision in a tile.
const PER_TILE: usize = WORDS_PER_TILE / 2;

/// Normal numbers for the elements of a step: those of the stream in double precision, rounded, from tile step·2³² on.
#[derive(Debug)]
struct Noise {
    normal: Normal,
    stream: Stream,
}

impl Noise {
    fn new(settings: &Settings, mean: f64, std: f64) -> Result<Self> {
        Ok(Self {
            normal: Normal::new(mean, std)?,
            stream: Stream::new(settings.text("seed")?, settings.text("path")?),
        })
    }

    /// Call `work` with the numbers of each piece of a chunk of elements, and the place of its first one.
    fn draw(&self, pass: Pass, chunk: usize, len: usize, mut work: impl FnMut(usize, &[f64])) {
        let first = pass.step.wrapping_mul(TILES_PER_STEP);
        let tile = first.wrapping_add((chunk * CHUNK / PER_TILE) as u64);
        let mut numbers = [0.0; DRAWN];
        for start in (0..len).step_by(DRAWN) {
            let numbers = &mut numbers[..DRAWN.min(len - start)];
            let stream = self
                .stream
                .after_tiles(tile.wrapping_add((start / PER_TILE) as u64));
            self.normal
                .draw(numbers, &stream, Threads::ONE)
                .expect("numbers within the range of double precision");
            work(start, numbers);
        }
    }
}

/// y = x + n with n of N(0, stddev²).
#[derive(Debug)]
pub(super) struct GaussianNoise {
    width: usize,
    noise: Noise,
}

impl GaussianNoise {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let stddev = settings.float_where("stddev", "a number from 0 to 1e100", |std| {
            (0.0..=1e100).contains(&std)
        })?;
        Ok(Self {
            width,
            noise: Noise::new(settings, 0.0, stddev)?,
        })
    }
}

impl<F: Float> Function<F> for GaussianNoise {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], _: &mut [F]) {
        if pass.training {
            parallel::for_each_chunk(pass.threads, y, CHUNK, |chunk, y| {
                self.noise.draw(pass, chunk, y.len(), |start, noise| {
                    add(noise, &mut y[start..start + noise.len()]);
                });
            });
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        _: &[F],
        _: &mut [F],
        _: Gradients<F>,
    ) {
        // dx = dy, which stands there.
    }
}

/// y = x·m with m of N(1, rate/(1 − rate)).
#[derive(Debug)]
pub(super) struct GaussianDropout {
    width: usize,
    noise: Noise,
}

impl GaussianDropout {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let rate = rate_of(settings)?;
        Ok(Self {
            width,
            noise: Noise::new(settings, 1.0, (rate / (1.0 - rate)).sqrt())?,
        })
    }
}

fn rate_of(settings: &Settings) -> Result<f64> {
    settings.float_where("rate", "a number from 0 to below 1", |r| {
        (0.0..1.0).contains(&r)
    })
}

impl<F: Float> Function<F> for GaussianDropout {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn cache_len(&self, rows: usize) -> usize {
        rows * self.width
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], mask: &mut [F]) {
        if pass.training {
            parallel::for_each_pair(pass.threads, mask, y, CHUNK, |chunk, mask, y| {
                self.noise.draw(pass, chunk, y.len(), |start, noise| {
                    round(noise, &mut mask[start..start + noise.len()]);
                });
                multiply(mask, y);
            });
        }
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        mask: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0)
            && pass.training
        {
            multiply(mask, dx);
        }
    }
}

/// What SELU becomes for large negative numbers: −λα (Klambauer et al., 2017).
const LOW: f64 = -1.7580993408473766;

/// y = a·x + b where an element is kept, a·low + b where it is dropped, with `low` the lower limit of SELU, and a and b such
/// that numbers of mean 0 and variance 1 keep both. The words that drop are those of [`Dropout`](super::dropout).
#[derive(Debug)]
pub(super) struct AlphaDropout {
    width: usize,
    threshold: u32,
    a: f64,
    b: f64,
    stream: Stream,
}

impl AlphaDropout {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let rate = rate_of(settings)?;
        let a = 1.0 / ((1.0 - rate) * (1.0 + rate * LOW * LOW)).sqrt();
        Ok(Self {
            width,
            threshold: threshold(rate),
            a,
            b: -a * LOW * rate,
            stream: Stream::new(settings.text("seed")?, settings.text("path")?),
        })
    }
}

impl<F: Float> Function<F> for AlphaDropout {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn cache_len(&self, rows: usize) -> usize {
        rows * self.width
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], mask: &mut [F]) {
        // Without a share to drop it does nothing: a is 1 and b is 0.
        if pass.training {
            let first = pass.step.wrapping_mul(TILES_PER_STEP);
            let (a, b) = (F::of(self.a), F::of(self.b));
            let low = F::of(self.a * LOW + self.b);
            parallel::for_each_pair(pass.threads, mask, y, CHUNK, |chunk, mask, y| {
                let tile = first.wrapping_add((chunk * CHUNK / WORDS_PER_TILE) as u64);
                super::dropout::draw_mask(&self.stream, tile, self.threshold, a, mask);
                drop_to(mask, low, b, y);
            });
        }
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        mask: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0)
            && pass.training
        {
            multiply(mask, dx);
        }
    }
}

kernel! {
    fn add<F: Float>(noise: &[f64], y: &mut [F]) {
        for (y, &noise) in y.iter_mut().zip(noise) {
            *y += F::of(noise);
        }
    }

    fn round<F: Float>(noise: &[f64], mask: &mut [F]) {
        for (mask, &noise) in mask.iter_mut().zip(noise) {
            *mask = F::of(noise);
        }
    }

    /// y = mask·y + b, or `low` where the mask is 0.
    fn drop_to<F: Float>(mask: &[F], low: F, b: F, y: &mut [F]) {
        for (y, &mask) in y.iter_mut().zip(mask) {
            let kept = mask * *y + b;
            *y = if mask == F::ZERO { low } else { kept };
        }
    }
}
