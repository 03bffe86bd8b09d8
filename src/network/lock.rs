//! One writer, any number of readers: who may touch the arrays of which network, and when.
//!
//! Who is to write for long *claims* a network: a trainer from the start of a fit to its end. There is one claim at most; a
//! second one is refused at once. Within a claim the writer holds the network in *turns*: only then do its arrays change.
//! No turn lasts while Python runs, so whoever the writer calls is a reader like any other.
//!
//! A reader of a network that nobody has claimed reads *in place*, for as long as it likes: a new claim has to
//! [settle](Locks::settle_until) first, until these readers are gone. A reader of a claimed network waits for the end of the
//! turn, if one is on, *copies* what it needs, and goes on with the copy. Since readers of a claimed network only ever copy,
//! the writer never waits long, and since no reader in place is left when turns begin, a reader may read again.
//!
//! Nobody starves. The end of a turn lets in all readers that wait, and the next turn waits for these; who comes while the
//! writer waits is let in at the end of its turn. A reader that waits asks for the turn's end ([`Pause`]).
//!
//! A fork waits until no turn is on, and holds off new ones: the child sees whole batches. See [`gate`](super::gate) for what
//! becomes of the locks in the child.
//!
//! One mutex guards what there is to know of all networks. It is locked for some tens of instructions, a few times a call.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, Ordering};

/// The number of a lock, which is that of a network's arrays.
pub type Id = u64;

/// The number of a thread.
pub type Who = u64;

/// The locks of a process.
#[derive(Debug)]
pub struct Locks {
    table: Mutex<Table>,
    changed: Condvar,
    /// Readers and forks that wait for the end of a turn.
    awaited: AtomicUsize,
}

#[derive(Debug)]
struct Table {
    /// Those that are not free.
    held: BTreeMap<Id, Held>,
    /// Forks on their way.
    forks: usize,
    /// Threads that sleep until something changes.
    asleep: usize,
}

/// Who holds one lock.
#[derive(Debug, Default)]
struct Held {
    claim: Option<Who>,
    turn: Turn,
    /// Turns that have ended: a reader that waits is let in when this moves.
    ended: u64,
    in_place: usize,
    copying: usize,
    waiting: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Turn {
    #[default]
    Off,
    /// The writer waits for readers that copy.
    Wanted,
    On,
}

impl Held {
    fn is_free(&self) -> bool {
        self.claim.is_none() && self.in_place + self.copying + self.waiting == 0
    }
}

/// Why a network cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Which of those that were to be claimed.
    pub place: usize,
    /// Whether the thread that asks has claimed it.
    pub by_same: bool,
}

/// How a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// In place, as the network's writer: nobody else changes it.
    Own,
    /// In place: no claim settles meanwhile.
    InPlace,
    /// To copy at once, before the next turn.
    Copying,
    /// Not yet: it is let in when the number of turns that have ended is no longer this.
    Waiting(u64),
}

impl Locks {
    /// All of them free.
    #[allow(clippy::new_without_default)] // There is one for a process.
    pub fn new() -> Self {
        Self {
            table: Mutex::new(Table {
                held: BTreeMap::new(),
                forks: 0,
                asleep: 0,
            }),
            changed: Condvar::new(),
            awaited: AtomicUsize::new(0),
        }
    }

    /// Claim networks: all of them, or none.
    pub fn claim(&self, ids: &[Id], who: Who) -> Result<(), Claimed> {
        let mut table = self.lock();
        for (place, id) in ids.iter().enumerate() {
            if let Some(owner) = table.held.get(id).and_then(|held| held.claim) {
                let by_same = owner == who;
                return Err(Claimed { place, by_same });
            }
        }
        for &id in ids {
            table.held.entry(id).or_default().claim = Some(who);
        }
        Ok(())
    }

    /// Wait until nobody reads claimed networks in place any more, and return true, or until `deadline` has passed. It comes
    /// before the first turn.
    pub fn settle_until(&self, ids: &[Id], deadline: Instant) -> bool {
        let settled = |table: &Table| {
            let mut held = ids.iter().filter_map(|id| table.held.get(id));
            held.all(|held| held.in_place == 0)
        };
        self.wait(self.lock(), deadline, settled).1
    }

    /// Give up a claim.
    pub fn release(&self, ids: &[Id], who: Who) {
        let mut table = self.lock();
        for id in ids {
            table.change(*id, |held| {
                held.claim = held.claim.filter(|&owner| owner != who);
            });
        }
    }

    /// Whether this thread's claim of a network has a turn on.
    pub fn has_turn(&self, id: Id) -> bool {
        let table = self.lock();
        table
            .held
            .get(&id)
            .is_some_and(|held| held.turn == Turn::On)
    }

    /// Begin a turn of claimed networks, one for all, and return true; or wait for readers that copy, or a fork, until
    /// `deadline` has passed.
    pub fn begin_turn_until(&self, ids: &[Id], deadline: Instant) -> bool {
        let mut table = self.lock();
        for &id in ids {
            table.change(id, |held| held.turn = Turn::Wanted);
        }
        let ready = |table: &Table| {
            let mut held = ids.iter().filter_map(|id| table.held.get(id));
            table.forks == 0 && held.all(|held| held.copying == 0)
        };
        let (mut table, ready) = self.wait(table, deadline, ready);
        if !ready {
            self.let_in(table, ids);
            return false;
        }
        for &id in ids {
            table.change(id, |held| held.turn = Turn::On);
        }
        true
    }

    /// End a turn.
    pub fn end_turn(&self, ids: &[Id]) {
        self.let_in(self.lock(), ids);
    }

