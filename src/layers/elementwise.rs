//! Functions of several values of one shape, element by element.

use std::fmt::Debug;

use super::{Function, Gradients, Inputs, Needs, Pass, State, add};
use crate::float::Float;
use crate::simd::kernel;

/// y from x₀, x₁, … of one width: what differs from one such function to another.
pub(crate) trait Elementwise: Debug + Send + Sync + 'static {
    /// What backward reads of forward.
    const NEEDS: Needs = Needs::NOTHING;

    /// y, which is x₀, joined by input number `i`, from the second on.
    fn join<F: Float>(&self, x: &[F], y: &mut [F]);

    /// What is left to do with y when all of so many inputs have joined.
    fn finish<F: Float>(&self, _inputs: usize, _y: &mut [F]) {}

    /// The gradient with respect to input number `i`.
    fn gradient<F: Float>(&self, i: usize, x: Inputs<F>, y: &[F], dy: &[F], dx: &mut [F]);
}

impl<F: Float, E: Elementwise> Function<F> for E {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let (&first, others) = inputs.split_first()?;
        others.iter().all(|&width| width == first).then_some(first)
    }

    fn needs(&self) -> Needs {
        E::NEEDS
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        y.copy_from_slice(x.get(0));
        for i in 1..x.count() {
            self.join(x.get(i), y);
        }
        self.finish(x.count(), y);
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
        for i in 0..x.count() {
            if let Some(dx) = dx.get(i) {
                self.gradient(i, x, y, dy, dx);
            }
        }
    }
}

/// y = x₀ + x₁ + …
#[derive(Debug, Clone, Copy)]
pub struct Add;

impl Elementwise for Add {
    fn join<F: Float>(&self, x: &[F], y: &mut [F]) {
        add(x, y);
    }

    fn gradient<F: Float>(&self, _: usize, _: Inputs<F>, _: &[F], dy: &[F], dx: &mut [F]) {
        dx.copy_from_slice(dy);
    }
}

/// y = x₀ − x₁ − …
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subtract;

impl Elementwise for Subtract {
    fn join<F: Float>(&self, x: &[F], y: &mut [F]) {
        subtract(x, y);
    }

    fn gradient<F: Float>(&self, i: usize, _: Inputs<F>, _: &[F], dy: &[F], dx: &mut [F]) {
        dx.copy_from_slice(dy);
        if i > 0 {
            scale(-F::ONE, dx);
        }
    }
}

/// y = (x₀ + x₁ + …) / n
#[derive(Debug, Clone, Copy)]
pub(crate) struct Average;

impl Elementwise for Average {
    fn join<F: Float>(&self, x: &[F], y: &mut [F]) {
        add(x, y);
    }

    fn finish<F: Float>(&self, inputs: usize, y: &mut [F]) {
        divide(F::of(inputs as f64), y);
    }

    fn gradient<F: Float>(&self, _: usize, x: Inputs<F>, _: &[F], dy: &[F], dx: &mut [F]) {
        dx.copy_from_slice(dy);
        divide(F::of(x.count() as f64), dx);
    }
}

/// y = x₀ x₁ …
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multiply;

impl Elementwise for Multiply {
    const NEEDS: Needs = Needs {
        input: true,
        output: false,
    };

    fn join<F: Float>(&self, x: &[F], y: &mut [F]) {
        multiply(x, y);
    }

    fn gradient<F: Float>(&self, i: usize, x: Inputs<F>, _: &[F], dy: &[F], dx: &mut [F]) {
        dx.copy_from_slice(dy);
        for j in (0..x.count()).filter(|&j| j != i) {
            multiply(x.get(j), dx);
        }
    }
}

/// y = max(x₀, x₁, …), or min. NaN where an input is; equal inputs share the gradient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extreme {
    pub(crate) largest: bool,
}

impl Elementwise for Extreme {
    const NEEDS: Needs = Needs {
        input: true,
        output: true,
    };

    fn join<F: Float>(&self, x: &[F], y: &mut [F]) {
        if self.largest {
            larger(x, y);
        } else {
            smaller(x, y);
        }
    }

    fn gradient<F: Float>(&self, i: usize, x: Inputs<F>, y: &[F], dy: &[F], dx: &mut [F]) {
        dx.fill(F::ZERO);
        for j in 0..x.count() {
            count_equal(x.get(j), y, dx);
        }
        share_equal(x.get(i), y, dy, dx);
    }
}

kernel! {
    fn subtract<F: Float>(x: &[F], y: &mut [F]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y -= x;
        }
    }

    fn scale<F: Float>(by: F, y: &mut [F]) {
        for y in y {
            *y *= by;
        }
    }

    fn divide<F: Float>(by: F, y: &mut [F]) {
        for y in y {
            *y /= by;
        }
    }

    /// y ← x y.
    pub(super) fn multiply<F: Float>(x: &[F], y: &mut [F]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y *= x;
        }
    }

    fn larger<F: Float>(x: &[F], y: &mut [F]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = if x > *y || x.is_nan() { x } else { *y };
        }
    }

    fn smaller<F: Float>(x: &[F], y: &mut [F]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = if x < *y || x.is_nan() { x } else { *y };
        }
    }

    /// Add 1 where x = y.
    fn count_equal<F: Float>(x: &[F], y: &[F], count: &mut [F]) {
        for ((count, &x), &y) in count.iter_mut().zip(x).zip(y) {
            *count += if x == y { F::ONE } else { F::ZERO };
        }
    }

    /// dx, which is how many inputs equal y, becomes dy by that number where x does, and 0 elsewhere.
    fn share_equal<F: Float>(x: &[F], y: &[F], dy: &[F], dx: &mut [F]) {
        for (((dx, &x), &y), &dy) in dx.iter_mut().zip(x).zip(y).zip(dy) {
            *dx = if x == y { dy / *dx } else { F::ZERO };
        }
    }
}
