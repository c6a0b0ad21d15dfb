//! The value functions: one file each, one line each in [`NAMES`] and [`from_descriptor`].

mod composite;
mod gini;
mod heat;
mod mean;
mod mean_function;
mod variance;

use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::Game;
use crate::real::Real;
use crate::statistics::Scaled;

pub use gini::GiniMeanDifference;
pub use heat::Heat;
pub use mean::Mean;
pub use mean_function::MeanFunction;
pub use variance::Variance;

/// What a method reports besides the attribution of every agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// F(X).
    pub value: f64,
    /// F(B).
    pub baseline_value: f64,
    /// Sum of the attributions as written.
    pub sum: f64,
    /// Sum of their magnitudes.
    pub magnitude: f64,
    /// Estimate of the largest error of an attribution, rounding apart; 0 where the way is exact.
    pub error: f64,
    /// How the attributions were found.
    pub estimator: &'static str,
}

impl Outcome {
    /// The outcome of a closed form, whose attributions have these sums.
    pub(crate) fn closed_form(value: f64, baseline_value: f64, sums: Scaled) -> Self {
        let Scaled { sum, magnitude, .. } = sums;
        Self { value, baseline_value, sum, magnitude, error: 0.0, estimator: "closed form" }
    }
}

/// A macro indicator of the agents present in a step.
pub trait ValueFunction<T: Real>: Send + Sync {
    /// F(X).
    ///
    /// # Errors
    /// [`Error::NonFinite`] or [`Error::Overflow`], and what the function's own domain asks for.
    fn value(&self, x: &Step<'_, T>) -> Result<f64>;

    /// Writes the Aumann-Shapley attribution of every present agent, in index order, to `out`,
    /// which has as many values as agents are present.
    ///
    /// # Errors
    /// As [`ValueFunction::value`], for x and baseline.
    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome>;

    /// The game of the present agents, in index order: those outside a coalition stand at their
    /// baseline.
    ///
    /// # Errors
    /// As [`ValueFunction::aumann_shapley`].
    fn game(&self, x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Box<dyn Game>>;

    /// As [`ValueFunction::aumann_shapley`], the Shapley value of the game in which agents outside
    /// a coalition stand at their baseline.
    ///
    /// # Errors
    /// As there, and [`Error::NoClosedForm`].
    fn shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome>;

    /// As [`ValueFunction::shapley`], the Banzhaf value. It is the same number for sums over pairs
    /// of agents; whatever is none must give its own.
    ///
    /// # Errors
    /// As there.
    fn banzhaf(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.shapley(x, baseline, out)
    }

    /// As [`ValueFunction::aumann_shapley`], what F loses where one agent stands at its baseline:
    /// these do not add up to F(X) - F(B).
    ///
    /// # Errors
    /// As there.
    fn leave_one_out(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome>;

    /// F as a function of the feature means, for the mean-field expansion.
    ///
    /// # Errors
    /// [`Error::NoMeanFunction`].
    fn mean_function(&self) -> Result<&dyn MeanFunction>;
}

/// A value function by name and parameters, as the bindings pass it.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'a> {
    /// One of [`NAMES`].
    pub name: &'a str,
    /// One weight per feature; none means 1 for each.
    pub weights: Option<&'a [f64]>,
}

/// Names of the value functions.
pub const NAMES: [&str; 4] = ["mean", "heat", "variance", "gini"];

/// The value function that a descriptor names.
///
/// # Errors
/// [`Error::UnknownValueFunction`], [`Error::NoWeights`], [`Error::NonFinite`] for weights.
pub fn from_descriptor<T: Real>(descriptor: &Descriptor<'_>) -> Result<Box<dyn ValueFunction<T>>> {
    let weights = descriptor.weights;
    Ok(match descriptor.name {
        "mean" => Box::new(Mean::new(weights)?),
        "heat" => Box::new(Heat::new(weights)?),
        "variance" => Box::new(Variance::new(weights)?),
        "gini" => Box::new(GiniMeanDifference::new(weights)?),
        name => {
            let known = NAMES.to_vec();
            return Err(Error::UnknownValueFunction { name: name.to_owned(), known });
        }
    })
}
