//! What one random word becomes: a number, a number's two tails, a point on the circle.
//!
//! Only `+ − × ÷` and integer operations, so that the bits are the same on every machine. The
//! conversions from integers are correctly rounded, as IEEE 754 asks.

use std::f64::consts::FRAC_PI_2;

use super::philox::{LANES, Tile};
use super::quantile::Quantile;
use crate::float::horner;

/// An element type that numbers can be drawn in.
pub trait Sample: Quantile {
    /// The random bits that one element takes: 32 for `f32`, 64 for `f64`.
    type Word: Copy;
    /// The words of a tile, as rows of elements.
    #[doc(hidden)]
    type Words: AsRef<[[Self::Word; LANES]]>;
    /// Rows of elements in a tile.
    #[doc(hidden)]
    const ROWS: usize;
    /// The words of a tile, row by row.
    #[doc(hidden)]
    fn words(tile: Tile) -> Self::Words;
    /// One of the 2²⁴ (`f32`) or 2⁵³ (`f64`) equally spaced numbers in [0, 1).
    #[doc(hidden)]
    fn unit(word: Self::Word) -> Self;
    /// The odd multiples of 2⁻²⁵ or 2⁻⁵⁴ in (−½, ½): as [`Sample::unit`], but symmetric about 0.
    #[doc(hidden)]
    fn centred(word: Self::Word) -> Self;
    /// (w + ½)/2ᵇ in (0, 1] for a word of b bits: all bits count near 0, where a tail needs them.
    #[doc(hidden)]
    fn positive(word: Self::Word) -> Self;
    /// (w + ½)/2ᵇ and 1 minus it, each with its own full precision near 0.
    #[doc(hidden)]
    fn tails(word: Self::Word) -> (f64, f64);
    /// The smallest tail of a word.
    #[doc(hidden)]
    fn least_tail() -> f64;
    /// Sine and cosine of 2π(w + ½)/2ᵇ.
    #[doc(hidden)]
    fn circle(word: Self::Word) -> (Self, Self);
    /// The largest number below this one.
    #[doc(hidden)]
    fn next_down(self) -> Self;
}

macro_rules! circle {
    ($word:ident as $float:ident, $bits:ident, $int:ident, sine $sine:expr, cosine $cosine:expr) => {{
        // The nearest quarter turn, and what is left of the angle: an odd number of half steps.
        const QUARTER: u32 = $bits::BITS - 2;
        let quadrant = $word.wrapping_add(1 << (QUARTER - 1)) >> QUARTER;
        let rest = ($word.wrapping_sub(quadrant << QUARTER) << 1 | 1) as $int;
        let x = rest as $float * (FRAC_PI_2 / (2u64 << QUARTER) as f64) as $float;
        let x2 = x * x;
        let sine = x + x * x2 * horner(x2, $sine);
        let cosine = 1.0 - (0.5 * x2 - x2 * x2 * horner(x2, $cosine));
        // An odd quarter turn swaps the two; the quadrant's bits are the signs.
        let (s, c) = if quadrant & 1 == 0 {
            (sine, cosine)
        } else {
            (cosine, sine)
        };
        let sign = $bits::BITS - 1;
        (
            $float::from_bits(s.to_bits() ^ (quadrant >> 1) << sign),
            $float::from_bits(c.to_bits() ^ (quadrant.wrapping_add(1) >> 1) << sign),
        )
    }};
}

// The polynomials for the sine and the cosine within an eighth of a turn are those of Cephes
// (S. L. Moshier, 1992): sinf.c and sin.c.
impl Sample for f32 {
    type Word = u32;
    type Words = [[u32; LANES]; 4];
    const ROWS: usize = 4;

    #[inline(always)]
    fn words(tile: Tile) -> [[u32; LANES]; 4] {
        tile
    }
    #[inline(always)]
    fn unit(word: u32) -> f32 {
        // Through a signed number: every CPU has that conversion.
        (word >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32)
    }
    #[inline(always)]
    fn centred(word: u32) -> f32 {
        ((word >> 8) as i32 * 2 + 1 - (1 << 24)) as f32 * (1.0 / (1 << 25) as f32)
    }
    #[inline(always)]
    fn positive(word: u32) -> f32 {
        (word as f32 + 0.5) * (1.0 / (1u64 << 32) as f32)
    }
    #[inline(always)]
    fn tails(word: u32) -> (f64, f64) {
        let scale = 1.0 / (1u64 << 32) as f64;
        ((word as f64 + 0.5) * scale, (!word as f64 + 0.5) * scale)
    }
    #[inline(always)]
    fn least_tail() -> f64 {
        Self::tails(0).0
    }
    #[inline(always)]
    fn next_down(self) -> f32 {
        self.next_down()
    }
    #[inline(always)]
    fn circle(word: u32) -> (f32, f32) {
        circle!(word as f32, u32, i32,
            sine [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4],
            cosine [4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5])
    }
}

