//! Aumann-Shapley: each agent's part of F(X) - F(B) along the straight path from B to X.

use super::of_present;
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::value_function::{Outcome, ValueFunction};

/// Writes every agent's Aumann-Shapley attribution of one step to `out`, by the closed form of the
/// value function. Absent agents get zero. Reads the features two or three times; extra memory is a
/// constant per thread, and at most 16 bytes per agent for the Gini mean difference,
/// 44 where it has a baseline per agent.
///
/// Source: Aumann and Shapley, Values of Non-Atomic Games (1974); closed forms in
/// "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, appendix F.
///
/// # Errors
/// What the value function refuses, and [`crate::Error::Shape`] where `out` or the baseline do not fit.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, aumann_shapley, value_function::Variance};
///
/// let x = Step::new(Features::rows(&[0.0, 0.0, 1.0, 2.0, 0.0, 3.0], 2)?)?;
/// let mut out = [0.0; 3];
/// let outcome = aumann_shapley(&Variance::new(None)?, &x, &Baseline::Zero, &mut out)?;
/// assert_eq!(out, [0.0, 1.0, 1.0]);
/// assert_eq!(outcome.value, 2.0);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn aumann_shapley<T: Real>(
    function: &(impl ValueFunction<T> + ?Sized),
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    of_present(x, baseline, out, |out| function.aumann_shapley(x, baseline, out))
}
