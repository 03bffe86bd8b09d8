//! Functions of single numbers, rounded to nearest: what a step or a schedule computes once.
//!
//! The C library's functions differ in the last place from platform to platform, and on one platform from CPU to CPU. Here the
//! value is found in 128 bits and rounded once: the result is the `float64` nearest to the exact value, so that whoever
//! computes it in another way, to enough digits, finds the same bits. The series are Taylor's, cut where the next term is
//! below 2⁻¹²⁸. Kernels over arrays have [faster functions](crate::float), good to a few units in the last place.

use std::cmp::Ordering;
use std::f64::consts::LN_2;

/// ± mantissa · 2^exponent. The mantissa's top bit is set, unless the number is 0.
#[derive(Debug, Clone, Copy)]
struct Wide {
    negative: bool,
    mantissa: u128,
    exponent: i64,
    /// Whether nothing was cut off on the way here. Only such a number can be the middle of two others.
    exact: bool,
}

/// Bits of a mantissa.
const BITS: i64 = 128;
const TOP: u128 = 1 << (BITS - 1);

/// Bits of a `float64` behind its first.
const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
/// The exponent of the last bit of the smallest `float64`.
const LAST: i64 = -1074;

const ONE: Wide = Wide {
    negative: false,
    mantissa: TOP,
    exponent: 1 - BITS,
    exact: true,
};
/// ln 2, cut off after 128 bits.
const LN2: Wide = Wide {
    negative: false,
    mantissa: 0xB172_17F7_D1CF_79AB_C9E3_B398_03F2_F6AF,
    exponent: -BITS,
    exact: false,
};
/// π, likewise.
const PI: Wide = Wide {
    negative: false,
    mantissa: 0xC90F_DAA2_2168_C234_C4C6_628B_80DC_1CD1,
    exponent: 2 - BITS,
    exact: false,
};

impl Wide {
    fn new(negative: bool, mantissa: u128, exponent: i64) -> Self {
        let shift = mantissa.leading_zeros() % u128::BITS;
        Self {
            negative,
            mantissa: mantissa << shift,
            exponent: exponent - i64::from(shift),
            exact: true,
        }
    }

    /// A finite number.
    fn of(x: f64) -> Self {
        let (mantissa, exponent) = parts(x.abs());
        Self::new(x < 0.0, mantissa.into(), exponent)
    }

    fn times(self, other: Self) -> Self {
        let halves = |x: u128| (x >> 64, x & u128::from(u64::MAX));
        let ((a, b), (c, d)) = (halves(self.mantissa), halves(other.mantissa));
        let ((ad, ad_low), (bc, bc_low)) = (halves(a * d), halves(b * c));
        let (low, low_low) = halves(b * d);
        let middle = ad_low + bc_low + low;
        let high = a * c + ad + bc + (middle >> 64);
        // The product's top bit is in one of two places.
        let shift = u32::from(high & TOP == 0);
        let cut = (middle << shift) as u64 | low_low as u64;
        Self {
            negative: self.negative != other.negative,
            mantissa: high << shift | (middle >> 63) & u128::from(shift),
            exponent: self.exponent + other.exponent + BITS - i64::from(shift),
            exact: self.exact && other.exact && cut == 0,
        }
    }

    fn over(self, divisor: u64) -> Self {
        let divisor = u128::from(divisor);
        let (whole, rest) = (self.mantissa / divisor, self.mantissa % divisor);
        let shift = whole.leading_zeros() % u128::BITS;
        Self {
            mantissa: (whole << shift) | ((rest << shift) / divisor),
            exponent: self.exponent - i64::from(shift),
            exact: false,
            ..self
        }
    }

    fn plus(self, other: Self) -> Self {
        let (large, small) = match self.compare(other) {
            Ordering::Less => (other, self),
            _ => (self, other),
        };
        let distance = large.exponent - small.exponent;
        if small.mantissa == 0 {
            return large;
        }
        let small_mantissa = small.mantissa.checked_shr(distance.min(BITS) as u32);
        let small_mantissa = small_mantissa.unwrap_or(0);
        let sum = if large.negative == small.negative {
            match large.mantissa.overflowing_add(small_mantissa) {
                (mantissa, false) => Self { mantissa, ..large },
                (mantissa, true) => {
                    Self::new(large.negative, mantissa >> 1 | TOP, large.exponent + 1)
                }
            }
        } else {
            let mantissa = large.mantissa - small_mantissa;
            Self::new(large.negative, mantissa, large.exponent)
        };
        Self {
            exact: false,
            ..sum
        }
    }

