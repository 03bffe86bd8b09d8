//! Activation functions φ, applied in place behind a matrix product, and their derivatives.
//!
//! A new elementwise function is one file with its formula ([`Elementwise`]) and one row in
//! [`from_settings`].

mod celu;
mod elu;
mod exponential;
mod gelu;
mod hard;
mod leaky_relu;
pub(crate) mod linear;
mod log_sigmoid;
mod log_softmax;
mod mish;
mod rectifier;
mod relu;
mod selu;
mod shrink;
mod sigmoid;
mod silu;
pub(crate) mod softmax;
mod softplus;
mod softsign;
mod sparse;
mod sparsemax;
mod squareplus;
mod tanh;

use std::fmt::Debug;

use crate::error::Result;
use crate::float::Float;
use crate::parallel::{self, Threads};
use crate::settings::{Settings, look_up};
use crate::simd::kernel;

/// An activation as a layer uses it, on rows of `width` elements.
pub trait Activation<F: Float>: Debug + Send + Sync {
    /// Its name in the registry.
    fn kind(&self) -> &'static str;

    /// Whether [`backward`](Self::backward) needs z, which [`forward`](Self::forward) then puts into `kept`.
    fn keeps_input(&self) -> bool;

    /// Whether backward has nothing to do, and so needs neither y nor a gradient to change.
    fn is_identity(&self) -> bool {
        false
    }

    /// Whether each y depends on its own z alone.
    fn is_elementwise(&self) -> bool {
        true
    }

    /// y = φ(z + b) row by row, in place: `y` comes in as z. An empty `bias` is none.
    fn forward(&self, threads: Threads, width: usize, bias: &[F], y: &mut [F], kept: &mut [F]);

    /// dz = dy · φ′(z), in place: `dy` goes out as dz.
    fn backward(&self, threads: Threads, width: usize, y: &[F], kept: &[F], dy: &mut [F]);
}

/// The activation that `settings` describe.
pub fn from_settings<F: Float>(settings: &Settings) -> Result<Box<dyn Activation<F>>> {
    type Make<F> = fn(&Settings) -> Result<Box<dyn Activation<F>>>;
    let registry: [(&str, Make<F>); 30] = [
        ("celu", |s| Ok(Box::new(celu::Celu::new(s)?))),
        ("elu", |s| Ok(Box::new(elu::Elu::new(s)?))),
        ("exponential", |_| Ok(Box::new(exponential::Exponential))),
        ("gelu", |s| gelu::new(s)),
        ("hard_shrink", |s| Ok(Box::new(shrink::HardShrink::new(s)?))),
        ("hard_sigmoid", |_| Ok(Box::new(hard::HardSigmoid))),
        ("hard_silu", |_| Ok(Box::new(hard::HardSilu))),
        ("hard_tanh", |_| Ok(Box::new(hard::HardTanh))),
        ("leaky_relu", |s| {
            Ok(Box::new(leaky_relu::LeakyRelu::new(s)?))
        }),
        ("linear", |_| Ok(Box::new(linear::Linear))),
        ("log_sigmoid", |_| Ok(Box::new(log_sigmoid::LogSigmoid))),
        ("log_softmax", |_| Ok(Box::new(log_softmax::LogSoftmax))),
        ("mish", |_| Ok(Box::new(mish::Mish))),
        ("rectifier", |s| Ok(Box::new(rectifier::Rectifier::new(s)?))),
        ("relu", |_| Ok(Box::new(relu::Relu))),
        ("relu6", |_| Ok(Box::new(hard::Relu6))),
        ("selu", |_| Ok(Box::new(selu::Selu))),
        ("sigmoid", |_| Ok(Box::new(sigmoid::Sigmoid))),
        ("silu", |_| Ok(Box::new(silu::Silu))),
        ("soft_shrink", |s| Ok(Box::new(shrink::SoftShrink::new(s)?))),
        ("softmax", |_| Ok(Box::new(softmax::Softmax))),
        ("softplus", |_| Ok(Box::new(softplus::Softplus))),
        ("softsign", |_| Ok(Box::new(softsign::Softsign))),
        ("sparse_plus", |_| Ok(Box::new(sparse::SparsePlus))),
        ("sparse_sigmoid", |_| Ok(Box::new(sparse::SparseSigmoid))),
        ("sparsemax", |_| Ok(Box::new(sparsemax::Sparsemax))),
        ("squareplus", |s| {
            Ok(Box::new(squareplus::Squareplus::new(s)?))
        }),
        ("tanh", |_| Ok(Box::new(tanh::Tanh))),
        ("tanh_shrink", |_| Ok(Box::new(shrink::TanhShrink))),
        ("threshold", |s| Ok(Box::new(shrink::Threshold::new(s)?))),
    ];
    look_up("activation", &settings.kind, &registry)?(settings)
}

