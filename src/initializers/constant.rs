//! One value everywhere: zeros, ones, any other.

use super::Initializer;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::parallel::Threads;
use crate::random::Stream;

/// Every element is this value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    value: f64,
}

impl Constant {
    /// A finite value.
    pub fn new(value: f64) -> Result<Self> {
        if value.is_finite() {
            Ok(Self { value })
        } else {
            Err(Error::value("value", "a finite number", value))
        }
    }
}

impl<F: Float> Initializer<F> for Constant {
    fn fill(
        &self,
        out: &mut [F],
        _shape: &[usize],
        _stream: &Stream,
        _threads: Threads,
    ) -> Result<()> {
        let value = F::of(self.value);
        if !value.is_finite() {
            return Err(Error::value(
                "value",
                format!("a number within the range of {}", F::NAME),
                self.value,
            ));
        }
        out.fill(value);
        Ok(())
    }
}
