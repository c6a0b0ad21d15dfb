//! Sampled values: samplers of the value functions, and the moments that Python keeps.

use crate::arrays::{BaselineRows, BaselineViews, Steps, masks, not_empty};
use crate::attribute::{Function, is_single, mask_of};
use crate::errors::{guard, message, value_error};
use crate::pool;
use crate::waiting;
use aumann_core::abandon::{self, caught};
use aumann_core::random::Draw;
use aumann_core::{
    self as core, BATCH, Coalitions, Drawn, Error, Game, Orders, Plan, Real, Step, blocks, memory,
};
use numpy::ndarray::Axis;
use numpy::prelude::*;
use numpy::{Element, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

/// What a plan is called in Python: its kind, and two flags.
type PlanName = (String, bool, bool);

/// Seed, first and last + 1 sample number.
type Run = (u64, u64, u64);

fn read_plan((kind, first, second): &PlanName) -> PyResult<Plan> {
    match kind.as_str() {
        "orders" => Ok(Plan::Orders(Orders { antithetic: *first, control_variate: *second })),
        "coalitions" => Ok(Plan::Coalitions { reuse: *first }),
        _ => Err(message(format!("plan: {kind:?}, 'orders' or 'coalitions' is wanted"))),
    }
}

/// What exceeds the unit of the sums is told apart.
fn overflow(error: Error) -> PyErr {
    match error {
        Error::Sample { .. } | Error::CoalitionValue { .. } => {
            PyOverflowError::new_err(error.to_string())
        }
        error => value_error(error),
    }
}

/// One number per agent.
type Numbers<'py> = Bound<'py, PyArray1<f64>>;

/// A type, what it is called with, and the state that the new object takes in.
type Reduced<'py> = (Bound<'py, PyType>, (usize, f64, bool), Bound<'py, PyBytes>);

/// Sums of samples per agent, in fixed point.
#[pyclass(module = "aumann._core")]
#[derive(Clone)]
pub(crate) struct Moments {
    moments: core::Moments,
}

#[pymethods]
impl Moments {
    #[new]
    fn new(py: Python<'_>, players: usize, bound: f64, reuse: bool) -> PyResult<Self> {
        let new = if reuse { core::Moments::of_reused } else { core::Moments::new };
        Ok(Self { moments: on_pool(py, false, || new(players, bound))? })
    }

    #[getter]
    fn players(&self) -> usize {
        self.moments.players()
    }

    #[getter]
    fn samples(&self) -> u64 {
        self.moments.samples()
    }

    /// Adds one sample: a number per agent.
    fn add(&mut self, py: Python<'_>, sample: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        let sample = sample.as_array();
        if sample.len() != self.moments.players() {
            let (got, wanted) = (sample.len(), self.moments.players());
            return Err(message(format!("sample: {got} numbers, {wanted} wanted")));
        }
        let moments = &mut self.moments;
        let large = moments.players() > blocks::CHUNK;
        on_pool_or(py, large, overflow, || {
            moments.add(|players, out| {
                out.iter_mut().zip(players).for_each(|(value, player)| *value = sample[player]);
            })
        })
    }

    /// Adds the values of coalitions, one per row, that serve all agents.
    fn add_coalitions(
        &mut self,
        py: Python<'_>,
        coalitions: PyReadonlyArray2<'_, bool>,
        values: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<()> {
        let (coalitions, values) = (coalitions.as_array(), values.as_array());
        let players = self.moments.players();
        if coalitions.dim() != (values.len(), players) {
            let (got, values) = (coalitions.dim(), values.len());
            return Err(message(format!(
                "coalitions: shape {got:?}, ({values}, {players}) wanted"
            )));
        }
        let moments = &mut self.moments;
        let mut words = on_pool(py, false, || Ok(memory::zeros::<u64>(players)))?;
        for (start, rows) in coalitions.axis_chunks_iter(Axis(0), BATCH).enumerate() {
            words.fill(0);
            let mut batch = [0.0; BATCH];
            for (bit, row) in rows.outer_iter().enumerate() {
                words.iter_mut().zip(row).for_each(|(word, &in_)| *word |= u64::from(in_) << bit);
                batch[bit] = values[start * BATCH + bit];
            }
            on_pool_or(py, players > blocks::CHUNK, overflow, || {
                moments.add_reused(&words, 0..rows.nrows(), &batch)
            })?;
        }
        Ok(())
    }

    /// The unit of the sums.
    #[getter]
    fn quantum(&self) -> f64 {
        self.moments.quantum()
    }

    /// What a sample may be at most.
    #[getter]
    fn bound(&self) -> f64 {
        self.moments.bound()
    }

    /// The same samples, to be added to.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        on_pool(py, false, || Ok(self.clone()))
    }

    /// The samples of both.
    fn merged(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        on_pool(py, false, || {
            let mut moments = self.moments.clone();
            moments.merge(&other.moments)?;
            Ok(Self { moments })
        })
    }

    /// Estimates and standard errors.
    fn estimate<'py>(&self, py: Python<'py>) -> PyResult<(Numbers<'py>, Numbers<'py>)> {
        let (values, errors) =
            on_pool(py, self.moments.players() > blocks::CHUNK, || Ok(self.moments.estimates()))?;
        Ok((PyArray1::from_vec(py, values), PyArray1::from_vec(py, errors)))
    }

    /// How pickle and copy make them anew: empty ones, which then take in the bytes of these.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, this) = (slf.py(), slf.borrow());
        let moments = &this.moments;
        let bytes = on_pool(py, false, || Ok(moments.to_bytes()))?;
        Ok((slf.get_type(), (0, 0.0, false), PyBytes::new(py, &bytes)))
    }

    fn __setstate__(&mut self, py: Python<'_>, state: &[u8]) -> PyResult<()> {
        self.moments = on_pool(py, false, || core::Moments::from_bytes(state))?;
        Ok(())
    }
}

