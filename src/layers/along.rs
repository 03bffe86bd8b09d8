//! Functions along an axis that stays as long: running sums, and the order of numbers.

use std::cmp::Ordering;
use std::sync::Arc;

use super::shapes::{Shaped, one};
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::simd::kernel;

/// What settings of the kind "along" describe. Numbers are put in order along the last axis alone.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let (shape, axis) = (one(inputs)?, settings.integer("axis")?);
    let place = usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < shape.len());
    let Some(place) = place else {
        let expected = format!("an axis of samples of shape {}", Shape(shape));
        return Err(Error::value("axis", expected, axis));
    };
    let (len, width) = (shape[place], shape[place + 1..].iter().product());
    let rows = shape[..place].iter().product();
    let function: Arc<dyn Function<F>> = match settings.text("function")? {
        "cumsum" => Arc::new(RunningSum { len, width }),
        name @ ("sort" | "argsort") => {
            if width != 1 {
                let expected = format!("the last axis of samples of shape {}", Shape(shape));
                return Err(Error::value("axis", expected, axis));
            }
            let most = if size_of::<F>() == size_of::<f32>() {
                1 << f32::MANTISSA_DIGITS
            } else {
                1usize << f64::MANTISSA_DIGITS
            };
            if len > most {
                let expected = format!("at most {most} numbers to put in order");
                return Err(Error::value("axis", expected, len));
            }
            Arc::new(Sort {
                len,
                descending: settings.flag("descending")?,
                places: name == "argsort",
            })
        }
        other => {
            let expected = "cumsum, sort or argsort";
            return Err(Error::value("function", expected, format!("{other:?}")));
        }
    };
    Ok(Shaped::of(function, rows, shape.to_vec()))
}

/// Each number with all before it added, of `len` rows of `width` numbers.
#[derive(Debug, Clone, Copy)]
struct RunningSum {
    len: usize,
    width: usize,
}

impl<F: Float> Function<F> for RunningSum {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let size = self.len.checked_mul(self.width)?;
        (inputs == [size]).then_some(size)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let size = self.len * self.width;
        let rows = x.get(0).chunks_exact(size).zip(y.chunks_exact_mut(size));
        rows.for_each(|(x, y)| sums_before(self.width, x, y));
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        let size = self.len * self.width;
        let rows = dy.chunks_exact(size).zip(dx.chunks_exact_mut(size));
        rows.for_each(|(dy, dx)| sums_behind(self.width, dy, dx));
    }
}

kernel! {
    fn sums_before<F: Float>(width: usize, x: &[F], y: &mut [F]) {
        y.copy_from_slice(x);
        for i in width..y.len() {
            y[i] = y[i - width] + y[i];
        }
    }

    fn sums_behind<F: Float>(width: usize, dy: &[F], dx: &mut [F]) {
        dx.copy_from_slice(dy);
        for i in (width..dx.len()).rev() {
            dx[i - width] += dx[i];
        }
    }
}

/// Rows of `len` numbers in order, or the places where these stood. Equal ones stay as they were, and NaN counts as more
/// than infinity. The cache has the places.
#[derive(Debug, Clone, Copy)]
struct Sort {
    len: usize,
    descending: bool,
    places: bool,
}

impl<F: Float> Function<F> for Sort {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.len]).then_some(self.len)
    }

    fn cache_len(&self, rows: usize) -> usize {
        rows * self.len
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], cache: &mut [F]) {
        let rows = x.get(0).chunks_exact(self.len);
        let made = y
            .chunks_exact_mut(self.len)
            .zip(cache.chunks_exact_mut(self.len));
        for (x, (y, places)) in rows.zip(made) {
            for (k, place) in places.iter_mut().enumerate() {
                *place = F::of(k as f64);
            }
            places.sort_unstable_by(|&a, &b| {
                let order = order(x[at(a)], x[at(b)]);
                let order = if self.descending {
                    order.reverse()
                } else {
                    order
                };
                order.then(at(a).cmp(&at(b)))
            });
            for (y, &place) in y.iter_mut().zip(&*places) {
                *y = if self.places { place } else { x[at(place)] };
            }
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        if self.places {
            return dx.fill(F::ZERO);
        }
        let rows = dx
            .chunks_exact_mut(self.len)
            .zip(cache.chunks_exact(self.len));
        for ((dx, places), dy) in rows.zip(dy.chunks_exact(self.len)) {
            for (&place, &dy) in places.iter().zip(dy) {
                dx[at(place)] = dy;
            }
        }
    }
}

fn at<F: Float>(place: F) -> usize {
    place.wide() as usize
}

/// Which of two is less, where NaN is more than all others.
fn order<F: Float>(a: F, b: F) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
