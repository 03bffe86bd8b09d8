//! Multiply-adds that the cores do where all operands stay in registers, with nothing else to do: `cargo bench --bench peak`
//! prints GFLOP/s (two operations each) of one thread, two, and so on. No product can exceed that.

use std::hint::black_box;
use std::time::Instant;

/// Sums, enough for two multiply-adds a cycle of four cycles each, and numbers of one.
const SUMS: usize = 12;
const LANES: usize = 16;

const STEPS: usize = 1 << 16;
const ROUNDS: usize = 40;

type Sums = [[f32; LANES]; SUMS];

#[inline(always)]
fn multiply_add(sums: &mut Sums, factor: f32) {
    let mut here = *sums;
    for _ in 0..STEPS {
        for sum in &mut here {
            for x in sum {
                *x = factor.mul_add(*x, factor);
            }
        }
    }
    *sums = here;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(sums: &mut Sums, factor: f32) {
    multiply_add(sums, factor);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(sums: &mut Sums, factor: f32) {
    multiply_add(sums, factor);
}

#[cfg(target_arch = "x86_64")]
fn run(sums: &mut Sums, factor: f32) {
    use fanin::simd::{Level, level};
    match level() {
        // SAFETY: `level` never exceeds what the CPU has.
        Level::Avx512 => unsafe { avx512(sums, factor) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { avx2(sums, factor) },
        Level::Baseline => multiply_add(sums, factor),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn run(sums: &mut Sums, factor: f32) {
    multiply_add(sums, factor);
}

/// Seconds of the fastest round.
fn fastest() -> f64 {
    let mut sums = [[1.0; LANES]; SUMS];
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run(black_box(&mut sums), black_box(0.5));
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn main() {
    let operations = (2 * STEPS * SUMS * LANES) as f64;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in 1..=cores {
        let rate: f64 = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(fastest)).collect();
            let rates = all.into_iter().map(|thread| thread.join().expect("a rate"));
            rates.map(|seconds| operations / seconds / 1e9).sum()
        });
        println!("{threads} {rate:.1}");
    }
}
