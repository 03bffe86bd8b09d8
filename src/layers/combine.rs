//! Functions of two or three numbers each, some of which may be constants: what arithmetic and comparisons of values are
//! made of.

use std::array;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use super::maps::{flag, on_rows};
use super::shapes::Shaped;
use super::{Function, Gradients, Inputs, Needs, Pass, State, broadcast};
use crate::activations;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::settings::{Settings, look_up};
use crate::simd::kernel;

/// A function of N numbers.
trait Combination<const N: usize>: Copy + Debug + Send + Sync + 'static {
    /// Its name.
    const KIND: &'static str;

    fn value<F: Float>(self, x: [F; N]) -> F;

    /// The gradient with respect to number `i`, from that with respect to the value.
    fn gradient<F: Float>(self, i: usize, x: [F; N], dy: F) -> F;
}

/// A table of functions: the value, and the gradient with respect to each number.
macro_rules! combinations {
    ($(
        $(#[$meta:meta])*
        $name:ident = $kind:literal: |[$($x:ident),+]| $value:expr, |$dy:ident| [$($gradient:expr),+];
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        struct $name;

        impl Combination<{ [$(stringify!($x)),+].len() }> for $name {
            const KIND: &'static str = $kind;

            #[inline(always)]
            fn value<F: Float>(self, [$($x),+]: [F; [$(stringify!($x)),+].len()]) -> F {
                $value
            }

            #[inline(always)]
            fn gradient<F: Float>(
                self,
                i: usize,
                [$($x),+]: [F; [$(stringify!($x)),+].len()],
                $dy: F,
            ) -> F {
                let _ = ($($x),+, $dy);
                [$($gradient),+][i]
            }
        }
    )+};
}

combinations! {
    /// a + b.
    Sum = "add": |[a, b]| a + b, |dy| [dy, dy];
    /// a − b.
    Difference = "subtract": |[a, b]| a - b, |dy| [dy, -dy];
    /// a b.
    Product = "multiply": |[a, b]| a * b, |dy| [dy * b, dy * a];
    /// a / b.
    Quotient = "divide": |[a, b]| a / b, |dy| [dy / b, -(dy * (a / b)) / b];
    /// The larger one; NaN if one is.
    Larger = "maximum": |[a, b]| if a > b || a.is_nan() { a } else { b },
        |dy| [share(a > b, a == b, dy), share(b > a, a == b, dy)];
    /// The smaller one; NaN if one is.
    Smaller = "minimum": |[a, b]| if a < b || a.is_nan() { a } else { b },
        |dy| [share(a < b, a == b, dy), share(b < a, a == b, dy)];
    /// 1 where the two are equal, else 0; as the next five.
    Equal = "equal": |[a, b]| flag(a == b), |dy| [F::ZERO, F::ZERO];
    NotEqual = "not_equal": |[a, b]| flag(a != b), |dy| [F::ZERO, F::ZERO];
    Greater = "greater": |[a, b]| flag(a > b), |dy| [F::ZERO, F::ZERO];
    GreaterEqual = "greater_equal": |[a, b]| flag(a >= b), |dy| [F::ZERO, F::ZERO];
    Less = "less": |[a, b]| flag(a < b), |dy| [F::ZERO, F::ZERO];
    LessEqual = "less_equal": |[a, b]| flag(a <= b), |dy| [F::ZERO, F::ZERO];
    /// 1 where neither is 0.
    And = "logical_and": |[a, b]| flag(a != F::ZERO && b != F::ZERO), |dy| [F::ZERO, F::ZERO];
    /// 1 where one is not 0.
    Or = "logical_or": |[a, b]| flag(a != F::ZERO || b != F::ZERO), |dy| [F::ZERO, F::ZERO];
    /// What is left of a divided by b, of the sign of b.
    Remainder = "mod": |[a, b]| double(remainder, a, b),
        |dy| [dy, -(dy * double(floor_divide, a, b))];
    /// The whole number below a / b.
    FloorQuotient = "floor_divide": |[a, b]| double(floor_divide, a, b), |dy| [F::ZERO, F::ZERO];
    /// a to the power of b: NaN where a is below 0 and b not whole.
    Power = "power": |[a, b]| double(libm::pow, a, b),
        |dy| [dy * double(power_by_base, a, b), dy * double(power_by_exponent, a, b)];
    /// The angle of the point (b, a).
    Arctan2 = "arctan2": |[a, b]| double(libm::atan2, a, b),
        |dy| [dy * double(arctan2_by_first, a, b), -(dy * double(arctan2_by_first, b, a))];
    /// a where the condition is not 0, else b.
    Where = "where": |[condition, a, b]| if condition == F::ZERO { b } else { a },
        |dy| [
            F::ZERO,
            if condition == F::ZERO { F::ZERO } else { dy },
            if condition == F::ZERO { dy } else { F::ZERO }
        ];
}

/// A function of double precision, rounded to the element type.
#[inline(always)]
fn double<F: Float>(function: fn(f64, f64) -> f64, a: F, b: F) -> F {
    F::of(function(a.wide(), b.wide()))
}

/// The remainder of the sign of b, which is exact up to a sum; NaN of 0.
fn remainder(a: f64, b: f64) -> f64 {
    let rest = libm::fmod(a, b);
    if rest == 0.0 {
        return 0f64.copysign(b);
    }
    if (rest < 0.0) == (b < 0.0) {
        rest
    } else {
        rest + b
    }
}

/// ⌊a / b⌋, of a quotient without the remainder, so that it is whole but for rounding; of 0 the quotient.
fn floor_divide(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        return a / b;
    }
    let rest = libm::fmod(a, b);
    let below = if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        1.0
    } else {
        0.0
    };
    let whole = libm::rint((a - rest) / b) - below;
    if whole == 0.0 {
        0f64.copysign(a / b)
    } else {
        whole
    }
}

