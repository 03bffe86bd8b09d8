//! The inverse error function as XLA computes it on the CPU, fused multiply-adds included.
//!
//! M. Giles, "Approximating the erfinv function", GPU Computing Gems 2 (2010): polynomials in
//! `w = −ln(1 − x²)`. `ln(1 + x)` is Cephes's rational function where `x` is small.

use crate::float::Float;

/// Numbers that XLA's approximations are written for.
pub trait Approximate: Float {
    /// `self·a + b`, rounded once.
    fn fused(self, a: Self, b: Self) -> Self;
    /// The number whose error function this is; infinite at ±1.
    fn erf_inv(self) -> Self;
    /// The error function; called for the bounds of a truncated normal, once an array.
    fn erf(self) -> Self;
}

/// Horner's rule from the first coefficient, each step rounded once.
#[inline(always)]
fn poly<F: Approximate, const N: usize>(x: F, coefficients: [f64; N]) -> F {
    let mut sum = F::of(coefficients[0]);
    for &c in &coefficients[1..] {
        sum = sum.fused(x, F::of(c));
    }
    sum
}

/// ln(1 + x) where x is small.
#[inline(always)]
fn small_log1p<F: Approximate>(x: F) -> F {
    let square = x * x;
    let ratio = poly(x, NUMERATOR) / poly(x, DENOMINATOR);
    x + square.fused(F::of(-0.5), x * square * ratio)
}

const NUMERATOR: [f64; 7] = [
    4.52700008624452e-05,
    0.49854102823193375,
    6.578732594206104,
    29.911919328553072,
    60.94966798098779,
    57.11296359058554,
    20.039553499201283,
];
const DENOMINATOR: [f64; 7] = [
    1.0,
    15.062909083469192,
    83.04756596796722,
    221.76239823732857,
    309.09872225312057,
    216.42788614495947,
    60.11866049760384,
];
/// Below this `ln(1 + x)` is the rational function.
const SMALL: f64 = 0.41421356237309503;

impl Approximate for f32 {
    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }

    #[inline(always)]
    fn erf_inv(self) -> Self {
        let x = self * -self;
        let near = small_log1p(x);
        let far = ln(x + 1.0);
        let log = if x.abs() < SMALL as f32 { near } else { far };
        let central = log > -5.0;
        let w = if central {
            -2.5 - log
        } else {
            (-log).sqrt() - 3.0
        };
        let mut p = 0.0;
        for (middle, tail) in [
            (2.8102264e-08, -0.00020021426),
            (3.4327394e-07, 0.00010095056),
            (-3.5233877e-06, 0.0013493432),
            (-4.3915065e-06, -0.0036734284),
            (0.00021858087, 0.0057395077),
            (-0.001253725, -0.0076224613),
            (-0.0041776816, 0.0094388705),
            (0.24664073, 1.001674),
            (1.5014094, 2.8329768),
        ] {
            p = w.mul_add(p, if central { middle } else { tail });
        }
        let p = if self.abs() == 1.0 { Self::INFINITY } else { p };
        self * p
    }

    /// A rational function of x between ±3.83, where it reaches 1.
    #[allow(
        clippy::approx_constant,
        reason = "fitted: one unit in the last place from 2/√π"
    )]
    fn erf(self) -> Self {
        const REACH: f32 = 3.8325069;
        let x = self.clamp(-REACH, REACH);
        let square = x * x;
        let over = [
            0.00022905065,
            0.003408291,
            0.050955694,
            0.18520832,
            1.1283791,
        ];
        let under = [
            -1.1791603e-07,
            2.3547966e-05,
            0.0010179626,
            0.01407047,
            0.11098505,
            0.49746925,
            1.0,
        ];
        let horner = |c: &[f32]| c[1..].iter().fold(c[0], |sum, &c| sum.mul_add(square, c));
        x * horner(&over) / horner(&under)
    }
}

