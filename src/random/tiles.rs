//! From words to arrays: the one loop that every sampler runs in.

use super::elementary::Sample;
use super::philox::LANES;
use super::stream::Stream;
use crate::error::Result;
use crate::parallel::{Threads, for_each_chunk};
use crate::simd::kernel;

/// What numbers are drawn from.
pub trait Distribution {
    /// Draw every element of `out` from `stream`; fails where `F` cannot hold the parameters.
    fn draw<F: Sample>(&self, out: &mut [F], stream: &Stream, threads: Threads) -> Result<()>;
}

/// How `F::ROWS` rows of words become as many rows of numbers.
pub(super) trait Sampler<F: Sample>: Copy + Send + Sync {
    fn rows(self, words: &[[F::Word; LANES]], out: &mut [[F; LANES]]);
}

/// What one thread draws at a time: small enough for its cache, a whole number of tiles.
const CHUNK: usize = 1 << 14;

/// Elements that take some tens of milliseconds: a long array is drawn in slices of so many.
pub const SLICE: usize = 1 << 22;

/// The stream of slice number `index` of a long array.
pub fn stream_of_slice<F: Sample>(stream: &Stream, index: usize) -> Stream {
    stream.after_tiles(index as u64 * (SLICE / (F::ROWS * LANES)) as u64)
}

/// Fewer elements than this are drawn sooner than another thread wakes.
const SERIAL: usize = 1 << 16;

pub(super) fn fill<F: Sample>(
    sampler: impl Sampler<F>,
    out: &mut [F],
    stream: &Stream,
    threads: Threads,
) {
    let tiles = (CHUNK / (F::ROWS * LANES)) as u64;
    let threads = threads.for_work(out.len(), SERIAL);
    for_each_chunk(threads, out, CHUNK, |index, chunk| {
        fill_chunk(chunk, sampler, stream, index as u64 * tiles);
    });
}

kernel! {
    fn fill_chunk<F: Sample, S: Sampler<F>>(out: &mut [F], sampler: S, stream: &Stream, first: u64) {
        let (rows, rest) = out.as_chunks_mut::<LANES>();
        let mut index = first;
        let mut tiles = rows.chunks_exact_mut(F::ROWS);
        for tile in &mut tiles {
            sampler.rows(F::words(stream.tile(index)).as_ref(), tile);
            index += 1;
        }
        let rows = tiles.into_remainder();
        if !rows.is_empty() || !rest.is_empty() {
            let mut last = [[F::ZERO; LANES]; 4];
            sampler.rows(F::words(stream.tile(index)).as_ref(), &mut last[..F::ROWS]);
            let mut numbers = last.iter().flatten();
            for (out, &number) in rows.iter_mut().flatten().chain(rest).zip(&mut numbers) {
                *out = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Inverse, Normal, TruncatedNormal, Uniform};
    use crate::simd::{Level, detected, set_level};

    fn bits<F: Sample>(what: &impl Distribution, length: usize, threads: Threads) -> Vec<u64> {
        let mut out = vec![F::ZERO; length];
        what.draw(&mut out, &Stream::new("5", "kernel"), threads)
            .unwrap();
        out.iter().map(|x| x.wide().to_bits()).collect()
    }

    /// Nothing but the index of an element decides its bits.
    fn check<F: Sample>(what: &impl Distribution) {
        let big = 3 * SERIAL + 77;
        set_level(Level::Baseline);
        let all = bits::<F>(what, big, Threads::ONE);
        for level in Level::ALL.into_iter().filter(|&level| level <= detected()) {
            set_level(level);
            for threads in 1..=3 {
                let threads = Threads::new(threads).unwrap();
                assert!(
                    bits::<F>(what, big, threads) == all,
                    "{level:?} {threads:?}"
                );
            }
            for length in 0..300 {
                assert!(bits::<F>(what, length, Threads::ONE) == all[..length]);
            }
        }
        set_level(detected());
    }

    #[test]
    fn slices_have_the_bits_of_the_whole() {
        fn check<F: Sample>() {
            let (normal, stream) = (Normal::new(0.25, 1.5).unwrap(), Stream::new("5", "kernel"));
            let draw = |out: &mut [F], stream: &Stream| {
                normal.draw(out, stream, Threads::ONE).unwrap();
            };
            let mut whole = vec![F::ZERO; 2 * SLICE + 77];
            let mut slices = whole.clone();
            draw(&mut whole, &stream);
            for (index, slice) in slices.chunks_mut(SLICE).enumerate() {
                draw(slice, &stream_of_slice::<F>(&stream, index));
            }
            assert!(slices == whole);
        }
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn bits_depend_on_the_index_alone() {
        let uniform = Uniform::new(-0.3, 1.7).unwrap();
        check::<f32>(&uniform);
        check::<f64>(&uniform);
        let normal = Normal::new(0.25, 1.5).unwrap();
        check::<f32>(&normal);
        check::<f64>(&normal);
        for (low, high) in [(-2.0, 2.0), (0.5, f64::INFINITY), (-9.0, 4.0)] {
            let truncated = TruncatedNormal::new(0.1, 0.5, low, high).unwrap();
            check::<f32>(&truncated);
            check::<f64>(&truncated);
        }
        for inverse in [
            Inverse::student_t(3.0, 0.1, 0.5).unwrap(),
            Inverse::beta(0.5, 2.0, -1.0, 1.0).unwrap(),
            Inverse::cauchy(0.1, 0.5).unwrap(),
        ] {
            check::<f32>(&inverse);
            check::<f64>(&inverse);
        }
    }
}
