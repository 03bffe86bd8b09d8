//! Work in chunks, shared among threads.

use std::ops::Range;
use std::sync::Mutex;

use super::count::Threads;
use super::pools::locked;
use super::{run, team};

/// Do `work` with each item of `parts` on as many threads at most as there are parts, inside [`run`]. A thread has a part
/// of its own, whose items lie together; what another is late with it does then.
pub(super) fn share<I, W>(parts: &[Mutex<I>], work: &W)
where
    I: Iterator<Item: Send> + Send,
    W: Fn(I::Item) + Sync,
{
    let from = |own: usize| {
        let (before, others) = parts.split_at(own);
        for part in others.iter().chain(before) {
            loop {
                // Not in the loop's condition, which would hold the lock while it works.
                let item = locked(part).next();
                let Some(item) = item else { break };
                work(item);
            }
        }
    };
    if !team::share(parts.len(), &from) {
        join(0..parts.len(), &from);
    }
}

/// Call `work` with each of some numbers, on threads of the pool.
fn join(numbers: Range<usize>, work: &(impl Fn(usize) + Sync)) {
    if numbers.len() > 1 {
        let middle = numbers.start + numbers.len() / 2;
        let (first, second) = (numbers.start..middle, middle..numbers.end);
        rayon::join(|| join(first, work), || join(second, work));
    } else {
        numbers.for_each(work);
    }
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

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
}
