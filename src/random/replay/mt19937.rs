//! MT19937, the generator of `numpy.random.seed` and of torch's CPU.
//!
//! M. Matsumoto, T. Nishimura, "Mersenne twister: a 623-dimensionally equidistributed uniform
//! pseudo-random number generator", ACM Transactions on Modeling and Computer Simulation 8 (1998); seeding
//! as in the authors' `init_genrand` of 2002.

use crate::error::{Error, Result};

const WORDS: usize = 624;
const SHIFT: usize = 397;

/// Words of a stored state: the generator's own, and how many of them were taken.
pub const STATE_LEN: usize = WORDS + 1;

/// A generator in the caller's memory.
pub struct Mt19937<'a> {
    words: &'a mut [u32; WORDS],
    taken: &'a mut u32,
}

impl<'a> Mt19937<'a> {
    /// Go on from a stored state.
    pub fn resume(state: &'a mut [u32]) -> Result<Self> {
        let expected = || {
            let expected = format!("{WORDS} words and a place among them");
            Error::value("state", expected, "another array")
        };
        let (taken, words) = state.split_last_mut().ok_or_else(expected)?;
        let words = <&mut [u32; WORDS]>::try_from(words).map_err(|_| expected())?;
        if *taken as usize > WORDS {
            return Err(expected());
        }
        Ok(Self { words, taken })
    }

    /// Write the state that `seed` stands for.
    pub fn seed(state: &mut [u32; STATE_LEN], seed: u32) {
        state[0] = seed;
        for i in 1..WORDS {
            let last = state[i - 1];
            state[i] = (last ^ (last >> 30))
                .wrapping_mul(1812433253)
                .wrapping_add(i as u32);
        }
        state[WORDS] = WORDS as u32;
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        let mut word = [0];
        self.fill(&mut word);
        word[0]
    }

    /// The next words.
    pub fn fill(&mut self, mut out: &mut [u32]) {
        while !out.is_empty() {
            if *self.taken as usize == WORDS {
                renew(self.words);
                *self.taken = 0;
            }
            let left = &self.words[*self.taken as usize..];
            let (now, later) = out.split_at_mut(left.len().min(out.len()));
            temper(&left[..now.len()], now);
            *self.taken += now.len() as u32;
            out = later;
        }
    }
}

#[inline(always)]
fn twist(this: u32, next: u32, far: u32) -> u32 {
    let mixed = (this & 0x8000_0000) | (next & 0x7fff_ffff);
    far ^ (mixed >> 1) ^ (next & 1).wrapping_neg() & 0x9908_b0df
}

/// `words[i]` from itself, the next one and `far[i]`; the last word's next one is `after`.
#[inline(always)]
fn twist_all(words: &mut [u32], after: u32, far: &[u32]) {
    let last = words.len() - 1;
    for i in 0..last {
        words[i] = twist(words[i], words[i + 1], far[i]);
    }
    words[last] = twist(words[last], after, far[last]);
}

crate::simd::kernel! {
    /// The next 624 words, untempered. In three spans, none of which reads what it writes further on.
    fn renew(words: &mut [u32; WORDS]) {
        let (first, rest) = words.split_at_mut(WORDS - SHIFT);
        twist_all(first, rest[0], &rest[2 * SHIFT - WORDS..]);
        let (second, third) = rest.split_at_mut(WORDS - SHIFT);
        twist_all(second, third[0], first);
        twist_all(third, first[0], second);
    }

    /// What the generator gives for the words of its state.
    fn temper(words: &[u32], out: &mut [u32]) {
        for (out, &word) in out.iter_mut().zip(words) {
            let mut y = word;
            y ^= y >> 11;
            y ^= (y << 7) & 0x9d2c_5680;
            y ^= (y << 15) & 0xefc6_0000;
            *out = y ^ (y >> 18);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // The default seed of the C++ standard, whose 10000th number must be 4123659995.
        let mut state = [0; STATE_LEN];
        Mt19937::seed(&mut state, 5489);
        let mut words = vec![0; 10_000];
        Mt19937::resume(&mut state).unwrap().fill(&mut words);
        assert_eq!((words[0], words[9999]), (3499211612, 4123659995));
    }

    #[test]
    fn cuts_do_not_matter() {
        let (mut a, mut b) = ([0; STATE_LEN], [0; STATE_LEN]);
        Mt19937::seed(&mut a, 1);
        Mt19937::seed(&mut b, 1);
        let mut whole = vec![0; 3000];
        Mt19937::resume(&mut a).unwrap().fill(&mut whole);
        let mut parts = vec![0; 3000];
        for part in parts.chunks_mut(7) {
            Mt19937::resume(&mut b).unwrap().fill(part);
        }
        assert_eq!((whole, a), (parts, b));
    }

    #[test]
    fn a_state_that_is_none_is_refused() {
        let mut state = [0; STATE_LEN];
        state[WORDS] = WORDS as u32 + 1;
        assert!(Mt19937::resume(&mut state).is_err());
        assert!(Mt19937::resume(&mut state[1..]).is_err());
        assert!(Mt19937::resume(&mut []).is_err());
    }
}
