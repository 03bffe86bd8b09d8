//! Column-major batches: a unit's numbers for all samples lie together.
//!
//! Where rows are short this is what fills a vector. Sums over the batch are taken in [`LANES`] partial sums that are
//! folded in a fixed order, so bits do not depend on what a vector holds.

use ndarray::ArrayView2;

use crate::float::Float;
use crate::simd::kernel;

/// Partial sums of a sum over a column, and samples that are worked on together.
const LANES: usize = 16;

/// Widest row that this order is for: from here on a row fills vectors by itself.
pub(crate) const WIDEST: usize = 16;

/// Σᵢ term(i-th elements of the columns).
#[inline(always)]
pub(crate) fn sum_of<F: Float, const N: usize>(
    columns: [&[F]; N],
    term: impl Fn([F; N]) -> F,
) -> F {
    // Loops, not `map`: a closure within the standard library is not compiled for the kernel's level.
    let len = columns[0].len();
    let whole = len - len % LANES;
    let mut lanes = [F::ZERO; LANES];
    let mut values = [F::ZERO; N];
    for start in (0..whole).step_by(LANES) {
        let mut here = columns;
        for here in &mut here {
            *here = &here[start..start + LANES];
        }
        for (l, lane) in lanes.iter_mut().enumerate() {
            for (value, here) in values.iter_mut().zip(here) {
                *value = here[l];
            }
            *lane += term(values);
        }
    }
    for (lane, i) in lanes.iter_mut().zip(whole..len) {
        for (value, column) in values.iter_mut().zip(columns) {
            *value = column[i];
        }
        *lane += term(values);
    }
    // Each half in an array of its own: that stays in registers.
    let (mut eight, mut four) = ([F::ZERO; LANES / 2], [F::ZERO; LANES / 4]);
    for l in 0..LANES / 2 {
        eight[l] = lanes[l] + lanes[l + LANES / 2];
    }
    for l in 0..LANES / 4 {
        four[l] = eight[l] + eight[l + LANES / 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}

kernel! {
    /// y = x · w, for a `w` of at most [`WIDEST`] rows; the terms are added in the order of its rows.
    pub(super) fn combine<F: Float>(samples: usize, x: &[F], w: ArrayView2<'_, F>, y: &mut [F]) {
        let (inputs, outputs) = w.dim();
        let x = &x[..inputs * samples];
        let whole = samples - samples % LANES;
        for (j, y) in y.chunks_exact_mut(samples).take(outputs).enumerate() {
            let mut weights = [F::ZERO; WIDEST];
            for (weight, &w) in weights[..inputs].iter_mut().zip(w.column(j)) {
                *weight = w;
            }
            let weights = &weights[..inputs];
            let (lanes, rest) = y.split_at_mut(whole);
            for (block, y) in lanes.chunks_exact_mut(LANES).enumerate() {
                let mut sums = [F::ZERO; LANES];
                for (x, &weight) in x.chunks_exact(samples).zip(weights) {
                    for (sum, &x) in sums.iter_mut().zip(&x[block * LANES..][..LANES]) {
                        *sum += x * weight;
                    }
                }
                y.copy_from_slice(&sums);
            }
            for (y, i) in rest.iter_mut().zip(whole..) {
                *y = F::ZERO;
                for (x, &weight) in x.chunks_exact(samples).zip(weights) {
                    *y += x[i] * weight;
                }
            }
        }
    }

    /// `products[i, j]` = Σ over samples of xᵢ · yⱼ.
    pub(super) fn products<F: Float>(samples: usize, x: &[F], y: &[F], products: &mut [F]) {
        let pairs = x.chunks_exact(samples).flat_map(|x| y.chunks_exact(samples).map(move |y| [x, y]));
        for (product, pair) in products.iter_mut().zip(pairs) {
            *product = sum_of(pair, |[x, y]| x * y);
        }
    }

    /// `sums[j]` = Σ over samples of xⱼ.
    pub(super) fn sums<F: Float>(samples: usize, x: &[F], sums: &mut [F]) {
        for (sum, x) in sums.iter_mut().zip(x.chunks_exact(samples)) {
            *sum = sum_of([x], |[x]| x);
        }
    }
}

/// Column-major from row-major, for rows of `width`; and back, with `to` and `from` the other way round, if `width` is
/// the number of rows.
pub(super) fn transpose<F: Float>(from: &[F], width: usize, to: &mut [F]) {
    let rows = from.len() / width;
    for (j, column) in to.chunks_exact_mut(rows).enumerate() {
        for (to, row) in column.iter_mut().zip(from.chunks_exact(width)) {
            *to = row[j];
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::linalg::matmul;
    use crate::parallel::Threads;

    #[test]
    fn products_are_those_of_row_major_batches() {
        for samples in [1, 2, 15, 16, 17, 32, 50] {
            for (inputs, outputs) in [(1, 1), (2, 3), (3, 2), (16, 16), (5, 16)] {
                let whole = |i: usize| (i * 7 % 11) as f64 - 5.0;
                let x = Array2::from_shape_fn((samples, inputs), |(i, j)| whole(i * inputs + j));
                let w = Array2::from_shape_fn((inputs, outputs), |(i, j)| whole(3 * i + j));
                let mut y = Array2::zeros((samples, outputs));
                matmul(Threads::ONE, x.view(), w.view(), y.view_mut());
                let columns = |rows: &Array2<f64>| rows.t().iter().copied().collect::<Vec<_>>();

                let mut found = vec![f64::NAN; samples * outputs];
                combine(samples, &columns(&x), w.view(), &mut found);
                assert_eq!(found, columns(&y));

                let mut dw = Array2::zeros((inputs, outputs));
                matmul(Threads::ONE, x.t(), y.view(), dw.view_mut());
                let mut found = vec![f64::NAN; inputs * outputs];
                products(samples, &columns(&x), &columns(&y), &mut found);
                assert_eq!(found, dw.into_raw_vec_and_offset().0);

                let mut found = vec![f64::NAN; outputs];
                sums(samples, &columns(&y), &mut found);
                assert_eq!(found, y.sum_axis(ndarray::Axis(0)).to_vec());

                let mut turned = vec![f64::NAN; samples * inputs];
                transpose(x.as_slice().unwrap(), inputs, &mut turned);
                assert_eq!(turned, columns(&x));
            }
        }
    }
}
