//! Multiplicative-saturating heat: `F = log(1 + P)`, `P` the product of the feature means.
//!
//! F depends on the means alone, so along the straight path every agent's attribution is the same
//! linear function of its own difference: `phi_i = sum_k (x_ik - b_ik) c_k / n` with
//! `c_k = integral of dF/dxbar_k`. From zero, `c_k = log1p(P)/P * (product of the other means) / d`.

mod block;
mod coalitions;
mod control;
mod derivatives;
mod game;
mod without;

use super::{MeanFunction, Outcome, ValueFunction};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::Game;
use crate::linear::{baseline_means, feature_means, weighted_sum};
use crate::product::{Wide, products_of_others};
use crate::quadrature::integrate;
use crate::real::Real;
use crate::statistics::Scale;
use game::HeatGame;

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
    let product = Wide::product(means);
    check_domain(product, path)?;
    Ok(product.ln_1p())
}

fn check_domain(product: Wide, path: f64) -> Result<()> {
    let product = product.to_f64();
    if product > -1.0 { Ok(()) } else { Err(Error::HeatDomain { product, path }) }
}

/// The means at both ends of the path, and F there.
struct Ends {
    means: Vec<f64>,
    base: Vec<f64>,
    value: f64,
    baseline_value: f64,
}

impl Ends {
    fn of<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Self> {
        let means = feature_means(x, x.features());
        let base = baseline_means(x, baseline);
        if !means.iter().chain(&base).all(|mean| mean.is_finite()) {
            return Err(x.explain_non_finite(baseline));
        }
        let (value, baseline_value) = (heat(&means, 1.0)?, heat(&base, 0.0)?);
        Ok(Self { means, base, value, baseline_value })
    }
}

/// `c_k` of the path from zero.
fn coefficients_from_zero(means: &[f64]) -> Result<Vec<f64>> {
    let log = heat(means, 1.0)?;
    let product = Wide::product(means);
    let mut others = vec![Wide::ONE; means.len()];
    products_of_others(means, &mut others);
    // log1p(P) / P is 1 to the last bit where P is tiny, and 0/0 where it is zero.
    let tiny = product.to_f64().abs() < f64::EPSILON * f64::EPSILON;
    let d = means.len() as f64;
    let coefficient = |others: Wide| {
        let ratio = if tiny { others } else { others.over(product).times(Wide::new(log)) };
        let coefficient = ratio.to_f64() / d;
        if coefficient == 0.0 && !ratio.is_zero() {
            return Err(Error::Overflow { real: f64::NAME });
        }
        Ok(coefficient)
    };
    others.into_iter().map(coefficient).collect()
}

/// `c_k` of the path from `base` to `means`. Either half is integrated in the distance from its own
/// end, where a mean that starts or ends at zero is then exact: F may have a layer there.
fn coefficients_between(base: &[f64], means: &[f64]) -> Result<Vec<f64>> {
    let d = means.len();
    let (mut point, mut others) = (vec![0.0; d], vec![Wide::ONE; d]);
    let mut half = |near: &[f64], far: &[f64], path: &dyn Fn(f64) -> f64| {
        integrate(&vec![0.0; d], 0.5, TOLERANCE, |t, gradient| {
            for (value, (near, far)) in point.iter_mut().zip(near.iter().zip(far)) {
                *value = near + t * (far - near);
            }
            products_of_others(&point, &mut others);
            let product = others[0].times(Wide::new(point[0]));
            check_domain(product, path(t))?;
            // 1 + P is P to the last bit where it is out of range.
            let sum = 1.0 + product.to_f64();
            let divisor = if sum.is_infinite() { product } else { Wide::new(sum) };
            for (g, others) in gradient.iter_mut().zip(&others) {
                *g = others.over(divisor).to_f64();
            }
            Ok(())
        })
    };
    let first = half(base, means, &|t| t)?;
    let second = half(means, base, &|t| 1.0 - t)?;
    Ok(first.iter().zip(&second).map(|(a, b)| a + b).collect())
}

impl<T: Real> ValueFunction<T> for Heat {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let means = feature_means(x, x.features());
        if means.iter().all(|mean| mean.is_finite()) {
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
            Baseline::Zero => coefficients_from_zero(&means)?,
            _ => coefficients_between(&base, &means)?,
        };
        let scale = Scale::by(1.0 / x.present() as f64);
        let scaled = weighted_sum(x, baseline, &coefficients, out, &scale);
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
    fn products_out_of_range_keep_efficiency() {
        for means in [[1e-170, 1e-130, 1e300], [1e300, 1e-110, 1e-190], [1e200, 1e200, 1e200]] {
            let coefficients = coefficients_from_zero(&means).unwrap();
            let sum: f64 = coefficients.iter().zip(&means).map(|(c, mean)| c * mean).sum();
            let value = heat(&means, 1.0).unwrap();
            assert!((sum / value - 1.0).abs() < 1e-14, "{means:?}: {sum} {value}");
        }
        // The coefficient of the last mean is 1e-400 / 3.
        let overflow = Err(Error::Overflow { real: "float64" });
        assert_eq!(coefficients_from_zero(&[1e-200, 1e-200, 1e300]), overflow);
    }

    #[test]
    fn a_mean_that_falls_while_another_rises_is_resolved() {
        // By symmetry the two parts cancel: the heat is zero at both ends and large between.
        for m in [1e2, 1e5, 1e8, 1e12, 1e160] {
            let coefficients = coefficients_between(&[0.0, m], &[m, 0.0]).unwrap();
            let parts = [coefficients[0] * m, coefficients[1] * -m];
            assert!((parts[0] + parts[1]).abs() <= 1e-13 * parts[0], "{m}: {parts:?}");
        }
        // By partial fractions, with means a m and (1 - a) m and p = m^2.
        for m in [2.0, 1e3, 2e8] {
            let found = coefficients_between(&[0.0, m], &[m, 0.0]).unwrap()[0] * m;
            let p: f64 = m * m;
            let root = (0.25 + 1.0 / p).sqrt();
            let exact = ((root + 0.5).powi(2) * p).ln() / (2.0 * root);
            assert!((found / exact - 1.0).abs() < 1e-13, "{found} {exact}");
        }
        let (base, means) = ([1508.3, 40906.9, 1392.4, 9214.9], [0.0, 13629.6, 31513.0, 12691.0]);
        let coefficients = coefficients_between(&base, &means).unwrap();
        let parts: Vec<f64> = (0..4).map(|k| coefficients[k] * (means[k] - base[k])).collect();
        let total = heat(&means, 1.0).unwrap() - heat(&base, 0.0).unwrap();
        let magnitude: f64 = parts.iter().map(|part| part.abs()).sum();
        assert!((parts.iter().sum::<f64>() - total).abs() < 1e-13 * magnitude, "{parts:?}");
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
