//! Settings dicts, `{"kind": name, …}`, as the core takes them.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyTuple};

use super::boundary::found;
use crate::settings::{Settings, Value};

/// The settings in a dict.
pub(super) fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Settings> {
    nested(dict, 0)
}

/// Settings nest in settings, but not for ever: a dict may contain itself.
const DEEPEST: usize = 64;

fn nested(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Settings> {
    if depth > DEEPEST {
        let message = format!("settings: expected at most {DEEPEST} levels, found more");
        return Err(PyValueError::new_err(message));
    }
    let mut settings = Settings::default();
    for (name, value) in dict {
        let name: String = name.extract()?;
        if name == "kind" {
            settings.kind = value.extract()?;
        } else {
            settings
                .values
                .insert(name.clone(), from_value(&name, &value, depth)?);
        }
    }
    Ok(settings)
}

fn from_value(name: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    // A bool is an int to Python, so it comes first.
    if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        let number = value.extract().or_else(|_| {
            let (expected, found) = ("a number that 64 bits hold", found(value)?);
            let message = format!("{name}: expected {expected}, found {found}");
            Err(PyValueError::new_err(message))
        });
        Ok(Value::Int(number?))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(Value::Text(text.extract()?))
    } else if let Ok(dict) = value.cast::<PyDict>() {
        Ok(Value::Nested(nested(dict, depth + 1)?))
    } else if let Ok(numbers) = value.cast::<PyTuple>()
        && numbers.len() > 0
        && numbers.iter().all(|x| x.is_instance_of::<PyFloat>())
    {
        Ok(Value::Numbers(numbers.extract()?))
    } else if value.is_instance_of::<PyTuple>() {
        let numbers = value.extract().or_else(|_| {
            let (expected, found) = ("whole numbers that 64 bits hold", found(value)?);
            let message = format!("{name}: expected {expected}, found {found}");
            Err(PyTypeError::new_err(message))
        });
        Ok(Value::Integers(numbers?))
    } else if let Ok(number) = value.extract() {
        Ok(Value::Float(number))
    } else {
        let found = value.get_type();
        Err(PyTypeError::new_err(format!(
            "{name}: expected a bool, number, str, tuple or dict, found {found}"
        )))
    }
}
