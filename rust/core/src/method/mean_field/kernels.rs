//! The two passes over the agents: moments of their differences, and a polynomial in them.

use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::columns::{self, Columns};
use crate::features::{Baseline, Step};
use crate::linear::Sums;
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Scale, Scaled, fold};
use crate::symmetric::Tuples;

const ONES: [f64; BLOCK] = [1.0; BLOCK];

/// Means of the differences from the baseline, of their products and of those of three, by
/// ascending tuples of features.
pub(super) struct Moments {
    pub(super) means: Vec<f64>,
    pub(super) second: Vec<f64>,
    /// Empty below order 2, which alone needs them.
    pub(super) third: Vec<f64>,
}

impl Moments {
    pub(super) fn all(&self) -> impl Iterator<Item = &f64> {
        self.means.iter().chain(&self.second).chain(&self.third)
    }
}

/// The moments that an expansion of this order needs.
pub(super) fn moments<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    order: usize,
) -> Moments {
    let d = x.features().features();
    let counts = [1, 2, 3].map(|length| Tuples::new(d, length).all().len());
    let third = if order == 2 { counts[2] } else { 0 };
    let states = blocks::map(x.present(), |positions| {
        let lanes = |count| vec![[0.0; LANES]; count];
        let (mut first, mut second, mut third) = (lanes(d), lanes(counts[1]), lanes(third));
        columns::for_each_block(x, baseline, positions, |block, columns| {
            let sums = [&mut first[..], &mut second, &mut third];
            dispatch(
                #[inline(always)]
                || add_moments(columns, block.len(), sums),
            );
        });
        Sums(first.into_iter().chain(second).chain(third).map(fold).collect())
    });
    let n = x.present() as f64;
    let sums = merge_tree(states).map_or_else(Vec::new, |sums| sums.0);
    let mut moments = sums.into_iter().map(|sum| sum / n);
    let mut take = |count| moments.by_ref().take(count).collect();
    Moments { means: take(d), second: take(counts[1]), third: take(third) }
}

/// Adds the products of the first `count` rows of the columns, tuple by tuple.
#[inline(always)]
fn add_moments(columns: &Columns, count: usize, sums: [&mut [[f64; LANES]]; 3]) {
    let [first, second, third] = sums;
    let mut third = third.iter_mut();
    let mut second = second.iter_mut();
    for (k, (sum, left)) in first.iter_mut().zip(columns).enumerate() {
        add_products(sum, &left[..count], &ONES);
        for (l, right) in columns.iter().enumerate().skip(k) {
            let mut products = [0.0; BLOCK];
            for (product, (a, b)) in products.iter_mut().zip(left.iter().zip(right)) {
                *product = a * b;
            }
            if let Some(sum) = second.next() {
                add_products(sum, &products[..count], &ONES);
            }
            // The columns first: they end, and must not take one sum too many.
            for (column, sum) in columns[l..].iter().zip(third.by_ref()) {
                add_products(sum, &products[..count], column);
            }
        }
    }
}

#[inline(always)]
fn add_products(sums: &mut [f64; LANES], left: &[f64], right: &[f64; BLOCK]) {
    let mut lanes = *sums;
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.split_at(left.len() * LANES);
    for (left, right) in left.iter().zip(right.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] += left[lane] * right[lane];
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        lanes[lane] += left * right;
    }
    *sums = lanes;
}

/// Coefficients by ascending tuples of one, two and three features.
pub(super) struct Polynomial([Vec<f64>; 3]);

impl Polynomial {
    pub(super) fn zero(d: usize) -> Self {
        Self([1, 2, 3].map(|degree| vec![0.0; Tuples::new(d, degree).all().len()]))
    }

    pub(super) fn of_degree(&mut self, degree: usize) -> &mut [f64] {
        &mut self.0[degree - 1]
    }

    /// Its value for the row of agents that begins at `first`.
    #[inline(always)]
    fn at(&self, columns: &Columns, first: usize) -> [f64; LANES] {
        let [linear, quadratic, cubic] = &self.0;
        let (mut quadratic, mut cubic) = (quadratic.iter(), cubic.iter());
        let mut value = [0.0; LANES];
        for (k, coefficient) in linear.iter().enumerate() {
            let mut slope = [*coefficient; LANES];
            for l in k..columns.len() {
                let mut bend = [quadratic.next().copied().unwrap_or(0.0); LANES];
                for (column, coefficient) in columns[l..].iter().zip(cubic.by_ref()) {
                    for lane in 0..LANES {
                        bend[lane] += coefficient * column[first + lane];
                    }
                }
                for lane in 0..LANES {
                    slope[lane] += bend[lane] * columns[l][first + lane];
                }
            }
            for lane in 0..LANES {
                value[lane] += slope[lane] * columns[k][first + lane];
            }
        }
        value
    }
}

/// An agent's attribution, by order.
pub(super) struct Polynomials {
    /// All orders but the last.
    pub(super) kept: Polynomial,
    /// The last one.
    pub(super) correction: Polynomial,
    /// Whether the last one is part of the attribution.
    pub(super) corrected: bool,
}

/// Writes every agent's attribution and returns the sums, and the largest magnitude of a correction.
pub(super) fn apply<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    polynomials: &Polynomials,
    out: &mut [T],
) -> (Scaled, f64) {
    let weight = f64::from(polynomials.corrected);
    let states = blocks::map_mut(out, |start, out| {
        let mut scale = Scale::by(1.0);
        let mut largest = 0.0_f64;
        columns::for_each_block(x, baseline, start..start + out.len(), |block, columns| {
            let out = &mut out[block.start - start..block.end - start];
            dispatch(
                #[inline(always)]
                || {
                    for (row, out) in out.chunks_mut(LANES).enumerate() {
                        let kept = polynomials.kept.at(columns, row * LANES);
                        let correction = polynomials.correction.at(columns, row * LANES);
                        for (value, (kept, correction)) in
                            out.iter_mut().zip(kept.iter().zip(correction))
                        {
                            let size = correction.abs();
                            largest = if size > largest { size } else { largest };
                            *value = T::from_f64(kept + weight * correction);
                        }
                    }
                    scale.absorb(out);
                },
            );
        });
        (Absorb::<T>::total(scale), largest)
    });
    let largest = states.iter().fold(0.0_f64, |largest, state| largest.max(state.1));
    let sums = states.into_iter().map(|(sums, _)| sums).collect();
    (merge_tree(sums).unwrap_or_default(), largest)
}
