//! Categorical cross-entropy, against a distribution over classes or against one class ("sparse").

use super::{BLOCK, EPSILON, RowLoss, RowValue};
use crate::activations::softmax::{max_of_row, take_limit};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// L = −Σ tⱼ ln pⱼ, with p = softmax(z) from logits, else p = y / Σy, kept off 0 and 1.
///
/// One logit of ∞ is certain of its class; which of two is larger nobody knows, and L is NaN.
/// Label smoothing α turns t into (1 − α) t + α / classes. `CLASSES` says that a target is a class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CategoricalCrossentropy<const CLASSES: bool> {
    from_logits: bool,
    label_smoothing: f64,
}

impl CategoricalCrossentropy<false> {
    pub(crate) fn dense(settings: &Settings) -> Result<Self> {
        Ok(Self {
            from_logits: settings.flag("from_logits")?,
            label_smoothing: settings.float_where(
                "label_smoothing",
                "a number from 0 to 1",
                |a| (0.0..=1.0).contains(&a),
            )?,
        })
    }
}

impl CategoricalCrossentropy<true> {
    pub(crate) fn sparse(settings: &Settings) -> Result<Self> {
        Ok(Self {
            from_logits: settings.flag("from_logits")?,
            label_smoothing: 0.0,
        })
    }
}

impl<const CLASSES: bool> RowLoss for CategoricalCrossentropy<CLASSES> {
    const TAKES_CLASSES: bool = CLASSES;

    #[inline(always)]
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F {
        let mut value = [F::ZERO];
        self.block(outputs.len(), outputs, &mut value, |_| &target);
        value[0]
    }

    #[inline(always)]
    fn block<F: Float, T: Fn(usize) -> F>(
        &self,
        width: usize,
        outputs: &mut [F],
        values: &mut [F],
        target: impl Fn(usize) -> T,
    ) {
        let keep = F::of(1.0 - self.label_smoothing);
        let add = F::of(self.label_smoothing / width as f64);
        let smoothed = |i| {
            let target = target(i);
            move |j| keep * target(j) + add
        };
        if self.from_logits {
            from_logits(width, outputs, values, smoothed);
        } else {
            for (i, (y, value)) in outputs.chunks_exact_mut(width).zip(values).enumerate() {
                *value = from_probabilities(y, smoothed(i));
            }
        }
    }

    fn before(&self, activation: &str) -> Option<Self> {
        (activation == "softmax" && !self.from_logits).then_some(Self {
            from_logits: true,
            ..*self
        })
    }
}

impl<const CLASSES: bool> RowValue for CategoricalCrossentropy<CLASSES> {
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F {
        let keep = F::of(1.0 - self.label_smoothing);
        let add = F::of(self.label_smoothing / outputs.len() as f64);
        let target = |j| keep * target(j) + add;
        if self.from_logits {
            value_of_logits(outputs, target)
        } else {
            value_of_probabilities(outputs, target)
        }
    }
}

/// Σ tⱼ (ln Σ e^(z − m) − (zⱼ − m)), with m the largest z.
fn value_of_logits<F: Float>(z: &[F], target: impl Fn(usize) -> F) -> F {
    let max = max_of_row(z);
    // Of a single infinity the limit is known: it is certain, and others count from below it. As in `take_limit`.
    let infinite = max.abs() > F::LARGEST;
    let single = z.iter().filter(|&&z| z == max).count() == 1;
    let below = |z: F| {
        if infinite && single && z == max {
            F::ZERO
        } else {
            z - max
        }
    };
    let (mut total, mut aligned, mut sum) = (F::ZERO, F::ZERO, F::ZERO);
    for (j, &z) in z.iter().enumerate() {
        let (t, z) = (target(j), below(z));
        total += t;
        aligned += if t == F::ZERO { F::ZERO } else { t * z };
        sum += z.exp();
    }
    total * sum.ln() - aligned
}

