//! How alike two inputs are on their way.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::error::Result;
use crate::float::Float;
use crate::linalg::inner_products;
use crate::memory::{Buffer, zeros};
use crate::parallel::Threads;
use crate::simd::kernel;

/// Two rows: the mean over the units of a², b², and ab.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pair {
    /// Second moment of the first row.
    pub aa: f64,
    /// Second moment of the second row.
    pub bb: f64,
    /// Their product.
    pub ab: f64,
}

/// Rows 0 and 1, rows 2 and 3, and so on; the last row of an odd number is left out.
pub fn pairs<F: Float>(width: usize, x: &[F]) -> Vec<Pair> {
    x.chunks_exact(2 * width)
        .map(|rows| pair(&rows[..width], &rows[width..]))
        .collect()
}

/// Mean and variance of the cosine of the angle between two rows, over all pairs of different rows, of which there
/// must be one; a row of zeros is at right angles to all.
pub fn cosines<F: Float>(threads: Threads, width: usize, x: &[F]) -> Result<(f64, f64)> {
    let rows = x.len() / width;
    let mut unit: Buffer<F> = zeros(x.len())?;
    for (to, from) in unit.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let length = (pair(from, from).aa * width as f64).sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        for (to, &x) in to.iter_mut().zip(from) {
            *to = F::of(x.wide() * scale);
        }
    }
    let mut gram: Buffer<F> = zeros(rows * rows)?;
    let unit = ArrayView2::from_shape((rows, width), &unit).expect("whole rows");
    let out = ArrayViewMut2::from_shape((rows, rows), &mut gram).expect("a square");
    inner_products(threads, unit, out);

    let above = |f: &dyn Fn(f64) -> f64| -> f64 {
        let rows = gram.chunks_exact(rows).enumerate();
        rows.flat_map(|(i, row)| &row[i + 1..])
            .map(|c| f(c.wide()))
            .sum()
    };
    let count = (rows * (rows - 1) / 2) as f64;
    let mean = above(&|c| c) / count;
    Ok((mean, above(&|c| (c - mean) * (c - mean)) / count))
}

/// Partial sums, so that a vector unit has independent work.
const LANES: usize = 16;

kernel! {
    fn pair<F: Float>(a: &[F], b: &[F]) -> Pair {
        let (mut aa, mut bb, mut ab) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for (lane, (a, b)) in a.iter().zip(b).enumerate() {
                let (a, b) = (a.wide(), b.wide());
                aa[lane] += a * a;
                bb[lane] += b * b;
                ab[lane] += a * b;
            }
        }
        let mean = |lanes: [f64; LANES]| lanes.iter().sum::<f64>() / a.len() as f64;
        Pair { aa: mean(aa), bb: mean(bb), ab: mean(ab) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_neighbouring_rows() {
        let x = [1.0f32, 2.0, 3.0, -1.0, 5.0, 5.0];
        let found = pairs(2, &x);
        assert_eq!(
            found,
            [Pair {
                aa: 2.5,
                bb: 5.0,
                ab: 0.5
            }]
        );
        assert!(pairs(6, &x).is_empty());
    }

    #[test]
    fn cosines_are_of_all_pairs() {
        // Two alike, one at right angles to them, one opposite, one of zeros.
        let x = [1.0, 1.0, 2.0, 2.0, 3.0, -3.0, -1.0, -1.0, 0.0, 0.0];
        let (mean, variance) = cosines::<f64>(Threads::ONE, 2, &x).unwrap();
        let all = [1.0, 0.0, -1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0];
        assert!((mean + 0.1).abs() < 1e-15);
        let expected = all.iter().map(|c| (c + 0.1) * (c + 0.1)).sum::<f64>() / 10.0;
        assert!((variance - expected).abs() < 1e-15);
    }
}