/// The natural logarithm of `x` > 0: Cephes's, with the fusing of XLA's compiler.
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let mantissa = f32::from_bits(bits & 0x807f_ffff | 0x3f00_0000);
    let exponent = ((bits >> 23) as i32 - 127) as f32 + 1.0;
    let low = mantissa < 0.70710677;
    let exponent = exponent - if low { 1.0 } else { 0.0 };
    let m = mantissa - 1.0 + if low { mantissa } else { 0.0 };
    let square = m * m;
    let cube = square * m;
    let a = m.mul_add(0.070376836, -0.1151461).mul_add(m, 0.116769984);
    let b = m.mul_add(-0.12420141, 0.14249323).mul_add(m, -0.16668057);
    let c = m.mul_add(0.20000714, -0.24999994).mul_add(m, 0.3333333);
    let sum = a.mul_add(cube, b).mul_add(cube, c);
    let sum = sum.mul_add(cube, exponent * -0.00021219444);
    let log = exponent.mul_add(0.6933594, square.mul_add(-0.5, m) + sum);
    if x > 0.0 { log } else { f32::NEG_INFINITY }
}

impl Approximate for f64 {
    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }

    #[inline(always)]
    fn erf_inv(self) -> Self {
        let x = self * -self;
        let log = if x.abs() < SMALL {
            small_log1p(x)
        } else {
            (x + 1.0).ln()
        };
        let p = if log > -6.25 {
            poly(-3.125 - log, CENTRAL)
        } else if log > -16.0 {
            poly((-log).sqrt() - 3.25, MIDDLE)
        } else {
            poly((-log).sqrt() - 5.0, TAIL)
        };
        let p = if self.abs() == 1.0 { Self::INFINITY } else { p };
        self * p
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }
}

const CENTRAL: [f64; 23] = [
    -3.64441206401782e-21,
    -1.6850591381820166e-19,
    1.28584807152564e-18,
    1.1157877678025181e-17,
    -1.333171662854621e-16,
    2.0972767875968562e-17,
    6.637638134358324e-15,
    -4.054566272975207e-14,
    -8.151934197605472e-14,
    2.6335093153082323e-12,
    -1.2975133253453532e-11,
    -5.415412054294628e-11,
    1.0512122733215323e-09,
    -4.112633980346984e-09,
    -2.9070369957882005e-08,
    4.2347877827932404e-07,
    -1.3654692000834679e-06,
    -1.3882523362786469e-05,
    0.00018673420803405714,
    -0.000740702534166267,
    -0.006033670871430149,
    0.24015818242558962,
    1.6536545626831027,
];
const MIDDLE: [f64; 19] = [
    2.2137376921775787e-09,
    9.075656193888539e-08,
    -2.7517406297064545e-07,
    1.8239629214389228e-08,
    1.5027403968909828e-06,
    -4.013867526981546e-06,
    2.9234449089955446e-06,
    1.2475304481671779e-05,
    -4.7318229009055734e-05,
    6.828485145957318e-05,
    2.4031110387097894e-05,
    -0.0003550375203628475,
    0.0009532893797373805,
    -0.0016882755560235047,
    0.002491442096107851,
    -0.003751208507569241,
    0.005370914553590064,
    1.0052589676941592,
    3.0838856104922208,
];
const TAIL: [f64; 17] = [
    -2.7109920616438573e-11,
    -2.555641816996525e-10,
    1.5076572693500548e-09,
    -3.789465440126737e-09,
    7.61570120807834e-09,
    -1.496002662714924e-08,
    2.914795345090108e-08,
    -6.771199775845234e-08,
    2.2900482228026655e-07,
    -9.9298272942317e-07,
    4.526062597223154e-06,
    -1.968177810553167e-05,
    7.599527703001776e-05,
    -0.00021503011930044477,
    -0.00013871931833623122,
    1.0103004648645344,
    4.849906401408584,
];
