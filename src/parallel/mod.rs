//! The only door to threads. No result depends on how many there are: work is cut into chunks by a fixed rule, and each
//! chunk is computed by one thread. Each part solves one problem:
//!
//! * [`count`](self::count): how many threads a call may use: its own argument, the process's setting, the environment,
//!   the cores.
//! * [`pools`](self::pools): which threads these are. Starting a thread takes longer than most calls, so they are started
//!   once and kept; a forked child makes its own, and where the system refuses to start one, a call goes on with fewer.
//! * [`run`] and [`keep_awake`]: being among them. Entering a pool and waking a sleeping thread take longer than a small
//!   product, so a call enters once, and its threads stay awake while it makes many small products.
//! * [`team`](self::team): how those that are awake meet.
//! * [`chunks`](self::chunks): sharing. Each thread has a part of the chunks, and takes from the others' when it is done.

mod chunks;
mod count;
mod pools;
mod sync;
mod team;
#[cfg(test)]
mod team_tests;

use std::cell::Cell;
use std::thread;

use rayon::ThreadPool;

pub use chunks::{for_each, for_each_chunk, for_each_pair};
pub use count::{Threads, set_num_threads};
pub use pools::{after_fork, before_fork, locked, set_home};

use pools::{is_member, pool};
use team::{Leader, Team};

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

/// Do `work` inside [`run`], where this thread leads the others as a [team](self::team) as long as it lasts.
///
/// Waking a thread takes longer than a part of some tens of microseconds. They do make way for other processes.
pub fn keep_awake<R: Send>(threads: Threads, work: impl FnOnce(Threads) -> R + Send) -> R {
    run(threads, |threads| {
        if threads == Threads::ONE {
            return work(threads);
        }
        let team = Team::new();
        let elsewhere = || rayon::yield_now() == Some(rayon::Yield::Executed);
        rayon::scope(|scope| {
            let call = || scope.spawn(|_| team.work(elsewhere));
            // It ends the team also where `work` panics: the others would look for work for ever.
            Leader::new(&team, threads.get() - 1, &call).lead(|| work(threads))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(keep_awake(Threads(threads), |_| inside()) && !inside());
        }
    }

    #[test]
    fn threads_that_stay_awake_take_parts_and_end_with_the_work() {
        for threads in [1, 2, 4] {
            let sum = keep_awake(Threads(threads), |_| {
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
            let work = || keep_awake(Threads(threads), |_| panic!("meant"));
            assert!(std::panic::catch_unwind(work).is_err());
        }
    }
}
