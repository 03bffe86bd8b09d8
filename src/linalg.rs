//! The only door to matrix products and factorisations.

mod qr;
mod slab;

use std::ops::Range;
use std::sync::OnceLock;

use gemm::Parallelism;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::error::{Error, Result, caught};
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::simd::kernel;

pub(crate) use qr::orthonormalize;

/// Multiply-adds under which a product is not worth a second thread.
pub(crate) const PARALLEL_FROM: usize = CUT_FROM;

/// Rows, multiply-adds for an element, and columns of a product.
pub(crate) type Sizes = (usize, usize, usize);

/// Check that products of these sizes can be computed on this machine; before anything is changed.
pub(crate) fn check(products: impl IntoIterator<Item = Sizes>) -> Result<()> {
    // Without blocks `gemm` needs to know nothing.
    let needs_no_blocks = |(m, k, n): Sizes| k <= 2 || stays_here((m, k, n));
    if products.into_iter().all(needs_no_blocks) {
        Ok(())
    } else {
        look_at_machine()
    }
}

/// Whether a product is computed by the kernels of this file.
fn stays_here((m, k, n): Sizes) -> bool {
    n <= NARROW && m.saturating_mul(k) <= NARROW_FROM
}

/// Let `gemm` find out how large the caches are, which it does at its first product, and panics at what it does not
/// know. What it finds is the same at every product, and so is the answer here.
fn look_at_machine() -> Result<()> {
    static PANIC: OnceLock<Option<String>> = OnceLock::new();
    let panic = PANIC.get_or_init(|| {
        // Blocks that would not fit into a cache of this size are as deep as these.
        let (m, k, n) = (SMALL + 1, 512, 4);
        let first = || {
            let (a, b) = (Array2::zeros((m, k)), Array2::zeros((k, n)));
            product::<f32>(a.view(), b.view(), Array2::zeros((m, n)).view_mut());
            let (a, b) = (Array2::zeros((m, k)), Array2::zeros((k, n)));
            product::<f64>(a.view(), b.view(), Array2::zeros((m, n)).view_mut());
        };
        caught(first).err()
    });
    panic.as_ref().map_or(Ok(()), |words| {
        Err(Error::runtime(
            "products",
            "caches of levels 1 to 3 in /sys/devices/system/cpu, or in the answer of lscpu where that cannot be read",
            format!("something else: {words}"),
        ))
    })
}

/// `out = a · b`; transposed views (`a.t()`) cost nothing. Callers have [checked](check) that this machine can.
///
/// # Panics
///
/// If the shapes do not fit: callers have checked them.
pub(crate) fn matmul<F: Float>(
    threads: Threads,
    a: ArrayView2<F>,
    b: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert!(
        b.nrows() == k && out.dim() == (m, n),
        "matmul: {m}x{k} · {}x{n} into {:?}",
        b.nrows(),
        out.dim()
    );
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        out.fill(F::ZERO);
        return;
    }
    if m == 1
        && let (Some(a), Some(b), Some(out)) = (a.as_slice(), b.as_slice(), out.as_slice_mut())
    {
        return row_times_matrix(a, b, out);
    }
    if stays_here((m, k, n)) {
        return narrow(a, b, out);
    }
    match threads.for_part(m * n * k, PARALLEL_FROM) {
        Threads::ONE => product(a, b, out),
        threads => {
            let mut pieces = Vec::new();
            cut(PIECES * threads.get(), a, b, out, &mut pieces);
            parallel::for_each(threads, pieces, |(a, b, out)| product(a, b, out));
        }
    }
}

/// Multiply-adds that take about a tenth of a second.
const QUICK: usize = 1 << 32;

/// Rows that a piece of a product that takes longer has at least: the right matrix is packed anew for each piece, which for a
/// transposed one takes as long as some hundred rows.
const ROWS_OF_PIECE: usize = 2048;

