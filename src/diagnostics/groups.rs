//! Units that are copies of each other.

use crate::float::Float;
use crate::simd::kernel;

/// A label for each column of a matrix of `width` columns: equal labels mean equal columns, up to `tolerance` times
/// the largest absolute value. A label is the first column of its group.
///
/// A column joins the first group whose first column it equals, so a chain of near-equal columns does not grow into
/// one group.
pub fn equal_columns<F: Float>(width: usize, matrix: &[F], tolerance: f64) -> Vec<u32> {
    let largest = largest(matrix);
    let apart = tolerance * largest;
    let keys = projections(width, matrix);
    let rows = (matrix.len() / width) as f64;
    // A projection onto signs moves by at most `apart` a row, and rounds by a few units in the last place.
    let near = rows * (apart + largest * f64::EPSILON * rows);
    let mut order: Vec<u32> = (0..width as u32).collect();
    order.sort_by(|&a, &b| {
        keys[a as usize]
            .total_cmp(&keys[b as usize])
            .then(a.cmp(&b))
    });

    let mut labels: Vec<u32> = (0..width as u32).collect();
    // Places in `order` of the groups' first columns that may still be near.
    let mut firsts: Vec<u32> = Vec::new();
    for &column in &order {
        let key = keys[column as usize];
        firsts.retain(|&first| !(key - keys[first as usize] > near));
        let group = firsts
            .iter()
            .copied()
            .find(|&first| same(width, matrix, first, column, apart));
        match group {
            Some(first) => labels[column as usize] = first,
            None => firsts.push(column),
        }
    }
    name_by_first(&mut labels);
    labels
}

kernel! {
    /// The largest absolute value; NaN, which equals nothing, is passed over.
    fn largest<F: Float>(matrix: &[F]) -> f64 {
        const LANES: usize = 16;
        let mut largest = [F::ZERO; LANES];
        for w in matrix.chunks(LANES) {
            for (largest, w) in largest.iter_mut().zip(w) {
                *largest = if w.abs() > *largest { w.abs() } else { *largest };
            }
        }
        largest.iter().fold(0.0, |max: f64, w| max.max(w.wide()))
    }

    /// Σᵢ ±w[i, j] for each column j, the sign of a row drawn once for all.
    fn projections<F: Float>(width: usize, matrix: &[F]) -> Vec<f64> {
        let mut sums = vec![0.0; width];
        for (i, row) in matrix.chunks_exact(width).enumerate() {
            // The top bit of a multiplicative hash of the row's number.
            let sign = if (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 0 {
                1.0
            } else {
                -1.0
            };
            for (sum, w) in sums.iter_mut().zip(row) {
                *sum += sign * w.wide();
            }
        }
        sums
    }
}

fn same<F: Float>(width: usize, matrix: &[F], a: u32, b: u32, apart: f64) -> bool {
    matrix.chunks_exact(width).all(|row| {
        let (a, b) = (row[a as usize].wide(), row[b as usize].wide());
        (a - b).abs() <= apart
    })
}

/// Make each label the smallest column of its group.
fn name_by_first(labels: &mut [u32]) {
    let mut names = vec![u32::MAX; labels.len()];
    for (column, label) in labels.iter_mut().enumerate() {
        let name = &mut names[*label as usize];
        if *name == u32::MAX {
            *name = column as u32;
        }
        *label = *name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_columns_share_the_first_ones_number() {
        let matrix = [
            1.0f32, 2.0, 1.0, 5.0, 2.0, //
            3.0, 4.0, 3.0, 3.0, 4.0,
        ];
        assert_eq!(equal_columns(5, &matrix, 0.0), [0, 1, 0, 3, 1]);
        assert_eq!(equal_columns(4, &[0.0f64; 8], 0.0), [0; 4]);
    }

    #[test]
    fn tolerance_is_relative_to_the_largest_weight() {
        let matrix = [100.0, 100.05, 100.2, 0.0];
        assert_eq!(equal_columns(4, &matrix, 0.0), [0, 1, 2, 3]);
        assert_eq!(equal_columns(4, &matrix, 1e-3), [0, 0, 2, 3]);
    }

    #[test]
    fn every_pair_of_a_group_is_near_its_first_column() {
        // Columns drawn from few values a row, so that many are equal by chance.
        let (rows, width) = (3, 200);
        let matrix: Vec<f64> = (0..rows * width)
            .map(|i: usize| f64::from((i.wrapping_mul(2_654_435_761) >> 7) as u32 % 3))
            .collect();
        let labels = equal_columns(width, &matrix, 0.0);
        let column = |j: usize| [matrix[j], matrix[width + j], matrix[2 * width + j]];
        for a in 0..width {
            let first = (0..width).find(|&b| column(a) == column(b)).unwrap();
            assert_eq!(labels[a] as usize, first);
        }
    }

    #[test]
    fn nan_equals_nothing() {
        assert_eq!(equal_columns(2, &[f32::NAN, f32::NAN], 1.0), [0, 1]);
    }
}
