//! Functions of one number each, besides the activations: what operations on values are made of.

use std::sync::Arc;

use super::{Activate, Function, Gradients, Inputs, Needs, Pass, State};
use crate::activations::{Activation, Elementwise};
use crate::error::Result;
use crate::float::Float;
use crate::settings::{Settings, look_up};

/// The function of rows of `width` numbers that `settings` describe; None if it is none of these.
pub(super) fn from_settings<F: Float>(
    settings: &Settings,
    width: usize,
) -> Result<Option<Arc<dyn Function<F>>>> {
    type Make<F> = fn(&Settings) -> Result<Arc<dyn Activation<F>>>;
    let registry: [(&str, Make<F>); 34] = [
        ("absolute", |_| Ok(Arc::new(Absolute))),
        ("arccos", |_| Ok(Arc::new(Arccos))),
        ("arccosh", |_| Ok(Arc::new(Arccosh))),
        ("arcsin", |_| Ok(Arc::new(Arcsin))),
        ("arcsinh", |_| Ok(Arc::new(Arcsinh))),
        ("arctan", |_| Ok(Arc::new(Arctan))),
        ("arctanh", |_| Ok(Arc::new(Arctanh))),
        ("ceil", |_| Ok(Arc::new(Ceil))),
        ("clip", |s| {
            let (low, high) = (s.float("low")?, s.float("high")?);
            Ok(Arc::new(Clip { low, high }))
        }),
        ("cos", |_| Ok(Arc::new(Cos))),
        ("cosh", |_| Ok(Arc::new(Cosh))),
        ("erf", |_| Ok(Arc::new(Erf))),
        ("exp", |_| Ok(Arc::new(Exp))),
        ("expm1", |_| Ok(Arc::new(Expm1))),
        ("fill", |s| {
            let number = s.float("number")?;
            Ok(Arc::new(Fill { number }))
        }),
        ("floor", |_| Ok(Arc::new(Floor))),
        ("isfinite", |_| Ok(Arc::new(IsFinite))),
        ("isinf", |_| Ok(Arc::new(IsInf))),
        ("isnan", |_| Ok(Arc::new(IsNan))),
        ("log", |_| Ok(Arc::new(Log))),
        ("log10", |_| Ok(Arc::new(Log10))),
        ("log1p", |_| Ok(Arc::new(Log1p))),
        ("log2", |_| Ok(Arc::new(Log2))),
        ("logical_not", |_| Ok(Arc::new(LogicalNot))),
        ("power", |s| {
            let exponent = s.float_where("exponent", "a finite number", |_| true)?;
            Ok(Arc::new(Power { exponent }))
        }),
        ("round", |_| Ok(Arc::new(Round))),
        ("rsqrt", |_| Ok(Arc::new(Rsqrt))),
        ("sign", |_| Ok(Arc::new(Sign))),
        ("sin", |_| Ok(Arc::new(Sin))),
        ("sinh", |_| Ok(Arc::new(Sinh))),
        ("sqrt", |_| Ok(Arc::new(Sqrt))),
        ("square", |_| Ok(Arc::new(Square))),
        ("tan", |_| Ok(Arc::new(Tan))),
        ("trunc", |_| Ok(Arc::new(Trunc))),
    ];
    match &*settings.kind {
        "map" => {
            let make = look_up("function", settings.text("function")?, &registry)?;
            Ok(Some(on_rows(width, make(settings)?)))
        }
        "stop_gradient" => Ok(Some(Arc::new(StopGradient { width }))),
        _ => Ok(None),
    }
}

/// An elementwise function of rows of `width` numbers, in place.
pub(super) fn on_rows<F: Float>(
    width: usize,
    activation: Arc<dyn Activation<F>>,
) -> Arc<dyn Function<F>> {
    Arc::new(Activate {
        width,
        use_bias: false,
        activation,
    })
}