/// Pieces of rows that a product is done in, so that others can look at signals in between.
pub(crate) fn pieces((m, k, n): Sizes) -> usize {
    let multiply_adds = m.saturating_mul(k).saturating_mul(n);
    multiply_adds.div_ceil(QUICK).max(1)
}

/// The rows of a product of `m` rows that are piece number `piece` of so many. Pieces are not small, so that each element
/// has the bits that it has in the whole product; where there are too few rows for all pieces, the last ones are empty.
pub(crate) fn rows_of_piece(m: usize, piece: usize, pieces: usize) -> Range<usize> {
    if pieces == 1 {
        return 0..m;
    }
    let count = pieces.min(m / ROWS_OF_PIECE).max(1);
    let start = |piece: usize| {
        if piece >= count {
            m
        } else {
            (m as u128 * piece as u128 / count as u128) as usize / ROWS_OF_PIECE * ROWS_OF_PIECE
        }
    };
    start(piece)..start(piece + 1)
}

/// out = A·Aᵀ on and above the diagonal, for as few multiply-adds; what is below it says nothing.
pub(crate) fn inner_products<F: Float>(
    threads: Threads,
    a: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
) -> Result<()> {
    let size = a.nrows();
    check([(size.min(SMALL), a.ncols(), size)])?;
    for start in (0..size).step_by(SMALL) {
        let end = size.min(start + SMALL);
        let (rows, columns) = (a.slice(s![start..end, ..]), a.slice(s![start.., ..]));
        let out = out.slice_mut(s![start..end, start..]);
        matmul(threads, rows, columns.reversed_axes(), out);
    }
    Ok(())
}

/// Pieces that a product is cut into for each thread: what one thread is late with, another can take.
const PIECES: usize = 2;

/// Multiply-adds of the smallest product that is cut.
const CUT_FROM: usize = 1 << 22;

/// Products of no more rows and columns than this `gemm` adds up in another order than larger ones, whose order
/// depends on k alone. Nothing is cut down to them, so where a product is cut changes no bit of it.
const SMALL: usize = 64;

/// A product of two matrices and where it goes.
type Piece<'a, F> = (ArrayView2<'a, F>, ArrayView2<'a, F>, ArrayViewMut2<'a, F>);

/// Cut out = a · b into about so many products for threads to share.
fn cut<'a, F: Float>(
    count: usize,
    a: ArrayView2<'a, F>,
    b: ArrayView2<'a, F>,
    out: ArrayViewMut2<'a, F>,
    pieces: &mut Vec<Piece<'a, F>>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let (half_m, half_n) = (half(m), half(n));
    if count > 1 && m * n * k >= CUT_FROM {
        if half_m.max(n) > SMALL && (m >= n || half_n.max(m) <= SMALL) {
            let (top, bottom) = a.split_at(Axis(0), half_m);
            let (out_top, out_bottom) = out.split_at(Axis(0), half_m);
            cut(count / 2, top, b, out_top, pieces);
            return cut(count / 2, bottom, b, out_bottom, pieces);
        }
        if half_n.max(m) > SMALL {
            let (left, right) = b.split_at(Axis(1), half_n);
            let (out_left, out_right) = out.split_at(Axis(1), half_n);
            cut(count / 2, a, left, out_left, pieces);
            return cut(count / 2, a, right, out_right, pieces);
        }
    }
    pieces.push((a, b, out));
}

/// Where to cut: about in the middle, and the smaller part first so that a test of it holds for both.
fn half(len: usize) -> usize {
    const VECTORS: usize = 16;
    if len < 4 * VECTORS {
        len / 2
    } else {
        len / 2 / VECTORS * VECTORS
    }
}

