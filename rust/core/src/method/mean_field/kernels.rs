//! The two passes over the agents: moments of their differences, and a polynomial in them.

use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::columns::{self, Columns};
use crate::features::{Baseline, Step};
use crate::linear::Sums;
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Scale, Scaled, fold};
use crate::symmetric::Tuples;

/// Means of the differences from the baseline, of their products and of those of three, by
/// ascending tuples of features.
pub(super) struct Moments {
    pub(super) means: Vec<f64>,
    /// Means of the differences below zero.
    pub(super) falls: Vec<f64>,
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
        let (mut first, mut falls) = (lanes(d), lanes(d));
        let (mut second, mut third) = (lanes(counts[1]), lanes(third));
        columns::for_each_block(x, baseline, positions, |_, columns| {
            let sums = [&mut first[..], &mut falls, &mut second, &mut third];
            dispatch(
                #[inline(always)]
                || add_moments(columns, sums),
            );
        });
        Sums(first.into_iter().chain(falls).chain(second).chain(third).map(fold).collect())
    });
    let n = x.present() as f64;
    let sums = merge_tree(states).map_or_else(Vec::new, |sums| sums.0);
    let mut moments = sums.into_iter().map(|sum| sum / n);
    let mut take = |count| moments.by_ref().take(count).collect();
    Moments { means: take(d), falls: take(d), second: take(counts[1]), third: take(third) }
}

/// Agents whose products are formed together, in registers.
const ROW: usize = 2 * LANES;

type Row = [f64; ROW];

#[inline(always)]
fn row_of(column: &[f64; BLOCK], row: usize) -> &Row {
    &column.as_chunks::<ROW>().0[row]
}

/// Adds the products of the columns, tuple by tuple. The sums stay in memory and the rows of agents
/// are the outer loop: additions to one sum would wait for each other.
#[inline(always)]
fn add_moments(columns: &Columns, [first, falls, second, third]: [&mut [[f64; LANES]]; 4]) {
    for row in 0..BLOCK / ROW {
        let (mut second, mut third) = (second.iter_mut(), third.iter_mut());
        for (k, (sums, falls)) in first.iter_mut().zip(falls.iter_mut()).enumerate() {
            let left = row_of(&columns[k], row);
            add(sums, left);
            add(falls, &left.map(|value| if value < 0.0 { value } else { 0.0 }));
            // The sums second: the features end first, and must not take one sum too many.
            for (l, sums) in (k..columns.len()).zip(second.by_ref()) {
                let products = multiply(left, row_of(&columns[l], row));
                add(sums, &products);
                for (column, sums) in columns[l..].iter().zip(third.by_ref()) {
                    add(sums, &multiply(&products, row_of(column, row)));
                }
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f64; LANES], values: &Row) {
    let (left, right) = values.split_at(LANES);
    for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
        *sum += left + right;
    }
}

#[inline(always)]
fn multiply(left: &Row, right: &Row) -> Row {
    let mut products = *left;
    for lane in 0..ROW {
        products[lane] *= right[lane];
    }
    products
}

/// Coefficients by ascending tuples of one, two and three features; of more than one only where it
/// has such.
pub(super) struct Polynomial([Vec<f64>; 3]);

impl Polynomial {
    pub(super) fn zero(d: usize) -> Self {
        Self([vec![0.0; d], Vec::new(), Vec::new()])
    }

    /// Adds to the coefficients of a degree.
    pub(super) fn add(&mut self, degree: usize, more: impl ExactSizeIterator<Item = f64>) {
        let coefficients = &mut self.0[degree - 1];
        coefficients.resize(more.len(), 0.0);
        coefficients.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }

    /// The coefficients of single features.
    pub(super) fn linear(&self) -> &[f64] {
        &self.0[0]
    }

    /// Its value for a row of agents.
    #[inline(always)]
    fn at(&self, columns: &Columns, row: usize) -> Row {
        let [linear, quadratic, cubic] = &self.0;
        let (mut quadratic, mut cubic) = (quadratic.iter(), cubic.iter());
        let mut value = [0.0; ROW];
        for (k, coefficient) in linear.iter().enumerate() {
            let mut slope = [*coefficient; ROW];
            for (l, coefficient) in (k..columns.len()).zip(quadratic.by_ref()) {
                let mut bend = [*coefficient; ROW];
                for (column, coefficient) in columns[l..].iter().zip(cubic.by_ref()) {
                    let column = row_of(column, row);
                    for lane in 0..ROW {
                        bend[lane] += coefficient * column[lane];
                    }
                }
                let column = row_of(&columns[l], row);
                for lane in 0..ROW {
                    slope[lane] += bend[lane] * column[lane];
                }
            }
            let column = row_of(&columns[k], row);
            for lane in 0..ROW {
                value[lane] += slope[lane] * column[lane];
            }
        }
        value
    }
}

/// The largest magnitudes that were met.
#[derive(Clone, Copy)]
pub(super) struct Largest {
    pub(super) attribution: f64,
    /// Of the corrections of orders 1 and 2.
    pub(super) corrections: [f64; 2],
}

/// Writes every agent's attribution, the sum of the polynomials up to an order, and returns the sums
/// and the largest magnitudes.
pub(super) fn apply<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    polynomials: &[Polynomial],
    order: usize,
    out: &mut [T],
) -> (Scaled, Largest) {
    let states = blocks::map_mut(out, |start, out| {
        let mut scale = Scale::by(1.0);
        // Of the attribution, and of every polynomial.
        let mut largest = [[0.0_f64; ROW]; 4];
        columns::for_each_block(x, baseline, start..start + out.len(), |block, columns| {
            let out = &mut out[block.start - start..block.end - start];
            dispatch(
                #[inline(always)]
                || {
                    for (row, out) in out.chunks_mut(ROW).enumerate() {
                        let mut values = [0.0; ROW];
                        for (of_order, polynomial) in polynomials.iter().enumerate() {
                            let terms = polynomial.at(columns, row);
                            let weight = f64::from(u8::from(of_order <= order));
                            absorb(&mut largest[of_order + 1], &terms);
                            for lane in 0..ROW {
                                values[lane] += weight * terms[lane];
                            }
                        }
                        absorb(&mut largest[0], &values);
                        for (value, attribution) in out.iter_mut().zip(values) {
                            *value = T::from_f64(attribution);
                        }
                    }
                    scale.absorb(out);
                },
            );
        });
        let largest = largest.map(|row| row.into_iter().fold(0.0, f64::max));
        (Absorb::<T>::total(scale), largest)
    });
    let largest =
        |of: usize| states.iter().fold(0.0_f64, |largest, state| largest.max(state.1[of]));
    let largest = Largest { attribution: largest(0), corrections: [largest(2), largest(3)] };
    let sums = states.into_iter().map(|(sums, _)| sums).collect();
    (merge_tree(sums).unwrap_or_default(), largest)
}

#[inline(always)]
fn absorb(largest: &mut Row, values: &Row) {
    for (largest, value) in largest.iter_mut().zip(values) {
        let size = value.abs();
        *largest = if size > *largest { size } else { *largest };
    }
}
