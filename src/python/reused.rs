//! Memory of results that nobody holds any more, for results to come.
//!
//! The pages of a new large array are handed out, cleared, by the operating system: for a normalization of 256 x 512
//! that takes longer than its arithmetic. A plan therefore remembers the arrays of its last pass, and writes the next
//! pass into those that only it still knows.

use std::sync::{Mutex, PoisonError};

use numpy::{
    Element, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;

use super::arrays::empty;

/// Bytes of the largest array that is remembered: a plan must not sit on what others may need.
const LARGEST: usize = 1 << 26;

/// The array that was last handed out for one purpose.
#[derive(Default)]
pub(super) struct Reused(Mutex<Option<Py<PyUntypedArray>>>);

impl Reused {
    /// As [`empty`]: the last array again if it has this shape and nobody else can see it, else a new one.
    pub(super) fn empty<'py, T: Element>(
        &self,
        py: Python<'py>,
        shape: &[usize],
    ) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
        // Taken out, and the old one given back before a new one is asked for.
        let last = self.lock().take().map(|last| last.into_bound(py));
        if let Some(array) = last.and_then(|last| unseen(last, shape)) {
            self.remember(&array);
            return Ok(array);
        }
        let array = empty::<T>(py, shape)?;
        if array.len() * size_of::<T>() <= LARGEST {
            self.remember(&array);
        }
        Ok(array)
    }

    fn remember<T: Element>(&self, array: &Bound<'_, PyArrayDyn<T>>) {
        let before = self.lock().replace(array.as_untyped().clone().unbind());
        // Without the lock: where that was the last reference, callbacks of weak ones run.
        drop(before);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Py<PyUntypedArray>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This array, if this is the last reference to it and it is still as [`empty`] makes them.
fn unseen<'py, T: Element>(
    array: Bound<'py, PyUntypedArray>,
    shape: &[usize],
) -> Option<Bound<'py, PyArrayDyn<T>>> {
    // SAFETY: `array` holds a reference, so there is an object whose count can be read, and the interpreter lock is held,
    // so nobody changes it meanwhile.
    let references = unsafe { pyo3::ffi::Py_REFCNT(array.as_ptr()) };
    // SAFETY: it is an array, whose fields are these.
    let fields = unsafe { &(*array.as_array_ptr()).fields };
    let fits = references == 1
        && fields.weakreflist.is_null()
        && fields.base.is_null()
        && array.shape() == shape
        && array.dtype().is_equiv_to(&dtype::<T>(array.py()))
        && array.is_c_contiguous();
    let array = fits.then(|| array.cast_into::<PyArrayDyn<T>>().ok())??;
    // Who had it may have made it read-only.
    array.try_readwrite().is_ok().then_some(array)
}
