//! The fully connected layer.

use std::sync::Arc;

use super::{Activate, Function, Product};
use crate::error::Result;
use crate::float::Float;
use crate::settings::Settings;

/// y = φ(x W + b): a product, a bias, an activation.
pub(super) fn functions<F: Float>(
    settings: &Settings,
    fan_in: usize,
) -> Result<Vec<Arc<dyn Function<F>>>> {
    let fan_out = settings.count("units")?;
    let mut functions: Vec<Arc<dyn Function<F>>> =
        vec![Arc::new(Product::new::<F>(fan_in, fan_out)?)];
    if settings.flag("use_bias")? {
        functions.push(Arc::new(Activate::bias(fan_out)));
    }
    let activate = Activate::from_settings(settings, fan_out)?;
    if !activate.activation.is_identity() {
        functions.push(Arc::new(activate));
    }
    Ok(functions)
}