/// out = a · b on this thread.
fn product<F: Float>(a: ArrayView2<F>, b: ArrayView2<F>, mut out: ArrayViewMut2<F>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let (out_strides, a_strides, b_strides) = (
        strides(out.strides()),
        strides(a.strides()),
        strides(b.strides()),
    );
    // SAFETY: each pointer and its strides come from one ndarray view of a shape that `matmul` has asserted, or from
    // a part of it that ndarray cut off, so every element that `gemm` touches lies inside that view; `out` is borrowed
    // mutably, so it overlaps neither `a` nor `b`; the views outlive the call.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_strides.1,
            out_strides.0,
            false,
            a.as_ptr(),
            a_strides.1,
            a_strides.0,
            b.as_ptr(),
            b_strides.1,
            b_strides.0,
            F::ZERO,
            F::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Columns of a product that is computed row by row, in registers: what packing costs would be most of it.
const NARROW: usize = 16;

/// Elements of the left matrix from which on packing pays all the same.
const NARROW_FROM: usize = 1 << 17;

/// Rows of the right matrix that are copied together, with zeros behind.
const NARROW_ROWS: usize = 64;

kernel! {
    /// A product of few columns: four rows at a time, each a vector of sums.
    fn narrow<F: Float>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, out: ArrayViewMut2<'_, F>) {
        let ((m, k), n) = (a.dim(), b.ncols());
        let (a_strides, b_strides, out_strides) = (strides(a.strides()), strides(b.strides()), strides(out.strides()));
        let mut out = out;
        assert!(n <= NARROW && b.nrows() == k && out.dim() == (m, n), "as `matmul` asserts");
        let mut block = [[F::ZERO; NARROW]; NARROW_ROWS];
        for start in (0..k).step_by(NARROW_ROWS) {
            let block = &mut block[..NARROW_ROWS.min(k - start)];
            for (p, row) in block.iter_mut().enumerate() {
                for (j, to) in row[..n].iter_mut().enumerate() {
                    // SAFETY: below k and n.
                    *to = unsafe { *b.as_ptr().offset((start + p) as isize * b_strides.0 + j as isize * b_strides.1) };
                }
            }
            for i in (0..m).step_by(4) {
                // The last row is summed again where there are no four left.
                let starts: [_; 4] = std::array::from_fn(|r| (i + r).min(m - 1) as isize * a_strides.0);
                let zeros = [F::ZERO; NARROW];
                // Four names, not an array of them: those stay in registers.
                let (mut sums_0, mut sums_1, mut sums_2, mut sums_3) = (zeros, zeros, zeros, zeros);
                for (p, b) in block.iter().enumerate() {
                    let column = (start + p) as isize * a_strides.1;
                    // SAFETY: below m and k.
                    let at = |row: isize| unsafe { *a.as_ptr().offset(row + column) };
                    let (a_0, a_1, a_2, a_3) = (at(starts[0]), at(starts[1]), at(starts[2]), at(starts[3]));
                    for j in 0..NARROW {
                        sums_0[j] += a_0 * b[j];
                        sums_1[j] += a_1 * b[j];
                        sums_2[j] += a_2 * b[j];
                        sums_3[j] += a_3 * b[j];
                    }
                }
                for (i, sums) in (i..m).zip([&sums_0, &sums_1, &sums_2, &sums_3]) {
                    for (j, &sum) in sums[..n].iter().enumerate() {
                        // SAFETY: below m and n.
                        let out = unsafe { &mut *out.as_mut_ptr().offset(i as isize * out_strides.0 + j as isize * out_strides.1) };
                        *out = if start == 0 { sum } else { *out + sum };
                    }
                }
            }
        }
    }

    /// One sample: each row of the matrix is read once, as it lies, and nothing is packed. Four rows go at a time, so
    /// that sums are fetched and put back a fourth as often; they are added in the same order.
    fn row_times_matrix<F: Float>(a: &[F], b: &[F], out: &mut [F]) {
        let n = out.len();
        out.fill(F::ZERO);
        let (fours, rest) = (a.chunks_exact(4), b.chunks_exact(4 * n).remainder());
        let ones = fours.remainder();
        for (a, b) in fours.zip(b.chunks_exact(4 * n)) {
            let (b_0, b_1, b_2, b_3) = (&b[..n], &b[n..2 * n], &b[2 * n..3 * n], &b[3 * n..]);
            for (j, out) in out.iter_mut().enumerate() {
                *out = *out + a[0] * b_0[j] + a[1] * b_1[j] + a[2] * b_2[j] + a[3] * b_3[j];
            }
        }
        for (&a, b) in ones.iter().zip(rest.chunks_exact(n)) {
            for (out, &b) in out.iter_mut().zip(b) {
                *out += a * b;
            }
        }
    }
}

