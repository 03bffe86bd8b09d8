//! `jax.random.uniform`, `normal` and `truncated_normal` of a threefry key.

use super::erf_inv::Approximate;
use super::threefry::Threefry;
use crate::error::{Error, Result};
use crate::parallel::{Threads, for_each_chunk};
use crate::simd::kernel;

/// A float of JAX: how its bits become a number in [0, 1).
pub trait JaxReal: Approximate {
    /// Element `i` of the key's numbers, of as many bits as the mantissa stores.
    fn unit(key: Threefry, i: u64) -> Self;
    /// The next larger number.
    fn up(self) -> Self;
    /// The next smaller number.
    fn down(self) -> Self;
}

impl JaxReal for f32 {
    #[inline(always)]
    fn unit(key: Threefry, i: u64) -> Self {
        Self::from_bits(key.bits32(i) >> 9 | 1_f32.to_bits()) - 1.0
    }

    fn up(self) -> Self {
        self.next_up()
    }

    fn down(self) -> Self {
        self.next_down()
    }
}

impl JaxReal for f64 {
    #[inline(always)]
    fn unit(key: Threefry, i: u64) -> Self {
        Self::from_bits(key.bits(i) >> 12 | 1_f64.to_bits()) - 1.0
    }

    fn up(self) -> Self {
        self.next_up()
    }

    fn down(self) -> Self {
        self.next_down()
    }
}

/// What a key's numbers become.
pub trait JaxDistribution<F>: Copy + Sync {
    /// The number for element `i`.
    fn number(self, key: Threefry, i: u64) -> F;
}

/// `uniform(minval=low, maxval=high)`.
#[derive(Debug, Clone, Copy)]
pub struct JaxUniform<F> {
    low: F,
    range: F,
}

impl<F: JaxReal> JaxUniform<F> {
    /// Uniform on [low, high).
    pub fn new(low: F, high: F) -> Self {
        let range = high - low;
        Self { low, range }
    }
}

impl<F: JaxReal> JaxDistribution<F> for JaxUniform<F> {
    #[inline(always)]
    fn number(self, key: Threefry, i: u64) -> F {
        F::unit(key, i)
            .fused(self.range, self.low)
            .at_least(self.low)
    }
}

/// `truncated_normal(lower=low, upper=high)`; `normal()` where nothing is cut off.
#[derive(Debug, Clone, Copy)]
pub struct JaxNormal<F> {
    quantile: JaxUniform<F>,
    least: F,
    most: F,
}

impl<F: JaxReal> JaxNormal<F> {
    /// The standard normal.
    pub fn standard() -> Self {
        let one = F::of(1.0);
        Self {
            quantile: JaxUniform::new((-one).up(), one),
            least: F::of(f64::NEG_INFINITY),
            most: F::of(f64::INFINITY),
        }
    }

    /// The standard normal between `low` and `high`.
    pub fn truncated(low: f64, high: f64) -> Result<Self> {
        if !(low < high) {
            let found = format!("{low} and {high}");
            return Err(Error::value(
                "low and high",
                "a lower and a higher bound",
                found,
            ));
        }
        let (low, high) = (F::of(low), F::of(high));
        // XLA multiplies by the reciprocal of √2.
        let of = |x: F| (x * F::of(std::f64::consts::FRAC_1_SQRT_2)).erf();
        Ok(Self {
            quantile: JaxUniform::new(of(low), of(high)),
            least: low.up(),
            most: high.down(),
        })
    }
}

impl<F: JaxReal> JaxDistribution<F> for JaxNormal<F> {
    #[inline(always)]
    fn number(self, key: Threefry, i: u64) -> F {
        let z = self.quantile.number(key, i).erf_inv() * F::of(std::f64::consts::SQRT_2);
        z.at_least(self.least).at_most(self.most)
    }
}

/// What one thread draws at a time.
const CHUNK: usize = 1 << 13;

/// Draw every element of `out` from `key`.
pub fn draw<F: JaxReal, D: JaxDistribution<F>>(
    out: &mut [F],
    key: Threefry,
    what: D,
    threads: Threads,
) {
    for_each_chunk(threads, out, CHUNK, |index, chunk| {
        draw_chunk(chunk, key, what, (index * CHUNK) as u64);
    });
}

kernel! {
    fn draw_chunk<F: JaxReal, D: JaxDistribution<F>>(out: &mut [F], key: Threefry, what: D, first: u64) {
        for (i, out) in (first..).zip(out) {
            *out = what.number(key, i);
        }
    }
}
