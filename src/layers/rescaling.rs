//! A multiple of the inputs, and a number more.

use super::{Function, Gradients, Inputs, Needs, Pass, State};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;
use crate::simd::kernel;

/// y = scale·x + offset, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rescaling {
    width: usize,
    scale: f64,
    offset: f64,
}

impl Rescaling {
    pub(super) fn new(settings: &Settings, width: usize) -> Result<Self> {
        let number = |name| settings.float_where(name, "a finite number", |_| true);
        Ok(Self {
            width,
            scale: number("scale")?,
            offset: number("offset")?,
        })
    }
}

impl<F: Float> Function<F> for Rescaling {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, _: Inputs<F>, y: &mut [F], _: &mut [F]) {
        rescale(F::of(self.scale), F::of(self.offset), y);
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0) {
            rescale(F::of(self.scale), F::ZERO, dx);
        }
    }
}

kernel! {
    fn rescale<F: Float>(scale: F, offset: F, y: &mut [F]) {
        for y in y {
            *y = *y * scale + offset;
        }
    }
}
