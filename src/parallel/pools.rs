//! The threads themselves: pools of them, made at first use.
//!
//! A pool belongs to the process that made it, since threads do not survive a fork. It has room for more threads than it
//! starts: a call that asks for more than there are starts the others, one that asks for fewer uses so many of them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

use super::INSIDE;
use super::count::{Threads, cores, set_count};
use crate::simd::DefaultArithmetic;

/// Threads that a pool has room for at least. Not more: who looks for work looks at each.
const ROOM: usize = 16;

/// Threads of which a call uses a part.
struct Pool {
    rayon: Arc<ThreadPool>,
    /// Those that there are.
    threads: usize,
    /// Those that nobody has asked for yet; the last one is the next.
    waiting: Vec<ThreadBuilder>,
}

impl Pool {
    /// A pool of no thread but this one, if it is to be a member.
    fn new(room: usize, as_member: bool) -> Option<Self> {
        let mut waiting = Vec::new();
        let mut builder = ThreadPoolBuilder::new()
            .num_threads(room)
            .thread_name(|i| format!("fanin-{i}"))
            .start_handler(|_| {
                INSIDE.set(true);
                // Such a thread starts in the mode of whoever asked for it, and ends with the process.
                std::mem::forget(DefaultArithmetic::enter());
            })
            .spawn_handler(|thread| {
                waiting.push(thread);
                Ok(())
            });
        if as_member {
            builder = builder.use_current_thread();
        }
        let rayon = Arc::new(builder.build().ok()?);
        waiting.reverse();
        Some(Self {
            rayon,
            threads: usize::from(as_member),
            waiting,
        })
    }

    /// Take out those that are to be started for so many threads, as far as there is room.
    fn missing(&mut self, threads: usize) -> Vec<ThreadBuilder> {
        let missing = threads.saturating_sub(self.threads);
        let rest = self.waiting.len().saturating_sub(missing);
        self.waiting.split_off(rest)
    }
}

/// Start threads from the last to the first; what the system refuses is left.
fn start(missing: &mut Vec<ThreadBuilder>, spawn: impl Fn(ThreadBuilder) -> Option<ThreadBuilder>) {
    while let Some(thread) = missing.pop() {
        if let Some(refused) = spawn(thread) {
            return missing.push(refused);
        }
    }
}

/// Start a thread; it comes back where the system refuses it.
fn spawn(thread: ThreadBuilder) -> Option<ThreadBuilder> {
    let name = thread.name().unwrap_or("fanin").to_owned();
    // Not moved into what is lost where the thread is refused.
    let (ours, theirs) = {
        let thread = Arc::new(Mutex::new(Some(thread)));
        (thread.clone(), thread)
    };
    let take = |thread: &Mutex<Option<ThreadBuilder>>| locked(thread).take();
    let run = move || {
        if let Some(thread) = take(&theirs) {
            thread.run();
        }
    };
    match thread::Builder::new().name(name).spawn(run) {
        Ok(_) => None,
        Err(_) => take(&ours),
    }
}

/// Lock a mutex whose data no panic leaves half done.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pools of one process.
struct Pools {
    owner: u32,
    /// That which the [home thread](set_home) is itself a member of, so that it gets to work while the others wake. A
    /// thread can be a member of one pool only, and leaves none before it ends.
    home: Option<Pool>,
    /// For threads that wait meanwhile.
    others: Option<Pool>,
}

impl Pools {
    /// Whether this thread uses the pool of the home thread: not in a forked process, where it is still a member of the
    /// pool of its parent, whose other threads are gone.
    fn at_home(&self) -> bool {
        is_home() && (self.home.is_some() || !is_member())
    }

    fn of(&mut self, at_home: bool) -> &mut Option<Pool> {
        if at_home {
            &mut self.home
        } else {
            &mut self.others
        }
    }

