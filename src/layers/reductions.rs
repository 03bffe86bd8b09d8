//! Functions that make one number of many: sums, means, products, largest and smallest, along axes of a sample.

use std::sync::Arc;

use super::shapes::{Shaped, one};
use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::Threads;
use crate::reduce::column_sums;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::simd::kernel;

/// What is made of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Sum,
    Mean,
    Product,
    /// The largest, or the smallest: NaN if one is. Equal ones share the gradient.
    Extreme {
        largest: bool,
    },
    /// The place of the first that is the largest, or the smallest.
    Place {
        largest: bool,
    },
}

/// A row is `len` rows of `width` numbers, of which it becomes one.
#[derive(Debug, Clone, Copy)]
struct Reduce {
    what: What,
    len: usize,
    width: usize,
}

/// The reduction that settings of the kind "reduce" describe: over so many axes from one on.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let what = match settings.text("function")? {
        "sum" => What::Sum,
        "mean" => What::Mean,
        "prod" => What::Product,
        "max" => What::Extreme { largest: true },
        "min" => What::Extreme { largest: false },
        "argmax" => What::Place { largest: true },
        "argmin" => What::Place { largest: false },
        other => {
            let expected = "sum, mean, prod, max, min, argmax or argmin";
            return Err(Error::value("function", expected, format!("{other:?}")));
        }
    };
    let (shape, keepdims) = (one(inputs)?, settings.flag("keepdims")?);
    let (axis, axes) = (settings.integer("axis")?, settings.count("axes")?);
    let start = usize::try_from(axis).ok();
    let range = start.and_then(|start| Some(start..start.checked_add(axes)?));
    let Some(range) = range.filter(|range| range.end <= shape.len()) else {
        let expected = format!("axes of samples of shape {}", Shape(shape));
        return Err(Error::value("axis", expected, axis));
    };
    let reduce = Reduce {
        what,
        len: shape[range.clone()].iter().product(),
        width: shape[range.end..].iter().product(),
    };
    let kept = if keepdims { axes } else { 0 };
    let rows = shape[..range.start].iter().product();
    let shape = [&shape[..range.start], &vec![1; kept], &shape[range.end..]].concat();
    Ok(Shaped::of(Arc::new(reduce), rows, shape))
}

impl<F: Float> Function<F> for Reduce {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.len.checked_mul(self.width)?]).then_some(self.width)
    }

    fn needs(&self) -> Needs {
        let extreme = matches!(self.what, What::Extreme { .. });
        Needs {
            input: extreme || self.what == What::Product,
            output: extreme,
        }
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let rows = x.get(0).chunks_exact(self.len * self.width);
        for (x, y) in rows.zip(y.chunks_exact_mut(self.width)) {
            match self.what {
                What::Sum | What::Mean => {
                    if let [y] = y {
                        *y = sum(x);
                    } else {
                        column_sums(Threads::ONE, x, y);
                    }
                    if self.what == What::Mean {
                        divide(F::of(self.len as f64), y);
                    }
                }
                What::Product => product(x, y),
                What::Extreme { largest } => extreme(largest, x, y),
                What::Place { largest } => {
                    for (k, y) in y.iter_mut().enumerate() {
                        *y = place(largest, x.iter().skip(k).step_by(self.width));
                    }
                }
            }
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        x: Inputs<F>,
        y: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let Some(dx) = dx.get(0) else { return };
        let len = self.len * self.width;
        let rows = dx.chunks_exact_mut(len).zip(dy.chunks_exact(self.width));
        for (row, (dx, dy)) in rows.enumerate() {
            match self.what {
                What::Sum | What::Mean => {
                    dx.chunks_exact_mut(self.width)
                        .for_each(|dx| dx.copy_from_slice(dy));
                    if self.what == What::Mean {
                        divide(F::of(self.len as f64), dx);
                    }
                }
                What::Product => others(&x.get(0)[row * len..][..len], dy, dx),
                What::Extreme { .. } => {
                    let x = &x.get(0)[row * len..][..len];
                    share(x, &y[row * self.width..][..self.width], dy, dx);
                }
                What::Place { .. } => dx.fill(F::ZERO),
            }
        }
    }
}

/// Numbers that are added side by side.
const LANES: usize = 16;

/// Numbers of which a sum is made before it is added to the others.
const STRIPE: usize = 32 * LANES;

kernel! {
    /// Σ x, in stripes and lanes: the error grows with their number, and the order is fixed.
    fn sum<F: Float>(x: &[F]) -> F {
        let mut all = F::ZERO;
        for stripe in x.chunks(STRIPE) {
            let mut lanes = [F::ZERO; LANES];
            let whole = stripe.chunks_exact(LANES);
            let rest = whole.remainder();
            for x in whole {
                for (lane, &x) in lanes.iter_mut().zip(x) {
                    *lane += x;
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane += x;
            }
            let mut sum = F::ZERO;
            for lane in lanes {
                sum += lane;
            }
            all += sum;
        }
        all
    }

    fn divide<F: Float>(by: F, y: &mut [F]) {
        for y in y {
            *y /= by;
        }
    }

    /// The product of each column.
    fn product<F: Float>(x: &[F], y: &mut [F]) {
        y.fill(F::ONE);
        for x in x.chunks_exact(y.len()) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y *= x;
            }
        }
    }

    /// The gradient of the product of each column: for each number the product of those before it, times that of those
    /// behind it, so that none is divided by. `dy` is times each.
    fn others<F: Float>(x: &[F], dy: &[F], dx: &mut [F]) {
        let width = dy.len();
        for k in 0..width {
            let mut before = dy[k];
            for i in (k..x.len()).step_by(width) {
                dx[i] = before;
                before *= x[i];
            }
            let mut behind = F::ONE;
            for i in (k..x.len()).step_by(width).rev() {
                dx[i] *= behind;
                behind *= x[i];
            }
        }
    }

    /// The largest or the smallest of each column.
    fn extreme<F: Float>(largest: bool, x: &[F], y: &mut [F]) {
        let (first, others) = x.split_at(y.len());
        y.copy_from_slice(first);
        for x in others.chunks_exact(y.len()) {
            for (y, &x) in y.iter_mut().zip(x) {
                let beyond = if largest { x > *y } else { x < *y };
                *y = if beyond || x.is_nan() { x } else { *y };
            }
        }
    }

    /// The gradient of the largest or smallest of each column: equal ones have equal shares.
    fn share<F: Float>(x: &[F], y: &[F], dy: &[F], dx: &mut [F]) {
        let width = y.len();
        for k in 0..width {
            let mut count = F::ZERO;
            for row in x.chunks_exact(width) {
                count += if row[k] == y[k] { F::ONE } else { F::ZERO };
            }
            let share = dy[k] / count;
            for (dx, x) in dx.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                dx[k] = if x[k] == y[k] { share } else { F::ZERO };
            }
        }
    }
}

/// Where the first of the largest or smallest is; the first NaN, if there is one.
fn place<'a, F: Float>(largest: bool, x: impl Iterator<Item = &'a F>) -> F {
    let mut found: Option<(usize, F)> = None;
    for (i, &x) in x.enumerate() {
        let better = found.is_none_or(|(_, best)| {
            let beyond = if largest { x > best } else { x < best };
            !best.is_nan() && (beyond || x.is_nan())
        });
        if better {
            found = Some((i, x));
        }
    }
    F::of(found.map_or(0, |(i, _)| i) as f64)
}
