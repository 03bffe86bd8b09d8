//! Multiply-adds that the cores do where all operands stay in registers, with nothing else to do: what no product exceeds.
//!
//! `cargo bench --bench peak` prints GFLOP/s (two operations each) of one thread, two, and so on, at the level that is used:
//! `FANIN_SIMD=avx2` measures that one. The sums of twelve vectors are independent, which is enough for any core so far: each
//! has time to wait for its own last step.

use std::hint::black_box;
use std::time::Instant;

/// Vectors of sums.
const SUMS: usize = 12;

/// Steps that are timed together, a few milliseconds.
const STEPS: usize = 1 << 20;
const ROUNDS: usize = 50;

/// Define a function that adds `STEPS` products to each sum.
macro_rules! loops {
    ($name:ident, $features:literal, $set:path, $multiply_add:expr) => {
        #[target_feature(enable = $features)]
        fn $name(factor: f32) {
            let factor = $set(factor);
            let mut sums = [$set(0.0); SUMS];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = $multiply_add(*sum, factor);
                }
            }
            black_box(&sums);
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

#[cfg(target_arch = "x86_64")]
loops!(avx512, "avx512f", arch::_mm512_set1_ps, |sum, a| {
    arch::_mm512_fmadd_ps(a, a, sum)
});
#[cfg(target_arch = "x86_64")]
loops!(avx2, "avx2,fma", arch::_mm256_set1_ps, |sum, a| {
    arch::_mm256_fmadd_ps(a, a, sum)
});
#[cfg(target_arch = "x86_64")]
loops!(baseline, "sse2", arch::_mm_set1_ps, |sum, a| {
    arch::_mm_add_ps(sum, arch::_mm_mul_ps(a, a))
});
#[cfg(target_arch = "aarch64")]
loops!(neon, "neon", std::arch::aarch64::vdupq_n_f32, |sum, a| {
    std::arch::aarch64::vfmaq_f32(sum, a, a)
});

/// GFLOP/s of the fastest of some rounds of one thread, whose vectors have so many numbers.
fn rate(lanes: usize, run: impl Fn(f32)) -> f64 {
    let least = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run(black_box(0.5));
        start.elapsed().as_secs_f64()
    });
    2e-9 * (STEPS * SUMS * lanes) as f64 / least.fold(f64::INFINITY, f64::min)
}

#[cfg(target_arch = "x86_64")]
fn of_level() -> f64 {
    use fanin::simd::{Level, level};
    match level() {
        // SAFETY: `level` never exceeds what the CPU has.
        Level::Avx512 => rate(16, |factor| unsafe { avx512(factor) }),
        // SAFETY: as above.
        Level::Avx2 => rate(8, |factor| unsafe { avx2(factor) }),
        // SAFETY: every CPU of this kind has these instructions.
        Level::Baseline => rate(4, |factor| unsafe { baseline(factor) }),
    }
}

#[cfg(target_arch = "aarch64")]
fn of_level() -> f64 {
    // SAFETY: every CPU of this kind has these instructions.
    rate(4, |factor| unsafe { neon(factor) })
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn of_level() -> f64 {
    f64::NAN
}

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in 1..=cores {
        let rate: f64 = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(of_level)).collect();
            all.into_iter().map(|one| one.join().expect("a rate")).sum()
        });
        println!("{threads} {rate:.1}");
    }
}
