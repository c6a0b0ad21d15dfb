//! Aumann-Shapley of the Gini mean difference under one baseline per agent.
//!
//! Let agent i run from b_i to s_i. Two agents keep the order in which they start until they
//! cross, so with 0/0 = 0
//! ```text
//! phi_i = 2/n^2 (s_i - b_i) sum_j (p + q) / (|p| + |q|),   p = b_i - b_j,   q = s_i - s_j
//!       = 2/n^2 (s_i - b_i) (2 r_i - n - 1 + 2 sum_j f_ij - 2 sum_j f_ji)
//! ```
//! where r is the mid-rank in the order of (b, s) and `f_ij = (s_i - s_j) / (D_i - D_j)` for
//! b_i < b_j and s_i > s_j, D = s - b, is the part of the path on which i is above j; 0 for pairs
//! that do not cross.
//!
//! Equal agents share a weight, so everything runs over the distinct pairs (b, s) and how many
//! agents have them (`pairs`). Where no two cross, but within rounding, the weight is that of a
//! rank (`comonotone`). Otherwise a merge sort of s within the order of b meets every crossing
//! (`merge`); each of its nodes adds them one by one (`enumeration`) or sums 1/(D_i - D_j) as
//! exponentials (`exponentials`), whichever is cheaper. Scratch: at most 44 bytes per agent (36 where
//! none cross); where many agents are equal 4, and some 100 per distinct pair and thread.
//!
//! No faster exact way is known: sums of 1/(D_i - D_j) are products with Cauchy matrices.

mod comonotone;
mod enumeration;
mod exponentials;
mod merge;
mod pairs;
#[cfg(test)]
mod tests;

use super::offset::Offset;
use crate::abandon::look;
use crate::blocks::{BLOCK, CHUNK, LANES};
use crate::error::{Error, Result};
use crate::features::Step;
use crate::real::Real;
use crate::statistics::{Extent, fold};
use crate::value_function::composite;
use merge::{Costs, Crossings};
use pairs::{Pair, Pairs};

/// One end of the path of every agent. Differences within an end alone count, so each is taken from
/// an offset of its own.
pub(super) struct End<'a, 'x, T> {
    pub(super) step: &'a Step<'x, T>,
    /// What the composites are taken from.
    pub(super) offset: Offset,
    /// Of the composites taken from there, and from zero.
    pub(super) extent: Extent,
    pub(super) raw: Extent,
}

/// What multiplies s_i - b_i, and F at both ends.
pub(super) struct Weighed {
    weights: Vec<f64>,
    slots: Vec<u32>,
    pub(super) value: f64,
    pub(super) baseline_value: f64,
    pub(super) error: f64,
    pub(super) estimator: &'static str,
}

impl Weighed {
    /// The weights of a block of agents from this position.
    pub(super) fn block(&self, start: usize, length: usize) -> [f64; BLOCK] {
        let mut weights = [0.0; BLOCK];
        for (weight, &slot) in weights.iter_mut().zip(&self.slots[start..start + length]) {
            *weight = self.weights[slot as usize];
        }
        weights
    }
}

/// The sum of numbers in the first-level cache, the same bits at every SIMD level.
#[inline(always)]
fn sum(terms: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = terms.as_chunks::<LANES>();
    for row in whole {
        for lane in 0..LANES {
            lanes[lane] += row[lane];
        }
    }
    for (lane, term) in lanes.iter_mut().zip(rest) {
        *lane += term;
    }
    fold(lanes)
}

/// A running sum that carries its rounding along (Neumaier 1974): one agent is added after another,
/// and there may be many millions.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        let (large, small) =
            if self.sum.abs() >= term.abs() { (self.sum, term) } else { (term, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;
    }

    fn total(self) -> f64 {
        self.sum + self.lost
    }
}

/// Weight of a rank, as a sum of the first and last rank of its ties and of what crossings add.
#[derive(Clone, Copy)]
struct Weight {
    agents: usize,
    factor: f64,
}

