//! The two element types, and the elementary functions kernels use on them.
//!
//! The functions are own polynomials in `+ − × ÷ √` and bit operations, so that a loop over them
//! vectorises and gives the same bits at every SIMD level and on every platform. Errors are a few
//! units in the last place; the tests below state and check them.

mod fused;

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A floating-point element: `f32` or `f64`.
pub trait Float:
    Copy
    + Debug
    + Default
    + Display
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + SubAssign
    + Mul<Output = Self>
    + MulAssign
    + Div<Output = Self>
    + DivAssign
    + Neg<Output = Self>
    + From<u8>
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The smallest positive number that is not subnormal.
    const LEAST_NORMAL: Self;
    /// The largest number that is not infinite.
    const LARGEST: Self;
    /// The name that `NumPy` gives the type.
    const NAME: &'static str;

    /// The nearest value of this type.
    fn of(x: f64) -> Self;
    /// The same value in double precision.
    fn wide(self) -> f64;
    /// The whole number below, of one between 0 and 2²⁰.
    fn to_u32(self) -> u32;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// self·b + c, rounded once: an instruction, where the code is compiled for CPUs that have it.
    #[must_use]
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The same bits without the instruction. In double precision by a call, which is slow; not of the C library, since
    /// not all of them round once.
    #[must_use]
    fn mul_add_without_fma(self, b: Self, c: Self) -> Self;
    /// sums ← sums + a·x by [`mul_add`](Self::mul_add), the same bits without instruction and call, where `a` and `x`
    /// [are tame](Self::is_tame) and the sums are of at most 2²⁰ such products from +0 on.
    fn add_multiple_of_tame<const N: usize>(sums: &mut [Self; N], a: Self, x: &[Self; N]);
    /// Zero, or of a size such that no error of a product underflows, nor overflows in double precision.
    fn is_tame(self) -> bool;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;
    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ − 1 without cancellation near 0, for x up to 88 (`f32`) or 709 (`f64`).
    fn exp_m1(self) -> Self;
    /// Natural logarithm of a positive normal number, of infinity, or of NaN.
    fn ln(self) -> Self;
    /// Complementary error function.
    fn erfc(self) -> Self;

    /// The larger of two numbers; NaN if `self` is.
    #[inline(always)]
    #[must_use]
    fn at_least(self, low: Self) -> Self {
        if self < low { low } else { self }
    }

    /// The smaller of two numbers; NaN if `self` is.
    #[inline(always)]
    #[must_use]
    fn at_most(self, high: Self) -> Self {
        if self > high { high } else { self }
    }

    /// The nearest number that is not infinite: for a factor of what goes to 0 faster than it grows. NaN stays.
    #[inline(always)]
    #[must_use]
    fn bounded(self) -> Self {
        self.at_least(-Self::LARGEST).at_most(Self::LARGEST)
    }

    /// 0 in the place of a subnormal number.
    ///
    /// Arithmetic on subnormals takes a hundred times as long on common CPUs, and an average that decays
    /// from step to step (0.9 · 2⁻¹⁴⁹ rounds to 2⁻¹⁴⁹) would stay one for ever.
    #[inline(always)]
    #[must_use]
    fn flush(self) -> Self {
        if self.abs() < Self::LEAST_NORMAL {
            Self::ZERO
        } else {
            self
        }
    }

    /// ln(1 + x) for x ≥ 0, accurate near 0 (Kahan's correction of the rounding of 1 + x).
    #[inline(always)]
    #[must_use]
    fn ln_1p(self) -> Self {
        let w = Self::ONE + self;
        let rounded = w - Self::ONE;
        if rounded > Self::ZERO {
            w.ln() * (self / rounded)
        } else {
            self
        }
    }

    /// Hyperbolic tangent, accurate near 0.
    #[inline(always)]
    #[must_use]
    fn tanh(self) -> Self {
        // Past ±20 both types round to ±1, and e⁴⁰ is in range.
        let twice = (self + self)
            .at_least(Self::of(-40.0))
            .at_most(Self::of(40.0));
        let em1 = twice.exp_m1();
        em1 / (em1 + Self::of(2.0))
    }

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    #[must_use]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// ln(1 + eˣ), which neither overflows nor cancels.
    #[inline(always)]
    #[must_use]
    fn softplus(self) -> Self {
        self.at_least(Self::ZERO) + (-self.abs()).exp().ln_1p()
    }
}

