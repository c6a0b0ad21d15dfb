//! Shapley and Banzhaf of a function of the feature means, expanded in 1/n about the path.
//!
//! A coalition that holds each agent with probability t has means near a point of the path. With
//! `D_i = x_i - b_i`, `S = mean of D D'`, `M3 = mean of D x D x D` and `v = t (1 - t)`, an agent
//! adds, by orders of 1/n, at that point
//!
//! ```text
//! 0: G'[D_i] / n
//! 1: (v/2 G'''[D_i,S] + (1/2 - t) G''[D_i,D_i]) / n^2
//! 2: ((1/6 - v) G'''[D_i,D_i,D_i] + (1/2 - t) v/2 G''''[D_i,D_i,S]
//!     + (1/2 - t) v/3 G''''[D_i,M3] + v^2/8 G'''''[D_i,S,S]) / n^3
//! ```
//!
//! Shapley is the integral over t, Banzhaf the value at t = 1/2. Integrated by parts, each
//! correction of Shapley adds up to zero over the agents, so that efficiency stays exact.

mod coefficients;
mod domain;
mod kernels;

use super::of_present;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::baseline_means;
use crate::real::Real;
use crate::value_function::{MeanFunction, Outcome};
use coefficients::Expansion;
use kernels::Largest;

/// Where on the path G is expanded.
#[derive(Clone, Copy)]
enum Along {
    /// Everywhere: Shapley.
    Path,
    /// In its middle: Banzhaf.
    Middle,
}

/// Estimators by their order.
const ESTIMATORS: [&str; 3] = [
    "mean-field expansion of order 0",
    "mean-field expansion of order 1",
    "mean-field expansion of order 2",
];

/// Largest number of features by order: of derivatives and moments there are as many as tuples of
/// up to three features, and at order 2 of up to five.
const MOST_FEATURES: [usize; 3] = [64, 64, 16];

/// Writes the Shapley value of every agent of one step to `out`, by an expansion in 1/n of order 0,
/// 1 or 2. Order 0 is Aumann-Shapley. Absent agents get zero. Reads the features twice; extra memory
/// is a constant per thread. At most 64 features, and 16 at order 2. A step in which few agents are
/// active counts as one of few agents.
///
/// The values add up to F(X) - F(B). `error` of the outcome is about the largest error of an
/// attribution, judged by the corrections. Where it is a sizeable part of the largest attribution the
/// expansion has not converged, and none of its numbers is to be trusted: one agent, or a few, make
/// up much of a mean. Sampling has no such limit.
///
/// # Errors
/// What the function of the means refuses along the path or in a coalition, as far as coalitions are
/// searched; [`Error::ExpansionOrder`], [`Error::ExpansionFeatures`], [`Error::RoughPath`], and
/// [`Error::Shape`] where `out` or the baseline do not fit.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, shapley_mean_field, value_function::Heat};
///
/// let x: Vec<f64> = (0..3_000).map(|i| f64::from(i % 7)).collect();
/// let x = Step::new(Features::rows(&x, 3)?)?;
/// let mut out = [0.0; 1_000];
/// let outcome = shapley_mean_field(&Heat::new(None)?, 2, &x, &Baseline::Zero, &mut out)?;
/// assert!((outcome.sum / outcome.value - 1.0).abs() < 1e-14);
/// assert!(outcome.error < 1e-7);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn shapley_mean_field<T: Real>(
    function: &(impl MeanFunction + ?Sized),
    order: usize,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    of_present(x, baseline, out, |out| expand(function, Along::Path, order, x, baseline, out))
}

/// As [`shapley_mean_field`], the Banzhaf value. Order 0 is the gradient in the middle of the path;
/// the values do not add up to F(X) - F(B).
///
/// # Errors
/// As there.
///
/// # Examples
/// ```
/// use aumann_core::{Baseline, Features, Step, banzhaf_mean_field, value_function::Heat};
///
/// let x = Step::new(Features::rows(&[1.0; 1_000], 1)?)?;
/// let mut out = [0.0_f64; 1_000];
/// banzhaf_mean_field(&Heat::new(None)?, 2, &x, &Baseline::Zero, &mut out)?;
/// assert!((out[0] * 1_000.0 - 1.0 / 1.5).abs() < 1e-3);
/// # Ok::<(), aumann_core::Error>(())
/// ```
pub fn banzhaf_mean_field<T: Real>(
    function: &(impl MeanFunction + ?Sized),
    order: usize,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    of_present(x, baseline, out, |out| expand(function, Along::Middle, order, x, baseline, out))
}

fn expand<T: Real>(
    function: &(impl MeanFunction + ?Sized),
    along: Along,
    order: usize,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let estimator = *ESTIMATORS.get(order).ok_or(Error::ExpansionOrder { order })?;
    let (features, most) = (x.features().features(), MOST_FEATURES[order]);
    if features > most {
        return Err(Error::ExpansionFeatures { features, order, most });
    }
    let moments = kernels::moments(x, baseline, order);
    let base: Vec<f64> = baseline_means(x, baseline).iter().map(|mean| mean.high).collect();
    let means: Vec<f64> = base.iter().zip(&moments.means).map(|(b, mean)| b + mean).collect();
    if !moments.all().chain(&base).all(|moment| moment.is_finite()) {
        return Err(x.explain_non_finite(baseline));
    }
    let value = function.of_means(&means, 1.0)?;
    let baseline_value = function.of_means(&base, 0.0)?;
    domain::check(function, x, baseline, &base, &moments)?;
    let expansion = Expansion { function, base: &base, means: &means, moments: &moments };
    let polynomials = expansion.polynomials(along, order, x.present())?;
    let (sums, largest) = kernels::apply(x, baseline, &polynomials, order, out);
    let error = error(order, largest);
    if !(sums.sum + error).is_finite() {
        return Err(x.explain_non_finite(baseline));
    }
    let outcome = Outcome::closed_form(value, baseline_value, sums);
    Ok(Outcome { error, estimator, ..outcome })
}

/// About the largest error of an attribution. Corrections fall by about the same factor from order to
/// order; but one of them may be small by chance, as it changes its sign. The factors are those that
/// cover the errors of 19 in 20 populations of a dozen agents, of whom some hold most.
fn error(order: usize, largest: Largest) -> f64 {
    let Largest { attribution, corrections: [first, second] } = largest;
    if order < 2 {
        return 2.0 * first;
    }
    let expected = if attribution > 0.0 { first * (first / attribution) } else { 0.0 };
    (3.0 * second).max(6.0 * expected)
}
