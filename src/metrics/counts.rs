//! Metrics that count: how many outputs are above thresholds, or right, and how far targets spread.

use super::Metric;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::losses::Targets;
use crate::settings::Settings;

/// What each row weighs.
fn weight<F: Float>(weights: &[F], row: usize) -> f64 {
    weights.get(row).map_or(1.0, |weight| weight.wide())
}

/// Outputs counted by how many thresholds they are above, those of the answer yes and of no apart: all confusion matrices
/// at once, since what is above a threshold is the sum of the buckets from there on.
///
/// The sums are, for each label where these are apart, the buckets of yes and then those of no.
#[derive(Debug)]
pub(super) struct Buckets<F> {
    /// From the lowest to the highest.
    thresholds: Vec<F>,
    /// Whether a target between 0 and 1 is partly yes and partly no; else it is yes unless it is 0.
    soft: bool,
    /// How many of the largest outputs of a row can be above a threshold; 0 for all.
    top_k: usize,
    /// The only output that counts.
    class: Option<usize>,
    by_label: bool,
    /// What each output weighs; empty where all weigh 1.
    label_weights: Vec<f64>,
    from_logits: bool,
}

impl<F: Float> Buckets<F> {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let thresholds = settings.numbers("thresholds")?;
        // Not `>`: NaN has no place.
        if !thresholds.is_sorted() || thresholds.iter().any(|threshold| threshold.is_nan()) {
            let expected = "numbers from the lowest to the highest";
            return Err(Error::value("thresholds", expected, "others"));
        }
        let whole = |name, least: i64, expected| match settings.integer(name)? {
            number if number >= least => Ok(number),
            number => Err(Error::value(name, expected, number)),
        };
        let class = whole("class_id", -1, "a class, or -1 for all")?;
        Ok(Self {
            thresholds: thresholds.iter().map(|&t| F::of(t)).collect(),
            soft: settings.flag("soft")?,
            top_k: whole("top_k", 0, "a count, or 0 for all")? as usize,
            class: usize::try_from(class).ok(),
            by_label: settings.flag("by_label")?,
            label_weights: if settings.flag("weighs_labels")? {
                settings.numbers("label_weights")?.to_vec()
            } else {
                Vec::new()
            },
            from_logits: settings.flag("from_logits")?,
        })
    }

    /// In which bucket an output of a row is.
    fn bucket(&self, outputs: &[F], at: usize) -> usize {
        let y = outputs[at];
        if self.top_k > 0 {
            // Of equal ones the first come first.
            let before = |(j, other): (usize, &F)| *other > y || (*other == y && j < at);
            let others = outputs.iter().enumerate();
            if y.is_nan()
                || others
                    .filter(|&other| before(other))
                    .nth(self.top_k - 1)
                    .is_some()
            {
                return 0;
            }
        }
        let y = if self.from_logits { y.sigmoid() } else { y };
        self.thresholds.partition_point(|&threshold| y > threshold)
    }
}

impl<F: Float> Metric<F> for Buckets<F> {
    fn takes_classes(&self) -> bool {
        false
    }

    fn check(&self, width: usize) -> Result<()> {
        if let Some(class) = self.class.filter(|&class| class >= width) {
            return Err(Error::value(
                "class_id",
                format!("a class below {width}"),
                class,
            ));
        }
        if self.top_k > width {
            let expected = format!("at most {width}, the number of outputs");
            return Err(Error::value("top_k", expected, self.top_k));
        }
        let found = self.label_weights.len();
        if found > 0 && found != width {
            let expected = format!("{width}, one an output");
            return Err(Error::value("label_weights", expected, found));
        }
        Ok(())
    }

    fn sums(&self, width: usize) -> usize {
        let labels = if self.by_label { width } else { 1 };
        // Settings may ask for more than fits; nobody can then give an array of so many sums.
        labels.saturating_mul(2 * (self.thresholds.len() + 1))
    }

