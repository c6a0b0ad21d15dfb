//! Baselines ordered as the composites: no pair changes its order along the path.
//!
//! Pairs come in the order of b; s must then ascend. Composites of equal products of counts may
//! differ in their last bits, and then so may their order in x and in the baseline: such a crossing
//! within rounding is a tie. A block of ties is no wider than rounding: where crossings would chain
//! to a wider one, they are crossings.

use super::pairs::Pair;
use super::{Sum, Weight};
use crate::abandon::look;
use crate::blocks::CHUNK;
use crate::memory;
use std::collections::VecDeque;

/// Pairs of neighbouring ranks that share a weight.
struct Ties {
    first_pair: usize,
    pairs: usize,
    first: usize,
    agents: usize,
    /// Smallest b, and the smallest and largest s.
    start: f64,
    lowest: f64,
    highest: f64,
}

/// The weights of the pairs and F of baseline and x, or `None` where two pairs cross by more than
/// `tolerance`, a part of their magnitude. `centres` are near the means of both.
pub(super) fn weigh(
    pairs: &[Pair],
    weight: Weight,
    centres: [f64; 2],
    tolerance: f64,
) -> Option<(Vec<f64>, [f64; 2])> {
    let near = |x: f64, y: f64| (x - y).abs() <= tolerance * x.abs().max(y.abs());
    let mut weights = Vec::new();
    memory::reserve(&mut weights, pairs.len());
    let mut values = [Sum::default(); 2];
    let mut ascending = Vec::new();
    // Only tie blocks that a later pair may still join; the others are closed, in their order.
    let mut open: VecDeque<Ties> = VecDeque::new();
    let mut close = |ties: Ties| {
        weights.resize(ties.first_pair + ties.pairs, weight.of(ties.first, ties.agents, 0.0));
        // F is that of the composites as they are.
        let pairs = &pairs[ties.first_pair..][..ties.pairs];
        ascending.clear();
        memory::reserve(&mut ascending, pairs.len());
        ascending.extend(pairs.iter().map(|pair| (pair.s(), pair.count)));
        ascending.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut before = [ties.first; 2];
        let ends = pairs.iter().map(|pair| (pair.b(), pair.count)).zip(&ascending);
        for (of_b, &of_s) in ends {
            for (end, (value, count)) in [of_b, of_s].into_iter().enumerate() {
                let weight = weight.of(before[end], count, 0.0);
                values[end].add(weight * count as f64 * (value - centres[end]));
                before[end] += count;
            }
        }
    };
    let mut before = 0;
    for (index, pair) in pairs.iter().enumerate() {
        if index % CHUNK == 0 {
            look();
        }
        let (b, s, agents) = (pair.b(), pair.s(), pair.count);
        while open.front().is_some_and(|ties| !near(ties.start, b) && ties.highest <= s) {
            open.pop_front().into_iter().for_each(&mut close);
        }
        let (first_pair, first) = (index, before);
        let mut new = Ties { first_pair, pairs: 1, first, agents, start: b, lowest: s, highest: s };
        while open.back().is_some_and(|ties| ties.highest > s) {
            let ties = open.pop_back()?;
            let (lowest, highest) = (new.lowest.min(ties.lowest), new.highest.max(ties.highest));
            if !(near(ties.start, b) && near(lowest, highest)) {
                return None;
            }
            (new.start, new.lowest, new.highest) = (ties.start, lowest, highest);
            (new.first_pair, new.pairs) = (ties.first_pair, ties.pairs + new.pairs);
            (new.first, new.agents) = (ties.first, ties.agents + new.agents);
        }
        before += agents;
        open.push_back(new);
    }
    open.into_iter().for_each(&mut close);
    let values = values.map(Sum::total);
    Some((weights, values))
}
