//! Exact values of any game of a few players, from the values of all its coalitions.
//!
//! Coalitions are visited in the order of the Gray code, in which each differs from the one before by
//! one player. Every block of them starts from the empty coalition again, so that errors do not pile
//! up. Values are added up by size of the coalition: all those of a size have the same weight.

use crate::abandon::Watched;
use crate::blocks::{CHUNK, Merge, merge_tree};
use crate::error::{Error, Result};
use crate::game::{Game, MAX_ENUMERATED};
use crate::simd::dispatch;
use rayon::prelude::*;
use std::ops::Range;

/// Coalitions, one step of the Gray code after the other, that start from the empty one.
const STEPS: u64 = 1_024;

/// Blocks of coalitions whose values are added up one after the other.
const BLOCKS: u64 = 64;

/// Values of coalitions, less that of the empty one, added up by size and player.
#[derive(Clone, Debug)]
pub struct Enumeration {
    players: usize,
    /// Per size and player, sum over the coalitions of that size which hold the player.
    holding: Vec<[f64; MAX_ENUMERATED]>,
    /// Per size, sum over all coalitions.
    all: Vec<f64>,
}

impl Merge for Enumeration {
    fn merge(mut self, other: Self) -> Self {
        for (sums, more) in self.holding.iter_mut().zip(other.holding) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        self.all.iter_mut().zip(other.all).for_each(|(sum, more)| *sum += more);
        self
    }
}

impl Enumeration {
    /// No coalitions yet of `players` players.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooManyPlayers`].
    pub fn new(players: usize) -> Result<Self> {
        match players {
            0 => Err(Error::Empty),
            1..=MAX_ENUMERATED => Ok(Self {
                players,
                holding: vec![[0.0; MAX_ENUMERATED]; players + 1],
                all: vec![0.0; players + 1],
            }),
            _ => Err(Error::TooManyPlayers { players, most: MAX_ENUMERATED }),
        }
    }

    /// The values of all coalitions of a game. Takes `2^players` additions and removals of a player;
    /// parallel from 15 players on.
    ///
    /// # Errors
    /// As [`Enumeration::new`], and what the game refuses.
    ///
    /// # Examples
    /// ```
    /// use aumann_core::{Baseline, Enumeration, Features, Step, ValueFunction, value_function::Mean};
    ///
    /// let x = Step::new(Features::rows(&[2.0, 4.0], 1)?)?;
    /// let game = Mean::new(None)?.game(&x, &Baseline::Zero)?;
    /// assert_eq!(Enumeration::of(game.as_ref())?.shapley(), [1.0, 2.0]);
    /// # Ok::<(), aumann_core::Error>(())
    /// ```
    pub fn of(game: &dyn Game) -> Result<Self> {
        let none = Self::new(game.players())?;
        let steps = 1_u64 << game.players();
        let watched = Watched::current();
        let group = |group: u64| {
            watched.look();
            let mut sums = none.clone();
            let steps = group * BLOCKS * STEPS..steps.min((group + 1) * BLOCKS * STEPS);
            for start in steps.clone().step_by(STEPS as usize) {
                sums.block(game, start..steps.end.min(start + STEPS))?;
            }
            Ok(sums)
        };
        let groups = steps.div_ceil(BLOCKS * STEPS);
        let sums: Vec<Result<Self>> = if steps <= CHUNK as u64 {
            (0..groups).map(group).collect()
        } else {
            (0..groups).into_par_iter().map(group).collect()
        };
        let sums = sums.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(merge_tree(sums).unwrap_or(none))
    }

    fn block(&mut self, game: &dyn Game, steps: Range<u64>) -> Result<()> {
        let mut coalition = game.empty();
        let mut members = 0;
        let mut value = 0.0;
        for step in steps {
            let next = (step ^ step >> 1) as u32;
            let mut changed = members ^ next;
            while changed != 0 {
                let player = changed.trailing_zeros();
                let change = if next >> player & 1 == 1 {
                    coalition.add(player as usize)?
                } else {
                    coalition.remove(player as usize)?
                };
                if !change.is_finite() {
                    let (player, bound) = (player as usize, game.bound());
                    return Err(Error::Sample { player, sample: change, bound });
                }
                value += change;
                changed &= changed - 1;
            }
            members = next;
            self.add(members, value);
        }
        Ok(())
    }

    /// Adds the value of a coalition, less that of the empty one. Player i is a member if bit i is
    /// set. Every coalition is wanted once; the empty one may be left out.
    pub fn add(&mut self, members: u32, value: f64) {
        let size = members.count_ones() as usize;
        self.all[size] += value;
        let sums = &mut self.holding[size];
        dispatch(
            #[inline(always)]
            || {
                for (player, sum) in sums.iter_mut().enumerate() {
                    *sum += if members >> player & 1 == 1 { value } else { 0.0 };
                }
            },
        );
    }

    /// The Shapley value of every player.
    #[must_use]
    pub fn shapley(&self) -> Vec<f64> {
        let n = self.players as f64;
        // The number of coalitions of s others, binomial(n - 1, s), is at most 1,352,078.
        let mut others = vec![1.0; self.players];
        for size in 1..self.players {
            others[size] = others[size - 1] * (n - size as f64) / size as f64;
        }
        self.weighted(|size| 1.0 / (n * others[size]))
    }

    /// The Banzhaf value of every player.
    #[must_use]
    pub fn banzhaf(&self) -> Vec<f64> {
        let weight = 2.0_f64.powi(1 - self.players as i32);
        self.weighted(|_| weight)
    }

    /// Sum over the coalitions of others of what each player adds to them, times the weight of their
    /// size.
    fn weighted(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let of_player = |player: usize| {
            let of_size = |size: usize| {
                let without = self.all[size] - self.holding[size][player];
                weight(size) * (self.holding[size + 1][player] - without)
            };
            (0..self.players).map(of_size).sum()
        };
        (0..self.players).map(of_player).collect()
    }
}

/// Writes what every player adds to the coalition of all others.
///
/// Starts from everybody again for every 64th of the players, and at least every 1,024 of them, so
/// that errors do not pile up.
///
/// # Errors
/// [`Error::Shape`] where `out` has not one number per player, and what the game refuses.
pub fn leave_one_out_of(game: &dyn Game, out: &mut [f64]) -> Result<()> {
    let players = game.players();
    if out.len() != players {
        let (got, wanted) = (out.len(), players);
        return Err(Error::Shape { argument: "out", what: "players", got, wanted });
    }
    let length = (STEPS as usize).max(players.div_ceil(64));
    let part = |(part, out): (usize, &mut [f64])| {
        let mut everybody = game.empty();
        (0..players).try_for_each(|player| everybody.add(player).map(|_| ()))?;
        for (player, out) in (part * length..).zip(out) {
            *out = -everybody.remove(player)?;
            everybody.add(player)?;
            if !out.is_finite() {
                return Err(Error::Sample { player, sample: *out, bound: game.bound() });
            }
        }
        Ok(())
    };
    if players <= CHUNK {
        out.chunks_mut(length).enumerate().try_for_each(part)
    } else {
        let parts: Vec<Result<()>> = out.par_chunks_mut(length).enumerate().map(part).collect();
        parts.into_iter().collect()
    }
}
