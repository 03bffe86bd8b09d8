//! Named settings of a layer, activation, loss or optimizer, as they come from a caller.
//!
//! Each kind of thing has a registry of `(name, constructor from settings)`: adding a member adds one
//! file and one row, and no `match` elsewhere changes.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::shape::Shape;

/// One value of a [`Settings`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A name or a word.
    Text(String),
    /// Whole numbers in a row, such as a shape.
    Integers(Vec<i64>),
    /// Numbers in a row, such as those of a constant array.
    Numbers(Vec<f64>),
    /// A nested thing with a name and settings of its own.
    Nested(Settings),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integers(row) => write!(f, "{}", Shape(row)),
            Self::Numbers(row) => write!(f, "{} numbers", row.len()),
            Self::Nested(settings) => write!(f, "settings of {:?}", settings.kind),
        }
    }
}

/// The name of a thing and its settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Which member of the registry: `"dense"`, `"adam"`.
    pub kind: String,
    /// The values by name.
    pub values: BTreeMap<String, Value>,
}

impl Settings {
    /// Settings of `kind` without any value.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            values: BTreeMap::new(),
        }
    }

    /// These settings with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Whether anything is said of `name`.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<f64> {
        match self.values.get(name) {
            Some(&Value::Float(x)) => Ok(x),
            Some(&Value::Int(i)) => Ok(i as f64),
            found => Err(self.wrong(name, "a number", found)),
        }
    }

    /// A finite number for which `accept` holds; `expected` says in words what that is.
    pub fn float_where(
        &self,
        name: &str,
        expected: &str,
        accept: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        let x = self.float(name)?;
        if x.is_finite() && accept(x) {
            Ok(x)
        } else {
            Err(Error::value(name, expected, x))
        }
    }

    /// A count of at least one.
    pub fn count(&self, name: &str) -> Result<usize> {
        match self.values.get(name) {
            Some(&Value::Int(i)) if i > 0 => Ok(i as usize),
            Some(&Value::Int(i)) => Err(Error::value(name, "a whole number of at least 1", i)),
            found => Err(self.wrong(name, "a whole number", found)),
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<i64> {
        match self.values.get(name) {
            Some(&Value::Int(i)) => Ok(i),
            found => Err(self.wrong(name, "a whole number", found)),
        }
    }

    /// Whole numbers in a row.
    pub fn integers(&self, name: &str) -> Result<&[i64]> {
        match self.values.get(name) {
            Some(Value::Integers(row)) => Ok(row),
            found => Err(self.wrong(name, "whole numbers", found)),
        }
    }

    /// Numbers in a row.
    pub fn numbers(&self, name: &str) -> Result<&[f64]> {
        match self.values.get(name) {
            Some(Value::Numbers(row)) => Ok(row),
            found => Err(self.wrong(name, "numbers", found)),
        }
    }

    /// A flag.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.values.get(name) {
            Some(&Value::Bool(b)) => Ok(b),
            found => Err(self.wrong(name, "true or false", found)),
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.values.get(name) {
            Some(Value::Text(text)) => Ok(text),
            found => Err(self.wrong(name, "a text", found)),
        }
    }

    /// A nested thing.
    pub fn nested(&self, name: &str) -> Result<&Settings> {
        match self.values.get(name) {
            Some(Value::Nested(s)) => Ok(s),
            found => Err(self.wrong(name, "settings", found)),
        }
    }

    fn wrong(&self, name: &str, expected: &str, found: Option<&Value>) -> Error {
        let argument = format!("{} of {}", name, self.kind);
        match found {
            None => Error::value(&argument, expected, "nothing"),
            Some(value) => Error::type_of(&argument, expected, value),
        }
    }
}

/// The row of `registry` that is called `kind`.
pub(crate) fn look_up<T: Copy>(what: &str, kind: &str, registry: &[(&str, T)]) -> Result<T> {
    registry
        .iter()
        .find(|(name, _)| *name == kind)
        .map(|&(_, row)| row)
        .ok_or_else(|| {
            let known: Vec<_> = registry.iter().map(|(name, _)| *name).collect();
            Error::Value(format!(
                "unknown {what} {kind:?}; known: {}",
                known.join(", ")
            ))
        })
}
