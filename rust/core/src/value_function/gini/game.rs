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

use super::coalitions::Taken;
use super::finite;
use super::members::{GiniCoalition, Members, Places};
use super::values::{Baselines, Ranked, in_units, rank, unit};
use crate::blocks::CHUNK;
use crate::coalitions::{BATCH, Coalitions};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::{Coalition, Game, Orders, Scratch};
use crate::linear::{first_means, weighted_sum};
use crate::memory;
use crate::moments::Moments;
use crate::random::Draw;
use crate::real::Real;
use crate::statistics::Extremes;
use crate::value_function::composite::Weights;
use std::ops::Range;

/// Values of members and of all others, as ranks among the distinct ones.
#[derive(Debug)]
pub(super) struct GiniGame {
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
    /// By rank, the sum of the distances to the composites and baselines of all players, less what is
    /// the same for all ranks.
    distances: Vec<i64>,
    /// Value of the game per unit of distance.
    pub(super) factor: f64,
    bound: f64,
}

impl GiniGame {
    /// The game of the present agents, in index order.
    pub(super) fn of<T: Real>(
        weights: &Weights,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
    ) -> Result<Self> {
        baseline.check(x.features())?;
        let weights = weights.of(x.features())?;
        let composites = |x: &Step<'_, T>, from: &Baseline<'_, T>| {
            let mut out = memory::zeros(x.present());
            finite(weighted_sum(x, from, &weights, &mut out, &Extremes::default()), x)?;
            Ok(out)
        };
        match baseline {
            Baseline::PerAgent(rows) => {
                let row = first_means(x);
                let from = Baseline::Common(&row);
                let base = composites(&x.with_features(rows.clone()), &from);
                Self::per_agent(&composites(x, &from)?, &base.map_err(Error::of_baseline)?)
            }
            _ => Self::relative(&composites(x, baseline)?),
        }
    }

    /// Players with these composites, less the baseline's, which is the same for all.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Overflow`].
    pub(super) fn relative(composites: &[f64]) -> Result<Self> {
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
    pub(super) fn per_agent(composites: &[f64], base: &[f64]) -> Result<Self> {
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
        // As they are once the centre is taken off, which rounds both.
        let move_of = |(s, b): (&f64, &f64)| ((s - centre) - (b - centre)).abs();
        let largest = pairs.map(move_of).fold(0.0_f64, f64::max);
        Self::new(ranked, baselines, unit, largest)
    }

    fn new(ranked: Ranked, baselines: Baselines, unit: f64, largest: f64) -> Result<Self> {
        let Ranked { values, ranks: composites, order, starts } = ranked;
        let n = composites.len() as f64;
        // A difference may be rounded up by a unit.
        let factor = 2.0 / (n * n) * unit;
        // Rounding adds a unit, but not where nobody moves.
        let bound = if largest > 0.0 { 2.0 * (largest + unit) / n } else { 0.0 };
        if !bound.is_finite() {
            return Err(Error::Overflow { real: "float64" });
        }
        let (outside, zero) = match baselines {
            Baselines::Common(zero) => (composites.len(), zero as usize),
            Baselines::PerAgent(_) => (0, 0),
        };
        let (mut below, mut sum) = (0, 0);
        let groups = values.iter().zip(starts.windows(2)).enumerate();
        let distances = groups.map(|(rank, (&value, group))| {
            let count = group[1] - group[0] + if rank == zero { outside } else { 0 };
            below += count as i64;
            sum += count as i64 * value;
            2 * (value * (below - composites.len() as i64) - sum)
        });
        let distances = memory::collect(distances);
        Ok(Self { values, composites, baselines, order, starts, distances, factor, bound })
    }

    /// What a player adds on average in an order and its reverse, whatever the order: every other
    /// player stands once at either of its values, so pairs count half at each.
    pub(super) fn mean(&self, player: usize) -> f64 {
        let Places { member, outside } = self.places(player);
        let difference = self.distances[member as usize] - self.distances[outside as usize];
        0.5 * (difference as f64 * self.factor)
    }

    /// Where a player stands as a member and otherwise.
    #[inline(always)]
    pub(super) fn places(&self, player: usize) -> Places {
        Places { member: self.composites[player], outside: self.baselines.rank(player) }
    }

    /// How many values of each rank are in the tree while nobody is a member.
    pub(super) fn nobody(&self) -> Vec<i64> {
        let mut counts = memory::zeros(self.values.len());
        if let Baselines::PerAgent(ranks) = &self.baselines {
            ranks.iter().for_each(|&rank| counts[rank as usize] += 1);
        }
        counts
    }

    /// Sum of the distances of all pairs of players, in units, of whom as many stand at each rank as
    /// `counts` says.
    fn pairs(&self, counts: &[i64]) -> i128 {
        let (mut before, mut sum, mut pairs) = (0, 0, 0);
        for (&count, &value) in counts.iter().zip(&self.values) {
            let (count, value) = (i128::from(count), i128::from(value));
            pairs += count * (value * before - sum);
            before += count;
            sum += count * value;
        }
        pairs
    }
}

impl Game for GiniGame {
    fn players(&self) -> usize {
        self.composites.len()
    }

