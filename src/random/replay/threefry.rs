//! Threefry2x32-20, JAX's default generator, in the partitionable layout that JAX has by default.
//!
//! J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011.

const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY: u32 = 0x1BD1_1BDA;

/// A key: a function from a counter to 64 random bits.
#[derive(Debug, Clone, Copy)]
pub struct Threefry {
    schedule: [u32; 3],
}

impl Threefry {
    /// The key with these two words.
    pub fn new(key: [u32; 2]) -> Self {
        let [a, b] = key;
        Self {
            schedule: [a, b, a ^ b ^ PARITY],
        }
    }

    /// The bits of `counter`, the cipher's first word as the high half.
    #[inline(always)]
    pub fn bits(self, counter: u64) -> u64 {
        let [x, y] = self.encrypt((counter >> 32) as u32, counter as u32);
        u64::from(x) << 32 | u64::from(y)
    }

    /// The 32 bits that JAX makes of them.
    #[inline(always)]
    pub fn bits32(self, counter: u64) -> u32 {
        let [x, y] = self.encrypt((counter >> 32) as u32, counter as u32);
        x ^ y
    }

    #[inline(always)]
    fn encrypt(self, x: u32, y: u32) -> [u32; 2] {
        let key = self.schedule;
        let (mut x, mut y) = (x.wrapping_add(key[0]), y.wrapping_add(key[1]));
        for group in 0..5 {
            for turn in ROTATIONS[group % 2] {
                x = x.wrapping_add(y);
                y = y.rotate_left(turn) ^ x;
            }
            x = x.wrapping_add(key[(group + 1) % 3]);
            y = y
                .wrapping_add(key[(group + 2) % 3])
                .wrapping_add(group as u32 + 1);
        }
        [x, y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // The vectors for `threefry2x32 20` in `tests/kat_vectors` of Random123.
        for (key, counter, expected) in [
            ([0, 0], 0, 0x6b200159_99ba4efe),
            ([u32::MAX; 2], u64::MAX, 0x1cb996fc_bb002be7),
            (
                [0x13198a2e, 0x03707344],
                0x243f6a88_85a308d3,
                0xc4923a9c_483df7a0,
            ),
        ] {
            assert_eq!(Threefry::new(key).bits(counter), expected);
        }
    }
}
