//! Shuffling.

use super::philox::WORDS_PER_TILE;
use super::stream::Stream;
use crate::simd::kernel;

kernel! {
    /// Put `order` into a random order: R. A. Fisher and F. Yates's shuffle, every order equally likely.
    ///
    /// The words of `stream` are taken one after the other, so the result is the same everywhere.
    pub fn shuffle(stream: &Stream, order: &mut [u32]) {
        let (mut tile, mut index, mut taken) = (stream.tile(0), 0, 0);
        let mut word = || {
            if taken == WORDS_PER_TILE {
                index += 1;
                (tile, taken) = (stream.tile(index), 0);
            }
            taken += 1;
            tile.as_flattened()[taken - 1]
        };
        for last in (1..order.len()).rev() {
            let bound = u32::try_from(last + 1).expect("fewer than 2³² things are shuffled");
            order.swap(last, below(bound, &mut word) as usize);
        }
    }
}

/// A number in [0, bound), without bias: D. Lemire, "Fast random integer generation in an interval",
/// ACM Transactions on Modeling and Computer Simulation 29 (2019).
#[inline(always)]
fn below(bound: u32, mut word: impl FnMut() -> u32) -> u32 {
    let mut product = u64::from(word()) * u64::from(bound);
    if (product as u32) < bound {
        // The remainder is below the bound, so most words need no division.
        let uneven = bound.wrapping_neg() % bound;
        while (product as u32) < uneven {
            product = u64::from(word()) * u64::from(bound);
        }
    }
    (product >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, detected, set_level};

    #[test]
    fn all_things_are_kept() {
        for n in [0, 1, 2, 7, 1000] {
            let mut order: Vec<u32> = (0..n).collect();
            shuffle(&Stream::new("3", "order"), &mut order);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..n));
        }
    }

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        let draws = 24_000;
        for i in 0..draws {
            let mut order = [0, 1, 2, 3];
            shuffle(&Stream::new("11", &i.to_string()), &mut order);
            *counts.entry(order).or_insert(0) += 1;
        }
        let expected = f64::from(draws) / 24.0;
        let chi2: f64 = counts
            .values()
            .map(|&n| (f64::from(n) - expected).powi(2) / expected)
            .sum();
        // 99.9 % of a χ² with 23 degrees of freedom are below 49.7.
        assert!(counts.len() == 24 && chi2 < 49.7, "{chi2}");
    }

    #[test]
    fn uneven_words_are_drawn_again() {
        // 2³² = 3·1431655765 + 1: of all words only 0 is one too many.
        for (words, expected) in [(&[0, u32::MAX][..], 2), (&[1], 0)] {
            let mut words = words.iter();
            assert_eq!(below(3, || *words.next().unwrap()), expected);
            assert!(words.next().is_none());
        }
    }

    #[test]
    fn the_words_are_those_of_the_stream() {
        let (stream, n) = (Stream::new("5", "order"), 1000_usize);
        let (mut words, mut expected) = (stream.words(0), (0..n as u32).collect::<Vec<_>>());
        for last in (1..n).rev() {
            let bound = last as u64 + 1;
            let mut product = u64::from(words.next().unwrap()) * bound;
            while product % (1 << 32) < (1 << 32) % bound {
                product = u64::from(words.next().unwrap()) * bound;
            }
            expected.swap(last, (product >> 32) as usize);
        }
        for level in Level::ALL {
            set_level(level);
            let mut order: Vec<u32> = (0..n as u32).collect();
            shuffle(&stream, &mut order);
            assert_eq!(order, expected, "{level:?}");
        }
        set_level(detected());
    }

    #[test]
    fn values_are_stable() {
        let mut order: Vec<u32> = (0..10).collect();
        shuffle(&Stream::new("0", "order"), &mut order);
        assert_eq!(order, [7, 5, 8, 2, 6, 4, 0, 3, 1, 9]);
    }
}
