//! How alike two inputs are on their way.

use crate::float::Float;
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
}