    /// The pool that this thread uses.
    fn mine(&mut self) -> &mut Option<Pool> {
        self.of(self.at_home())
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
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

thread_local! {
    /// The lock of the pools, while this thread forks.
    static FORKING: RefCell<Option<MutexGuard<'static, Option<Pools>>>> = const { RefCell::new(None) };
}

/// Keep other threads from the pools until [`after_fork`]: in a child nobody would give up what they had locked.
pub fn before_fork() {
    FORKING.set(Some(locked(&POOLS)));
}

/// Let others to the pools again, in the parent as in the child.
pub fn after_fork() {
    FORKING.set(None);
}

/// Do something with this process's pools; those that a parent process made are forgotten.
fn with_pools<R>(work: impl FnOnce(&mut Pools) -> R) -> R {
    let mut lock = locked(&POOLS);
    let owner = std::process::id();
    // The threads of such a pool are not here: dropping it would wait for them.
    std::mem::forget(lock.take_if(|pools| pools.owner != owner));
    work(lock.get_or_insert(Pools {
        owner,
        home: None,
        others: None,
    }))
}

/// This thread's pool, and how many of these threads it has; none where the system refuses to start one.
pub(super) fn pool(threads: Threads) -> Option<(Arc<ThreadPool>, Threads)> {
    let enough = with_pools(|pools| {
        let pool = pools.mine().as_ref();
        let pool = pool.filter(|pool| pool.threads >= threads.get())?;
        Some((pool.rayon.clone(), threads))
    });
    enough.or_else(|| grow(threads))
}

/// [`pool`], where threads are missing. They are started without the lock, which a fork meanwhile would leave locked in
/// the child for ever.
#[cold]
fn grow(threads: Threads) -> Option<(Arc<ThreadPool>, Threads)> {
    let (is_there, at_home) = with_pools(|pools| (pools.mine().is_some(), pools.at_home()));
    if !is_there {
        let room = threads.get().max(set_count()).max(ROOM);
        let pool = Pool::new(room.max(cores()), at_home)?;
        with_pools(|pools| _ = pools.of(at_home).get_or_insert(pool));
    }
    let mut missing = with_pools(|pools| Some(pools.mine().as_mut()?.missing(threads.get())))?;
    let wanted = missing.len();
    start(&mut missing, spawn);
    with_pools(|pools| {
        let pool = pools.mine().as_mut()?;
        pool.threads += wanted - missing.len();
        pool.waiting.append(&mut missing);
        let granted = pool.threads.min(threads.get());
        (granted > 0).then(|| (pool.rayon.clone(), Threads(granted)))
    })
}

/// Whether this thread is in a pool; the home thread of a forked process is, of one whose other threads are gone.
pub(super) fn is_member() -> bool {
    rayon::current_thread_index().is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::chunks::share;
    use super::*;

    #[test]
    fn a_pool_starts_what_is_asked_for_and_goes_on_with_less() {
        let mut pool = Pool::new(5, false).unwrap();
        let mut grow = |threads, allowed: usize| {
            let mut missing = pool.missing(threads);
            let asked = missing.len();
            let started = AtomicUsize::new(0);
            let names = Mutex::new(Vec::new());
            start(&mut missing, |thread| {
                if started.fetch_add(1, Ordering::Relaxed) == allowed {
                    return Some(thread);
                }
                locked(&names).push(thread.index());
                spawn(thread)
            });
            pool.threads += asked - missing.len();
            pool.waiting.append(&mut missing);
            let sum: usize = pool.rayon.install(|| {
                let parts = [Mutex::new(0..50), Mutex::new(50..101)];
                let sum = AtomicUsize::new(0);
                share(&parts, &|i| _ = sum.fetch_add(i, Ordering::Relaxed));
                sum.into_inner()
            });
            assert_eq!(sum, 5050);
            (asked, names.into_inner().unwrap(), pool.threads)
        };
        assert_eq!(grow(2, 9), (2, vec![0, 1], 2));
        // Nothing more for fewer, or as many.
        assert_eq!(grow(1, 9), (0, vec![], 2));
        assert_eq!(grow(2, 9), (0, vec![], 2));
        // One is refused, asked for again, and then there.
        assert_eq!(grow(4, 1), (2, vec![2], 3));
        assert_eq!(grow(4, 0), (1, vec![], 3));
        assert_eq!(grow(4, 9), (1, vec![3], 4));
        // There is no room for more.
        assert_eq!(grow(59, 9), (1, vec![4], 5));
        assert_eq!(grow(59, 9), (0, vec![], 5));
    }
}
