//! Coalitions in the game of the Gini mean difference.

use super::game::GiniGame;
use super::values::Baselines;
use crate::error::Result;
use crate::game::Coalition;
use crate::memory;
use crate::rank_tree::RankTree;

/// Ranks of the two values of a player.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) member: u32,
    pub(super) outside: u32,
}

/// A coalition, with what is needed to say what the next player adds.
pub(super) struct Members<'a> {
    game: &'a GiniGame,
    /// The members' values, and those of the others where baselines differ.
    tree: RankTree,
    /// Members.
    count: i64,
    /// Sum of what is in the tree, and of its magnitudes.
    sum: i64,
    magnitude: i64,
}

impl<'a> Members<'a> {
    /// As many values of each rank in the tree as `counts` says, and as many members as `count`.
    pub(super) fn new(game: &'a GiniGame, counts: &[i64], count: i64) -> Self {
        let totals = counts.iter().zip(&game.values).map(|(&count, value)| [count, count * value]);
        let pairs = counts.iter().zip(&game.values);
        let magnitude = pairs.map(|(count, value)| count * value.abs()).sum();
        Self::of(game, memory::collect(totals), count, magnitude)
    }

    /// With count and sum of the values at every place of the tree, the sum of their magnitudes, and
    /// the number of members.
    pub(super) fn of(
        game: &'a GiniGame,
        totals: Vec<[i64; 2]>,
        count: i64,
        magnitude: i64,
    ) -> Self {
        let sum = totals.iter().map(|total| total[1]).sum();
        Self { game, tree: RankTree::of(totals), count, sum, magnitude }
    }

    /// Sum of the distances from a value to all in the tree, which are `count`.
    #[inline(always)]
    fn distances(&self, rank: u32, value: i64, count: i64) -> i64 {
        let (below, sum) = self.tree.below(rank);
        value * (2 * below - count) + self.sum - 2 * sum
    }

    /// What a value at a place of the tree adds where all others stand at zero.
    #[inline(always)]
    fn marginal_of_value(&self, place: u32, value: i64, member: bool) -> i64 {
        let (n, own) = (self.game.composites.len() as i64, i64::from(member));
        let outside = n - 1 - (self.count - own);
        self.distances(place, value, self.count) + outside * value.abs()
            - (self.magnitude - own * value.abs())
    }

    /// What a player adds to the other members, in units.
    #[inline(always)]
    fn marginal(&self, at: Places, member: bool) -> i64 {
        let (game, n) = (self.game, self.game.composites.len() as i64);
        let value = game.values[at.member as usize];
        match &game.baselines {
            Baselines::Common(_) => self.marginal_of_value(at.member, value, member),
            Baselines::PerAgent(_) => {
                let base = game.values[at.outside as usize];
                // The player itself is in the tree, on one side or the other.
                let itself = if member { 1 } else { -1 } * (value - base).abs();
                self.distances(at.member, value, n) - self.distances(at.outside, base, n) + itself
            }
        }
    }

    #[inline(always)]
    fn put_value(&mut self, place: u32, value: i64, sign: i64) {
        self.tree.add(place, sign, sign * value);
        self.sum += sign * value;
        self.magnitude += sign * value.abs();
        self.count += sign;
    }

    #[inline(always)]
    fn put(&mut self, at: Places, sign: i64) {
        self.put_value(at.member, self.game.values[at.member as usize], sign);
        if let Baselines::PerAgent(_) = self.game.baselines {
            let base = self.game.values[at.outside as usize];
            self.tree.add(at.outside, -sign, -sign * base);
            self.sum -= sign * base;
        }
    }

    /// Lets a value join at a place of the tree, all others standing at zero, and returns what it
    /// adds, in units.
    #[inline(always)]
    pub(super) fn join_value(&mut self, place: u32, value: i64) -> i64 {
        let marginal = self.marginal_of_value(place, value, false);
        self.put_value(place, value, 1);
        marginal
    }

    /// Lets a player join and returns what it adds, in units.
    #[inline(always)]
    pub(super) fn join(&mut self, at: Places) -> i64 {
        let marginal = self.marginal(at, false);
        self.put(at, 1);
        marginal
    }

    /// Lets a member leave and returns what it had added, in units.
    #[inline(always)]
    fn leave(&mut self, at: Places) -> i64 {
        let marginal = self.marginal(at, true);
        self.put(at, -1);
        marginal
    }
}

/// [`Members`] and their value.
pub(super) struct GiniCoalition<'a> {
    pub(super) members: Members<'a>,
    /// Sum of the distances of all pairs, in units.
    pub(super) pairs: i128,
}

impl GiniCoalition<'_> {
    fn in_value(&self, units: i64) -> f64 {
        units as f64 * self.members.game.factor
    }
}

impl Coalition for GiniCoalition<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        let change = self.members.join(self.members.game.places(player));
        self.pairs += i128::from(change);
        Ok(self.in_value(change))
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        let change = -self.members.leave(self.members.game.places(player));
        self.pairs += i128::from(change);
        Ok(self.in_value(change))
    }

    fn value(&self) -> Result<f64> {
        Ok(self.pairs as f64 * self.members.game.factor)
    }
}
