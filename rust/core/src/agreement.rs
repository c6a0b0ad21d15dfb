//! How far two attributions of the same agents agree: the one factor between them, and their ranks.

use crate::blocks::{self, BLOCK, LANES, Merge, merge_tree};
use crate::memory;
use crate::rank::RankWeights;
use crate::statistics::fold;

/// The best factor from one attribution to another, and what it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// Least squares: own is closest to `slope` times given.
    pub slope: f64,
    /// `||own - slope given|| / ||own||`.
    pub residual: f64,
}

/// Fits `own`, finite numbers, by a multiple of `given`, as many. NaN where one of them is 0.
#[must_use]
pub fn fit(own: &[f64], given: &[f64]) -> Fit {
    // Squares of the shares of a large population may underflow.
    let (a, b) = (towards_one(own), towards_one(given));
    let (cross, square) = sum(own, given, |x, y| (x * a * (y * b), y * b * (y * b)));
    let slope = cross / square;
    // From the cosine the residual could not be told below 2e-8.
    let (left, whole) = sum(own, given, |x, y| {
        let (x, y) = (x * a, y * b);
        let miss = x - slope * y;
        (miss * miss, x * x)
    });
    Fit { slope: slope * (b / a), residual: (left / whole).sqrt() }
}

/// The power of two that brings the largest magnitude near 1.
fn towards_one(values: &[f64]) -> f64 {
    let exponent = (largest(values).to_bits() >> 52) as i32 - 1_023;
    2.0_f64.powi((-exponent).clamp(-1_000, 1_000))
}

/// Spearman's correlation of as many finite numbers, of mid-ranks; NaN where one of the two ranks
/// nobody.
#[must_use]
pub fn rank_correlation(one: &[f64], other: &[f64]) -> f64 {
    let ranks = [centred_ranks(one), centred_ranks(other)];
    let (cross, first) = sum(&ranks[0], &ranks[1], |x, y| (x * y, x * x));
    let (second, _) = sum(&ranks[1], &ranks[1], |y, _| (y * y, 0.0));
    if first == 0.0 || second == 0.0 {
        return f64::NAN;
    }
    (cross / (first.sqrt() * second.sqrt())).clamp(-1.0, 1.0)
}

/// Twice the mid-ranks less their mean: whole numbers.
fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut ranks = memory::zeros(n);
    if n == 0 {
        return ranks;
    }
    let extents = blocks::map(n, |range| extent(&values[range]));
    let Extent([min, max]) = merge_tree(extents).unwrap_or_default();
    let weight = move |first: u64, last: u64| ((first + last) as i64 - (n as i64 + 1)) as f64;
    let (weights, ()) = RankWeights::new(values, [min, max], &weight);
    blocks::map_mut(&mut ranks, |start, part| {
        weights.replay(start..start + part.len(), |at, block| {
            part[at - start..][..block.len()].copy_from_slice(block);
        });
    });
    ranks
}

struct Extent([f64; 2]);

impl Default for Extent {
    fn default() -> Self {
        Self([f64::INFINITY, f64::NEG_INFINITY])
    }
}

impl Merge for Extent {
    fn merge(self, other: Self) -> Self {
        Self([self.0[0].min(other.0[0]), self.0[1].max(other.0[1])])
    }
}

fn extent(values: &[f64]) -> Extent {
    let mut lanes = [Extent::default().0; LANES];
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut take = |lane: usize, value: f64| {
        let [min, max] = &mut lanes[lane];
        *min = min.min(value);
        *max = max.max(value);
    };
    for row in rows {
        row.iter().enumerate().for_each(|(lane, &value)| take(lane, value));
    }
    rest.iter().enumerate().for_each(|(lane, &value)| take(lane, value));
    lanes.into_iter().map(Extent).reduce(Merge::merge).unwrap_or_default()
}

fn largest(values: &[f64]) -> f64 {
    let found = blocks::map(values.len(), |range| extent(&values[range]));
    let Extent([min, max]) = merge_tree(found).unwrap_or_default();
    max.max(-min)
}

/// Sums of two terms per pair of numbers. Blocks are merged in a tree too: equal terms, which ties
/// give, would otherwise be rounded the same way thousands of times.
fn sum(one: &[f64], other: &[f64], terms: impl Fn(f64, f64) -> (f64, f64) + Sync) -> (f64, f64) {
    let states = blocks::map(one.len(), |range| {
        let pairs = one[range.clone()].chunks(BLOCK).zip(other[range].chunks(BLOCK));
        merge_tree(pairs.map(|(one, other)| block_sum(one, other, &terms)).collect())
    });
    merge_tree(states.into_iter().flatten().collect()).unwrap_or_default()
}

