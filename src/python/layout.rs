//! Kernels from our layout to others'.

use numpy::{Element, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{by_dtype, check_shape, read, write};
use super::boundary::{detached, shape_error};
use crate::float::Float;
use crate::layout;
use crate::parallel::Threads;
use crate::shape::Shape;

/// Copy a kernel `(spatial..., inputs, outputs)` into an array `(outputs, inputs, spatial...)`.
#[pyfunction]
pub(super) fn outputs_first(kernel: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
    fn run<F: Float + Element>(kernel: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = kernel.py();
        let kernel = read::<F>("kernel", kernel)?;
        let mut out = write::<F>("out", out)?;
        let [spatial @ .., inputs, outputs] = kernel.shape() else {
            return Err(shape_error(format!(
                "kernel: expected at least 2 dimensions, found shape {}",
                Shape(kernel.shape())
            )));
        };
        let theirs: Vec<_> = [outputs, inputs]
            .into_iter()
            .chain(spatial)
            .copied()
            .map(Some)
            .collect();
        check_shape("out", out.shape(), &theirs)?;
        let sizes = [spatial.iter().product(), *inputs, *outputs];
        let (from, to) = (kernel.as_slice()?, out.as_slice_mut()?);
        detached(py, || {
            layout::outputs_first(Threads::global()?, from, sizes, to);
            Ok(())
        })
    }
    by_dtype!("kernel", kernel, run(kernel, out))
}
