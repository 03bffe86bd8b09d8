//! One batch forward and back through the operations of a program.

use std::time::Instant;

use super::Program;
use super::graph::Operation;
use super::layout::Back;
use crate::float::Float;
use crate::layers::{Function, Gradients, Inputs, Location, Pass, State, Values, add, of_samples};
use crate::linalg;
use crate::parallel::{self, Threads};

/// What is the same for all operations of one batch.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Samples in the batch.
    pub samples: usize,
    /// Threads it may use.
    pub threads: Threads,
    /// Training or inference.
    pub training: bool,
    /// Training steps done before.
    pub step: u64,
    /// What of the pass is to be done now.
    pub part: Part,
}

/// What a call does of a pass.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// All of it, each operation in one piece.
    All,
    /// One of the pieces that its operations can be done in, counted in the order in which the pass does them: back, the
    /// first one of the last operation is number 0.
    Piece(usize),
}

impl Part {
    /// Take off the next operation: which of how many pieces is done now, unless nothing of it is in this part.
    #[inline(always)]
    fn next<F: Float>(
        &mut self,
        function: &dyn Function<F>,
        rows: usize,
    ) -> Option<(usize, usize)> {
        let Self::Piece(number) = self else {
            return Some((0, 1));
        };
        let (piece, pieces) = (*number, function.pieces(rows));
        // Behind the piece it is beyond all others.
        *number = piece.wrapping_sub(pieces);
        (piece < pieces).then_some((piece, pieces))
    }
}

/// How far a pass is, one way, that stops between pieces where it takes long.
#[derive(Debug)]
pub struct Cursor {
    done: usize,
    count: usize,
    stops: bool,
}

impl Cursor {
    /// At the beginning of a pass of so many samples.
    pub fn new<F: Float>(program: &Program<F>, samples: usize) -> Self {
        let stops = program.is_long(samples);
        Self {
            done: 0,
            count: if stops { program.pieces(samples) } else { 1 },
            stops,
        }
    }

    /// Whether the pass looks at the clock.
    pub fn stops(&self) -> bool {
        self.stops
    }

    /// Call `work` with what is left, part by part, until all is done, and return true, at the beginning again; or until
    /// `deadline` has passed. A short pass is one part.
    #[inline]
    pub fn run_until(&mut self, deadline: Instant, mut work: impl FnMut(Part)) -> bool {
        if !self.stops {
            work(Part::All);
            return true;
        }
        while self.done < self.count {
            work(Part::Piece(self.done));
            self.done += 1;
            if self.done < self.count && Instant::now() >= deadline {
                return false;
            }
        }
        self.done = 0;
        true
    }
}

impl Run {
    /// Do `work`, which is told how it runs, with threads that stay awake from its first operation to its last.
    pub fn awake<R: Send>(self, multiply_adds: usize, work: impl FnOnce(Self) -> R + Send) -> R {
        awake(multiply_adds, self.threads, |threads| {
            work(Self { threads, ..self })
        })
    }

    /// How one piece of an operation runs.
    #[inline(always)]
    fn pass<F: Float>(&self, operation: &Operation<F>, (piece, pieces): (usize, usize)) -> Pass {
        Pass {
            rows: self.samples * operation.makes.rows,
            threads: self.threads,
            // A layer that is not trained runs as in inference.
            training: operation
                .mode
                .unwrap_or(self.training && operation.trainable),
            step: self.step,
            piece,
            pieces,
        }
    }
}

/// Do `work`, passes of so many multiply-adds in all, with the pool's threads awake from the first operation to the last:
/// else each product wakes them anew, which may find both on one core.
pub(super) fn awake<R: Send>(
    multiply_adds: usize,
    threads: Threads,
    work: impl FnOnce(Threads) -> R + Send,
) -> R {
    match threads.for_part(multiply_adds, linalg::PARALLEL_FROM) {
        Threads::ONE => work(threads),
        threads => parallel::keep_awake(threads, work),
    }
}

/// Run a batch forward, or a part of the way: `y` gets the outputs, unless it is empty. `values` and `caches`, as long as
/// the program says, get what [`backward`] needs. Training updates `state`.
pub fn forward<F: Float>(
    program: &Program<F>,
    run: Run,
    w: &[F],
    mut state: State<F>,
    x: &[F],
    y: &mut [F],
    values: &mut [F],
    mut caches: &mut [F],
) {
    debug_assert_eq!(run.training, matches!(state, State::Updating(_)));
    let (samples, mut part, mut ends) = (run.samples, run.part, true);
    for (operation, frame) in program.steps() {
        let (function, rows) = (&*operation.function, samples * operation.makes.rows);
        let (cache, others) = caches.split_at_mut(function.cache_len(rows));
        caches = others;
        let now = part.next(function, rows);
        ends = now.is_some_and(|(piece, pieces)| piece + 1 == pieces);
        let Some(piece) = now else { continue };
        let pass = run.pass(operation, piece);
        let frozen = !operation.trainable || operation.mode == Some(false);
        let state = state.part(operation.state.clone(), frozen);
        let parameters = &w[operation.parameters.clone()];
        let (made, values) = Values::around(samples, x, y, values, &frame.makes);
        let inputs = Inputs::new(&values, &frame.reads);
        if frame.copies {
            made.copy_from_slice(inputs.get(0));
        }
        function.forward(pass, parameters, state, inputs, made, cache);
    }
    if ends && program.layout.output != Location::Output && !y.is_empty() {
        y.copy_from_slice(Values::all(samples, x, &[], values).get(&program.layout.output));
    }
}

