//! `aumann._core`: the core's functions for Python.
//!
//! Arrays are borrowed, never copied; the interpreter is released while a kernel runs, so callers
//! must not write to an input meanwhile. User documentation is in the Python package.

mod arrays;
mod attribute;
mod errors;
mod pool;
mod relation;
mod sampling;
mod waiting;

use aumann_core::{simd, value_function};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// Names of the value functions.
#[pyfunction]
fn value_functions() -> Vec<&'static str> {
    value_function::NAMES.to_vec()
}

/// Version, profile, SIMD level and threads.
#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", VERSION)?;
    info.set_item("profile", PROFILE)?;
    info.set_item("target", std::env::consts::ARCH)?;
    info.set_item("simd", simd::level().name())?;
    let names: Vec<_> = simd::available().into_iter().map(simd::Level::name).collect();
    info.set_item("simd_available", names)?;
    info.set_item("threads", pool::threads()?)?;
    Ok(info)
}

/// Number of threads.
#[pyfunction]
fn get_threads() -> PyResult<usize> {
    pool::threads()
}

/// Sets the number of threads.
#[pyfunction]
#[pyo3(signature = (threads))]
fn set_threads(threads: Option<usize>) -> PyResult<()> {
    match threads {
        None | Some(1..=pool::MAX_THREADS) => pool::set_threads(threads),
        Some(threads) => Err(errors::message(format!(
            "threads: {threads}, a number from 1 to {} or None is wanted",
            pool::MAX_THREADS
        ))),
    }
}

#[pymodule]
mod _core {
    use super::{PyImportError, PyModule, PyResult, simd};
    use pyo3::prelude::*;

    #[pymodule_export]
    const VERSION: &str = super::VERSION;
    /// Most players whose coalitions are enumerated.
    #[pymodule_export]
    const MOST_ENUMERATED: usize = aumann_core::MAX_ENUMERATED;
    #[pymodule_export]
    const PROFILE: &str = super::PROFILE;

    #[pymodule_export]
    use super::attribute::{attribute, feature_means, value};
    #[pymodule_export]
    use super::relation::{group_sums, rank_correlation, scale_fit};
    #[pymodule_export]
    use super::sampling::{Moments, Sampler, random_coalitions, random_order};
    #[pymodule_export]
    use super::{build_info, get_threads, set_threads, value_functions};

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        simd::check_environment().map_err(PyImportError::new_err)
    }
}
