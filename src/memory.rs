//! Room for buffers whose size a caller decides: asking for too much is an error, not an abort.

use std::hint::black_box;
use std::ops::{Deref, DerefMut};

use crate::error::{Error, Result};
use crate::float::Float;

/// Bytes of a cache line, which is also the longest vector. Vectors that cross lines are loaded in two halves.
const LINE: usize = 64;

/// Elements from which on a buffer has pages of its own: a megabyte or two.
const LARGE: usize = 1 << 18;

/// Elements that begin where a cache line does.
#[derive(Debug)]
pub struct Buffer<F> {
    memory: Vec<F>,
    start: usize,
    len: usize,
}

impl<F> Deref for Buffer<F> {
    type Target = [F];

    #[inline]
    fn deref(&self) -> &[F] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl<F> DerefMut for Buffer<F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// `len` zeros.
pub fn zeros<F: Float>(len: usize) -> Result<Buffer<F>> {
    let room = len.saturating_add(LINE / size_of::<F>() - 1);
    let memory = if room < LARGE {
        filled(room, F::ZERO)?
    } else {
        // The system gives zeros, and no memory before it is touched: of the gradients of a large table, a step needs
        // some rows. `vec!` asks for them, but aborts where there is no room, which is asked for before.
        black_box(reserved::<F>(room)?);
        vec![F::ZERO; room]
    };
    let start = memory.as_ptr().align_offset(LINE).min(room - len);
    Ok(Buffer { memory, start, len })
}

/// `len` times `value`.
pub(crate) fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut buffer = reserved(len)?;
    buffer.resize(len, value);
    Ok(buffer)
}

/// Room for `len` elements, none of which is there yet.
fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|_| {
        let gibibytes = len as f64 * size_of::<T>() as f64 / f64::from(1 << 30);
        Error::Memory(format!(
            "memory: expected room for {gibibytes:.1} GiB, found less; a smaller batch or matrix needs less"
        ))
    })?;
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_an_error() {
        assert_eq!(*zeros::<f32>(3).unwrap(), [0.0; 3]);
        assert!(matches!(zeros::<f64>(usize::MAX), Err(Error::Memory(_))));
        assert!(matches!(zeros::<f32>(1 << 55), Err(Error::Memory(_))));
    }

    #[test]
    fn buffers_begin_with_a_cache_line() {
        for len in [0, 1, 2, 15, 16, 17, 1000, LARGE] {
            let (single, double) = (zeros::<f32>(len).unwrap(), zeros::<f64>(len).unwrap());
            assert_eq!((single.len(), double.len()), (len, len));
            assert_eq!(single.as_ptr().addr() % LINE, 0);
            assert_eq!(double.as_ptr().addr() % LINE, 0);
        }
    }
}
