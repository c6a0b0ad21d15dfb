//! Whether G is defined for all coalitions: the expansion reads it near the path alone.

use super::kernels::Moments;
use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::columns;
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::linear::Sums;
use crate::real::Real;
use crate::statistics::fold;
use crate::value_function::MeanFunction;

/// How often a coalition is replaced by one in which G is lower.
const ROUNDS: usize = 6;

/// Refuses where coalitions are found whose means G refuses. If a box that holds the means of all
/// coalitions is no proof that there are none, they are searched for downhill: from a coalition's
/// means to those of the agents who lower G there, as it is the lower end of its domain that counts.
pub(super) fn check<T: Real>(
    function: &(impl MeanFunction + ?Sized),
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    base: &[f64],
    moments: &Moments,
) -> Result<()> {
    let d = base.len();
    let n = x.present() as f64;
    let of_feature = |k: usize| {
        let (mean, fall) = (moments.means[k], moments.falls[k]);
        [base[k] + fall, base[k] + (mean - fall)]
    };
    if function.is_defined_between(&(0..d).map(of_feature).collect::<Vec<_>>()) {
        return Ok(());
    }
    let all: Vec<usize> = (0..d).collect();
    let gradient = |means: &[f64]| -> Vec<f64> {
        all.iter().map(|&k| function.derivative(means, &[k])).collect()
    };
    let at = |t: f64| -> Vec<f64> {
        base.iter().zip(&moments.means).map(|(base, change)| base + t * change).collect()
    };
    let mut directions: Vec<Vec<f64>> =
        [0.0, 0.5, 1.0].into_iter().map(|t| gradient(&at(t))).collect();
    for k in 0..d {
        for sign in [-1.0, 1.0] {
            let mut direction = vec![0.0; d];
            direction[k] = sign;
            directions.push(direction);
        }
    }
    for mut direction in directions {
        let mut lowest = f64::INFINITY;
        for _ in 0..ROUNDS {
            let (sums, count) = members(x, baseline, &direction);
            let means: Vec<f64> = base.iter().zip(sums).map(|(b, sum)| b + sum / n).collect();
            let value =
                function.of_means(&means, 1.0).map_err(|error| error.in_coalition(count))?;
            if value >= lowest {
                break;
            }
            lowest = value;
            direction = gradient(&means);
        }
    }
    Ok(())
}

/// Sums of the differences of the agents on the lower side of a direction, and their number.
fn members<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    direction: &[f64],
) -> (Vec<f64>, usize) {
    let d = direction.len();
    let states = blocks::map(x.present(), |positions| {
        let mut sums = vec![[0.0; LANES]; d + 1];
        columns::for_each_block(x, baseline, positions, |_, columns| {
            let mut side = [0.0; BLOCK];
            for (column, slope) in columns.iter().zip(direction) {
                for (side, value) in side.iter_mut().zip(column) {
                    *side += slope * value;
                }
            }
            let member = side.map(|side| f64::from(u8::from(side < 0.0)));
            let ones = [1.0; BLOCK];
            for (sums, column) in sums.iter_mut().zip(columns.iter().chain([&ones])) {
                for (row, member) in
                    column.as_chunks::<LANES>().0.iter().zip(member.as_chunks::<LANES>().0)
                {
                    for lane in 0..LANES {
                        sums[lane] += row[lane] * member[lane];
                    }
                }
            }
        });
        Sums(sums.into_iter().map(fold).collect())
    });
    let mut sums = merge_tree(states).map_or_else(|| vec![0.0; d + 1], |sums| sums.0);
    let count = sums.pop().unwrap_or(0.0) as usize;
    (sums, count)
}
