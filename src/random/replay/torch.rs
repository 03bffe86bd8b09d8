//! torch's `uniform_`, `normal_` and `randperm` on the CPU.
//!
//! `normal_` has two algorithms: Box and Muller's on blocks of 16, for arrays of 16 elements or more that are
//! contiguous, and one number after the other, in double precision, for all others.

use super::mt19937::Mt19937;
use crate::float::Float;
use crate::simd::kernel;

/// Elements of a block.
const BLOCK: usize = 16;
const HALF: usize = BLOCK / 2;

/// A float of torch.
pub trait TorchReal: Float {
    /// Numbers in [0, 1), of as many bits as the mantissa has.
    fn units(generator: &mut Mt19937<'_>, out: &mut [Self]);
    /// `self·a + b`, rounded once.
    fn fused(self, a: Self, b: Self) -> Self;
    /// Turn the uniform numbers of whole blocks into normal ones.
    fn box_muller(data: &mut [Self], mean: Self, std: Self);
}

impl TorchReal for f32 {
    fn units(generator: &mut Mt19937<'_>, out: &mut [Self]) {
        let mut words = [0; 1024];
        for out in out.chunks_mut(words.len()) {
            let words = &mut words[..out.len()];
            generator.fill(words);
            units_f32(words, out);
        }
    }

    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }

    fn box_muller(data: &mut [Self], mean: Self, std: Self) {
        box_muller_f32(data, mean, std);
    }
}

impl TorchReal for f64 {
    fn units(generator: &mut Mt19937<'_>, out: &mut [Self]) {
        let mut words = [0; 1024];
        for out in out.chunks_mut(words.len() / 2) {
            let words = &mut words[..2 * out.len()];
            generator.fill(words);
            units_f64(words, out);
        }
    }

    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }

    /// torch calls the C library here, and so does this.
    fn box_muller(data: &mut [Self], mean: Self, std: Self) {
        for block in data.as_chunks_mut::<BLOCK>().0 {
            for j in 0..HALF {
                let radius = (-2.0 * (1.0 - block[j]).ln()).sqrt();
                let theta = 2.0 * std::f64::consts::PI * block[j + HALF];
                block[j] = (radius * theta.cos()).mul_add(std, mean);
                block[j + HALF] = (radius * theta.sin()).mul_add(std, mean);
            }
        }
    }
}

kernel! {
    fn units_f32(words: &[u32], out: &mut [f32]) {
        for (out, &word) in out.iter_mut().zip(words) {
            *out = (word & 0xff_ffff) as f32 * 0.5_f32.powi(24);
        }
    }

    fn units_f64(words: &[u32], out: &mut [f64]) {
        for (out, &[high, low]) in out.iter_mut().zip(words.as_chunks().0) {
            let bits = (u64::from(high) << 32 | u64::from(low)) & ((1 << 53) - 1);
            *out = bits as f64 * 0.5_f64.powi(53);
        }
    }

    fn scale<F: TorchReal>(data: &mut [F], low: F, range: F) {
        for x in data {
            *x = x.fused(range, low);
        }
    }

    fn box_muller_f32(data: &mut [f32], mean: f32, std: f32) {
        for block in data.as_chunks_mut::<BLOCK>().0 {
            for j in 0..HALF {
                let radius = (-2.0 * ln(1.0 - block[j])).sqrt();
                let [sine, cosine] = sin_cos(std::f32::consts::TAU * block[j + HALF]);
                block[j] = (radius * cosine).mul_add(std, mean);
                block[j + HALF] = (radius * sine).mul_add(std, mean);
            }
        }
    }
}

/// `uniform_(low, high)`.
pub fn uniform<F: TorchReal>(generator: &mut Mt19937<'_>, out: &mut [F], low: f64, high: f64) {
    let low = F::of(low);
    F::units(generator, out);
    scale(out, low, F::of(high) - low);
}

