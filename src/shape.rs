//! Shapes: how many elements, how many inputs and outputs.

use crate::error::{Error, Result};

/// The number of elements of an array of this shape, if its bytes can be counted at all.
pub fn size(shape: &[usize]) -> Result<usize> {
    // Sizes of 0 do not excuse the others: NumPy cannot index such an array either.
    let bytes = shape
        .iter()
        .filter(|&&n| n > 0)
        .try_fold(size_of::<f64>(), |bytes, &n| bytes.checked_mul(n));
    match bytes {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(shape.iter().product()),
        _ => Err(Error::shape(
            "shape",
            "an array that fits in the address space",
            Shape(shape),
        )),
    }
}

/// Inputs and outputs of one unit of a layer whose weights have this shape.
///
/// The rule of Keras and of the documents' layout: `(…receptive field, in, out)`; a vector of n has n
/// of both, a scalar 1.
pub fn fans(shape: &[usize]) -> (f64, f64) {
    match *shape {
        [] => (1.0, 1.0),
        [n] => (n as f64, n as f64),
        [ref field @ .., inputs, outputs] => {
            let field: f64 = field.iter().map(|&n| n as f64).product();
            (field * inputs as f64, field * outputs as f64)
        }
    }
}

/// A shape as Python writes it.
pub(crate) struct Shape<'a>(pub(crate) &'a [usize]);

impl std::fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<_> = self.0.iter().map(usize::to_string).collect();
        let comma = if sizes.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", sizes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_follow_keras() {
        assert_eq!(fans(&[]), (1.0, 1.0));
        assert_eq!(fans(&[5]), (5.0, 5.0));
        assert_eq!(fans(&[784, 128]), (784.0, 128.0));
        assert_eq!(fans(&[3, 5, 7, 11]), (105.0, 165.0));
        assert_eq!(fans(&[0, 4]), (0.0, 4.0));
    }

    #[test]
    fn sizes_are_counted_or_refused() {
        assert_eq!(size(&[]), Ok(1));
        assert_eq!(size(&[3, 0, 2]), Ok(0));
        assert_eq!(size(&[1 << 20, 1 << 20]), Ok(1 << 40));
        for shape in [
            &[1 << 40, 1 << 40][..],
            &[usize::MAX],
            &[1 << 40, 0, 1 << 40],
        ] {
            assert!(matches!(size(shape), Err(Error::Shape(_))));
        }
    }

    #[test]
    fn shapes_read_as_in_python() {
        assert_eq!(Shape(&[]).to_string(), "()");
        assert_eq!(Shape(&[3]).to_string(), "(3,)");
        assert_eq!(Shape(&[3, 4]).to_string(), "(3, 4)");
    }
}
