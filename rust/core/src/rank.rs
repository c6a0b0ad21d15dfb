//! Order statistics: a weight per rank, shared by ties.
//!
//! Two ways find the ranks without sorting agents: a partition into buckets, for values that are
//! mostly distinct, and a table of the distinct values, for values that repeat. Ranks are integers,
//! so both give the same bits; a sample of the values decides which is faster.

use crate::partition::Partition;
use crate::statistics::Extent;
use crate::table::Table;
use std::ops::Range;

/// A block of ties takes the ranks `first..=last`, counted from 1; returns the weight they share.
pub(crate) trait RankWeight: Fn(u64, u64) -> f64 + Sync {}
impl<F: Fn(u64, u64) -> f64 + Sync> RankWeight for F {}

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
pub(crate) enum RankWeights {
    Partition(Partition),
    Table(Table),
}

/// Values looked at to guess how many are distinct.
const SAMPLE: usize = 2_048;

/// Neighbouring values looked at together.
const PIECE: usize = 128;

/// The table is tried where at most this share of the sample is distinct, which is so up to about
/// 20,000 equally likely values (docs/performance.md has the measurements).
const DISTINCT_SHARE: f64 = 0.95;

impl RankWeights {
    /// Ranks `values`, whose extent is known.
    pub(crate) fn new<V: Values + ?Sized>(
        values: &V,
        extent: Extent,
        weight: impl RankWeight,
    ) -> Self {
        if looks_tied(values)
            && let Some(table) = Table::new(values, &weight)
        {
            return Self::Table(table);
        }
        let (min, max) = (ordered_bits(extent.min), ordered_bits(extent.max));
        Self::Partition(Partition::new(values, min, max, &weight))
    }

    /// Calls `work` with one block of weights after another, and its first position, for
    /// `positions`, which are a chunk.
    #[inline]
    pub(crate) fn replay(&self, positions: Range<usize>, work: impl FnMut(usize, &[f64])) {
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

    fn weights_of(ranks: &RankWeights, n: usize) -> Vec<f64> {
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
        let partition = RankWeights::Partition(Partition::new(values, min, max, &weight));
        let table = Table::new(values, &weight).map(RankWeights::Table);
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
            let partition = Partition::new(values.as_slice(), low, high, &weight);
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
