//! The only door to threads.
//!
//! The pool is made at first use, belongs to the process that made it (a forked child makes its
//! own, since threads do not survive a fork), and no result ever depends on how many threads it has:
//! work is cut into chunks by a fixed rule, and each chunk is computed by one thread.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

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

/// The pools of one process.
struct Pools {
    owner: u32,
    /// That which the [home thread](set_home) is itself a member of, so that it gets to work while the others wake. A
    /// thread can be a member of one pool only, and leaves none before it ends.
    home: Option<(usize, Arc<ThreadPool>)>,
    /// For threads that wait meanwhile.
    by_size: BTreeMap<usize, Arc<ThreadPool>>,
}

impl Pools {
    fn get(&self, threads: Threads) -> Option<&Arc<ThreadPool>> {
        match &self.home {
            Some((size, pool)) if *size == threads.get() && is_home() => Some(pool),
            _ => self.by_size.get(&threads.get()),
        }
    }
}

static HOME: OnceLock<ThreadId> = OnceLock::new();

/// Say that most calls will come from this thread, and that it lives as long as the process.
pub fn set_home() {
    HOME.get_or_init(|| thread::current().id());
}

fn is_home() -> bool {
    HOME.get() == Some(&thread::current().id())
}

/// What the process is set to; 0 until it is first asked for.
static COUNT: AtomicUsize = AtomicUsize::new(0);

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// Use `count` threads from now on, whatever the environment says.
pub fn set_num_threads(count: usize) -> Result<()> {
    let threads = Threads::new(count)?;
    COUNT.store(threads.get(), Ordering::Relaxed);
    Ok(())
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
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
        .min(MAX_THREADS))
}

/// This thread's pool of so many threads, if it has one already.
fn pool_there_is(threads: Threads) -> Option<Arc<ThreadPool>> {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let mine = pools
        .as_ref()
        .filter(|pools| pools.owner == std::process::id())?;
    mine.get(threads).cloned()
}

/// This thread's pool of so many threads; none if the system refuses to start them.
fn pool(threads: Threads) -> Option<Arc<ThreadPool>> {
    if let Some(pool) = pool_there_is(threads) {
        return Some(pool);
    }
    // Started without the lock, which a fork meanwhile would leave locked in the child for ever.
    let builder = ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("fanin-{i}"))
        .start_handler(|_| INSIDE.set(true));
    let as_member = is_home() && !is_member();
    let made = if as_member {
        builder.use_current_thread().build()
    } else {
        builder.build()
    };
    let made = Arc::new(made.ok()?);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let owner = std::process::id();
    // The threads of a pool that a parent process made are not here: dropping it would wait for them.
    std::mem::forget(pools.take_if(|pools| pools.owner != owner));
    let mine = pools.get_or_insert_with(|| Pools {
        owner,
        home: None,
        by_size: BTreeMap::new(),
    });
    if as_member {
        mine.home = Some((threads.get(), made.clone()));
        return Some(made);
    }
    Some(mine.by_size.entry(threads.get()).or_insert(made).clone())
}

/// Whether this thread is in a pool; the home thread of a forked process is, of one whose other threads are gone.
fn is_member() -> bool {
    rayon::current_thread_index().is_some()
}

thread_local! {
    /// Whether this thread is at work in a pool, so that others are a short wait away.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn inside() -> bool {
    INSIDE.get()
}

/// This thread is at work in a pool until this is dropped.
struct Inside {
    before: bool,
}

impl Inside {
    fn enter() -> Self {
        Self {
            before: INSIDE.replace(true),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// Run `work` inside a pool of `threads` threads, which it is told; with one thread, inside a pool
/// already, or when the system refuses to start threads, where it is.
pub fn run<R: Send>(threads: Threads, work: impl FnOnce(Threads) -> R + Send) -> R {
    if threads == Threads::ONE || inside() {
        return work(threads);
    }
    let Some(pool) = pool(threads) else {
        return work(Threads::ONE);
    };
    let enter = || {
        pool.install(|| {
            let _inside = Inside::enter();
            work(threads)
        })
    };
    if is_member() && pool.current_thread_index().is_none() {
        // A member of one pool waits for another inside its own, which a fork may have left in any state.
        return thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    enter()
}

/// Do `work` inside [`run`], while the other threads look for parts of it and do not fall asleep in between.
///
/// Waking a thread takes longer than a part of some tens of microseconds. They do make way for other processes.
pub fn run_awake<R: Send>(threads: Threads, work: impl FnOnce(Threads) -> R + Send) -> R {
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    run(threads, |threads| {
        if threads == Threads::ONE {
            return work(threads);
        }
        let done = AtomicBool::new(false);
        rayon::scope(|scope| {
            for _ in 1..threads.get() {
                scope.spawn(|_| {
                    while !done.load(Ordering::Acquire) {
                        if rayon::yield_now() != Some(rayon::Yield::Executed) {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            // Also where `work` panics: the others would wait for ever.
            let _done = Done(&done);
            work(threads)
        })
    })
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
    let threads = threads.for_work(items.len(), size + 1);
    run(threads, |threads| {
        if threads == Threads::ONE {
            items
                .chunks_mut(size)
                .enumerate()
                .for_each(|(i, chunk)| work(i, chunk));
        } else {
            let chunks = items.par_chunks_mut(size).enumerate();
            chunks.for_each(|(i, chunk)| work(i, chunk));
        }
    });
}

/// Call `work(index, chunk of a, chunk of b)` for the `size`-long chunks of two equally long slices.
pub fn for_each_pair<T: Send, U: Send>(
    threads: Threads,
    a: &mut [T],
    b: &mut [U],
    size: usize,
    work: impl Fn(usize, &mut [T], &mut [U]) + Sync + Send,
) {
    let threads = threads.for_work(a.len(), size + 1);
    run(threads, |threads| {
        if threads == Threads::ONE {
            let pairs = a.chunks_mut(size).zip(b.chunks_mut(size)).enumerate();
            pairs.for_each(|(i, (a, b))| work(i, a, b));
        } else {
            let pairs = a
                .par_chunks_mut(size)
                .zip(b.par_chunks_mut(size))
                .enumerate();
            pairs.for_each(|(i, (a, b))| work(i, a, b));
        }
    });
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
    fn every_thread_is_inside_while_it_works_and_only_then() {
        let work = |threads: Threads| {
            assert!(threads == Threads(2) && inside());
            join(inside, inside)
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(run(Threads(2), work), (true, true)));
            }
        });
        set_home();
        for threads in [2, 3, 2] {
            let panics = || run(Threads(threads), |_| panic!("on purpose"));
            assert!(std::panic::catch_unwind(panics).is_err() && !inside());
            assert!(run_awake(Threads(threads), |_| inside()) && !inside());
        }
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
    fn threads_that_stay_awake_take_parts_and_end_with_the_work() {
        for threads in [1, 2, 4] {
            let sum = run_awake(Threads(threads), |_| {
                let mut items = vec![1usize; 4096];
                for _ in 0..50 {
                    for_each_chunk(Threads(threads), &mut items, 64, |_, chunk| {
                        for item in chunk {
                            *item += 1;
                        }
                    });
                }
                items.iter().sum::<usize>()
            });
            assert_eq!(sum, 51 * 4096);
            let work = || run_awake(Threads(threads), |_| panic!("meant"));
            assert!(std::panic::catch_unwind(work).is_err());
        }
    }

    #[test]
    fn no_threads_are_refused() {
        assert!(Threads::new(0).is_err());
        assert!(set_num_threads(0).is_err());
    }
}
