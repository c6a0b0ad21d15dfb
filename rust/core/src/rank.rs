//! Order statistics: a weight per rank, shared by ties.
//!
//! Two ways find the ranks without sorting agents: a partition into buckets, for values that are
//! mostly distinct, and a table of the distinct values, for values that repeat. Ranks are integers,
//! so both give the same bits; a sample of the values decides which is faster.

use crate::blocks::Merge;
use crate::partition::Partition;
use crate::table::Table;
use std::ops::Range;

/// A block of ties takes the ranks `first..=last`, counted from 1; returns the weight they share.
pub(crate) trait RankWeight: Fn(u64, u64) -> f64 + Sync {}
impl<F: Fn(u64, u64) -> f64 + Sync> RankWeight for F {}

/// A weight's type: 64 bits.
pub(crate) trait Word: Copy + Default + Send + Sync {
    /// The weight's bits.
    fn to_bits(self) -> u64;
    /// The weight of these bits.
    fn from_bits(bits: u64) -> Self;
}

impl Word for f64 {
    fn to_bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

impl Word for i64 {
    fn to_bits(self) -> u64 {
        self as u64
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}

/// A block of ties: [`ordered_bits`] of their value, and the ranks `first..=last`, counted from 1.
pub(crate) struct Ties {
    pub(crate) key: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// A weight that may depend on the value of the ties and on sums over all smaller values. The sums
/// must not depend on the order of adding: both ways of ranking add in their own.
pub(crate) trait TieWeight: Sync {
    /// What each of the ties gets.
    type Weight: Word;
    /// Sums over smaller values.
    type Below: Merge + Copy + Default + Send + Sync;
    /// What is found over all values.
    type Total: Merge + Default + Send;
    /// Whether there are sums.
    const SUMS: bool;

    /// The sums over these keys.
    fn sums(&self, keys: &[u64]) -> Self::Below;

    /// The weight of the next larger ties, which are then added to the sums and the total.
    fn next(&self, ties: &Ties, below: &mut Self::Below, total: &mut Self::Total) -> Self::Weight;
}

impl<F: RankWeight> TieWeight for F {
    type Weight = f64;
    type Below = ();
    type Total = ();
    const SUMS: bool = false;

    fn sums(&self, _: &[u64]) {}

    #[inline(always)]
    fn next(&self, ties: &Ties, (): &mut (), (): &mut ()) -> f64 {
        self(ties.first, ties.last)
    }
}

/// The way up through blocks of ties, smallest first.
pub(crate) struct Ascent<'a, W: TieWeight> {
    weight: &'a W,
    passed: u64,
    below: W::Below,
    pub(crate) total: W::Total,
}

impl<'a, W: TieWeight> Ascent<'a, W> {
    /// From above `passed` values, which have these sums.
    pub(crate) fn new(weight: &'a W, passed: u64, below: W::Below) -> Self {
        Self { weight, passed, below, total: W::Total::default() }
    }

    /// The weight of the next larger value, which is there `count` times.
    #[inline(always)]
    pub(crate) fn next(&mut self, key: u64, count: u64) -> W::Weight {
        let first = self.passed + 1;
        self.passed += count;
        let ties = Ties { key, first, last: self.passed };
        self.weight.next(&ties, &mut self.below, &mut self.total)
    }
}

/// The values to rank: finite numbers, held or made when they are wanted.
pub(crate) trait Values: Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// Calls `work` with a range of them.
    fn with<R>(&self, positions: Range<usize>, work: impl FnOnce(&[f64]) -> R) -> R;
}

impl Values for [f64] {
    fn len(&self) -> usize {
        self.len()
    }

    fn with<R>(&self, positions: Range<usize>, work: impl FnOnce(&[f64]) -> R) -> R {
        work(&self[positions])
    }
}

/// Bits of a number whose unsigned order is the order of the numbers; -0.0 counts as 0.0.
#[inline(always)]
pub(crate) fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    let sign = (bits as i64 >> 63) as u64;
    bits ^ (sign | (1 << 63))
}

