//! Where an activation passes no gradient on.

use crate::activations::Activation;
use crate::error::Result;
use crate::float::Float;
use crate::memory::{Buffer, filled, zeros};
use crate::parallel::Threads;
use crate::simd::kernel;

/// What each unit's derivative φ′(z) is over a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Slopes {
    /// Rows at which φ′(z) = 0 exactly.
    pub flat: Vec<f64>,
    /// Rows at which |φ′(z)| is below the threshold.
    pub small: Vec<f64>,
    /// Sum of φ′(z)² over the rows.
    pub squares: Vec<f64>,
}

/// Elements worked on at a time: the scratch stays in the cache.
const BLOCK: usize = 1 << 14;

/// Evaluate φ′ at every element of `z`, rows of `width`, without keeping the derivatives.
pub fn slopes<F: Float>(
    activation: &dyn Activation<F>,
    width: usize,
    z: &[F],
    threshold: f64,
) -> Result<Slopes> {
    let size = width * (BLOCK / width).max(1);
    let kept_len = if activation.keeps_input() { size } else { 0 };
    let (mut y, mut kept): (Buffer<F>, Buffer<F>) = (zeros(size)?, zeros(kept_len)?);
    let mut slope: Buffer<F> = zeros(size)?;
    let mut counts = Slopes {
        flat: filled(width, 0.0)?,
        small: filled(width, 0.0)?,
        squares: filled(width, 0.0)?,
    };
    for z in z.chunks(size) {
        let (y, slope) = (&mut y[..z.len()], &mut slope[..z.len()]);
        let kept = &mut kept[..z.len().min(kept_len)];
        y.copy_from_slice(z);
        activation.forward(Threads::ONE, width, &[], y, kept);
        slope.fill(F::ONE);
        activation.backward(Threads::ONE, width, y, kept, slope);
        add_slopes(slope, F::of(threshold), &mut counts);
    }
    Ok(counts)
}

kernel! {
    fn add_slopes<F: Float>(slopes: &[F], threshold: F, counts: &mut Slopes) {
        for row in slopes.chunks_exact(counts.flat.len()) {
            for (((flat, small), squares), &slope) in counts
                .flat
                .iter_mut()
                .zip(counts.small.iter_mut())
                .zip(counts.squares.iter_mut())
                .zip(row)
            {
                *flat += if slope == F::ZERO { 1.0 } else { 0.0 };
                *small += if slope.abs() < threshold { 1.0 } else { 0.0 };
                *squares += slope.wide() * slope.wide();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations;
    use crate::settings::Settings;

    fn of(kind: &str, width: usize, z: &[f64]) -> Slopes {
        let settings = Settings {
            kind: kind.to_owned(),
            values: std::collections::BTreeMap::default(),
        };
        let activation = activations::from_settings::<f64>(&settings).unwrap();
        slopes(&*activation, width, z, 0.1).unwrap()
    }

    #[test]
    fn relu_is_flat_on_its_negative_side() {
        let found = of("relu", 2, &[-1.0, 1.0, -2.0, -3.0]);
        assert_eq!(found.flat, [2.0, 1.0]);
        assert_eq!(found.squares, [0.0, 1.0]);
    }

    #[test]
    fn tanh_saturates_without_being_flat() {
        let found = of("tanh", 1, &[0.0, 3.0, -3.0]);
        assert_eq!((found.flat[0], found.small[0]), (0.0, 2.0));
    }

    #[test]
    fn a_batch_longer_than_a_block_is_counted_whole() {
        let z = vec![-1.0; 3 * 10_007];
        assert_eq!(of("relu", 3, &z).flat, [10_007.0; 3]);
        // A row longer than a block.
        assert_eq!(of("relu", 30_021, &z).flat, vec![1.0; 30_021]);
    }
}
