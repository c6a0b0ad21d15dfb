//! Attribution and evaluation of value functions: extract, borrow, detach, convert.

use crate::arrays::{BaselineRows, BaselineViews, StepViews, Steps, masks, not_empty, writeable};
use crate::errors::{message, value_error};
use crate::waiting;
use aumann_core::abandon::Watched;
use aumann_core::{
    Baseline, Descriptor, Outcome, Real, Result, Step, ValueFunction, aumann_shapley, banzhaf,
    banzhaf_mean_field, blocks, from_descriptor, leave_one_out, shapley, shapley_mean_field,
};
use numpy::ndarray::Array2;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayDescrMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadwriteArray2, PyUntypedArray, PyUntypedArrayMethods, ToPyArray, dtype,
};
use pyo3::prelude::*;
use pyo3::types::PyList;
use rayon::prelude::*;

/// Agents times steps that are handed to the core at once: about a tenth of a second of the slowest
/// kernel, between two looks for Ctrl-C.
const BATCH: usize = 8_000_000;

/// Per step F(X), F(B), sum and sum of magnitudes of the attributions; their error; their estimator.
type Answer<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, Vec<&'static str>);

/// Which value of the agents, and for an expansion its order.
#[derive(Clone, Copy)]
enum Method {
    AumannShapley,
    Shapley,
    Banzhaf,
    LeaveOneOut,
    ShapleyMeanField(usize),
    BanzhafMeanField(usize),
}

impl Method {
    fn new(name: &str, order: Option<usize>) -> PyResult<Self> {
        match (name, order) {
            ("aumann_shapley", None) => Ok(Self::AumannShapley),
            ("shapley", None) => Ok(Self::Shapley),
            ("banzhaf", None) => Ok(Self::Banzhaf),
            ("leave_one_out", None) => Ok(Self::LeaveOneOut),
            ("shapley", Some(order)) => Ok(Self::ShapleyMeanField(order)),
            ("banzhaf", Some(order)) => Ok(Self::BanzhafMeanField(order)),
            _ => Err(message(format!("method: {name:?} of order {order:?} is not known"))),
        }
    }

    /// Whether all coalitions of the present ones of so many agents might be enumerated, in parallel.
    fn may_enumerate(self, agents: usize) -> bool {
        const PARALLEL_FROM: usize = 15;
        let small = (PARALLEL_FROM..=blocks::CHUNK).contains(&agents);
        small && matches!(self, Self::Shapley | Self::Banzhaf)
    }

    fn apply<T: Real>(
        self,
        function: &dyn ValueFunction<T>,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        match self {
            Self::AumannShapley => aumann_shapley(function, x, baseline, out),
            Self::Shapley => shapley(function, x, baseline, out),
            Self::Banzhaf => banzhaf(function, x, baseline, out),
            Self::LeaveOneOut => leave_one_out(function, x, baseline, out),
            Self::ShapleyMeanField(order) => {
                shapley_mean_field(function.mean_function()?, order, x, baseline, out)
            }
            Self::BanzhafMeanField(order) => {
                banzhaf_mean_field(function.mean_function()?, order, x, baseline, out)
            }
        }
    }
}

/// A value function, by name and weights.
pub(crate) struct Function {
    name: String,
    weights: Option<Vec<f64>>,
}

impl Function {
    pub(crate) fn new(name: String, weights: Option<PyReadonlyArray1<'_, f64>>) -> Self {
        Self { name, weights: weights.map(|weights| weights.as_array().to_vec()) }
    }

    pub(crate) fn build<T: Real>(&self) -> PyResult<Box<dyn ValueFunction<T>>> {
        let descriptor = Descriptor { name: &self.name, weights: self.weights.as_deref() };
        from_descriptor(&descriptor).map_err(value_error)
    }
}

/// Runs `work` on every item; on the pool where that pays, looking for Ctrl-C between batches.
fn run<I: Send, R: Send>(
    py: Python<'_>,
    agents: usize,
    enumerates: bool,
    mut items: Vec<I>,
    work: impl Fn(I) -> Result<R> + Sync,
) -> PyResult<Vec<R>> {
    // A step that is enumerated takes up to a second.
    let batch = if enumerates { 1 } else { (BATCH / agents.max(1)).max(1) };
    let mut results = Vec::with_capacity(items.len());
    while !items.is_empty() {
        let rest = items.split_off(items.len().min(batch));
        let now = std::mem::replace(&mut items, rest);
        let large = now.len() * agents > blocks::CHUNK || enumerates;
        // Large steps are parallel inside; several at once would only multiply their scratch.
        let serial = !large || agents > blocks::CHUNK || enumerates;
        let found = waiting::detached(py, large, || {
            let watched = Watched::current();
            let work = |item| {
                watched.look();
                watched.over(|| work(item))
            };
            // Collected first, so that the earliest step's error is the one reported.
            Ok(match serial {
                true => now.into_iter().map(work).collect::<Vec<_>>(),
                false => now.into_par_iter().map(work).collect(),
            })
        })?;
        for result in found.map_err(value_error)? {
            results.push(result.map_err(value_error)?);
        }
        py.check_signals()?;
    }
    Ok(results)
}

pub(crate) fn mask_of(masks: Option<&[bool]>, step: usize, agents: usize) -> Option<&[bool]> {
    masks.map(|masks| &masks[step * agents..][..agents])
}

