//! The values that players of the Gini game stand at: integers, ranked.

use crate::abandon::look;
use crate::error::{Error, Result};
use crate::memory;
use crate::sort::sort;

/// Bits of n times the largest value.
const BITS: i32 = 60;

/// Units are not smaller than two to this power, so that a number over a unit is finite.
const SMALLEST_UNIT: i32 = -1_000;

/// Ranks of the values outside.
#[derive(Debug)]
pub(super) enum Baselines {
    /// The rank of zero.
    Common(u32),
    /// One per player.
    PerAgent(Vec<u32>),
}

impl Baselines {
    #[inline(always)]
    pub(super) fn rank(&self, player: usize) -> u32 {
        match self {
            Self::Common(zero) => *zero,
            Self::PerAgent(ranks) => ranks[player],
        }
    }
}

/// Values by rank.
pub(super) struct Ranked {
    pub(super) values: Vec<i64>,
    pub(super) ranks: Vec<u32>,
    pub(super) order: Vec<u32>,
    pub(super) starts: Vec<usize>,
}

/// The unit of `n` values of at most `largest`: the smallest power of two that keeps their sum in
/// [`BITS`] bits.
pub(super) fn unit(n: usize, largest: f64) -> Result<f64> {
    if n == 0 {
        return Err(Error::Empty);
    }
    if !largest.is_finite() {
        return Err(Error::Overflow { real: "float64" });
    }
    // One more than the exponent, so that rounding up stays in range too.
    let bits = (largest.max(f64::MIN_POSITIVE).log2() + (n as f64).log2()).floor() as i32 + 1;
    Ok(2.0_f64.powi((bits - BITS).max(SMALLEST_UNIT)))
}

pub(super) fn in_units(value: f64, unit: f64) -> i64 {
    (value / unit).round_ties_even() as i64
}

/// Ranks values; with zero among the distinct ones where it is wanted.
pub(super) fn rank(
    count: usize,
    zero: bool,
    value: impl Fn(usize) -> i64 + Sync,
) -> Result<Ranked> {
    if u32::try_from(count).is_err() {
        let (argument, what, wanted) = ("x", "values to rank", u32::MAX as usize);
        return Err(Error::Shape { argument, what, got: count, wanted });
    }
    let mut sorted = memory::collect((0..count).map(|i| (value(i), i as u32)));
    sort(&mut sorted);
    let (mut values, mut ranks, mut starts) = (Vec::new(), memory::zeros(count), Vec::new());
    let distinct = sorted.chunk_by(|a, b| a.0 == b.0).count();
    memory::reserve(&mut values, distinct + 1);
    memory::reserve(&mut starts, distinct + 2);
    look();
    let mut missing = zero;
    let mut start = 0;
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        if missing && ties[0].0 >= 0 {
            missing = false;
            if ties[0].0 > 0 {
                values.push(0);
                starts.push(start);
            }
        }
        ties.iter().for_each(|&(_, i)| ranks[i as usize] = values.len() as u32);
        values.push(ties[0].0);
        starts.push(start);
        start += ties.len();
    }
    if missing {
        values.push(0);
        starts.push(start);
    }
    starts.push(start);
    look();
    let order = memory::collect(sorted.into_iter().map(|(_, i)| i));
    Ok(Ranked { values, ranks, order, starts })
}