/// d aᵇ / da.
fn power_by_base(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        0.0
    } else {
        b * libm::pow(a, b - 1.0)
    }
}

/// d aᵇ / db: 0 at a = 0, where the power is 0 on both sides of b.
fn power_by_exponent(a: f64, b: f64) -> f64 {
    if a == 0.0 && b >= 0.0 {
        0.0
    } else {
        libm::pow(a, b) * libm::log(a)
    }
}

fn arctan2_by_first(a: f64, b: f64) -> f64 {
    b / (a * a + b * b)
}

/// The gradient of one that is chosen, or one of two that are equal.
#[inline(always)]
fn share<F: Float>(chosen: bool, equal: bool, dy: F) -> F {
    let half = if equal { F::of(0.5) * dy } else { F::ZERO };
    if chosen { dy } else { half }
}

/// A function of two numbers, one of which is the same for all.
#[derive(Debug, Clone, Copy)]
struct WithNumber<C> {
    combination: C,
    number: f64,
    /// Which of the two it is.
    place: usize,
}

impl<C: Combination<2>> WithNumber<C> {
    #[inline(always)]
    fn both<F: Float>(&self, z: F) -> [F; 2] {
        let number = F::of(self.number);
        if self.place == 0 {
            [number, z]
        } else {
            [z, number]
        }
    }
}

impl<C: Combination<2>> activations::Elementwise for WithNumber<C> {
    const KIND: &'static str = C::KIND;
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        self.combination.value(self.both(z))
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _: F) -> F {
        self.combination
            .gradient(1 - self.place, self.both(z), F::ONE)
    }
}

/// What stands for one number of a function.
#[derive(Debug, Clone)]
enum Operand<F> {
    /// An input, by its place among the inputs.
    Input(usize),
    /// A constant sample.
    Constant(Vec<F>),
}

/// A function of operands of one shape, element by element.
#[derive(Debug, Clone)]
struct Combine<F, C, const N: usize> {
    combination: C,
    operands: [Operand<F>; N],
    width: usize,
}

impl<F: Float, C: Combination<N>, const N: usize> Combine<F, C, N> {
    /// Numbers that are computed at once, of so many: samples one by one where constants are the same for each.
    fn step(&self, len: usize) -> usize {
        let constant = |operand: &Operand<F>| matches!(operand, Operand::Constant(_));
        if self.operands.iter().any(constant) {
            self.width
        } else {
            len
        }
    }

    fn get<'a>(&'a self, x: Inputs<'a, F>, range: &Range<usize>) -> [&'a [F]; N] {
        array::from_fn(|i| match &self.operands[i] {
            Operand::Input(place) => &x.get(*place)[range.clone()],
            Operand::Constant(sample) => &sample[..],
        })
    }
}

impl<F: Float, C: Combination<N>, const N: usize> Function<F> for Combine<F, C, N> {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        let fit = inputs.iter().all(|&width| width == self.width);
        fit.then_some(self.width)
    }

    fn needs(&self) -> Needs {
        Needs {
            input: true,
            output: false,
        }
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, x: Inputs<F>, y: &mut [F], _: &mut [F]) {
        let step = self.step(y.len());
        for (k, y) in y.chunks_mut(step).enumerate() {
            let range = k * step..k * step + y.len();
            combine(self.combination, self.get(x, &range), y);
        }
    }

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        x: Inputs<F>,
        _: &[F],
        _: &mut [F],
        dy: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        let step = self.step(dy.len());
        for (i, operand) in self.operands.iter().enumerate() {
            let Operand::Input(place) = operand else {
                continue;
            };
            let Some(dx) = dx.get(*place) else { continue };
            let chunks = dx.chunks_mut(step).zip(dy.chunks(step));
            for (k, (dx, dy)) in chunks.enumerate() {
                let range = k * step..k * step + dy.len();
                gradients(self.combination, i, self.get(x, &range), dy, dx);
            }
        }
    }
}

