//! Nanoseconds per element of the samplers and the orthogonal initializer, on one and two threads.
//!
//! The array exists already, so this is the arithmetic without the kernel handing out memory.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanin::initializers::{Constant, Initializer, Orthogonal};
use fanin::parallel::Threads;
use fanin::random::{Normal, Sample, Stream, TruncatedNormal, Uniform};

fn fill<F: Sample>(
    criterion: &mut Criterion,
    name: &str,
    side: usize,
    initializer: &impl Initializer<F>,
) {
    let mut group = criterion.benchmark_group(format!("{name} {}", F::NAME));
    let stream = Stream::new("0", "bench");
    let mut out = vec![F::ZERO; side * side];
    group.throughput(Throughput::Elements(out.len() as u64));
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::from_parameter(threads), |bencher| {
            let threads = Threads::new(threads).unwrap();
            bencher.iter(|| {
                let filled = initializer.fill(&mut out, &[side, side], &stream, threads);
                filled.unwrap();
            });
        });
    }
}

fn samplers<F: Sample>(criterion: &mut Criterion) {
    let side = 1024;
    fill::<F>(criterion, "constant", side, &Constant::new(1.0).unwrap());
    fill::<F>(
        criterion,
        "uniform",
        side,
        &Uniform::new(-1.0, 1.0).unwrap(),
    );
    fill::<F>(criterion, "normal", side, &Normal::new(0.0, 1.0).unwrap());
    let truncated = TruncatedNormal::within_two(0.0, 1.0).unwrap();
    fill::<F>(criterion, "truncated normal", side, &truncated);
    let tail = TruncatedNormal::new(0.0, 1.0, 3.0, f64::INFINITY).unwrap();
    fill::<F>(criterion, "normal beyond 3", side, &tail);
}

fn orthogonal<F: Sample>(criterion: &mut Criterion) {
    fill::<F>(criterion, "orthogonal", 512, &Orthogonal::new(1.0).unwrap());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = samplers::<f32>, samplers::<f64>, orthogonal::<f32>, orthogonal::<f64>
}
criterion_main!(benches);