/// Row and column stride.
fn strides(of: &[isize]) -> (isize, isize) {
    (of[0], of[1])
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// The product by its definition.
    fn by_definition(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
        Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
            (0..a.ncols()).map(|k| a[[i, k]] * b[[k, j]]).sum()
        })
    }

    fn matrix(rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            ((i * 7 + j * 13) % 11) as f64 - 5.0
        })
    }

    #[test]
    fn products_are_what_the_definition_says_for_any_shape_and_transposition() {
        for m in [1, 2, 7, 64] {
            for k in [0, 1, 5, 100] {
                for n in [1, 3, 16, 130] {
                    let (a, b) = (matrix(m, k), matrix(k, n));
                    let (at, bt) = (
                        a.t().as_standard_layout().to_owned(),
                        b.t().as_standard_layout().to_owned(),
                    );
                    let expected = by_definition(&a, &b);
                    for (a, b) in [(a.view(), b.view()), (at.t(), b.view()), (a.view(), bt.t())] {
                        let mut out = Array2::from_elem((m, n), f64::NAN);
                        matmul(Threads::ONE, a, b, out.view_mut());
                        assert_eq!(out, expected, "{m}x{k} · {k}x{n}");
                    }
                }
            }
        }
    }

    #[test]
    fn this_machine_can_and_what_stays_here_needs_none() {
        assert_eq!(check([(100, 30, 40), (7, 3, 5)]), Ok(()));
        assert!(stays_here((NARROW_FROM, 1, NARROW)));
        assert!(!stays_here((NARROW_FROM, 2, 1)) && !stays_here((1, 1, NARROW + 1)));
    }

    #[test]
    fn inner_products_are_those_of_all_pairs() {
        for rows in [1, 64, 65, 200] {
            let a = matrix(rows, 7);
            let mut out = Array2::from_elem((rows, rows), f64::NAN);
            inner_products(Threads::ONE, a.view(), out.view_mut()).unwrap();
            let expected = by_definition(&a, &a.t().to_owned());
            for i in 0..rows {
                assert_eq!(out.slice(s![i, i..]), expected.slice(s![i, i..]));
            }
        }
    }

    #[test]
    fn pieces_have_the_bits_of_the_whole() {
        for (m, k, n) in [(4500, 300, 70), (4096, 700, 10), (8191, 90, 200)] {
            let (a, b) = (matrix(m, k).mapv(f64::sin), matrix(k, n).mapv(f64::cos));
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
        let numbers =
            |rows, columns, f: fn(f64) -> f64| matrix(rows, columns).mapv(|x| F::of(f(x)));
        let (a, b) = (numbers(m, k, f64::sin), numbers(k, n, f64::cos));
        let (at, bt) = (
            a.t().as_standard_layout().to_owned(),
            b.t().as_standard_layout().to_owned(),
        );
        let product = |threads, a: ArrayView2<F>, b: ArrayView2<F>| {
            let mut out = Array2::from_elem((m, n), F::of(f64::NAN));
            matmul(Threads::new(threads).unwrap(), a, b, out.view_mut());
            out
        };
        for (a, b) in [(a.view(), b.view()), (at.t(), b.view()), (a.view(), bt.t())] {
            let alone = product(1, a, b);
            for threads in [2, 3, 8] {
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
            (128, 784, 64),
            (65, 1100, 66),
            (64, 1100, 64),
            (40, 3000, 100),
            (256, 300, 512),
            (17, 600, 999),
        ] {
            bits_do_not_depend_on_threads::<f32>(m, k, n);
            bits_do_not_depend_on_threads::<f64>(m, k, n);
        }
    }
}