/// Run a batch back, or a part of the way, from the gradient with respect to the outputs, in `dy` or in `gradients`, as the
/// program has it: `dw` gets the gradient of the parameters, and `dx`, if the program says so, that of the input. Where
/// rows of tables are looked up, `dw` is 0 before ([`Program::clear_tables`]). The caches, just as long as the program says,
/// are scratch.
pub fn backward<F: Float>(
    program: &Program<F>,
    run: Run,
    w: &[F],
    x: &[F],
    values: &[F],
    mut caches: &mut [F],
    dy: &[F],
    gradients: &mut [F],
    dw: &mut [F],
    dx: &mut [F],
) {
    let (samples, mut part) = (run.samples, run.part);
    let values = Values::all(samples, x, &[], values);
    let (gradients, shared) = gradients.split_at_mut(samples * program.layout.gradients);
    for (operation, frame) in program.steps().rev() {
        let (function, rows) = (&*operation.function, samples * operation.makes.rows);
        let (others, cache) = caches.split_at_mut(caches.len() - function.cache_len(rows));
        caches = others;
        let (Some(piece), Some(back)) = (part.next(function, rows), &frame.back) else {
            continue;
        };
        let pass = run.pass(operation, piece);
        let range = operation.parameters.clone();
        let parameters = &w[range.clone()];
        let dparameters = match (back.learns, back.shares) {
            (false, _) => &mut [][..],
            (true, false) => &mut dw[range.clone()],
            (true, true) => &mut shared[..range.len()],
        };
        let inputs = Inputs::new(&values, &frame.reads);
        let y = values.get(&frame.makes);
        if back.copies {
            let to = back.dx[0].as_ref().expect("a place to work in");
            combine(samples, dy, gradients, dx, (&back.dy, to), |dy, dx| {
                dx.copy_from_slice(dy);
            });
        }
        let (dy, into) = split(samples, dy, gradients, dx, back, function.in_place());
        function.backward(pass, parameters, inputs, y, cache, dy, dparameters, into);
        if !pass.is_last_piece() {
            continue;
        }
        for (from, to) in &back.sums {
            combine(samples, &[], gradients, dx, (from, to), add);
        }
        if back.shares {
            add(&shared[..range.len()], &mut dw[range]);
        }
    }
    if program.layout.output == Location::Input && !dx.is_empty() {
        // What computes nothing passes its gradient on.
        dx.copy_from_slice(dy);
    }
}

/// dy of an operation and the gradients that it writes; in place, dy is where it writes.
#[inline]
fn split<'a, F: Float>(
    samples: usize,
    dy: &'a [F],
    gradients: &'a mut [F],
    dx: &'a mut [F],
    back: &'a Back,
    in_place: bool,
) -> (&'a [F], Gradients<'a, F>) {
    let (dy, before, after, after_from): (&[F], _, &mut [F], _) = match &back.dy {
        Location::At(range) if !in_place => {
            let range = of_samples(range, samples);
            let (before, rest) = gradients.split_at_mut(range.start);
            let (dy, after) = rest.split_at_mut(range.len());
            (dy, before, after, range.end)
        }
        _ => {
            let len = gradients.len();
            (dy, gradients, &mut [], len)
        }
    };
    let into = Gradients {
        samples,
        input: dx,
        before,
        after,
        after_from,
        locations: &back.dx,
    };
    (dy, into)
}

/// Call `work` with the gradient at one location and, for writing, that at another.
fn combine<F: Float>(
    samples: usize,
    dy: &[F],
    gradients: &mut [F],
    dx: &mut [F],
    (from, to): (&Location, &Location),
    work: impl FnOnce(&[F], &mut [F]),
) {
    match (from, to) {
        (Location::At(from), Location::At(to)) => {
            let ranges = [of_samples(from, samples), of_samples(to, samples)];
            let [from, to] = gradients.get_disjoint_mut(ranges).expect("two places");
            work(from, to);
        }
        (Location::At(from), _) => work(&gradients[of_samples(from, samples)], dx),
        (_, Location::At(to)) => work(dy, &mut gradients[of_samples(to, samples)]),
        _ => work(dy, dx),
    }
}