impl Weight {
    fn new(agents: usize) -> Self {
        Self { agents, factor: 2.0 / (agents as f64 * agents as f64) }
    }

    fn of(self, first: usize, count: usize, crossed: f64) -> f64 {
        let centred = (2 * first + count) as i64 - self.agents as i64;
        (centred as f64 + 2.0 * crossed) * self.factor
    }
}

/// Of the baseline and of x, the same agents present in both.
///
/// # Errors
/// [`Error::Overflow`] where a composite moves by more than the range of f64.
pub(super) fn weigh<T: Real>(ends: &[End<'_, '_, T>; 2], weights: &[f64]) -> Result<Weighed> {
    let [base, x] = ends;
    let agents = x.step.present();
    let Pairs { pairs, slots } = Pairs::new(agents, |positions| {
        ends.each_ref().map(|end| {
            composite::chunk(weights, end.step, &end.offset.row(), positions.clone(), ()).0
        })
    })?;
    let centres = ends.each_ref().map(|end| end.extent.sum / agents as f64);
    let weight = Weight::new(agents);
    // Crossings within rounding are ties: not where composites differ by little more.
    let rounded = ends.iter().all(|end| end.offset.is_zero());
    let tolerance = if rounded { rounding::<T>(weights.len()) } else { 0.0 };
    if let Some((weights, [baseline_value, value])) =
        comonotone::weigh(&pairs, weight, centres, tolerance)
    {
        let (error, estimator) = (0.0, "closed form");
        return Ok(Weighed { weights, slots, value, baseline_value, error, estimator });
    }
    // No two agents come closer, or part, by more than this.
    let range = (x.extent.max - x.extent.min) + (base.extent.max - base.extent.min);
    let farthest = (x.raw.max - base.raw.min).max(base.raw.max - x.raw.min);
    if !(range + farthest).is_finite() {
        return Err(Error::Overflow { real: T::NAME });
    }
    let crossings = Crossings::new(&pairs, agents, Costs::MEASURED);
    Ok(of_crossings(crossings, slots, weight, centres, farthest))
}

/// How far apart composites may be, as a part of their magnitude, that rounding alone has told
/// apart: a unit in the last place of each feature of both, and the additions, in f64.
fn rounding<T: Real>(features: usize) -> f64 {
    2.0 * T::EPSILON + features as f64 * f64::EPSILON
}

/// Turns crossings into weights; no agent moves farther than `farthest`.
fn of_crossings(
    crossings: Crossings<'_>,
    slots: Vec<u32>,
    weight: Weight,
    centres: [f64; 2],
    farthest: f64,
) -> Weighed {
    let (pairs, exact) = (crossings.pairs, crossings.exact);
    let (order, mut weights) = crossings.into_parts();
    let mut before = 0;
    let mut values = [Sum::default(); 2];
    for (index, id) in order.into_iter().enumerate() {
        if index % CHUNK == 0 {
            look();
        }
        let Pair { count, .. } = pairs[id as usize];
        let s = pairs[id as usize].s() - centres[1];
        values[1].add(weight.of(before, count, 0.0) * count as f64 * s);
        before += count;
    }
    before = 0;
    for (pair, shared) in pairs.iter().zip(&mut weights) {
        let b = pair.b() - centres[0];
        values[0].add(weight.of(before, pair.count, 0.0) * pair.count as f64 * b);
        *shared = weight.of(before, pair.count, *shared);
        before += pair.count;
    }
    let [baseline_value, value] = values.map(Sum::total);
    let (error, estimator) = if exact {
        (0.0, "crossing pairs")
    } else {
        // At most every other agent crosses, and each crossing counts twice.
        let crossed = 2.0 * weight.agents as f64;
        (exponentials::ERROR * crossed * weight.factor * farthest, "sum of exponentials")
    };
    Weighed { weights, slots, value, baseline_value, error, estimator }
}
