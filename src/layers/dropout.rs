//! Dropout (Srivastava et al., 2014), inverted: what is kept is scaled up, so that inference does nothing.

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::parallel;
use crate::random::{Stream, WORDS_PER_TILE};
use crate::settings::Settings;
use crate::simd::kernel;

/// y = x·m with m = 1/(1 − rate) where an element is kept, 0 where it is dropped.
///
/// The mask of a training step is a function of seed, path, step and index: word `i` of the stream from
/// tile step·2³² on keeps element `i` if it is at least rate·2³².
#[derive(Debug)]
pub(super) struct Dropout {
    width: usize,
    /// Words below this drop.
    threshold: u32,
    scale: f64,
    stream: Stream,
}

/// Elements that a thread takes at a time: whole tiles.
pub(super) const CHUNK: usize = 1 << 14;

/// Tiles between the masks of two steps.
pub(super) const TILES_PER_STEP: u64 = 1 << 32;

/// The number of words below which a word drops.
pub(super) fn threshold(rate: f64) -> u32 {
    (rate * 2f64.powi(32)) as u32
}

impl Dropout {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let rate = settings.float_where("rate", "a number from 0 to below 1", |r| {
            (0.0..1.0).contains(&r)
        })?;
        Ok(Self {
            width,
            threshold: threshold(rate),
            scale: 1.0 / (1.0 - rate),
            stream: Stream::new(settings.text("seed")?, settings.text("path")?),
        })
    }
}

impl<F: Float> Function<F> for Dropout {
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
            let first = pass.step.wrapping_mul(TILES_PER_STEP);
            parallel::for_each_pair(pass.threads, mask, y, CHUNK, |chunk, mask, y| {
                let tile = first + (chunk * CHUNK / WORDS_PER_TILE) as u64;
                draw_mask(&self.stream, tile, self.threshold, F::of(self.scale), mask);
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

kernel! {
    pub(super) fn draw_mask<F: Float>(stream: &Stream, tile: u64, threshold: u32, scale: F, mask: &mut [F]) {
        for (i, mask) in mask.chunks_mut(WORDS_PER_TILE).enumerate() {
            let words = stream.tile(tile + i as u64);
            for (mask, &word) in mask.iter_mut().zip(words.iter().flatten()) {
                *mask = if word >= threshold { scale } else { F::ZERO };
            }
        }
    }

    pub(super) fn multiply<F: Float>(mask: &[F], y: &mut [F]) {
        for (y, &mask) in y.iter_mut().zip(mask) {
            *y *= mask;
        }
    }
}
