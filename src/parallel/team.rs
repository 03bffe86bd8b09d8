//! A team: threads that share one job after the other without falling asleep in between.
//!
//! Entering a pool and waking a thread take as long as a small product, so whoever makes many of them, the leader, keeps
//! threads at hand, its workers. A job is a number of pieces. The leader says what it is in three stores, then all of them
//! take pieces, each the next one, until none is left. Who does a piece may; how many pieces there are never depends on who is there.
//!
//! Nobody waits for a worker that has not begun: on a machine that others use it may be a long time until it gets to run. If the
//! leader had to wait for one that was stopped within a piece, it does without workers for a while, and so leaves the core to
//! whoever needs it. A worker without work goes, and is called again for the next job.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::time::Duration;

use super::sync::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Instant, LOOKS, Mutex, Ordering, PoisonError,
    spin_loop, yield_now,
};

/// What is done with a piece of a job, by its number.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// Something on a line of the cache that nothing else is on, and not on the neighbour that comes with it.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// What the leader and its workers share.
#[derive(Debug)]
pub(super) struct Team {
    /// The number of the job in the upper half, in the lower how many of its pieces nobody has taken. No value comes twice.
    open: Apart<AtomicU64>,
    /// Where the leader keeps what is done with each.
    work: AtomicPtr<Work<'static>>,
    /// Pieces that are not done.
    left: Apart<AtomicUsize>,
    /// Workers that are there, or called.
    workers: AtomicUsize,
    over: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Waiting for less than this is never too long: what the leader does between two jobs takes as long.
pub(super) const SHORT: Duration = Duration::from_micros(100);

/// For how long a worker looks for work.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long the leader is without workers, in units of the time for which it waited.
const ALONE: u32 = 20;

impl Team {
    pub(super) fn new() -> Self {
        Self {
            open: Apart(AtomicU64::new(0)),
            work: AtomicPtr::new(ptr::null_mut()),
            left: Apart(AtomicUsize::new(0)),
            workers: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            panic: Mutex::new(None),
        }
    }

    /// Take a piece of the job that is on, if one is left, the last ones first: its number, and where to find what is done with it.
    fn take(&self) -> Option<(usize, *mut Work<'static>)> {
        let mut open = self.open.0.load(Ordering::Acquire);
        loop {
            let piece = (open as u32 as usize).checked_sub(1)?;
            // That of this job, if the exchange succeeds: the leader begins no other while one of its pieces is not done.
            let work = self.work.load(Ordering::Relaxed);
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match (self.open.0).compare_exchange(open, open - 1, success, failure) {
                Ok(_) => return Some((piece, work)),
                Err(now) => open = now,
            }
        }
    }

    /// Do a piece; a panic is kept for the leader.
    fn do_piece(&self, work: Work, piece: usize) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(piece))) {
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panic);
        }
        self.left.0.fetch_sub(1, Ordering::Release);
    }

    /// Be a worker, until the team is over or has had no work for a while. Between looks `elsewhere` may do what others
    /// want of this thread, and says whether it did.
    pub(super) fn work(&self, mut elsewhere: impl FnMut() -> bool) {
        let (mut looks, mut idle) = (0, None);
        while !self.over.load(Ordering::Acquire) {
            if let Some((piece, work)) = self.take() {
                // SAFETY: the piece is taken and not done, so the leader is in `share`, which keeps what this points to.
                self.do_piece(unsafe { *work }, piece);
                (looks, idle) = (0, None);
                continue;
            }
            looks += 1;
            spin_loop();
            if looks < LOOKS {
                continue;
            }
            looks = 0;
            if elsewhere() {
                idle = None;
            }
            match idle.get_or_insert_with(Instant::now).elapsed() {
                // Whoever gets the core now may keep it for milliseconds.
                idle if idle < SHORT => {}
                idle if idle < PATIENCE => yield_now(),
                _ => break,
            }
        }
        self.workers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whoever leads a team, on one thread.
pub(super) struct Leader<'a> {
    team: &'a Team,
    /// Workers that there should be.
    workers: usize,
    /// Calls another one.
    call: &'a dyn Fn(),
    /// Until when to do without.
    alone_until: Cell<Option<Instant>>,
}

