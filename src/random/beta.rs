//! The inverse of the beta distribution function, as a table that is made for its parameters.
//!
//! What is tabulated is L = ln(x/(1 − x)), which tells x and 1 − x apart however near to 0 or 1 they are, over
//! t = −ln p, in which a tail of a power of p is a straight line.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, SQRT_2};

use crate::float::{Float, horner};

/// The logits of the lower half of Beta(a, b): polynomials, piece by piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logits {
    /// Where each piece ends, from `FIRST` on.
    ends: Vec<f64>,
    pieces: Vec<[f64; NODES]>,
}

/// Nodes of a piece: a polynomial of one degree less.
const NODES: usize = 16;

/// −ln p of the upper half begins a little below ln 2, and ends beyond every tail that a word has: 65 ln 2.
const FIRST: f64 = 0.99 * LN_2;
const LAST: f64 = 46.0;

/// A piece is halved while its last two coefficients are above this share of the others, and at most so often.
const TOLERANCE: f64 = 2e-14;
const HALVINGS: u32 = 8;

/// cos(πm/32).
const COSINES: [f64; 17] = [
    1.0,
    0.9951847266721968862448,
    0.9807852804032304491262,
    0.9569403357322088649358,
    0.9238795325112867561282,
    0.8819212643483550297128,
    0.8314696123025452370788,
    0.7730104533627369608109,
    FRAC_1_SQRT_2,
    0.6343932841636454982152,
    0.5555702330196022247428,
    0.4713967368259976485564,
    0.3826834323650897717285,
    0.2902846772544623676362,
    0.1950903220161282678483,
    0.0980171403295606019942,
    0.0,
];

fn cosine(m: usize) -> f64 {
    match m % 64 {
        m @ 0..=16 => COSINES[m],
        m @ 17..=32 => -COSINES[32 - m],
        m @ 33..=48 => -COSINES[m - 32],
        m => COSINES[64 - m],
    }
}

impl Logits {
    /// Those of x with P(X < x) = e⁻ᵗ, for X of Beta(a, b).
    pub(super) fn new(a: f64, b: f64) -> Self {
        let below = Below::new(a, b);
        let mut found = Self {
            ends: Vec::new(),
            pieces: Vec::new(),
        };
        // A function that is singular at t = 0, and nowhere to its right.
        let (mut start, mut logit) = (FIRST, below.left_of(FIRST));
        while start < LAST {
            logit = found.add(&below, start, start * SQRT_2, logit, HALVINGS);
            start *= SQRT_2;
        }
        found
    }

    /// Add what lies between `start` and `end`, and return a logit near its end.
    fn add(&mut self, below: &Below, start: f64, end: f64, from: f64, halvings: u32) -> f64 {
        let (middle, half) = (0.5 * (start + end), 0.5 * (end - start));
        let mut values = [0.0; NODES];
        let mut logit = from;
        for (j, value) in values.iter_mut().enumerate() {
            logit = below.solve(middle - half * cosine(2 * j + 1), logit);
            *value = logit;
        }
        let mut piece = [0.0; NODES];
        for (k, coefficient) in piece.iter_mut().enumerate() {
            let mut sum = 0.0;
            for (j, value) in values.iter().enumerate() {
                // The nodes come from the left: the angle is that of the node at their other end.
                sum += value * cosine(k * (2 * (NODES - 1 - j) + 1));
            }
            *coefficient = sum * if k == 0 { 1.0 } else { 2.0 } / NODES as f64;
        }
        let last = piece[NODES - 2].abs() + piece[NODES - 1].abs();
        if last > TOLERANCE * piece[0].abs().at_least(1.0) && halvings > 0 {
            let near = self.add(below, start, middle, from, halvings - 1);
            return self.add(below, middle, end, near, halvings - 1);
        }
        self.ends.push(end);
        self.pieces.push(piece);
        logit
    }

