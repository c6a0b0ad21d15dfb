//! The streaming loops: a weighted sum of each agent's features, and the sums of the columns.
//!
//! The mean, the heat once its means are known, and every composite are weighted sums of features.
//! All layouts add in the same order, so they give the same bits.

use crate::blocks::{self, BLOCK, Merge, merge_tree};
use crate::features::{Baseline, Features, Step};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::Absorb;
use std::ops::Range;

/// Writes `sum_k coefficients[k] (x_ik - b_ik)` of every present agent to `out` and returns what
/// `absorb` made of it. A sum never gives -0.0, so equal numbers are equal bits.
pub(crate) fn weighted_sum<T: Real, A: Absorb<T>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    out: &mut [T],
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
pub(crate) fn chunk<T: Real, A: Absorb<T>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    positions: Range<usize>,
    out: &mut [T],
    state: &mut A,
) {
    let row = baseline.row(coefficients.len());
    let direct = x.everyone_is_present() && !matches!(baseline, Baseline::PerAgent(_));
    match (x.features(), coefficients.len()) {
        (Features::Rows { data, .. }, 1) if direct => {
            rows::<T, A, 1>(&data[positions], coefficients, &row, out, state);
        }
        (Features::Rows { data, .. }, 2) if direct => {
            let data = &data[positions.start * 2..positions.end * 2];
            rows::<T, A, 2>(data, coefficients, &row, out, state);
        }
        (Features::Rows { data, .. }, 3) if direct => {
            let data = &data[positions.start * 3..positions.end * 3];
            rows::<T, A, 3>(data, coefficients, &row, out, state);
        }
        (Features::Rows { data, .. }, 4) if direct => {
            let data = &data[positions.start * 4..positions.end * 4];
            rows::<T, A, 4>(data, coefficients, &row, out, state);
        }
        (Features::Columns(columns), _) if direct => {
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
fn finish<T: Real, A: Absorb<T>>(sums: &[f64; BLOCK], out: &mut [T], state: &mut A) {
    for (value, &sum) in out.iter_mut().zip(sums) {
        *value = T::from_f64(sum);
    }
    state.absorb(out);
}

fn rows<T: Real, A: Absorb<T>, const D: usize>(
    data: &[T],
    coefficients: &[f64],
    row: &[f64],
    out: &mut [T],
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
                    *value = T::from_f64(sum);
                }
                state.absorb(out);
            }
        },
    );
}

/// Any layout, any presence, any baseline: blocks are copied into columns first.
fn gathered<T: Real, A: Absorb<T>>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    coefficients: &[f64],
    row: &[f64],
    positions: Range<usize>,
    out: &mut [T],
    state: &mut A,
) {
    let first = positions.start;
    let (mut column, mut base) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    let mut sums = [0.0; BLOCK];
    x.for_each_block(positions, |agents, block| {
        sums.fill(0.0);
        for (k, &coefficient) in coefficients.iter().enumerate() {
            x.features().gather(k, agents, &mut column[..agents.len()]);
            match baseline {
                Baseline::PerAgent(rows) => rows.gather(k, agents, &mut base[..agents.len()]),
                _ => base.fill(T::from_f64(row[k])),
            }
            dispatch(
                #[inline(always)]
                || {
                    for ((sum, &value), &b) in sums.iter_mut().zip(&column).zip(&base) {
                        *sum += coefficient * (value.to_f64() - b.to_f64());
                    }
                },
            );
        }
        let out = &mut out[block.start - first..block.end - first];
        dispatch(
            #[inline(always)]
            || finish(&sums, out, state),
        );
    });
}

/// Sums of the columns over the present agents.
struct Sums(Vec<f64>);

impl Merge for Sums {
    fn merge(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
        self
    }
}

/// Means of the d features over the present agents.
pub(crate) fn feature_means<T: Real>(x: &Step<'_, T>, of: &Features<'_, T>) -> Vec<f64> {
    let sums = blocks::map(x.present(), |positions| Sums(column_sums(x, of, positions)));
    let count = x.present() as f64;
    let sums = merge_tree(sums).map_or_else(Vec::new, |sums| sums.0);
    sums.into_iter().map(|sum| sum / count).collect()
}

fn column_sums<T: Real>(
    x: &Step<'_, T>,
    of: &Features<'_, T>,
    positions: Range<usize>,
) -> Vec<f64> {
    let d = of.features();
    match of {
        Features::Rows { data, .. } if x.everyone_is_present() => {
            let mut sums = Slots::new(d);
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
                let mut sums = Slots::new(1);
                dispatch(
                    #[inline(always)]
                    || column[positions.clone()].chunks(BLOCK).for_each(|block| sums.add(block)),
                );
                sums.fold()
            };
            columns.iter().flat_map(sum).collect()
        }
        _ => {
            let mut sums = vec![Slots::new(1); d];
            let mut column = [T::ZERO; BLOCK];
            x.for_each_block(positions, |agents, _| {
                for (k, sums) in sums.iter_mut().enumerate() {
                    let column = &mut column[..agents.len()];
                    of.gather(k, agents, column);
                    sums.add(column);
                }
            });
            sums.into_iter().flat_map(Slots::fold).collect()
        }
    }
}

/// Running sums of each place in a block, d features in C order. One long loop over memory in the
/// first-level cache is vectorised whole; accumulators in registers are not.
#[derive(Clone)]
struct Slots {
    sums: Vec<f64>,
    features: usize,
}

impl Slots {
    fn new(features: usize) -> Self {
        Self { sums: vec![0.0; BLOCK * features], features }
    }

    #[inline(always)]
    fn add<T: Real>(&mut self, block: &[T]) {
        for (sum, value) in self.sums.iter_mut().zip(block) {
            *sum += value.to_f64();
        }
    }

    /// The sum of each feature, in a tree.
    fn fold(mut self) -> Vec<f64> {
        let mut width = BLOCK / 2;
        while width > 0 {
            let (left, right) = self.sums.split_at_mut(width * self.features);
            left.iter_mut().zip(right).for_each(|(sum, more)| *sum += *more);
            width /= 2;
        }
        self.sums.truncate(self.features);
        self.sums
    }
}
