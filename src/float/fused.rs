//! a·b + c rounded once, of operations that are rounded each, for CPUs that have no instruction for it.
//!
//! Where an exact sum lies between two numbers it is rounded *to odd*: to that of the two whose last bit is 1. No second
//! rounding, to fewer digits, mistakes that for a tie, or for no tie (S. Boldo, G. Melquiond, "Emulation of a FMA and correctly
//! rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57, 2008). There is no branch
//! in that, so that loops over it become vectors at every level. Of most singles two plain roundings will do.

use std::array;
use std::ops::BitOr;

/// In double precision the product of two singles is exact, and the sum has digits enough to be rounded again.
#[inline(always)]
pub(super) fn of_singles(a: f32, b: f32, c: f32) -> f32 {
    add_to_odd(f64::from(a) * f64::from(b), f64::from(c)) as f32
}

/// sums ← sums + a·x, of numbers that [are tame](is_tame_single) and sums of such products, from +0 on.
///
/// These sums are multiples of 2⁻¹²⁶, so none is subnormal. Rounded to double precision first, they go wrong only where that
/// gives a tie of two singles, which is rare and seen: the 29 digits that a single lacks are 1 and zeros.
#[inline(always)]
pub(super) fn add_multiple_of_tame_singles<const N: usize>(
    sums: &mut [f32; N],
    a: f32,
    x: &[f32; N],
) {
    const LACKING: u32 = (1 << 29) - 1;
    const TIE: u32 = 1 << 28;
    let wide: [f64; N] = array::from_fn(|i| f64::from(a) * f64::from(x[i]) + f64::from(sums[i]));
    let ties = wide.map(|sum| sum.to_bits() as u32 & LACKING == TIE);
    if ties.into_iter().fold(false, BitOr::bitor) {
        *sums = add_multiple_of_singles(*sums, a, *x);
    } else {
        *sums = wide.map(|sum| sum as f32);
    }
}

#[cold]
#[inline(never)]
fn add_multiple_of_singles<const N: usize>(sums: [f32; N], a: f32, x: [f32; N]) -> [f32; N] {
    array::from_fn(|i| of_singles(a, x[i], sums[i]))
}

/// Zero, or at least 2⁻⁴⁰, hence a multiple of 2⁻⁶³; or no number.
#[inline(always)]
pub(super) fn is_tame_single(x: f32) -> bool {
    const LEAST: f32 = 1.0 / (1_u64 << 40) as f32;
    !(x.abs() < LEAST) || x == 0.0
}

/// The same of doubles, by [`of_tame_doubles`].
#[inline(always)]
pub(super) fn add_multiple_of_tame_doubles<const N: usize>(
    sums: &mut [f64; N],
    a: f64,
    x: &[f64; N],
) {
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum = of_tame_doubles(a, x, *sum);
    }
}

/// For `a` and `b` that [are tame](is_tame_double), and a `c` that is a sum of at most 2²⁰ products of such, from +0 on, so never −0.
#[inline(always)]
fn of_tame_doubles(a: f64, b: f64, c: f64) -> f64 {
    let (product, low) = multiply(a, b);
    let (sum, low) = add(c, low);
    let (high, middle) = add(product, sum);
    high + add_to_odd(middle, low)
}

/// Zero, or between 2⁻⁴⁸⁰ and 2⁴⁸⁰: the error of a product of two is then no smaller than 2⁻¹⁰⁶⁴, hence a number, and sums of
/// 2²⁰ are far from infinite.
#[inline(always)]
pub(super) fn is_tame_double(x: f64) -> bool {
    const BIAS: u64 = 1023;
    let exponent = x.to_bits() << 1 >> 53;
    exponent.wrapping_sub(BIAS - 480) <= 2 * 480 || x == 0.0
}

