//! How fast one core multiplies and adds numbers that lie in its registers: what no product exceeds.
//!
//! `cargo bench --bench registers` prints GFLOP/s of single precision. The sums of twelve vectors are independent, which is
//! enough for any core so far: each has time to wait for its own last step.

use std::hint::black_box;
use std::time::Instant;

/// Vectors of sums.
const SUMS: usize = 12;

/// Steps that are timed together, a few milliseconds.
const STEPS: usize = 1 << 21;

/// Define a function that adds `STEPS` products to each sum, and how many numbers that are.
macro_rules! loops {
    ($name:ident, $lanes:literal $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        fn $name(a: &[f32; $lanes], b: &[f32; $lanes]) -> [[f32; $lanes]; SUMS] {
            let mut sums = [[0.0f32; $lanes]; SUMS];
            for _ in 0..STEPS {
                // Sums whose indices the compiler knows stay in registers.
                add(&mut sums[0], a, b);
                add(&mut sums[1], a, b);
                add(&mut sums[2], a, b);
                add(&mut sums[3], a, b);
                add(&mut sums[4], a, b);
                add(&mut sums[5], a, b);
                add(&mut sums[6], a, b);
                add(&mut sums[7], a, b);
                add(&mut sums[8], a, b);
                add(&mut sums[9], a, b);
                add(&mut sums[10], a, b);
                add(&mut sums[11], a, b);
            }
            sums
        }
    };
}

#[inline(always)]
fn add<const N: usize>(sums: &mut [f32; N], a: &[f32; N], b: &[f32; N]) {
    for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
        *sum = a.mul_add(b, *sum);
    }
}

#[cfg(target_arch = "x86_64")]
loops!(avx512, 16, "avx512f,avx512bw,avx512dq,avx512vl");
#[cfg(target_arch = "x86_64")]
loops!(avx2, 8, "avx2,fma");
#[cfg(target_arch = "aarch64")]
loops!(neon, 4);

/// Print the rate of the fastest of some runs.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn report<const N: usize>(name: &str, run: impl Fn(&[f32; N], &[f32; N]) -> [[f32; N]; SUMS]) {
    let (a, b) = (black_box([0.5; N]), black_box([0.25; N]));
    let least = (0..50).map(|_| {
        let start = Instant::now();
        black_box(run(&a, &b));
        start.elapsed().as_secs_f64()
    });
    let least = least.fold(f64::INFINITY, f64::min);
    let rate = 2e-9 * (STEPS * SUMS * N) as f64 / least;
    println!("registers, {name}: {rate:.1} GFLOP/s");
}

fn main() {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has these instructions.
            report("avx512", |a, b| unsafe { avx512(a, b) });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            report("avx2", |a, b| unsafe { avx2(a, b) });
        }
    }
    #[cfg(target_arch = "aarch64")]
    report("neon", neon);
}
