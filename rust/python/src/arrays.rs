//! NumPy arrays as the core's views, read in place.

use crate::errors::{message, value_error};
use aumann_core::{Features, Gather, Real};
use numpy::ndarray::{ArrayView1, ArrayView2, ArrayView3, Axis};
use numpy::{
    BorrowError, Element, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3,
    PyReadwriteArray2,
};
use pyo3::prelude::*;

/// An array to read is being written to.
fn in_use(_: BorrowError) -> PyErr {
    message("x or baseline: another call is writing to this array")
}

/// Borrows the output for writing; `None` where it has another type.
pub(crate) fn writeable<'py, T: Element>(
    out: &Bound<'py, PyAny>,
) -> PyResult<Option<PyReadwriteArray2<'py, T>>> {
    let Ok(array) = out.cast::<PyArray2<T>>() else { return Ok(None) };
    array.try_readwrite().map(Some).map_err(|error| match error {
        BorrowError::NotWriteable => message("out: read-only, a writeable array is wanted"),
        _ => message("out: another call is using this array, or x or baseline overlaps it"),
    })
}

/// Features of all steps: one array of shape (T, N, d), or d columns of shape (T, N).
pub(crate) enum Steps<'py, T: Element + 'static> {
    Array(PyReadonlyArray3<'py, T>),
    Columns(Vec<PyReadonlyArray2<'py, T>>),
}

/// Views of [`Steps`], which other threads may use.
pub(crate) enum StepViews<'a, T> {
    Array(ArrayView3<'a, T>),
    Columns(Vec<ArrayView2<'a, T>>),
}

impl<'py, T: Element + 'static> Steps<'py, T> {
    /// Borrows the arrays; the Python package has seen to their types and alignment.
    pub(crate) fn extract(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = object.cast::<PyArray3<T>>() {
            return array.try_readonly().map(Self::Array).map_err(in_use);
        }
        let columns: Vec<Bound<'py, PyArray2<T>>> = object.extract()?;
        let columns: Result<_, _> = columns.iter().map(|column| column.try_readonly()).collect();
        columns.map(Self::Columns).map_err(in_use)
    }

    pub(crate) fn views(&self) -> PyResult<StepViews<'_, T>> {
        match self {
            Self::Array(array) => Ok(StepViews::Array(array.as_array())),
            Self::Columns(columns) => {
                let views: Vec<_> = columns.iter().map(|column| column.as_array()).collect();
                let shape = views.first().ok_or_else(|| message("x: no feature columns"))?.shape();
                match views.iter().find(|view| view.shape() != shape) {
                    Some(odd) => Err(message(format!(
                        "x: columns of shapes {shape:?} and {:?}, equal shapes are wanted",
                        odd.shape()
                    ))),
                    None => Ok(StepViews::Columns(views)),
                }
            }
        }
    }
}

/// One step in a layout the core has no direct loop for.
enum Strided<'a, T> {
    Array(ArrayView2<'a, T>),
    Columns(Vec<ArrayView1<'a, T>>),
}

impl<T: Real> Gather<T> for Strided<'_, T> {
    fn agents(&self) -> usize {
        match self {
            Self::Array(view) => view.shape()[0],
            Self::Columns(columns) => columns[0].len(),
        }
    }

    fn features(&self) -> usize {
        match self {
            Self::Array(view) => view.shape()[1],
            Self::Columns(columns) => columns.len(),
        }
    }

    fn gather(&self, feature: usize, agents: &[usize], out: &mut [T]) {
        let column = match self {
            Self::Array(view) => view.column(feature),
            Self::Columns(columns) => columns[feature],
        };
        for (value, &agent) in out.iter_mut().zip(agents) {
            *value = column[agent];
        }
    }
}

impl<'a, T: Real> StepViews<'a, T> {
    /// T, N and d.
    pub(crate) fn shape(&self) -> (usize, usize, usize) {
        match self {
            Self::Array(view) => view.dim(),
            Self::Columns(columns) => {
                let (steps, agents) = columns[0].dim();
                (steps, agents, columns.len())
            }
        }
    }