/// a + b, rounded to odd. Infinities and NaN are those of the sum.
#[inline(always)]
fn add_to_odd(a: f64, b: f64) -> f64 {
    let (sum, error) = add(a, b);
    // Of what is no number the error is NaN, which is not above 0.
    let inexact = u64::from(error.abs() > 0.0);
    // The exact sum is nearer to 0 where the signs differ; the number on that side of it is then the one before.
    let beyond = (sum.to_bits() ^ error.to_bits()) >> 63 & inexact;
    f64::from_bits(sum.to_bits().wrapping_sub(beyond) | inexact)
}

/// a + b and what its rounding lost (D. Knuth, *The Art of Computer Programming*, vol. 2, §4.2.2).
#[inline(always)]
fn add(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// a · b and what its rounding lost (T. Dekker, "A floating-point technique for extending the available precision",
/// Numerische Mathematik 18, 1971).
#[inline(always)]
fn multiply(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, rest)
}

/// The upper and the lower half of the digits of x (G. Veltkamp).
#[inline(always)]
fn halves(x: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0; // 2²⁷ + 1
    let shifted = SPLITTER * x;
    let high = shifted - (shifted - x);
    (high, x - high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number of few digits, so that sums meet ties, subnormals and cancellation, or any bits at all.
    fn single() -> impl Strategy<Value = f32> {
        let few = (
            any::<bool>(),
            0u32..256,
            prop::sample::select(vec![0, 1, 2, 0x400000, 0x7ff000, 0x7fffff, 0x7ffffe]),
        );
        let few = few.prop_map(|(sign, exponent, digits)| {
            f32::from_bits(u32::from(sign) << 31 | exponent << 23 | digits)
        });
        prop_oneof![
            any::<u32>().prop_map(f32::from_bits),
            few,
            Just(0.0),
            Just(-0.0),
            Just(f32::INFINITY)
        ]
    }

    /// The same, near each other in size.
    fn close() -> impl Strategy<Value = f32> {
        (any::<bool>(), 100u32..150, any::<u32>(), 0u32..24).prop_map(
            |(sign, exponent, digits, zeros)| {
                f32::from_bits(
                    u32::from(sign) << 31 | exponent << 23 | (digits & 0x7fffff) >> zeros << zeros,
                )
            },
        )
    }

    /// Near the least tame number.
    fn least() -> impl Strategy<Value = f32> {
        (any::<bool>(), 87u32..100, any::<u32>(), 0u32..24).prop_map(
            |(sign, exponent, digits, zeros)| {
                f32::from_bits(
                    u32::from(sign) << 31 | exponent << 23 | (digits & 0x7fffff) >> zeros << zeros,
                )
            },
        )
    }

    fn tame(exponents: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = f64> {
        let number = (any::<bool>(), exponents, any::<u64>(), 0u32..53);
        let number = number.prop_map(|(sign, exponent, digits, zeros)| {
            let digits = (digits & ((1 << 52) - 1)) >> zeros << zeros;
            f64::from_bits(u64::from(sign) << 63 | exponent << 52 | digits)
        });
        prop_oneof![9 => number, 1 => Just(0.0), 1 => Just(-0.0)]
    }

    fn same(a: f64, b: f64) -> bool {
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn singles_are_rounded_once(a in single(), b in single(), c in single()) {
            let (found, exact) = (of_singles(a, b, c), a.mul_add(b, c));
            prop_assert!(same(found.into(), exact.into()), "{a:e} {b:e} {c:e}: {found:e} for {exact:e}");
        }

        #[test]
        fn singles_near_each_other_are(a in close(), b in close(), c in close()) {
            let (found, exact) = (of_singles(a, b, c), a.mul_add(b, c));
            prop_assert!(same(found.into(), exact.into()), "{a:e} {b:e} {c:e}: {found:e} for {exact:e}");
        }

        /// c is the number next to a tie with the product, or the tie: where two roundings go wrong.
        #[test]
        fn ties_are(a in close(), b in close(), up in -2i32..3, shift in 0i32..60, sign in any::<bool>()) {
            let product = f64::from(a) * f64::from(b);
            let unit = 2f64.powi(product.abs().log2().floor() as i32 + shift - 30) as f32;
            let c = if sign { unit } else { -unit };
            let c = f32::from_bits(c.to_bits().wrapping_add_signed(up));
            let (found, exact) = (of_singles(a, b, c), a.mul_add(b, c));
            prop_assert!(same(found.into(), exact.into()), "{a:e} {b:e} {c:e}: {found:e} for {exact:e}");
        }

        /// With sums that are ties, near ties, and none.
        #[test]
        fn tame_singles_are(a in close(), x in prop::array::uniform4(close()), c in prop::array::uniform4(close()), tie in 0u32..3) {
            // Large enough for half a unit of c to be tame.
            let c = c.map(|c| 4096.0 * c);
            let (mut found, mut x) = (c, x);
            if tie > 0 {
                // c + 1 · x lies half a unit above c, or a little beside that.
                let half = c.map(|c| f32::from_bits(c.to_bits() & !0x7f_ffff) * 2f32.powi(-24));
                x = half.map(|half| f32::from_bits(half.to_bits() + (tie - 1)));
            }
            let a = if tie > 0 { 1.0 } else { a };
            prop_assert!(is_tame_single(a) && x.into_iter().all(is_tame_single));
            add_multiple_of_tame_singles(&mut found, a, &x);
            let exact: [f32; 4] = array::from_fn(|i| a.mul_add(x[i], c[i]));
            prop_assert_eq!(found.map(f32::to_bits), exact.map(f32::to_bits));
        }

        /// Sums that cancel, down to the least that tame products give.
        #[test]
        fn tame_singles_that_cancel_are(a in least(), x in prop::array::uniform4(least()), y in least(), z in least()) {
            let (mut found, mut exact) = ([0.0; 4], [0.0; 4]);
            for (a, x) in [(a, x), (-a, x.map(|x| x * (1.0 + f32::EPSILON))), (y, [z; 4]), (z, [-y; 4]), (y, x)] {
                add_multiple_of_tame_singles(&mut found, a, &x);
                exact = array::from_fn(|i| a.mul_add(x[i], exact[i]));
                prop_assert_eq!(found.map(f32::to_bits), exact.map(f32::to_bits));
            }
        }

        #[test]
        fn tame_doubles_are(a in tame(543..=1503), b in tame(543..=1503), c in tame(100..=1990)) {
            prop_assert!(is_tame_double(a) && is_tame_double(b));
            // Of a sum of products no digit lies below 2⁻¹⁰⁶⁴.
            let c = if c.abs() < 2f64.powi(-960) { 0.0 } else { c };
            let (found, exact) = (of_tame_doubles(a, b, c), a.mul_add(b, c));
            prop_assert!(same(found, exact), "{a:e} {b:e} {c:e}: {found:e} for {exact:e}");
        }

        #[test]
        fn tame_doubles_near_each_other_are(a in tame(1000..=1046), b in tame(1000..=1046), c in tame(960..=1080)) {
            let c = c + 0.0;
            let (found, exact) = (of_tame_doubles(a, b, c), a.mul_add(b, c));
            prop_assert!(same(found, exact), "{a:e} {b:e} {c:e}: {found:e} for {exact:e}");
            // What cancels but for the error of the product, and the smallest sums of all.
            let c = 0.0 - a * b;
            prop_assert!(same(of_tame_doubles(a, b, c), a.mul_add(b, c)));
            let (a, b) = (a * 2f64.powi(-456), b * 2f64.powi(-456));
            let c = 0.0 - a * b;
            prop_assert!(same(of_tame_doubles(a, b, c), a.mul_add(b, c)), "{a:e} {b:e}");
        }
    }

    #[test]
    fn what_is_tame_double() {
        let edge = 2f64.powi(480);
        for tame in [0.0, -0.0, 1.0, -3.5, edge, 1.0 / edge] {
            assert!(is_tame_double(tame), "{tame:e}");
        }
        for wild in [
            f64::NAN,
            f64::INFINITY,
            f64::MAX,
            2.0 * edge,
            0.5 / edge,
            f64::MIN_POSITIVE,
            5e-324,
        ] {
            assert!(!is_tame_double(wild) && !is_tame_double(-wild), "{wild:e}");
        }
    }
}
