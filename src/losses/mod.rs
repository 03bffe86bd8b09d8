//! Losses: value and gradient in one pass over a batch.
//!
//! A new loss is one file with its formula for one row ([`RowLoss`]) and one row in [`from_settings`].

pub(crate) mod binary_crossentropy;
pub(crate) mod categorical_crossentropy;
mod focal;
mod mean_absolute_error;
mod mean_squared_error;
pub(crate) mod pointwise;
pub(crate) mod similarity;

use std::fmt::Debug;

use categorical_crossentropy::CategoricalCrossentropy;
use pointwise::{Hinge, MeanOf};

use crate::activations::Activation;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::{Settings, look_up};
use crate::simd::kernel;

/// What the network should have said.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a, F> {
    /// The class of each row.
    Classes(&'a [i64]),
    /// As many numbers as outputs.
    Values(&'a [F]),
}

/// The target of one row.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a, F> {
    /// Its class.
    Class(usize),
    /// Its numbers.
    Values(&'a [F]),
}

impl<'a, F: Float> Targets<'a, F> {
    /// The target of row `row`, where rows have `width` outputs.
    #[inline(always)]
    pub fn row(&self, row: usize, width: usize) -> Target<'a, F> {
        match *self {
            Self::Classes(classes) => Target::Class(classes[row] as usize),
            Self::Values(values) => Target::Values(&values[row * width..(row + 1) * width]),
        }
    }
}

impl<F: Float> Target<'_, F> {
    /// The target's value for output `j`, with classes one-hot.
    #[inline(always)]
    pub fn at(&self, j: usize) -> F {
        match *self {
            Self::Class(class) => {
                if class == j {
                    F::ONE
                } else {
                    F::ZERO
                }
            }
            Self::Values(values) => values[j],
        }
    }
}

/// Check that each class is one of `width`.
pub fn check_classes(argument: &str, classes: &[i64], width: usize) -> Result<()> {
    match classes
        .iter()
        .position(|&class| class < 0 || class as usize >= width)
    {
        None => Ok(()),
        Some(at) => Err(Error::value(
            argument,
            format!("classes from 0 to {}", width - 1),
            format!("{} at index {at}", classes[at]),
        )),
    }
}

/// A loss as training uses it.
pub trait Loss<F: Float>: Debug + Send + Sync {
    /// Whether targets are classes rather than one number an output.
    fn takes_classes(&self) -> bool;

    /// Replace each row of `outputs` by factor(row) times the gradient of its loss; `values` gets the
    /// rows' losses, without the factor.
    fn rows(
        &self,
        width: usize,
        outputs: &mut [F],
        targets: Targets<F>,
        factor: Factor<F>,
        values: &mut [F],
    );

    /// The same loss, to be given what goes into `activation` instead of what comes out, where doing both
    /// at once is exact where the two in turn would lose digits.
    fn before(&self, activation: &dyn Activation<F>) -> Option<Box<dyn Loss<F>>>;
}

/// What each row's gradient is multiplied by.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a, F> {
    /// For all rows: 1 / rows where the loss is the mean.
    pub all: F,
    /// For each row on top of that; empty where all weigh the same.
    pub weights: &'a [F],
}

/// Rows that are worked on together.
pub(crate) const BLOCK: usize = 64;

/// The formula of a loss, for one row.
pub(crate) trait RowLoss: Clone + Debug + Send + Sync + 'static {
    /// Whether the target of a row is a class.
    const TAKES_CLASSES: bool = false;

    /// The loss of a row; `outputs` goes out as its gradient.
    ///
    /// `target(j)` is the target of output `j`; a class is 1 at its place and 0 elsewhere.
    fn row<F: Float>(&self, outputs: &mut [F], target: impl Fn(usize) -> F) -> F;

    /// The losses of up to [`BLOCK`] rows of `width` at once; by default one after the other.
    #[inline(always)]
    fn block<F: Float, T: Fn(usize) -> F>(
        &self,
        width: usize,
        outputs: &mut [F],
        values: &mut [F],
        target: impl Fn(usize) -> T,
    ) {
        let rows = outputs.chunks_exact_mut(width).zip(values).enumerate();
        for (i, (outputs, value)) in rows {
            *value = self.row(outputs, target(i));
        }
    }

    /// This loss on what goes into an activation of this kind, if that is one formula.
    fn before(&self, _activation: &str) -> Option<Self> {
        None
    }
}

/// A loss whose value is known without its gradient, so that it is a metric too.
pub(crate) trait RowValue: RowLoss {
    /// The loss of a row, as [`RowLoss::row`] has it.
    fn value<F: Float>(&self, outputs: &[F], target: impl Fn(usize) -> F) -> F;
}

impl<F: Float, L: RowLoss> Loss<F> for L {
    fn takes_classes(&self) -> bool {
        L::TAKES_CLASSES
    }

    fn rows(
        &self,
        width: usize,
        outputs: &mut [F],
        targets: Targets<F>,
        factor: Factor<F>,
        values: &mut [F],
    ) {
        match targets {
            Targets::Classes(classes) if L::TAKES_CLASSES => {
                against_classes(self, width, outputs, classes, factor, values);
            }
            // Nobody trains so: one copy of the code will do.
            Targets::Classes(classes) => {
                each_row(self, width, outputs, factor, values, |i| {
                    let class = classes[i] as usize;
                    move |j| if j == class { F::ONE } else { F::ZERO }
                });
            }
            Targets::Values(targets) => {
                against_values(self, width, outputs, targets, factor, values);
            }
        }
    }

