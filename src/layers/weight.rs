//! Weights that a layer's own code uses: as values, and in the common forms that have functions of their own.

use std::sync::Arc;

use super::elementwise::multiply;
use super::{Activate, Function, Gradients, Inputs, Needs, Pass, Product, State, add};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::reduce::column_sums;
use crate::shape::Shape;
use crate::simd::kernel;

/// A function of a weight and perhaps of a value.
pub(crate) struct OfWeight<F: Float> {
    /// What it computes.
    pub(crate) function: Arc<dyn Function<F>>,
    /// Width of the rows as which it sees its input.
    pub(crate) width: usize,
    /// The shape of what it makes, without the batch axis.
    pub(crate) shape: Vec<usize>,
}

/// What is done with a weight of this shape: `form` 0 makes it a value, and of an input 1 is the product with it, 2 the
/// sum, 3 the product element by element. These two repeat the weight over leading axes of a sample.
pub(crate) fn of_weight<F: Float>(
    form: usize,
    weight: &[usize],
    input: Option<&[usize]>,
) -> Result<OfWeight<F>> {
    let size: usize = weight.iter().product();
    let suffix = |x: &[usize]| size == 1 || x.ends_with(weight);
    match (form, input, weight) {
        (0, None, _) => Ok(OfWeight {
            function: Arc::new(Constant { size }),
            width: size,
            shape: weight.to_vec(),
        }),
        (1, Some([rows @ .., fan_in]), &[from, fan_out]) if *fan_in == from => Ok(OfWeight {
            function: Arc::new(Product::new::<F>(from, fan_out)?),
            width: from,
            shape: [rows, &[fan_out]].concat(),
        }),
        (2 | 3, Some(x), _) if suffix(x) => {
            let last = x.last().copied().unwrap_or(1);
            let width = if size == 1 { last } else { size };
            let function: Arc<dyn Function<F>> = match (form, size == width) {
                (2, true) => Arc::new(Activate::<F>::bias(width)),
                (2, false) => Arc::new(Shift { width }),
                _ => Arc::new(Scale { width, size }),
            };
            Ok(OfWeight {
                function,
                width,
                shape: x.to_vec(),
            })
        }
        _ => {
            let expected = format!("a value that goes with a weight of shape {}", Shape(weight));
            let found = input.map_or("none".to_owned(), |x| Shape(x).to_string());
            Err(Error::shape("inputs", expected, found))
        }
    }
}

/// y = w, the same for all samples.
#[derive(Debug, Clone, Copy)]
struct Constant {
    size: usize,
}

impl<F: Float> Function<F> for Constant {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        inputs.is_empty().then_some(self.size)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, w: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], _: &mut [F]) {
        for y in y.chunks_exact_mut(self.size) {
            y.copy_from_slice(w);
        }
    }

    fn backward(
        &self,
        pass: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        dw: &mut [F],
        _: Gradients<F>,
    ) {
        if !dw.is_empty() {
            column_sums(pass.threads, dy, dw);
        }
    }
}

/// y = x + b with one number b, in place.
#[derive(Debug, Clone, Copy)]
struct Shift {
    width: usize,
}

impl<F: Float> Function<F> for Shift {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, b: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], _: &mut [F]) {
        shift(b[0], y);
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        _: &[F],
        db: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0)
            && !db.is_empty()
        {
            db[0] = sum(dx, self.width);
        }
    }
}

/// y = x w, element by element: with one number, or with one an element of a row.
#[derive(Debug, Clone, Copy)]
struct Scale {
    width: usize,
    size: usize,
}

/// Rows that are multiplied before they are added up: a stripe of [`column_sums`].
const ROWS: usize = 32;

impl<F: Float> Function<F> for Scale {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn cache_len(&self, rows: usize) -> usize {
        // The products of a stripe, and its sums.
        (rows.min(ROWS) + 1) * self.width
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(&self, _: Pass, w: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        y.copy_from_slice(x.get(0));
        self.scale(w, y);
    }

    fn backward(
        &self,
        pass: Pass,
        w: &[F],
        x: Inputs<F>,
        _: &[F],
        cache: &mut [F],
        dy: &[F],
        dw: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if !dw.is_empty() {
            let (sums, products) = cache.split_at_mut(self.width);
            dw.fill(F::ZERO);
            let stripe = ROWS * self.width;
            for (x, dy) in x.get(0).chunks(stripe).zip(dy.chunks(stripe)) {
                let products = &mut products[..x.len()];
                products.copy_from_slice(x);
                multiply(dy, products);
                if self.size == 1 {
                    dw[0] += sum(products, self.width);
                } else {
                    column_sums(pass.threads, products, sums);
                    add(sums, dw);
                }
            }
        }
        if let Some(dx) = dx.get(0) {
            dx.copy_from_slice(dy);
            self.scale(w, dx);
        }
    }
}

impl Scale {
    fn scale<F: Float>(&self, w: &[F], y: &mut [F]) {
        if self.size == 1 {
            scale(w[0], y);
        } else {
            for y in y.chunks_exact_mut(self.width) {
                multiply(w, y);
            }
        }
    }
}

/// Σ x, row by row, and the rows' sums in order.
fn sum<F: Float>(x: &[F], width: usize) -> F {
    let rows = x.chunks_exact(width);
    rows.fold(F::ZERO, |sum, row| sum + row_sum(row))
}

kernel! {
    fn shift<F: Float>(by: F, y: &mut [F]) {
        for y in y {
            *y += by;
        }
    }

    fn scale<F: Float>(by: F, y: &mut [F]) {
        for y in y {
            *y *= by;
        }
    }

    fn row_sum<F: Float>(x: &[F]) -> F {
        let mut sum = F::ZERO;
        for &x in x {
            sum += x;
        }
        sum
    }
}