/// The number that [`ordered_bits`] made.
#[inline(always)]
pub(crate) fn from_ordered_bits(key: u64) -> f64 {
    let sign = (!key as i64 >> 63) as u64;
    f64::from_bits(key ^ (sign | (1 << 63)))
}

/// The weight of every value's rank.
pub(crate) enum RankWeights<W> {
    Partition(Partition),
    Table(Table<W>),
}

/// Values looked at to guess how many are distinct.
const SAMPLE: usize = 2_048;

/// Neighbouring values looked at together.
const PIECE: usize = 128;

/// The table is tried where at most this share of the sample is distinct, which is so up to about
/// 20,000 equally likely values (docs/performance.md has the measurements).
const DISTINCT_SHARE: f64 = 0.95;

impl<W: Word> RankWeights<W> {
    /// Ranks `values`, whose smallest and largest are known.
    pub(crate) fn new<V: Values + ?Sized, K: TieWeight<Weight = W>>(
        values: &V,
        [min, max]: [f64; 2],
        weight: &K,
    ) -> (Self, K::Total) {
        if looks_tied(values)
            && let Some((table, total)) = Table::new(values, weight)
        {
            return (Self::Table(table), total);
        }
        let (min, max) = (ordered_bits(min), ordered_bits(max));
        let (partition, total) = Partition::new(values, min, max, weight);
        (Self::Partition(partition), total)
    }

    /// Calls `work` with one block of weights after another, and its first position, for
    /// `positions`, which are a chunk.
    #[inline]
    pub(crate) fn replay(&self, positions: Range<usize>, work: impl FnMut(usize, &[W])) {
        match self {
            Self::Partition(partition) => partition.replay(positions, work),
            Self::Table(table) => table.replay(positions, work),
        }
    }
}

