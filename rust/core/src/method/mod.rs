//! The methods: one file each, generic over the value functions.

mod aumann_shapley;
mod banzhaf;
mod enumeration;
mod leave_one_out;
mod mean_field;
mod sampler;
mod shapley;

use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::statistics::{Absorb, Scale};
use crate::value_function::{Outcome, ValueFunction};

pub use aumann_shapley::aumann_shapley;
pub use banzhaf::banzhaf;
pub use enumeration::{Enumeration, MAX_ENUMERATED, leave_one_out_of};
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
            let mut scale = Scale::by(1.0);
            for (value, exact) in out.iter_mut().zip(enumerated(&Enumeration::of(game.as_ref())?)) {
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
    let outcome = attribute(&mut out[..x.present()])?;
    x.expand(out);
    Ok(outcome)
}
