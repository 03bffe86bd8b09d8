//! One batch forward and back through the stages of a plan.

use std::ops::Range;

use super::{Plan, Stage};
use crate::float::Float;
use crate::layers::{InputGradient, Order, Pass, State};
use crate::linalg;
use crate::parallel::{self, Threads};

/// Elements that forward keeps for backward: the output of each stage and its cache, stage by stage.
///
/// Saturates where no memory would do, as [`gradient_len`] does.
pub fn kept_len<F: Float>(plan: &Plan<F>, samples: usize) -> usize {
    let stages = plan.stages().iter();
    stages.fold(0, |sum, stage| {
        sum.saturating_add(stage_len(stage, samples))
    })
}

/// Elements of the largest gradient that backward passes on.
pub fn gradient_len<F: Float>(plan: &Plan<F>, samples: usize) -> usize {
    let widest = plan
        .stages()
        .iter()
        .map(|s| s.rows * s.width_in.max(s.width_out))
        .max();
    samples.saturating_mul(widest.unwrap_or(0).max(plan.output_size()))
}

/// The network's output, in what forward kept; `x` itself where nothing computes.
pub fn output<'a, F: Float>(plan: &Plan<F>, x: &'a [F], samples: usize, kept: &'a [F]) -> &'a [F] {
    let Some((last, before)) = plan.stages().split_last() else {
        return x;
    };
    let start: usize = before.iter().map(|stage| stage_len(stage, samples)).sum();
    &kept[start..start + samples * last.rows * last.width_out]
}

fn stage_len<F: Float>(stage: &Stage<F>, samples: usize) -> usize {
    let rows = samples.saturating_mul(stage.rows);
    rows.saturating_mul(stage.width_out)
        .saturating_add(stage.layer.cache_len(rows))
}

/// Where the output of each stage lies in what forward kept.
pub fn outputs<F: Float>(plan: &Plan<F>, samples: usize) -> Vec<Range<usize>> {
    let mut start = 0;
    let place = |stage: &Stage<F>| {
        let output = start..start + samples * stage.rows * stage.width_out;
        start += stage_len(stage, samples);
        output
    };
    plan.stages().iter().map(place).collect()
}

/// Where [`backward_keeping`] puts the gradient with respect to the input of each stage.
pub fn input_gradients<F: Float>(plan: &Plan<F>, samples: usize) -> Vec<Range<usize>> {
    let mut end = 0;
    let place = |stage: &Stage<F>| {
        let start = end;
        end += samples * stage.rows * stage.width_in;
        start..end
    };
    plan.stages().iter().map(place).collect()
}

/// Whether the plan is one layer whose backward changes no gradient and does not need the output: then the output,
/// which lies at the front of what forward kept, belongs to the caller, and [`backward_plain`] needs no room.
pub fn is_plain<F: Float>(plan: &Plan<F>) -> bool {
    matches!(plan.stages(), [only] if !only.layer.reads_output())
}

/// What is the same for all stages of one batch.
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
    /// How the batch and everything made of it lie in memory; for column-major, the plan [must allow it](Plan::order).
    pub order: Order,
}

impl Run {
    /// Do `work`, which is told how it runs, with threads that stay awake from its first layer to its last.
    pub fn awake<R: Send>(self, multiply_adds: usize, work: impl FnOnce(Self) -> R + Send) -> R {
        awake(multiply_adds, self.threads, |threads| {
            work(Self { threads, ..self })
        })
    }

    fn pass<F: Float>(&self, stage: &Stage<F>) -> Pass {
        let rows = self.samples * stage.rows;
        // A layer that is not trained runs as in inference.
        let training = self.training && stage.trainable;
        Pass {
            rows,
            threads: self.threads,
            training,
            step: self.step,
            order: self.order,
        }
    }
}

/// Multiply-adds, roughly, of those layers whose products threads share, for so many samples; where there are none, a
/// second thread that stays awake is in the way.
pub fn multiply_adds<F: Float>(plan: &Plan<F>, samples: usize) -> usize {
    let of = |stage: &Stage<F>| {
        let rows = samples.saturating_mul(stage.rows);
        rows.saturating_mul(stage.parameters.len())
    };
    let shared = plan.stages().iter().map(of);
    shared
        .filter(|&work| work >= linalg::PARALLEL_FROM)
        .fold(0, usize::saturating_add)
}

/// Do `work`, passes of so many multiply-adds in all, with the pool's threads awake from the first layer to the last:
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

/// Run a batch forward; `kept` ([`kept_len`] long) gets what [`backward`] needs. Training updates `state`.
pub fn forward<F: Float>(
    plan: &Plan<F>,
    run: Run,
    w: &[F],
    mut state: State<F>,
    x: &[F],
    kept: &mut [F],
) {
    debug_assert_eq!(run.training, matches!(state, State::Updating(_)));
    let (mut x, mut rest) = (x, kept);
    for stage in plan.stages() {
        let pass = run.pass(stage);
        let (y, after) = rest.split_at_mut(pass.rows * stage.width_out);
        let (cache, after) = after.split_at_mut(stage.layer.cache_len(pass.rows));
        let state = state.part(stage.state.clone(), !stage.trainable);
        stage
            .layer
            .forward(pass, &w[stage.parameters.clone()], state, x, y, cache);
        (x, rest) = (y, after);
    }
}

