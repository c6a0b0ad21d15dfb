//! The core's errors as Python's.

use aumann_core::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyValueError};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Every error of the core is about a value, unless memory is lacking or the work was given up.
pub(crate) fn value_error(error: Error) -> PyErr {
    let mut cause = &error;
    while let Error::AtStep { error, .. } = cause {
        cause = error;
    }
    match cause {
        Error::OutOfMemory { .. } => PyMemoryError::new_err(error.to_string()),
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// A message about a value.
pub(crate) fn message(text: impl Into<String>) -> PyErr {
    PyValueError::new_err(text.into())
}

/// Runs the core; a panic, which is a defect of ours, becomes a `RuntimeError` instead of ending
/// the caller's program.
pub(crate) fn guard<R>(work: impl FnOnce() -> R) -> Result<R, PyErr> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|cause| {
        let text = cause
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| cause.downcast_ref::<&str>().copied())
            .unwrap_or("unknown cause");
        PyRuntimeError::new_err(format!("aumann's core failed, please report this: {text}"))
    })
}
