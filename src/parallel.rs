//! The only door to threads.
//!
//! A pool is made at first use, belongs to the process that made it (a forked child makes its
//! own, since threads do not survive a fork), and no result ever depends on how many threads it has:
//! work is cut into chunks by a fixed rule, and each chunk is computed by one thread.
//!
//! A pool has room for more threads than it starts. A call that asks for more than there are starts the others; one
//! that asks for fewer uses so many of them. Where the system refuses to start a thread, a call goes on with fewer.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

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
            .start_handler(|_| INSIDE.set(true))
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        .unwrap_or_else(cores)
        .min(MAX_THREADS))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
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
fn pool(threads: Threads) -> Option<(Arc<ThreadPool>, Threads)> {
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
        let room = threads.get().max(COUNT.load(Ordering::Relaxed)).max(ROOM);
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

/// Run `work` inside a pool, where it may use so many threads; it is told how many there are, which are fewer where the
/// system refuses to start some. With one thread, or inside a pool already, it runs where it is.
pub fn run<R: Send>(threads: Threads, work: impl FnOnce(Threads) -> R + Send) -> R {
    if threads == Threads::ONE || inside() {
        return work(threads);
    }
    let Some((pool, threads)) = pool(threads).filter(|&(_, threads)| threads != Threads::ONE)
    else {
        return work(Threads::ONE);
    };
    if !is_member() || pool.current_thread_index().is_some() {
        return enter(&pool, threads, work);
    }
    // A member of one pool waits for another inside its own, which a fork may have left in any state.
    let mut work = Some(work);
    let elsewhere = || {
        let work = work.take().expect("it runs once");
        enter(&pool, threads, work)
    };
    let done = thread::scope(|scope| {
        let started = thread::Builder::new().spawn_scoped(scope, elsewhere);
        started.ok().map(thread::ScopedJoinHandle::join)
    });
    match (done, work) {
        (Some(Ok(done)), _) => done,
        (Some(Err(panic)), _) => std::panic::resume_unwind(panic),
        (None, Some(work)) => work(Threads::ONE),
        (None, None) => unreachable!("what was not started has not run"),
    }
}

fn enter<R: Send>(
    pool: &ThreadPool,
    threads: Threads,
    work: impl FnOnce(Threads) -> R + Send,
) -> R {
    pool.install(|| {
        let _inside = Inside::enter();
        work(threads)
    })
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

/// Do `work` with each item of `parts` on as many threads at most as there are parts, inside [`run`]. A thread has a part
/// of its own, whose items lie together; what another is late with it does then.
fn share<I, W>(parts: &[Mutex<I>], work: &W)
where
    I: Iterator<Item: Send> + Send,
    W: Fn(I::Item) + Sync,
{
    fn from<I, W>(parts: &[Mutex<I>], own: Range<usize>, work: &W)
    where
        I: Iterator<Item: Send> + Send,
        W: Fn(I::Item) + Sync,
    {
        if own.len() > 1 {
            let middle = own.start + own.len() / 2;
            let (first, second) = (own.start..middle, middle..own.end);
            rayon::join(|| from(parts, first, work), || from(parts, second, work));
            return;
        }
        let (before, others) = parts.split_at(own.start);
        for part in others.iter().chain(before) {
            loop {
                // Not in the loop's condition, which would hold the lock while it works.
                let item = locked(part).next();
                let Some(item) = item else { break };
                work(item);
            }
        }
    }
    from(parts, 0..parts.len(), work);
}

/// Elements of each of so many parts, as whole chunks of `size`.
fn part_len(elements: usize, size: usize, parts: Threads) -> usize {
    elements.div_ceil(size).div_ceil(parts.get()) * size
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
            let chunks = items.chunks_mut(size).enumerate();
            return chunks.for_each(|(i, chunk)| work(i, chunk));
        }
        let len = part_len(items.len(), size, threads);
        let parts = items.chunks_mut(len).enumerate();
        let parts =
            parts.map(|(p, part)| Mutex::new((p * len / size..).zip(part.chunks_mut(size))));
        share(&parts.collect::<Vec<_>>(), &|(i, chunk)| work(i, chunk));
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
            return pairs.for_each(|(i, (a, b))| work(i, a, b));
        }
        let len = part_len(a.len(), size, threads);
        let parts = a.chunks_mut(len).zip(b.chunks_mut(len)).enumerate();
        let parts = parts.map(|(p, (a, b))| {
            let pairs = a.chunks_mut(size).zip(b.chunks_mut(size));
            Mutex::new((p * len / size..).zip(pairs))
        });
        share(&parts.collect::<Vec<_>>(), &|(i, (a, b))| work(i, a, b));
    });
}

/// Call `work` with each of `items`, on up to `threads` threads.
pub fn for_each<T: Send>(threads: Threads, items: Vec<T>, work: impl Fn(T) + Sync + Send) {
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    for_each_chunk(threads, &mut items, 1, |_, item| {
        item[0].take().into_iter().for_each(&work);
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
            let mut inside_there = [false; 64];
            for_each_chunk(threads, &mut inside_there, 1, |_, there| {
                there[0] = inside();
            });
            inside_there.iter().all(|&inside| inside)
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert!(run(Threads(2), work)));
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
        for threads in [2, 7, 59] {
            assert_eq!(fill(1), fill(threads));
        }
        let pairs = |threads| {
            let (mut a, mut b) = (vec![0usize; 1003], vec![0usize; 1003]);
            for_each_pair(Threads(threads), &mut a, &mut b, 10, |index, a, b| {
                a.fill(index);
                b.fill(index + a.len());
            });
            (a, b)
        };
        assert_eq!(pairs(1), pairs(3));
        let sum = AtomicUsize::new(0);
        for_each(Threads(3), (1..=100).collect(), |i| {
            sum.fetch_add(i, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 5050);
    }

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

    #[test]
    fn a_call_uses_as_many_threads_as_it_asks_for() {
        // More are there once somebody has asked for them.
        assert_eq!(run(Threads(8), |threads| threads), Threads(8));
        for threads in [2, 3] {
            let (at_work, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            for_each(Threads(threads), (0..200).collect(), |_| {
                let now = 1 + at_work.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(now, Ordering::SeqCst);
                thread::yield_now();
                at_work.fetch_sub(1, Ordering::SeqCst);
            });
            assert!(most.into_inner() <= threads);
        }
    }

    #[test]
    fn a_panic_in_a_part_is_that_of_the_call() {
        for threads in [1, 2, 5] {
            let work = || for_each(Threads(threads), (0..50).collect(), |i| assert!(i < 40));
            assert!(std::panic::catch_unwind(work).is_err());
        }
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