/// Draws samples of a value function at one step.
#[pyclass(module = "aumann._core")]
pub(crate) struct Sampler {
    sampler: core::Sampler,
    fingerprint: u64,
}

#[pymethods]
impl Sampler {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "those of `attribute`, and the plan")]
    fn new(
        py: Python<'_>,
        function: String,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        x: Bound<'_, PyAny>,
        baseline: Option<Bound<'_, PyAny>>,
        presence: Option<PyReadonlyArray2<'_, bool>>,
        plan: PlanName,
        seed: u64,
        step: u32,
        drawn: Option<(PyRef<'_, Moments>, Vec<Run>)>,
    ) -> PyResult<Self> {
        let function = Function::new(function, weights);
        let (presence, plan) = (presence.as_ref(), read_plan(&plan)?);
        let (game, fingerprint) = if is_single(&x)? {
            game::<f32>(py, &function, &x, baseline, presence)?
        } else {
            game::<f64>(py, &function, &x, baseline, presence)?
        };
        let drawn = drawn.as_ref().map(|(moments, runs)| (&moments.moments, runs));
        let sampler = waiting::detached(py, true, || {
            let mut sampler = core::Sampler::new(game, plan, seed, step)?;
            if let Some((moments, runs)) = drawn {
                let of_run = |&(seed, start, end): &Run| Drawn { seed, samples: start..end };
                let drawn: Vec<Drawn> = runs.iter().map(of_run).collect();
                sampler.resume(moments, &drawn)?;
            }
            Ok(sampler)
        })?
        .map_err(value_error)?;
        Ok(Self { sampler, fingerprint })
    }

    /// Draws the samples with these numbers; those drawn until Ctrl-C are kept.
    fn run(&mut self, py: Python<'_>, start: u64, stop: u64) -> PyResult<()> {
        let sampler = &mut self.sampler;
        let work = 2 * sampler.moments().players() as u64 * stop.saturating_sub(start);
        let large = work > blocks::CHUNK as u64;
        waiting::detached(py, large, || sampler.run(start..stop))?.map_err(value_error)
    }

    /// The samples so far, as they are now.
    #[getter]
    fn moments(&self, py: Python<'_>) -> PyResult<Moments> {
        Ok(Moments { moments: on_pool(py, false, || Ok(self.sampler.moments().clone()))? })
    }

    /// How many samples there are.
    #[getter]
    fn samples(&self) -> u64 {
        self.sampler.moments().samples()
    }

    #[getter]
    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The values of all agents and of none.
    #[getter]
    fn ends(&self) -> (f64, f64) {
        (self.sampler.value(), self.sampler.baseline_value())
    }
}

