//! The samplers against the distributions they name, and against an independent implementation.
//!
//! Seeds are fixed, so a test that passes once passes always. Bounds are at a probability of about
//! 1e-5 for a right sampler: a failure after a change means that the change is wrong.

use fanin::parallel::Threads;
use fanin::random::{Distribution, Normal, Sample, Stream, TruncatedNormal, Uniform};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::Distribution as _;

const N: usize = 1 << 19;

fn draw<F: Sample>(what: &impl Distribution, length: usize, path: &str) -> Vec<f64> {
    let mut out = vec![F::ZERO; length];
    what.draw(&mut out, &Stream::new("20", path), Threads::ONE)
        .unwrap();
    out.into_iter().map(F::wide).collect()
}

/// Kolmogorov's bound on the distance of two distribution functions, at a probability of 1e-5.
pub(crate) fn critical(effective: f64) -> f64 {
    (-(0.5e-5f64).ln() / 2.0 / effective).sqrt()
}

/// F. J. Massey, "The Kolmogorov-Smirnov test for goodness of fit", JASA 46 (1951).
pub(crate) fn distance_to(mut x: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    x.iter()
        .enumerate()
        .map(|(i, &x)| {
            let p = cdf(x);
            (p - i as f64 / n).max((i + 1) as f64 / n - p)
        })
        .fold(0.0, f64::max)
}

pub(crate) fn distance_between(mut x: Vec<f64>, mut y: Vec<f64>) -> f64 {
    x.sort_by(f64::total_cmp);
    y.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let mut j = 0;
    let mut worst = 0f64;
    for (i, &x) in x.iter().enumerate() {
        while j < y.len() && y[j] < x {
            j += 1;
        }
        worst = worst.max((i as f64 / n - j as f64 / y.len() as f64).abs());
    }
    worst
}

fn phi(z: f64) -> f64 {
    0.5 * libm::erfc(-z / 2f64.sqrt())
}

fn check<F: Sample>() {
    let one = critical(N as f64);
    let two = critical(N as f64 / 2.0);

    let uniform = draw::<F>(&Uniform::new(-2.0, 3.0).unwrap(), N, "uniform");
    assert!(distance_to(uniform.clone(), |x| (x + 2.0) / 5.0) < one);
    let oracle = rand_distr::Uniform::new(-2.0, 3.0).unwrap();
    let theirs = oracle
        .sample_iter(StdRng::seed_from_u64(1))
        .take(N)
        .collect();
    assert!(distance_between(uniform, theirs) < two);

    let normal = draw::<F>(&Normal::new(0.5, 2.0).unwrap(), N, "normal");
    assert!(distance_to(normal.clone(), |x| phi((x - 0.5) / 2.0)) < one);
    let oracle = rand_distr::Normal::new(0.5, 2.0).unwrap();
    let theirs = oracle
        .sample_iter(StdRng::seed_from_u64(2))
        .take(N)
        .collect();
    assert!(distance_between(normal, theirs) < two);

    let infinity = f64::INFINITY;
    for (low, high) in [
        (-2.0, 2.0),
        (-2.5, 0.5),
        (-4.0, 4.0),
        (0.0, 1e-3),
        (1.0, infinity),
        (-infinity, -6.0),
        (-0.1, infinity),
        (-infinity, infinity),
    ] {
        let truncated = TruncatedNormal::new(0.0, 1.0, low, high).unwrap();
        let x = draw::<F>(&truncated, N, "truncated");
        // Of two equal differences the one in the lower tail, where doubles are dense.
        let (mirror, low, high) = if low > 0.0 {
            (-1.0, -high, -low)
        } else {
            (1.0, low, high)
        };
        let cdf = |x: f64| (phi(x) - phi(low)) / (phi(high) - phi(low));
        let distance = distance_to(x.into_iter().map(|x| mirror * x).collect(), cdf);
        // In [0, 1e-3] single precision itself has steps; those are allowed on top.
        assert!(distance < one + 1e-4, "[{low}, {high}] {distance}");
    }
    let x = draw::<F>(&TruncatedNormal::within_two(0.0, 1.0).unwrap(), N, "two");
    let theirs = rand_distr::StandardNormal
        .sample_iter(StdRng::seed_from_u64(3))
        .filter(|z: &f64| z.abs() < 2.0)
        .take(N)
        .collect();
    assert!(distance_between(x, theirs) < two);
}

#[test]
fn single_precision_follows_the_distributions() {
    check::<f32>();
}

#[test]
fn double_precision_follows_the_distributions() {
    check::<f64>();
}

/// The first four moments of a standard normal: 0, 1, 0, 3, each within 5 standard errors.
#[test]
fn moments_are_right() {
    for x in [
        draw::<f32>(&Normal::new(0.0, 1.0).unwrap(), 1 << 22, "moments"),
        draw::<f64>(&Normal::new(0.0, 1.0).unwrap(), 1 << 22, "moments"),
    ] {
        let n = x.len() as f64;
        let moment = |k| x.iter().map(|x: &f64| x.powi(k)).sum::<f64>() / n;
        // Var(zᵏ) = E z²ᵏ − (E zᵏ)²: 1, 2, 15, 96.
        for (k, expected, variance) in [
            (1, 0.0, 1.0),
            (2, 1.0, 2.0),
            (3, 0.0, 15.0),
            (4, 3.0, 96f64),
        ] {
            assert!(
                (moment(k) - expected).abs() < 5.0 * (variance / n).sqrt(),
                "{k}"
            );
        }
    }
}

