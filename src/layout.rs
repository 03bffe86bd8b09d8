//! A kernel's weights from our layout to torch's.

use crate::float::Float;
use crate::parallel::{self, Threads};

/// A tile of so many outputs and places goes through the cache at once: whole lines are read and written, a page is
/// visited seldom, and rows whose distance is a power of two do not push each other out.
const TILE: usize = 64;

/// Elements under which the work is not worth a second thread.
const PARALLEL_FROM: usize = 1 << 17;

/// Copy `kernel`, of shape `[positions, inputs, outputs]`, to `out` as `[outputs, inputs, positions]`.
///
/// # Panics
///
/// If the lengths are not the product of the sizes: callers have checked them.
pub(crate) fn outputs_first<F: Float>(
    threads: Threads,
    kernel: &[F],
    [positions, inputs, outputs]: [usize; 3],
    out: &mut [F],
) {
    let row = positions * inputs;
    assert!(
        kernel.len() == row * outputs && out.len() == kernel.len(),
        "outputs_first: {} and {} elements of {positions} x {inputs} x {outputs}",
        kernel.len(),
        out.len()
    );
    if out.is_empty() {
        return;
    }
    // Where the weights of input i at position p, for all outputs, begin.
    let start = |place: usize| (place % positions * inputs + place / positions) * outputs;
    let threads = threads.for_work(out.len(), PARALLEL_FROM);
    parallel::for_each_chunk(threads, out, TILE * row, |block, rows| {
        let first = block * TILE;
        let count = rows.len() / row;
        let mut tile = [[F::ZERO; TILE]; TILE];
        for place in (0..row).step_by(TILE) {
            let width = TILE.min(row - place);
            for (j, column) in tile[..width].iter_mut().enumerate() {
                let from = start(place + j) + first;
                column[..count].copy_from_slice(&kernel[from..from + count]);
            }
            for (i, row) in rows.chunks_exact_mut(row).enumerate() {
                for (to, column) in row[place..place + width].iter_mut().zip(&tile) {
                    *to = column[i];
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_goes_to_its_place_for_any_number_of_threads() {
        for sizes in [
            [1, 1, 1],
            [1, 40, 33],
            [9, 17, 16],
            [6, 3, 50],
            [2, 300, 400],
            [3, 0, 4],
        ] {
            let [positions, inputs, outputs] = sizes;
            let kernel: Vec<f32> = (0..positions * inputs * outputs)
                .map(|i| i as f32)
                .collect();
            for threads in [1, 3] {
                let mut out = vec![-1.0; kernel.len()];
                outputs_first(Threads::new(threads).unwrap(), &kernel, sizes, &mut out);
                for (at, value) in out.iter().enumerate() {
                    let (o, i, p) = (
                        at / (inputs * positions),
                        at / positions % inputs,
                        at % positions,
                    );
                    assert_eq!(*value, kernel[(p * inputs + i) * outputs + o], "{sizes:?}");
                }
            }
        }
    }
}
