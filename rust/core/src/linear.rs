//! The streaming loops: a weighted sum of each agent's features, and the sums of the columns.
//!
//! The mean, the heat once its means are known, and every composite are weighted sums of features.
//! All layouts add in the same order, so they give the same bits.

use crate::blocks::{self, BLOCK, Merge, merge_tree};
use crate::double::{Double, two_sum};
use crate::features::{Baseline, Features, Step};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::Absorb;
use std::ops::Range;

/// Writes `sum_k coefficients[k] (x_ik - b_ik)` of every present agent to `out` and returns what
/// `absorb` made of it. Outputs may be of the features' type or `f64`.
pub(crate) fn weighted_sum<T: Real, O: Real, A: Absorb<O>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    out: &mut [O],
    absorb: &A,
) -> A::Total {
    let states = blocks::map_mut(out, |start, part| {
        let mut state = absorb.clone();
        chunk(x, baseline, coefficients, start..start + part.len(), part, &mut state);
        state.total()
    });
    merge_tree(states).unwrap_or_else(|| absorb.clone().total())
}

/// One chunk of [`weighted_sum`]: `positions` into `out`.
pub(crate) fn chunk<T: Real, O: Real, A: Absorb<O>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    positions: Range<usize>,
    out: &mut [O],
    state: &mut A,
) {
    let d = coefficients.len();
    let row = baseline.row(d);
    let direct = x.everyone_is_present() && !matches!(baseline, Baseline::PerAgent(_));
    match x.features() {
        Features::Rows { data, .. } if direct && d <= 4 => {
            let data = &data[positions.start * d..positions.end * d];
            match d {
                1 => rows::<T, O, A, 1>(data, coefficients, &row, out, state),
                2 => rows::<T, O, A, 2>(data, coefficients, &row, out, state),
                3 => rows::<T, O, A, 3>(data, coefficients, &row, out, state),
                _ => rows::<T, O, A, 4>(data, coefficients, &row, out, state),
            }
        }
        Features::Columns(columns) if direct => {
            let mut sums = [0.0; BLOCK];
            for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                let start = positions.start + block * BLOCK;
                let end = start + out.len();
                let columns = columns.iter().map(|column| &column[start..end]);
                let terms = columns.zip(coefficients.iter().zip(&row));
                dispatch(
                    #[inline(always)]
                    || {
                        sums.fill(0.0);
                        for (column, (&coefficient, &b)) in terms {
                            for (sum, &value) in sums.iter_mut().zip(column) {
                                *sum += coefficient * (value.to_f64() - b);
                            }
                        }
                        finish(&sums, out, state);
                    },
                );
            }
        }
        _ => gathered(x, baseline, coefficients, &row, positions, out, state),
    }
}

#[inline(always)]
fn finish<O: Real, A: Absorb<O>>(sums: &[f64; BLOCK], out: &mut [O], state: &mut A) {
    for (value, &sum) in out.iter_mut().zip(sums) {
        *value = O::from_f64(sum);
    }
    state.absorb(out);
}

fn rows<T: Real, O: Real, A: Absorb<O>, const D: usize>(
    data: &[T],
    coefficients: &[f64],
    row: &[f64],
    out: &mut [O],
    state: &mut A,
) {
    let (mut weights, mut base) = ([0.0; D], [0.0; D]);
    weights.copy_from_slice(coefficients);
    base.copy_from_slice(row);
    dispatch(
        #[inline(always)]
        || {
            let agents = data.as_chunks::<D>().0;
            for (agents, out) in agents.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
                for (agent, value) in agents.iter().zip(out.iter_mut()) {
                    let mut sum = 0.0;
                    for k in 0..D {
                        sum += weights[k] * (agent[k].to_f64() - base[k]);
                    }
                    *value = O::from_f64(sum);
                }
                state.absorb(out);
            }
        },
    );
}

/// Any layout, any presence, any baseline: blocks are copied into columns first.
fn gathered<T: Real, O: Real, A: Absorb<O>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    row: &[f64],
    positions: Range<usize>,
    out: &mut [O],
    state: &mut A,
) {
    let first = positions.start;
    x.for_each_block(positions, |agents, block| {
        let mut sums = [0.0; BLOCK];
        gather_sums(x.features(), baseline, coefficients, row, agents, &mut sums);
        let out = &mut out[block.start - first..block.end - first];
        dispatch(
            #[inline(always)]
            || finish(&sums, out, state),
        );
    });
}

/// The weighted sums of at most a block of agents, in any order, into zeros.
pub(crate) fn gather_sums<T: Real>(
    features: &Features<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    row: &[f64],
    agents: &[usize],
    sums: &mut [f64; BLOCK],
) {
    let (mut column, mut of_base) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    let mut base = [0.0; BLOCK];
    for (k, &coefficient) in coefficients.iter().enumerate() {
        features.gather(k, agents, &mut column[..agents.len()]);
        match baseline {
            Baseline::PerAgent(rows) => {
                rows.gather(k, agents, &mut of_base[..agents.len()]);
                base.iter_mut().zip(&of_base).for_each(|(b, of_base)| *b = of_base.to_f64());
            }
            _ => base.fill(row[k]),
        }
        dispatch(
            #[inline(always)]
            || {
                for ((sum, &value), &b) in sums.iter_mut().zip(&column).zip(&base) {
                    *sum += coefficient * (value.to_f64() - b);
                }
            },
        );
    }
}

