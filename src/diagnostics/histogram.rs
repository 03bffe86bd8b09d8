//! How values are spread.

use super::PARALLEL_FROM;
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

/// Counts of `x` in `bins` equal parts of [low, high]; values outside count in the end bins, NaN nowhere.
pub fn histogram<F: Float>(
    threads: Threads,
    x: &[F],
    low: f64,
    high: f64,
    bins: usize,
) -> Vec<u64> {
    let scale = if high > low {
        bins as f64 / (high - low)
    } else {
        0.0
    };
    if size_of::<F>() < size_of::<f64>()
        && !(F::of(scale).is_finite() && (F::of(high) - F::of(low)).is_finite())
    {
        // A range at either end of single precision.
        let wide: Vec<f64> = x.iter().map(|x| x.wide()).collect();
        return histogram(threads, &wide, low, high, bins);
    }
    let mut parts = vec![0; bins * x.len().div_ceil(PARALLEL_FROM).max(1)];
    parallel::for_each_chunk(threads, &mut parts, bins, |part, counts| {
        let from = part * PARALLEL_FROM;
        let x = &x[from..x.len().min(from + PARALLEL_FROM)];
        count(x, F::of(low), F::of(scale), counts);
    });
    let (counts, others) = parts.split_at_mut(bins);
    for part in others.chunks_exact(bins) {
        for (count, more) in counts.iter_mut().zip(part) {
            *count += more;
        }
    }
    parts.truncate(bins);
    parts
}

/// Tables that neighbours count in: where many values are equal, no count waits for the one before.
const TABLES: usize = 4;

/// Values whose bins are found together.
const BLOCK: usize = 512;

fn count<F: Float>(x: &[F], low: F, scale: F, counts: &mut [u64]) {
    let bins = counts.len();
    // One more bin in each table, for NaN.
    let mut tables = vec![[0u32; TABLES]; bins + 1];
    let mut places = [0u32; BLOCK];
    for x in x.chunks(BLOCK) {
        let places = &mut places[..x.len()];
        find_bins(x, low, scale, F::of(bins as f64), places);
        for four in places.chunks(TABLES) {
            for (table, &place) in four.iter().enumerate() {
                tables[place as usize][table] += 1;
            }
        }
    }
    for (count, table) in counts.iter_mut().zip(&tables) {
        *count = table.iter().map(|&n| u64::from(n)).sum();
    }
}

kernel! {
    /// The bin of each value; that behind the last one for NaN.
    fn find_bins<F: Float>(x: &[F], low: F, scale: F, bins: F, places: &mut [u32]) {
        for (place, &x) in places.iter_mut().zip(x) {
            let at = (x - low) * scale;
            let inside = if at > F::ZERO { at } else { F::ZERO };
            let inside = if inside < bins { inside } else { bins - F::ONE };
            *place = (if at.is_nan() { bins } else { inside }).to_u32();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_counted_once_and_nan_never() {
        let x = [-9.0f32, 0.0, 0.24, 0.25, 0.5, 0.99, 1.0, 9.0, f32::NAN];
        assert_eq!(histogram(Threads::ONE, &x, 0.0, 1.0, 4), [3, 1, 1, 3]);
        assert_eq!(
            histogram(Threads::ONE, &[2.0f64; 5], 2.0, 2.0, 3),
            [5, 0, 0]
        );
    }

    #[test]
    fn ranges_at_the_ends_of_single_precision_are_divided_too() {
        let tiny = [1e-38f32, 1.5e-38, 2e-38];
        let (low, high) = (f64::from(tiny[0]), f64::from(tiny[2]));
        assert_eq!(histogram(Threads::ONE, &tiny, low, high, 4), [1, 0, 1, 1]);
        let huge = [-3e38f32, -1e38, 1e38, 3e38];
        assert_eq!(histogram(Threads::ONE, &huge, -3e38, 3e38, 4), [1, 1, 1, 1]);
    }

    #[test]
    fn counts_do_not_depend_on_threads() {
        let x: Vec<f32> = (0..3_000_000).map(|i| (i % 1013) as f32).collect();
        let one = histogram(Threads::ONE, &x, 0.0, 1000.0, 64);
        assert_eq!(
            one,
            histogram(Threads::new(3).unwrap(), &x, 0.0, 1000.0, 64)
        );
        assert_eq!(one.iter().sum::<u64>(), 3_000_000);
    }
}