/// A table of functions: the value at z, and the slope there, from z and y; if it needs z, `of input`.
macro_rules! maps {
    ($(
        $(#[$meta:meta])*
        $name:ident = $kind:literal, $of_input:literal: |$z:ident, $y:ident| $value:expr, $slope:expr;
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        struct $name;

        impl Elementwise for $name {
            const KIND: &'static str = $kind;
            const KEEPS_INPUT: bool = $of_input;

            #[inline(always)]
            fn value<F: Float>(self, $z: F) -> F {
                $value
            }

            #[inline(always)]
            fn slope<F: Float>(self, $z: F, $y: F) -> F {
                let _ = ($z, $y);
                $slope
            }
        }
    )+};
}

maps! {
    /// |z|.
    Absolute = "absolute", true: |z, y| z.abs(), sign(z);
    /// eᶻ.
    Exp = "exp", false: |z, y| z.exp(), y;
    /// eᶻ − 1, accurate near 0.
    Expm1 = "expm1", false: |z, y| expm1(z), y + F::ONE;
    /// ln z: −∞ at 0, NaN below.
    Log = "log", true: |z, y| log(z), F::ONE / z;
    /// ln(1 + z), accurate near 0.
    Log1p = "log1p", true: |z, y| log1p(z), F::ONE / (F::ONE + z);
    /// 1 where z is 0, else 0.
    LogicalNot = "logical_not", false: |z, y| if z == F::ZERO { F::ONE } else { F::ZERO }, F::ZERO;
    /// 1/√z.
    Rsqrt = "rsqrt", false: |z, y| F::ONE / z.sqrt(), F::of(-0.5) * y * y * y;
    /// 1 above 0, −1 below, 0 at 0.
    Sign = "sign", false: |z, y| sign(z), F::ZERO;
    /// √z.
    Sqrt = "sqrt", false: |z, y| z.sqrt(), F::of(0.5) / y;
    /// z².
    Square = "square", true: |z, y| z * z, z + z;
    // The next ones are those of the crate `libm`, in double precision: less than one unit in its last place is wrong,
    // however large the angle, and the bits are those of every CPU.
    /// sin z.
    Sin = "sin", true: |z, y| double(libm::sin, z), double(libm::cos, z);
    /// cos z.
    Cos = "cos", true: |z, y| double(libm::cos, z), -double(libm::sin, z);
    /// tan z.
    Tan = "tan", false: |z, y| double(libm::tan, z), F::ONE + y * y;
    /// The angle of this sine: NaN beyond 1, as the next one.
    Arcsin = "arcsin", true: |z, y| double(libm::asin, z), F::ONE / ((F::ONE - z) * (F::ONE + z)).sqrt();
    /// The angle of this cosine.
    Arccos = "arccos", true: |z, y| double(libm::acos, z), -F::ONE / ((F::ONE - z) * (F::ONE + z)).sqrt();
    /// The angle of this tangent.
    Arctan = "arctan", true: |z, y| double(libm::atan, z), F::ONE / (F::ONE + z * z);
    /// sinh z.
    Sinh = "sinh", true: |z, y| double(libm::sinh, z), double(libm::cosh, z);
    /// cosh z.
    Cosh = "cosh", true: |z, y| double(libm::cosh, z), double(libm::sinh, z);
    /// What z is the sinh of.
    Arcsinh = "arcsinh", true: |z, y| double(libm::asinh, z), F::ONE / (F::ONE + z * z).sqrt();
    /// What z is the cosh of: NaN below 1.
    Arccosh = "arccosh", true: |z, y| if z < F::ONE { F::of(f64::NAN) } else { double(libm::acosh, z) }, F::ONE / ((z - F::ONE) * (z + F::ONE)).sqrt();
    /// What z is the tanh of: infinite at 1, NaN beyond.
    Arctanh = "arctanh", true: |z, y| double(libm::atanh, z), F::ONE / ((F::ONE - z) * (F::ONE + z));
    /// 2/√π ∫₀ᶻ e^(−t²) dt.
    Erf = "erf", true: |z, y| double(libm::erf, z), F::of(std::f64::consts::FRAC_2_SQRT_PI) * (-(z * z)).exp();
    /// log₂ z.
    Log2 = "log2", true: |z, y| double(libm::log2, z), F::of(std::f64::consts::LOG2_E) / z;
    /// log₁₀ z.
    Log10 = "log10", true: |z, y| double(libm::log10, z), F::of(std::f64::consts::LOG10_E) / z;
    // Steps, whose slope is 0 wherever there is one.
    /// The whole number below.
    Floor = "floor", false: |z, y| double(libm::floor, z), F::ZERO;
    /// The whole number above.
    Ceil = "ceil", false: |z, y| double(libm::ceil, z), F::ZERO;
    /// The nearest whole number, the even one of two.
    Round = "round", false: |z, y| double(libm::rint, z), F::ZERO;
    /// The whole number towards 0.
    Trunc = "trunc", false: |z, y| double(libm::trunc, z), F::ZERO;
    /// 1 where z is neither infinite nor NaN, else 0; as the next two.
    IsFinite = "isfinite", false: |z, y| flag(z.is_finite()), F::ZERO;
    IsInf = "isinf", false: |z, y| flag(!z.is_finite() && !z.is_nan()), F::ZERO;
    IsNan = "isnan", false: |z, y| flag(z.is_nan()), F::ZERO;
}

/// A function of double precision, rounded to the element type.
#[inline(always)]
fn double<F: Float>(function: fn(f64) -> f64, z: F) -> F {
    F::of(function(z.wide()))
}

#[inline(always)]
pub(super) fn flag<F: Float>(holds: bool) -> F {
    if holds { F::ONE } else { F::ZERO }
}

#[inline(always)]
fn sign<F: Float>(z: F) -> F {
    if z > F::ZERO {
        F::ONE
    } else if z < F::ZERO {
        -F::ONE
    } else {
        z
    }
}

#[inline(always)]
fn expm1<F: Float>(z: F) -> F {
    // Where 1 is less than half a unit in the last place.
    let large = z > F::of(50.0);
    let near = z.at_most(F::of(50.0)).exp_m1();
    if large { z.exp() } else { near }
}

/// ln z of any number.
#[inline(always)]
fn log<F: Float>(z: F) -> F {
    // Subnormal numbers become normal ones.
    const SHIFT: f64 = 64.0;
    let small = z < F::LEAST_NORMAL;
    let normal = if small { z * F::of(SHIFT.exp2()) } else { z };
    let shift = if small {
        F::of(SHIFT * std::f64::consts::LN_2)
    } else {
        F::ZERO
    };
    let of_positive = normal.ln() - shift;
    if z == F::ZERO {
        F::of(f64::NEG_INFINITY)
    } else if z < F::ZERO {
        F::of(f64::NAN)
    } else {
        of_positive
    }
}

/// ln(1 + z) of any number, with Kahan's correction of the rounding of 1 + z.
#[inline(always)]
fn log1p<F: Float>(z: F) -> F {
    let w = F::ONE + z;
    let rounded = w - F::ONE;
    if rounded == F::ZERO || z > F::LARGEST {
        z
    } else {
        log(w) * (z / rounded)
    }
}

/// z within two bounds, which count as within.
#[derive(Debug, Clone, Copy)]
struct Clip {
    low: f64,
    high: f64,
}

impl Elementwise for Clip {
    const KIND: &'static str = "clip";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        z.at_least(F::of(self.low)).at_most(F::of(self.high))
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _: F) -> F {
        if z < F::of(self.low) || z > F::of(self.high) {
            F::ZERO
        } else {
            F::ONE
        }
    }
}

