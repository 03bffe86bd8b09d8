//! The sums and passes over a row-major batch, in stripes of rows that fit into a core's cache.

use crate::float::Float;
use crate::simd::kernel;

/// Rows of a stripe.
pub(super) const STRIPE: usize = 64;

/// Sums that a stripe leaves for each column.
pub(super) const SUMS: usize = 2;

/// The rows of a stripe.
pub(super) fn stripe_of<F>(x: &[F], width: usize, stripe: usize) -> &[F] {
    let start = stripe * STRIPE * width;
    &x[start..x.len().min(start + STRIPE * width)]
}

/// Rows that are taken together where columns are summed: the sums are fetched and put back once for all of them. They
/// are added in their order, so the bits do not depend on it.
const ROWS: usize = 4;

/// R rows of `width`.
#[inline(always)]
fn rows<F, const R: usize>(x: &[F], width: usize) -> [&[F]; R] {
    let mut rows = [x; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &x[r * width..][..width];
    }
    rows
}

/// mean ← mean + (x − pivot) for each of R rows.
#[inline(always)]
fn add_rows<F: Float, const R: usize>(x: &[F], pivot: &[F], mean: &mut [F]) {
    let (width, x) = (pivot.len(), rows::<F, R>(x, pivot.len()));
    for (j, mean) in mean[..width].iter_mut().enumerate() {
        for x in x {
            *mean += x[j] - pivot[j];
        }
    }
}

/// squares ← squares + (x − pivot − mean)² for each of R rows.
#[inline(always)]
fn add_squares<F: Float, const R: usize>(x: &[F], pivot: &[F], mean: &[F], squares: &mut [F]) {
    let (width, x) = (pivot.len(), rows::<F, R>(x, pivot.len()));
    let mean = &mean[..width];
    for (j, squares) in squares[..width].iter_mut().enumerate() {
        for x in x {
            let centred = (x[j] - pivot[j]) - mean[j];
            *squares += centred * centred;
        }
    }
}

/// plain ← plain + dy and tilted ← tilted + dy·(x − μ) for each of R rows.
#[inline(always)]
fn add_gradients<F: Float, const R: usize>(
    x: &[F],
    dy: &[F],
    pivot: &[F],
    mean: &[F],
    plain: &mut [F],
    tilted: &mut [F],
) {
    let width = pivot.len();
    let (x, dy) = (rows::<F, R>(x, width), rows::<F, R>(dy, width));
    let (mean, plain) = (&mean[..width], &mut plain[..width]);
    for (j, tilted) in tilted[..width].iter_mut().enumerate() {
        for (x, dy) in x.iter().zip(dy) {
            plain[j] += dy[j];
            *tilted += dy[j] * ((x[j] - pivot[j]) - mean[j]);
        }
    }
}

kernel! {
    /// `sums` of a stripe: its mean of x − pivot, and Σ (x − pivot − that mean)².
    pub(super) fn stripe_moments<F: Float>(x: &[F], pivot: &[F], sums: &mut [F]) {
        let width = pivot.len();
        let (mean, squares) = sums.split_at_mut(width);
        mean.fill(F::ZERO);
        squares.fill(F::ZERO);
        let (several, single) = x.split_at(x.len() - x.len() % (ROWS * width));
        for x in several.chunks_exact(ROWS * width) {
            add_rows::<F, ROWS>(x, pivot, mean);
        }
        for x in single.chunks_exact(width) {
            add_rows::<F, 1>(x, pivot, mean);
        }
        let share = F::ONE / F::of((x.len() / width) as f64);
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for x in several.chunks_exact(ROWS * width) {
            add_squares::<F, ROWS>(x, pivot, mean, squares);
        }
        for x in single.chunks_exact(width) {
            add_squares::<F, 1>(x, pivot, mean, squares);
        }
    }

    /// Mean and biased variance of all rows, from the moments of the stripes.
    pub(super) fn join_moments<F: Float>(rows: usize, stripes: &[F], mean: &mut [F], variance: &mut [F]) {
        let width = mean.len();
        mean.fill(F::ZERO);
        variance.fill(F::ZERO);
        let rows_of = |stripe: usize| F::of(STRIPE.min(rows - stripe * STRIPE) as f64);
        let all = F::of(rows as f64);
        for (stripe, sums) in stripes.chunks_exact(SUMS * width).enumerate() {
            let share = rows_of(stripe) / all;
            for j in 0..width {
                mean[j] += share * sums[j];
            }
        }
        for (stripe, sums) in stripes.chunks_exact(SUMS * width).enumerate() {
            let (means, squares) = sums.split_at(width);
            let count = rows_of(stripe);
            for j in 0..width {
                let off = means[j] - mean[j];
                variance[j] += (squares[j] + count * off * off) / all;
            }
        }
    }

    /// y = γ x̂ + β = (x − pivot)·scale + shift.
    pub(super) fn normalize<F: Float>(x: &[F], pivot: &[F], scale: &[F], shift: &[F], y: &mut [F]) {
        let width = pivot.len();
        let (scale, shift) = (&scale[..width], &shift[..width]);
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            for j in 0..width {
                y[j] = (x[j] - pivot[j]) * scale[j] + shift[j];
            }
        }
    }

    /// `sums` of a stripe: Σ dy and Σ dy·(x − μ).
    pub(super) fn stripe_gradients<F: Float>(x: &[F], dy: &[F], pivot: &[F], mean: &[F], sums: &mut [F]) {
        let width = pivot.len();
        let (plain, tilted) = sums.split_at_mut(width);
        plain.fill(F::ZERO);
        tilted.fill(F::ZERO);
        let whole = x.len() - x.len() % (ROWS * width);
        let ((x, last_x), (dy, last_dy)) = (x.split_at(whole), dy.split_at(whole));
        for (x, dy) in x.chunks_exact(ROWS * width).zip(dy.chunks_exact(ROWS * width)) {
            add_gradients::<F, ROWS>(x, dy, pivot, mean, plain, tilted);
        }
        for (x, dy) in last_x.chunks_exact(width).zip(last_dy.chunks_exact(width)) {
            add_gradients::<F, 1>(x, dy, pivot, mean, plain, tilted);
        }
    }

    /// dβ = Σ dy and dγ = Σ dy·x̂, from the sums of the stripes.
    pub(super) fn join_gradients<F: Float>(stripes: &[F], inverse_std: &[F], dbeta: &mut [F], dgamma: &mut [F]) {
        let width = inverse_std.len();
        dbeta.fill(F::ZERO);
        dgamma.fill(F::ZERO);
        for sums in stripes.chunks_exact(SUMS * width) {
            for j in 0..width {
                dbeta[j] += sums[j];
                dgamma[j] += sums[width + j] * inverse_std[j];
            }
        }
    }

    /// dx = γ/√(σ² + ε) · (dy − dβ/m − x̂·dγ/m) through the batch's statistics; the running ones do not
    /// depend on x, so in inference offset and tilt are 0.
    pub(super) fn input_gradient<F: Float>(
        x: &[F], dy: &[F], pivot: &[F], mean: &[F], scale: &[F], offset: &[F], tilt: &[F], dx: &mut [F],
    ) {
        let width = pivot.len();
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            for j in 0..width {
                let centred = (x[j] - pivot[j]) - mean[j];
                dx[j] = scale[j] * (dy[j] - offset[j] - centred * tilt[j]);
            }
        }
    }
}
