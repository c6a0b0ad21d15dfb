//! The game of the Gini mean difference: `v(C) = k sum_{i<j} |c_i - c_j|`, `k = 2/n^2`, with
//! `c_j = s_j` for members and `b_j` for all others.
//!
//! A player who joins adds `k sum_{j != i} (|s_i - c_j| - |b_i - c_j|)`: two sums of distances,
//! which a tree of counts and sums by rank answers in O(log n). Under a common baseline values are
//! taken relative to it, so that who stands outside is zero and one tree of members is enough.
//!
//! Values are integers, multiples of a power of two that leaves every sum of them in 62 bits: sums
//! are exact, and a coalition's value does not depend on how its members came together. The
//! rounding is a part in 2^60 of n times the largest value.

use crate::blocks;
use crate::error::{Error, Result};
use crate::game::{Coalition, Game};
use crate::rank_tree::RankTree;
use rayon::prelude::*;

/// Bits of n times the largest value.
const BITS: i32 = 60;

/// Units are not smaller than two to this power, so that a number over a unit is finite.
const SMALLEST_UNIT: i32 = -1_000;

/// Values of members and of all others, as ranks among the distinct ones.
#[derive(Debug)]
pub struct GiniGame {
    /// Distinct values, ascending, in units; with zero, where all stand there outside.
    pub(super) values: Vec<i64>,
    /// Rank of every player's composite.
    pub(super) composites: Vec<u32>,
    /// Where players stand outside.
    pub(super) baselines: Baselines,
    /// The players' composites by rank, as numbers of players; their baselines count on from there.
    pub(super) order: Vec<u32>,
    /// The first of `order` of each rank, and the end.
    pub(super) starts: Vec<usize>,
    /// Value of the game per unit of distance.
    pub(super) factor: f64,
    bound: f64,
}

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
struct Ranked {
    values: Vec<i64>,
    ranks: Vec<u32>,
    order: Vec<u32>,
    starts: Vec<usize>,
}

impl GiniGame {
    /// Players with these composites, less the baseline's, which is the same for all.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Overflow`].
    pub fn relative(composites: &[f64]) -> Result<Self> {
        let largest = composites.iter().fold(0.0_f64, |largest, s| largest.max(s.abs()));
        let unit = unit(composites.len(), largest)?;
        let ranked = rank(composites.len(), true, |i| in_units(composites[i], unit))?;
        let zero = ranked.values.partition_point(|&value| value < 0) as u32;
        Self::new(ranked, Baselines::Common(zero), unit, largest)
    }

    /// Players with these composites and baselines.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Overflow`], [`Error::Shape`] where the lengths differ.
    pub fn per_agent(composites: &[f64], base: &[f64]) -> Result<Self> {
        let n = composites.len();
        if base.len() != n {
            let (argument, what, got) = ("baseline", "agents", base.len());
            return Err(Error::Shape { argument, what, got, wanted: n });
        }
        let both = || composites.iter().chain(base);
        let (low, high) = both()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        let centre = 0.5 * low + 0.5 * high;
        let unit = unit(n, high - centre)?;
        let value = |i: usize| if i < n { composites[i] } else { base[i - n] };
        let mut ranked = rank(2 * n, false, |i| in_units(value(i) - centre, unit))?;
        let baselines = Baselines::PerAgent(ranked.ranks.split_off(n));
        let pairs = composites.iter().zip(base);
        let largest = pairs.fold(0.0_f64, |largest, (s, b)| largest.max((s - b).abs()));
        Self::new(ranked, baselines, unit, largest)
    }

    fn new(ranked: Ranked, baselines: Baselines, unit: f64, largest: f64) -> Result<Self> {
        let Ranked { values, ranks: composites, order, starts } = ranked;
        let n = composites.len() as f64;
        let (factor, bound) = (2.0 / (n * n) * unit, 2.0 * largest / n);
        if !bound.is_finite() {
            return Err(Error::Overflow { real: "float64" });
        }
        Ok(Self { values, composites, baselines, order, starts, factor, bound })
    }

