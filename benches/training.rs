//! One training step (gather, forward, loss, backward, Adam) of networks from tiny to large.

#[path = "../tests/rust/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{adam, batch_normalization, dense, normals, sparse_crossentropy};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{Arrays, Data, Kept, Labels, Objective, Plan, Trainer};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::Settings;

/// Widths from input to output, whether hidden layers are normalized, batch size.
const NETWORKS: [(&[usize], bool, usize); 5] = [
    (&[2, 3, 2, 2], true, 32),
    (&[64, 64, 10], false, 32),
    (&[784, 128, 10], false, 64),
    (&[784, 512, 512, 10], true, 256),
    (&[1024, 2048, 2048, 2048, 10], true, 512),
];

/// How long training goes on before it looks up.
const SLICE: Duration = Duration::from_millis(50);

fn layers(widths: &[usize], normalized: bool) -> Vec<Settings> {
    let (&last, hidden) = widths[1..].split_last().expect("two widths");
    let mut layers = Vec::new();
    for &width in hidden {
        layers.push(dense(width, "relu"));
        if normalized {
            layers.push(batch_normalization());
        }
    }
    layers.push(dense(last, "softmax"));
    layers
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.sample_size(10);
    for (widths, normalized, batch) in NETWORKS {
        let plan = Plan::<f32>::new(&widths[..1], &layers(widths, normalized)).expect("a plan");
        let samples = 4 * batch;
        let x: Vec<f32> = normals("x", samples * widths[0])
            .iter()
            .map(|&z| z as f32)
            .collect();
        let classes = widths[widths.len() - 1] as i64;
        let y: Vec<i64> = (0..samples as i64).map(|i| i % classes).collect();
        let mut w: Vec<f32> = normals("w", plan.parameter_count())
            .iter()
            .map(|&z| 0.05 * z as f32)
            .collect();
        let (mut state, mut slots) = (vec![1.0; plan.state_count()], vec![0.0; 2 * w.len()]);
        for threads in [1, 2] {
            let name = widths
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("-");
            let id = BenchmarkId::new(name, format!("{threads}t"));
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|count| {
                    let count = count as usize;
                    let order: Vec<u32> = (0..count * batch)
                        .map(|i| (i * 7 % samples) as u32)
                        .collect();
                    let rates = vec![1e-4; count];
                    let loss = losses::from_settings(&sparse_crossentropy()).expect("a loss");
                    let metric =
                        metrics::from_settings(&Settings::new("sparse_categorical_accuracy"));
                    let (plan, objective) =
                        Objective::new(&plan, loss, vec![metric.expect("a metric")])
                            .expect("an objective");
                    let rule = optimizers::from_settings(&adam()).expect("a rule");
                    let data = Data {
                        x: Kept::Numbers(&x),
                        labels: vec![Labels {
                            y: Targets::Classes(&y),
                            weights: &[],
                        }],
                    };
                    let threads = Threads::new(threads).expect("threads");
                    let mut trainer =
                        Trainer::new(plan, objective, rule, data, &order, batch, &rates, threads)
                            .expect("a trainer");
                    let mut progress = [0.0; 4];
                    let mut arrays = Arrays {
                        w: &mut w,
                        state: &mut state,
                        slots: &mut slots,
                        progress: &mut progress,
                        outputs: &mut [],
                    };
                    let start = Instant::now();
                    // As `fit` does: in slices of many steps.
                    while !trainer.run_until(Instant::now() + SLICE, &mut arrays) {}
                    start.elapsed()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