/// `normal_(mean, std)` of a contiguous array of 16 elements or more.
pub fn normal<F: TorchReal>(generator: &mut Mt19937<'_>, out: &mut [F], mean: f64, std: f64) {
    let (mean, std) = (F::of(mean), F::of(std));
    F::units(generator, out);
    F::box_muller(out, mean, std);
    if !out.len().is_multiple_of(BLOCK) {
        let start = out.len() - BLOCK;
        F::units(generator, &mut out[start..]);
        F::box_muller(&mut out[start..], mean, std);
    }
}

/// `normal_` of any other array.
#[derive(Debug, Clone, Copy)]
pub struct SerialNormal {
    /// The second number of the last pair, if it was not taken.
    pub spare: Option<f64>,
}

impl SerialNormal {
    /// The next numbers, with this mean and standard deviation.
    pub fn fill(&mut self, generator: &mut Mt19937<'_>, out: &mut [f64], mean: f64, std: f64) {
        out.fill_with(|| self.standard(generator).mul_add(std, mean));
    }

    fn standard(&mut self, generator: &mut Mt19937<'_>) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let mut units = [0.0; 2];
        f64::units(generator, &mut units);
        let radius = (-2.0 * (-units[1]).ln_1p()).sqrt();
        let theta = 2.0 * std::f64::consts::PI * units[0];
        self.spare = Some(radius * theta.sin());
        radius * theta.cos()
    }
}

/// `randperm(n)`.
pub fn permutation(generator: &mut Mt19937<'_>, order: &mut [i64]) {
    for (i, place) in order.iter_mut().enumerate() {
        *place = i as i64;
    }
    let n = order.len();
    for i in 0..n.saturating_sub(1) {
        let word = generator.word() as usize;
        order.swap(i, i + word % (n - i));
    }
}

/// The natural logarithm of a number above 0: Cephes's as torch vectorises it, with its compiler's fusing.
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let mantissa = f32::from_bits(bits & 0x807f_ffff | 0x3f00_0000);
    let low = mantissa < std::f32::consts::FRAC_1_SQRT_2;
    let exponent = ((bits >> 23) as i32 - 127) as f32 + 1.0 - if low { 1.0 } else { 0.0 };
    let m = mantissa - 1.0 + if low { mantissa } else { 0.0 };
    let square = m * m;
    let p = (7.0376836292E-2_f32)
        .mul_add(m, -1.1514610310E-1)
        .mul_add(m, 1.1676998740E-1)
        .mul_add(m, -1.2420140846E-1)
        .mul_add(m, 1.4249322787E-1)
        .mul_add(m, -1.6668057665E-1)
        .mul_add(m, 2.0000714765E-1)
        .mul_add(m, -2.4999993993E-1)
        .mul_add(m, 3.3333331174E-1);
    let y = (p * m).mul_add(square, exponent * -2.12194440e-4);
    exponent.mul_add(0.693359375, m + square.mul_add(-0.5, y))
}

/// Sine and cosine of an angle in [0, 2π): Cephes's as torch vectorises them, with its compiler's fusing.
#[inline(always)]
fn sin_cos(angle: f32) -> [f32; 2] {
    let octant = ((angle * 1.27323954473516) as i32 + 1) & !1;
    let turns = octant as f32;
    let x = turns.mul_add(
        -3.77489497744594108e-8,
        turns.mul_add(-2.4187564849853515625e-4, turns.mul_add(-0.78515625, angle)),
    );
    let square = x * x;
    let c = (2.443315711809948E-5_f32)
        .mul_add(square, -1.388731625493765E-3)
        .mul_add(square, 4.166664568298827E-2);
    let cosine = (c * square).mul_add(square, square * -0.5) + 1.0;
    let s = (-1.9515295891E-4_f32)
        .mul_add(square, 8.3321608736E-3)
        .mul_add(square, -1.6666654611E-1);
    let sine = (s * square).mul_add(x, x);
    let [s, c] = if octant & 2 == 0 {
        [sine, cosine]
    } else {
        [cosine, sine]
    };
    let sign = |x: f32, negative: bool| if negative { -x } else { x };
    [sign(s, octant & 4 != 0), sign(c, (octant - 2) & 4 == 0)]
}
