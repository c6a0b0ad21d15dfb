//! The methods: one file each, generic over the value functions.

mod aumann_shapley;
mod banzhaf;
mod enumeration;
mod leave_one_out;
mod mean_field;
mod sampler;
mod shapley;

use crate::abandon::caught;
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::game::MAX_ENUMERATED;
use crate::real::Real;
use crate::statistics::{Absorb, Scale};
use crate::value_function::{Outcome, ValueFunction};

pub use aumann_shapley::aumann_shapley;
pub use banzhaf::banzhaf;
pub use enumeration::{Enumeration, leave_one_out_of};
pub use leave_one_out::leave_one_out;
pub use mean_field::{banzhaf_mean_field, shapley_mean_field};
pub use sampler::{Drawn, Plan, Sampler};
pub use shapley::shapley;

/// By the closed form that `closed` is, or from the values of all coalitions where there is none and
/// the present agents are few.
fn exact<T: Real>(
    function: &(impl ValueFunction<T> + ?Sized),
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
    closed: impl FnOnce(&mut [T]) -> Result<Outcome>,
    enumerated: impl FnOnce(&Enumeration) -> Vec<f64>,
) -> Result<Outcome> {
    of_present(x, baseline, out, |out| match closed(out) {
        Err(Error::NoClosedForm { .. }) if x.present() <= MAX_ENUMERATED => {
            let game = function.game(x, baseline)?;
            let mut values = enumerated(&Enumeration::of(game.as_ref())?);
            settle_axioms(x, baseline, &mut values);
            let mut scale = Scale::by(1.0);
            for (value, exact) in out.iter_mut().zip(values) {
                *value = T::from_f64(exact);
            }
            scale.absorb(out);
            let sums = Absorb::<T>::total(scale);
            let outcome = Outcome::closed_form(game.value()?, game.baseline_value()?, sums);
            if !sums.sum.is_finite() {
                return Err(Error::Overflow { real: T::NAME });
            }
            Ok(Outcome { estimator: "enumeration", ..outcome })
        }
        outcome => outcome,
    })
}

/// Gives equal agents the mean of their values, and agents at their baseline zero: coalitions are
/// added up in an order that leaves them a last bit apart.
fn settle_axioms<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>, values: &mut [f64]) {
    let (agents, d) = (x.present_agents(), x.features().features());
    let row = baseline.row(d);
    let read = |rows: &Features<'_, T>, agent: usize| -> Vec<f64> {
        let mut value = [T::ZERO];
        let of_feature = |feature| {
            rows.gather(feature, &[agent], &mut value);
            value[0].to_f64() + 0.0
        };
        (0..d).map(of_feature).collect()
    };
    let ends = |agent: usize| match baseline {
        Baseline::PerAgent(rows) => (read(x.features(), agent), read(rows, agent)),
        _ => (read(x.features(), agent), row.clone()),
    };
    let ends: Vec<_> = agents.into_iter().map(ends).collect();
    for (first, end) in ends.iter().enumerate() {
        let equal = || (0..ends.len()).filter(|&other| ends[other] == *end);
        if equal().next() != Some(first) {
            continue;
        }
        let mean = equal().map(|agent| values[agent]).sum::<f64>() / equal().count() as f64;
        equal().for_each(|agent| values[agent] = if end.0 == end.1 { 0.0 } else { mean });
    }
}

/// Checks that `out` and the baseline fit, lets `attribute` fill the part of `out` that is the
/// present agents', and spreads it over all agents.
fn of_present<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
    attribute: impl FnOnce(&mut [T]) -> Result<Outcome>,
) -> Result<Outcome> {
    let agents = x.agents();
    if out.len() != agents {
        let (got, wanted) = (out.len(), agents);
        return Err(Error::Shape { argument: "out", what: "agents", got, wanted });
    }
    baseline.check(x.features())?;
    let outcome = caught(|| attribute(&mut out[..x.present()]))?;
    x.expand(out);
    Ok(outcome)
}
