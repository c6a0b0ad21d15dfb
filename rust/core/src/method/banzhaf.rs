//! Banzhaf: the mean, over all coalitions of the others, of what each agent adds.

use super::{Enumeration, exact};
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::value_function::{Outcome, ValueFunction};

/// Writes every agent's Banzhaf value of one step to `out`, by the closed form of the value function or, for at most
/// [`crate::MAX_ENUMERATED`] agents, from the values of all coalitions.
/// Coalitions, absent agents and costs are those of [`crate::shapley()`].
///
/// The value functions with a closed form are sums over pairs, for which Banzhaf and Shapley are the
/// same number. In general Banzhaf values do not add up to F(X) - F(B).
///
/// Source: Banzhaf, Weighted Voting Doesn't Work (1965).
///
/// # Errors
/// What the value function refuses, [`crate::Error::NoClosedForm`], and [`crate::Error::Shape`] where
/// `out` or the baseline do not fit.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, banzhaf, value_function::Variance};
///
/// let x = Step::new(Features::rows(&[0.0, 1.0, 5.0], 1)?)?;
/// let mut out = [0.0; 3];
/// banzhaf(&Variance::new(None)?, &x, &Baseline::Common(&[2.0]), &mut out)?;
/// assert_eq!(out, [4.0 / 3.0, 1.0 / 3.0, 3.0]);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn banzhaf<T: Real>(
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
        |out| function.banzhaf(x, baseline, out),
        Enumeration::banzhaf,
    )
}
