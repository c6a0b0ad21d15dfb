//! Baselines ordered as the composites: no pair changes its order along the path.
//!
//! Pairs come in the order of b; s must then ascend. Composites of equal products of counts may
//! differ in their last bits, and then so may their order in x and in the baseline: such a crossing
//! within rounding is a tie.

use super::pairs::Pair;
use super::{Sum, Weight};
use std::collections::VecDeque;

/// Units of rounding, per feature, by which a pair may cross.
pub(super) const ROUNDING: f64 = 4.0;

/// Pairs of neighbouring ranks that share a weight.
struct Ties {
    first_pair: usize,
    pairs: usize,
    first: usize,
    agents: usize,
    last: f64,
    highest: f64,
    /// Sums of the composites of baseline and x about their centres.
    sums: [Sum; 2],
}

/// The weights of the pairs and F of baseline and x, or `None` where two pairs cross. `centres`
/// are near the means of both.
pub(super) fn weigh(
    pairs: &[Pair],
    weight: Weight,
    centres: [f64; 2],
    tolerance: f64,
) -> Option<(Vec<f64>, [f64; 2])> {
    let near = |x: f64, y: f64| (x - y).abs() <= tolerance * x.abs().max(y.abs());
    let mut weights = Vec::new();
    let mut values = [Sum::default(); 2];
    // Only tie blocks that a later pair may still join; the others are closed, in their order.
    let mut open: VecDeque<Ties> = VecDeque::new();
    let mut close = |ties: Ties| {
        let shared = weight.of(ties.first, ties.agents, 0.0);
        weights.resize(ties.first_pair + ties.pairs, shared);
        for (value, sum) in values.iter_mut().zip(ties.sums) {
            value.add(shared * sum.total());
        }
    };
    let mut before = 0;
    for (index, pair) in pairs.iter().enumerate() {
        let (b, s, agents) = (pair.b(), pair.s(), pair.count);
        while open.front().is_some_and(|ties| !near(ties.last, b) && ties.highest <= s) {
            open.pop_front().into_iter().for_each(&mut close);
        }
        let sums = [Sum::default(); 2];
        let mut new =
            Ties { first_pair: index, pairs: 1, first: before, agents, last: b, highest: s, sums };
        new.sums[0].add((b - centres[0]) * agents as f64);
        new.sums[1].add((s - centres[1]) * agents as f64);
        while open.back().is_some_and(|ties| ties.highest > s) {
            let Some(ties) = open.pop_back() else { break };
            if !(near(ties.last, b) && near(ties.highest, s)) {
                return None;
            }
            new.highest = ties.highest.max(new.highest);
            (new.first_pair, new.pairs) = (ties.first_pair, ties.pairs + new.pairs);
            (new.first, new.agents) = (ties.first, ties.agents + new.agents);
            for (sum, more) in new.sums.iter_mut().zip(ties.sums) {
                sum.add(more.sum);
                sum.add(more.lost);
            }
        }
        before += agents;
        open.push_back(new);
    }
    open.into_iter().for_each(&mut close);
    let values = values.map(Sum::total);
    Some((weights, values))
}
