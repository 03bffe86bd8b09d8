//! What may never happen, in any order of steps: a reader that sees half of a batch, two writers, a wait without an end, a
//! reader that several turns pass by, a child that is forked within a turn.
//!
//! The arrays are two numbers that a batch changes one after the other, without an order of their own: who looks at them
//! without the lock sees old ones as well. Times out of reach stand for waiting for ever, so that a notification that is
//! missing is a deadlock, which loom reports.

use std::time::{Duration, Instant};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::lock::{Claimed, Id, Locks, Pause, Reading, Who};

const NETWORK: Id = 1;
const OTHER: Id = 2;
const TRAINER: Who = 1;
const READER: Who = 2;
const SECOND: Who = 3;

struct Model {
    locks: Locks,
    params: AtomicUsize,
    state: AtomicUsize,
    /// Turns that have begun.
    turns: AtomicUsize,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            locks: Locks::new(),
            params: AtomicUsize::new(0),
            state: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
        })
    }

    /// One batch. Two writers at once would lose one.
    fn write(&self) {
        for array in [&self.params, &self.state] {
            array.store(array.load(Relaxed) + 1, Relaxed);
        }
    }

    /// What a reader sees, which must be whole.
    fn look(&self) -> usize {
        let params = self.params.load(Relaxed);
        assert_eq!(params, self.state.load(Relaxed), "half of a batch");
        params
    }

    /// A fit of so many turns; false where it is refused.
    fn train(&self, who: Who, turns: usize) -> bool {
        if self.locks.claim(&[NETWORK], who).is_err() {
            return false;
        }
        assert!(self.locks.settle_until(&[NETWORK], never()));
        for _ in 0..turns {
            assert!(self.locks.begin_turn_until(&[NETWORK], never()));
            self.turns.fetch_add(1, Relaxed);
            self.write();
            self.locks.end_turn(&[NETWORK]);
        }
        self.locks.release(&[NETWORK], who);
        true
    }

    /// One reading; how many turns have begun between the reader's coming and its being let in.
    fn read(&self) -> usize {
        let before = self.turns.load(Relaxed);
        let reading = self.locks.begin_reading(NETWORK, READER);
        assert_ne!(reading, Reading::Own);
        assert!(self.locks.wait_to_read(NETWORK, reading, never()));
        let since = self.turns.load(Relaxed) - before;
        self.look();
        if reading == Reading::InPlace {
            // It goes on reading: no batch comes between.
            thread::yield_now();
            self.look();
        }
        self.locks.end_reading(NETWORK, reading);
        since
    }
}

const A_MINUTE: Duration = Duration::from_secs(60);

fn never() -> Instant {
    Instant::now() + 1_000_000 * A_MINUTE
}

fn spawn(model: &Arc<Model>, work: impl FnOnce(&Model) + 'static) -> thread::JoinHandle<()> {
    let model = model.clone();
    thread::spawn(move || work(&model))
}

fn check(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(model);
}

#[test]
fn a_reader_beside_a_trainer_sees_whole_batches() {
    check(None, || {
        let model = Model::new();
        let trainer = spawn(&model, |model| assert!(model.train(TRAINER, 2)));
        model.read();
        trainer.join().unwrap();
        assert_eq!(model.look(), 2);
    });
}