    fn add(
        &self,
        width: usize,
        outputs: &[F],
        targets: Targets<F>,
        weights: &[F],
        _share: f64,
        sums: &mut [f64],
    ) {
        let buckets = self.thresholds.len() + 1;
        let columns = self.class.map_or(0..width, |class| class..class + 1);
        for (row, outputs) in outputs.chunks_exact(width).enumerate() {
            let (target, weight) = (targets.row(row, width), weight(weights, row));
            for j in columns.clone() {
                let bucket = self.bucket(outputs, j);
                let label = if self.by_label { j } else { 0 };
                let sums = &mut sums[2 * buckets * label..][..2 * buckets];
                let t = target.at(j);
                let yes = if self.soft {
                    t.wide()
                } else {
                    f64::from(u8::from(t != F::ZERO))
                };
                let weight = weight * self.label_weights.get(j).copied().unwrap_or(1.0);
                sums[bucket] += weight * yes;
                sums[buckets + bucket] += weight * (1.0 - yes);
            }
        }
    }
}

/// Of each output, how often it was chosen and right, chosen and wrong, and not chosen and wrong: all of the first, then all
/// of the second, then the third.
#[derive(Debug)]
pub(super) struct Decisions {
    /// What chosen outputs are above; without one, the largest of a row is chosen.
    threshold: Option<f64>,
}

impl Decisions {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let threshold = settings.float("threshold")?;
        Ok(Self {
            threshold: (!threshold.is_nan()).then_some(threshold),
        })
    }
}

impl<F: Float> Metric<F> for Decisions {
    fn takes_classes(&self) -> bool {
        false
    }

    fn sums(&self, width: usize) -> usize {
        3 * width
    }

    fn add(
        &self,
        width: usize,
        outputs: &[F],
        targets: Targets<F>,
        weights: &[F],
        _share: f64,
        sums: &mut [f64],
    ) {
        let (right, rest) = sums.split_at_mut(width);
        let (wrong, missed) = rest.split_at_mut(width);
        for (row, outputs) in outputs.chunks_exact(width).enumerate() {
            let (target, weight) = (targets.row(row, width), weight(weights, row));
            let largest =
                outputs.iter().fold(
                    F::of(f64::NEG_INFINITY),
                    |max, &y| {
                        if y > max { y } else { max }
                    },
                );
            for (j, &y) in outputs.iter().enumerate() {
                let chosen = match self.threshold {
                    Some(threshold) => y > F::of(threshold),
                    // As Keras: of a row of zeros none.
                    None => y >= largest && y.abs() > F::of(1e-9),
                };
                let t = target.at(j).wide();
                if chosen {
                    right[j] += weight * t;
                    wrong[j] += weight * (1.0 - t);
                } else {
                    missed[j] += weight * t;
                }
            }
        }
    }
}

/// Of each output the sums of weights, of targets, of their squares and of squared errors, one after the other; and the
/// number of targets, whatever they weigh.
#[derive(Debug)]
pub(super) struct Spread;

impl<F: Float> Metric<F> for Spread {
    fn takes_classes(&self) -> bool {
        false
    }

    fn sums(&self, width: usize) -> usize {
        4 * width + 1
    }

    fn add(
        &self,
        width: usize,
        outputs: &[F],
        targets: Targets<F>,
        weights: &[F],
        _share: f64,
        sums: &mut [f64],
    ) {
        let (of_each, number) = sums.split_at_mut(4 * width);
        for (row, outputs) in outputs.chunks_exact(width).enumerate() {
            let (target, weight) = (targets.row(row, width), weight(weights, row));
            for (j, y) in outputs.iter().enumerate() {
                let t = target.at(j).wide();
                let e = t - y.wide();
                of_each[j] += weight;
                of_each[width + j] += weight * t;
                of_each[2 * width + j] += weight * t * t;
                of_each[3 * width + j] += weight * e * e;
            }
        }
        number[0] += outputs.len() as f64;
    }
}
