//! The mean as a game: a player adds the same to every coalition, so any order gives the exact value.

use super::Mean;
use crate::blocks::CHUNK;
use crate::coalitions::{BATCH, Coalitions, sums_of_members};
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::game::{Coalition, Game, Orders, Scratch};
use crate::memory;
use crate::moments::Moments;
use crate::random::Draw;
use crate::real::Real;
use std::ops::Range;

pub(super) struct MeanGame {
    marginals: Vec<f64>,
    value: f64,
    baseline_value: f64,
}

impl MeanGame {
    /// The game of the present agents, in index order.
    pub(super) fn of<T: Real>(
        mean: &Mean,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
    ) -> Result<Self> {
        baseline.check(x.features())?;
        let mut marginals = memory::zeros(x.present());
        let outcome = mean.marginals(x, baseline, &mut marginals)?;
        let (value, baseline_value) = (outcome.value, outcome.baseline_value);
        Ok(Self { marginals, value, baseline_value })
    }
}

impl Game for MeanGame {
    fn players(&self) -> usize {
        self.marginals.len()
    }

    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(Members { game: self, value: self.baseline_value })
    }

    fn bound(&self) -> f64 {
        self.marginals.iter().fold(0.0, |bound, marginal| bound.max(marginal.abs()))
    }

    fn is_parallel(&self) -> bool {
        self.players() > CHUNK
    }

    fn value(&self) -> Result<f64> {
        Ok(self.value)
    }

    fn baseline_value(&self) -> Result<f64> {
        Ok(self.baseline_value)
    }

    fn sample_order(
        &self,
        _: Draw,
        _: Orders,
        _: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        moments.add(|players, out| out.copy_from_slice(&self.marginals[players]))
    }

    fn range(&self) -> Result<[f64; 2]> {
        let base = self.baseline_value;
        let down: f64 = self.marginals.iter().map(|marginal| marginal.min(0.0)).sum();
        let up: f64 = self.marginals.iter().map(|marginal| marginal.max(0.0)).sum();
        Ok([base + down, base + up])
    }

    fn coalition_values(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        let sums = sums_of_members(coalitions.words(), |player| self.marginals[player]);
        for bit in bits {
            values[bit] = self.baseline_value + sums.0[bit];
        }
        Ok(())
    }

    fn sample_coalitions(
        &self,
        _: &Coalitions,
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        moments.add_in_turn(bits, |_, players, out| {
            let rows = out.chunks_exact_mut(players.len());
            rows.for_each(|row| row.copy_from_slice(&self.marginals[players.clone()]));
            Ok(())
        })
    }
}

struct Members<'a> {
    game: &'a MeanGame,
    value: f64,
}

impl Coalition for Members<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        let marginal = self.game.marginals[player];
        self.value += marginal;
        Ok(marginal)
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        let marginal = self.game.marginals[player];
        self.value -= marginal;
        Ok(-marginal)
    }

    fn value(&self) -> Result<f64> {
        Ok(self.value)
    }
}
