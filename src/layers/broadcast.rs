//! Shapes that meet as those of NumPy's arrays do: an axis of length 1 is repeated.

use std::sync::Arc;

use super::{Function, Gradients, Inputs, Needs, Pass, State, add};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::shape::Shape;

/// What is done with an input before a function of several sees it, in the order in which it is done: each step with the
/// rows of a sample that it sees.
pub(crate) type Steps<F> = Vec<(usize, Arc<dyn Function<F>>)>;

/// The shape that all of these meet in: from the last axis on they are equal, or 1.
pub(super) fn meet(shapes: &[&[usize]]) -> Result<Vec<usize>> {
    let axes = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut all = vec![1; axes];
    for shape in shapes {
        let last = &mut all[axes - shape.len()..];
        for (length, &own) in last.iter_mut().zip(*shape) {
            if *length != own && *length != 1 && own != 1 {
                let found: Vec<_> = shapes.iter().map(|s| Shape(s).to_string()).collect();
                let expected = "shapes that are equal from the last axis on, or 1 there";
                return Err(Error::shape("inputs", expected, found.join(" and ")));
            }
            *length = if own == 1 { *length } else { own };
        }
    }
    let size = all.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
    if size.is_none() {
        let expected = "samples that fit into memory";
        return Err(Error::shape("inputs", expected, Shape(&all)));
    }
    Ok(all)
}

/// Parts of a shape to be repeated, from the last one: (rows in front of it, times, numbers behind it).
fn repeats(from: &[usize], to: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut own = vec![1; to.len() - from.len()];
    own.extend(from);
    let (mut found, mut end) = (Vec::new(), to.len());
    while end > 0 {
        let mut start = end;
        while start > 0 && own[start - 1] == 1 {
            start -= 1;
        }
        let times: usize = to[start..end].iter().product();
        if times > 1 {
            let (rows, inner) = (own[..start].iter().product(), to[end..].iter().product());
            found.push((rows, times, inner));
        }
        end = start.saturating_sub(1); // an axis that is not repeated
    }
    found
}

/// What makes samples of one shape those of another.
pub(super) fn steps<F: Float>(from: &[usize], to: &[usize]) -> Steps<F> {
    let step = |(rows, times, width)| -> (usize, Arc<dyn Function<F>>) {
        (rows, Arc::new(Repeat { width, times }))
    };
    repeats(from, to).into_iter().map(step).collect()
}

/// Numbers of one shape as those of another.
pub(super) fn repeated<F: Float>(numbers: &[f64], from: &[usize], to: &[usize]) -> Vec<F> {
    let mut all: Vec<F> = numbers.iter().map(|&x| F::of(x)).collect();
    for (_, times, width) in repeats(from, to) {
        all = all
            .chunks(width)
            .flat_map(|row| row.repeat(times))
            .collect();
    }
    all
}

/// Each row so many times.
#[derive(Debug, Clone, Copy)]
struct Repeat {
    width: usize,
    times: usize,
}

impl<F: Float> Function<F> for Repeat {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let width = self.width.checked_mul(self.times)?;
        (inputs == [self.width]).then_some(width)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let rows = y.chunks_exact_mut(self.width * self.times);
        for (y, x) in rows.zip(x.get(0).chunks_exact(self.width)) {
            if let &[x] = x {
                y.fill(x);
            } else {
                y.chunks_exact_mut(self.width)
                    .for_each(|y| y.copy_from_slice(x));
            }
        }
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
        let rows = dx.chunks_exact_mut(self.width);
        for (dx, dy) in rows.zip(dy.chunks_exact(self.width * self.times)) {
            if let [dx] = dx {
                *dx = dy.iter().fold(F::ZERO, |sum, &dy| sum + dy);
            } else {
                dx.fill(F::ZERO);
                dy.chunks_exact(self.width).for_each(|dy| add(dy, dx));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ones_are_repeated_and_what_does_not_meet_is_refused() {
        assert_eq!(meet(&[&[4, 1], &[6]]), Ok(vec![4, 6]));
        assert_eq!(meet(&[&[], &[1, 2]]), Ok(vec![1, 2]));
        assert!(meet(&[&[3], &[2]]).is_err());
        assert_eq!(repeats(&[4, 1], &[4, 6]), [(4, 6, 1)]);
        assert_eq!(repeats(&[6], &[4, 6]), [(1, 4, 6)]);
        assert_eq!(repeats(&[1, 4, 1], &[3, 4, 6]), [(4, 6, 1), (1, 3, 24)]);
        assert_eq!(repeats(&[1, 1], &[3, 4]), [(1, 12, 1)]);
        assert_eq!(repeats(&[2, 3], &[2, 3]), []);
        let found = repeated::<f64>(&[1.0, 2.0], &[2, 1], &[2, 2]);
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0]);
    }
}
