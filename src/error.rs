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
    /// The machine cannot do it, or something below has failed that should not.
    #[error("{0}")]
    Runtime(String),
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

    /// A [`Error::Runtime`] for `what`.
    pub fn runtime(
        what: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Runtime(format!("{what}: expected {expected}, found {found}"))
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Do `work`; the words of a panic if it panics.
#[cfg(any(feature = "python", test))]
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> std::result::Result<R, String> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    // Nobody looks at what was half done: the words become an error, which ends the call.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("a panic without words").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_panic_are_kept() {
        assert_eq!(caught(|| 3), Ok(3));
        let words = |work: fn()| caught(work).unwrap_err();
        assert_eq!(words(|| panic!("said")), "said");
        assert_eq!(words(|| panic!("said {}", 3)), "said 3");
        let index = words(|| {
            let empty: &[u8] = std::hint::black_box(&[]);
            assert_eq!(empty[3], 0);
        });
        assert!(index.contains("the index is 3"), "{index}");
        let silent = words(|| std::panic::panic_any(3));
        assert_eq!(silent, "a panic without words");
    }
}