/// c₀ + c₁x + c₂x² + …
#[inline(always)]
pub(crate) fn horner<F: Float, const N: usize>(x: F, coefficients: [f64; N]) -> F {
    let mut sum = F::of(coefficients[N - 1]);
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum * x + F::of(c);
    }
    sum
}

macro_rules! implement_float {
    (
        $float:ident $name:literal, $bits:ident, $int:ident, mantissa bits $mantissa:literal, bias $bias:literal,
        ln 2 as $ln2_high:literal + $ln2_low:literal, exp on $exp_low:literal ..= $exp_high:literal,
        exp_m1 $exp_m1:expr, ln $ln:expr, erfc $erfc:expr,
        fma $fma:expr, multiple of tame $multiple_of_tame:expr, is tame $is_tame:expr
    ) => {
        impl Float for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LEAST_NORMAL: Self = $float::MIN_POSITIVE;
            const LARGEST: Self = $float::MAX;
            const NAME: &'static str = $name;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn to_u32(self) -> u32 {
                // A cast, which minds what is out of range, is no vector instruction.
                let shifted = self + Self::ROUND;
                let nearest = shifted.to_bits().wrapping_sub(Self::ROUND.to_bits()) as u32;
                nearest - u32::from(shifted - Self::ROUND > self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn mul_add_without_fma(self, b: Self, c: Self) -> Self {
                $fma(self, b, c)
            }
            #[inline(always)]
            fn add_multiple_of_tame<const N: usize>(sums: &mut [Self; N], a: Self, x: &[Self; N]) {
                $multiple_of_tame(sums, a, x);
            }
            #[inline(always)]
            fn is_tame(self) -> bool {
                $is_tame(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline(always)]
            fn exp(self) -> Self {
                let x = self.at_least($exp_low).at_most($exp_high);
                let (k, r) = Self::split_exponent(x);
                // 2ᵏ in two factors: each is in range where the result is subnormal or infinite.
                let half = k >> 1;
                (1.0 + r * horner(r, $exp_m1))
                    * Self::power_of_two(half)
                    * Self::power_of_two(k - half)
            }

            #[inline(always)]
            fn exp_m1(self) -> Self {
                let (k, r) = Self::split_exponent(self.at_least($exp_low / 2.0));
                // 2ᵏ(eʳ − 1) + (2ᵏ − 1): no cancellation where k = 0.
                let scale = Self::power_of_two(k);
                scale * (r * horner(r, $exp_m1)) + (scale - 1.0)
            }

            #[inline(always)]
            fn ln(self) -> Self {
                // x = 2ᵏ·m with m in [√½, √2), so that ln x = k ln 2 + 2 atanh((m − 1)/(m + 1)).
                const SQRT_HALF: $int =
                    (std::f64::consts::FRAC_1_SQRT_2 as $float).to_bits() as $int;
                let bits = self.to_bits() as $int;
                let k = (bits - SQRT_HALF) >> $mantissa;
                let m = Self::from_bits((bits - (k << $mantissa)) as $bits);
                let s = (m - 1.0) / (m + 1.0);
                let k = Self::from_bits((Self::ROUND.to_bits() as $int + k) as $bits) - Self::ROUND;
                let ln = k * $ln2_high + ((s + s) * horner(s * s, $ln) + k * $ln2_low);
                // Infinity and NaN have no exponent to take apart.
                if self < Self::INFINITY { ln } else { self }
            }

            #[inline(always)]
            fn erfc(self) -> Self {
                $erfc(self)
            }
        }

        impl Reduction for $float {
            type Int = $int;
            // 1.5·2^mantissa: adding it rounds to a whole number and leaves that in the low bits.
            const ROUND: Self = 1.5 * (1u64 << $mantissa) as Self;

            #[inline(always)]
            fn split_exponent(x: Self) -> ($int, Self) {
                let shifted = x * (std::f64::consts::LOG2_E as $float) + Self::ROUND;
                let k = shifted - Self::ROUND;
                let r = (x - k * $ln2_high) - k * $ln2_low;
                (
                    (shifted.to_bits() as $int).wrapping_sub(Self::ROUND.to_bits() as $int),
                    r,
                )
            }

            #[inline(always)]
            fn power_of_two(k: $int) -> Self {
                Self::from_bits((k.wrapping_add($bias) << $mantissa) as $bits)
            }
        }
    };
}

/// Range reduction of the exponential: x = k ln 2 + r with |r| ≤ ½ ln 2.
trait Reduction: Sized {
    type Int;
    const ROUND: Self;
    fn split_exponent(x: Self) -> (Self::Int, Self);
    fn power_of_two(k: Self::Int) -> Self;
}

// Both series are Taylor's, cut where the next term is below half a unit in the last place at the
// end of the reduced range: |r| ≤ 0.3466 for (eʳ − 1)/r, s² ≤ 0.0295 for atanh(s)/s.
implement_float!(
    f32 "float32", u32, i32, mantissa bits 23, bias 127,
    ln 2 as 6.9314575195e-1 + 1.4286067653e-6, exp on -104.0 ..= 89.0,
    exp_m1 [1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0],
    ln [1.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0],
    erfc erfc_single,
    fma fused::of_singles, multiple of tame fused::add_multiple_of_tame_singles, is tame fused::is_tame_single
);
implement_float!(
    f64 "float64", u64, i64, mantissa bits 52, bias 1023,
    ln 2 as 6.93147180369123816490e-1 + 1.90821492927058770002e-10, exp on -746.0 ..= 710.0,
    exp_m1 [
        1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0,
        1.0 / 362880.0, 1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0
    ],
    ln [
        1.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0,
        1.0 / 19.0
    ],
    erfc libm::erfc,
    fma libm::fma, multiple of tame fused::add_multiple_of_tame_doubles, is tame fused::is_tame_double
);

/// Chebyshev fit of Press et al., *Numerical Recipes* (2nd ed., §6.2): relative error 1.2e-7
/// everywhere, in the far tail too.
#[inline(always)]
fn erfc_single(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let fit = horner(
        t,
        [
            -1.26551223,
            1.00002368,
            0.37409196,
            0.09678418,
            -0.18628806,
            0.27886807,
            -1.13520398,
            1.48851587,
            -0.82215223,
            0.17087277,
        ],
    );
    let tail = t * (fit - x * x).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest relative error of `ours` against `exact` over `points`, in units of the type's epsilon.
    fn worst<F: Float>(
        epsilon: f64,
        points: impl Iterator<Item = f64>,
        ours: fn(F) -> F,
        exact: fn(f64) -> f64,
    ) -> f64 {
        points
            .map(|x| {
                let x = F::of(x);
                let expected = exact(x.wide());
                (ours(x).wide() - expected).abs() / expected.abs().max(f64::MIN_POSITIVE) / epsilon
            })
            .fold(0.0, f64::max)
    }

    fn grid(low: f64, high: f64) -> impl Iterator<Item = f64> {
        (0..=20_000).map(move |i| low + (high - low) * f64::from(i) / 20_000.0)
    }

    fn powers(low: i32, high: i32) -> impl Iterator<Item = f64> {
        (low * 40..=high * 40).map(|i| (f64::from(i) / 40.0).exp2())
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn check<F: Float>(epsilon: f64, wide: f64) {
        let e = epsilon;
        assert!(worst(e, grid(-wide, wide), F::exp, f64::exp) < 2.0);
        assert!(worst(e, grid(-wide, wide), F::exp_m1, f64::exp_m1) < 3.0);
        assert!(worst(e, powers(-60, 0).chain(powers(0, 60)), F::ln, f64::ln) < 3.0);
        assert!(worst(e, powers(-60, 20), F::ln_1p, f64::ln_1p) < 4.0);
        assert!(
            worst(
                e,
                grid(-10.0, 10.0).chain(powers(-60, 4)),
                F::tanh,
                f64::tanh
            ) < 4.0
        );
        assert!(worst(e, grid(-30.0, wide), F::sigmoid, sigmoid) < 4.0);
        // The rounding of x² is amplified by x² in the tail.
        assert!(worst(e, grid(-5.0, 3.0), F::erfc, libm::erfc) < 16.0);
    }

    #[test]
    fn functions_are_within_a_few_units_in_the_last_place() {
        check::<f32>(f64::from(f32::EPSILON), 80.0);
        check::<f64>(f64::EPSILON, 700.0);
    }

    fn edges<F: Float>() {
        let infinity = F::of(f64::INFINITY);
        let nan = F::of(f64::NAN);
        assert!(infinity.exp() == infinity && (-infinity).exp() == F::ZERO);
        assert!(!nan.exp().is_finite() && !nan.tanh().is_finite() && !nan.softplus().is_finite());
        assert!(infinity.ln() == infinity && !nan.ln().is_finite() && !nan.ln_1p().is_finite());
        assert!(infinity.tanh() == F::ONE && (-infinity).tanh() == -F::ONE);
        assert!(infinity.sigmoid() == F::ONE && (-infinity).sigmoid() == F::ZERO);
        assert!(F::of(1e4).softplus() == F::of(1e4) && F::of(-1e4).softplus() == F::ZERO);
        assert!(F::of(-1e4).exp_m1() == -F::ONE && F::ZERO.exp_m1() == F::ZERO);
        assert!(infinity.bounded() == F::LARGEST && (-infinity).bounded() == -F::LARGEST);
        assert!(F::LARGEST.is_finite() && nan.bounded().is_nan() && F::ONE.bounded() == F::ONE);
        let least = F::LEAST_NORMAL;
        assert!(least.flush() == least && (-least).flush() == -least && !nan.flush().is_finite());
        assert!((least * F::of(0.5)).flush() == F::ZERO && infinity.flush() == infinity);
        assert!(F::ONE.ln() == F::ZERO && F::ZERO.exp() == F::ONE);
        for n in [0u32, 1, 2, 63, 64, (1 << 20) - 1] {
            for (part, less) in [(0.0, 0), (0.25, 0), (0.5, 0), (0.75, 0), (-0.0625, 1)] {
                let x = F::of((f64::from(n) + part).max(0.0));
                assert_eq!(x.to_u32(), n.saturating_sub(less), "{n} + {part}");
            }
        }
    }

    fn fused<F: Float>(x: f64) {
        // (1 + x)(1 − x) − 1 = −x², which two roundings turn into 0.
        let (a, b) = (F::ONE + F::of(x), F::ONE - F::of(x));
        assert!(a * b - F::ONE == F::ZERO);
        assert!(a.mul_add(b, -F::ONE) == F::of(-x * x));
        assert!(a.mul_add_without_fma(b, -F::ONE) == F::of(-x * x));
    }

    #[test]
    fn multiply_adds_are_rounded_once() {
        fused::<f32>(2f64.powi(-20));
        fused::<f64>(2f64.powi(-40));
        let numbers = || powers(-40, 40).zip(grid(-3.0, 1e3));
        for ((a, b), (c, sign)) in numbers().zip(numbers().skip(77)) {
            let (a, b, c) = (a as f32, b as f32, (c * sign.signum()) as f32);
            assert!(Float::mul_add(a, b, c) == a.mul_add_without_fma(b, c));
            let (a, b, c) = (f64::from(a) / 3.0, f64::from(b) / 7.0, f64::from(c) / 9.0);
            assert!(Float::mul_add(a, b, c) == a.mul_add_without_fma(b, c));
        }
    }

    #[test]
    fn edges_are_exact() {
        edges::<f32>();
        edges::<f64>();
    }
}