impl Sample for f64 {
    type Word = u64;
    type Words = [[u64; LANES]; 2];
    const ROWS: usize = 2;

    #[inline(always)]
    fn words(tile: Tile) -> [[u64; LANES]; 2] {
        let mut words = [[0; LANES]; 2];
        for lane in 0..LANES {
            for (row, half) in words.iter_mut().zip(tile.as_chunks::<2>().0) {
                row[lane] = (half[0][lane] as u64) << 32 | half[1][lane] as u64;
            }
        }
        words
    }
    #[inline(always)]
    fn unit(word: u64) -> f64 {
        (word >> 11) as i64 as f64 * (1.0 / (1u64 << 53) as f64)
    }
    #[inline(always)]
    fn centred(word: u64) -> f64 {
        ((word >> 11) as i64 * 2 + 1 - (1 << 53)) as f64 * (1.0 / (1u64 << 54) as f64)
    }
    #[inline(always)]
    fn positive(word: u64) -> f64 {
        (word as f64 + 0.5) * (1.0 / (1u128 << 64) as f64)
    }
    #[inline(always)]
    fn tails(word: u64) -> (f64, f64) {
        (f64::positive(word), f64::positive(!word))
    }
    #[inline(always)]
    fn least_tail() -> f64 {
        Self::tails(0).0
    }
    #[inline(always)]
    fn next_down(self) -> f64 {
        self.next_down()
    }
    #[inline(always)]
    fn circle(word: u64) -> (f64, f64) {
        circle!(word as f64, u64, i64,
        sine [
            -1.66666666666666307295e-1, 8.33333333332211858878e-3, -1.98412698295895385996e-4,
            2.75573136213857245213e-6, -2.50507477628578072866e-8, 1.58962301576546568060e-10
        ],
        cosine [
            4.16666666666665929218e-2, -1.38888888888730564116e-3, 2.48015872888517045348e-5,
            -2.75573141792967388112e-7, 2.08757008419747316778e-9, -1.13585365213876817300e-11
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn the_circle_is_right_to_the_last_places() {
        for i in 0..200_000u32 {
            let word = i.wrapping_mul(0x9E3779B9);
            let angle = (word as f64 + 0.5) / 2f64.powi(32) * TAU;
            let (s, c) = f32::circle(word);
            assert!((s as f64 - angle.sin()).abs() < 1.2e-7);
            assert!((c as f64 - angle.cos()).abs() < 1.2e-7);
            let word = (word as u64) << 32 | i as u64;
            let angle = word as f64 / 2f64.powi(64) * TAU;
            let (s, c) = f64::circle(word);
            // The angle that is compared with is itself rounded, by up to 1e-15.
            assert!((s - angle.sin()).abs() < 2e-15);
            assert!((c - angle.cos()).abs() < 2e-15);
        }
    }

    #[test]
    fn the_circle_is_symmetric_in_its_quadrants() {
        for word in [0, 1, 12345, (1 << 29) - 1, 1 << 29, (1 << 30) - 1] {
            let (s, c) = f32::circle(word);
            assert_eq!(f32::circle(word + (1 << 30)), (c, -s));
            assert_eq!(f32::circle(word + (2 << 30)), (-s, -c));
            assert_eq!(f32::circle(word + (3 << 30)), (-c, s));
            assert_eq!(f32::circle(!word), (-s, c));
        }
    }

    #[test]
    fn intervals_end_where_they_say() {
        assert!(f32::unit(0) == 0.0 && f32::unit(u32::MAX) == 1.0 - 2f32.powi(-24));
        assert!(f64::unit(0) == 0.0 && f64::unit(u64::MAX) == 1.0 - 2f64.powi(-53));
        assert!(f32::positive(0) == 2f32.powi(-33) && f32::positive(u32::MAX) == 1.0);
        assert!(f64::positive(0) == 2f64.powi(-65) && f64::positive(u64::MAX) == 1.0);
        for word in [0, 1 << 8, 1 << 31, 0x89ABCDEF] {
            assert!(f32::centred(word) == -f32::centred(!word));
            assert!(f32::centred(word) == f32::unit(word) - 0.5 + 2f32.powi(-25));
        }
        assert!(f64::centred(0) == -0.5 + 2f64.powi(-54));
        assert!(f64::centred(1 << 63) == 2f64.powi(-54));
    }
}
