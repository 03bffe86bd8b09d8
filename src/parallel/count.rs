//! How many threads a call may use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::inside;
use crate::error::{Error, Result};

/// How many threads one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub(super) usize);

impl Threads {
    /// Everything stays on the calling thread.
    pub const ONE: Self = Self(1);

    /// Use `count` threads; at least one.
    pub fn new(count: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::value("threads", A_COUNT, 0));
        }
        Ok(Self(count.min(MAX_THREADS)))
    }

    /// What the process is set to: [`set_num_threads`], else the environment, else the cores there are.
    pub fn global() -> Result<Self> {
        Ok(match COUNT.load(Ordering::Relaxed) {
            0 => {
                let count = count_from(|name| {
                    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
                })?;
                COUNT.store(count, Ordering::Relaxed);
                Self(count)
            }
            count => Self(count),
        })
    }

    /// The number of threads.
    pub const fn get(self) -> usize {
        self.0
    }

    /// These threads where the `work` (elements touched, or multiply-adds) is worth waking them, else one.
    #[must_use]
    pub const fn for_work(self, work: usize, threshold: usize) -> Self {
        if work < threshold { Self::ONE } else { self }
    }

    /// [`for_work`](Self::for_work) where the work is part of a whole that may be inside the pool already: from outside
    /// there must be more of it, since the threads are asleep.
    #[must_use]
    pub fn for_part(self, work: usize, threshold: usize) -> Self {
        self.for_work(
            work,
            if inside() {
                threshold
            } else {
                OUTSIDE * threshold
            },
        )
    }
}

/// How many times as much work pays for waking the pool from outside as for sharing it inside.
const OUTSIDE: usize = 4;

/// More threads than this are never of use here, and a typo should not start a million.
const MAX_THREADS: usize = 1024;

const A_COUNT: &str = "a whole number of at least 1";

/// Where a thread count is looked for first.
const OURS: &str = "FANIN_NUM_THREADS";

/// Where it is looked for then, in this order; what others make of these is not ours to refuse.
const OF_OTHERS: [&str; 2] = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"];

/// What the process is set to; 0 until it is first asked for.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Use `count` threads from now on, whatever the environment says.
pub fn set_num_threads(count: usize) -> Result<()> {
    let threads = Threads::new(count)?;
    COUNT.store(threads.get(), Ordering::Relaxed);
    Ok(())
}

/// The number that was last set or asked for; 0 before.
pub(super) fn set_count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

fn count_from(variable: impl Fn(&str) -> Option<String>) -> Result<usize> {
    let count = |text: &str| text.trim().parse().ok().filter(|&count: &usize| count > 0);
    if let Some(ours) = variable(OURS).filter(|text| !text.trim().is_empty()) {
        let count = count(&ours).ok_or_else(|| Error::value(OURS, A_COUNT, format!("{ours:?}")))?;
        return Ok(count.min(MAX_THREADS));
    }
    Ok(OF_OTHERS
        .into_iter()
        .filter_map(variable)
        // OMP_NUM_THREADS may be a list, one entry a nesting level; the first is the outermost.
        .find_map(|value| count(value.split(',').next()?))
        .unwrap_or_else(cores)
        .min(MAX_THREADS))
}

/// The cores that the process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_in_order() {
        let count = |set: &[(&str, &str)]| {
            count_from(|name| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            })
        };
        let (ours, rayon, omp) = (OURS, OF_OTHERS[0], OF_OTHERS[1]);
        assert_eq!(count(&[(omp, "3,2"), (ours, " 5 ")]), Ok(5));
        assert_eq!(count(&[(omp, "3,2"), (ours, "")]), Ok(3));
        assert_eq!(count(&[(omp, "3,2"), (rayon, "none")]), Ok(3));
        assert_eq!(count(&[(omp, "0"), (rayon, "4")]), Ok(4));
        assert_eq!(count(&[(ours, "99999999")]), Ok(MAX_THREADS));
        assert!(count(&[]).unwrap() >= 1 && count(&[(omp, "0")]).unwrap() >= 1);
    }

    #[test]
    fn our_own_variable_is_read_or_refused() {
        for text in ["banana", "0", "-1", "2,2", "1.5", "99999999999999999999999"] {
            let refused = count_from(|name| (name == OURS).then(|| text.to_owned()));
            let expected = format!("{OURS}: expected a whole number of at least 1, found {text:?}");
            assert_eq!(refused, Err(Error::Value(expected)));
        }
    }

    #[test]
    fn no_threads_are_refused() {
        assert!(Threads::new(0).is_err());
        assert!(set_num_threads(0).is_err());
    }
}
