//! Which numbers of a sample are looked up, so that they can be checked before a pass begins.

use std::ops::Range;

use super::graph::{Operation, Value};
use super::lower::function;
use crate::float::Float;
use crate::layers::{Concatenate, Take};

/// Whole numbers that a layer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The layer.
    pub layer: usize,
    /// Below which number each has to be.
    pub below: usize,
    /// Where they stand in a sample; None if other layers compute them, so that nobody knows before a pass what they are.
    pub places: Option<Vec<Range<usize>>>,
}

/// The lookups of a network, in the order of its operations.
pub(super) fn lookups<F: Float>(input: Value, operations: &[Operation<F>]) -> Vec<Lookup> {
    let limit = |o: &Operation<F>| o.function.indices_below();
    if operations.iter().all(|o| limit(o).is_none()) {
        return Vec::new();
    }
    // Of each value, where in a sample its numbers stand.
    let mut sources = vec![Some((0..input.size()).collect::<Vec<_>>())];
    let mut found = Vec::new();
    for operation in operations {
        if let Some(below) = limit(operation) {
            let places = sources[operation.reads[0].number].as_deref();
            found.push(Lookup {
                layer: operation.layer,
                below,
                places: places.map(ranges),
            });
        }
        sources.push(moved(operation, &sources));
    }
    found
}

/// Where in a sample the numbers stand that an operation makes, if it does nothing but move them.
fn moved<F: Float>(operation: &Operation<F>, sources: &[Option<Vec<usize>>]) -> Option<Vec<usize>> {
    let (rows, mut made) = (operation.makes.rows, Vec::new());
    if let Some(take) = function::<Take, F>(operation) {
        for row in sources[operation.reads[0].number]
            .as_ref()?
            .chunks_exact(take.width)
        {
            for _ in 0..take.times {
                let parts = take.parts.iter();
                made.extend(parts.flat_map(|part| &row[part.clone()]));
            }
        }
    } else if let Some(concatenate) = function::<Concatenate, F>(operation) {
        for row in 0..rows {
            for (x, &width) in operation.reads.iter().zip(&concatenate.widths) {
                made.extend(&sources[x.number].as_ref()?[row * width..][..width]);
            }
        }
    } else {
        return None;
    }
    Some(made)
}

/// Numbers in ranges, each once and in their order.
fn ranges(places: &[usize]) -> Vec<Range<usize>> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut found: Vec<Range<usize>> = Vec::new();
    for place in sorted {
        match found.last_mut() {
            Some(last) if last.end == place => last.end += 1,
            _ => found.push(place..place + 1),
        }
    }
    found
}
