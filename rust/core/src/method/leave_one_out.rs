//! Leave-one-out: what F loses where one agent stands at its baseline.

use super::of_present;
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::value_function::{Outcome, ValueFunction};

/// Writes F(X) less F where one agent stands at its baseline, for every agent of one step, to `out`.
/// n is the same for both; absent agents get zero. Costs are those of [`crate::shapley()`], and one
/// logarithm per agent for the heat.
///
/// These values do not add up to F(X) - F(B): interactions are counted for each agent in them.
///
/// # Errors
/// What the value function refuses, and [`crate::Error::Shape`] where
/// `out` or the baseline do not fit.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, leave_one_out, value_function::Variance};
///
/// let x = Step::new(Features::rows(&[0.0, 0.0, 3.0], 1)?)?;
/// let mut out = [0.0; 3];
/// let outcome = leave_one_out(&Variance::new(None)?, &x, &Baseline::Zero, &mut out)?;
/// assert_eq!(out, [0.0, 0.0, 2.0]);
/// assert_eq!(outcome.value, 2.0);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn leave_one_out<T: Real>(
    function: &(impl ValueFunction<T> + ?Sized),
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    of_present(x, baseline, out, |out| function.leave_one_out(x, baseline, out))
}
