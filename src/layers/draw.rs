//! Random numbers, which depend on nothing that is read: others in each pass, in inference too.
//!
//! As of [`Dropout`](super::dropout), what a step draws is a function of seed, path, step and index: the numbers of the
//! stream in double precision, from tile step·2³² on, rounded.

use std::sync::Arc;

use super::shapes::{Shaped, one};
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::random::{Distribution, Normal, Stream, Uniform, WORDS_PER_TILE};
use crate::settings::Settings;
use crate::shape::Shape;

/// Elements that a thread takes at a time: whole tiles.
const CHUNK: usize = 1 << 14;
/// Numbers that are drawn at a time.
const DRAWN: usize = 1 << 10;
/// Numbers of double precision in a tile.
const PER_TILE: usize = WORDS_PER_TILE / 2;
/// Tiles between the numbers of two steps.
const TILES_PER_STEP: u64 = 1 << 32;

/// The largest parameter of a law.
const LARGEST: f64 = 1e30;

#[derive(Debug, Clone, Copy)]
enum Law {
    Normal(Normal),
    Uniform(Uniform),
}

/// Rows of `width` numbers of a law, as many as there are rows of `read` numbers.
#[derive(Debug)]
struct Draw {
    read: usize,
    width: usize,
    law: Law,
    stream: Stream,
}

/// What settings of the kind "draw" describe: samples of a shape, whatever those that are read are.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let (a, b) = (settings.float("first")?, settings.float("second")?);
    let law = match settings.text("function")? {
        "normal" => Law::Normal(Normal::new(a, b)?),
        "uniform" => Law::Uniform(Uniform::new(a, b)?),
        other => {
            let expected = "normal or uniform";
            return Err(Error::value("function", expected, format!("{other:?}")));
        }
    };
    // So that no number of a law is infinite, in either type.
    if !(a.abs() <= LARGEST && b.abs() <= LARGEST) {
        let expected = format!("numbers within {LARGEST:e} of 0");
        return Err(Error::value("first, second", expected, format!("{a}, {b}")));
    }
    let target = settings.integers("target_shape")?;
    let axes = target.iter().map(|&n| usize::try_from(n).ok());
    let shape: Option<Vec<usize>> = axes.map(|n| n.filter(|&n| n > 0)).collect();
    let width = |shape: &Vec<usize>| shape.iter().try_fold(1usize, |w, &n| w.checked_mul(n));
    let Some((shape, width)) = shape.and_then(|shape| width(&shape).map(|width| (shape, width)))
    else {
        let expected = "lengths of at least 1, of samples that fit into memory";
        return Err(Error::shape("target_shape", expected, Shape(target)));
    };
    let draw = Draw {
        read: one(inputs)?.iter().product(),
        width,
        law,
        stream: Stream::new(settings.text("seed")?, settings.text("path")?),
    };
    Ok(Shaped::of(Arc::new(draw), 1, shape))
}

impl Draw {
    fn fill<F: Float>(&self, first: u64, y: &mut [F]) {
        let mut numbers = [0.0; DRAWN];
        for (k, y) in y.chunks_mut(DRAWN).enumerate() {
            let numbers = &mut numbers[..y.len()];
            let tiles = (k * (DRAWN / PER_TILE)) as u64;
            let stream = self.stream.after_tiles(first.wrapping_add(tiles));
            let drawn = match self.law {
                Law::Normal(normal) => normal.draw(numbers, &stream, Threads::ONE),
                Law::Uniform(uniform) => uniform.draw(numbers, &stream, Threads::ONE),
            };
            drawn.expect("parameters that double precision holds, as was checked");
            for (y, &number) in y.iter_mut().zip(&*numbers) {
                *y = F::of(number);
            }
        }
    }
}

impl<F: Float> Function<F> for Draw {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.read]).then_some(self.width)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, pass: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let first = pass.step.wrapping_mul(TILES_PER_STEP);
        parallel::for_each_chunk(pass.threads, y, CHUNK, |chunk, y| {
            let tiles = (chunk * (CHUNK / PER_TILE)) as u64;
            self.fill(first.wrapping_add(tiles), y);
        });
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
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0) {
            dx.fill(F::ZERO);
        }
    }
}
