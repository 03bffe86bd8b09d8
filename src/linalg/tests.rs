//! Products are, to the bit, what `product.rs` says, whatever computes them.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use proptest::prelude::*;
use proptest::sample::select;

use super::product::BLOCK;
use super::*;
use crate::simd::{Level, detected, set_level};

/// The number that `product.rs` describes.
fn element<F: Float>(a: ArrayView1<F>, b: ArrayView1<F>) -> F {
    let terms: Vec<_> = a.iter().zip(b).collect();
    let sums = terms.chunks(BLOCK).map(|block| {
        let chain = |sum: F, &(&a, &b): &(&F, &F)| a.mul_add(b, sum);
        block.iter().fold(F::ZERO, chain)
    });
    sums.reduce(|sum, block| sum + block).unwrap_or(F::ZERO)
}

fn by_definition<F: Float>(a: ArrayView2<F>, b: ArrayView2<F>) -> Array2<F> {
    let element = |(i, j)| element(a.row(i), b.column(j));
    Array2::from_shape_fn((a.nrows(), b.ncols()), element)
}

/// Whether two matrices are equal to the bit, but for the payloads of NaN.
fn same<F: Float>(a: ArrayView2<F>, b: ArrayView2<F>) -> bool {
    let bits = |x: F| {
        let x = x.wide();
        if x.is_nan() {
            f64::NAN.to_bits()
        } else {
            x.to_bits()
        }
    };
    a.dim() == b.dim() && a.iter().zip(b).all(|(&a, &b)| bits(a) == bits(b))
}

/// Numbers without a pattern that sums could hide in, some of them special where a test wants them.
fn matrix<F: Float>(rows: usize, columns: usize, seed: u64, specials: &[f64]) -> Array2<F> {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    Array2::from_shape_fn((rows, columns), |_| {
        let (x, size, pick) = (next(), next(), next());
        match specials.get((pick * 40.0) as usize) {
            Some(&special) => F::of(special),
            None => F::of((x - 0.5) * (20.0 * size - 10.0).exp2()),
        }
    })
}

/// The same matrix, where its elements lie otherwise.
#[derive(Debug, Clone, Copy)]
enum Lies {
    Rows,
    Columns,
    Apart,
    Backwards,
}

const LIES: [Lies; 4] = [Lies::Rows, Lies::Columns, Lies::Apart, Lies::Backwards];

/// Room for a matrix that lies so, filled with NaN, and the view of it.
fn room<F: Float>((rows, columns): (usize, usize), lies: Lies) -> Array2<F> {
    let shape = match lies {
        Lies::Rows | Lies::Backwards => (rows, columns),
        Lies::Columns => (columns, rows),
        Lies::Apart => (2 * rows, 3 * columns + 1),
    };
    Array2::from_elem(shape, F::of(f64::NAN))
}

fn view<F: Float>(room: &mut Array2<F>, lies: Lies) -> ArrayViewMut2<'_, F> {
    match lies {
        Lies::Rows => room.view_mut(),
        Lies::Columns => room.view_mut().reversed_axes(),
        Lies::Apart => room.slice_mut(s![..;2, 1..;3]),
        Lies::Backwards => room.slice_mut(s![..;-1, ..;-1]),
    }
}

fn lying<F: Float>(matrix: &Array2<F>, lies: Lies) -> Array2<F> {
    let mut room = room(matrix.dim(), lies);
    view(&mut room, lies).assign(matrix);
    room
}

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|&level| level <= detected())
}

/// Every level gives the product that is described, of matrices that lie so.
fn check<F: Float>(a: &Array2<F>, b: &Array2<F>, [in_a, in_b, in_out]: [Lies; 3]) {
    let expected = by_definition(a.view(), b.view());
    let (mut room_a, mut room_b) = (lying(a, in_a), lying(b, in_b));
    let (view_a, view_b) = (view(&mut room_a, in_a), view(&mut room_b, in_b));
    for level in levels() {
        set_level(level);
        let mut out = room(expected.dim(), in_out);
        matmul(
            Threads::ONE,
            view_a.view(),
            view_b.view(),
            view(&mut out, in_out),
        );
        let found = view(&mut out, in_out);
        let ((m, k), n) = (a.dim(), b.ncols());
        assert!(
            same(found.view(), expected.view()),
            "{m}x{k} · {k}x{n} of {} at {level:?}, {in_a:?} · {in_b:?} into {in_out:?}",
            F::NAME
        );
    }
    set_level(detected());
}

