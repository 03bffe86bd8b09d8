//! A training step allocates nothing of its own: everything it needs is made when the trainer is.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use common::{activation, adam, batch_normalization, dense, dropout, normals, sparse_crossentropy};
use fanin::losses::{self, Targets};
use fanin::metrics;
use fanin::network::{Arrays, Data, Objective, Plan, Trainer};
use fanin::optimizers;
use fanin::parallel::Threads;
use fanin::settings::{Settings, Value};
use gemm::Parallelism;

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
    let loss = losses::from_settings(&sparse_crossentropy()).unwrap();
    let metric = metrics::from_settings(&Settings::new("sparse_categorical_accuracy")).unwrap();
    let (trained, objective) = Objective::new(&plan, loss, vec![metric]).unwrap();
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
    let mut progress = [0.0; 4];
    let data = Data {
        x: &x,
        y: Targets::Classes(&y),
        weights: &[],
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

/// Allocations of one product of the crate that `linalg` uses: m x k times k x n, each transposed or not.
fn of_product((m, k, n): (usize, usize, usize), a_transposed: bool, b_transposed: bool) -> usize {
    let (a, b, mut out) = (
        vec![1.0f32; m * k],
        vec![1.0f32; k * n],
        vec![0.0f32; m * n],
    );
    let strides = |rows: usize, columns: usize, transposed| {
        if transposed {
            (rows as isize, 1)
        } else {
            (1, columns as isize)
        }
    };
    let ((a_column, a_row), (b_column, b_row)) =
        (strides(m, k, a_transposed), strides(k, n, b_transposed));
    let before = COUNT.get();
    // SAFETY: the strides are those of the three arrays, which are as long as their shapes say.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
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
fn a_step_with_products_allocates_what_they_pack_into_and_nothing_else() {
    let widths = [784, 128, 64, 10];
    let layers = [
        dense(128, "relu"),
        batch_normalization(),
        dense(64, "silu"),
        dense(10, "softmax"),
    ];
    // The first product finds out what the CPU can do.
    of_product((8, 8, 8), false, false);
    let products: usize = (0..3)
        .map(|i| {
            let (fan_in, fan_out) = (widths[i], widths[i + 1]);
            let forward = of_product((BATCH, fan_in, fan_out), false, false);
            let dw = of_product((fan_in, BATCH, fan_out), true, false);
            let dx = if i > 0 {
                of_product((BATCH, fan_out, fan_in), false, true)
            } else {
                0
            };
            forward + dw + dx
        })
        .sum();
    // Not always equal: what is packed depends on where an array happens to lie in memory, too.
    assert!(allocations(784, &layers) <= 9 * products);
}