    fn minus(self, other: Self) -> Self {
        self.plus(Self {
            negative: !other.negative,
            ..other
        })
    }

    /// Which is farther from 0.
    fn compare(self, other: Self) -> Ordering {
        let key = |x: Self| (x.mantissa != 0, x.exponent, x.mantissa);
        key(self).cmp(&key(other))
    }

    /// The nearest `float64`, the even one of two that are as near; infinity beyond the largest. Of what was cut off, the
    /// middle of two numbers is below what is meant.
    fn rounded(self) -> f64 {
        let cut = (BITS - i64::from(f64::MANTISSA_DIGITS)).max(LAST - self.exponent);
        if self.mantissa == 0 || cut > BITS {
            return 0.0;
        }
        let whole = self.mantissa.checked_shr(cut as u32).unwrap_or(0);
        let rest = self.mantissa - whole.checked_shl(cut as u32).unwrap_or(0);
        let half = 1 << (cut - 1);
        let up = match rest.cmp(&half) {
            Ordering::Equal if self.exact => whole & 1 == 1,
            order => order.is_ge(),
        };
        let size = scaled(whole as u64 + u64::from(up), self.exponent + cut);
        if self.negative { -size } else { size }
    }
}

/// (mantissa, exponent) of a finite number that is not negative.
fn parts(x: f64) -> (u64, i64) {
    let (bits, first) = (x.to_bits(), 1 << FRACTION);
    match bits >> FRACTION {
        0 => (bits, LAST),
        field => (bits & (first - 1) | first, field as i64 - 1 + LAST),
    }
}

/// mantissa · 2^exponent, which a `float64` can hold unless it is beyond the largest.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    let power = |e: i64| f64::from_bits(((e.clamp(-1022, 1023) + 1023) as u64) << FRACTION);
    // Two factors, each in range where the result is subnormal.
    let half = exponent / 2;
    mantissa as f64 * power(half) * power(exponent - half)
}

/// ln x of a positive finite number.
fn ln(x: f64) -> Wide {
    // x = m·2ᵏ with m = mantissa / one in [0.75, 1.5), so that no sum cancels.
    let (mantissa, exponent) = parts(x);
    let shift = mantissa.leading_zeros() - (u64::BITS - f64::MANTISSA_DIGITS);
    let mantissa = mantissa << shift;
    let above = u32::from(mantissa >= 3 << (FRACTION - 1));
    let one = 1 << (FRACTION + above);
    let k = exponent - i64::from(shift) + i64::from(FRACTION + above);
    // ln m = 2 atanh s with s = (m − 1)/(m + 1), |s| ≤ 1/5.
    let difference = Wide::new(mantissa < one, mantissa.abs_diff(one).into(), 0);
    let s = difference.over(mantissa + one);
    let square = s.times(s);
    let mut sum = ONE;
    for n in (0..28).rev() {
        sum = ONE.over(2 * n + 1).plus(square.times(sum));
    }
    let twice = Wide {
        exponent: s.exponent + 1,
        ..s
    };
    LN2.times(Wide::of(k as f64)).plus(twice.times(sum))
}

/// eˣ of a number within ±1000.
fn exp(x: Wide) -> Wide {
    let k = (x.rounded() / LN_2).round();
    let r = x.minus(LN2.times(Wide::of(k)));
    let mut sum = ONE;
    for n in (1..=28).rev() {
        sum = ONE.plus(r.times(sum).over(n));
    }
    Wide {
        exponent: sum.exponent + k as i64,
        ..sum
    }
}

/// x multiplied n times.
fn whole_power(x: Wide, mut n: u32) -> Wide {
    let (mut product, mut square) = (ONE, x);
    while n > 0 {
        if n & 1 == 1 {
            product = product.times(square);
        }
        square = square.times(square);
        n >>= 1;
    }
    product
}

