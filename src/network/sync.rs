//! What [`lock`](super::lock) waits with; `tests/loom` puts loom's in its place.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
