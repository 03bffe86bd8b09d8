//! What threads meet by, with loom's mutexes, conditions and atomics in the place of the standard library's, and models of
//! its use.

#[allow(dead_code)] // What the models do not use.
#[path = "../../../src/network/lock.rs"]
mod lock;
#[allow(dead_code)] // As above.
#[path = "../../../src/parallel/team.rs"]
mod team;

mod sync {
    use std::cell::Cell;
    use std::ops::{Add, Sub};
    use std::sync::PoisonError as StdPoisonError;
    use std::time::Duration;

    pub(super) use loom::hint::spin_loop;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use loom::thread::yield_now;
    pub(super) type PoisonError<T> = StdPoisonError<T>;

    /// Loom tries what another look may find.
    pub(super) const LOOKS: usize = 1;

    std::thread_local! {
        /// How long everything takes.
        pub(super) static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    /// A clock for the team, by which everything takes as long, since a model has to do the same each time.
    #[derive(Clone, Copy, PartialEq, PartialOrd)]
    pub(super) struct Instant;

    impl Instant {
        pub(super) fn now() -> Self {
            Self
        }

        pub(super) fn elapsed(self) -> Duration {
            PASSED.get()
        }
    }

    impl Sub for Instant {
        type Output = Duration;

        fn sub(self, _: Self) -> Duration {
            Duration::ZERO
        }
    }

    impl Add<Duration> for Instant {
        type Output = Self;

        fn add(self, _: Duration) -> Self {
            self
        }
    }
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod team_models;