kernel! {
    fn combine<F: Float, C: Combination<N>; const N: usize>(combination: C, x: [&[F]; N], y: &mut [F]) {
        let x = x.map(|x| &x[..y.len()]);
        for (k, y) in y.iter_mut().enumerate() {
            *y = combination.value(x.map(|x| x[k]));
        }
    }

    fn gradients<F: Float, C: Combination<N>; const N: usize>(combination: C, i: usize, x: [&[F]; N], dy: &[F], dx: &mut [F]) {
        let x = x.map(|x| &x[..dx.len()]);
        for (k, (dx, &dy)) in dx.iter_mut().zip(dy).enumerate() {
            *dx = combination.gradient(i, x.map(|x| x[k]), dy);
        }
    }
}

/// A constant among the settings: its shape and its numbers.
pub(super) fn constant(settings: &Settings, place: usize) -> Result<Option<(Vec<usize>, &[f64])>> {
    let name = format!("operand_{place}");
    if !settings.values.contains_key(&name) {
        return Ok(None);
    }
    let nested = settings.nested(&name)?;
    let shape: Option<Vec<usize>> = nested
        .integers("shape")?
        .iter()
        .map(|&axis| usize::try_from(axis).ok())
        .collect();
    let numbers = nested.numbers("values")?;
    let len = |shape: &Vec<usize>| shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n));
    match shape.filter(|shape| len(shape) == Some(numbers.len())) {
        Some(shape) if !numbers.is_empty() => Ok(Some((shape, numbers))),
        _ => {
            let expected = "a shape, and as many numbers, at least one";
            Err(Error::value(
                &name,
                expected,
                nested.values["shape"].clone(),
            ))
        }
    }
}

/// The function that settings of the kind "combine" describe, for inputs of these shapes.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    type Make<F> = fn(&Settings, &[&[usize]]) -> Result<Shaped<F>>;
    let registry: [(&str, Make<F>); 19] = [
        ("add", |s, x| of_two(Sum, s, x)),
        ("arctan2", |s, x| of_two(Arctan2, s, x)),
        ("divide", |s, x| of_two(Quotient, s, x)),
        ("equal", |s, x| of_two(Equal, s, x)),
        ("floor_divide", |s, x| of_two(FloorQuotient, s, x)),
        ("greater", |s, x| of_two(Greater, s, x)),
        ("greater_equal", |s, x| of_two(GreaterEqual, s, x)),
        ("less", |s, x| of_two(Less, s, x)),
        ("less_equal", |s, x| of_two(LessEqual, s, x)),
        ("logical_and", |s, x| of_two(And, s, x)),
        ("logical_or", |s, x| of_two(Or, s, x)),
        ("maximum", |s, x| of_two(Larger, s, x)),
        ("minimum", |s, x| of_two(Smaller, s, x)),
        ("mod", |s, x| of_two(Remainder, s, x)),
        ("multiply", |s, x| of_two(Product, s, x)),
        ("not_equal", |s, x| of_two(NotEqual, s, x)),
        ("power", |s, x| of_two(Power, s, x)),
        ("subtract", |s, x| of_two(Difference, s, x)),
        ("where", |s, x| of_operands(Where, s, x)),
    ];
    look_up("function", settings.text("function")?, &registry)?(settings, inputs)
}

/// A function of two: one that is the same number for all needs no sample of it.
fn of_two<F: Float>(
    combination: impl Combination<2>,
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    for place in 0..2 {
        if let (Some((shape, &[number])), &[input]) = (constant(settings, place)?, inputs)
            && shape.len() <= input.len()
        {
            let with = WithNumber {
                combination,
                number,
                place,
            };
            let width = input.last().copied().unwrap_or(1);
            let rows = input.iter().product::<usize>() / width;
            return Ok(Shaped::of(
                on_rows(width, Arc::new(with)),
                rows,
                input.to_vec(),
            ));
        }
    }
    of_operands(combination, settings, inputs)
}

fn of_operands<F: Float, C: Combination<N>, const N: usize>(
    combination: C,
    settings: &Settings,
    inputs: &[&[usize]],
) -> Result<Shaped<F>> {
    let mut constants = Vec::with_capacity(N);
    for place in 0..N {
        constants.push(constant(settings, place)?);
    }
    let wanted = constants
        .iter()
        .filter(|constant| constant.is_none())
        .count();
    if inputs.is_empty() || inputs.len() != wanted {
        return Err(Error::value(
            "inputs",
            format!("{wanted} values"),
            inputs.len(),
        ));
    }
    let mut shapes = inputs.to_vec();
    shapes.extend(constants.iter().flatten().map(|(shape, _)| &shape[..]));
    let shape = broadcast::meet(&shapes)?;
    let mut places = 0..;
    let operand = |constant: &Option<(Vec<usize>, &[f64])>| match constant {
        Some((own, numbers)) => Operand::Constant(broadcast::repeated(numbers, own, &shape)),
        None => Operand::Input(places.next().unwrap_or_default()),
    };
    let operands: Vec<_> = constants.iter().map(operand).collect();
    let operands = operands.try_into().expect("as many as there are constants");
    let combine = Combine {
        combination,
        operands,
        width: shape.iter().product(),
    };
    let steps = inputs.iter().map(|own| broadcast::steps(own, &shape));
    Ok(Shaped {
        steps: steps.collect(),
        ..Shaped::of(Arc::new(combine), 1, shape.clone())
    })
}
