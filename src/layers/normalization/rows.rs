//! The sums and passes over a stripe of rows.
//!
//! Sums over the numbers of a group at one place are those of `narrow`'s columns, in partial sums that are folded in a fixed
//! order; those of its places are added in order.

use crate::float::Float;
use crate::layers::narrow::sum_of;
use crate::simd::kernel;

/// Rows of a stripe.
pub(super) const STRIPE: usize = 32;

/// What is noted of each group: pivot, mean of x − pivot, and 1/√(σ² + ε).
pub(super) const NOTES: usize = 3;

/// How a row is cut: at each of so many places it has so many groups of so many columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) places: usize,
    pub(super) groups: usize,
    pub(super) columns: usize,
}

impl Cut {
    /// Columns of all groups.
    pub(super) fn width(self) -> usize {
        self.groups * self.columns
    }

    /// Numbers of a row.
    pub(super) fn size(self) -> usize {
        self.places * self.width()
    }

    /// Notes of a row.
    pub(super) fn notes(self) -> usize {
        self.groups * NOTES
    }
}

/// The γ of the columns of a group; where there is none, as many ones.
#[inline(always)]
fn gamma_at<F: Float>(gamma: &[F], column: usize) -> F {
    if gamma.is_empty() {
        F::ONE
    } else {
        gamma[column]
    }
}

kernel! {
    /// `notes` of each row.
    pub(super) fn moments<F: Float>(x: &[F], cut: Cut, about_mean: bool, epsilon: F, notes: &mut [F]) {
        let (width, columns) = (cut.width(), cut.columns);
        let count = F::of((cut.places * columns) as f64);
        for (x, notes) in x.chunks_exact(cut.size()).zip(notes.chunks_exact_mut(cut.notes())) {
            for (group, note) in notes.chunks_exact_mut(NOTES).enumerate() {
                let first = group * columns;
                let (mut pivot, mut mean) = (F::ZERO, F::ZERO);
                if about_mean {
                    pivot = x[first];
                    for x in x.chunks_exact(width) {
                        mean += sum_of([&x[first..first + columns]], |[x]| x - pivot);
                    }
                    mean /= count;
                }
                let mut squares = F::ZERO;
                for x in x.chunks_exact(width) {
                    squares += sum_of([&x[first..first + columns]], |[x]| {
                        let centred = (x - pivot) - mean;
                        centred * centred
                    });
                }
                note.copy_from_slice(&[pivot, mean, F::ONE / (squares / count + epsilon).sqrt()]);
            }
        }
    }

    /// y = γ x̂ + β; an empty γ is 1, an empty β 0.
    pub(super) fn normalize<F: Float>(x: &[F], notes: &[F], cut: Cut, gamma: &[F], beta: &[F], y: &mut [F]) {
        let (size, width, columns) = (cut.size(), cut.width(), cut.columns);
        let rows = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
        for ((x, y), notes) in rows.zip(notes.chunks_exact(cut.notes())) {
            for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
                let groups = x.chunks_exact(columns).zip(y.chunks_exact_mut(columns));
                for ((x, y), note) in groups.zip(notes.chunks_exact(NOTES)) {
                    let (pivot, mean, inverse) = (note[0], note[1], note[2]);
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = ((x - pivot) - mean) * inverse;
                    }
                }
                for (y, &gamma) in y.iter_mut().zip(gamma) {
                    *y *= gamma;
                }
                for (y, &beta) in y.iter_mut().zip(beta) {
                    *y += beta;
                }
            }
        }
    }

    /// `sums` of a stripe: Σ dy·x̂ and Σ dy for each column.
    pub(super) fn stripe_gradients<F: Float>(x: &[F], dy: &[F], notes: &[F], cut: Cut, sums: &mut [F]) {
        let (size, width, columns) = (cut.size(), cut.width(), cut.columns);
        sums.fill(F::ZERO);
        let (tilted, plain) = sums.split_at_mut(width);
        let rows = x.chunks_exact(size).zip(dy.chunks_exact(size));
        for ((x, dy), notes) in rows.zip(notes.chunks_exact(cut.notes())) {
            for (x, dy) in x.chunks_exact(width).zip(dy.chunks_exact(width)) {
                let groups = x.chunks_exact(columns).zip(dy.chunks_exact(columns));
                let groups = groups.zip(tilted.chunks_exact_mut(columns));
                for (((x, dy), tilted), note) in groups.zip(notes.chunks_exact(NOTES)) {
                    let (pivot, mean, inverse) = (note[0], note[1], note[2]);
                    for ((tilted, &x), &dy) in tilted.iter_mut().zip(x).zip(dy) {
                        *tilted += dy * (((x - pivot) - mean) * inverse);
                    }
                }
                for (plain, &dy) in plain.iter_mut().zip(dy) {
                    *plain += dy;
                }
            }
        }
    }

    /// dγ and dβ, either of which may be empty, from the sums of the stripes.
    pub(super) fn join_gradients<F: Float>(stripes: &[F], width: usize, dgamma: &mut [F], dbeta: &mut [F]) {
        dgamma.fill(F::ZERO);
        dbeta.fill(F::ZERO);
        for sums in stripes.chunks_exact(2 * width) {
            let (tilted, plain) = sums.split_at(width);
            for (dgamma, &tilted) in dgamma.iter_mut().zip(tilted) {
                *dgamma += tilted;
            }
            for (dbeta, &plain) in dbeta.iter_mut().zip(plain) {
                *dbeta += plain;
            }
        }
    }

    /// dx = (g − mean of g − x̂ · mean of g·x̂) / √(σ² + ε) with g = dy·γ, the means over the group; without the mean of g
    /// where no mean is taken off.
    pub(super) fn input_gradient<F: Float>(
        x: &[F], dy: &[F], notes: &[F], cut: Cut, about_mean: bool, gamma: &[F], dx: &mut [F],
    ) {
        let (size, width, columns) = (cut.size(), cut.width(), cut.columns);
        let count = F::of((cut.places * columns) as f64);
        let rows = x.chunks_exact(size).zip(dy.chunks_exact(size)).zip(dx.chunks_exact_mut(size));
        for (((x, dy), dx), notes) in rows.zip(notes.chunks_exact(cut.notes())) {
            for (dx, dy) in dx.chunks_exact_mut(width).zip(dy.chunks_exact(width)) {
                for (column, (dx, &dy)) in dx.iter_mut().zip(dy).enumerate() {
                    *dx = dy * gamma_at(gamma, column);
                }
            }
            for (group, note) in notes.chunks_exact(NOTES).enumerate() {
                let (pivot, mean, inverse) = (note[0], note[1], note[2]);
                let first = group * columns;
                let (mut plain, mut tilted) = (F::ZERO, F::ZERO);
                for (x, g) in x.chunks_exact(width).zip(dx.chunks_exact(width)) {
                    let (x, g) = (&x[first..first + columns], &g[first..first + columns]);
                    if about_mean {
                        plain += sum_of([g], |[g]| g);
                    }
                    tilted += sum_of([x, g], |[x, g]| g * (((x - pivot) - mean) * inverse));
                }
                let (offset, tilt) = (plain / count, tilted / count);
                for (x, g) in x.chunks_exact(width).zip(dx.chunks_exact_mut(width)) {
                    let (x, g) = (&x[first..first + columns], &mut g[first..first + columns]);
                    for (g, &x) in g.iter_mut().zip(x) {
                        let normal = ((x - pivot) - mean) * inverse;
                        *g = inverse * (*g - offset - normal * tilt);
                    }
                }
            }
        }
    }
}