    /// ln(x/(1 − x)) of the x with e⁻ᵗ below it, for t from ln 2 to 65 ln 2.
    pub(super) fn at(&self, t: f64) -> f64 {
        let index = self.ends[..self.ends.len() - 1].partition_point(|&end| end < t);
        let start = if index == 0 {
            FIRST
        } else {
            self.ends[index - 1]
        };
        let end = self.ends[index];
        // C. W. Clenshaw's sum of Chebyshev polynomials (1955).
        let x = ((t - start) - (end - t)) / (end - start);
        let (mut one, mut two) = (0.0, 0.0);
        let piece = &self.pieces[index];
        for &coefficient in piece[1..].iter().rev() {
            (one, two) = ((x + x) * one - two + coefficient, one);
        }
        x * one - two + piece[0]
    }
}

/// The distribution function of the logit of Beta(a, b), as a logarithm.
struct Below {
    a: f64,
    b: f64,
    log_beta: f64,
}

impl Below {
    fn new(a: f64, b: f64) -> Self {
        let log_beta = log_beta(a, b);
        Self { a, b, log_beta }
    }

    /// Where the power of x that the distribution function is below would reach e⁻ᵗ: not right of where that does.
    fn left_of(&self, t: f64) -> f64 {
        (Float::ln(self.a) + self.log_beta - t) / self.a
    }

    /// The logit with e⁻ᵗ below it. The logarithm of the distribution function is concave, so Newton's steps come from
    /// the left from the second on, whatever they begin with.
    fn solve(&self, t: f64, from: f64) -> f64 {
        let mut logit = from;
        for _ in 0..100 {
            let (log, slope) = self.log_and_slope(logit);
            let rest = log + t;
            logit -= rest / slope;
            // The next rest would be about the square of this one.
            if rest.abs() < 1e-8 {
                break;
            }
        }
        logit
    }

    /// ln P(logit of X < logit), and its derivative.
    fn log_and_slope(&self, logit: f64) -> (f64, f64) {
        let (a, b) = (self.a, self.b);
        let (x, rest) = (logit.sigmoid(), (-logit).sigmoid());
        let log = -a * (-logit).softplus() - b * logit.softplus() - self.log_beta;
        if x > FAR && x > (a + 1.0) / (a + b + 2.0) {
            let front = Float::exp(log);
            // Of very little above nothing is lost; and it is not all.
            let below = (1.0 - front * fraction(b, a, rest) / b).at_least(1e-300);
            return (Float::ln(below), front / below);
        }
        let fraction = fraction(a, b, x);
        (log + Float::ln(fraction / a), a / fraction)
    }
}

/// From here on the fraction for the other side is the shorter one, if its own convergence says nothing else.
const FAR: f64 = 0.98;

/// The continued fraction of a·B(a, b)·I(x; a, b)/(xᵃ(1 − x)ᵇ), by W. J. Lentz's method as I. J. Thompson and
/// A. R. Barnett modified it (1986).
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |y: f64| if y.abs() < TINY { TINY } else { y };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..20_000 {
        let m = f64::from(m);
        let twice = m + m;
        let even = m * (b - m) * x / ((a + twice - 1.0) * (a + twice));
        let odd = -(a + m) * (a + b + m) * x / ((a + twice) * (a + twice + 1.0));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        value *= d * c;
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let factor = d * c;
        value *= factor;
        if (factor - 1.0).abs() < 3e-16 {
            break;
        }
    }
    value
}

/// ln B(a, b). Stirling's series for each gamma function, so far up that it is exact to the last places; of the two
/// that are near to each other their difference.
pub(super) fn log_beta(a: f64, b: f64) -> f64 {
    const UP: u32 = 16;
    let (a, b) = if a < b { (b, a) } else { (a, b) };
    let mut product = 1.0;
    for k in 0..UP {
        let k = f64::from(k);
        product *= (a + b + k) / ((a + k) * (b + k));
    }
    let (large, small) = (a + f64::from(UP), b + f64::from(UP));
    let sum = large + b;
    let difference = b - b * Float::ln(large) - (sum - 0.5) * Float::ln_1p(b / large)
        + (stirling(large) - stirling(sum));
    let half_log_of_two_pi = 0.9189385332046727417803;
    let other = (small - 0.5) * Float::ln(small) - small + half_log_of_two_pi + stirling(small);
    Float::ln(product) + (difference + other)
}

/// What Stirling's formula for ln Γ(z) lacks, for z ≥ 16.
fn stirling(z: f64) -> f64 {
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360360.0,
    ];
    horner(1.0 / (z * z), series) / z
}
