//! Ranks under one baseline per agent, where all baselines are ordered as the composites.
//!
//! Agents are sorted by composite; the baselines must then ascend. Two agents are tied if both are
//! equal. Composites of equal products of counts may differ in their last bits, and then so may
//! their order in x and in the baseline: such a crossing within rounding is a tie as well.

use super::composite;
use crate::blocks::{self, BLOCK};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::gather_sums;
use crate::rank::{RankWeight, ordered_bits};
use crate::real::Real;
use rayon::prelude::*;
use std::collections::VecDeque;

/// Units of rounding, per feature, by which a pair may cross.
const CROSSING_ROUNDING: f64 = 4.0;

/// What is to be ordered: composites of x against those of the baseline.
pub(super) struct Order<'a, 'x, T> {
    pub(super) x: &'a Step<'x, T>,
    pub(super) base: &'a Step<'x, T>,
    pub(super) weights: &'a [f64],
}

/// The ranks' weights, by agent, and F at both ends.
pub(super) struct Ranked {
    pub(super) weights: Vec<f64>,
    pub(super) value: f64,
    pub(super) baseline_value: f64,
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

/// Agents of neighbouring ranks that share a weight.
struct Ties {
    first: usize,
    count: usize,
    last: f64,
    highest: f64,
    agent: usize,
    /// Sums of the composites and of the baselines about their centres.
    sums: [Sum; 2],
}

/// Ranks the present agents. `centres` are near the means of both. Scratch: 16 bytes per agent.
pub(super) fn rank<T: Real>(
    order: &Order<'_, '_, T>,
    centres: [f64; 2],
    weight: impl RankWeight,
) -> Result<Ranked> {
    let (mut s, agents) = sorted(order);
    let tolerance = CROSSING_ROUNDING * order.weights.len() as f64 * T::EPSILON;
    let row = vec![0.0; order.weights.len()];
    let mut values = [Sum::default(); 2];
    // Only tie blocks that a later agent may still join; the others are closed.
    let mut open: VecDeque<Ties> = VecDeque::new();
    let mut close = |ties: Ties, s: &mut Vec<f64>| {
        let shared = weight(ties.first as u64 + 1, (ties.first + ties.count) as u64);
        for &agent in &agents[ties.first..ties.first + ties.count] {
            s[agent] = shared;
        }
        for (value, sum) in values.iter_mut().zip(ties.sums) {
            value.add(shared * sum.total());
        }
    };
    for (block, members) in agents.chunks(BLOCK).enumerate() {
        let mut baselines = [0.0; BLOCK];
        let (features, zero) = (order.base.features(), &Baseline::Zero);
        gather_sums(features, zero, order.weights, &row, members, &mut baselines);
        for (offset, (&agent, b)) in members.iter().zip(baselines).enumerate() {
            let here = s[agent];
            let near = |x: f64, y: f64| (x - y).abs() <= tolerance * x.abs().max(y.abs());
            while open.front().is_some_and(|ties| !near(ties.last, here) && ties.highest <= b) {
                open.pop_front().into_iter().for_each(|ties| close(ties, &mut s));
            }
            let mut new = Ties {
                first: block * BLOCK + offset,
                count: 1,
                last: here,
                highest: b,
                agent,
                sums: [Sum::default(); 2],
            };
            new.sums[0].add(here - centres[0]);
            new.sums[1].add(b - centres[1]);
            while let Some(ties) = open.back() {
                let equal = ties.last == here && ties.highest == b;
                if ties.highest <= b && !equal {
                    break;
                }
                let within_rounding = near(ties.last, here) && near(ties.highest, b);
                if !equal && !within_rounding {
                    return Err(Error::NotComonotone { lower: ties.agent, upper: agent });
                }
                let Some(ties) = open.pop_back() else { break };
                if ties.highest > new.highest {
                    (new.highest, new.agent) = (ties.highest, ties.agent);
                }
                new.first = ties.first;
                new.count += ties.count;
                for (sum, more) in new.sums.iter_mut().zip(ties.sums) {
                    sum.add(more.sum);
                    sum.add(more.lost);
                }
            }
            open.push_back(new);
        }
    }
    open.into_iter().for_each(|ties| close(ties, &mut s));
    let [value, baseline_value] = values.map(Sum::total);
    Ok(Ranked { weights: s, value, baseline_value })
}

/// The composite of every agent, absent ones zero, and the present agents in its order; ties in the
/// order of their baselines.
fn sorted<T: Real>(order: &Order<'_, '_, T>) -> (Vec<f64>, Vec<usize>) {
    let x = order.x;
    let mut s = vec![0.0; x.agents()];
    blocks::map_mut(&mut s[..x.present()], |start, part| {
        let positions = start..start + part.len();
        let chunk = composite::chunk(order.weights, x, &Baseline::Zero, positions, ());
        part.copy_from_slice(&chunk.0);
    });
    x.expand(&mut s);
    let mut agents = x.present_agents();
    if blocks::chunks(agents.len()) == 1 {
        agents.sort_unstable_by_key(|&agent| ordered_bits(s[agent]));
    } else {
        agents.par_sort_unstable_by_key(|&agent| ordered_bits(s[agent]));
    }
    let mut rest = agents.as_mut_slice();
    while let Some(&first) = rest.first() {
        let count = rest.iter().take_while(|&&agent| s[agent] == s[first]).count();
        let (ties, tail) = rest.split_at_mut(count);
        if count > 1 {
            sort_by_baseline(order, ties);
        }
        rest = tail;
    }
    (s, agents)
}

fn sort_by_baseline<T: Real>(order: &Order<'_, '_, T>, ties: &mut [usize]) {
    let row = vec![0.0; order.weights.len()];
    let mut keyed = Vec::with_capacity(ties.len());
    for members in ties.chunks(BLOCK) {
        let mut b = [0.0; BLOCK];
        let (features, zero) = (order.base.features(), &Baseline::Zero);
        gather_sums(features, zero, order.weights, &row, members, &mut b);
        keyed.extend(members.iter().zip(b).map(|(&agent, b)| (ordered_bits(b), agent)));
    }
    keyed.sort_unstable();
    ties.iter_mut().zip(keyed).for_each(|(agent, (_, sorted))| *agent = sorted);
}