#[inline(always)]
fn block_sum(one: &[f64], other: &[f64], terms: impl Fn(f64, f64) -> (f64, f64)) -> (f64, f64) {
    let mut lanes = [[0.0; LANES]; 2];
    let mut take = |lane: usize, x: f64, y: f64| {
        let (first, second) = terms(x, y);
        lanes[0][lane] += first;
        lanes[1][lane] += second;
    };
    let (rows, rest) = one.as_chunks::<LANES>();
    let (other_rows, other_rest) = other.as_chunks::<LANES>();
    for (row, other) in rows.iter().zip(other_rows) {
        for lane in 0..LANES {
            take(lane, row[lane], other[lane]);
        }
    }
    for (lane, (&x, &y)) in rest.iter().zip(other_rest).enumerate() {
        take(lane, x, y);
    }
    (fold(lanes[0]), fold(lanes[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same by definition: ranks by counting, sums one after the other.
    fn plain_correlation(one: &[f64], other: &[f64]) -> f64 {
        let ranks = |values: &[f64]| -> Vec<f64> {
            let count = |test: &dyn Fn(f64) -> bool| values.iter().filter(|&&v| test(v)).count();
            let mean = (values.len() + 1) as f64 / 2.0;
            values
                .iter()
                .map(|&v| count(&|o| o < v) as f64 + (count(&|o| o == v) + 1) as f64 / 2.0 - mean)
                .collect()
        };
        let (a, b) = (ranks(one), ranks(other));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    }

    proptest! {
        #[test]
        fn correlation_is_that_of_counted_ranks(
            pairs in prop::collection::vec((-4_i8..5, -1e3..1e3_f64), 1..300)
        ) {
            let one: Vec<f64> = pairs.iter().map(|&(a, _)| f64::from(a)).collect();
            let other: Vec<f64> = pairs.iter().map(|&(a, b)| f64::from(a) * 1e3 + b).collect();
            let (found, wanted) = (rank_correlation(&one, &other), plain_correlation(&one, &other));
            prop_assert!(found.is_nan() && wanted.is_nan() || (found - wanted).abs() < 1e-12);
            prop_assert_eq!(found.to_bits(), rank_correlation(&other, &one).to_bits());
        }

        #[test]
        fn a_multiple_fits_and_what_is_orthogonal_does_not(
            given in prop::collection::vec(-1e3..1e3_f64, 1..300), factor in 1e-3..1e3_f64
        ) {
            prop_assume!(largest(&given) > 0.0);
            let own: Vec<f64> = given.iter().map(|x| factor * x).collect();
            let found = fit(&own, &given);
            prop_assert!((found.slope / factor - 1.0).abs() < 1e-12 && found.residual < 1e-12);
            let twice: Vec<f64> = given.iter().chain(&given).copied().collect();
            let apart: Vec<f64> = given.iter().copied().chain(given.iter().map(|x| -x)).collect();
            let found = fit(&apart, &twice);
            prop_assert!(found.slope.abs() < 1e-12 && (found.residual - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn many_chunks_and_extremes() {
        let n = 3 * blocks::CHUNK + 11;
        let one: Vec<f64> = (0..n).map(|i| (i * 7_919 % n) as f64).collect();
        let cubed: Vec<f64> = one.iter().map(|v| (v - 9e3).powi(3)).collect();
        assert_eq!(rank_correlation(&one, &cubed).to_bits(), 1.0_f64.to_bits());
        let turned: Vec<f64> = one.iter().map(|v| -v).collect();
        assert!((rank_correlation(&one, &turned) + 1.0).abs() < 1e-15);
        let tiny: Vec<f64> = one.iter().map(|v| v * 1e-280).collect();
        let found = fit(&tiny, &one);
        assert!((found.slope / 1e-280 - 1.0).abs() < 1e-12 && found.residual < 1e-14);
        assert!(rank_correlation(&one, &vec![1.0; n]).is_nan());
        assert!(rank_correlation(&[], &[]).is_nan());
        assert!(fit(&[0.0, 0.0], &[1.0, 2.0]).residual.is_nan());
    }
}
