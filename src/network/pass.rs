//! One batch forward and back through the stages of a plan.

use super::{Plan, Stage};
use crate::float::Float;
use crate::layers::{Pass, State};
use crate::parallel::Threads;

/// Elements that forward keeps for backward: the output of each stage and its cache, stage by stage.
pub fn kept_len<F: Float>(plan: &Plan<F>, samples: usize) -> usize {
    plan.stages()
        .iter()
        .map(|stage| stage_len(stage, samples))
        .sum()
}

/// Elements of the largest gradient that backward passes on.
pub fn gradient_len<F: Float>(plan: &Plan<F>, samples: usize) -> usize {
    let widest = plan
        .stages()
        .iter()
        .map(|s| s.rows * s.width_in.max(s.width_out))
        .max();
    samples * widest.unwrap_or(0).max(plan.output_size())
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
    let rows = samples * stage.rows;
    rows * stage.width_out + stage.layer.cache_len(rows)
}

/// Run a batch forward; `kept` gets what [`backward`] needs.
pub fn forward<F: Float>(
    plan: &Plan<F>,
    threads: Threads,
    w: &[F],
    mut state: State<F>,
    x: &[F],
    samples: usize,
    kept: &mut [F],
) {
    let training = matches!(state, State::Updating(_));
    let (mut x, mut rest) = (x, kept);
    for stage in plan.stages() {
        let rows = samples * stage.rows;
        let (y, after) = rest.split_at_mut(rows * stage.width_out);
        let (cache, after) = after.split_at_mut(stage.layer.cache_len(rows));
        let pass = Pass {
            rows,
            threads,
            training: training && stage.trainable,
        };
        let state = state.part(stage.state.clone(), !stage.trainable);
        stage
            .layer
            .forward(pass, &w[stage.parameters.clone()], state, x, y, cache);
        (x, rest) = (y, after);
    }
}

/// Run a batch back from `dy`: `dw` gets the gradient of every parameter.
///
/// `dy` and `spare` (each [`gradient_len`] long, the gradient in the front of `dy`) are overwritten in turn.
/// The gradient with respect to `x` is computed only `with_input`; it is in the front of the buffer that is
/// handed back.
pub fn backward<'a, F: Float>(
    plan: &Plan<F>,
    threads: Threads,
    training: bool,
    w: &[F],
    x: &[F],
    samples: usize,
    kept: &mut [F],
    mut dy: &'a mut [F],
    mut spare: &'a mut [F],
    dw: &mut [F],
    with_input: bool,
) -> &'a mut [F] {
    let mut end = kept_len(plan, samples);
    for (i, stage) in plan.stages().iter().enumerate().rev() {
        let rows = samples * stage.rows;
        let (before, here) = kept[..end].split_at_mut(end - stage_len(stage, samples));
        let (y, cache) = here.split_at_mut(rows * stage.width_out);
        let x = match i.checked_sub(1).map(|below| &plan.stages()[below]) {
            None => x,
            Some(below) => {
                &before[before.len() - stage_len(below, samples)..][..rows * stage.width_in]
            }
        };
        let wanted = i > 0 || with_input;
        stage.layer.backward(
            Pass {
                rows,
                threads,
                training: training && stage.trainable,
            },
            &w[stage.parameters.clone()],
            x,
            y,
            cache,
            &mut dy[..rows * stage.width_out],
            &mut dw[stage.parameters.clone()],
            wanted.then(|| &mut spare[..rows * stage.width_in]),
        );
        (dy, spare) = (spare, dy);
        end = before.len();
    }
    dy
}