/// Attributes every step.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "a flat signature is what Python calls fastest")]
pub(crate) fn attribute<'py>(
    py: Python<'py>,
    function: String,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    method: &str,
    order: Option<usize>,
    x: Bound<'py, PyAny>,
    baseline: Option<Bound<'py, PyAny>>,
    presence: Option<PyReadonlyArray2<'py, bool>>,
    out: Bound<'py, PyAny>,
) -> PyResult<Answer<'py>> {
    let function = Function::new(function, weights);
    let method = Method::new(method, order)?;
    if let Some(out) = writeable::<f64>(&out)? {
        return attribute_as(py, &function, method, &x, baseline, presence, out);
    }
    match writeable::<f32>(&out)? {
        Some(out) => attribute_as(py, &function, method, &x, baseline, presence, out),
        None => Err(message("out: a (T, N) float64 or float32 array is wanted")),
    }
}

fn attribute_as<'py, T: Real + Element>(
    py: Python<'py>,
    function: &Function,
    method: Method,
    x: &Bound<'py, PyAny>,
    baseline: Option<Bound<'py, PyAny>>,
    presence: Option<PyReadonlyArray2<'py, bool>>,
    mut out: PyReadwriteArray2<'py, T>,
) -> PyResult<Answer<'py>> {
    let x = Steps::<T>::extract(x)?;
    let x = x.views()?;
    not_empty(x.shape())?;
    let (steps, agents, _) = x.shape();
    let baseline = baseline.map(|rows| BaselineRows::<T>::extract(&rows)).transpose()?;
    let baseline = BaselineViews::new(baseline.as_ref(), steps)?;
    let masks = masks(presence.as_ref(), (steps, agents))?;
    let function = function.build::<T>()?;
    if out.as_array().dim() != (steps, agents) {
        let got = out.as_array().dim();
        return Err(message(format!("out: shape {got:?}, ({steps}, {agents}) wanted")));
    }
    let mut view = out.as_array_mut();
    let out = view.as_slice_mut().ok_or_else(|| message("out: C order wanted"))?;
    let items: Vec<_> = out.chunks_mut(agents).enumerate().collect();
    let outcomes: Vec<Outcome> =
        run(py, agents, method.may_enumerate(agents), items, |(step, out)| {
            let attributed = x.with_step(step, |features| {
                let x = Step::with_presence(features, mask_of(masks, step, agents))?;
                baseline.with_step(step, |b| method.apply(function.as_ref(), &x, &b, out))
            });
            attributed.map_err(|error| locate(error, step, steps))
        })?;
    let row = |o: &Outcome| [o.value, o.baseline_value, o.sum, o.magnitude];
    let rows: Vec<[f64; 4]> = outcomes.iter().map(row).collect();
    let errors = outcomes.iter().map(|outcome| outcome.error).collect();
    let estimators = outcomes.iter().map(|outcome| outcome.estimator).collect();
    Ok((to_array(&rows).to_pyarray(py), PyArray1::from_vec(py, errors), estimators))
}

/// Names the step where there are several.
fn locate(error: aumann_core::Error, step: usize, steps: usize) -> aumann_core::Error {
    if steps > 1 { error.at_step(step) } else { error }
}

fn to_array<const K: usize>(rows: &[[f64; K]]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), K), |(step, k)| rows[step][k])
}

/// Applies `work` to every step of x.
fn per_step<'py, T: Real + Element, R: Send>(
    py: Python<'py>,
    x: &StepViews<'_, T>,
    presence: Option<&PyReadonlyArray2<'py, bool>>,
    work: impl Fn(&Step<'_, T>) -> Result<R> + Sync,
) -> PyResult<Vec<R>> {
    not_empty(x.shape())?;
    let (steps, agents, _) = x.shape();
    let masks = masks(presence, (steps, agents))?;
    run(py, agents, false, (0..steps).collect(), |step| {
        let found = x.with_step(step, |features| {
            work(&Step::with_presence(features, mask_of(masks, step, agents))?)
        });
        found.map_err(|error| locate(error, step, steps))
    })
}

/// Whether features, one array or a list of columns, are float32.
pub(crate) fn is_single(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    let first = if x.is_instance_of::<PyList>() { &x.get_item(0)? } else { x };
    Ok(first.cast::<PyUntypedArray>()?.dtype().is_equiv_to(&dtype::<f32>(x.py())))
}

/// F(X) of every step.
#[pyfunction]
pub(crate) fn value<'py>(
    py: Python<'py>,
    function: String,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    x: Bound<'py, PyAny>,
    presence: Option<PyReadonlyArray2<'py, bool>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let function = Function::new(function, weights);
    let presence = presence.as_ref();
    let values = if is_single(&x)? {
        let function = function.build::<f32>()?;
        per_step(py, &Steps::extract(&x)?.views()?, presence, |step| function.value(step))?
    } else {
        let function = function.build::<f64>()?;
        per_step(py, &Steps::extract(&x)?.views()?, presence, |step| function.value(step))?
    };
    Ok(PyArray1::from_vec(py, values))
}

/// Means of the features of every step.
#[pyfunction]
pub(crate) fn feature_means<'py>(
    py: Python<'py>,
    x: Bound<'py, PyAny>,
    presence: Option<PyReadonlyArray2<'py, bool>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let presence = presence.as_ref();
    let rows = if is_single(&x)? {
        per_step(py, &Steps::<f32>::extract(&x)?.views()?, presence, aumann_core::feature_means)?
    } else {
        per_step(py, &Steps::<f64>::extract(&x)?.views()?, presence, aumann_core::feature_means)?
    };
    PyArray2::from_vec2(py, &rows).map_err(|error| message(error.to_string()))
}