fn looks_tied<V: Values + ?Sized>(values: &V) -> bool {
    let n = values.len();
    if n < 2 * SAMPLE {
        return false;
    }
    let pieces = SAMPLE / PIECE;
    let mut sample = Vec::with_capacity(SAMPLE);
    for piece in 0..pieces {
        let start = (n - PIECE) / (pieces - 1) * piece;
        values.with(start..start + PIECE, |values| {
            sample.extend(values.iter().map(|&value| ordered_bits(value)));
        });
    }
    sample.sort_unstable();
    sample.dedup();
    sample.len() as f64 <= DISTINCT_SHARE * SAMPLE as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Twice the mid-rank of every value, by counting.
    fn twice_mid_ranks(values: &[f64]) -> Vec<f64> {
        let count = |test: &dyn Fn(f64) -> bool| values.iter().filter(|&&v| test(v)).count();
        values
            .iter()
            .map(|&value| {
                let below = count(&|other| other < value);
                (2 * below + count(&|other| other == value) + 1) as f64
            })
            .collect()
    }

    fn weights_of(ranks: &RankWeights<f64>, n: usize) -> Vec<f64> {
        let mut weights = vec![0.0; n];
        for start in (0..n).step_by(crate::blocks::CHUNK) {
            ranks.replay(start..n.min(start + crate::blocks::CHUNK), |start, block| {
                weights[start..][..block.len()].copy_from_slice(block);
            });
        }
        weights
    }

    /// By partition and, where the values are few enough, by table.
    fn both_ways(values: &[f64]) -> Vec<Vec<f64>> {
        let weight = |first: u64, last: u64| (first + last) as f64;
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let (min, max) = (ordered_bits(min), ordered_bits(max));
        let partition = RankWeights::Partition(Partition::new(values, min, max, &weight).0);
        let table = Table::new(values, &weight).map(|(table, ())| RankWeights::Table(table));
        let ways = [Some(partition), table].into_iter().flatten();
        ways.map(|ranks| weights_of(&ranks, values.len())).collect()
    }

    #[test]
    fn ordered_bits_keep_the_order_and_return() {
        let values = [f64::MIN, -1.0, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, 1.0, f64::MAX];
        assert!(values.windows(2).all(|pair| ordered_bits(pair[0]) < ordered_bits(pair[1])));
        assert_eq!(ordered_bits(-0.0), ordered_bits(0.0));
        for value in values {
            assert_eq!(from_ordered_bits(ordered_bits(value)).to_bits(), value.to_bits());
        }
    }

    proptest! {
        #[test]
        fn both_ways_find_the_mid_ranks(
            values in prop::collection::vec(prop_oneof![
                (-3_i8..4).prop_map(f64::from),
                (-1e3..1e3_f64).prop_map(|v| v + 0.0),
                prop::num::f64::NORMAL,
            ], 1..400)
        ) {
            let expected = twice_mid_ranks(&values);
            for found in both_ways(&values) {
                prop_assert_eq!(&found, &expected);
            }
        }
    }

    #[test]
    fn several_chunks_are_ranked_alike() {
        let n = 4 * crate::blocks::CHUNK + 77;
        let spread = |i: usize| (i * 7_919 % 50_021) as f64;
        let few = |i: usize| f64::from((i * i % 31) as u8) - 7.5;
        let cases: [Vec<f64>; 2] = [(0..n).map(spread).collect(), (0..n).map(few).collect()];
        for values in cases {
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let twice_mid_rank = |&value: &f64| {
                let below = sorted.partition_point(|&other| other < value);
                (below + 1 + sorted.partition_point(|&other| other <= value)) as f64
            };
            let wanted: Vec<f64> = values.iter().map(twice_mid_rank).collect();
            let ways = both_ways(&values);
            assert!(ways.iter().all(|found| *found == wanted));
        }
    }

    #[test]
    fn an_outlier_or_a_heavy_value_leaves_the_buckets_balanced() {
        let spread = |i: u64| (i * 7_919 % 50_021) as f64;
        let cases: [Vec<f64>; 3] = [
            (0..200_000).map(|i| if i == 3 { 0.0 } else { 1e3 + spread(i) * 1e-6 }).collect(),
            (0..200_000).map(|i| if i % 10 == 0 { 0.0 } else { 1e3 + spread(i) * 1e-6 }).collect(),
            (0..200_000).map(|i| if i % 5 < 2 { -1.0 } else { spread(i) }).collect(),
        ];
        for values in cases {
            let (min, max) = values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
            let weight = |first: u64, last: u64| (first + last) as f64;
            let (low, high) = (ordered_bits(min), ordered_bits(max));
            let (partition, ()) = Partition::new(values.as_slice(), low, high, &weight);
            assert!(partition.largest_mixed_bucket(&values) < 4 * 200_000 / 48);
        }
    }

    #[test]
    fn many_buckets_find_the_mid_ranks() {
        // Twenty buckets, ties across them, a heavy tie block and both signs.
        let mut state = 7_u64;
        let values: Vec<f64> = (0..60_000)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                let u = (state >> 40) as f64 / f64::from(1 << 24);
                match i % 4 {
                    0 => 1.5,
                    1 => (u * 2_000.0).floor() / 7.0,
                    2 => -u.powi(9) * 1e9,
                    _ => u,
                }
            })
            .map(|value| value + 0.0)
            .collect();
        assert_eq!(both_ways(&values).len(), 1);
        check_mid_ranks(&values);
        let coarse: Vec<f64> =
            values.iter().map(|v| (v * 9.0).round().clamp(-99.0, 99.0)).collect();
        assert_eq!(both_ways(&coarse).len(), 2);
        check_mid_ranks(&coarse);
    }

    fn check_mid_ranks(values: &[f64]) {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut expected = vec![0.0; values.len()];
        for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let first = order.partition_point(|&a| values[a] < values[ties[0]]);
            for &i in ties {
                expected[i] = (2 * first + ties.len() + 1) as f64;
            }
        }
        for found in both_ways(values) {
            assert!(found == expected);
        }
    }
}
