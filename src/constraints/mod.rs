//! Constraints: where weights are put back to after a step.
//!
//! A new constraint is one file with its formula ([`Constraint`]) and one row in [`from_settings`].

mod non_negative;
mod norm;

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::float::Float;
use crate::settings::{Settings, look_up};
use non_negative::NonNegative;
use norm::Norm;

/// A projection of an array of weights, whose shape it knows.
pub trait Constraint<F: Float>: Debug + Send + Sync {
    /// Numbers that [`apply`](Self::apply) computes on the way.
    fn scratch_len(&self) -> usize {
        0
    }

    /// Project `w`.
    fn apply(&self, w: &mut [F], scratch: &mut [f64]);
}

/// The constraint that `settings` describe, for arrays of this shape; `argument` is what the caller calls it.
pub fn from_settings<F: Float>(
    settings: &Settings,
    argument: &str,
    shape: &[usize],
) -> Result<Arc<dyn Constraint<F>>> {
    type Make<F> = fn(&Settings, &str, &[usize]) -> Result<Arc<dyn Constraint<F>>>;
    let registry: [(&str, Make<F>); 3] = [
        ("min_max_norm", |s, argument, shape| {
            Ok(Arc::new(Norm::bounded(s, argument, shape)?))
        }),
        ("non_neg", |_, _, _| Ok(Arc::new(NonNegative))),
        ("unit_norm", |s, argument, shape| {
            Ok(Arc::new(Norm::unit(s, argument, shape)?))
        }),
    ];
    look_up("constraint", &settings.kind, &registry)?(settings, argument, shape)
}
