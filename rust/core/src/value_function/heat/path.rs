//! The straight path of the means: `c_k = integral of dF/dxbar_k`, by which an agent's attribution is
//! `sum_k (x_ik - b_ik) c_k / n`.
//!
//! From zero, `c_k = log1p(P)/P * (product of the other means) / d`. From elsewhere it is an integral
//! of `P / (1 + P) / mean_k`, each half in the distance s from its own end. F may have layers there:
//! where a mean has left zero, where P has passed 1, where 1 + P is small. All are wide in log s, so
//! beyond the smallest of them that is the variable. Means and products are in twice the precision of
//! f64, since 1 + P loses digits near 0.

use super::check_domain;
use crate::blocks::{self, merge_tree};
use crate::columns;
use crate::double::Double;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::weighted_sum;
use crate::product::{Wide, products_of_others};
use crate::quadrature::{Limits, integrate};
use crate::real::Real;
use crate::statistics::{Absorb, Scale, Scaled};

/// Relative tolerance of the path integrals.
const TOLERANCE: f64 = 1e-13;

/// Points times features after which an integral is given up, and the points that any may take.
const WORK: usize = 10_000_000;
const POINTS: [usize; 2] = [3_000, 60_000];

/// Octaves of the distance in one piece at first, and pieces.
const OCTAVES: f64 = 12.0;
const PIECES: f64 = 64.0;

/// Exponents of coefficients that are multiplied as f64.
const EXPONENTS: i64 = 900;

/// The `c_k`.
pub(super) struct Coefficients(Vec<Wide>);

impl Coefficients {
    pub(super) fn from_zero(means: &[Double]) -> Result<Self> {
        let product = Wide::product(means);
        check_domain(product, 1.0)?;
        // log1p(P) / P is 1 to the last bit where P is tiny, and 0/0 where it is zero.
        let tiny = product.to_f64().abs() < f64::EPSILON * f64::EPSILON;
        let log = Wide::new(product.ln_1p());
        let slope = if tiny { Wide::ONE } else { log.over(product) };
        let slope = slope.over(Wide::new(means.len() as f64));
        let others = products_of_others(means).into_iter();
        Ok(Self(others.map(|others| others.times(slope)).collect()))
    }

    pub(super) fn between(base: &[Double], means: &[Double]) -> Result<Self> {
        let first = Half::new(base, means).integrals(&|s| s)?;
        let second = Half::new(means, base).integrals(&|s| 1.0 - s)?;
        Ok(Self(first.into_iter().zip(second).map(|(a, b)| a.plus(b)).collect()))
    }

