//! How many of the values present are smaller than a given one, and their sum, while values come
//! and go.
//!
//! A tree of wide nodes: a node holds, for each of its children, the count and the sum of all
//! children before it. A query reads one entry per level; an update adds to the later entries of
//! one node per level, without a branch. Everything is an integer, so a tree does not depend on
//! the order in which values came.

use crate::memory;

/// Children of a node: wide enough for three levels at the 9,000 distinct composites of social
/// counts, narrow enough to be updated in a few instructions.
const WIDTH: usize = 32;
const WIDTH_BITS: u32 = WIDTH.trailing_zeros();

/// Counts and sums of the children before each child.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Node {
    counts: [i64; WIDTH],
    sums: [i64; WIDTH],
}

impl Node {
    const EMPTY: Self = Self { counts: [0; WIDTH], sums: [0; WIDTH] };
}

/// Counts and sums by rank.
#[derive(Clone, Debug)]
pub(crate) struct RankTree {
    /// Leaves first.
    levels: Vec<Vec<Node>>,
}

impl RankTree {
    /// No values yet, of ranks below `ranks`.
    pub(crate) fn new(ranks: usize) -> Self {
        let mut levels = Vec::new();
        let mut nodes = ranks;
        loop {
            nodes = nodes.div_ceil(WIDTH).max(1);
            let mut level = Vec::new();
            memory::resize(&mut level, nodes, Node::EMPTY);
            levels.push(level);
            if nodes == 1 {
                return Self { levels };
            }
        }
    }

    /// Of values whose count and sum at every rank are `below`.
    pub(crate) fn of(mut below: Vec<[i64; 2]>) -> Self {
        let mut tree = Self::new(below.len());
        for level in &mut tree.levels {
            let nodes = below.chunks(WIDTH).zip(level);
            let totals = nodes.map(|(children, node)| {
                let mut before = [0; 2];
                for (slot, child) in children.iter().enumerate() {
                    [node.counts[slot], node.sums[slot]] = before;
                    before = [before[0] + child[0], before[1] + child[1]];
                }
                before
            });
            below = memory::collect(totals);
        }
        tree
    }

    /// Count and sum of the values of smaller rank.
    #[inline(always)]
    pub(crate) fn below(&self, rank: u32) -> (i64, i64) {
        let (mut count, mut sum) = (0, 0);
        let mut place = rank as usize;
        for level in &self.levels {
            let (node, slot) = (&level[place >> WIDTH_BITS], place % WIDTH);
            count += node.counts[slot];
            sum += node.sums[slot];
            place >>= WIDTH_BITS;
        }
        (count, sum)
    }

    /// Adds `count` values of a rank, which add up to `sum`; both negative to take them away.
    #[inline(always)]
    pub(crate) fn add(&mut self, rank: u32, count: i64, sum: i64) {
        let mut place = rank as usize;
        for level in &mut self.levels {
            let (node, slot) = (&mut level[place >> WIDTH_BITS], (place % WIDTH) as i64);
            for child in 0..WIDTH {
                let later = -i64::from(child as i64 > slot);
                node.counts[child] += count & later;
                node.sums[child] += sum & later;
            }
            place >>= WIDTH_BITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_count_and_sum_what_is_smaller() {
        for ranks in [1, 2, 31, 32, 33, 1_024, 1_025, 40_000] {
            let values: Vec<i64> = (0..ranks as i64).map(|rank| 3 * rank - 50).collect();
            let mut counts = vec![0; ranks];
            let mut tree = RankTree::new(ranks);
            let mut rank = 0;
            for step in 0..300 {
                rank = (rank * 5 + 7_919) % ranks;
                let count = if counts[rank] > 0 && step % 3 == 0 { -1 } else { 2 };
                counts[rank] += count;
                tree.add(rank as u32, count, count * values[rank]);
            }
            let totals = counts.iter().zip(&values).map(|(&count, &value)| [count, count * value]);
            let built = RankTree::of(totals.collect());
            let (mut count, mut sum) = (0, 0);
            for rank in 0..ranks {
                assert_eq!(tree.below(rank as u32), (count, sum), "{ranks}, {rank}");
                assert_eq!(built.below(rank as u32), (count, sum), "{ranks}, {rank}");
                count += counts[rank];
                sum += counts[rank] * values[rank];
            }
        }
    }
}
