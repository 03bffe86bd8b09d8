//! Gradients that are added up over several batches, for one step on their mean.

use super::{Step, Variables};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// What the sums are called.
pub(super) const SLOT: &str = "gradient_accumulator";

/// A step every so many batches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accumulation {
    batches: u64,
}

impl Accumulation {
    /// What the settings say, if they say anything.
    pub(super) fn new(settings: &Settings) -> Result<Option<Self>> {
        const NAME: &str = "gradient_accumulation_steps";
        if !settings.has(NAME) {
            return Ok(None);
        }
        let batches = settings.count(NAME)? as u64;
        Ok(Some(Self { batches }))
    }

    /// Whether the optimizer makes a step after this batch.
    pub(super) fn is_due(self, batch: Step) -> bool {
        batch.number.is_multiple_of(self.batches)
    }

    /// The step of the optimizer that this batch belongs to.
    pub(super) fn own_step(self, batch: Step) -> Step {
        Step {
            number: (batch.number - 1) / self.batches + 1,
            ..batch
        }
    }

    /// Make of the gradients of the last batch the mean of all.
    pub(super) fn take<F: Float>(
        self,
        variables: &Variables,
        accumulated: &[F],
        gradients: &mut [F],
    ) {
        let batches = F::of(self.batches as f64);
        for run in &variables.runs {
            mean(
                batches,
                &accumulated[run.clone()],
                &mut gradients[run.clone()],
            );
        }
    }
}

/// Add the gradients of a batch, or begin anew behind a step.
pub(super) fn keep<F: Float>(stepped: bool, accumulated: &mut [F], gradients: &[F]) {
    if stepped {
        accumulated.fill(F::ZERO);
    } else {
        add(accumulated, gradients);
    }
}

kernel! {
    fn mean<F: Float>(batches: F, accumulated: &[F], gradients: &mut [F]) {
        for (g, &sum) in gradients.iter_mut().zip(accumulated) {
            *g = (*g + sum) / batches;
        }
    }

    fn add<F: Float>(accumulated: &mut [F], gradients: &[F]) {
        for (sum, &g) in accumulated.iter_mut().zip(gradients) {
            *sum += g;
        }
    }
}
