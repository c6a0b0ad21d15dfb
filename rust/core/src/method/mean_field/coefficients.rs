//! The expansion's terms: derivatives of G, contracted with moments and integrated along the path,
//! are the coefficients of a polynomial in an agent's own differences.

use super::Along;
use super::kernels::{Moments, Polynomial};
use crate::error::{Error, Result};
use crate::quadrature::{Limits, integrate};
use crate::real::Real;
use crate::symmetric::Tuples;
use crate::value_function::MeanFunction;

/// Relative tolerance of the path integrals.
const TOLERANCE: f64 = 1e-13;

/// Errors of corrections below this part of order 0 are taken as rounding.
const ROUNDING: f64 = 1e-15;

/// Derivatives after which the integrals are given up, and the points that any may take.
const WORK: usize = 5_000_000;
const POINTS: [usize; 2] = [450, 10_000];

/// Longest tuple of features that G is derived by.
const MAX_DERIVATIVE: usize = 5;

/// What is expanded, between which means.
pub(super) struct Expansion<'a, G: ?Sized> {
    pub(super) function: &'a G,
    pub(super) base: &'a [f64],
    pub(super) means: &'a [f64],
    pub(super) moments: &'a Moments,
}

/// One term of the expansion, `factor(t) G^(r)[D_i, .., D_i, moments]`.
struct Term {
    /// Order of the expansion.
    order: usize,
    /// How often `D_i` is in it: the degree in an agent's differences.
    degree: usize,
    /// The moments by ascending tuples, times the orders of each.
    moments: Vec<f64>,
    factor: fn(f64) -> f64,
    /// For each coefficient and each moment, the derivative that belongs to both.
    places: Vec<usize>,
    /// In how many orders each coefficient's tuple can be written.
    orders: Vec<f64>,
    derivative: usize,
}

/// The tuples of every length that derivatives and moments have.
struct Layout(Vec<Tuples>);

impl Layout {
    /// The term whose degree is the first of `lengths`, and whose moments have tuples of the second.
    fn term(
        &self,
        order: usize,
        lengths: [usize; 2],
        moments: Vec<f64>,
        factor: fn(f64) -> f64,
    ) -> Term {
        let [own, others] = lengths.map(|length| &self.0[length]);
        let derivative = lengths[0] + lengths[1];
        let of_both = |own: &Vec<usize>, other: &Vec<usize>| {
            self.0[derivative].rank(own.iter().chain(other).copied())
        };
        let places = own
            .all()
            .iter()
            .flat_map(|own| others.all().iter().map(move |other| of_both(own, other)));
        let (places, orders) = (places.collect(), own.orders());
        Term { order, degree: lengths[0], moments, factor, places, orders, derivative }
    }

    /// The moments of a symmetric tensor, times the orders of each.
    fn weighted(&self, length: usize, moments: &[f64]) -> Vec<f64> {
        let orders = self.0[length].orders().into_iter();
        orders.zip(moments).map(|(orders, moment)| orders * moment).collect()
    }

    /// `S x S`, made symmetric, times the orders of each.
    fn squared(&self, second: &[f64]) -> Vec<f64> {
        let [pairs, fours] = [2, 4].map(|length| &self.0[length]);
        let weighted = self.weighted(2, second);
        let mut squared = vec![0.0; fours.all().len()];
        for (left, a) in pairs.all().iter().zip(&weighted) {
            for (right, b) in pairs.all().iter().zip(&weighted) {
                squared[fours.rank(left.iter().chain(right).copied())] += a * b;
            }
        }
        squared
    }

    /// All terms up to an order.
    fn terms(&self, order: usize, moments: &Moments) -> Vec<Term> {
        let one = || vec![1.0];
        let second = || self.weighted(2, &moments.second);
        let mut terms = vec![self.term(0, [1, 0], one(), |_| 1.0)];
        if order >= 1 {
            terms.push(self.term(1, [1, 2], second(), |t| 0.5 * t * (1.0 - t)));
            terms.push(self.term(1, [2, 0], one(), |t| 0.5 - t));
        }
        if order >= 2 {
            let third = self.weighted(3, &moments.third);
            let squared = self.squared(&moments.second);
            terms.push(self.term(2, [3, 0], one(), |t| 1.0 / 6.0 - t * (1.0 - t)));
            terms.push(self.term(2, [2, 2], second(), |t| (0.5 - t) * 0.5 * t * (1.0 - t)));
            terms.push(self.term(2, [1, 3], third, |t| (0.5 - t) * t * (1.0 - t) / 3.0));
            terms.push(self.term(2, [1, 4], squared, |t| (t * (1.0 - t)).powi(2) / 8.0));
        }
        terms
    }
}

