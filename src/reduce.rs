//! Sums over the rows of a matrix, column by column.
//!
//! Rows are added up in stripes and the stripes' sums are added in order: the error grows with the
//! number of stripes instead of the number of rows, and since a column is summed by one thread in
//! this one order, the bits do not depend on how many threads there are.

use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// Columns that one thread sums at a time: a few cache lines of each row.
const COLUMNS: usize = 512;

/// Rows in a stripe.
const STRIPE: usize = 32;

/// Elements under which a second thread is not worth waking.
pub(crate) const PARALLEL_FROM: usize = 1 << 17;

/// sums[j] = Σᵢ x[i, j] for `x` of rows as wide as `sums`.
pub(crate) fn column_sums<F: Float>(threads: Threads, x: &[F], sums: &mut [F]) {
    let width = sums.len();
    parallel::for_each_chunk(
        threads.for_part(x.len(), PARALLEL_FROM),
        sums,
        COLUMNS,
        |block, sums| {
            sum_block(x, width, block * COLUMNS, sums);
        },
    );
}

kernel! {
    fn sum_block<F: Float>(x: &[F], width: usize, first: usize, sums: &mut [F]) {
        sums.fill(F::ZERO);
        let mut stripe = [F::ZERO; COLUMNS];
        let stripe = &mut stripe[..sums.len()];
        for rows in x.chunks(STRIPE * width) {
            stripe.fill(F::ZERO);
            // Four rows at a time, in their order: sums are fetched and put back a fourth as often.
            let fours = rows.chunks_exact(4 * width);
            let rest = fours.remainder();
            for rows in fours {
                let row = |r: usize| &rows[r * width + first..][..stripe.len()];
                let (x_0, x_1, x_2, x_3) = (row(0), row(1), row(2), row(3));
                for (j, sum) in stripe.iter_mut().enumerate() {
                    *sum = *sum + x_0[j] + x_1[j] + x_2[j] + x_3[j];
                }
            }
            for row in rest.chunks_exact(width) {
                for (sum, &x) in stripe.iter_mut().zip(&row[first..]) {
                    *sum += x;
                }
            }
            for (sum, &stripe) in sums.iter_mut().zip(&*stripe) {
                *sum += stripe;
            }
        }
    }
}

/// The first element that is infinite or NaN.
pub fn first_non_finite<F: Float>(x: &[F]) -> Option<usize> {
    // A whole block is tested without a branch, and searched only if it has one.
    const BLOCK: usize = 1024;
    let block = x.chunks(BLOCK).position(|block| !all_finite(block))?;
    x[block * BLOCK..]
        .iter()
        .position(|x| !x.is_finite())
        .map(|at| block * BLOCK + at)
}

kernel! {
    fn all_finite<F: Float>(x: &[F]) -> bool {
        let mut all = true;
        for x in x {
            all &= x.is_finite();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_non_finite_element_is_found() {
        let mut x = vec![1.0f32; 5000];
        assert_eq!(first_non_finite(&x), None);
        x[4321] = f32::NEG_INFINITY;
        x[4500] = f32::NAN;
        assert_eq!(first_non_finite(&x), Some(4321));
        assert_eq!(first_non_finite::<f64>(&[]), None);
    }

    #[test]
    fn sums_are_accurate_and_the_same_for_any_number_of_threads() {
        let (rows, width) = (1000, 1100);
        let x: Vec<f32> = (0..rows * width)
            .map(|i| 0.1 + (i % 97) as f32 * 1e-3)
            .collect();
        let sum = |threads| {
            let mut sums = vec![f32::NAN; width];
            column_sums(Threads::new(threads).unwrap(), &x, &mut sums);
            sums
        };
        let sums = sum(1);
        assert_eq!(sums, sum(3));
        for (j, &sum) in sums.iter().enumerate() {
            let exact: f64 = (0..rows).map(|i| f64::from(x[i * width + j])).sum();
            assert!(
                (f64::from(sum) - exact).abs() < 1e-5 * exact,
                "column {j}: {sum} against {exact}"
            );
        }
    }
}