/// Means of the features over the first block of present agents: a row amid the data.
pub(crate) fn first_means<T: Real>(x: &Step<'_, T>) -> Vec<f64> {
    let count = x.present().min(BLOCK);
    let mut means = vec![0.0; x.features().features()];
    let mut column = [T::ZERO; BLOCK];
    x.for_each_block(0..count, |agents, _| {
        for (k, mean) in means.iter_mut().enumerate() {
            x.features().gather(k, agents, &mut column[..agents.len()]);
            let sum: f64 = column[..agents.len()].iter().map(|value| value.to_f64()).sum();
            // A neighbour of the features, so that differences from it are exact.
            *mean = T::from_f64(sum / count as f64).to_f64();
        }
    });
    means
}

/// Sums over the present agents, added one by one.
pub(crate) struct Sums(pub(crate) Vec<f64>);

impl Merge for Sums {
    fn merge(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
        self
    }
}

/// Sums of columns in twice the precision of f64.
struct Doubles(Vec<Double>);

impl Merge for Doubles {
    fn merge(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum = sum.plus(more));
        self
    }
}

/// Sums of the d features over the present agents: a large value costs the others no digits.
pub(crate) fn feature_sums<T: Real>(x: &Step<'_, T>, of: &Features<'_, T>) -> Vec<Double> {
    let sums = blocks::map(x.present(), |positions| Doubles(column_sums(x, of, positions)));
    merge_tree(sums).map_or_else(Vec::new, |sums| sums.0)
}

/// Means of the d features over the present agents, in twice the precision of f64.
pub(crate) fn double_means<T: Real>(x: &Step<'_, T>, of: &Features<'_, T>) -> Vec<Double> {
    let count = x.present() as f64;
    feature_sums(x, of).into_iter().map(|sum| sum.over_count(count)).collect()
}

/// Means of the d features over the present agents.
pub(crate) fn feature_means<T: Real>(x: &Step<'_, T>, of: &Features<'_, T>) -> Vec<f64> {
    double_means(x, of).into_iter().map(|mean| mean.high).collect()
}

/// Means of the features over the present agents where all stand at their baseline.
pub(crate) fn baseline_means<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Vec<Double> {
    match baseline {
        Baseline::PerAgent(rows) => double_means(x, rows),
        _ => baseline.row(x.features().features()).into_iter().map(Double::new).collect(),
    }
}

fn column_sums<T: Real>(
    x: &Step<'_, T>,
    of: &Features<'_, T>,
    positions: Range<usize>,
) -> Vec<Double> {
    let d = of.features();
    match of {
        Features::Rows { data, .. } if x.everyone_is_present() => {
            let mut sums = Places::new(d, positions.len());
            dispatch(
                #[inline(always)]
                || {
                    for block in data[positions.start * d..positions.end * d].chunks(BLOCK * d) {
                        sums.add(block);
                    }
                },
            );
            sums.fold()
        }
        Features::Columns(columns) if x.everyone_is_present() => {
            let sum = |column: &&[T]| {
                let mut sums = Places::new(1, positions.len());
                dispatch(
                    #[inline(always)]
                    || column[positions.clone()].chunks(BLOCK).for_each(|block| sums.add(block)),
                );
                sums.fold()
            };
            columns.iter().flat_map(sum).collect()
        }
        _ => {
            let mut sums = vec![Places::new(1, positions.len()); d];
            let mut column = [T::ZERO; BLOCK];
            x.for_each_block(positions, |agents, _| {
                for (k, sums) in sums.iter_mut().enumerate() {
                    let column = &mut column[..agents.len()];
                    of.gather(k, agents, column);
                    sums.add(column);
                }
            });
            sums.into_iter().flat_map(Places::fold).collect()
        }
    }
}

/// Running sums of each place in a block, d features in C order, and what rounding took from them.
/// One long loop over memory in the first-level cache is vectorised whole; accumulators in registers
/// are not.
#[derive(Clone)]
struct Places {
    sums: Vec<f64>,
    errors: Vec<f64>,
    features: usize,
}

impl Places {
    fn new(features: usize, agents: usize) -> Self {
        // Few agents need few places; the tree below wants a power of two.
        let zeros = vec![0.0; agents.next_power_of_two().min(BLOCK) * features];
        Self { sums: zeros.clone(), errors: zeros, features }
    }

    #[inline(always)]
    fn add<T: Real>(&mut self, block: &[T]) {
        for ((sum, error), value) in self.sums.iter_mut().zip(&mut self.errors).zip(block) {
            let (next, lost) = two_sum(*sum, value.to_f64());
            *sum = next;
            *error += lost;
        }
    }

    /// The sum of each feature, in a tree.
    fn fold(self) -> Vec<Double> {
        let doubles = self.sums.iter().zip(&self.errors);
        let mut sums: Vec<Double> =
            doubles.map(|(&sum, &error)| Double::of_sum(sum, error)).collect();
        let mut width = sums.len() / self.features / 2;
        while width > 0 {
            let (left, right) = sums.split_at_mut(width * self.features);
            left.iter_mut().zip(right).for_each(|(sum, more)| *sum = sum.plus(*more));
            width /= 2;
        }
        sums.truncate(self.features);
        sums
    }
}
