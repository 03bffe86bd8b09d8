//! Settings and numbers that tests and benches share.

#![allow(dead_code, reason = "benches do not use all of it")]
#![allow(
    unreachable_pub,
    reason = "a module of tests and benches, not of the crate"
)]

pub mod gradients;

use fanin::parallel::Threads;
use fanin::random::{Distribution, Normal, Stream};
use fanin::settings::{Settings, Value};

/// An activation with parameters that are not its defaults.
pub fn activation(kind: &str) -> Value {
    let settings = Settings::new(kind);
    Value::Nested(match kind {
        "leaky_relu" => settings.with("negative_slope", Value::Float(0.2)),
        "elu" => settings.with("alpha", Value::Float(0.7)),
        "gelu" => settings.with("approximate", Value::Bool(false)),
        _ => settings,
    })
}

/// A dense layer with bias.
pub fn dense(units: usize, kind: &str) -> Settings {
    Settings::new("dense")
        .with("units", Value::Int(units as i64))
        .with("use_bias", Value::Bool(true))
        .with("activation", activation(kind))
}

/// Batch normalization that moves its running statistics a little.
pub fn batch_normalization() -> Settings {
    Settings::new("batch_normalization")
        .with("momentum", Value::Float(0.9))
        .with("epsilon", Value::Float(1e-3))
        .with("center", Value::Bool(true))
        .with("scale", Value::Bool(true))
}

/// Dropout with a stream of its own.
pub fn dropout(rate: f64) -> Settings {
    Settings::new("dropout")
        .with("rate", Value::Float(rate))
        .with("seed", Value::Text("1".into()))
        .with("path", Value::Text("dropout".into()))
}

/// Cross-entropy against classes, from probabilities.
pub fn sparse_crossentropy() -> Settings {
    Settings::new("sparse_categorical_crossentropy").with("from_logits", Value::Bool(false))
}

/// Adam with its defaults.
pub fn adam() -> Settings {
    [
        "beta_1",
        "beta_2",
        "epsilon",
        "weight_decay",
        "clipvalue",
        "clipnorm",
        "global_clipnorm",
    ]
    .into_iter()
    .zip([0.9, 0.999, 1e-7, 0.0, 0.0, 0.0, 0.0])
    .fold(Settings::new("adam"), |s, (name, x)| {
        s.with(name, Value::Float(x))
    })
    .with("amsgrad", Value::Bool(false))
}

/// Standard normal numbers; the same ones for the same path.
pub fn normals(path: &str, len: usize) -> Vec<f64> {
    let mut out = vec![0.0; len];
    Normal::new(0.0, 1.0)
        .unwrap()
        .draw(&mut out, &Stream::new("1", path), Threads::ONE)
        .unwrap();
    out
}
