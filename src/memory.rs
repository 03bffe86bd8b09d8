//! Room for buffers whose size a caller decides: asking for too much is an error, not an abort.

use crate::error::{Error, Result};
use crate::float::Float;

/// `len` zeros.
pub fn zeros<F: Float>(len: usize) -> Result<Vec<F>> {
    filled(len, F::ZERO)
}

/// `len` times `value`.
pub(crate) fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|_| {
        let gibibytes = len as f64 * size_of::<T>() as f64 / f64::from(1 << 30);
        Error::Memory(format!(
            "memory: expected room for {gibibytes:.1} GiB, found less; a smaller batch or matrix needs less"
        ))
    })?;
    buffer.resize(len, value);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_an_error() {
        assert_eq!(zeros::<f32>(3).unwrap(), [0.0; 3]);
        assert!(matches!(zeros::<f64>(usize::MAX), Err(Error::Memory(_))));
        assert!(matches!(zeros::<f32>(1 << 55), Err(Error::Memory(_))));
    }
}