/// −Σ tⱼ ln clip(qⱼ) with q = y / Σy.
fn value_of_probabilities<F: Float>(y: &[F], target: impl Fn(usize) -> F) -> F {
    let (low, high) = (F::of(EPSILON), F::of(1.0 - EPSILON));
    let mut total = F::ZERO;
    for &y in y {
        total += y;
    }
    let mut loss = F::ZERO;
    for (j, &y) in y.iter().enumerate() {
        loss -= target(j) * (y / total).at_least(low).at_most(high).ln();
    }
    loss
}

/// Sums whose logarithms are taken together.
const LANES: usize = 16;

/// Widest row, and fewest rows, that [`columns_from_logits`] is for.
const WIDEST: usize = 16;
const FEWEST: usize = 8;

/// L = Σ tⱼ (ln Σ eᶻ − zⱼ), with z counted from its maximum; dL/dz = p Σt − t.
#[inline(always)]
fn from_logits<F: Float, T: Fn(usize) -> F>(
    width: usize,
    z: &mut [F],
    values: &mut [F],
    target: impl Fn(usize) -> T,
) {
    let is_narrow = width <= WIDEST && values.len() >= FEWEST;
    if !is_narrow || !columns_from_logits(width, z, values, &target) {
        rows_from_logits(width, z, values, target);
    }
}

/// [`from_logits`] of short rows, a column after the other, so that vectors are full; the same bits, as each row is summed in
/// the same order. Where a logit is infinite nothing is done, and false returned.
#[inline(always)]
fn columns_from_logits<F: Float, T: Fn(usize) -> F>(
    width: usize,
    z: &mut [F],
    values: &mut [F],
    target: &impl Fn(usize) -> T,
) -> bool {
    let zeros = [F::ZERO; BLOCK];
    let (mut columns, mut targets) = ([zeros; WIDEST], [zeros; WIDEST]);
    for (i, z) in z.chunks_exact(width).enumerate() {
        let target = target(i);
        for (j, &z) in z.iter().enumerate() {
            (columns[j][i], targets[j][i]) = (z, target(j));
        }
    }
    let (columns, targets) = (&mut columns[..width], &targets[..width]);
    // Whole vectors, of which what is past the end is not looked at.
    let rows = values.len().next_multiple_of(LANES);
    let mut maxima = columns[0];
    for z in &*columns {
        for (max, &z) in maxima[..rows].iter_mut().zip(z) {
            *max = if z > *max { z } else { *max };
        }
    }
    let mut infinite = false;
    for max in &maxima[..rows] {
        infinite |= max.abs() > F::LARGEST;
    }
    if infinite {
        return false;
    }
    let (mut totals, mut aligned, mut sums) = (zeros, zeros, zeros);
    for (z, t) in columns.iter_mut().zip(targets) {
        for i in 0..rows {
            let below = z[i] - maxima[i];
            totals[i] += t[i];
            // A class without weight counts nothing, even where its logit is −∞.
            aligned[i] += if t[i] == F::ZERO {
                F::ZERO
            } else {
                t[i] * below
            };
            z[i] = below.exp();
            sums[i] += z[i];
        }
    }
    for i in 0..rows {
        aligned[i] = -aligned[i] + totals[i] * sums[i].ln();
        sums[i] = totals[i] / sums[i];
    }
    for (e, t) in columns.iter_mut().zip(targets) {
        for i in 0..rows {
            e[i] = e[i] * sums[i] - t[i];
        }
    }
    values.copy_from_slice(&aligned[..values.len()]);
    for (i, z) in z.chunks_exact_mut(width).enumerate() {
        for (j, z) in z.iter_mut().enumerate() {
            *z = columns[j][i];
        }
    }
    true
}

