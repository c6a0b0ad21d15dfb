//! Blocks of agents as one column of differences from the baseline per feature, for formulas that
//! are no weighted sums of the features.

use crate::blocks::BLOCK;
use crate::features::{Baseline, Features, Step};
use crate::real::Real;
use crate::simd::dispatch;
use std::ops::Range;

/// Differences of a block's agents from the baseline, feature by feature.
pub(crate) type Columns = [[f64; BLOCK]];

/// Calls `work` with one block of positions after another and its columns, which are zero beyond its
/// last agent. `positions` are a chunk.
pub(crate) fn for_each_block<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    positions: Range<usize>,
    mut work: impl FnMut(Range<usize>, &Columns),
) {
    let d = x.features().features();
    let row = baseline.row(d);
    let mut columns = vec![[0.0; BLOCK]; d];
    let mut work = |block: Range<usize>, columns: &mut Columns| {
        if block.len() < BLOCK {
            columns.iter_mut().for_each(|column| column[block.len()..].fill(0.0));
        }
        work(block, columns);
    };
    let direct = x.everyone_is_present() && !matches!(baseline, Baseline::PerAgent(_));
    let blocks = || {
        let starts = positions.clone().step_by(BLOCK);
        starts.map(|start| start..positions.end.min(start + BLOCK))
    };
    match x.features() {
        Features::Rows { data, .. } if direct && d <= 4 => {
            for block in blocks() {
                let data = &data[block.start * d..block.end * d];
                match d {
                    1 => split::<T, 1>(data, &row, &mut columns),
                    2 => split::<T, 2>(data, &row, &mut columns),
                    3 => split::<T, 3>(data, &row, &mut columns),
                    _ => split::<T, 4>(data, &row, &mut columns),
                }
                work(block, &mut columns);
            }
        }
        Features::Columns(data) if direct => {
            for block in blocks() {
                for ((column, data), b) in columns.iter_mut().zip(data).zip(&row) {
                    for (value, of_x) in column.iter_mut().zip(&data[block.clone()]) {
                        *value = of_x.to_f64() - b;
                    }
                }
                work(block, &mut columns);
            }
        }
        _ => {
            let (mut of_x, mut of_base) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
            x.for_each_block(positions, |agents, block| {
                for (k, column) in columns.iter_mut().enumerate() {
                    x.features().gather(k, agents, &mut of_x[..agents.len()]);
                    let pairs = column.iter_mut().zip(&of_x);
                    if let Baseline::PerAgent(rows) = baseline {
                        rows.gather(k, agents, &mut of_base[..agents.len()]);
                        for ((value, of_x), b) in pairs.zip(&of_base) {
                            *value = of_x.to_f64() - b.to_f64();
                        }
                    } else {
                        pairs.for_each(|(value, of_x)| *value = of_x.to_f64() - row[k]);
                    }
                }
                work(block, &mut columns);
            });
        }
    }
}

fn split<T: Real, const D: usize>(data: &[T], row: &[f64], columns: &mut Columns) {
    let mut base = [0.0; D];
    base.copy_from_slice(row);
    let Some(columns) = columns.first_chunk_mut::<D>() else { return };
    dispatch(
        #[inline(always)]
        || {
            let agents = data.as_chunks::<D>().0;
            let count = agents.len().min(BLOCK);
            for (j, agent) in agents[..count].iter().enumerate() {
                for k in 0..D {
                    columns[k][j] = agent[k].to_f64() - base[k];
                }
            }
        },
    );
}