const SPECIALS: [f64; 8] = [
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    0.0,
    -0.0,
    1e-42,
    3e38,
    -5e-324,
];

/// Around the sizes of tiles and vectors.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..20,
        select(vec![
            23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 66, 95, 100, 127, 129
        ])
    ]
}

/// Around the sizes of blocks and of what is copied together.
fn terms() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..80,
        select(vec![511, 512, 513, 1023, 1024, 1030, 1537])
    ]
}

fn lies() -> impl Strategy<Value = Lies> {
    select(LIES.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn products_are_what_is_written_at_every_level(
        (m, k, n) in (size(), terms(), size()), lies in [lies(), lies(), lies()], seed: u64, special: bool,
    ) {
        let specials = if special { &SPECIALS[..] } else { &[] };
        check(&matrix::<f32>(m, k, seed, specials), &matrix(k, n, seed ^ 1, specials), lies);
        check(&matrix::<f64>(m, k, seed, specials), &matrix(k, n, seed ^ 1, specials), lies);
    }

    #[test]
    fn a_row_alone_has_the_bits_of_the_row_among_others((m, k, n) in (2usize..40, terms(), size()), lies in lies(), seed: u64) {
        let (a, mut b) = (matrix::<f32>(m, k, seed, &[]), lying(&matrix(k, n, seed ^ 1, &[]), lies));
        let b = view(&mut b, lies);
        let product = |a: ArrayView2<f32>| {
            let mut out = Array2::zeros((a.nrows(), n));
            matmul(Threads::ONE, a, b.view(), out.view_mut());
            out
        };
        let whole = product(a.view());
        for rows in [1, 2, 3, 5] {
            for (a, whole) in a.axis_chunks_iter(Axis(0), rows).zip(whole.axis_chunks_iter(Axis(0), rows)) {
                prop_assert!(same(product(a).view(), whole));
            }
        }
    }
}

#[test]
fn large_products_are_what_is_written() {
    // Above what is used where it lies, above the rows that share a panel, and cut for threads.
    for (m, k, n) in [
        (30, 1030, 270),
        (510, 40, 70),
        (1010, 20, 33),
        (25, 2100, 130),
        // Few columns, and as many rows of the transposed product.
        (270, 1030, 10),
        (100, 600, 13),
    ] {
        for (in_a, in_b) in [
            (Lies::Rows, Lies::Rows),
            (Lies::Columns, Lies::Rows),
            (Lies::Rows, Lies::Columns),
        ] {
            let lies = [in_a, in_b, Lies::Rows];
            check(&matrix::<f32>(m, k, 3, &[]), &matrix(k, n, 4, &[]), lies);
            check(&matrix::<f64>(m, k, 3, &[]), &matrix(k, n, 4, &[]), lies);
        }
    }
}

#[test]
fn empty_products_are_zeros() {
    for (m, k, n) in [(0, 3, 2), (3, 2, 0), (0, 0, 0), (2, 0, 3)] {
        let mut out = Array2::from_elem((m, n), f32::NAN);
        matmul(
            Threads::ONE,
            Array2::zeros((m, k)).view(),
            Array2::zeros((k, n)).view(),
            out.view_mut(),
        );
        assert!(out.dim() == (m, n) && out.iter().all(|&x| x == 0.0));
    }
}

/// The largest error of an element in units of u·Σ|aᵢbᵢ|.
fn error_of<F: Float>(k: usize) -> f64 {
    let unit = if size_of::<F>() == 4 {
        2f64.powi(-24)
    } else {
        2f64.powi(-53)
    };
    let (a, b) = (matrix::<F>(3, k, 5, &[]), matrix::<F>(k, 17, 6, &[]));
    let mut out = Array2::from_elem((3, 17), F::ZERO);
    matmul(Threads::ONE, a.view(), b.view(), out.view_mut());
    let of = |(i, j)| {
        // Two doubles hold the sum of the products and of what their roundings lost.
        let (mut sum, mut lost, mut size) = (0.0f64, 0.0, 0.0);
        for (a, b) in a.row(i).iter().zip(b.column(j)) {
            let (a, b): (f64, f64) = (a.wide(), b.wide());
            let product = a * b;
            let next = sum + product;
            let of_product = next - sum;
            lost += (sum - (next - of_product)) + (product - of_product) + a.mul_add(b, -product);
            (sum, size) = (next, size + product.abs());
        }
        (out[[i, j]].wide() - sum - lost).abs() / (unit * size)
    };
    (0..3)
        .flat_map(|i| (0..17).map(move |j| of((i, j))))
        .fold(0.0, f64::max)
}

#[test]
fn errors_are_within_the_bound() {
    for k in [1, 10, 512, 5_000, 60_000, 1_000_000] {
        let bound = (BLOCK.min(k) + k.div_ceil(BLOCK)) as f64;
        let (single, double) = (error_of::<f32>(k), error_of::<f64>(k));
        assert!(
            single <= bound && double <= bound,
            "{k}: {single} and {double} of {bound}"
        );
        // Roundings go either way: what is found is far below the bound.
        assert!(
            k < 5_000 || single.max(double) < 0.05 * bound,
            "{k}: {single} and {double}"
        );
    }
}

#[test]
fn inner_products_are_those_of_all_pairs() {
    for rows in [1, 64, 65, 200] {
        let a = matrix::<f64>(rows, 7, 8, &[]);
        let mut out = Array2::from_elem((rows, rows), f64::NAN);
        inner_products(Threads::ONE, a.view(), out.view_mut());
        let expected = by_definition(a.view(), a.t());
        for i in 0..rows {
            assert_eq!(out.slice(s![i, i..]), expected.slice(s![i, i..]));
        }
    }
}

#[test]
fn pieces_have_the_bits_of_the_whole() {
    for (m, k, n) in [(4500, 300, 70), (4096, 700, 10), (8191, 90, 200)] {
        let (a, b) = (matrix::<f64>(m, k, 1, &[]), matrix(k, n, 2, &[]));
        let mut whole = Array2::from_elem((m, n), f64::NAN);
        matmul(Threads::ONE, a.view(), b.view(), whole.view_mut());
        for pieces in [1, 2, 3, 100] {
            let mut out = Array2::from_elem((m, n), f64::NAN);
            let mut end = 0;
            for piece in 0..pieces {
                let rows = rows_of_piece(m, piece, pieces);
                assert!(rows.start == end && (rows.is_empty() || rows.len() >= ROWS_OF_PIECE));
                end = rows.end;
                let (a, out) = (a.slice(s![rows.clone(), ..]), out.slice_mut(s![rows, ..]));
                matmul(Threads::ONE, a, b.view(), out);
            }
            assert!(
                end == m && out == whole,
                "{m}x{k} · {k}x{n}, {pieces} pieces"
            );
        }
    }
    assert_eq!(rows_of_piece(3, 0, 1), 0..3);
    assert_eq!((pieces((1, 1, 1)), pieces((0, 1, 1))), (1, 1));
    assert_eq!(pieces((1 << 12, 1 << 12, 1 << 12)), 16);
}

fn bits_do_not_depend_on_threads<F: Float>(m: usize, k: usize, n: usize) {
    let (a, b) = (matrix::<F>(m, k, 1, &[]), matrix(k, n, 2, &[]));
    let (at, bt) = (lying(&a, Lies::Columns), lying(&b, Lies::Columns));
    let product = |threads, a: ArrayView2<F>, b: ArrayView2<F>| {
        let mut out = Array2::from_elem((m, n), F::of(f64::NAN));
        let threads = Threads::new(threads).unwrap();
        // From outside a pool only larger ones are shared.
        parallel::run(threads, |threads| matmul(threads, a, b, out.view_mut()));
        out
    };
    for (a, b) in [(a.view(), b.view()), (at.t(), b.view()), (a.view(), bt.t())] {
        let alone = product(1, a, b);
        for threads in [2, 3, 8, 17] {
            let shared = product(threads, a, b);
            assert!(alone == shared, "{m}x{k} · {k}x{n}, {threads} threads");
        }
    }
}

#[test]
fn products_have_the_same_bits_for_any_number_of_threads() {
    for (m, k, n) in [
        (64, 784, 128),
        (784, 64, 128),
        (65, 1100, 66),
        (40, 3000, 100),
        (96, 1024, 130),
        (256, 300, 512),
        (17, 600, 999),
    ] {
        bits_do_not_depend_on_threads::<f32>(m, k, n);
        bits_do_not_depend_on_threads::<f64>(m, k, n);
    }
}
