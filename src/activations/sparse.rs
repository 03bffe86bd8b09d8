//! The functions whose conjugates have the losses of sparsemax (Martins & Astudillo, 2016), on one number.

use super::Elementwise;
use crate::float::Float;

/// φ(z) = 0 up to −1, (z + 1)² / 4 up to 1, z from there on.
#[derive(Debug, Clone, Copy)]
pub(super) struct SparsePlus;

impl Elementwise for SparsePlus {
    const KIND: &'static str = "sparse_plus";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        let above = z.at_least(-F::ONE).at_most(F::ONE) + F::ONE;
        let curve = above * above * F::of(0.25);
        if z >= F::ONE { z } else { curve }
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _y: F) -> F {
        (z.at_least(-F::ONE).at_most(F::ONE) + F::ONE) * F::of(0.5)
    }
}

/// φ(z) = (z + 1) / 2 within 0 and 1, else the nearer of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct SparseSigmoid;

impl Elementwise for SparseSigmoid {
    const KIND: &'static str = "sparse_sigmoid";

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        (z.at_least(-F::ONE).at_most(F::ONE) + F::ONE) * F::of(0.5)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _z: F, y: F) -> F {
        if y > F::ZERO && y < F::ONE {
            F::of(0.5)
        } else {
            F::ZERO
        }
    }
}
