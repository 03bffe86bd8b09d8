//! FTRL-Proximal (`McMahan` et al., 2013), for sparse linear models.

use super::{Optimizer, Part, Step, at_least_zero};
use crate::error::Result;
use crate::exact;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// With n' = n + g² and p = −`learning_rate_power`: z ← z + g + 2sw − (n'ᵖ − nᵖ) / η · w, n ← n',
/// w ← (min(max(z, −λ₁), λ₁) − z) / (n'ᵖ / η + 2λ₂ + β / η).
///
/// λ₁ and λ₂ are the strengths of the penalties, s is that of the shrinkage. Parameters follow from n and z alone, so that the
/// first step forgets where they began but for what z has of it; as in Keras.
#[derive(Debug)]
pub(super) struct Ftrl {
    power: f64,
    l1: f64,
    l2: f64,
    shrinkage: f64,
    beta: f64,
}

impl Ftrl {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let power =
            settings.float_where("learning_rate_power", "a number of at most 0", |p| p <= 0.0)?;
        Ok(Self {
            power: -power,
            l1: at_least_zero(settings, "l1_regularization_strength")?,
            l2: at_least_zero(settings, "l2_regularization_strength")?,
            shrinkage: at_least_zero(settings, "l2_shrinkage_regularization_strength")?,
            beta: at_least_zero(settings, "beta")?,
        })
    }
}

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants<F> {
    rate: F,
    l1: F,
    /// 2λ₂ + β / η.
    pull: F,
    /// 2s.
    shrinkage: F,
}

impl<F: Float> Optimizer<F> for Ftrl {
    fn slots(&self) -> &'static [&'static str] {
        &["accumulator", "linear"]
    }

    fn update(&self, step: Step, part: Part<F>) {
        let (w, g, [n, z, _]) = (part.w, part.gradients, part.slots);
        let rate = step.learning_rate;
        if rate == 0.0 {
            return; // what it tends to: 0 / 0 in the formula
        }
        let constants = Constants {
            rate: F::of(rate),
            l1: F::of(self.l1),
            pull: F::of(2.0 * self.l2 + self.beta / rate),
            shrinkage: F::of(2.0 * self.shrinkage),
        };
        if self.power == 0.5 {
            by_root(constants, w, g, n, z);
        } else {
            for (((w, &g), n), z) in w.iter_mut().zip(g).zip(n).zip(z) {
                let raise = |x: F| F::of(exact::power(x.wide(), self.power));
                move_one(constants, w, g, n, z, raise);
            }
        }
    }
}

#[inline(always)]
fn move_one<F: Float>(
    c: Constants<F>,
    w: &mut F,
    g: F,
    n: &mut F,
    z: &mut F,
    raise: impl Fn(F) -> F,
) {
    let before = raise(*n);
    *n += g * g;
    let after = raise(*n);
    *z += g + c.shrinkage * *w - (after - before) / c.rate * *w;
    let kept = (*z).at_least(-c.l1).at_most(c.l1);
    *w = (kept - *z) / (after / c.rate + c.pull);
}

kernel! {
    fn by_root<F: Float>(c: Constants<F>, w: &mut [F], g: &[F], n: &mut [F], z: &mut [F]) {
        for (((w, &g), n), z) in w.iter_mut().zip(g).zip(n).zip(z) {
            move_one(c, w, g, n, z, F::sqrt);
        }
    }
}
