//! The lock, with loom's mutex and condition in the place of the standard library's, and models of its use.

#[allow(dead_code)] // What the models do not use.
#[path = "../../../src/network/lock.rs"]
mod lock;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
}

#[cfg(test)]
mod models;
