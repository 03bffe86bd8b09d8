//! Student's t, Cauchy's, Laplace's, the logistic and the beta distribution: against what they name, and against an
//! independent implementation. Bounds are at a probability of about 1e-5, as in `distributions.rs`.

use fanin::parallel::Threads;
use fanin::random::{Distribution, Inverse, Sample, Stream};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::distributions::{critical, distance_between, distance_to};

const N: usize = 1 << 18;

fn draw<F: Sample>(what: &Inverse, path: &str) -> Vec<f64> {
    let mut out = vec![F::ZERO; N];
    what.draw(&mut out, &Stream::new("20", path), Threads::ONE)
        .unwrap();
    out.into_iter().map(F::wide).collect()
}

fn theirs(what: impl rand_distr::Distribution<f64>) -> Vec<f64> {
    let numbers = what.sample_iter(StdRng::seed_from_u64(4));
    numbers.take(N).collect()
}

fn lower(numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().filter(|x| *x < 0.5).collect()
}

fn check<F: Sample>() {
    let (one, two) = (critical(N as f64), critical(N as f64 / 2.0));
    let cauchy = draw::<F>(&Inverse::cauchy(0.5, 2.0).unwrap(), "cauchy");
    let oracle = theirs(rand_distr::Cauchy::new(0.5, 2.0).unwrap());
    assert!(distance_between(cauchy.clone(), oracle) < two);
    let cdf = |x: f64| 0.5 + ((x - 0.5) / 2.0).atan() / std::f64::consts::PI;
    assert!(distance_to(cauchy, cdf) < one);

    let laplace = draw::<F>(&Inverse::laplace(0.5, 2.0).unwrap(), "laplace");
    let cdf = |x: f64| {
        let tail = 0.5 * (-((x - 0.5) / 2.0).abs()).exp();
        if x < 0.5 { tail } else { 1.0 - tail }
    };
    assert!(distance_to(laplace, cdf) < one);

    let logistic = draw::<F>(&Inverse::logistic(0.5, 2.0).unwrap(), "logistic");
    assert!(distance_to(logistic, |x| 1.0 / (1.0 + (-(x - 0.5) / 2.0).exp())) < one);

    for df in [0.5, 1.0, 2.5, 30.0, 1000.0] {
        let ours = draw::<F>(&Inverse::student_t(df, 0.0, 1.0).unwrap(), "t");
        let oracle = theirs(rand_distr::StudentT::new(df).unwrap());
        assert!(distance_between(ours, oracle) < two, "{df}");
    }
    for (a, b) in [(0.1, 0.1), (0.5, 3.0), (1.0, 1.0), (5.0, 2.0), (900.0, 0.3)] {
        let ours = draw::<F>(&Inverse::beta(a, b, 0.0, 1.0).unwrap(), "beta");
        assert!(ours.iter().all(|x| (0.0..=1.0).contains(x)));
        let oracle = theirs(rand_distr::Beta::new(a, b).unwrap());
        // Near 1 numbers have steps, and half of what is heaped there lies on one of them.
        if a < 1.0 && b < 1.0 {
            let four = critical(N as f64 / 4.0);
            assert!(
                distance_between(lower(ours), lower(oracle)) < four,
                "{a} {b}"
            );
        } else if F::NAME == "float64" || b >= 1.0 {
            assert!(distance_between(ours, oracle) < two, "{a} {b}");
        }
    }
}

#[test]
fn single_precision_follows_the_distributions() {
    check::<f32>();
}

#[test]
fn double_precision_follows_the_distributions() {
    check::<f64>();
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    assert!(Inverse::student_t(0.09, 0.0, 1.0).is_err());
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0, 0.04, 1001.0] {
        assert!(Inverse::student_t(bad, 0.0, 1.0).is_err(), "{bad}");
        assert!(Inverse::beta(bad, 1.0, 0.0, 1.0).is_err(), "{bad}");
        assert!(Inverse::beta(1.0, bad, 0.0, 1.0).is_err(), "{bad}");
    }
    assert!(Inverse::laplace(f64::NAN, 1.0).is_err() && Inverse::cauchy(0.0, -1.0).is_err());
    assert!(Inverse::beta(1.0, 1.0, 1.0, 0.0).is_err());
    let heavy = Inverse::student_t(0.1, 0.0, 1.0).unwrap();
    let (stream, mut out) = (Stream::new("0", ""), [0f32; 4]);
    assert!(heavy.draw(&mut out, &stream, Threads::ONE).is_err());
    let mut out = [0f64; 4];
    assert!(heavy.draw(&mut out, &stream, Threads::ONE).is_ok());
}