/// A number, whatever z is.
#[derive(Debug, Clone, Copy)]
struct Fill {
    number: f64,
}

impl Elementwise for Fill {
    const KIND: &'static str = "fill";

    #[inline(always)]
    fn value<F: Float>(self, _: F) -> F {
        F::of(self.number)
    }

    #[inline(always)]
    fn slope<F: Float>(self, _: F, _: F) -> F {
        F::ZERO
    }
}

/// z to the power of a number: NaN below 0, if that is not whole. In double precision.
#[derive(Debug, Clone, Copy)]
struct Power {
    exponent: f64,
}

/// Whole exponents up to which powers are products.
const PRODUCTS: f64 = 64.0;

#[inline(always)]
fn power(z: f64, exponent: f64) -> f64 {
    let size = exponent.abs();
    let whole = size.trunc() == size;
    if exponent == 0.5 {
        return z.sqrt();
    }
    if whole && size <= PRODUCTS {
        let (mut product, mut square, mut rest) = (1.0, z, size as u32);
        while rest > 0 {
            product = if rest & 1 == 1 {
                product * square
            } else {
                product
            };
            square *= square;
            rest >>= 1;
        }
        return if exponent < 0.0 {
            1.0 / product
        } else {
            product
        };
    }
    let of_size = (log(z.abs()) * exponent).exp();
    let odd = whole && (size * 0.5).trunc() != size * 0.5;
    if z >= 0.0 || (whole && !odd) {
        of_size
    } else if whole {
        -of_size
    } else {
        f64::NAN
    }
}

impl Elementwise for Power {
    const KIND: &'static str = "power";
    const KEEPS_INPUT: bool = true;

    #[inline(always)]
    fn value<F: Float>(self, z: F) -> F {
        F::of(power(z.wide(), self.exponent))
    }

    #[inline(always)]
    fn slope<F: Float>(self, z: F, _: F) -> F {
        if self.exponent == 0.0 {
            return F::ZERO;
        }
        F::of(self.exponent * power(z.wide(), self.exponent - 1.0))
    }
}

/// y = x; backward it is a constant.
#[derive(Debug, Clone, Copy)]
struct StopGradient {
    width: usize,
}

impl<F: Float> Function<F> for StopGradient {
    fn output_width(&self, inputs: &[usize]) -> Option<usize> {
        (inputs == [self.width]).then_some(self.width)
    }

    fn in_place(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, _: Pass, _: &[F], _: State<F>, _: Inputs<F>, _: &mut [F], _: &mut [F]) {}

    fn backward(
        &self,
        _: Pass,
        _: &[F],
        _: Inputs<F>,
        _: &[F],
        _: &mut [F],
        _: &[F],
        _: &mut [F],
        mut dx: Gradients<F>,
    ) {
        if let Some(dx) = dx.get(0) {
            dx.fill(F::ZERO);
        }
    }
}
