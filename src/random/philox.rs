//! Philox4x32-10: a block cipher that turns a counter into four random words.
//!
//! J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011.

/// Counters in one tile: two AVX-512 vectors of them, so that one hides the latency of the other.
pub(super) const LANES: usize = 16;

/// `tile[w][c]` is word `w` of counter `c`.
///
/// Elements follow each other along the counters, so that a loop over a row stores what lies
/// together in the output and nothing is ever shuffled.
pub(crate) type Tile = [[u32; LANES]; 4];

/// Words in a tile.
pub(crate) const WORDS_PER_TILE: usize = 4 * LANES;

const ROUNDS: usize = 10;
const MULTIPLIERS: [u64; 2] = [0xD2511F53, 0xCD9E8D57];
const KEY_STEPS: [u32; 2] = [0x9E3779B9, 0xBB67AE85];
const LOW: u64 = 0xFFFF_FFFF;

/// The words of counters `first .. first + LANES`, whose high half is `high`.
#[inline(always)]
pub(super) fn tile(key: [u32; 2], high: [u32; 2], first: u64) -> Tile {
    let mut tile = [[0; LANES]; 4];
    for lane in 0..LANES {
        let block = first.wrapping_add(lane as u64);
        let words = encrypt(
            key,
            [block & LOW, block >> 32, high[0].into(), high[1].into()],
        );
        for (row, word) in tile.iter_mut().zip(words) {
            row[lane] = word as u32;
        }
    }
    tile
}

/// Only the low halves of the words count, going in and coming out: a 32 x 32 → 64 bit product is one
/// instruction on 64-bit lanes, and never needs its inputs cleared.
#[inline(always)]
fn encrypt(mut key: [u32; 2], mut c: [u64; 4]) -> [u64; 4] {
    for _ in 0..ROUNDS {
        let p0 = (c[0] & LOW) * MULTIPLIERS[0];
        let p1 = (c[2] & LOW) * MULTIPLIERS[1];
        c = [
            (p1 >> 32) ^ c[1] ^ u64::from(key[0]),
            p1,
            (p0 >> 32) ^ c[3] ^ u64::from(key[1]),
            p0,
        ];
        key = [
            key[0].wrapping_add(KEY_STEPS[0]),
            key[1].wrapping_add(KEY_STEPS[1]),
        ];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors for `philox4x32 10` in `tests/kat_vectors` of Random123 1.14.
    const KNOWN: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
        (
            [0; 4],
            [0; 2],
            [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
        ),
        (
            [u32::MAX; 4],
            [u32::MAX; 2],
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
        ),
        (
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        ),
    ];

    #[test]
    fn known_answers() {
        for (c, key, expected) in KNOWN {
            let first = u64::from(c[0]) | u64::from(c[1]) << 32;
            let tile = tile(key, [c[2], c[3]], first);
            assert_eq!([tile[0][0], tile[1][0], tile[2][0], tile[3][0]], expected);
        }
    }

    #[test]
    fn a_lane_is_the_counter_that_many_further_on() {
        // The start is chosen so that the low word of the counter carries inside the tile.
        let first = u64::from(u32::MAX) - 5;
        let whole = tile([1, 2], [3, 4], first);
        for lane in 0..LANES {
            let alone = tile([1, 2], [3, 4], first + lane as u64);
            for word in 0..4 {
                assert_eq!(whole[word][lane], alone[word][0]);
            }
        }
    }
}