impl Term {
    /// Adds the coefficients at a point of the path, where the derivatives are known.
    fn write(&self, t: f64, derivatives: &[Vec<f64>], coefficients: &mut [f64]) {
        let derivatives = &derivatives[self.derivative];
        let factor = (self.factor)(t);
        let places = self.places.chunks(self.moments.len());
        for ((coefficient, places), orders) in coefficients.iter_mut().zip(places).zip(&self.orders)
        {
            let terms = places.iter().zip(&self.moments);
            let sum: f64 = terms.map(|(&place, moment)| moment * derivatives[place]).sum();
            *coefficient = factor * orders * sum;
        }
    }
}

impl<G: MeanFunction + ?Sized> Expansion<'_, G> {
    /// What an agent's differences are put into, order by order; up to order 1 at least, which tells
    /// the error of order 0.
    pub(super) fn polynomials(
        &self,
        along: Along,
        order: usize,
        n: usize,
    ) -> Result<Vec<Polynomial>> {
        let last = order.max(1);
        let d = self.means.len();
        let longest = [3, MAX_DERIVATIVE][last - 1];
        let layout = Layout((0..=longest).map(|length| Tuples::new(d, length)).collect());
        let terms = layout.terms(last, self.moments);
        let (leading, corrections) = terms.split_at(1);
        let n = n as f64;
        let mut polynomials: Vec<Polynomial> = (0..=last).map(|_| Polynomial::zero(d)).collect();
        for terms in [leading, corrections] {
            // Attributions of order 0, times n; none are known while they are being found.
            let leading = polynomials[0].linear().iter().enumerate();
            let size: f64 = leading.map(|(k, c)| c.abs() * n * self.size(&[k])).sum();
            let negligible = terms.iter().flat_map(|term| {
                let part = ROUNDING * size * n.powi(term.order as i32);
                let tuples = layout.0[term.degree].all().iter();
                tuples.map(move |tuple| part / self.size(tuple))
            });
            let negligible: Vec<f64> = negligible.collect();
            let coefficients = self.coefficients(along, &layout, terms, &negligible)?;
            let mut rest = coefficients.as_slice();
            for term in terms {
                let (own, others) = rest.split_at(term.orders.len());
                rest = others;
                let scale = n.powi(term.order as i32 + 1);
                polynomials[term.order]
                    .add(term.degree, own.iter().map(|coefficient| coefficient / scale));
            }
        }
        Ok(polynomials)
    }

    /// The size of a product of differences: 1 where a feature never differs, whose coefficients do
    /// not matter.
    fn size(&self, tuple: &[usize]) -> f64 {
        let d = self.means.len();
        // The place of (k, k) among the ascending pairs.
        let square = |k: usize| self.moments.second[k * d - k * k.saturating_sub(1) / 2];
        let size: f64 = tuple.iter().map(|&k| square(k).sqrt()).product();
        if size > 0.0 { size } else { 1.0 }
    }

    /// The coefficients of the terms, one after the other, up to negligible errors.
    fn coefficients(
        &self,
        along: Along,
        layout: &Layout,
        terms: &[Term],
        negligible: &[f64],
    ) -> Result<Vec<f64>> {
        let mut point = vec![0.0; self.means.len()];
        let mut at = |t: f64, [near, far]: [&[f64]; 2], path: f64, coefficients: &mut [f64]| {
            for (value, (near, far)) in point.iter_mut().zip(near.iter().zip(far)) {
                *value = near + t * (far - near);
            }
            self.function.of_means(&point, path)?;
            let wanted = |length| terms.iter().any(|term| term.derivative == length);
            let derivatives = layout.0.iter().enumerate().map(|(length, tuples)| {
                let tuples = if wanted(length) { tuples.all() } else { &[] };
                self.function.derivatives(&point, tuples)
            });
            let derivatives: Vec<Vec<f64>> = derivatives.collect();
            let mut rest = coefficients;
            for term in terms {
                let (own, others) = rest.split_at_mut(term.orders.len());
                term.write(path, &derivatives, own);
                rest = others;
            }
            Ok(())
        };
        let finite = |coefficients: &[f64]| {
            let finite = coefficients.iter().all(|coefficient| coefficient.is_finite());
            if finite { Ok(()) } else { Err(Error::Overflow { real: f64::NAME }) }
        };
        if let Along::Middle = along {
            let mut coefficients = vec![0.0; negligible.len()];
            at(0.5, [self.base, self.means], 0.5, &mut coefficients)?;
            finite(&coefficients)?;
            return Ok(coefficients);
        }
        // Either half in the distance from its own end, where G may have a layer.
        let derivatives: usize = layout.0.iter().map(|tuples| tuples.all().len()).sum();
        let points = (WORK / derivatives).clamp(POINTS[0], POINTS[1]);
        let limits = Limits { tolerance: TOLERANCE, negligible, points };
        let mut half = |ends: [&[f64]; 2], path: fn(f64) -> f64| {
            integrate(&[0.0, 0.5], &limits, |t, coefficients| {
                at(t, ends, path(t), coefficients)?;
                finite(coefficients)
            })
        };
        let first = half([self.base, self.means], |t| t)?;
        let second = half([self.means, self.base], |t| 1.0 - t)?;
        Ok(first.iter().zip(&second).map(|(a, b)| a + b).collect())
    }
}