    /// Writes every agent's attribution.
    pub(super) fn apply<T: Real>(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Scaled {
        let share = 1.0 / x.present() as f64;
        let ordinary = |c: &Wide| c.is_zero() || c.split().1.abs() <= EXPONENTS;
        if self.0.iter().all(ordinary) {
            let values: Vec<f64> = self.0.iter().map(|c| c.to_f64()).collect();
            return weighted_sum(x, baseline, &values, out, &Scale::by(share));
        }
        let share = Wide::new(share);
        let coefficients: Vec<Wide> = self.0.iter().map(|c| c.times(share)).collect();
        let states = blocks::map_mut(out, |start, out| {
            let mut scale = Scale::by(1.0);
            columns::for_each_block(x, baseline, start..start + out.len(), |block, columns| {
                let out = &mut out[block.start - start..block.end - start];
                for (agent, value) in out.iter_mut().enumerate() {
                    let terms = columns.iter().zip(&coefficients);
                    let terms = terms.map(|(column, c)| Wide::new(column[agent]).times(*c));
                    let sum = terms.fold(Wide::new(0.0), Wide::plus);
                    *value = T::from_f64(sum.to_f64());
                }
                scale.absorb(out);
            });
            Absorb::<T>::total(scale)
        });
        merge_tree(states).unwrap_or_default()
    }
}

/// Half of the path, in the distance from one of its ends.
struct Half {
    near: Vec<Wide>,
    slope: Vec<Wide>,
    /// Exponents of the means' sizes, in units of whose inverse coefficients are integrated.
    units: Vec<i64>,
    /// The power of two that brings the integrand of a tiny product into the range.
    boost: i64,
    /// Logarithm to base 2 of the smallest distance of a layer, at most that of the whole half.
    smallest: f64,
}

impl Half {
    fn new(near: &[Double], far: &[Double]) -> Self {
        let slope: Vec<Wide> =
            near.iter().zip(far).map(|(near, far)| Wide::of(far.minus(*near))).collect();
        let of = |values: &[Double]| values.iter().map(|&value| Wide::of(value)).collect();
        let (near, far): (Vec<Wide>, Vec<Wide>) = (of(near), of(far));
        let units = near.iter().zip(&far).map(|(near, far)| {
            let exponents = [near, far].into_iter().filter(|mean| !mean.is_zero());
            exponents.map(|mean| mean.split().1).max().unwrap_or(0)
        });
        let units = units.collect();
        let mut half = Self { near, slope, units, boost: 0, smallest: -1.0 };
        half.smallest = half.smallest_layer();
        let products = [Wide::new(0.0), Wide::new(0.5)].map(|s| half.product(&half.means(s)));
        let exponents = products.iter().filter(|(_, zeros)| zeros.is_empty());
        let largest = exponents.map(|(product, _)| product.split().1).max().unwrap_or(0);
        if largest < -EXPONENTS / 2 {
            half.boost = -largest;
        }
        half
    }

    fn means(&self, s: Wide) -> Vec<Wide> {
        self.near.iter().zip(&self.slope).map(|(near, slope)| near.plus(slope.times(s))).collect()
    }

    /// The product of the means that are not zero, and the places of those that are.
    fn product(&self, means: &[Wide]) -> (Wide, Vec<usize>) {
        let zeros: Vec<usize> = (0..means.len()).filter(|&k| means[k].is_zero()).collect();
        let others = means.iter().filter(|mean| !mean.is_zero());
        (others.fold(Wide::ONE, |product, mean| product.times(*mean)), zeros)
    }

    fn smallest_layer(&self) -> f64 {
        let mut smallest = -1.0_f64;
        let (mut zeros, mut sum) = (0.0, 0.0);
        for (near, slope) in self.near.iter().zip(&self.slope) {
            if near.is_zero() {
                zeros += 1.0;
                sum += slope.log2();
            } else {
                sum += near.log2();
                if !slope.is_zero() {
                    smallest = smallest.min(near.log2() - slope.log2());
                }
            }
        }
        if zeros > 0.0 {
            // Where the product, a power of s, passes 1; nowhere if a mean stays at zero.
            if sum.is_finite() { smallest.min(-sum / zeros) } else { smallest }
        } else {
            let sum = Wide::ONE.plus(self.product(&self.near).0);
            smallest + sum.log2().min(0.0)
        }
    }

