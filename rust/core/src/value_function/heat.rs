//! Multiplicative-saturating heat: `F = log(1 + P)`, `P` the product of the feature means.
//!
//! F depends on the means alone, so along the straight path every agent's attribution is the same
//! linear function of its own difference: `phi_i = sum_k (x_ik - b_ik) c_k / n` with
//! `c_k = integral of dF/dxbar_k`. Any number of features of any size: products are numbers with
//! their own exponent.

mod block;
mod coalitions;
mod control;
mod derivatives;
mod extent;
mod game;
mod members;
mod path;
mod without;

use super::{MeanFunction, Outcome, ValueFunction};
use crate::double::Double;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::Game;
use crate::linear::{baseline_means, double_means};
use crate::product::Wide;
use crate::real::Real;
use crate::statistics::Scaled;
use game::HeatGame;
use path::Coefficients;

/// Heat (the paper's multiplicative-saturating indicator).
#[derive(Clone, Debug)]
pub struct Heat;

impl Heat {
    /// Takes no weights: the means are multiplied.
    ///
    /// # Errors
    /// [`Error::NoWeights`] where some are given.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        if weights.is_some() { Err(Error::NoWeights { name: "heat" }) } else { Ok(Self) }
    }
}

fn heat(means: &[Double], path: f64) -> Result<f64> {
    let product = Wide::product(means);
    check_domain(product, path)?;
    Ok(product.ln_1p())
}

fn check_domain(product: Wide, path: f64) -> Result<()> {
    if Wide::ONE.plus(product).is_positive() {
        Ok(())
    } else {
        Err(Error::HeatDomain { product: product.to_f64(), path })
    }
}

/// The means at both ends of the path, and F there.
struct Ends {
    means: Vec<Double>,
    base: Vec<Double>,
    value: f64,
    baseline_value: f64,
}

impl Ends {
    fn of<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Self> {
        let means = double_means(x, x.features());
        let base = baseline_means(x, baseline);
        if !means.iter().chain(&base).all(|mean| mean.high.is_finite()) {
            return Err(x.explain_non_finite(baseline));
        }
        let (value, baseline_value) = (heat(&means, 1.0)?, heat(&base, 0.0)?);
        Ok(Self { means, base, value, baseline_value })
    }
}

impl<T: Real> ValueFunction<T> for Heat {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let means = double_means(x, x.features());
        if means.iter().all(|mean| mean.high.is_finite()) {
            heat(&means, 1.0)
        } else {
            Err(x.explain_non_finite(&Baseline::Zero))
        }
    }

    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let Ends { means, base, value, baseline_value } = Ends::of(x, baseline)?;
        let coefficients = match baseline {
            Baseline::Zero => Coefficients::from_zero(&means)?,
            _ => Coefficients::between(&base, &means)?,
        };
        let mut scaled = coefficients.apply(x, baseline, out);
        if let [alone] = out {
            // What its features do along the path may cancel; together they change F.
            let change = Wide::product(&base).log_change(Wide::product(&means));
            *alone = T::from_f64(change);
            let written = alone.to_f64();
            scaled = Scaled { sum: written, magnitude: written.abs(), ..scaled };
        }
        if !scaled.sum.is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Outcome::closed_form(value, baseline_value, scaled))
    }

    fn game(&self, x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Box<dyn Game>> {
        Ok(Box::new(HeatGame::of(x, baseline)?))
    }

    fn shapley(&self, _: &Step<'_, T>, _: &Baseline<'_, T>, _: &mut [T]) -> Result<Outcome> {
        Err(Error::NoClosedForm { function: "heat", method: "Shapley" })
    }

    fn banzhaf(&self, _: &Step<'_, T>, _: &Baseline<'_, T>, _: &mut [T]) -> Result<Outcome> {
        Err(Error::NoClosedForm { function: "heat", method: "Banzhaf" })
    }

    fn leave_one_out(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        without::leave_one_out(x, baseline, out)
    }

    fn mean_function(&self) -> Result<&dyn MeanFunction> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_zero_has_no_heat_and_minus_one_none_at_all() {
        let of = |means: &[f64]| {
            heat(&means.iter().map(|&mean| Double::new(mean)).collect::<Vec<_>>(), 1.0)
        };
        assert_eq!(of(&[0.0, 2.0, 3.0]), Ok(0.0));
        assert!(matches!(of(&[-2.0, 1.0]), Err(Error::HeatDomain { .. })));
        assert!(matches!(of(&[-1.0]), Err(Error::HeatDomain { .. })));
    }
}
