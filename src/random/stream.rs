//! A stream: everything that the random numbers of one array are a function of.

use sha2::{Digest, Sha256};

use super::philox::{self, LANES, Tile};

/// The random words of one (seed, path).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    counter_high: [u32; 2],
    /// The tile that is number 0.
    first: u64,
}

/// First in what is hashed. Another stream gets another name.
const NAME: &[u8] = b"fanin stream v1\0";

impl Stream {
    /// The stream of `seed` (a decimal number, or several joined by commas) at `path`.
    ///
    /// SHA-256 of name, seed, zero byte and path fills the key and the high half of the counter: 128
    /// bits, so that no two streams of a program ever meet.
    pub fn new(seed: &str, path: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(NAME)
            .chain_update(seed)
            .chain_update([0])
            .chain_update(path)
            .finalize();
        let word = |i: usize| {
            u32::from_le_bytes([
                hash[4 * i],
                hash[4 * i + 1],
                hash[4 * i + 2],
                hash[4 * i + 3],
            ])
        };
        Self {
            key: [word(0), word(1)],
            counter_high: [word(2), word(3)],
            first: 0,
        }
    }

    /// What follows so many tiles of it.
    pub(crate) fn after_tiles(self, tiles: u64) -> Self {
        Self {
            first: self.first.wrapping_add(tiles),
            ..self
        }
    }

    /// The words of the `index`-th tile.
    #[inline(always)]
    pub(crate) fn tile(&self, index: u64) -> Tile {
        philox::tile(
            self.key,
            self.counter_high,
            (self.first.wrapping_add(index)).wrapping_mul(LANES as u64),
        )
    }

    /// The words from number `start` on, in the order in which `f32` elements take them.
    pub fn words(&self, start: u64) -> impl Iterator<Item = u32> {
        let size = 4 * LANES as u64;
        let stream = *self;
        (start / size..=u64::MAX)
            .flat_map(move |index| stream.tile(index).into_iter().flatten())
            .skip((start % size) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_path_both_count_and_do_not_run_together() {
        let streams = [
            Stream::new("1", ""),
            Stream::new("1", "2"),
            Stream::new("12", ""),
            Stream::new("1,2", ""),
            Stream::new("", "1"),
        ];
        for (i, a) in streams.iter().enumerate() {
            assert!(streams[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn words_can_start_anywhere() {
        let stream = Stream::new("7", "dense/kernel");
        let all: Vec<_> = stream.words(0).take(300).collect();
        for start in [0, 1, 15, 16, 63, 64, 65, 200] {
            let some: Vec<_> = stream.words(start as u64).take(100).collect();
            assert_eq!(some, all[start..start + 100]);
        }
    }
}