    /// The integrals of this half.
    fn integrals(&self, path: &dyn Fn(f64) -> f64) -> Result<Vec<Wide>> {
        let d = self.near.len();
        // Below zero s is a part of the smallest layer; from there on the variable is log2 s.
        let octaves = -1.0 - self.smallest;
        let pieces = (octaves / OCTAVES).ceil().min(PIECES);
        let mut ends = vec![-1.0, 0.0];
        ends.extend((1..=pieces as usize).map(|piece| octaves * (piece as f64 / pieces)));
        let negligible = vec![0.0; d];
        let points = (WORK / d).clamp(POINTS[0], POINTS[1]);
        let limits = Limits { tolerance: TOLERANCE, negligible: &negligible, points };
        let power = |log: f64| Wide::new((log - log.floor()).exp2()).shifted(log.floor() as i64);
        let layer = power(self.smallest);
        let integrals = integrate(&ends, &limits, |y, values| {
            let (s, width) = if y < 0.0 {
                (layer.times(Wide::new(1.0 + y)), layer)
            } else {
                let s = power(self.smallest + y);
                (s, s.times(Wide::new(std::f64::consts::LN_2)))
            };
            let means = self.means(s);
            let (product, zeros) = self.product(&means);
            let whole = if zeros.is_empty() { product } else { Wide::new(0.0) };
            check_domain(whole, path(s.to_f64()))?;
            let ratio = product.over(Wide::ONE.plus(whole)).times(width).shifted(self.boost);
            match zeros[..] {
                [] => {
                    for ((value, mean), unit) in values.iter_mut().zip(&means).zip(&self.units) {
                        *value = ratio.over(*mean).shifted(*unit).to_f64();
                    }
                }
                [zero] => {
                    values.fill(0.0);
                    values[zero] = ratio.shifted(self.units[zero]).to_f64();
                }
                _ => values.fill(0.0),
            }
            if values.iter().all(|value| value.is_finite()) {
                Ok(())
            } else {
                Err(Error::Overflow { real: f64::NAME })
            }
        })?;
        let wide = |(value, unit): (f64, &i64)| Wide::new(value).shifted(-unit - self.boost);
        Ok(integrals.into_iter().zip(&self.units).map(wide).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Features;

    fn doubles(values: &[f64]) -> Vec<Double> {
        values.iter().map(|&value| Double::new(value)).collect()
    }

    fn total(base: &[f64], means: &[f64]) -> f64 {
        let log = |means| Wide::product(&doubles(means)).ln_1p();
        log(means) - log(base)
    }

    /// What each feature's change of the mean contributes.
    fn parts(base: &[f64], means: &[f64]) -> Result<Vec<f64>> {
        let Coefficients(values) = Coefficients::between(&doubles(base), &doubles(means))?;
        let changes = means.iter().zip(base).map(|(mean, base)| Wide::new(mean - base));
        Ok(values.iter().zip(changes).map(|(c, change)| c.times(change).to_f64()).collect())
    }

    #[test]
    fn both_coefficients_agree_at_zero() {
        let cases = [vec![0.4], vec![1.2, 3.0], vec![2.0, 0.001, 40.0], vec![-0.5, 0.9, 1.1]];
        for means in cases.into_iter().chain([vec![1.3; 15], vec![0.9; 300], vec![1e-300; 2]]) {
            let Coefficients(closed) = Coefficients::from_zero(&doubles(&means)).unwrap();
            let zero = vec![0.0; means.len()];
            let Coefficients(integrated) =
                Coefficients::between(&doubles(&zero), &doubles(&means)).unwrap();
            for (a, b) in closed.iter().zip(&integrated) {
                let (a, b) = (a.to_f64(), b.to_f64());
                assert!((a - b).abs() <= 1e-13 * a.abs(), "{means:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_zero_mean_has_a_coefficient() {
        let Coefficients(found) = Coefficients::from_zero(&doubles(&[0.0, 2.0, 3.0])).unwrap();
        assert_eq!(found.iter().map(|c| c.to_f64()).collect::<Vec<_>>(), [2.0, 0.0, 0.0]);
    }

    #[test]
    fn products_out_of_range_keep_efficiency() {
        for means in [
            vec![1e-170, 1e-130, 1e300],
            vec![1e300, 1e-110, 1e-190],
            vec![1e200, 1e200, 1e200],
            vec![3.0; 3_000],
        ] {
            let Coefficients(values) = Coefficients::from_zero(&doubles(&means)).unwrap();
            let parts = values.iter().zip(&means).map(|(c, mean)| c.times(Wide::new(*mean)));
            let sum: f64 = parts.map(Wide::to_f64).sum();
            let value = Wide::product(&doubles(&means)).ln_1p();
            // The sum of 3,000 parts is rounded 3,000 times.
            assert!((sum - value).abs() <= 1e-13 * value, "{sum} {value}");
        }
    }

    /// The coefficients are 1e-400 and 1e100, and all features contribute the same.
    #[test]
    fn coefficients_out_of_range_are_applied() {
        let x = [1e-200, 1e-200, 1e300, 3e-200, 1e-200, 1e300];
        let x = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
        let mut out = [0.0_f64; 2];
        let means = doubles(&[2e-200, 1e-200, 1e300]);
        let coefficients = Coefficients::from_zero(&means).unwrap();
        let sums = coefficients.apply(&x, &Baseline::Zero, &mut out);
        // P is 2e-100; shares of the first mean are 1/4 and 3/4.
        assert!((out[0] / 2e-100 - 1.25 / 3.0).abs() < 1e-15);
        assert!((out[1] / 2e-100 - 1.75 / 3.0).abs() < 1e-15);
        assert!((sums.sum / 2e-100 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_mean_that_falls_while_another_rises_is_resolved() {
        // By symmetry the two parts cancel: the heat is zero at both ends and large between.
        for m in [1e2, 1e5, 1e8, 1e12, 1e160, 1e300] {
            let parts = parts(&[0.0, m], &[m, 0.0]).unwrap();
            assert!((parts[0] + parts[1]).abs() <= 1e-13 * parts[0], "{m}: {parts:?}");
        }
        // By partial fractions, with means a m and (1 - a) m and p = m^2.
        for m in [2.0, 1e3, 2e8] {
            let found = parts(&[0.0, m], &[m, 0.0]).unwrap()[0];
            let p: f64 = m * m;
            let root = (0.25 + 1.0 / p).sqrt();
            let exact = ((root + 0.5).powi(2) * p).ln() / (2.0 * root);
            assert!((found / exact - 1.0).abs() < 1e-13, "{found} {exact}");
        }
    }

    /// Paths that end in layers, of any width down to 1e-600, and where many means leave zero.
    #[test]
    fn layers_at_the_ends_keep_efficiency() {
        let mut first = vec![0.0; 15];
        first[0] = 0.5;
        let mut mixed = vec![1e-3; 50];
        mixed[..30].fill(0.0);
        let cases = [
            (vec![1508.3, 40906.9, 1392.4, 9214.9], vec![0.0, 13629.6, 31513.0, 12691.0]),
            (first, vec![1.0; 15]),
            (mixed, vec![1.2; 50]),
            (vec![1e95; 2], vec![0.0; 2]),
            (vec![1e300; 3], vec![0.0; 3]),
            (vec![1e-300, 1e300], vec![1e300, 1e300]),
            (vec![1e300, 1e-300, 1e300], vec![1e-300, 1e300, 5e-324]),
            (vec![5e-324, 1.0], vec![1.0, 2.0]),
            (vec![0.5; 3_000], vec![1.001; 3_000]),
            // 1 + P is 2^-60 at one end, and 1e-10.
            (vec![0.5, 1.0], vec![2.0_f64.powi(-30) - 1.0, 2.0_f64.powi(-30) + 1.0]),
            (vec![1e-10 - 1.0, 1.0], vec![2.0, 3.0]),
        ];
        for (base, means) in cases {
            let parts = parts(&base, &means).unwrap();
            let (sum, total) = (parts.iter().sum::<f64>(), total(&base, &means));
            let magnitude: f64 = parts.iter().map(|part| part.abs()).sum();
            let few = &base[..base.len().min(4)];
            assert!((sum - total).abs() < 1e-13 * magnitude, "{few:?}: {sum} {total}");
        }
    }

    #[test]
    fn the_logarithm_keeps_its_domain() {
        // Both ends are inside, and so is the path.
        assert!(parts(&[-3.0, 0.1], &[0.1, -3.0]).is_ok());
        assert!(parts(&[-0.1, 5.0], &[5.0, -0.1]).is_ok());
        // The middle of the path is not.
        let outside = parts(&[-5.0, 0.1], &[0.1, 9.0]);
        assert!(matches!(outside, Err(Error::HeatDomain { .. })));
        // The product touches -1 between.
        let touching = parts(&[-1.0, 0.0], &[0.0, 4.0]);
        assert!(touching.is_err(), "{touching:?}");
    }
}