/// `base`, which is positive and finite, to a power that products of a root of it are; None if there are none.
fn power_of_root(mut base: f64, mut exponent: f64) -> Option<Wide> {
    while exponent.fract() != 0.0 {
        let root = base.sqrt();
        let square = Wide::of(root).times(Wide::of(root));
        if square.compare(Wide::of(base)).is_ne() {
            return None;
        }
        (base, exponent) = (root, 2.0 * exponent);
    }
    let mut x = Wide::of(base);
    if exponent < 0.0 && x.mantissa == TOP {
        x.exponent = 2 * (1 - BITS) - x.exponent;
        exponent = -exponent;
    }
    (0.0..=f64::from(u32::MAX))
        .contains(&exponent)
        .then(|| whole_power(x, exponent as u32))
}

/// The number nearest to `base` to the power `exponent`, for a base that is not negative; 0⁰ and 1^∞ are 1.
pub fn power(base: f64, exponent: f64) -> f64 {
    if base.is_nan() || exponent.is_nan() || base < 0.0 {
        return f64::NAN;
    }
    if exponent == 0.0 || base == 1.0 {
        return 1.0;
    }
    if base == 0.0 || base.is_infinite() || exponent.is_infinite() {
        let grows = (base > 1.0) == (exponent > 0.0);
        return if grows { f64::INFINITY } else { 0.0 };
    }
    if let Some(found) = power_of_root(base, exponent) {
        return found.rounded();
    }
    // No power that is left is a number of finitely many digits, so none is the middle of two.
    let log = ln(base).times(Wide::of(exponent));
    match log.rounded() {
        // Beyond all numbers, and so far that ⌊log / ln 2⌋ would be no exponent.
        size if size > 1000.0 => f64::INFINITY,
        size if size < -1000.0 => 0.0,
        _ => exp(log).rounded(),
    }
}

/// The power of a base, whose next one is a product away.
#[derive(Debug)]
pub struct Powers {
    base: f64,
    exponent: u64,
    power: Wide,
}

/// So many products leave less wrong than 2⁻¹¹⁰ of the power.
const PRODUCTS_IN_A_ROW: u64 = 1 << 16;

impl Powers {
    /// Those of a base from 0 to below 1.
    pub fn of(base: f64) -> Self {
        Self {
            base,
            exponent: 0,
            power: ONE,
        }
    }

    /// The base.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// What [`power`] is.
    pub fn at(&mut self, exponent: u64) -> f64 {
        let Ok(whole) = u32::try_from(exponent) else {
            return power(self.base, exponent as f64);
        };
        let is_next = exponent.wrapping_sub(1) == self.exponent;
        self.power = if is_next && !exponent.is_multiple_of(PRODUCTS_IN_A_ROW) {
            self.power.times(Wide::of(self.base))
        } else {
            whole_power(Wide::of(self.base), whole)
        };
        self.exponent = exponent;
        self.power.rounded()
    }
}

