//! The only door to threads.
//!
//! The pool is made at first use, belongs to the process that made it (a forked child makes its
//! own, since threads do not survive a fork), and no result ever depends on how many threads it has:
//! work is cut into chunks by a fixed rule, and each chunk is computed by one thread.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};

/// How many threads one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(usize);

impl Threads {
    /// Everything stays on the calling thread.
    pub const ONE: Self = Self(1);

    /// Use `count` threads; at least one.
    pub fn new(count: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::value("threads", "at least 1", 0));
        }
        Ok(Self(count.min(MAX_THREADS)))
    }

    /// What the process is set to: [`set_num_threads`], else the environment, else the cores there are.
    pub fn global() -> Self {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(
            *state
                .count
                .get_or_insert_with(|| count_from(|name| std::env::var(name).ok())),
        )
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
}

/// More threads than this are never of use here, and a typo should not start a million.
const MAX_THREADS: usize = 1024;

/// Where a thread count is looked for, in this order.
const VARIABLES: [&str; 3] = ["FANIN_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"];

struct Pool {
    owner: u32,
    threads: Arc<rayon::ThreadPool>,
}

struct State {
    count: Option<usize>,
    pool: Option<Pool>,
}

static STATE: Mutex<State> = Mutex::new(State {
    count: None,
    pool: None,
});

/// Use `count` threads from now on, whatever the environment says.
pub fn set_num_threads(count: usize) -> Result<()> {
    let threads = Threads::new(count)?;
    STATE.lock().unwrap_or_else(PoisonError::into_inner).count = Some(threads.get());
    Ok(())
}

fn count_from(variable: impl Fn(&str) -> Option<String>) -> usize {
    VARIABLES
        .into_iter()
        .filter_map(variable)
        // OMP_NUM_THREADS may be a list, one entry a nesting level; the first is the outermost.
        .filter_map(|value| {
            value
                .split(',')
                .next()
                .and_then(|first| first.trim().parse().ok())
        })
        .find(|&count: &usize| count > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
        .min(MAX_THREADS)
}

/// The pool of this process with (at least) `threads` threads.
fn pool(threads: Threads) -> Option<Arc<rayon::ThreadPool>> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let me = std::process::id();
    if let Some(pool) = &state.pool
        && pool.owner == me
        && pool.threads.current_num_threads() >= threads.get()
    {
        return Some(pool.threads.clone());
    }
    // A pool that a parent process made has no threads here: dropping it would wait for them.
    if let Some(stale) = state.pool.take_if(|pool| pool.owner != me) {
        std::mem::forget(stale);
    }
    let made = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("fanin-{i}"))
        .build()
        .ok()?;
    let made = Arc::new(made);
    state.pool = Some(Pool {
        owner: me,
        threads: made.clone(),
    });
    Some(made)
}

/// Run `work` inside the pool, so that what it calls may use `threads` threads.
///
/// With one thread, or when the system refuses to start more, `work` runs where it is.
pub fn run<R: Send>(threads: Threads, work: impl FnOnce() -> R + Send) -> R {
    if threads == Threads::ONE || rayon::current_thread_index().is_some() {
        return work();
    }
    match pool(threads) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Do both, the second on another thread if one is free; meant for inside [`run`].
pub fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    rayon::join(first, second)
}

/// Call `work(index, chunk)` for each `size`-long chunk of `items`, on up to `threads` threads.
///
/// Which elements make up a chunk depends on `size` alone, so results do not depend on `threads`.
pub fn for_each_chunk<T: Send>(
    threads: Threads,
    items: &mut [T],
    size: usize,
    work: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    if threads == Threads::ONE || items.len() <= size {
        items
            .chunks_mut(size)
            .enumerate()
            .for_each(|(i, chunk)| work(i, chunk));
    } else {
        run(threads, || {
            items
                .par_chunks_mut(size)
                .enumerate()
                .for_each(|(i, chunk)| work(i, chunk));
        });
    }
}

/// Call `work(index, chunk of a, chunk of b)` for the `size`-long chunks of two equally long slices.
pub fn for_each_pair<T: Send, U: Send>(
    threads: Threads,
    a: &mut [T],
    b: &mut [U],
    size: usize,
    work: impl Fn(usize, &mut [T], &mut [U]) + Sync + Send,
) {
    if threads == Threads::ONE || a.len() <= size {
        a.chunks_mut(size)
            .zip(b.chunks_mut(size))
            .enumerate()
            .for_each(|(i, (a, b))| work(i, a, b));
    } else {
        run(threads, || {
            let pairs = a.par_chunks_mut(size).zip(b.par_chunks_mut(size));
            pairs.enumerate().for_each(|(i, (a, b))| work(i, a, b));
        });
    }
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
        assert_eq!(
            count(&[("OMP_NUM_THREADS", "3,2"), ("FANIN_NUM_THREADS", "5")]),
            5
        );
        assert_eq!(count(&[("OMP_NUM_THREADS", "3,2")]), 3);
        assert_eq!(
            count(&[("FANIN_NUM_THREADS", "none"), ("RAYON_NUM_THREADS", "4")]),
            4
        );
        assert_eq!(count(&[("FANIN_NUM_THREADS", "99999999")]), MAX_THREADS);
        assert!(count(&[]) >= 1);
    }

    #[test]
    fn chunks_are_the_same_for_any_number_of_threads() {
        let fill = |threads| {
            let mut items = vec![0usize; 10_007];
            for_each_chunk(Threads(threads), &mut items, 64, |index, chunk| {
                for (i, item) in chunk.iter_mut().enumerate() {
                    *item = index * 1000 + i;
                }
            });
            items
        };
        assert_eq!(fill(1), fill(2));
        assert_eq!(fill(1), fill(7));
    }

    #[test]
    fn no_threads_are_refused() {
        assert!(Threads::new(0).is_err());
        assert!(set_num_threads(0).is_err());
    }
}