/// Ends the team when it is dropped.
impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.team.over.store(true, Ordering::Release);
    }
}

impl<'a> Leader<'a> {
    /// The leader of `team`, and of so many workers, which `call` calls one by one.
    pub(super) fn new(team: &'a Team, workers: usize, call: &'a dyn Fn()) -> Self {
        Self {
            team,
            workers,
            call,
            alone_until: Cell::new(None),
        }
    }

    /// Do a job of so many pieces, with whoever is there.
    pub(super) fn share(&self, count: usize, work: Work) {
        let pieces = u32::try_from(count).ok().filter(|&pieces| pieces > 1);
        let Some(pieces) = pieces.filter(|_| !self.is_alone()) else {
            return (0..count).for_each(work);
        };
        let team = self.team;
        while team.workers.load(Ordering::Relaxed) < self.workers {
            team.workers.fetch_add(1, Ordering::Relaxed);
            (self.call)();
        }
        let begin = Instant::now();
        let at = ptr::from_ref(&work).cast_mut().cast::<Work<'static>>();
        team.work.store(at, Ordering::Relaxed);
        team.left.0.store(count, Ordering::Relaxed);
        let job = (team.open.0.load(Ordering::Relaxed) >> 32) + 1;
        // From here on what `at` points to is in use, until no piece is left.
        let open = job << 32 | u64::from(pieces);
        team.open.0.store(open, Ordering::Release);
        while let Some((piece, _)) = team.take() {
            team.do_piece(work, piece);
        }
        self.wait(begin);
        let first = { team.panic.lock().unwrap_or_else(PoisonError::into_inner) }.take();
        if let Some(panic) = first {
            resume_unwind(panic);
        }
    }

    /// Wait for those that are within a piece of a job that began then.
    fn wait(&self, begin: Instant) {
        let (mut looks, mut since) = (0, None);
        while self.team.left.0.load(Ordering::Acquire) > 0 {
            looks += 1;
            spin_loop();
            if looks < LOOKS {
                continue;
            }
            if since.get_or_insert_with(Instant::now).elapsed() > SHORT {
                // Perhaps it is this core that they wait for.
                yield_now();
            }
        }
        if let Some(since) = since {
            self.has_waited(since.elapsed(), since - begin);
        }
    }

    /// Do without workers for a while if the wait was long, beside what there was to do.
    pub(super) fn has_waited(&self, time: Duration, own: Duration) {
        if time > own.max(SHORT) {
            self.alone_until.set(Some(Instant::now() + ALONE * time));
        }
    }

    fn is_alone(&self) -> bool {
        let alone = self.alone_until.get();
        let alone = alone.filter(|&until| Instant::now() < until);
        self.alone_until.set(alone);
        alone.is_some()
    }
}

thread_local! {
    /// The leader that this thread is, while it leads and does no piece.
    static LEADER: Cell<*const Leader<'static>> = const { Cell::new(ptr::null()) };
}

/// Puts what was there before back when it is dropped.
struct Restored(*const Leader<'static>);

impl Restored {
    fn with(leader: *const Leader<'static>) -> Self {
        Self(LEADER.replace(leader))
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        LEADER.set(self.0);
    }
}

impl Leader<'_> {
    /// Do `work`, whose jobs the team shares.
    pub(super) fn lead<R>(self, work: impl FnOnce() -> R) -> R {
        let _restored = Restored::with(ptr::from_ref(&self).cast());
        work()
    }
}

/// Let the team of this thread do a job, if it leads one; return whether it did.
pub(super) fn share(count: usize, work: Work) -> bool {
    let leader = LEADER.get();
    if leader.is_null() {
        return false;
    }
    // What a piece shares is not the team's, which has a job.
    let _restored = Restored::with(ptr::null());
    // SAFETY: `lead` is on this thread's stack, keeps the leader and takes it back from here when it is done.
    unsafe { &*leader }.share(count, work);
    true
}
