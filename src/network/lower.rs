//! From operations as layers mean them to operations that run faster: a rule a fusion.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::graph::{Operation, Value};
use crate::activations::Activation;
use crate::activations::linear::Linear;
use crate::float::Float;
use crate::layers::narrow::{NarrowBatchNormalization, NarrowDense, ToRows, WIDEST};
use crate::layers::{Activate, BatchNormalization, Cost, Product, Select};

/// The function of an operation, if it is of this kind.
pub(super) fn function<T: 'static, F: Float>(operation: &Operation<F>) -> Option<&T> {
    (&*operation.function as &dyn Any).downcast_ref()
}

/// Whether `second` alone reads what `first` makes.
fn feeds_only<F: Float>(
    operations: &[Operation<F>],
    output: Value,
    first: &Operation<F>,
    second: &Operation<F>,
) -> bool {
    let made = first.makes.number;
    let reads = operations.iter().flat_map(|o| &o.reads);
    second.reads == [first.makes]
        && output.number != made
        && reads.filter(|x| x.number == made).count() == 1
}

/// x + b, then φ(x): φ(x + b) at once. The same bits.
pub(super) fn fuse_bias<F: Float>(operations: &[Operation<F>], output: Value) -> Vec<Operation<F>> {
    let mut fused: Vec<Operation<F>> = Vec::with_capacity(operations.len());
    for operation in operations {
        if let Some(before) = fused.last_mut()
            && feeds_only(operations, output, before, operation)
            && let Some(bias) = function::<Activate<F>, F>(before)
            && let Some(activate) = function::<Activate<F>, F>(operation)
            && bias.activation.is_identity()
            && !activate.use_bias
        {
            before.function = Arc::new(Activate {
                activation: activate.activation.clone(),
                ..bias.clone()
            });
            before.makes = operation.makes;
            before.layer = operation.layer;
        } else {
            fused.push(operation.clone());
        }
    }
    fused
}

/// The activation that an operation is, and nothing else.
pub(super) fn activation<F: Float>(operation: &Operation<F>) -> Option<&Arc<dyn Activation<F>>> {
    let activate = function::<Activate<F>, F>(operation)?;
    (!activate.use_bias).then_some(&activate.activation)
}

/// The activation that makes an output, if that is an operation of its own.
pub(super) fn last_activation<F: Float>(
    operations: &[Operation<F>],
    output: Value,
) -> Option<&Arc<dyn Activation<F>>> {
    // Behind a Flatten a loss sees other rows than the activation did.
    let last = operations.iter().rev().find(|o| o.makes == output)?;
    if function::<Cost, F>(last).is_none() {
        return activation(last);
    }
    // Rows are not told here: what is added to the loss is of whole samples.
    let made = last.reads[0].number;
    let before = operations.iter().find(|o| o.makes.number == made)?;
    activation(before).filter(|_| before.makes.rows == 1)
}

/// The same network on columns, where all rows are narrow and all functions can: a product with its bias and activation
/// is one operation, and the last one turns the output to rows. Sums over the batch differ by rounding.
pub(super) fn narrow<F: Float>(
    operations: &[Operation<F>],
    output: Value,
) -> Option<(Vec<Operation<F>>, Value)> {
    let is_narrow = |x: &Value| x.rows == 1 && x.width <= WIDEST;
    let all_narrow = |o: &Operation<F>| is_narrow(&o.makes) && o.reads.iter().all(is_narrow);
    if operations.is_empty() || !operations.iter().all(all_narrow) {
        return None;
    }
    let mut columns: Vec<Operation<F>> = Vec::with_capacity(operations.len() + 1);
    for operation in operations {
        if let Some(&product) = function::<Product, F>(operation) {
            let activation = Arc::new(Linear);
            columns.push(Operation {
                function: Arc::new(NarrowDense {
                    product,
                    activation,
                }),
                ..operation.clone()
            });
        } else if let Some(normalization) = function::<BatchNormalization, F>(operation) {
            let function = Arc::new(NarrowBatchNormalization(normalization.clone()));
            columns.push(Operation {
                function,
                ..operation.clone()
            });
        } else {
            let activate = function::<Activate<F>, F>(operation)?;
            if !activate.activation.is_elementwise() {
                return None;
            }
            let before = columns.last_mut();
            let before = before.filter(|b| feeds_only(operations, output, b, operation));
            let product = before.and_then(|before| {
                let dense = function::<NarrowDense<F>, F>(before)?;
                let follows = before.parameters.end == operation.parameters.start;
                let fits = dense.activation.is_identity()
                    && (!activate.use_bias || follows)
                    && (activate.use_bias || before.parameters.len() == dense.product.size());
                fits.then_some((dense.product, before))
            });
            if let Some((product, before)) = product {
                before.function = Arc::new(NarrowDense {
                    product,
                    activation: activate.activation.clone(),
                });
                if activate.use_bias {
                    before.parameters.end = operation.parameters.end;
                }
                before.makes = operation.makes;
            } else if activate.use_bias {
                return None;
            } else {
                columns.push(operation.clone());
            }
        }
    }
    if overlap(&columns) {
        return None;
    }
    let number = operations.iter().map(|o| o.makes.number).max()? + 1;
    let makes = Value { number, ..output };
    columns.push(Operation {
        function: Arc::new(ToRows),
        layer: operations.last()?.layer,
        reads: vec![output],
        makes,
        parameters: 0..0,
        state: 0..0,
        trainable: true,
        mode: None,
    });
    Some((columns, makes))
}

/// The operations of one mode: of what a [`Select`] reads only what it passes on then, and of others only what leads to
/// the output.
pub(super) fn of_mode<F: Float>(
    operations: &[Operation<F>],
    output: Value,
    training: bool,
) -> (Vec<Operation<F>>, Value) {
    let is_select = |o: &Operation<F>| function::<Select, F>(o).is_some();
    if !operations.iter().any(is_select) {
        return (operations.to_vec(), output);
    }
    // What stands for what a Select makes: another value's number, in the same rows and widths.
    let mut stands: BTreeMap<usize, usize> = BTreeMap::new();
    let follow = |stands: &BTreeMap<usize, usize>, x: Value| Value {
        number: *stands.get(&x.number).unwrap_or(&x.number),
        ..x
    };
    let mut kept = Vec::with_capacity(operations.len());
    for operation in operations {
        if is_select(operation) {
            let training = operation.mode.unwrap_or(training);
            let chosen = operation.reads[usize::from(!training)];
            let number = follow(&stands, chosen).number;
            stands.insert(operation.makes.number, number);
        } else {
            let reads = operation.reads.iter().map(|&x| follow(&stands, x));
            let reads = reads.collect();
            kept.push(Operation {
                reads,
                ..operation.clone()
            });
        }
    }
    let output = follow(&stands, output);
    let mut needed = BTreeSet::from([output.number]);
    for operation in kept.iter().rev() {
        if needed.contains(&operation.makes.number) {
            needed.extend(operation.reads.iter().map(|x| x.number));
        }
    }
    kept.retain(|o| needed.contains(&o.makes.number));
    (kept, output)
}

/// Whether operations have parameters of which others have a part only: gradients are added array by array.
fn overlap<F: Float>(operations: &[Operation<F>]) -> bool {
    let mut ranges: Vec<_> = operations.iter().map(|o| o.parameters.clone()).collect();
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    ranges
        .windows(2)
        .any(|pair| pair[0] != pair[1] && pair[1].start < pair[0].end)
}
