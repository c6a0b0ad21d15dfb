//! The methods: one file each, generic over the value functions.

mod aumann_shapley;
mod banzhaf;
mod enumeration;
mod leave_one_out;
mod sampler;
mod shapley;

use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::value_function::Outcome;

pub use aumann_shapley::aumann_shapley;
pub use banzhaf::banzhaf;
pub use enumeration::{Enumeration, MAX_ENUMERATED, leave_one_out_of};
pub use leave_one_out::leave_one_out;
pub use sampler::{Drawn, Plan, Sampler};
pub use shapley::shapley;

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
