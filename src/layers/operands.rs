//! What an operation reads and writes: slices of a pass's memory, found by where its layout says that they stand.

use std::ops::Range;

/// Where the numbers of a value, or of its gradient, stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// With the caller: the network's input, or the gradient with respect to it.
    Input,
    /// With the caller: the network's output, or the gradient with respect to it.
    Output,
    /// In the pass's memory: these elements a sample.
    At(Range<usize>),
}

/// The elements of so many samples that have these elements each.
#[inline]
pub(crate) fn of_samples(range: &Range<usize>, samples: usize) -> Range<usize> {
    range.start * samples..range.end * samples
}

/// The values of a pass, but for one that is being written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a, F> {
    samples: usize,
    input: &'a [F],
    output: &'a [F],
    before: &'a [F],
    after: &'a [F],
    after_from: usize,
}

impl<'a, F> Values<'a, F> {
    /// All of them, of so many samples; `output` is empty where it is gone.
    #[inline]
    pub(crate) fn all(samples: usize, input: &'a [F], output: &'a [F], memory: &'a [F]) -> Self {
        Self {
            samples,
            input,
            output,
            before: memory,
            after: &[],
            after_from: memory.len(),
        }
    }

    /// The value at `location` for writing, and the others.
    #[inline]
    pub(crate) fn around(
        samples: usize,
        input: &'a [F],
        output: &'a mut [F],
        memory: &'a mut [F],
        location: &Location,
    ) -> (&'a mut [F], Self) {
        let Location::At(range) = location else {
            return (output, Self::all(samples, input, &[], memory));
        };
        let range = of_samples(range, samples);
        let (before, rest) = memory.split_at_mut(range.start);
        let (here, after) = rest.split_at_mut(range.len());
        let others = Self {
            samples,
            input,
            output,
            before,
            after,
            after_from: range.end,
        };
        (here, others)
    }

    /// The value at `location`.
    #[inline]
    pub(crate) fn get(&self, location: &Location) -> &'a [F] {
        match location {
            Location::Input => self.input,
            Location::Output => self.output,
            Location::At(range) => {
                let range = of_samples(range, self.samples);
                if range.end <= self.before.len() {
                    &self.before[range]
                } else {
                    &self.after[range.start - self.after_from..range.end - self.after_from]
                }
            }
        }
    }
}

/// The inputs of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, F> {
    values: &'a Values<'a, F>,
    locations: &'a [Location],
}

impl<'a, F> Inputs<'a, F> {
    pub(crate) fn new(values: &'a Values<'a, F>, locations: &'a [Location]) -> Self {
        Self { values, locations }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.locations.len()
    }

    /// Input number `i`.
    #[inline]
    pub fn get(&self, i: usize) -> &'a [F] {
        self.values.get(&self.locations[i])
    }
}

/// The gradients with respect to the inputs of an operation, to be written.
#[derive(Debug)]
pub struct Gradients<'a, F> {
    pub(crate) samples: usize,
    pub(crate) input: &'a mut [F],
    pub(crate) before: &'a mut [F],
    pub(crate) after: &'a mut [F],
    /// Where in memory `after` begins.
    pub(crate) after_from: usize,
    /// Where each stands; None for those that nobody wants.
    pub(crate) locations: &'a [Option<Location>],
}

impl<F> Gradients<'_, F> {
    /// The gradient with respect to input number `i`, if it is asked for.
    #[inline]
    pub fn get(&mut self, i: usize) -> Option<&mut [F]> {
        Some(match self.locations[i].as_ref()? {
            Location::At(range) => {
                let range = of_samples(range, self.samples);
                if range.end <= self.before.len() {
                    &mut self.before[range]
                } else {
                    &mut self.after[range.start - self.after_from..range.end - self.after_from]
                }
            }
            Location::Input | Location::Output => self.input,
        })
    }
}