/// Runs the core without the interpreter; on the pool where that pays.
fn on_pool<R: Send>(
    py: Python<'_>,
    large: bool,
    work: impl FnOnce() -> core::Result<R> + Send,
) -> PyResult<R> {
    on_pool_or(py, large, value_error, work)
}

/// As [`on_pool`], with errors made by `explain`.
fn on_pool_or<R: Send>(
    py: Python<'_>,
    large: bool,
    explain: fn(Error) -> PyErr,
    work: impl FnOnce() -> core::Result<R> + Send,
) -> PyResult<R> {
    // Not to be given up half-way: what is changed in place is changed in whole.
    let work = || guard(|| caught(work));
    let result = py.detach(|| match large {
        true => pool::install(work)?,
        false => work(),
    })?;
    result.map_err(explain)
}

/// The game of the only step of x, and its fingerprint.
fn game<T: Real + Element>(
    py: Python<'_>,
    function: &Function,
    x: &Bound<'_, PyAny>,
    baseline: Option<Bound<'_, PyAny>>,
    presence: Option<&PyReadonlyArray2<'_, bool>>,
) -> PyResult<(Box<dyn Game>, u64)> {
    let x = Steps::<T>::extract(x)?;
    let x = x.views()?;
    not_empty(x.shape())?;
    let (steps, agents, _) = x.shape();
    if steps != 1 {
        return Err(message(format!("x: {steps} steps, 1 wanted")));
    }
    let baseline = baseline.map(|rows| BaselineRows::<T>::extract(&rows)).transpose()?;
    let baseline = BaselineViews::new(baseline.as_ref(), 1)?;
    let masks = masks(presence, (1, agents))?;
    let function = function.build::<T>()?;
    // The Gini mean difference ranks two values per agent.
    let game = waiting::detached(py, 2 * agents > blocks::CHUNK, || {
        x.with_step(0, |features| {
            let x = Step::with_presence(features, mask_of(masks, 0, agents))?;
            baseline.with_step(0, |baseline| {
                baseline.check(x.features())?;
                Ok((function.game(&x, &baseline)?, core::fingerprint(&x, &baseline)))
            })
        })
    })?;
    game.map_err(value_error)
}

/// The players of a random order, the first to join first.
#[pyfunction]
pub(crate) fn random_order(
    py: Python<'_>,
    seed: u64,
    step: u32,
    sample: u64,
    players: usize,
) -> PyResult<Bound<'_, PyArray1<i64>>> {
    let order = waiting::detached(py, players > blocks::CHUNK, || {
        Ok(core::random_order(Draw { seed, step, sample }, players))
    })?;
    // In the memory of the order.
    let order = order.map_err(value_error)?.into_iter().map(|player| player as i64).collect();
    Ok(PyArray1::from_vec(py, order))
}

/// Random coalitions with these numbers, one per row.
#[pyfunction]
pub(crate) fn random_coalitions(
    py: Python<'_>,
    seed: u64,
    step: u32,
    start: u64,
    stop: u64,
    players: usize,
) -> PyResult<Bound<'_, PyArray2<bool>>> {
    let rows = stop.saturating_sub(start) as usize;
    let members = waiting::detached(py, players > blocks::CHUNK, || {
        let mut members = memory::zeros::<bool>(rows.saturating_mul(players));
        let (size, mut drawn) = (BATCH as u64, Coalitions::default());
        for (row, number) in members.chunks_mut(players.max(1)).zip(start..) {
            abandon::look();
            if number == start || number % size == 0 {
                drawn.draw(Draw { seed, step, sample: number / size }, players);
            }
            let bit = (number % size) as usize;
            row.iter_mut().enumerate().for_each(|(player, is)| *is = drawn.has(player, bit));
        }
        Ok(members)
    })?;
    PyArray1::from_vec(py, members.map_err(value_error)?).reshape([rows, players])
}
