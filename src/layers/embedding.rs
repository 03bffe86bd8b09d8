//! What whole numbers stand for: rows of a table, or categories.
//!
//! They come as numbers of the network's element type, in which they are exact. What is none of them is refused before a
//! pass begins (`network/lookups.rs` says where they come from); here it makes NaN, or no category.

use super::{Array, Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::simd::kernel;

/// Reads the input, and nothing that was made of it.
const READS_INPUT: Needs = Needs {
    input: true,
    output: false,
};

/// Rows of a table, looked up by number: y = W[x].
#[derive(Debug, Clone, Copy)]
pub(super) struct Embedding {
    rows: usize,
    width: usize,
}

impl Embedding {
    pub(super) fn new<F>(rows: usize, width: usize) -> Result<Self> {
        check_exact::<F>("input_dim", rows)?;
        Ok(Self { rows, width })
    }
}

impl<F: Float> Function<F> for Embedding {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [1]).then_some(self.width)
    }

    fn parameters(&self) -> Vec<Array> {
        vec![Array {
            name: "embeddings",
            shape: vec![self.rows, self.width],
        }]
    }

    fn looks_up(&self) -> bool {
        true
    }

    fn indices_below(&self) -> Option<usize> {
        Some(self.rows)
    }

    fn needs(&self) -> Needs {
        READS_INPUT
    }

    fn forward(&self, _: Pass, w: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        for (y, &x) in y.chunks_exact_mut(self.width).zip(x.get(0)) {
            match index(x, self.rows) {
                Some(row) => y.copy_from_slice(&w[row * self.width..][..self.width]),
                None => y.fill(F::of(f64::NAN)),
            }
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        dw: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if !dw.is_empty() {
            add_to_rows(self.rows, self.width, x.get(0), dy, dw);
        }
        if let Some(dx) = dx.get(0) {
            dx.fill(F::ZERO);
        }
    }
}

/// Which categories there are in a row of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct CategoryEncoding {
    categories: usize,
    /// Numbers in a row.
    len: usize,
    /// Whether each is how often it is there, or 1.
    counts: bool,
}

impl CategoryEncoding {
    pub(super) fn new<F>(categories: usize, len: usize, counts: bool) -> Result<Self> {
        check_exact::<F>("num_tokens", categories)?;
        Ok(Self {
            categories,
            len,
            counts,
        })
    }
}

impl<F: Float> Function<F> for CategoryEncoding {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.len]).then_some(self.categories)
    }

    fn indices_below(&self) -> Option<usize> {
        Some(self.categories)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        y.fill(F::ZERO);
        let rows = x.get(0).chunks_exact(self.len);
        for (y, x) in y.chunks_exact_mut(self.categories).zip(rows) {
            for &x in x {
                if let Some(category) = index(x, self.categories) {
                    let before = if self.counts { y[category] } else { F::ZERO };
                    y[category] = before + F::ONE;
                }
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
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0) {
            dx.fill(F::ZERO);
        }
    }
}

/// The whole number that `x` is, or the one below, if it is one from 0 to below `end`.
#[inline]
pub(crate) fn index<F: Float>(x: F, end: usize) -> Option<usize> {
    let x = x.wide();
    (x >= 0.0 && x < end as f64).then_some(x as usize)
}

kernel! {
    /// Add the rows of `dy`, from the first to the last, to the rows of `dw` with the numbers `x`.
    fn add_to_rows<F: Float>(rows: usize, width: usize, x: &[F], dy: &[F], dw: &mut [F]) {
        for (dy, &x) in dy.chunks_exact(width).zip(x) {
            if let Some(row) = index(x, rows) {
                for (sum, &dy) in dw[row * width..][..width].iter_mut().zip(dy) {
                    *sum += dy;
                }
            }
        }
    }
}

/// Refuse more numbers than the element type tells apart.
fn check_exact<F>(argument: &str, count: usize) -> Result<()> {
    let (name, digits) = if size_of::<F>() == size_of::<f32>() {
        ("float32", f32::MANTISSA_DIGITS)
    } else {
        ("float64", f64::MANTISSA_DIGITS)
    };
    let largest = 1usize << digits;
    if count <= largest {
        return Ok(());
    }
    let expected = format!(
        "at most {largest}, as {name}, in which the numbers come, does not tell larger whole numbers apart"
    );
    Err(Error::value(argument, expected, count))
}