/// Both tails hold as many numbers as they should, as far out as 16 million numbers reach.
#[test]
fn tails_are_neither_thin_nor_thick() {
    let n = 1 << 24;
    let x = draw::<f32>(&Normal::new(0.0, 1.0).unwrap(), n, "tails");
    for z in [2.0, 3.0, 4.0, 4.5, 5.0] {
        let expected = n as f64 * phi(-z);
        for count in [
            x.iter().filter(|&&x| x > z).count(),
            x.iter().filter(|&&x| x < -z).count(),
        ] {
            let error = (count as f64 - expected).abs();
            assert!(error < 4.5 * expected.sqrt(), "{z} {count} {expected}");
        }
    }
    assert!(x.iter().all(|x| x.abs() < 6.8) && x.iter().any(|x| x.abs() > 5.0));
}

/// Neighbours, the two of a Box-Muller pair, lanes, tiles and chunks know nothing of each other.
#[test]
fn elements_are_independent_at_every_distance_of_the_layout() {
    let x = draw::<f32>(&Normal::new(0.0, 1.0).unwrap(), N, "lanes");
    for distance in [1, 2, 15, 16, 17, 32, 48, 64, 128, 1 << 14] {
        let pairs = (N - distance) as f64;
        let plain: f64 = (distance..N).map(|i| x[i] * x[i - distance]).sum();
        assert!((plain / pairs.sqrt()).abs() < 4.5, "{distance}");
        let square = |i: usize| (x[i] * x[i] - 1.0) / 2f64.sqrt();
        let squares: f64 = (distance..N)
            .map(|i| square(i) * square(i - distance))
            .sum();
        assert!((squares / pairs.sqrt()).abs() < 4.5, "{distance}");
    }
}

/// Streams that differ only in the path, or only in the seed, know nothing of each other.
#[test]
fn streams_are_independent() {
    let normal = Normal::new(0.0, 1.0).unwrap();
    let streams: Vec<_> = (0..8)
        .map(|i| draw::<f32>(&normal, 1 << 16, &i.to_string()))
        .collect();
    for (i, x) in streams.iter().enumerate() {
        for y in &streams[i + 1..] {
            let sum: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            assert!((sum / 256.0).abs() < 4.5);
        }
    }
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    assert!(Uniform::new(1.0, 0.0).is_err() && Uniform::new(nan, 1.0).is_err());
    assert!(Normal::new(0.0, -1.0).is_err() && Normal::new(infinity, 1.0).is_err());
    assert!(Normal::new(0.0, nan).is_err() && Normal::new(0.0, infinity).is_err());
    for (low, high) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (nan, 1.0),
        (0.0, nan),
        (40.0, 41.0),
        (-50.0, -40.0),
    ] {
        assert!(
            TruncatedNormal::new(0.0, 1.0, low, high).is_err(),
            "{low} {high}"
        );
    }
    let stream = Stream::new("0", "");
    let mut out = [0f32; 4];
    assert!(
        Normal::new(0.0, 1e38)
            .unwrap()
            .draw(&mut out, &stream, Threads::ONE)
            .is_err()
    );
    assert!(
        Uniform::new(-3e38, 3e38)
            .unwrap()
            .draw(&mut out, &stream, Threads::ONE)
            .is_err()
    );
    assert!(
        Normal::new(0.0, 1e37)
            .unwrap()
            .draw(&mut out, &stream, Threads::ONE)
            .is_ok()
    );
}

proptest! {
    #[test]
    fn uniform_stays_in_its_interval(low in -1e6f64..1e6, range in 0f64..1e6, length in 0usize..200) {
        let uniform = Uniform::new(low, low + range).unwrap();
        let (single_low, single_high) = (low as f32 as f64, (low + range) as f32 as f64);
        for x in draw::<f32>(&uniform, length, "p") {
            prop_assert!(single_low <= x && (x < single_high || single_low == single_high));
        }
        for x in draw::<f64>(&uniform, length, "p") {
            prop_assert!(low <= x && (x < low + range || range == 0.0 || low + range == low));
        }
    }

    #[test]
    fn truncated_normal_stays_in_its_interval(
        mean in -10f64..10.0, std in 0f64..10.0, low in -30f64..29.0, width in 1e-3f64..60.0,
    ) {
        let truncated = TruncatedNormal::new(mean, std, low, low + width).unwrap();
        let bounds = (mean + std * low, mean + std * (low + width));
        for x in draw::<f32>(&truncated, 130, "p") {
            prop_assert!(bounds.0 as f32 as f64 <= x && x <= bounds.1 as f32 as f64);
        }
        for x in draw::<f64>(&truncated, 130, "p") {
            prop_assert!(bounds.0 <= x && x <= bounds.1);
        }
    }

    #[test]
    fn a_longer_array_begins_like_a_shorter_one(length in 0usize..2000, more in 0usize..2000) {
        let normal = Normal::new(0.0, 1.0).unwrap();
        let long = draw::<f32>(&normal, length + more, "p");
        prop_assert_eq!(&long[..length], &draw::<f32>(&normal, length, "p")[..]);
    }
}