    /// Everyone at the baseline.
    pub(super) fn outside(&self) -> Members<'_> {
        let tree = match &self.baselines {
            Baselines::Common(_) => RankTree::new(self.values.len()),
            Baselines::PerAgent(ranks) => RankTree::of(&self.histogram(ranks), &self.values),
        };
        let sum = match &self.baselines {
            Baselines::Common(_) => 0,
            Baselines::PerAgent(ranks) => {
                ranks.iter().map(|&rank| self.values[rank as usize]).sum()
            }
        };
        Members { game: self, tree, count: 0, sum, magnitude: 0 }
    }

    /// Sum of the distances of all pairs of players at their baselines, in units.
    fn pairs_outside(&self) -> i128 {
        let Baselines::PerAgent(ranks) = &self.baselines else { return 0 };
        let (mut before, mut sum, mut pairs) = (0, 0, 0);
        for (count, &value) in self.histogram(ranks).into_iter().zip(&self.values) {
            let (count, value) = (i128::from(count), i128::from(value));
            pairs += count * (value * before - sum);
            before += count;
            sum += count * value;
        }
        pairs
    }

    /// How many of the ranks are which.
    pub(super) fn histogram(&self, ranks: &[u32]) -> Vec<i64> {
        let mut counts = vec![0; self.values.len()];
        ranks.iter().for_each(|&rank| counts[rank as usize] += 1);
        counts
    }
}

/// The unit of `n` values of at most `largest`: the smallest power of two that keeps their sum in
/// [`BITS`] bits.
fn unit(n: usize, largest: f64) -> Result<f64> {
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

fn in_units(value: f64, unit: f64) -> i64 {
    (value / unit).round_ties_even() as i64
}

/// Ranks values; with zero among the distinct ones where it is wanted.
fn rank(count: usize, zero: bool, value: impl Fn(usize) -> i64 + Sync) -> Result<Ranked> {
    if u32::try_from(count).is_err() {
        let (argument, what, wanted) = ("x", "values to rank", u32::MAX as usize);
        return Err(Error::Shape { argument, what, got: count, wanted });
    }
    let mut sorted: Vec<(i64, u32)> = (0..count).map(|i| (value(i), i as u32)).collect();
    if blocks::chunks(count) == 1 {
        sorted.sort_unstable();
    } else {
        sorted.par_sort_unstable();
    }
    let (mut values, mut ranks, mut starts) = (Vec::new(), vec![0; count], Vec::new());
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
    let order = sorted.into_iter().map(|(_, i)| i).collect();
    Ok(Ranked { values, ranks, order, starts })
}

/// A coalition, with what is needed to say what the next player adds.
#[derive(Clone)]
pub(super) struct Members<'a> {
    game: &'a GiniGame,
    /// The members' values, or those of all players where baselines differ.
    tree: RankTree,
    /// Members.
    count: i64,
    /// Sum of what is in the tree.
    sum: i64,
    /// Sum of the magnitudes of the members' values; unused where baselines differ.
    magnitude: i64,
}

impl Members<'_> {
    /// Sum of the distances from a value to all in the tree, which are `count`.
    #[inline(always)]
    fn distances(&self, rank: u32, value: i64, count: i64) -> i64 {
        let (below, sum) = self.tree.below(rank);
        value * (2 * below - count) + self.sum - 2 * sum
    }

    /// What a player adds, in units, whether a member or not.
    #[inline(always)]
    fn marginal(&self, player: usize, member: bool) -> i64 {
        let (game, n) = (self.game, self.game.composites.len() as i64);
        let s = game.composites[player];
        let value = game.values[s as usize];
        let own = i64::from(member);
        match &game.baselines {
            Baselines::Common(_) => {
                let outside = n - 1 - (self.count - own);
                self.distances(s, value, self.count) + outside * value.abs()
                    - (self.magnitude - own * value.abs())
            }
            Baselines::PerAgent(ranks) => {
                let base = game.values[ranks[player] as usize];
                // The player itself is in the tree, on one side or the other.
                let itself = (2 * own - 1) * (value - base).abs();
                self.distances(s, value, n) - self.distances(ranks[player], base, n) + itself
            }
        }
    }

    #[inline(always)]
    fn put(&mut self, player: usize, sign: i64) {
        let game = self.game;
        let s = game.composites[player];
        let value = game.values[s as usize];
        self.tree.add(s, sign, sign * value);
        self.sum += sign * value;
        self.count += sign;
        match &game.baselines {
            Baselines::Common(_) => self.magnitude += sign * value.abs(),
            Baselines::PerAgent(ranks) => {
                let base = game.values[ranks[player] as usize];
                self.tree.add(ranks[player], -sign, -sign * base);
                self.sum -= sign * base;
            }
        }
    }

    /// Lets a player join and returns what it adds, in units.
    #[inline(always)]
    pub(super) fn join(&mut self, player: usize) -> i64 {
        let marginal = self.marginal(player, false);
        self.put(player, 1);
        marginal
    }

    /// Lets a member leave and returns what it had added, in units.
    #[inline(always)]
    pub(super) fn leave(&mut self, player: usize) -> i64 {
        let marginal = self.marginal(player, true);
        self.put(player, -1);
        marginal
    }
}