    /// No turn is on or wanted from now on: readers that wait get in.
    fn let_in(&self, mut table: MutexGuard<Table>, ids: &[Id]) {
        for &id in ids {
            table.change(id, |held| {
                self.awaited.fetch_sub(held.waiting, Ordering::Relaxed);
                held.copying += std::mem::take(&mut held.waiting);
                held.turn = Turn::Off;
                held.ended += 1;
            });
        }
        self.notify(table);
    }

    /// Begin to read. Who has to wait must call [`wait_to_read`](Self::wait_to_read), and all must
    /// [end](Self::end_reading).
    pub fn begin_reading(&self, id: Id, who: Who) -> Reading {
        let mut table = self.lock();
        let held = table.held.entry(id).or_default();
        match (held.claim, held.turn) {
            (Some(owner), _) if owner == who => Reading::Own,
            (None, _) => {
                held.in_place += 1;
                Reading::InPlace
            }
            (Some(_), Turn::Off) => {
                held.copying += 1;
                Reading::Copying
            }
            (Some(_), Turn::Wanted | Turn::On) => {
                held.waiting += 1;
                self.awaited.fetch_add(1, Ordering::Relaxed);
                Reading::Waiting(held.ended)
            }
        }
    }

    /// Wait until a reader is let in, and return true, or until `deadline` has passed; it keeps its place.
    pub fn wait_to_read(&self, id: Id, reading: Reading, deadline: Instant) -> bool {
        let Reading::Waiting(since) = reading else {
            return true;
        };
        let is_in = |table: &Table| table.held.get(&id).is_none_or(|held| held.ended != since);
        self.wait(self.lock(), deadline, is_in).1
    }

    /// End a reading, also one that still waits.
    pub fn end_reading(&self, id: Id, reading: Reading) {
        let mut table = self.lock();
        table.change(id, |held| match reading {
            Reading::Own => (),
            Reading::InPlace => held.in_place -= 1,
            Reading::Waiting(since) if held.ended == since => {
                held.waiting -= 1;
                self.awaited.fetch_sub(1, Ordering::Relaxed);
            }
            Reading::Copying | Reading::Waiting(_) => held.copying -= 1,
        });
        self.notify(table);
    }

    /// Hold off turns, for a fork.
    pub fn begin_fork(&self) {
        self.lock().forks += 1;
        self.awaited.fetch_add(1, Ordering::Relaxed);
    }

    /// Wait until no turn is on, but one of the thread that forks, and return true, or until `deadline` has passed.
    pub fn wait_to_fork(&self, who: Who, deadline: Instant) -> bool {
        let whole = |table: &Table| {
            let mut held = table.held.values();
            held.all(|held| held.turn != Turn::On || held.claim == Some(who))
        };
        self.wait(self.lock(), deadline, whole).1
    }

    /// Turns may go on.
    pub fn end_fork(&self) {
        let mut table = self.lock();
        table.forks -= 1;
        self.awaited.fetch_sub(1, Ordering::Relaxed);
        self.notify(table);
    }

    /// Whether a reader or a fork waits for the end of a turn.
    pub fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is locked.
        self.table.lock().expect("the table of locks is whole")
    }

    /// Wait until `ready`, and return true, or until `deadline` has passed.
    fn wait<'a>(
        &'a self,
        mut table: MutexGuard<'a, Table>,
        deadline: Instant,
        ready: impl Fn(&Table) -> bool,
    ) -> (MutexGuard<'a, Table>, bool) {
        while !ready(&table) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return (table, false);
            }
            table.asleep += 1;
            let woken = self.changed.wait_timeout(table, left);
            table = woken.expect("the table of locks is whole").0;
            table.asleep -= 1;
        }
        (table, true)
    }

    /// Wake who sleeps; a call of the system where somebody does.
    fn notify(&self, table: MutexGuard<Table>) {
        let asleep = table.asleep > 0;
        drop(table);
        if asleep {
            self.changed.notify_all();
        }
    }
}

impl Table {
    /// Change what is known of a lock. One that is not in the table is free, and stays so: what is given up in a forked
    /// child may have been taken before the fork.
    fn change(&mut self, id: Id, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held.get_mut(&id) {
            change(held);
            if held.is_free() {
                self.held.remove(&id);
            }
        }
    }
}

/// When a trainer ends its turn: at a deadline, or sooner where somebody waits for that.
#[derive(Debug, Clone, Copy)]
pub struct Pause<'a> {
    deadline: Instant,
    /// From when on it makes way.
    polite: Instant,
    locks: Option<&'a Locks>,
}

/// How long a turn lasts at least, unless the work is done. Between two turns the trainer needs the interpreter lock, which
/// threads at work in Python may keep for 5 ms.
const LEAST: Duration = Duration::from_millis(5);

impl<'a> Pause<'a> {
    /// A turn that begins now.
    pub fn of_turn(deadline: Instant, locks: &'a Locks) -> Self {
        Self {
            deadline,
            polite: Instant::now() + LEAST,
            locks: Some(locks),
        }
    }

    /// When the turn ends at the latest.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is time to pause.
    #[inline]
    pub fn is_due(&self) -> bool {
        let now = Instant::now();
        now >= self.deadline || (now >= self.polite && self.locks.is_some_and(Locks::is_awaited))
    }
}

/// A deadline alone.
impl From<Instant> for Pause<'_> {
    fn from(deadline: Instant) -> Self {
        Self {
            deadline,
            polite: deadline,
            locks: None,
        }
    }
}
