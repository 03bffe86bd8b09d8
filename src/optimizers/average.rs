//! A running average of the parameters (Polyak & Juditsky, 1992, with weights that decay).

use super::{Part, Step};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// What it is called.
pub(super) const SLOT: &str = "average";

/// a ← μa + (1 − μ)w after each batch; a is w until the second step. Every so many steps w becomes a.
#[derive(Debug, Clone, Copy)]
pub(super) struct Average {
    momentum: f64,
    /// Steps after which the parameters become their average; 0: never.
    overwrites_after: u64,
}

impl Average {
    /// What the settings say, if they say anything.
    pub(super) fn new(settings: &Settings) -> Result<Option<Self>> {
        if !settings.has("ema_momentum") {
            return Ok(None);
        }
        let often = "ema_overwrite_frequency";
        Ok(Some(Self {
            momentum: settings.float_where("ema_momentum", "a number from 0 to 1", |m| {
                (0.0..=1.0).contains(&m)
            })?,
            overwrites_after: if settings.has(often) {
                settings.count(often)? as u64
            } else {
                0
            },
        }))
    }

    /// Move the average, the only slot of `part`, after a step; `step` is the optimizer's.
    pub(super) fn follow<F: Float>(self, step: Step, part: Part<F>) {
        let [average, ..] = part.slots;
        if step.number == 1 {
            average.copy_from_slice(part.w);
        } else {
            let (momentum, rest) = (F::of(self.momentum), F::of(1.0 - self.momentum));
            follow(momentum, rest, part.w, average);
        }
        if self.overwrites_after > 0 && step.number.is_multiple_of(self.overwrites_after) {
            part.w.copy_from_slice(average);
        }
    }
}

kernel! {
    fn follow<F: Float>(momentum: F, rest: F, w: &[F], average: &mut [F]) {
        for (a, &w) in average.iter_mut().zip(w) {
            *a = (momentum * *a + rest * w).flush();
        }
    }
}
