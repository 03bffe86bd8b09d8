//! The one error type of the crate.

/// What can go wrong in the core, in the terms of whoever called it.
///
/// A message names the argument, what was expected and what came. The Python boundary maps each
/// kind to one exception class.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array, or a request for one, has a shape that cannot be used.
    #[error("{0}")]
    Shape(String),
    /// An argument has the right type but a value that means nothing here.
    #[error("{0}")]
    Value(String),
    /// An argument has the wrong type.
    #[error("{0}")]
    Type(String),
    /// There is no room for a buffer.
    #[error("{0}")]
    Memory(String),
}

impl Error {
    /// A [`Error::Shape`] for `argument`.
    pub fn shape(
        argument: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Shape(format!("{argument}: expected {expected}, found {found}"))
    }

    /// A [`Error::Value`] for `argument`.
    pub fn value(
        argument: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Value(format!("{argument}: expected {expected}, found {found}"))
    }

    /// A [`Error::Type`] for `argument`.
    pub fn type_of(
        argument: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Type(format!("{argument}: expected {expected}, found {found}"))
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
