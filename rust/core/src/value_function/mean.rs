//! Mean of the composite: `F = mean s_i`, `phi_i = (s_i - b_i) / n`: every method's value.

mod game;

use super::composite::{Weights, of_row};
use super::{MeanFunction, Outcome, ValueFunction};
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::game::Game;
use crate::linear::{baseline_means, feature_means, weighted_sum};
use crate::real::Real;
use crate::statistics::Scale;
use game::MeanGame;

/// Mean of the composite (the paper's linear indicator).
#[derive(Clone, Debug)]
pub struct Mean {
    weights: Weights,
}

impl Mean {
    /// With one weight per feature, or 1 for each.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] for weights.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        Ok(Self { weights: Weights::new(weights)? })
    }

    /// Writes what each agent adds to any coalition.
    fn marginals<T: Real, O: Real>(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [O],
    ) -> Result<Outcome> {
        let weights = self.weights.of(x.features())?;
        let n = x.present() as f64;
        let scaled = weighted_sum(x, baseline, &weights, out, &Scale::by(1.0 / n));
        let base: Vec<f64> = baseline_means(x, baseline).iter().map(|mean| mean.high).collect();
        let baseline_value = of_row(&weights, &base);
        let value = baseline_value + scaled.differences / n;
        if !(scaled.sum + value + baseline_value).is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Outcome::closed_form(value, baseline_value, scaled))
    }
}

impl<T: Real> ValueFunction<T> for Mean {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let weights = self.weights.of(x.features())?;
        let means = feature_means(x, x.features());
        let value = of_row(&weights, &means);
        if value.is_finite() { Ok(value) } else { Err(x.explain_non_finite(&Baseline::Zero)) }
    }

    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.marginals(x, baseline, out)
    }

    fn shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.aumann_shapley(x, baseline, out)
    }

    fn leave_one_out(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.aumann_shapley(x, baseline, out)
    }

    fn game(&self, x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Box<dyn Game>> {
        Ok(Box::new(MeanGame::of(self, x, baseline)?))
    }

    fn mean_function(&self) -> Result<&dyn MeanFunction> {
        Ok(self)
    }
}

impl MeanFunction for Mean {
    fn of_means(&self, means: &[f64], _: f64) -> Result<f64> {
        Ok(of_row(&self.weights.for_features(means.len())?, means))
    }

    fn derivative(&self, _: &[f64], features: &[usize]) -> f64 {
        if let [feature] = features { self.weights.of_feature(*feature) } else { 0.0 }
    }
}