/// The number nearest to cos(π·`share`), for a share from 0 to 1.
pub fn cosine_of_half_turns(share: f64) -> f64 {
    if share > 0.5 {
        return -cosine_of_half_turns(1.0 - share);
    }
    let series = |angle: Wide, first: u64| {
        let square = angle.times(angle);
        let mut sum = ONE;
        for n in (1..=17).rev() {
            let (n, m) = (2 * n - first, 2 * n + 1 - first);
            sum = ONE.minus(square.times(sum).over(n * m));
        }
        sum
    };
    // Both differences are exact.
    let found = if share <= 0.25 {
        series(PI.times(Wide::of(share)), 1)
    } else {
        let angle = PI.times(Wide::of(0.5 - share));
        angle.times(series(angle, 0))
    };
    found.rounded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_that_are_numbers_are_exact() {
        for (base, exponent, expected) in [
            (0.5, 2.0, 0.25),
            (0.5, 1074.0, 5e-324),
            (0.5, 1075.0, 0.0),
            (2.0, 1023.0, 2f64.powi(1023)),
            (2.0, 1024.0, f64::INFINITY),
            (9.0, 0.5, 3.0),
            (0.25, 1.5, 0.125),
            (3.0, 33.0, 5559060566555523.0),
            (10.0, 22.0, 1e22),
            (7.0, -0.0, 1.0),
            (2.0, -1074.0, 5e-324),
            (2.0, -1075.0, 0.0),
            (4.0, -537.5, 0.0),
            (4.0, -0.5, 0.5),
            (0.9, 1.0, 0.9),
            (5e-324, 1.0, 5e-324),
            (5e-324, 0.5, 2f64.powi(-537)),
        ] {
            assert_eq!(power(base, exponent), expected, "{base}^{exponent}");
        }
        // 2²⁷ + 1 squared lies in the middle between two numbers; these squares and this root, nearly.
        let odd = f64::from((1u32 << 27) + 1);
        for x in [odd, 3f64.next_down(), 3f64.next_up(), 1.75f64.next_down()] {
            assert_eq!(power(x, 2.0), x * x);
        }
        for x in [2.0, 3.0, 4f64.next_down(), 4f64.next_up(), 1e-300] {
            assert_eq!(power(x, 0.5), x.sqrt());
        }
    }

    #[test]
    fn powers_are_those_of_the_standard_library_to_the_last_place() {
        for i in 1..2000u32 {
            let base = f64::from(i) / 700.0;
            for exponent in [0.001, 0.3, 1.7, 3.0, 17.25, 100.0, -2.5, -40.0] {
                let (found, about) = (power(base, exponent), base.powf(exponent));
                let apart = found.to_bits().abs_diff(about.to_bits());
                assert!(apart <= 1, "{base}^{exponent}: {found} beside {about}");
            }
        }
    }

    #[test]
    fn powers_of_one_base_are_the_same() {
        for base in [0.0, 1e-300, 0.1, 0.9, 0.999, 1.0 - f64::EPSILON / 2.0] {
            let mut powers = Powers::of(base);
            let apart = [999, 5, 5, 0, 1 << 20, u64::from(u32::MAX), 1 << 32, 1 << 40];
            let restart = PRODUCTS_IN_A_ROW - 9..PRODUCTS_IN_A_ROW + 9;
            for exponent in (0..500).chain(apart).chain(restart).chain([0, 1]) {
                let (found, expected) = (powers.at(exponent), power(base, exponent as f64));
                assert_eq!(found, expected, "{base}^{exponent}");
            }
        }
    }

    #[test]
    fn whole_powers_are_products() {
        for base in [0.1, 0.9, 0.999, 1.75] {
            let mut product = ONE;
            for n in 1..300u32 {
                product = product.times(Wide::of(base));
                assert_eq!(power(base, n.into()), product.rounded(), "{base}^{n}");
            }
        }
    }

    #[test]
    fn powers_have_their_limits() {
        let infinity = f64::INFINITY;
        assert_eq!(power(0.0, 0.0), 1.0);
        assert_eq!(power(0.0, 2.5), 0.0);
        assert_eq!(power(0.0, -1.0), infinity);
        assert_eq!(power(1.0, infinity), 1.0);
        assert_eq!(power(0.9, infinity), 0.0);
        assert_eq!(power(0.9, -infinity), infinity);
        assert_eq!(power(infinity, -2.0), 0.0);
        assert_eq!(power(0.9, 1e300), 0.0);
        assert_eq!(power(1.1, 1e300), infinity);
        assert_eq!(power(0.9, 4e9), 0.0);
        assert!(power(f64::NAN, 1.0).is_nan() && power(1.0, f64::NAN).is_nan());
        assert!(power(-1.0, 2.0).is_nan());
    }

    #[test]
    fn cosines_are_those_of_the_circle() {
        assert_eq!(cosine_of_half_turns(0.0), 1.0);
        assert_eq!(cosine_of_half_turns(0.25), std::f64::consts::FRAC_1_SQRT_2);
        assert_eq!(cosine_of_half_turns(0.5), 0.0);
        assert_eq!(cosine_of_half_turns(1.0), -1.0);
        for i in 0..=4000 {
            let share = f64::from(i) / 4000.0;
            let (found, about) = (
                cosine_of_half_turns(share),
                (std::f64::consts::PI * share).cos(),
            );
            // The angle of the other one is rounded.
            assert!((found - about).abs() < 5e-16, "{share}: {found}, {about}");
        }
    }
}