    fn empty(&self) -> Box<dyn Coalition + '_> {
        let counts = self.nobody();
        let (members, pairs) = (Members::new(self, &counts, 0), self.pairs(&counts));
        Box::new(GiniCoalition { members, pairs })
    }

    fn bound(&self) -> f64 {
        self.bound
    }

    fn value(&self) -> Result<f64> {
        let mut counts = memory::zeros(self.values.len());
        self.composites.iter().for_each(|&rank| counts[rank as usize] += 1);
        Ok(self.pairs(&counts) as f64 * self.factor)
    }

    fn baseline_value(&self) -> Result<f64> {
        Ok(self.pairs(&self.nobody()) as f64 * self.factor)
    }

    fn is_parallel(&self) -> bool {
        self.players() > CHUNK
    }

    fn sample_order(
        &self,
        draw: Draw,
        orders: Orders,
        scratch: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        if orders.antithetic {
            return moments.add(|players, out| {
                out.iter_mut().zip(players).for_each(|(out, player)| *out = self.mean(player));
            });
        }
        self.sweep(draw, scratch);
        moments.add(|players, out| scratch.replay(players, out))
    }

    fn range(&self) -> Result<[f64; 2]> {
        // No pair is farther apart than the sum of the distances of both to zero.
        let n = self.players() as f64;
        let magnitude = |rank: u32| self.values[rank as usize].abs();
        let places = (0..self.players()).map(|player| self.places(player));
        let sum: i64 = places.map(|at| magnitude(at.member).max(magnitude(at.outside))).sum();
        Ok([0.0, (n - 1.0) * sum as f64 * self.factor])
    }

    fn coalition_values(
        &self,
        coalitions: &Coalitions,
        _: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        *values = Taken::new(self, coalitions.words()).values();
        Ok(())
    }

    fn sample_coalitions(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        self.marginals(coalitions.words(), bits, moments)
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
        assert!(close(coalition.value().unwrap(), value(s, b, 0)));
        // Every coalition, by Gray code; the values by another code must have the same bits.
        let mut values = vec![0.0; 1 << n];
        for step in 1..=1_u32 << n {
            let (before, was) = (members, coalition.value().unwrap());
            values[members as usize] = was;
            let player = step.trailing_zeros().min(n as u32 - 1);
            let change = match members >> player & 1 {
                0 => coalition.add(player as usize).unwrap(),
                _ => coalition.remove(player as usize).unwrap(),
            };
            members ^= 1 << player;
            assert!(close(coalition.value().unwrap(), value(s, b, members)));
            assert!(close(change, value(s, b, members) - value(s, b, before)));
            assert!(change.abs() <= game.bound());
        }
        let mut other = game.empty();
        let mut members = 0;
        for step in 0..200_u32 {
            let player = (start.wrapping_add(step * step * 7 + step / 3)) % n as u32;
            match members >> player & 1 {
                0 => other.add(player as usize).unwrap(),
                _ => other.remove(player as usize).unwrap(),
            };
            members ^= 1 << player;
            assert_eq!(other.value().unwrap().to_bits(), values[members as usize].to_bits());
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
            (0..3).for_each(|player| _ = coalition.add(player).unwrap());
            let wanted = value(&s, &[0.0; 3], 7);
            assert!((coalition.value().unwrap() - wanted).abs() <= 1e-15 * wanted, "{scale}");
        }
        assert_eq!(GiniGame::relative(&[]).unwrap_err(), Error::Empty);
        let overflow = Error::Overflow { real: "float64" };
        assert_eq!(GiniGame::per_agent(&[f64::MAX], &[f64::MIN]).unwrap_err(), overflow);
        assert!(matches!(GiniGame::per_agent(&[1.0], &[]), Err(Error::Shape { .. })));
    }
}
