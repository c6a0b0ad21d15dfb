//! Sums over groups, and how far two attributions agree: extract, borrow, detach, convert.

use crate::errors::{message, value_error};
use crate::waiting;
use aumann_core::{Real, blocks, fit, group_sums as sums_of, rank_correlation as correlation};
use numpy::{Element, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

type Numbers<'py> = PyReadonlyArray1<'py, f64>;

/// Runs `work` without the interpreter; on the pool where that pays.
fn detached<R: Send>(
    py: Python<'_>,
    agents: usize,
    work: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    waiting::detached(py, agents > blocks::CHUNK, || Ok(work()))?.map_err(value_error)
}

fn both<'a>(one: &'a Numbers<'_>, other: &'a Numbers<'_>) -> PyResult<(&'a [f64], &'a [f64])> {
    match (one.as_slice(), other.as_slice()) {
        (Ok(one), Ok(other)) if one.len() == other.len() => Ok((one, other)),
        _ => Err(message("own, given: two contiguous arrays of one length are wanted")),
    }
}

/// Slope and relative residual of the best fit of own by given numbers.
#[pyfunction]
pub(crate) fn scale_fit(
    py: Python<'_>,
    own: Numbers<'_>,
    given: Numbers<'_>,
) -> PyResult<(f64, f64)> {
    let (own, given) = both(&own, &given)?;
    let found = detached(py, own.len(), || fit(own, given))?;
    Ok((found.slope, found.residual))
}

/// Spearman's correlation.
#[pyfunction]
pub(crate) fn rank_correlation(
    py: Python<'_>,
    own: Numbers<'_>,
    given: Numbers<'_>,
) -> PyResult<f64> {
    let (own, given) = both(&own, &given)?;
    detached(py, own.len(), || correlation(own, given))
}

/// Sums of values per group; the Python package has seen to the codes.
#[pyfunction]
pub(crate) fn group_sums<'py>(
    py: Python<'py>,
    values: Bound<'py, PyAny>,
    codes: PyReadonlyArray1<'py, i64>,
    groups: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    if let Ok(values) = values.extract::<PyReadonlyArray1<'py, f64>>() {
        return sums(py, &values, &codes, groups);
    }
    match values.extract::<PyReadonlyArray1<'py, f32>>() {
        Ok(values) => sums(py, &values, &codes, groups),
        Err(_) => Err(message("values: a float64 or float32 array of shape (N,) is wanted")),
    }
}

fn sums<'py, T: Real + Element>(
    py: Python<'py>,
    values: &PyReadonlyArray1<'py, T>,
    codes: &PyReadonlyArray1<'py, i64>,
    groups: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    match (values.as_slice(), codes.as_slice()) {
        (Ok(values), Ok(codes)) if values.len() == codes.len() => {
            let found = detached(py, values.len(), || sums_of(values, codes, groups))?;
            Ok(PyArray1::from_vec(py, found))
        }
        _ => Err(message("values, codes: two contiguous arrays of one length are wanted")),
    }
}