/// A function of one number.
pub(crate) trait Elementwise: Copy + Debug + Send + Sync + 'static {
    /// Its name in the registry.
    const KIND: &'static str;
    /// Whether the derivative needs z; where it does not, `slope` is given y for both.
    const KEEPS_INPUT: bool = false;

    /// φ(z).
    fn value<F: Float>(self, z: F) -> F;

    /// φ′(z), from z and y = φ(z).
    fn slope<F: Float>(self, z: F, y: F) -> F;
}

/// Elements a thread takes at a time; fewer than two such chunks stay on the calling thread.
const CHUNK: usize = 1 << 16;

/// `CHUNK` as whole rows.
fn chunk_of_rows(width: usize) -> usize {
    width * (CHUNK / width.max(1)).max(1)
}

impl<F: Float, A: Elementwise> Activation<F> for A {
    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn keeps_input(&self) -> bool {
        A::KEEPS_INPUT
    }

    fn forward(&self, threads: Threads, width: usize, bias: &[F], y: &mut [F], kept: &mut [F]) {
        let size = chunk_of_rows(width);
        if A::KEEPS_INPUT {
            parallel::for_each_pair(threads, kept, y, size, |_, kept, y| {
                kept.copy_from_slice(y);
                add_bias(bias, kept);
                y.copy_from_slice(kept);
                apply(*self, y);
            });
        } else {
            parallel::for_each_chunk(threads, y, size, |_, y| {
                if bias.is_empty() {
                    apply(*self, y);
                } else {
                    add_bias_and_apply(*self, bias, y);
                }
            });
        }
    }

    fn backward(&self, threads: Threads, _width: usize, y: &[F], kept: &[F], dy: &mut [F]) {
        let z = if A::KEEPS_INPUT { kept } else { y };
        parallel::for_each_chunk(threads, dy, CHUNK, |i, dy| {
            let here = i * CHUNK..i * CHUNK + dy.len();
            multiply_by_slope(*self, &z[here.clone()], &y[here], dy);
        });
    }
}

kernel! {
    fn add_bias<F: Float>(bias: &[F], z: &mut [F]) {
        if let &[b] = bias {
            for z in z {
                *z += b;
            }
        } else if !bias.is_empty() {
            for row in z.chunks_exact_mut(bias.len()) {
                for (z, &b) in row.iter_mut().zip(bias) {
                    *z += b;
                }
            }
        }
    }

    fn apply<F: Float, A: Elementwise>(activation: A, y: &mut [F]) {
        for y in y {
            *y = activation.value(*y);
        }
    }

    fn add_bias_and_apply<F: Float, A: Elementwise>(activation: A, bias: &[F], y: &mut [F]) {
        if let &[b] = bias {
            for y in y {
                *y = activation.value(*y + b);
            }
            return;
        }
        for row in y.chunks_exact_mut(bias.len()) {
            for (y, &b) in row.iter_mut().zip(bias) {
                *y = activation.value(*y + b);
            }
        }
    }

    fn multiply_by_slope<F: Float, A: Elementwise>(activation: A, z: &[F], y: &[F], dy: &mut [F]) {
        for ((dy, &z), &y) in dy.iter_mut().zip(z).zip(y) {
            *dy *= activation.slope(z, y);
        }
    }
}
