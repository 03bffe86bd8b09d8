//! A training step allocates nothing of its own: everything it needs is made when the trainer is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::common::{
    activation, adam, batch_normalization, dense, dropout, normals, sparse_crossentropy,
};
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{Arrays, Call, Data, Goal, Kept, Labels, Objective, Plan, Trainer};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::{Settings, Value};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a `Cell` that needs
// neither allocation nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH: usize = 64;

/// Allocations in nine steps, after a first that finds out what the CPU can do.
fn allocations(width: usize, layers: &[Settings]) -> usize {
    let plan = Plan::<f32>::new(&[width], layers).unwrap();
    allocations_of(width, &plan, 1)
}

/// The same of a network of so many outputs of ten classes each.
fn allocations_of(width: usize, plan: &Plan<f32>, outputs: usize) -> usize {
    let accuracy = || metrics::from_settings(&Settings::new("sparse_categorical_accuracy"));
    let goal = |output| Goal {
        output,
        loss: Some(losses::from_settings(&sparse_crossentropy()).unwrap()),
        weight: 1.0,
        metrics: vec![accuracy().unwrap()],
        weighted: vec![accuracy().unwrap()],
    };
    let goals = (0..outputs).map(goal).collect();
    let (trained, objective) = Objective::of(plan, goals).unwrap();
    let samples = 10 * BATCH;
    let x: Vec<f32> = normals("x", samples * width)
        .iter()
        .map(|&z| z as f32)
        .collect();
    let y: Vec<i64> = (0..samples as i64).map(|i| i % 10).collect();
    let order: Vec<u32> = (0..samples as u32).collect();
    let mut w: Vec<f32> = normals("w", plan.parameter_count())
        .iter()
        .map(|&z| 0.1 * z as f32)
        .collect();
    let (mut state, mut slots) = (vec![1.0; plan.state_count()], vec![0.0; 2 * w.len()]);
    let mut progress = vec![0.0; 2 + objective.sums()];
    let labels = Labels {
        y: Targets::Classes(&y),
        weights: &x[..samples],
    };
    let data = Data {
        x: Kept::Numbers(&x),
        labels: vec![labels; outputs],
    };
    let clipped = adam().with("global_clipnorm", Value::Float(1.0));
    let rule = optimizers::from_settings(&clipped).unwrap();
    let mut trainer = Trainer::new(
        trained,
        objective,
        rule,
        data,
        &order,
        BATCH,
        &[1e-3; 10],
        Threads::ONE,
    )
    .unwrap();
    let mut arrays = Arrays {
        w: &mut w,
        state: &mut state,
        slots: &mut slots,
        progress: &mut progress,
        outputs: &mut [],
    };
    assert!(!trainer.run_until(Instant::now(), &mut arrays));
    let before = COUNT.get();
    assert!(trainer.run_until(Instant::now() + Duration::from_secs(60), &mut arrays));
    assert_eq!(progress[0], 10.0);
    COUNT.get() - before
}

#[test]
fn a_step_without_products_allocates_nothing() {
    let alone = |kind| Settings::new("activation").with("activation", activation(kind));
    let layers = [
        alone("silu"),
        batch_normalization(),
        dropout(0.5),
        alone("relu"),
        alone("softmax"),
    ];
    assert_eq!(allocations(10, &layers), 0);
}

#[test]
fn a_narrow_step_allocates_nothing() {
    let layers = [
        dense(5, "gelu"),
        batch_normalization(),
        dense(10, "softmax"),
    ];
    assert_eq!(allocations(4, &layers), 0);
}

#[test]
fn a_step_with_products_allocates_nothing() {
    let layers = [
        dense(128, "relu"),
        batch_normalization(),
        dense(64, "silu"),
        dense(10, "softmax"),
    ];
    assert_eq!(allocations(784, &layers), 0);
    // A kernel of more than is used where it lies.
    assert_eq!(
        allocations(600, &[dense(500, "relu"), dense(10, "softmax")]),
        0
    );
}

#[test]
fn a_step_of_several_outputs_allocates_nothing() {
    let layers = [
        dense(64, "relu"),
        dense(10, "softmax"),
        dense(10, "softmax"),
    ];
    let calls = [(0, 0), (1, 1), (2, 1)].map(|(layer, read)| Call {
        layer,
        reads: vec![read],
    });
    let plan = Plan::of_calls(&[vec![100]], &layers, &calls, &[3, 2]).unwrap();
    assert_eq!(allocations_of(100, &plan, 2), 0);
}