/// Run a batch back from `dy`: `dw` gets the gradient of the parameters, and `dx`, if it is asked for, that of the
/// input.
///
/// Without `dx` this is for an optimizer: the gradients of frozen stages are left out, and it ends at the first
/// stage that is trained.
///
/// `dy` holds the gradient in its front and is overwritten, as is `spare`: the gradient between two stages is
/// in one or the other in turn (each [`gradient_len`] long; a single stage needs no `spare`). The layers' caches
/// in `kept` are scratch too.
pub fn backward<F: Float>(
    plan: &Plan<F>,
    run: Run,
    w: &[F],
    x: &[F],
    kept: &mut [F],
    dy: &mut [F],
    spare: &mut [F],
    dw: &mut [F],
    mut dx: InputGradient<F>,
) {
    let (mut dy, mut spare) = (dy, spare);
    let for_optimizer = dx.is_none();
    let lowest = if for_optimizer {
        plan.first_trained()
    } else {
        0
    };
    let mut end = kept_len(plan, run.samples);
    for (i, stage) in plan.stages().iter().enumerate().skip(lowest).rev() {
        let pass = run.pass(stage);
        let (before, here) = kept[..end].split_at_mut(end - stage_len(stage, run.samples));
        let (y, cache) = here.split_at_mut(pass.rows * stage.width_out);
        let len_in = pass.rows * stage.width_in;
        let (x, dx) = match i.checked_sub(1).map(|below| &plan.stages()[below]) {
            None => (x, dx.take()),
            Some(below) => {
                let start = before.len() - stage_len(below, run.samples);
                (
                    &before[start..][..len_in],
                    (i > lowest).then(|| &mut spare[..len_in]),
                )
            }
        };
        let dparameters = if for_optimizer && !stage.trainable {
            &mut [][..]
        } else {
            &mut dw[stage.parameters.clone()]
        };
        let dz = &mut dy[..pass.rows * stage.width_out];
        stage.layer.through_activation(pass, y, cache, dz);
        stage.layer.backward(
            pass,
            &w[stage.parameters.clone()],
            x,
            y,
            cache,
            dz,
            dparameters,
            dx,
        );
        (dy, spare) = (spare, dy);
        end = before.len();
    }
    if let Some(dx) = dx {
        // No stage took it: what computes nothing passes its gradient on.
        dx.copy_from_slice(&dy[..dx.len()]);
    }
}

/// Run a batch back from `dy`, the gradient with respect to the output of stage number `stages`, and keep the gradients
/// on the way: where [`input_gradients`] says, in `kept_gradients`; that of the network's input only if asked for. Those
/// of all parameters of these stages go to `dw`.
///
/// For plans whose layers leave activations to layers of their own: inside of a layer nothing is kept.
pub fn backward_keeping<F: Float>(
    plan: &Plan<F>,
    run: Run,
    stages: usize,
    w: &[F],
    x: &[F],
    kept: &mut [F],
    dy: &[F],
    kept_gradients: &mut [F],
    dw: &mut [F],
    with_input: bool,
) {
    let outputs = outputs(plan, run.samples);
    let gradients = input_gradients(plan, run.samples);
    for (i, stage) in plan.stages()[..stages].iter().enumerate().rev() {
        let pass = run.pass(stage);
        let (before, here) = kept.split_at_mut(outputs[i].start);
        let (y, cache) = here.split_at_mut(outputs[i].len());
        let cache = &mut cache[..stage.layer.cache_len(pass.rows)];
        let x = if i == 0 {
            x
        } else {
            &before[outputs[i - 1].clone()]
        };
        let (below, above) = kept_gradients.split_at_mut(gradients[i].end);
        let dy = if i + 1 == stages {
            dy
        } else {
            &above[..y.len()]
        };
        let dx = &mut below[gradients[i].clone()];
        let parameters = stage.parameters.clone();
        stage.layer.backward(
            pass,
            &w[parameters.clone()],
            x,
            y,
            cache,
            dy,
            &mut dw[parameters],
            (with_input || i > 0).then_some(dx),
        );
    }
}

/// [`backward`] for a plan that [`is_plain`], from a `dy` that stays as it is; all gradients are computed.
pub fn backward_plain<F: Float>(
    plan: &Plan<F>,
    run: Run,
    w: &[F],
    x: &[F],
    kept: &mut [F],
    dy: &[F],
    dw: &mut [F],
    dx: &mut [F],
) {
    debug_assert!(is_plain(plan));
    for stage in plan.stages() {
        let pass = run.pass(stage);
        let (_, cache) = kept.split_at_mut(pass.rows * stage.width_out);
        stage
            .layer
            .backward(pass, w, x, &[], cache, dy, dw, Some(&mut *dx));
    }
}
