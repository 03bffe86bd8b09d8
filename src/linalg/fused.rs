//! How a level computes a·b + c, rounded once.

use ndarray::ArrayView2;

use crate::float::Float;
use crate::simd::Level;

/// By the CPU's instruction.
pub(super) const INSTRUCTION: u8 = 0;
/// By [`Float::add_multiple_of_tame`].
pub(super) const OF_TAME: u8 = 1;
/// By [`Float::mul_add_without_fma`].
pub(super) const OF_ANY: u8 = 2;

/// Whether code that is compiled for this level has the instruction.
#[inline(always)]
pub(super) const fn has_instruction(level: u8) -> bool {
    cfg!(target_arch = "aarch64") || cfg!(target_feature = "fma") || level != Level::Baseline as u8
}

/// Whether multiply-adds of these may be [those of tame numbers](OF_TAME).
pub(super) fn are_tame<F: Float>(numbers: &ArrayView2<F>) -> bool {
    numbers.iter().all(|x| x.is_tame())
}

/// sums ← sums + a·x
#[inline(always)]
pub(super) fn add_multiple<F: Float, const N: usize, const HOW: u8>(
    sums: &mut [F; N],
    a: F,
    x: &[F; N],
) {
    if HOW == OF_TAME {
        return F::add_multiple_of_tame(sums, a, x);
    }
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum = if HOW == INSTRUCTION {
            a.mul_add(x, *sum)
        } else {
            a.mul_add_without_fma(x, *sum)
        };
    }
}
