//! What [`team`](super::team) meets by; `tests/loom` puts loom's in its place.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
pub(super) use std::sync::{Mutex, PoisonError};
pub(super) use std::thread::yield_now;
pub(super) use std::time::Instant;

/// Looks at what others do, between two of which is time for other things: some microseconds.
pub(super) const LOOKS: usize = 100;
