//! A merge sort of s within the order of b: each crossing is an inversion, met at the one node that
//! merges the two pairs.
//!
//! Nodes are cut by the number of pairs alone, and no two tasks that run at the same time add to
//! the same pair, so the result is the same bits at any number of threads.

use super::exponentials::Exponentials;
use super::pairs::Pair;
use crate::abandon::Watched;
use crate::blocks;
use crate::memory;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Work smaller than this many pairs is not worth another task.
const TASK: usize = 2_048;

/// What decides between the ways.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    /// A run of at most so many pairs is compared pair by pair rather than split and merged.
    pub(super) leaf: usize,
    /// Crossings that are enumerated in the time of one exponential of one pair, added to the sums
    /// and read from them.
    pub(super) crossings_per_term: f64,
}

impl Costs {
    /// At 1.67 million agents on one core, times are within their noise of the least from 2 to 16
    /// crossings per term (52,000 distinct pairs of counts) and from 1 to 8 (all distinct, in random
    /// order), and for leaves of 32 to 256; more crossings per term enumerate more of them.
    pub(super) const MEASURED: Self = Self { leaf: 128, crossings_per_term: 8.0 };
}

/// The crossings of all pairs.
pub(super) struct Crossings<'a> {
    pub(super) pairs: &'a [Pair],
    /// Whether every crossing was enumerated.
    pub(super) exact: bool,
    costs: Costs,
    parallel: bool,
    pub(super) watched: Watched,
    /// By pair: agents above which it rises less those above which it is risen, in parts of the
    /// path. Floating-point bits; a task owns the pairs it adds to.
    shifts: Vec<AtomicU64>,
    order: Vec<u32>,
}

impl<'a> Crossings<'a> {
    pub(super) fn new(pairs: &'a [Pair], agents: usize, costs: Costs) -> Self {
        let shifts = memory::collect((0..pairs.len()).map(|_| AtomicU64::new(0)));
        let parallel = blocks::chunks(agents) > 1;
        let mut order = memory::collect(0..pairs.len() as u32);
        let mut buffer = memory::zeros(pairs.len());
        let (watched, order_by_s) = (Watched::current(), Vec::new());
        let mut crossings =
            Self { pairs, exact: true, costs, parallel, watched, shifts, order: order_by_s };
        crossings.exact = crossings.sort(0, &mut order, &mut buffer);
        crossings.order = order;
        crossings
    }

    /// The pairs in the order of s, and what crossings add to each.
    pub(super) fn into_parts(self) -> (Vec<u32>, Vec<f64>) {
        // The same memory serves both.
        let shifts = self.shifts.into_iter().map(|bits| f64::from_bits(bits.into_inner()));
        (self.order, shifts.collect())
    }

    #[inline(always)]
    pub(super) fn pair(&self, id: u32) -> &'a Pair {
        &self.pairs[id as usize]
    }

    #[inline(always)]
    pub(super) fn add(&self, id: u32, crossed: f64) {
        let shift = &self.shifts[id as usize];
        shift.store((f64::from_bits(shift.load(Relaxed)) + crossed).to_bits(), Relaxed);
    }

    /// Runs both, side by side if they are large.
    pub(super) fn both<A: Send, B: Send>(
        &self,
        pairs: usize,
        first: impl FnOnce() -> A + Send,
        second: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        if self.parallel && pairs >= TASK {
            rayon::join(first, second)
        } else {
            (first(), second())
        }
    }

    /// Orders neighbouring pairs by s, which come in the order of b from id `first`; returns whether
    /// all their crossings were enumerated.
    fn sort(&self, first: u32, order: &mut [u32], buffer: &mut [u32]) -> bool {
        let ascends = |ids: &[u32]| ids.is_sorted_by_key(|&id| self.pair(id).s());
        if order.len() >= TASK {
            self.watched.look();
        }
        if order.len() <= self.costs.leaf.max(1) {
            if !ascends(order) {
                self.enumerate_run(order);
                order.sort_by(|&i, &j| self.pair(i).s().total_cmp(&self.pair(j).s()));
            }
            return true;
        }
        let pairs = order.len();
        let middle = pairs / 2;
        let right_first = first + middle as u32;
        let (left, right) = order.split_at_mut(middle);
        let (left_buffer, right_buffer) = buffer.split_at_mut(middle);
        let (left_exact, right_exact) = self.both(
            pairs,
            || self.sort(first, left, left_buffer),
            || self.sort(right_first, right, right_buffer),
        );
        let crossings = self.merge(left, right, buffer);
        let exact = crossings == 0 || self.cross([left, right], buffer, right_first, crossings);
        order.copy_from_slice(buffer);
        exact && left_exact && right_exact
    }

    /// Merges two ordered runs and counts their crossings.
    fn merge(&self, left: &[u32], right: &[u32], merged: &mut [u32]) -> u64 {
        let (mut i, mut j, mut crossings) = (0, 0, 0);
        for next in merged {
            // Equal values do not cross: the left one comes first.
            let from_left = j == right.len()
                || i < left.len() && self.pair(left[i]).s() <= self.pair(right[j]).s();
            if from_left {
                crossings += j as u64;
                *next = left[i];
                i += 1;
            } else {
                *next = right[j];
                j += 1;
            }
        }
        crossings
    }

    /// Adds the crossings of a node, the cheaper way; returns whether they were enumerated.
    fn cross(
        &self,
        [left, right]: [&[u32]; 2],
        merged: &[u32],
        right_first: u32,
        crossings: u64,
    ) -> bool {
        let is_left = |id: &u32| *id < right_first;
        let start = merged.iter().position(|id| !is_left(id)).unwrap_or(0);
        let end = merged.iter().rposition(is_left).map_or(0, |last| last + 1);
        let crossing = &merged[start..end];
        let worth = |terms: usize| {
            let cost = (crossing.len() * terms) as f64 * self.costs.crossings_per_term;
            crossings as f64 > cost
        };
        if worth(Exponentials::FEWEST)
            && let Some(exponentials) = Exponentials::of(self, crossing, right_first)
            && worth(exponentials.terms())
        {
            exponentials.add(self, crossing, right_first);
            return false;
        }
        self.enumerate(left, right);
        true
    }
}
