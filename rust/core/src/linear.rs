//! The streaming loops: a weighted sum of each agent's features, and the sums of the columns.
//!
//! The mean, the heat once its means are known, and every composite are weighted sums of features.
//! All layouts add in the same order, so they give the same bits.

use crate::blocks::{self, BLOCK, LANES, Merge, merge_tree};
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
    let states = blocks::map_mut_back(out, |start, part| {
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
    let everyone = x.everyone_is_present();
    match (of, of.features()) {
        (Features::Rows { data, .. }, 1) if everyone => flat_sums::<T, 1>(&data[positions]),
        (Features::Rows { data, .. }, 2) if everyone => {
            flat_sums::<T, 2>(&data[positions.start * 2..positions.end * 2])
        }
        (Features::Rows { data, .. }, 3) if everyone => {
            flat_sums::<T, 3>(&data[positions.start * 3..positions.end * 3])
        }
        (Features::Rows { data, .. }, 4) if everyone => {
            flat_sums::<T, 4>(&data[positions.start * 4..positions.end * 4])
        }
        (Features::Columns(columns), _) if everyone => columns
            .iter()
            .flat_map(|column| flat_sums::<T, 1>(&column[positions.clone()]))
            .collect(),
        _ => {
            let mut lanes = vec![[0.0; LANES]; of.features()];
            let mut column = [T::ZERO; BLOCK];
            x.for_each_block(positions, |agents, _| {
                for (k, lanes) in lanes.iter_mut().enumerate() {
                    of.gather(k, agents, &mut column[..agents.len()]);
                    for (j, value) in column[..agents.len()].iter().enumerate() {
                        lanes[j % LANES] += value.to_f64();
                    }
                }
            });
            lanes.into_iter().map(crate::statistics::fold).collect()
        }
    }
}

/// Column sums of agents in C order. Sixteen agents are one flat row of accumulators: no shuffles.
fn flat_sums<T: Real, const D: usize>(data: &[T]) -> Vec<f64> {
    let mut lanes = [[0.0; D]; LANES];
    dispatch(
        #[inline(always)]
        || {
            let (whole, rest) = data.as_chunks::<D>().0.as_chunks::<LANES>();
            let flat = lanes.as_flattened_mut();
            for agents in whole {
                for (sum, value) in flat.iter_mut().zip(agents.as_flattened()) {
                    *sum += value.to_f64();
                }
            }
            for (sum, value) in flat.iter_mut().zip(rest.as_flattened()) {
                *sum += value.to_f64();
            }
        },
    );
    (0..D).map(|k| crate::statistics::fold(std::array::from_fn(|lane| lanes[lane][k]))).collect()
}
