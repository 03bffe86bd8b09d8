//! What may never happen to a team: a piece that nobody does or two do, a leader that goes on before a piece is done or
//! does not see what was done, a worker that finds the job before, or one that is over.

use std::hint::black_box;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use crate::sync::PASSED;
use crate::team::{Leader, Team};

/// A number for each piece, which nothing but the team keeps in order: loom finds two that are there at once.
struct Numbers(Vec<UnsafeCell<usize>>);

// SAFETY: that nobody looks while another writes is what the models are about.
unsafe impl Sync for Numbers {}

impl Numbers {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| UnsafeCell::new(0)).collect())
    }

    fn add(&self, piece: usize, number: usize) {
        // SAFETY: loom checks it.
        self.0[piece].with_mut(|at| unsafe { *at += number });
    }

    fn all(&self) -> Vec<usize> {
        // SAFETY: loom checks it.
        let look = |cell: &UnsafeCell<usize>| cell.with(|at| unsafe { *at });
        self.0.iter().map(look).collect()
    }
}

/// In any order, a leader and so many workers do jobs of so many pieces each; what is done differs from job to job.
fn jobs(workers: usize, pieces: &'static [usize]) {
    let mut model = Builder::new();
    // More would take minutes.
    model.preemption_bound = Some(if workers > 1 { 2 } else { 3 });
    model.check(move || {
        let team = Arc::new(Team::new());
        let at_work: Vec<_> = (0..workers)
            .map(|_| {
                let team = team.clone();
                thread::spawn(move || team.work(|| false))
            })
            .collect();
        {
            let leader = Leader::new(&team, 0, &|| ());
            let all: Vec<_> = pieces.iter().map(|&pieces| Numbers::new(pieces)).collect();
            for (job, numbers) in all.iter().enumerate() {
                let share = || leader.share(pieces[job], &|piece| numbers.add(piece, job + 1));
                // So that what two jobs keep on the stack is in two places.
                if job % 2 == 0 {
                    share()
                } else {
                    deeper(share)
                }
                assert_eq!(numbers.all(), vec![job + 1; pieces[job]]);
            }
            for (job, numbers) in all.iter().enumerate() {
                assert_eq!(numbers.all(), vec![job + 1; pieces[job]], "done again");
            }
        }
        for worker in at_work {
            worker.join().unwrap();
        }
    });
}

#[inline(never)]
fn deeper(work: impl FnOnce()) {
    let room = black_box([0u8; 4096]);
    work();
    black_box(room);
}

#[test]
fn a_worker_takes_pieces_of_one_job_after_the_other() {
    jobs(1, &[2, 3]);
}

#[test]
fn a_job_is_not_taken_for_one_of_as_many_pieces_before_it() {
    jobs(1, &[2, 2]);
}

#[test]
fn workers_go_when_they_find_no_work() {
    PASSED.set(Duration::from_secs(1));
    jobs(2, &[2, 2]);
}
