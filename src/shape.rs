//! Shapes: how many inputs and outputs, and how they read.

use crate::error::{Error, Result};

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

/// Which axes of a weight array count inputs, which outputs; all others are the receptive field.
///
/// An axis below 0 counts from the last one. The definition of JAX, which has no groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    /// Inputs.
    pub inputs: Vec<isize>,
    /// Outputs.
    pub outputs: Vec<isize>,
    /// Axes along which independent arrays lie; without a list, all that are neither inputs nor outputs, so
    /// that there is no receptive field.
    pub batch: Option<Vec<isize>>,
    /// Parts into which inputs and outputs are split, each part seeing only its own.
    pub groups: usize,
    /// Whether the axis of inputs holds those of all groups and the axis of outputs those of one, as in a
    /// transposed kernel, instead of the other way round.
    pub transposed: bool,
}

/// What an axis of an array is for.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Field,
    Inputs,
    Outputs,
    Batch,
}

impl Axes {
    /// Inputs and outputs of one unit of a layer whose weights have this shape.
    pub fn fans(&self, shape: &[usize]) -> Result<(f64, f64)> {
        let roles = self.roles(shape)?;
        let sizes = |role| -> f64 {
            let of_role = shape.iter().zip(&roles).filter(|&(_, &r)| r == role);
            of_role.map(|(&n, _)| n as f64).product()
        };
        let (inputs, outputs) = (sizes(Role::Inputs), sizes(Role::Outputs));
        let field = if self.batch.is_some() {
            sizes(Role::Field)
        } else {
            1.0
        };
        let groups = self.groups as f64;
        let (name, split) = if self.transposed {
            ("inputs", inputs)
        } else {
            ("outputs", outputs)
        };
        if self.groups == 0 || split % groups != 0.0 {
            let expected = format!("a divisor of {split}, the {name} of shape {}", Shape(shape));
            return Err(Error::value("groups", expected, self.groups));
        }
        Ok(if self.transposed {
            (field * inputs / groups, field * outputs)
        } else {
            (field * inputs, field * outputs / groups)
        })
    }

    fn roles(&self, shape: &[usize]) -> Result<Vec<Role>> {
        let mut roles = vec![Role::Field; shape.len()];
        let given = [
            ("in_axis", self.inputs.as_slice(), Role::Inputs),
            ("out_axis", self.outputs.as_slice(), Role::Outputs),
            (
                "batch_axis",
                self.batch.as_deref().unwrap_or(&[]),
                Role::Batch,
            ),
        ];
        for (name, axes, role) in given {
            for &axis in axes {
                let place = if axis < 0 {
                    shape.len().checked_add_signed(axis)
                } else {
                    Some(axis as usize)
                };
                let Some(slot) = place.and_then(|place| roles.get_mut(place)) else {
                    let expected = format!("an axis of an array of shape {}", Shape(shape));
                    return Err(Error::shape(name, expected, axis));
                };
                if *slot != Role::Field {
                    let expected = format!("axes of shape {} that are named once", Shape(shape));
                    return Err(Error::shape(name, expected, format!("{axis} again")));
                }
                *slot = role;
            }
        }
        Ok(roles)
    }
}

/// A shape, of sizes or of words for them, as Python writes it.
pub(crate) struct Shape<'a, T = usize>(pub(crate) &'a [T]);

impl<T: ToString> std::fmt::Display for Shape<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<_> = self.0.iter().map(T::to_string).collect();
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

    fn axes(inputs: &[isize], outputs: &[isize], batch: &[isize]) -> Axes {
        Axes {
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            batch: Some(batch.to_vec()),
            groups: 1,
            transposed: false,
        }
    }

    #[test]
    fn fans_follow_the_axes() {
        let shape = [3, 5, 7, 11];
        assert_eq!(axes(&[-2], &[-1], &[]).fans(&shape), Ok(fans(&shape)));
        assert_eq!(axes(&[1], &[0], &[]).fans(&shape), Ok((385.0, 231.0)));
        assert_eq!(axes(&[0, 1], &[-1], &[2]).fans(&shape), Ok((15.0, 11.0)));
        let no_field = Axes {
            batch: None,
            ..axes(&[-2], &[-1], &[])
        };
        assert_eq!(no_field.fans(&shape), Ok((7.0, 11.0)));
        assert_eq!(axes(&[-2], &[-1], &[]).fans(&[0, 3, 4]), Ok((0.0, 0.0)));
        for wrong in [
            axes(&[4], &[-1], &[]),
            axes(&[-5], &[-1], &[]),
            axes(&[0], &[-4], &[]),
        ] {
            assert!(matches!(wrong.fans(&shape), Err(Error::Shape(_))));
        }
    }

    #[test]
    fn a_group_sees_its_own_part() {
        let grouped = |groups, transposed| Axes {
            groups,
            transposed,
            ..axes(&[-2], &[-1], &[])
        };
        // 12 outputs in 4 groups: an input goes to 3 of them at each of 9 places.
        assert_eq!(grouped(4, false).fans(&[3, 3, 5, 12]), Ok((45.0, 27.0)));
        assert_eq!(grouped(4, true).fans(&[3, 3, 12, 5]), Ok((27.0, 45.0)));
        for groups in [0, 5] {
            let refused = grouped(groups, false).fans(&[3, 3, 5, 12]);
            assert!(matches!(refused, Err(Error::Value(_))));
        }
    }

    #[test]
    fn shapes_read_as_in_python() {
        assert_eq!(Shape::<usize>(&[]).to_string(), "()");
        assert_eq!(Shape(&["n", "4"]).to_string(), "(n, 4)");
        assert_eq!(Shape(&[3]).to_string(), "(3,)");
        assert_eq!(Shape(&[3, 4]).to_string(), "(3, 4)");
    }
}
