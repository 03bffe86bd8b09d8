//! Parametric rectified linear unit (He et al., 2015): the slope below 0 is learned.

use std::sync::Arc;

use super::shapes::{Shaped, one};
use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel;
use crate::reduce::{PARALLEL_FROM, column_sums};
use crate::settings::Settings;
use crate::shape::Shape;
use crate::simd::kernel;

/// y = x where x ≥ 0, α·x elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Prelu {
    /// The shape of α: that of a sample, with 1 for the axes that share it.
    shape: Vec<usize>,
    /// Numbers of a sample.
    size: usize,
    /// Which α each of them has; nothing where each has its own.
    places: Vec<usize>,
}

/// With a slope for each number of a sample, but for the axes that share theirs, counted from 1.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let (sample, shared) = (one(inputs)?, settings.integers("shared_axes")?);
    let mut shape = sample.to_vec();
    for &axis in shared {
        let place = usize::try_from(axis)
            .ok()
            .and_then(|axis| axis.checked_sub(1));
        let Some(length) = place.and_then(|place| shape.get_mut(place)) else {
            let expected = format!("axes from 1 to {}", sample.len());
            return Err(Error::value("shared_axes", expected, Shape(shared)));
        };
        *length = 1;
    }
    let function = Prelu {
        size: sample.iter().product(),
        places: if shape == sample {
            Vec::new()
        } else {
            places(sample, &shape)
        },
        shape,
    };
    Ok(Shaped::of(Arc::new(function), 1, sample.to_vec()))
}

/// For each number of a sample the place of the number of an array that has 1 for some of the axes.
fn places(sample: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    for (&length, &own) in sample.iter().zip(shape) {
        let step = |&place: &usize| (0..length).map(move |k| place * own + k.min(own - 1));
        places = places.iter().flat_map(step).collect();
    }
    places
}

impl Prelu {
    fn slopes(&self) -> usize {
        self.shape.iter().product()
    }
}

impl<F: Float> Function<F> for Prelu {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.size]).then_some(self.size)
    }

    fn parameters(&self) -> Vec<Array> {
        vec![Array {
            name: "alpha",
            shape: self.shape.clone(),
        }]
    }

    fn cache_len(&self, rows: usize) -> usize {
        // The slopes of a sample; what each number adds to their gradients, and the sums of that.
        self.size * (rows + 2)
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
        alpha: &[F],
        _: State<F>,
        x: Inputs<F>,
        y: &mut [F],
        cache: &mut [F],
    ) {
        let (x, size) = (x.get(0), self.size);
        let slopes = self.spread(alpha, &mut cache[..size]);
        let threads = pass.threads.for_part(x.len(), PARALLEL_FROM);
        parallel::for_each_chunk(threads, y, ROWS * size, |chunk, y| {
            let start = chunk * ROWS * size;
            rectify(&x[start..start + y.len()], slopes, y);
        });
    }

    fn backward(
        &self,
        pass: Pass,
        alpha: &[F],
        x: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dalpha: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let (x, size) = (x.get(0), self.size);
        let threads = pass.threads.for_part(x.len(), PARALLEL_FROM);
        let (slopes, rest) = cache.split_at_mut(size);
        let slopes = self.spread(alpha, slopes);
        if !dalpha.is_empty() {
            let (sums, shares) = rest.split_at_mut(size);
            parallel::for_each_chunk(threads, shares, ROWS * size, |chunk, shares| {
                let here = chunk * ROWS * size..chunk * ROWS * size + shares.len();
                slope_shares(&x[here.clone()], &dy[here], shares);
            });
            if self.places.is_empty() {
                column_sums(pass.threads, shares, dalpha);
            } else {
                column_sums(pass.threads, shares, sums);
                dalpha.fill(F::ZERO);
                for (&place, &sum) in self.places.iter().zip(&*sums) {
                    dalpha[place] += sum;
                }
            }
        }
        let Some(dx) = dx.get(0) else { return };
        parallel::for_each_chunk(threads, dx, ROWS * size, |chunk, dx| {
            let here = chunk * ROWS * size..chunk * ROWS * size + dx.len();
            multiply_by_slopes(&x[here.clone()], &dy[here], slopes, dx);
        });
    }
}

/// Samples that a thread takes at a time.
const ROWS: usize = 32;

impl Prelu {
    /// The slope of each number of a sample.
    fn spread<'a, F: Float>(&self, alpha: &[F], slopes: &'a mut [F]) -> &'a [F] {
        debug_assert_eq!(alpha.len(), self.slopes());
        if self.places.is_empty() {
            slopes.copy_from_slice(alpha);
        } else {
            for (slope, &place) in slopes.iter_mut().zip(&self.places) {
                *slope = alpha[place];
            }
        }
        slopes
    }
}

kernel! {
    fn rectify<F: Float>(x: &[F], slopes: &[F], y: &mut [F]) {
        let size = slopes.len();
        for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
            for ((y, &x), &slope) in y.iter_mut().zip(x).zip(slopes) {
                *y = if x < F::ZERO { slope * x } else { x };
            }
        }
    }

    /// dy·x below 0.
    fn slope_shares<F: Float>(x: &[F], dy: &[F], shares: &mut [F]) {
        for ((share, &x), &dy) in shares.iter_mut().zip(x).zip(dy) {
            *share = if x < F::ZERO { dy * x } else { F::ZERO };
        }
    }

    fn multiply_by_slopes<F: Float>(x: &[F], dy: &[F], slopes: &[F], dx: &mut [F]) {
        let size = slopes.len();
        let rows = x.chunks_exact(size).zip(dy.chunks_exact(size)).zip(dx.chunks_exact_mut(size));
        for ((x, dy), dx) in rows {
            for (((dx, &x), &dy), &slope) in dx.iter_mut().zip(x).zip(dy).zip(slopes) {
                *dx = if x > F::ZERO { dy } else { dy * slope };
            }
        }
    }
}
