//! The inverse of the normal distribution function.

use crate::float::{Float, horner};

/// The inverse in the middle of the distribution, in the precision of the type.
pub trait Quantile: Float {
    /// The z with Φ(z) = ½ + q, for |z| up to 2.5; exactly odd.
    #[doc(hidden)]
    fn near(q: Self) -> Self;
}

impl Quantile for f32 {
    /// z/q as a rational function of p(1 − p): a fit by iteratively reweighted least squares (Lawson's
    /// algorithm) to the exact values, with a relative error of 1e-7 over the range. It needs one
    /// division; AS 241 needs two, a logarithm and a root, which would take most of the time.
    #[inline(always)]
    fn near(q: f32) -> f32 {
        let x = (0.5 - q) * (0.5 + q);
        let numerator = horner(
            x,
            [
                6.909255260960339,
                4339.465247700828,
                394264.15298723883,
                7477010.536765928,
                27843098.674548913,
                10224542.967515025,
            ],
        );
        let denominator = horner(
            x,
            [
                1.0,
                800.0461318610849,
                91355.32127344323,
                2295695.262238458,
                13024266.480517212,
                11868194.544791844,
            ],
        );
        q * numerator / denominator
    }
}

impl Quantile for f64 {
    #[inline(always)]
    fn near(q: f64) -> f64 {
        let (n, d) = central(q);
        let (outer_n, outer_d) = outer((-Float::ln(0.5 - q.abs())).sqrt());
        let outer_n = if q < 0.0 { -outer_n } else { outer_n };
        let is_central = q.abs() <= CENTRAL;
        let n = if is_central { n } else { outer_n };
        let d = if is_central { d } else { outer_d };
        n / d
    }
}

/// The z ≥ 0 with 1 − Φ(z) = `tail`, for `tail` from 1e-300 to ½.
#[inline(always)]
pub(super) fn far(tail: f64) -> f64 {
    // The crate's logarithm, spelled so that it is not taken for that of the standard library.
    let r = (-Float::ln(tail)).sqrt();
    let q = 0.5 - tail;
    let (n, d) = central(q);
    let (outer_n, outer_d) = outer(r);
    let (far_n, far_d) = farthest(r);
    let (is_central, is_outer) = (q <= CENTRAL, r <= OUTER);
    let n = if is_central {
        n
    } else if is_outer {
        outer_n
    } else {
        far_n
    };
    let d = if is_central {
        d
    } else if is_outer {
        outer_d
    } else {
        far_d
    };
    n / d
}

// M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied
// Statistics 37 (1988), PPND16. Each approximation is given as numerator and denominator, so that
// whoever picks one of them divides once.

/// [`central`] is for |q| = |p − ½| up to here.
const CENTRAL: f64 = 0.425;

/// [`outer`] is for r = √(−ln p) up to here.
const OUTER: f64 = 5.0;

#[inline(always)]
fn central(q: f64) -> (f64, f64) {
    let x = CENTRAL * CENTRAL - q * q;
    (
        q * horner(
            x,
            [
                3.3871328727963666080,
                133.14166789178437745,
                1971.5909503065514427,
                13731.693765509461125,
                45921.953931549871457,
                67265.770927008700853,
                33430.575583588128105,
                2509.0809287301226727,
            ],
        ),
        horner(
            x,
            [
                1.0,
                42.313330701600911252,
                687.18700749205790830,
                5394.1960214247511077,
                21213.794301586595867,
                39307.895800092710610,
                28729.085735721942674,
                5226.4952788528545610,
            ],
        ),
    )
}

#[inline(always)]
fn outer(r: f64) -> (f64, f64) {
    let x = r - 1.6;
    (
        horner(
            x,
            [
                1.42343711074968357734,
                4.63033784615654529590,
                5.76949722146069140550,
                3.64784832476320460504,
                1.27045825245236838258,
                0.241780725177450611770,
                0.0227238449892691845833,
                7.74545014278341407640e-4,
            ],
        ),
        horner(
            x,
            [
                1.0,
                2.05319162663775882187,
                1.67638483018380384940,
                0.689767334985100004550,
                0.148103976427480074590,
                0.0151986665636164571966,
                5.47593808499534494600e-4,
                1.05075007164441684324e-9,
            ],
        ),
    )
}

#[inline(always)]
fn farthest(r: f64) -> (f64, f64) {
    let x = r - OUTER;
    (
        horner(
            x,
            [
                6.65790464350110377720,
                5.46378491116411436990,
                1.78482653991729133580,
                0.296560571828504891230,
                0.0265321895265761230930,
                0.00124266094738807843860,
                2.71155556874348757815e-5,
                2.01033439929228813265e-7,
            ],
        ),
        horner(
            x,
            [
                1.0,
                0.599832206555887937690,
                0.136929880922735805310,
                0.0148753612908506148525,
                7.86869131145613259100e-4,
                1.84631831751005468180e-5,
                1.42151175831644588870e-7,
                2.04426310338993978564e-15,
            ],
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::SQRT_2;

    fn upper_tail(z: f64) -> f64 {
        0.5 * libm::erfc(z / SQRT_2)
    }

    #[test]
    fn far_inverts_the_tail() {
        for i in 0..=3_700 {
            let z = f64::from(i) / 100.0;
            let found = far(upper_tail(z));
            assert!(
                (found - z).abs() < 2e-15 * z.max(1.0) + 1e-15,
                "{z} {found}"
            );
        }
    }

    #[test]
    fn near_inverts_the_distribution() {
        for i in -250..=250 {
            let z = f64::from(i) / 100.0;
            let q = if z < 0.0 {
                upper_tail(-z) - 0.5
            } else {
                0.5 - upper_tail(z)
            };
            assert!((f64::near(q) - z).abs() < 1e-13);
            // The rounding of q itself moves z by as much as q's spacing over the density.
            let spacing = 3e-8 / (-0.5 * z * z).exp() * 2.6;
            assert!((f32::near(q as f32) as f64 - z).abs() < 1e-6 + spacing);
            assert!(f64::near(-q) == -f64::near(q) && f32::near(-q as f32) == -f32::near(q as f32));
        }
    }
}