/// [`from_logits`], a row after the other. Exponentials and logarithms are taken of all rows at once.
#[inline(always)]
fn rows_from_logits<F: Float, T: Fn(usize) -> F>(
    width: usize,
    z: &mut [F],
    values: &mut [F],
    target: impl Fn(usize) -> T,
) {
    let (mut totals, mut sums) = ([F::ZERO; BLOCK], [F::ONE; BLOCK]);
    let mut maxima = [F::ZERO; BLOCK];
    let mut infinite = false;
    for (z, max) in z.chunks_exact(width).zip(&mut maxima) {
        *max = max_of_row(z);
        infinite |= max.abs() > F::LARGEST;
    }
    if infinite {
        for (z, max) in z.chunks_exact_mut(width).zip(&mut maxima) {
            *max = take_limit(*max, z);
        }
    }
    for (i, (z, value)) in z.chunks_exact_mut(width).zip(values.iter_mut()).enumerate() {
        let (target, max) = (target(i), maxima[i]);
        let (mut total, mut aligned) = (F::ZERO, F::ZERO);
        for (j, z) in z.iter_mut().enumerate() {
            let t = target(j);
            *z -= max;
            total += t;
            // A class without weight counts nothing, even where its logit is −∞.
            aligned += if t == F::ZERO { F::ZERO } else { t * *z };
        }
        (totals[i], *value) = (total, -aligned);
    }
    for z in z.iter_mut() {
        *z = z.exp();
    }
    for (i, (e, sum)) in z.chunks_exact_mut(width).zip(&mut sums).enumerate() {
        *sum = F::ZERO;
        for &e in &*e {
            *sum += e;
        }
        let (target, scale) = (target(i), totals[i] / *sum);
        for (j, e) in e.iter_mut().enumerate() {
            *e = *e * scale - target(j);
        }
    }
    // Whole vectors, of which what is past the end is not looked at.
    for sum in &mut sums[..values.len().next_multiple_of(LANES)] {
        *sum = sum.ln();
    }
    for ((value, total), ln) in values.iter_mut().zip(totals).zip(sums) {
        *value += total * ln;
    }
}

/// L = −Σ tⱼ ln clip(qⱼ) with q = y / Σy. Where qⱼ is not clipped, dL/dqⱼ = −tⱼ/qⱼ, and
/// dqⱼ/dyₖ = (δⱼₖ − qⱼ)/Σy, so dL/dyₖ = (Σ t − tₖ/qₖ)/Σy over the classes that are not clipped.
#[inline(always)]
fn from_probabilities<F: Float>(y: &mut [F], target: impl Fn(usize) -> F) -> F {
    let (low, high) = (F::of(EPSILON), F::of(1.0 - EPSILON));
    let mut total = F::ZERO;
    for &y in y.iter() {
        total += y;
    }
    let (mut loss, mut unclipped) = (F::ZERO, F::ZERO);
    for (j, y) in y.iter_mut().enumerate() {
        let (t, q) = (target(j), *y / total);
        loss -= t * q.at_least(low).at_most(high).ln();
        let inside = q >= low && q <= high;
        unclipped += if inside { t } else { F::ZERO };
        *y = if inside { t / q } else { F::ZERO };
    }
    for y in y {
        *y = (unclipped - *y) / total;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{Factor, Loss, Targets};

    #[test]
    fn rows_together_have_the_bits_that_each_has_alone() {
        let loss = |label_smoothing| CategoricalCrossentropy::<true> {
            from_logits: true,
            label_smoothing,
        };
        let factor = Factor {
            all: 0.5f32,
            weights: &[],
        };
        for (rows, width, smoothing) in [(8, 2, 0.0), (20, 10, 0.0), (70, 16, 0.1), (20, 17, 0.0)] {
            for special in [1.0, f32::NEG_INFINITY, f32::INFINITY] {
                let mut together: Vec<f32> = (0..rows * width)
                    .map(|i| (i * 37 % 101) as f32 / 7.0 - 6.0)
                    .collect();
                together[3 * width + 1] = special;
                let classes: Vec<i64> = (0..rows).map(|i| (i * 5 % width) as i64).collect();
                let mut alone = together.clone();
                let (mut values, mut each) = (vec![0.0; rows], vec![0.0; rows]);
                let loss = loss(smoothing);
                loss.rows(
                    width,
                    &mut together,
                    Targets::Classes(&classes),
                    factor,
                    &mut values,
                );
                for (i, row) in alone.chunks_exact_mut(width).enumerate() {
                    let (class, value) = (&classes[i..=i], &mut each[i..=i]);
                    loss.rows(width, row, Targets::Classes(class), factor, value);
                }
                let bits =
                    |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&together), bits(&alone), "{rows} x {width}, {special}");
                assert_eq!(bits(&values), bits(&each), "{rows} x {width}, {special}");
            }
        }
    }
}