    fn before(&self, activation: &dyn Activation<F>) -> Option<Box<dyn Loss<F>>> {
        RowLoss::before(self, activation.kind()).map(|loss| Box::new(loss) as _)
    }
}

kernel! {
    fn against_classes<F: Float, L: RowLoss>(
        loss: &L, width: usize, outputs: &mut [F], classes: &[i64], factor: Factor<'_, F>, values: &mut [F],
    ) {
        let target = |i| {
            let class: usize = classes[i] as usize;
            move |j| if j == class { F::ONE } else { F::ZERO }
        };
        // Loops over two or ten classes, which are most common, are unrolled.
        match width {
            2 => each_row(loss, 2, outputs, factor, values, target),
            10 => each_row(loss, 10, outputs, factor, values, target),
            _ => each_row(loss, width, outputs, factor, values, target),
        }
    }

    fn against_values<F: Float, L: RowLoss>(
        loss: &L, width: usize, outputs: &mut [F], targets: &[F], factor: Factor<'_, F>, values: &mut [F],
    ) {
        each_row(loss, width, outputs, factor, values, |i| {
            let targets = &targets[i * width..(i + 1) * width];
            move |j| targets[j]
        });
    }
}

#[inline(always)]
fn each_row<F: Float, L: RowLoss, T: Fn(usize) -> F>(
    loss: &L,
    width: usize,
    outputs: &mut [F],
    factor: Factor<F>,
    values: &mut [F],
    target: impl Fn(usize) -> T,
) {
    let blocks = outputs
        .chunks_mut(BLOCK * width)
        .zip(values.chunks_mut(BLOCK));
    for (block, (outputs, values)) in blocks.enumerate() {
        let first = block * BLOCK;
        loss.block(width, outputs, values, |i| target(first + i));
        if factor.weights.is_empty() {
            scale(outputs, factor.all);
        } else {
            for (outputs, &weight) in outputs
                .chunks_exact_mut(width)
                .zip(&factor.weights[first..])
            {
                scale(outputs, factor.all * weight);
            }
        }
    }
}

#[inline(always)]
fn scale<F: Float>(gradients: &mut [F], factor: F) {
    for gradient in gradients {
        // A saturated softmax leaves gradients that products would be slow on.
        *gradient = (*gradient * factor).flush();
    }
}

/// The loss that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Box<dyn Loss<F>>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Loss<F>>>;
    /// A row whose settings are read.
    fn read<F: Float, L: RowLoss>(loss: Result<L>) -> Result<Box<dyn Loss<F>>> {
        Ok(Box::new(loss?))
    }
    let registry: [(&str, Make<F>); 18] = [
        ("binary_crossentropy", |s| {
            read(binary_crossentropy::BinaryCrossentropy::new(s))
        }),
        ("binary_focal_crossentropy", |s| {
            read(focal::BinaryFocal::new(s).map(MeanOf))
        }),
        ("categorical_crossentropy", |s| {
            read(CategoricalCrossentropy::dense(s))
        }),
        ("categorical_focal_crossentropy", |s| {
            read(focal::CategoricalFocal::new(s))
        }),
        ("categorical_hinge", |_| {
            Ok(Box::new(similarity::CategoricalHinge))
        }),
        ("cosine_similarity", |_| {
            Ok(Box::new(similarity::CosineSimilarity))
        }),
        ("hinge", |_| Ok(Box::new(MeanOf(Hinge { squared: false })))),
        ("huber", |s| read(pointwise::Huber::new(s).map(MeanOf))),
        ("kl_divergence", |_| Ok(Box::new(similarity::KlDivergence))),
        ("log_cosh", |_| Ok(Box::new(MeanOf(pointwise::LogCosh)))),
        ("mean_absolute_error", |_| {
            Ok(Box::new(mean_absolute_error::MeanAbsoluteError))
        }),
        ("mean_absolute_percentage_error", |_| {
            Ok(Box::new(MeanOf(pointwise::PercentageError)))
        }),
        ("mean_pinball_loss", |s| {
            read(pointwise::Pinball::new(s).map(MeanOf))
        }),
        ("mean_squared_error", |_| {
            Ok(Box::new(mean_squared_error::MeanSquaredError))
        }),
        ("mean_squared_logarithmic_error", |_| {
            Ok(Box::new(MeanOf(pointwise::LogarithmicError)))
        }),
        ("poisson", |_| Ok(Box::new(MeanOf(pointwise::Poisson)))),
        ("sparse_categorical_crossentropy", |s| {
            read(CategoricalCrossentropy::sparse(s))
        }),
        ("squared_hinge", |_| {
            Ok(Box::new(MeanOf(Hinge { squared: true })))
        }),
    ];
    look_up("loss", &settings.kind, &registry)?(settings)
}

/// How far from 0 and 1 a probability is kept before its logarithm is taken (Keras's value).
const EPSILON: f64 = 1e-7;
