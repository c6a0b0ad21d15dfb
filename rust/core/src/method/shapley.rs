//! Shapley: the mean, over all orders, of what each agent adds when it joins those before it.

use super::{Enumeration, exact};
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::value_function::{Outcome, ValueFunction};

/// Writes every agent's Shapley value of one step to `out`, by the closed form of the value
/// function or, for at most [`crate::MAX_ENUMERATED`] agents, from the values of all coalitions: agents outside a coalition stand at their baseline, n is the same for all coalitions.
/// Absent agents get zero. The Gini mean difference wants 20 bytes per agent of extra memory under
/// baselines per agent, otherwise costs are those of [`crate::aumann_shapley()`].
///
/// The values add up to F(X) - F(B). They equal Aumann-Shapley for the mean and the variance, which
/// are sums over pairs, and not for the Gini mean difference.
///
/// Source: Shapley, A Value for n-Person Games (1953).
///
/// # Errors
/// What the value function refuses, [`crate::Error::NoClosedForm`], and [`crate::Error::Shape`] where
/// `out` or the baseline do not fit.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, shapley, value_function::GiniMeanDifference};
///
/// let x = Step::new(Features::rows(&[0.0, 1.0, 2.0, 3.0], 1)?)?;
/// let mut out = [0.0; 4];
/// let outcome = shapley(&GiniMeanDifference::new(None)?, &x, &Baseline::Zero, &mut out)?;
/// assert_eq!(out, [0.0, 0.125, 0.375, 0.75]);
/// assert_eq!(outcome.value, 1.25);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn shapley<T: Real>(
    function: &(impl ValueFunction<T> + ?Sized),
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    exact(
        function,
        x,
        baseline,
        out,
        |out| function.shapley(x, baseline, out),
        Enumeration::shapley,
    )
}
