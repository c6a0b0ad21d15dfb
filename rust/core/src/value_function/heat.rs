//! Multiplicative-saturating heat: `F = log(1 + P)`, `P` the product of the feature means.
//!
//! F depends on the means alone, so along the straight path every agent's attribution is the same
//! linear function of its own difference: `phi_i = sum_k (x_ik - b_ik) c_k / n` with
//! `c_k = integral of dF/dxbar_k`. From zero, `c_k = log1p(P)/P * (product of the other means) / d`.

use super::{Outcome, ValueFunction};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::{feature_means, weighted_sum};
use crate::quadrature::integrate;
use crate::real::Real;
use crate::statistics::Scale;

/// Relative tolerance of the path integrals.
const TOLERANCE: f64 = 1e-13;

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

fn heat(means: &[f64], path: f64) -> Result<f64> {
    let product: f64 = means.iter().product();
    if product > -1.0 { Ok(product.ln_1p()) } else { Err(Error::HeatDomain { product, path }) }
}

/// Products of all means but one.
fn products_of_others(means: &[f64], out: &mut [f64]) {
    for (k, product) in out.iter_mut().enumerate() {
        *product = (0..means.len()).filter(|&l| l != k).map(|l| means[l]).product();
    }
}

/// `c_k` of the path from zero.
fn coefficients_from_zero(means: &[f64]) -> Result<Vec<f64>> {
    let product: f64 = means.iter().product();
    let log = heat(means, 1.0)?;
    let ratio = if product == 0.0 { 1.0 } else { log / product };
    let mut coefficients = vec![0.0; means.len()];
    products_of_others(means, &mut coefficients);
    let factor = ratio / means.len() as f64;
    coefficients.iter_mut().for_each(|c| *c *= factor);
    Ok(coefficients)
}

/// `c_k` of the path from `base` to `means`.
fn coefficients_between(base: &[f64], means: &[f64]) -> Result<Vec<f64>> {
    let mut point = vec![0.0; means.len()];
    integrate(means.len(), TOLERANCE, |a, gradient| {
        for (value, (b, mean)) in point.iter_mut().zip(base.iter().zip(means)) {
            *value = b + a * (mean - b);
        }
        let product: f64 = point.iter().product();
        if product <= -1.0 {
            return Err(Error::HeatDomain { product, path: a });
        }
        products_of_others(&point, gradient);
        gradient.iter_mut().for_each(|g| *g /= 1.0 + product);
        Ok(())
    })
}

impl<T: Real> ValueFunction<T> for Heat {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let means = feature_means(x, x.features());
        if !means.iter().product::<f64>().is_finite() {
            return Err(x.explain_non_finite(&Baseline::Zero));
        }
        heat(&means, 1.0)
    }

    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let means = feature_means(x, x.features());
        let base = match baseline {
            Baseline::PerAgent(rows) => feature_means(x, rows),
            _ => baseline.row(means.len()),
        };
        let products = means.iter().product::<f64>() + base.iter().product::<f64>();
        if !products.is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        let value = heat(&means, 1.0)?;
        let baseline_value = heat(&base, 0.0)?;
        let coefficients = match baseline {
            Baseline::Zero => coefficients_from_zero(&means)?,
            _ => coefficients_between(&base, &means)?,
        };
        let scale = Scale::by(1.0 / x.present() as f64);
        let scaled = weighted_sum(x, baseline, &coefficients, out, &scale);
        if !scaled.sum.is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Outcome { value, baseline_value, sum: scaled.sum, magnitude: scaled.magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_coefficients_agree_at_zero() {
        for means in [vec![0.4], vec![1.2, 3.0], vec![2.0, 0.001, 40.0], vec![-0.5, 0.9, 1.1]] {
            let zero = vec![0.0; means.len()];
            let closed = coefficients_from_zero(&means).unwrap();
            let integrated = coefficients_between(&zero, &means).unwrap();
            for (a, b) in closed.iter().zip(&integrated) {
                assert!((a - b).abs() <= 1e-13 * a.abs(), "{means:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_zero_mean_has_a_coefficient_and_no_heat() {
        let coefficients = coefficients_from_zero(&[0.0, 2.0, 3.0]).unwrap();
        assert_eq!(coefficients, [2.0, 0.0, 0.0]);
        assert_eq!(heat(&[0.0, 2.0, 3.0], 1.0), Ok(0.0));
    }

    #[test]
    fn the_logarithm_keeps_its_domain() {
        assert!(matches!(heat(&[-2.0, 1.0], 1.0), Err(Error::HeatDomain { .. })));
        // Both ends are inside, the middle of the path is not.
        let crossing = coefficients_between(&[-3.0, 0.1], &[0.1, -3.0]);
        assert!(crossing.is_ok());
        let outside = coefficients_between(&[-0.1, 5.0], &[5.0, -0.1]);
        assert!(outside.is_ok());
        let outside = coefficients_between(&[-5.0, 0.1], &[0.1, 9.0]);
        assert!(matches!(outside, Err(Error::HeatDomain { .. })));
    }
}
