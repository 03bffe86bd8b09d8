//! A team with threads of its own; `tests/loom` has the orders in which it can go.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::team::{Leader, SHORT, Team, share};

/// Lead a team with so many workers in `work`; they are threads of their own.
fn led(workers: usize, work: impl FnOnce()) {
    let team = Team::new();
    thread::scope(|scope| {
        let call = || _ = scope.spawn(|| team.work(|| false));
        Leader::new(&team, workers, &call).lead(work);
    });
}

#[test]
fn every_piece_of_every_job_is_done_once() {
    for workers in [0, 1, 2, 7] {
        led(workers, || {
            for job in 0..300 {
                let counts = [const { AtomicUsize::new(0) }; 40];
                let pieces = job % 41;
                assert!(share(pieces, &|i| _ = counts[i].fetch_add(1, Ordering::Relaxed)));
                let done = counts.iter().map(|n| n.load(Ordering::Relaxed));
                assert!(done.eq((0..40).map(|i| usize::from(i < pieces))));
            }
        });
    }
    assert!(!share(2, &|_| panic!("nobody leads")));
}

#[test]
fn nobody_waits_for_a_worker_that_does_not_come() {
    let team = Team::new();
    let called = Cell::new(0);
    let call = || called.set(called.get() + 1);
    Leader::new(&team, 3, &call).lead(|| {
        let done = AtomicUsize::new(0);
        for _ in 0..5 {
            share(4, &|_| _ = done.fetch_add(1, Ordering::Relaxed));
        }
        assert_eq!((done.into_inner(), called.get()), (20, 3));
    });
}

#[test]
fn after_a_long_wait_the_leader_does_without_for_a_while() {
    let hour = Duration::from_secs(3600);
    let cases = [
        (SHORT, Duration::ZERO, 1),
        (hour, hour, 1),
        (hour, SHORT, 0),
    ];
    for (waited, own, calls) in cases {
        let (team, called) = (Team::new(), Cell::new(0));
        let call = || called.set(called.get() + 1);
        let leader = Leader::new(&team, 1, &call);
        leader.has_waited(waited, own);
        leader.share(2, &|_| ());
        assert_eq!(called.get(), calls);
    }
    let (team, called) = (Team::new(), Cell::new(false));
    let call = || called.set(true);
    let leader = Leader::new(&team, 1, &call);
    leader.has_waited(2 * SHORT, Duration::ZERO);
    while !called.get() {
        leader.share(2, &|_| ());
    }
}

#[test]
fn a_job_within_a_piece_is_not_the_teams() {
    led(1, || {
        let within = AtomicUsize::new(0);
        share(2, &|_| {
            if !share(2, &|_| ()) {
                within.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(within.into_inner(), 2);
        // And it leads again.
        assert!(share(2, &|_| ()));
    });
}

#[test]
fn a_panic_in_a_piece_comes_when_all_others_are_done() {
    for workers in [0, 1, 3] {
        led(workers, || {
            let done = AtomicUsize::new(0);
            let job = || {
                share(8, &|i| {
                    assert!(i != 3, "on purpose");
                    done.fetch_add(1, Ordering::Relaxed);
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(job)).is_err());
            assert_eq!(done.load(Ordering::Relaxed), 7);
            share(8, &|_| _ = done.fetch_add(1, Ordering::Relaxed));
            assert_eq!(done.into_inner(), 15);
        });
    }
}
