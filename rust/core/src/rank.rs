//! Order statistics: a weight per rank, shared by ties.
//!
//! Two ways find the ranks without sorting agents: a partition into buckets, for values that are
//! mostly distinct, and a table of the distinct values, for values that repeat. Ranks are integers,
//! so both give the same bits; a sample of the values decides which is faster.

use crate::partition::Partition;
use crate::real::Real;
use crate::table::Table;

/// A block of ties takes the ranks `first..=last`, counted from 1; returns the weight they share.
pub(crate) trait RankWeight: Fn(u64, u64) -> f64 + Sync {}
impl<F: Fn(u64, u64) -> f64 + Sync> RankWeight for F {}

/// Bits of a number whose unsigned order is the order of the numbers.
#[inline(always)]
pub(crate) fn ordered_bits<T: Real>(value: T) -> u64 {
    let bits = value.to_f64().to_bits();
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

/// The table is tried where at most this share of the sample is distinct, which is so up to about
/// 20,000 equally likely values (docs/performance.md has the measurements).
const DISTINCT_SHARE: f64 = 0.95;

impl RankWeights {
    /// Ranks `values`, finite and without -0.0, all between `min` and `max`.
    pub(crate) fn new<T: Real>(values: &[T], min: f64, max: f64, weight: impl RankWeight) -> Self {
        if looks_tied(values)
            && let Some(table) = Table::new(values, &weight)
        {
            return Self::Table(table);
        }
        Self::Partition(Partition::new(values, ordered_bits(min), ordered_bits(max), &weight))
    }

    /// Calls `work` with one block of weights after another, and its first position, for
    /// `positions`, which start at a chunk.
    #[inline]
    pub(crate) fn replay(
        &self,
        positions: std::ops::Range<usize>,
        work: impl FnMut(usize, &[f64]),
    ) {
        match self {
            Self::Partition(partition) => partition.replay(positions, work),
            Self::Table(table) => table.replay(positions, work),
        }
    }
}

fn looks_tied<T: Real>(values: &[T]) -> bool {
    if values.len() < 2 * SAMPLE {
        return false;
    }
    let step = values.len() / SAMPLE;
    let mut sample: Vec<u64> =
        values.iter().step_by(step).take(SAMPLE).map(|&value| ordered_bits(value)).collect();
    let drawn = sample.len() as f64;
    sample.sort_unstable();
    sample.dedup();
    sample.len() as f64 <= DISTINCT_SHARE * drawn
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
        ranks.replay(0..n, |start, block| weights[start..][..block.len()].copy_from_slice(block));
        weights
    }

    fn both_ways(values: &[f64]) -> [Vec<f64>; 2] {
        let weight = |first: u64, last: u64| (first + last) as f64;
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let partition = Partition::new(values, ordered_bits(min), ordered_bits(max), &weight);
        let table = Table::new(values, &weight).expect("few distinct values");
        let n = values.len();
        [
            weights_of(&RankWeights::Partition(partition), n),
            weights_of(&RankWeights::Table(table), n),
        ]
    }

    #[test]
    fn ordered_bits_keep_the_order_and_return() {
        let values = [f64::MIN, -1.0, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, 1.0, f64::MAX];
        assert!(values.windows(2).all(|pair| ordered_bits(pair[0]) < ordered_bits(pair[1])));
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
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut expected = vec![0.0; values.len()];
        for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let first = order.partition_point(|&a| values[a] < values[ties[0]]);
            for &i in ties {
                expected[i] = (2 * first + ties.len() + 1) as f64;
            }
        }
        for found in both_ways(&values) {
            assert!(found == expected);
        }
    }
}