/// [`Members`] and their value.
struct GiniCoalition<'a> {
    members: Members<'a>,
    /// Sum of the distances of all pairs, in units.
    pairs: i128,
}

impl GiniCoalition<'_> {
    fn in_value(&self, units: i64) -> f64 {
        units as f64 * self.members.game.factor
    }
}

impl Coalition for GiniCoalition<'_> {
    fn add(&mut self, player: usize) -> f64 {
        let change = self.members.join(player);
        self.pairs += i128::from(change);
        self.in_value(change)
    }

    fn remove(&mut self, player: usize) -> f64 {
        let change = -self.members.leave(player);
        self.pairs += i128::from(change);
        self.in_value(change)
    }

    fn value(&self) -> f64 {
        self.pairs as f64 * self.members.game.factor
    }
}

impl Game for GiniGame {
    fn players(&self) -> usize {
        self.composites.len()
    }

    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(GiniCoalition { members: self.outside(), pairs: self.pairs_outside() })
    }

    fn bound(&self) -> f64 {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By definition.
    fn value(s: &[f64], b: &[f64], coalition: u32) -> f64 {
        let n = s.len();
        let c = |i: usize| if coalition >> i & 1 == 1 { s[i] } else { b[i] };
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        pairs.map(|(i, j)| (c(i) - c(j)).abs()).sum::<f64>() / (n * n) as f64
    }

    fn check(game: &GiniGame, s: &[f64], b: &[f64], start: u32) {
        let (n, size) = (s.len(), s.iter().chain(b).fold(0.0_f64, |m, v| m.max(v.abs())));
        let close = |found: f64, wanted: f64| (found - wanted).abs() <= 1e-14 * size;
        let mut coalition = game.empty();
        let mut members = 0;
        assert!(close(coalition.value(), value(s, b, 0)));
        // Every coalition, by Gray code; the values by another code must have the same bits.
        let mut values = vec![0.0; 1 << n];
        for step in 1..=1_u32 << n {
            let (before, was) = (members, coalition.value());
            values[members as usize] = was;
            let player = step.trailing_zeros().min(n as u32 - 1);
            let change = match members >> player & 1 {
                0 => coalition.add(player as usize),
                _ => coalition.remove(player as usize),
            };
            members ^= 1 << player;
            assert!(close(coalition.value(), value(s, b, members)));
            assert!(close(change, value(s, b, members) - value(s, b, before)));
            assert!(change.abs() <= game.bound());
        }
        let mut other = game.empty();
        let mut members = 0;
        for step in 0..200_u32 {
            let player = (start.wrapping_add(step * step * 7 + step / 3)) % n as u32;
            match members >> player & 1 {
                0 => other.add(player as usize),
                _ => other.remove(player as usize),
            };
            members ^= 1 << player;
            assert_eq!(other.value().to_bits(), values[members as usize].to_bits());
        }
    }

    fn composites() -> impl Strategy<Value = f64> {
        prop_oneof![(-3_i8..4).prop_map(f64::from), -10.0..10.0_f64]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_coalition_has_its_value(
            agents in prop::collection::vec((composites(), composites()), 1..9),
            start in 0_u32..1_000,
        ) {
            let (s, b): (Vec<f64>, Vec<f64>) = agents.into_iter().unzip();
            check(&GiniGame::per_agent(&s, &b).unwrap(), &s, &b, start);
            let row = vec![b[0]; s.len()];
            let relative: Vec<f64> = s.iter().map(|s| s - b[0]).collect();
            check(&GiniGame::relative(&relative).unwrap(), &s, &row, start);
            check(&GiniGame::per_agent(&s, &row).unwrap(), &s, &row, start);
        }
    }

    #[test]
    fn composites_of_any_size_are_taken() {
        for scale in [0.0, 1e-270, 1e-3, 1e300] {
            let s = [0.5, 1.0, -0.25].map(|s| s * scale);
            let game = GiniGame::relative(&s).unwrap();
            let mut coalition = game.empty();
            (0..3).for_each(|player| _ = coalition.add(player));
            let wanted = value(&s, &[0.0; 3], 7);
            assert!((coalition.value() - wanted).abs() <= 1e-15 * wanted, "{scale}");
        }
        assert_eq!(GiniGame::relative(&[]).unwrap_err(), Error::Empty);
        let overflow = Error::Overflow { real: "float64" };
        assert_eq!(GiniGame::per_agent(&[f64::MAX], &[f64::MIN]).unwrap_err(), overflow);
        assert!(matches!(GiniGame::per_agent(&[1.0], &[]), Err(Error::Shape { .. })));
    }
}
