//! Regularizers: penalties on weights and outputs, which are part of the loss.
//!
//! A new regularizer is one file with its formula ([`Regularizer`]) and one row in [`from_settings`].

mod l1_l2;
mod orthogonal;

use std::fmt::Debug;
use std::sync::Arc;

pub use l1_l2::L1L2;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::Threads;
use crate::settings::{Settings, look_up};
use orthogonal::Orthogonal;

/// A penalty on an array of weights, whose shape it knows.
pub trait Regularizer<F: Float>: Debug + Send + Sync {
    /// Elements of scratch that [`penalty`](Self::penalty) takes.
    fn scratch_len(&self) -> usize {
        0
    }

    /// The penalty of `w`. Its gradient is added to `gradients`, unless that is empty.
    fn penalty(&self, threads: Threads, w: &[F], gradients: &mut [F], scratch: &mut [F]) -> f64;
}

/// The regularizer that `settings` describe, for arrays of this shape; `argument` is what the caller calls it.
pub fn from_settings<F: Float>(
    settings: &Settings,
    argument: &str,
    shape: &[usize],
) -> Result<Arc<dyn Regularizer<F>>> {
    type Make<F> = fn(&Settings, &str, &[usize]) -> Result<Arc<dyn Regularizer<F>>>;
    let registry: [(&str, Make<F>); 2] = [
        ("l1_l2", |s, _, _| Ok(Arc::new(L1L2::new(s)?))),
        ("orthogonal", |s, argument, shape| {
            Ok(Arc::new(Orthogonal::new(s, argument, shape)?))
        }),
    ];
    look_up("regularizer", &settings.kind, &registry)?(settings, argument, shape)
}

/// The penalty on outputs that `settings` describe: a sum over the numbers of each sample.
pub fn of_activity(settings: &Settings) -> Result<L1L2> {
    if settings.kind == "l1_l2" {
        L1L2::new(settings)
    } else {
        let expected = "L1, L2 or L1L2, as outputs are no matrix of weights";
        Err(Error::value(
            "activity_regularizer",
            expected,
            &settings.kind,
        ))
    }
}

/// A factor of a penalty.
fn factor(settings: &Settings, name: &str) -> Result<f64> {
    settings.float_where(name, "a finite number of at least 0", |x| x >= 0.0)
}