#[test]
fn two_readers_beside_a_trainer() {
    check(Some(3), || {
        let model = Model::new();
        let trainer = spawn(&model, |model| assert!(model.train(TRAINER, 1)));
        let reader = spawn(&model, |model| _ = model.read());
        model.read();
        trainer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_reader_waits_for_one_turn_at_most() {
    check(None, || {
        let model = Model::new();
        let trainer = spawn(&model, |model| assert!(model.train(TRAINER, 3)));
        // The one that is on as it comes is counted before; another may begin before it has said that it is here.
        let before = model.turns.load(Relaxed);
        let reading = model.locks.begin_reading(NETWORK, READER);
        let asked = model.turns.load(Relaxed);
        assert!(model.locks.wait_to_read(NETWORK, reading, never()));
        let since = model.turns.load(Relaxed) - asked;
        let wanted = matches!(reading, Reading::Waiting(_));
        assert!(
            since <= usize::from(wanted),
            "{since} turns of {before} passed by a reader"
        );
        model.locks.end_reading(NETWORK, reading);
        trainer.join().unwrap();
    });
}

#[test]
fn readers_that_overlap_do_not_keep_a_trainer_out() {
    check(None, || {
        let model = Model::new();
        assert!(model.locks.claim(&[NETWORK], TRAINER).is_ok());
        let mut reading = model.locks.begin_reading(NETWORK, READER);
        let trainer = spawn(&model, |model| {
            assert!(model.locks.begin_turn_until(&[NETWORK], never()));
            model.turns.fetch_add(1, Relaxed);
            model.write();
            model.locks.end_turn(&[NETWORK]);
        });
        // The next one comes before the last has gone; loom ends a model that goes on for ever.
        while model.turns.load(Relaxed) == 0 {
            let next = model.locks.begin_reading(NETWORK, READER);
            model.locks.end_reading(NETWORK, reading);
            assert!(model.locks.wait_to_read(NETWORK, next, never()));
            model.look();
            reading = next;
            thread::yield_now();
        }
        model.locks.end_reading(NETWORK, reading);
        trainer.join().unwrap();
        assert_eq!(model.look(), 1);
    });
}

/// Two threads sleep, each until something else happens.
#[test]
fn whoever_can_go_on_is_woken() {
    check(Some(3), || {
        let model = Model::new();
        let in_place = model.locks.begin_reading(OTHER, READER);
        assert!(model.locks.claim(&[NETWORK], TRAINER).is_ok());
        assert!(model.locks.begin_turn_until(&[NETWORK], never()));
        let reader = spawn(&model, |model| _ = model.read());
        let claimer = spawn(&model, |model| {
            assert!(model.locks.claim(&[OTHER], SECOND).is_ok());
            assert!(model.locks.settle_until(&[OTHER], never()));
        });
        model.locks.end_turn(&[NETWORK]);
        reader.join().unwrap();
        model.locks.end_reading(OTHER, in_place);
        claimer.join().unwrap();
    });
}

#[test]
fn one_of_two_trainers_is_refused_at_once() {
    check(None, || {
        let model = Model::new();
        let done = Arc::new(AtomicUsize::new(0));
        let count = done.clone();
        let second = spawn(&model, move |model| {
            count.fetch_add(usize::from(model.train(SECOND, 1)), Relaxed);
        });
        done.fetch_add(usize::from(model.train(TRAINER, 1)), Relaxed);
        second.join().unwrap();
        let (done, batches) = (done.load(Relaxed), model.look());
        assert!(done >= 1 && batches == done);
        // Nothing is left behind.
        assert!(model.train(TRAINER, 1));
    });
}

#[test]
fn claims_are_of_all_networks_or_of_none() {
    check(None, || {
        let model = Model::new();
        let other = spawn(&model, |model| {
            if model.locks.claim(&[OTHER], SECOND).is_ok() {
                model.locks.release(&[OTHER], SECOND);
            }
        });
        match model.locks.claim(&[NETWORK, OTHER], TRAINER) {
            Ok(()) => model.locks.release(&[NETWORK, OTHER], TRAINER),
            Err(refused) => assert_eq!(
                refused,
                Claimed {
                    place: 1,
                    by_same: false
                }
            ),
        }
        other.join().unwrap();
        assert!(model.locks.claim(&[NETWORK, OTHER], READER).is_ok());
        let again = model.locks.claim(&[NETWORK], READER);
        assert_eq!(
            again,
            Err(Claimed {
                place: 0,
                by_same: true
            })
        );
    });
}

#[test]
fn who_gives_up_waiting_leaves_nothing_behind() {
    check(None, || {
        let model = Model::new();
        let trainer = spawn(&model, |model| {
            assert!(model.locks.claim(&[NETWORK], TRAINER).is_ok());
            assert!(model.locks.settle_until(&[NETWORK], never()));
            // A turn that is given up where a reader copies lets in who came meanwhile.
            while !model.locks.begin_turn_until(&[NETWORK], Instant::now()) {
                thread::yield_now();
            }
            model.write();
            model.locks.end_turn(&[NETWORK]);
            model.locks.release(&[NETWORK], TRAINER);
        });
        let reading = model.locks.begin_reading(NETWORK, READER);
        if model.locks.wait_to_read(NETWORK, reading, Instant::now()) {
            model.look();
        }
        model.locks.end_reading(NETWORK, reading);
        trainer.join().unwrap();
        assert!(!model.locks.is_awaited());
        assert!(model.train(SECOND, 1));
    });
}

#[test]
fn a_turn_that_is_given_up_is_no_longer_wanted() {
    check(None, || {
        let model = Model::new();
        assert!(model.locks.claim(&[NETWORK], TRAINER).is_ok());
        let first = model.locks.begin_reading(NETWORK, READER);
        assert!(!model.locks.begin_turn_until(&[NETWORK], Instant::now()));
        // The writer looks at signals, and who comes meanwhile need not wait for it.
        let next = model.locks.begin_reading(NETWORK, SECOND);
        assert_eq!((first, next), (Reading::Copying, Reading::Copying));
        model.locks.end_reading(NETWORK, first);
        model.locks.end_reading(NETWORK, next);
        assert!(
            model
                .locks
                .begin_turn_until(&[NETWORK], Instant::now() + A_MINUTE)
        );
    });
}

#[test]
fn a_reader_that_waits_is_seen_by_the_one_who_holds_the_turn() {
    check(None, || {
        let model = Model::new();
        assert!(model.locks.claim(&[NETWORK], TRAINER).is_ok());
        assert!(model.locks.begin_turn_until(&[NETWORK], never()));
        let reader = spawn(&model, |model| _ = model.read());
        // A trainer with more batches than there are.
        let past = Instant::now();
        while !model.locks.is_awaited() {
            thread::yield_now();
        }
        assert!(Pause::of_turn(past, &model.locks).is_due());
        model.write();
        model.locks.end_turn(&[NETWORK]);
        reader.join().unwrap();
        model.locks.release(&[NETWORK], TRAINER);
    });
}

#[test]
fn a_writer_reads_its_own_and_others_do_not_write_meanwhile() {
    check(None, || {
        let model = Model::new();
        let second = spawn(&model, |model| _ = model.train(SECOND, 1));
        if model.locks.claim(&[NETWORK], TRAINER).is_ok() {
            // Not settled: it reads beside who reads in place.
            let reading = model.locks.begin_reading(NETWORK, TRAINER);
            assert_eq!(reading, Reading::Own);
            let before = model.look();
            thread::yield_now();
            assert_eq!(model.look(), before);
            model.locks.end_reading(NETWORK, reading);
            model.locks.release(&[NETWORK], TRAINER);
        }
        second.join().unwrap();
    });
}

/// A fork is a look at everything at one instant; the child's locks are new ones.
#[test]
fn a_child_is_forked_between_turns_and_has_free_locks() {
    check(None, || {
        let model = Model::new();
        let trainer = spawn(&model, |model| assert!(model.train(TRAINER, 2)));
        model.locks.begin_fork();
        assert!(model.locks.wait_to_fork(READER, never()));
        let child = Locks::new();
        let whole = model.look();
        thread::yield_now();
        assert_eq!(model.look(), whole);
        model.locks.end_fork();
        // What was taken before the fork and is given up in the child is nothing there.
        child.end_reading(NETWORK, Reading::InPlace);
        child.end_turn(&[NETWORK]);
        assert!(child.claim(&[NETWORK], READER).is_ok());
        child.release(&[NETWORK], TRAINER);
        assert!(child.claim(&[NETWORK], SECOND).is_err());
        trainer.join().unwrap();
        assert!(!model.locks.is_awaited());
    });
}

/// Two networks in one turn, a reader of each: nobody waits in a circle.
#[test]
fn readers_of_two_networks_that_are_trained_together() {
    check(Some(3), || {
        let model = Model::new();
        let trainer = spawn(&model, |model| {
            let both = [NETWORK, OTHER];
            assert!(model.locks.claim(&both, TRAINER).is_ok());
            assert!(model.locks.settle_until(&both, never()));
            assert!(model.locks.begin_turn_until(&both, never()));
            model.write();
            model.locks.end_turn(&both);
            model.locks.release(&both, TRAINER);
        });
        let other = spawn(&model, |model| {
            let reading = model.locks.begin_reading(OTHER, SECOND);
            assert!(model.locks.wait_to_read(OTHER, reading, never()));
            model.look();
            // Within it one more, as a handler of signals may.
            let more = model.locks.begin_reading(NETWORK, SECOND);
            if reading == Reading::InPlace {
                assert!(model.locks.wait_to_read(NETWORK, more, never()));
                model.look();
            }
            model.locks.end_reading(NETWORK, more);
            model.locks.end_reading(OTHER, reading);
        });
        model.read();
        trainer.join().unwrap();
        other.join().unwrap();
    });
}
