//! The locks of this process, and what a fork does to them.
//!
//! The thread that forks waits until no turn is on ([`before_fork`]). In the child it is the only thread: what the others
//! held nobody will give up, and the mutex of the table itself may have been locked by one of them. So the child has new
//! locks, all free, and does not touch the old ones. What the thread that forked holds it may give up there, which does
//! nothing; a fit that goes on in the child claims its network anew, call by call.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use super::lock::{Claimed, Id, Locks, Reading, Who};

/// The locks of a process, and those of its child.
struct Generation {
    locks: Locks,
    next: OnceLock<Box<Generation>>,
}

impl Generation {
    fn new() -> Self {
        Self {
            locks: Locks::new(),
            next: OnceLock::new(),
        }
    }
}

static FIRST: LazyLock<Generation> = LazyLock::new(Generation::new);

/// How often the process was forked from its parents since these were started.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How long a wait is that has no deadline of its own.
const A_WHILE: Duration = Duration::from_secs(1);

/// The locks of this process.
pub fn locks() -> &'static Locks {
    let mut generation = &*FIRST;
    for _ in 0..FORKS.load(Ordering::Relaxed) {
        let next = generation.next.get();
        generation = next.expect("a child makes its locks first of all");
    }
    &generation.locks
}

/// Hold off turns, and wait until none is on, for [`after_fork`] or [`in_child`] to follow. Nothing keeps a turn from its
/// end, which comes at the latest when its writer looks at signals next.
pub fn before_fork() {
    let locks = locks();
    locks.begin_fork();
    while !locks.wait_to_fork(this_thread(), Instant::now() + A_WHILE) {}
}

/// Go on, in the parent.
pub fn after_fork() {
    locks().end_fork();
}

/// Go on in the child, with new locks.
pub fn in_child() {
    let mut generation = &*FIRST;
    while let Some(next) = generation.next.get() {
        generation = next;
    }
    // No other thread is there that could be on its way to do the same.
    generation.next.get_or_init(|| Box::new(Generation::new()));
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The number of a lock that nobody has yet.
pub fn new_id() -> Id {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) as Id
}

/// The number of this thread.
pub fn this_thread() -> Who {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    thread_local! {
        static THIS: Who = NEXT.fetch_add(1, Ordering::Relaxed) as Who;
    }
    THIS.with(|&this| this)
}

/// What was taken in one generation of locks is given up in that one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken(usize);

impl Taken {
    fn now() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    fn is_of_parent(self) -> bool {
        self != Self::now()
    }
}

thread_local! {
    /// What this thread reads in place: claiming it would wait for oneself.
    static READ_HERE: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

/// Why a thread cannot claim networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody has claimed one.
    Claimed(Claimed),
    /// This thread reads the one at this place.
    Read(usize),
}

/// Networks that this thread has claimed, until this is dropped.
#[derive(Debug)]
pub struct Claim {
    ids: Vec<Id>,
    who: Who,
    taken: Taken,
}

impl Claim {
    /// Claim networks for this thread: all, or none.
    pub fn new(ids: Vec<Id>) -> Result<Self, Refusal> {
        let who = this_thread();
        let read = |id| READ_HERE.with_borrow(|read| read.contains(id));
        if let Some(place) = ids.iter().position(read) {
            return Err(Refusal::Read(place));
        }
        locks().claim(&ids, who).map_err(Refusal::Claimed)?;
        Ok(Self {
            ids,
            who,
            taken: Taken::now(),
        })
    }

    /// See [`Locks::settle_until`].
    pub fn settle_until(&self, deadline: Instant) -> bool {
        locks().settle_until(&self.ids, deadline)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.taken.is_of_parent() {
            locks().release(&self.ids, self.who);
        }
    }
}

/// A turn of networks that a thread has claimed, until this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    ids: &'a [Id],
    taken: Taken,
}

impl<'a> Turn<'a> {
    /// Begin a turn, or return none where `deadline` passes.
    pub fn begin_until(ids: &'a [Id], deadline: Instant) -> Option<Self> {
        locks().begin_turn_until(ids, deadline).then(|| Self {
            ids,
            taken: Taken::now(),
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.taken.is_of_parent() {
            locks().end_turn(self.ids);
        }
    }
}

/// A reader, until this is dropped.
#[derive(Debug)]
pub struct Reader {
    id: Id,
    who: Who,
    reading: Reading,
    taken: Taken,
}

impl Reader {
    /// Begin to read; see [`Locks::begin_reading`].
    pub fn new(id: Id) -> Self {
        let who = this_thread();
        let reading = locks().begin_reading(id, who);
        if reading == Reading::InPlace {
            READ_HERE.with_borrow_mut(|read| read.push(id));
        }
        Self {
            id,
            who,
            reading,
            taken: Taken::now(),
        }
    }

    /// Whether it has to wait for the end of a turn.
    pub fn has_to_wait(&self) -> bool {
        matches!(self.reading, Reading::Waiting(_))
    }

    /// See [`Locks::wait_to_read`].
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.taken.is_of_parent() || locks().wait_to_read(self.id, self.reading, deadline)
    }

    /// Whether it may read for as long as it likes; else it copies.
    pub fn is_in_place(&self) -> bool {
        matches!(self.reading, Reading::Own | Reading::InPlace)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.reading == Reading::InPlace && self.who == this_thread() {
            READ_HERE.with_borrow_mut(|read| {
                let place = read.iter().rposition(|&id| id == self.id);
                place.map(|place| read.swap_remove(place));
            });
        }
        if !self.taken.is_of_parent() {
            locks().end_reading(self.id, self.reading);
        }
    }
}
