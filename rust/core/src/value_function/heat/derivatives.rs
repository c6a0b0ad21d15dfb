//! Partial derivatives of the heat by the feature means, of any order.
//!
//! Up to a product P of 1 by recursion over sets of features: with `A = 1 + P`, whose derivatives
//! are products of the other means, `A d_S log A = d_S A - sum of (d_T A) (d_(S-T) log A)` over the
//! parts T of S that leave a chosen feature of S, so that means may be zero. Beyond, these sums
//! would cancel, and logarithms of the means are the variables instead: the derivative is
//! `p(r) / (product of the means derived by)`, p a polynomial in `r = 1 / (1 + P)` with integer
//! coefficients, of which those of low powers vanish exactly.

use super::extent::products;
use super::{Heat, heat};
use crate::double::{Double, scaled};
use crate::error::Result;
use crate::product::Wide;
use crate::value_function::MeanFunction;

impl MeanFunction for Heat {
    fn of_means(&self, means: &[f64], path: f64) -> Result<f64> {
        heat(&doubles(means), path)
    }

    fn derivative(&self, means: &[f64], features: &[usize]) -> f64 {
        Point::new(means).derivative(features)
    }

    fn derivatives(&self, means: &[f64], tuples: &[Vec<usize>]) -> Vec<f64> {
        let point = Point::new(means);
        tuples.iter().map(|tuple| point.derivative(tuple)).collect()
    }

    fn is_defined_between(&self, ends: &[[f64; 2]]) -> bool {
        Wide::ONE.plus(products(ends)[0]).is_positive()
    }
}

/// Means, and what all derivatives there share.
struct Point<'a> {
    means: &'a [f64],
    /// P.
    product: f64,
    /// The product of the means that are not zero, as mantissa and exponent.
    others: (f64, i64),
    zeros: usize,
}

impl<'a> Point<'a> {
    fn new(means: &'a [f64]) -> Self {
        let others: Vec<f64> = means.iter().copied().filter(|&mean| mean != 0.0).collect();
        let zeros = means.len() - others.len();
        let others = Wide::product(&doubles(&others));
        let product = if zeros == 0 { others.to_f64() } else { 0.0 };
        Self { means, product, others: others.split(), zeros }
    }

    fn derivative(&self, features: &[usize]) -> f64 {
        if self.product > 1.0 {
            in_logarithms(self.means, features, self.product)
        } else {
            self.by_sets(features)
        }
    }

    /// The derivative of P by the features at these places: the product of the other means, unless one
    /// is there twice.
    fn of_product(&self, features: &[usize], set: usize) -> f64 {
        let members = || (0..features.len()).filter(|place| set >> place & 1 == 1);
        let (mut value, mut zeros) = (self.others.0, 0);
        let mut before = None;
        for place in members() {
            // Ascending, so that a feature that is there twice is so in a row.
            if before == Some(features[place]) {
                return 0.0;
            }
            before = Some(features[place]);
            match self.means[features[place]] {
                0.0 => zeros += 1,
                mean => value /= mean,
            }
        }
        if zeros == self.zeros { scaled(value, self.others.1) } else { 0.0 }
    }

    fn by_sets(&self, features: &[usize]) -> f64 {
        let sets = 1_usize << features.len();
        let (mut sums, mut logarithms) = ([0.0; MOST_SETS], [0.0; MOST_SETS]);
        for set in 1..sets {
            sums[set] = self.of_product(features, set);
            // The chosen feature is the first of the set.
            let others = set & (set - 1);
            let mut rest = sums[set];
            let mut part = others;
            while part > 0 {
                rest -= sums[part] * logarithms[set ^ part];
                part = (part - 1) & others;
            }
            logarithms[set] = rest / (1.0 + self.product);
        }
        logarithms[sets - 1]
    }
}

/// Sets of the features that a function is derived by: of at most five.
const MOST_SETS: usize = 1 << 5;

fn doubles(means: &[f64]) -> Vec<Double> {
    means.iter().map(|&mean| Double::new(mean)).collect()
}

/// `z = log P` has the same derivative by the logarithm of each mean, under which
/// `log(1 + P)` becomes `1 - r`, and r becomes `r^2 - r`. Deriving by a mean itself for the j-th
/// time subtracts j - 1 times what was there.
fn in_logarithms(means: &[f64], features: &[usize], product: f64) -> f64 {
    let mut polynomial = vec![1.0, -1.0];
    for (place, feature) in features.iter().enumerate().skip(1) {
        let times = features[..place].iter().filter(|&other| other == feature).count() as f64;
        let mut next = vec![0.0; polynomial.len() + 1];
        for (power, coefficient) in polynomial.iter().enumerate() {
            next[power + 1] += power as f64 * coefficient;
            next[power] -= (power as f64 + times) * coefficient;
        }
        polynomial = next;
    }
    let r = 1.0 / (1.0 + product);
    let value = polynomial.iter().rev().fold(0.0, |value, coefficient| value * r + coefficient);
    features.iter().fold(value, |value, &feature| value / means[feature])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences of the derivative of one order less.
    fn difference(means: &[f64], features: &[usize]) -> f64 {
        let (&last, rest) = features.split_last().unwrap();
        let step = 1e-4 * means[last].abs().max(0.1);
        let at = |shift: f64| {
            let mut means = means.to_vec();
            means[last] += shift;
            if rest.is_empty() {
                Heat.of_means(&means, 1.0).unwrap()
            } else {
                Heat.derivative(&means, rest)
            }
        };
        // Fourth order, so that truncation stays below rounding.
        (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
    }

    #[test]
    fn derivatives_are_limits_of_differences() {
        let cases: [&[f64]; 7] = [
            &[0.4],
            &[5.0],
            &[0.0, 2.0],
            &[0.3, 0.8, 1.1],
            &[2.0, 3.0, 1.5],
            &[-0.5, 0.9, 1.1],
            &[1.3, 0.7, 1.2, 0.9, 2.0],
        ];
        for means in cases {
            let d = means.len();
            let tuples: [&[usize]; 9] = [
                &[0],
                &[d - 1],
                &[0, d - 1],
                &[0, d / 2, d - 1],
                &[0, 0, d - 1],
                &[0, 0, d - 1, d - 1],
                &[0, 0, 0, d / 2, d - 1],
                &[0, 0, d / 2, d - 1, d - 1],
                &[0, d / 4, d / 2, d - 1, d - 1],
            ];
            for features in tuples {
                let (found, expected) =
                    (Heat.derivative(means, features), difference(means, features));
                let scale = expected.abs().max(1.0);
                assert!(
                    (found - expected).abs() < 1e-9 * scale,
                    "{means:?}, {features:?}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn both_ways_agree_where_they_meet_and_neither_cancels() {
        let features: [&[usize]; 5] = [&[0], &[0, 1], &[0, 1, 2], &[0, 0, 1, 2], &[0, 0, 1, 2, 2]];
        for means in [[1.0, 1.0, 0.999], [0.5, 2.0, 1.3]] {
            let product: f64 = means.iter().product();
            for features in features {
                let a = in_logarithms(&means, features, product);
                let b = Point::new(&means).by_sets(features);
                assert!((a - b).abs() < 1e-14 * a.abs().max(0.1), "{features:?}: {a} {b}");
            }
        }
        // d1 d2 log(1 + P) = mean_3 / (1 + P)^2.
        let found = Heat.derivative(&[1e5, 1e5, 1e5], &[0, 1]);
        assert!((found / (1e5 / (1e15 + 1.0_f64).powi(2)) - 1.0).abs() < 1e-14);
    }
}