    /// Hands the features of one step to `work`, in the layout they have.
    pub(crate) fn with_step<R>(
        &self,
        step: usize,
        work: impl FnOnce(Features<'_, T>) -> aumann_core::Result<R>,
    ) -> aumann_core::Result<R> {
        let columns: Vec<ArrayView1<'_, T>> = match self {
            Self::Array(view) => {
                let view = view.index_axis(Axis(0), step);
                if let Some(rows) = view.to_slice() {
                    return work(Features::rows(rows, view.shape()[1])?);
                }
                if view.shape()[0] > 0 && !view.columns().into_iter().all(is_slice) {
                    return work(Features::Gather(&Strided::Array(view)));
                }
                (0..view.shape()[1]).map(|k| view.index_axis_move(Axis(1), k)).collect()
            }
            Self::Columns(views) => {
                views.iter().map(|view| view.index_axis(Axis(0), step)).collect()
            }
        };
        match columns.iter().map(|column| column.to_slice()).collect() {
            Some(slices) => work(Features::columns(slices)?),
            None => work(Features::Gather(&Strided::Columns(columns))),
        }
    }
}

fn is_slice<T>(view: ArrayView1<'_, T>) -> bool {
    view.to_slice().is_some()
}

/// A baseline as it comes: one row per step or one for all, common to all agents or one per agent.
pub(crate) enum BaselineRows<'py, T: Element + 'static> {
    PerAgent(Steps<'py, T>),
    Common(PyReadonlyArray2<'py, f64>),
}

impl<'py, T: Element + 'static> BaselineRows<'py, T> {
    /// Borrows the arrays.
    pub(crate) fn extract(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        match object.cast::<PyArray2<f64>>() {
            Ok(rows) => rows.try_readonly().map(Self::Common).map_err(in_use),
            Err(_) => Steps::extract(object).map(Self::PerAgent),
        }
    }
}

/// Views of [`BaselineRows`].
pub(crate) enum BaselineViews<'a, T> {
    Zero,
    Common(Vec<Vec<f64>>),
    PerAgent(StepViews<'a, T>),
}

impl<'a, T: Element + Real> BaselineViews<'a, T> {
    /// The views of a baseline for `steps` steps.
    pub(crate) fn new(
        rows: Option<&'a BaselineRows<'_, T>>,
        steps: usize,
    ) -> PyResult<BaselineViews<'a, T>> {
        let views = match rows {
            None => return Ok(BaselineViews::Zero),
            Some(BaselineRows::Common(rows)) => BaselineViews::Common(
                rows.as_array().outer_iter().map(|row| row.to_vec()).collect(),
            ),
            Some(BaselineRows::PerAgent(rows)) => BaselineViews::PerAgent(rows.views()?),
        };
        let got = match &views {
            BaselineViews::Zero => 1,
            BaselineViews::Common(rows) => rows.len(),
            BaselineViews::PerAgent(rows) => rows.shape().0,
        };
        if got == 1 || got == steps {
            Ok(views)
        } else {
            Err(message(format!("baseline: {got} steps, 1 or {steps} wanted")))
        }
    }

    /// Hands the baseline of one step to `work`.
    pub(crate) fn with_step<R>(
        &self,
        step: usize,
        work: impl FnOnce(aumann_core::Baseline<'_, T>) -> aumann_core::Result<R>,
    ) -> aumann_core::Result<R> {
        match self {
            Self::Zero => work(aumann_core::Baseline::Zero),
            Self::Common(rows) => {
                work(aumann_core::Baseline::Common(&rows[step.min(rows.len() - 1)]))
            }
            Self::PerAgent(rows) => rows.with_step(step.min(rows.shape().0 - 1), |features| {
                work(aumann_core::Baseline::PerAgent(features))
            }),
        }
    }
}

/// Per-step masks of the agents present.
pub(crate) fn masks<'a>(
    presence: Option<&'a PyReadonlyArray2<'_, bool>>,
    (steps, agents): (usize, usize),
) -> PyResult<Option<&'a [bool]>> {
    let Some(presence) = presence else { return Ok(None) };
    if presence.as_array().dim() != (steps, agents) {
        let got = presence.as_array().dim();
        return Err(message(format!("presence: shape {got:?}, ({steps}, {agents}) wanted")));
    }
    let slice = presence.as_array().to_slice();
    slice.map(Some).ok_or_else(|| message("presence: C order wanted"))
}

/// Refuses what cannot be cut into steps.
pub(crate) fn not_empty((steps, agents, features): (usize, usize, usize)) -> PyResult<()> {
    if steps * agents * features == 0 {
        return Err(value_error(aumann_core::Error::Empty));
    }
    Ok(())
}
