//! Cooperative games: a value for every coalition of players.
//!
//! A value function and a baseline make a game of the present agents: agents outside a coalition
//! stand at their baseline. What makes a game fast is that players join one by one, each in a time
//! that does not grow with the coalition, or only with its logarithm.

use crate::coalitions::{BATCH, Coalitions};
use crate::error::{Error, Result};
use crate::memory;
use crate::moments::Moments;
use crate::order::{Order, random_order};
use crate::random::Draw;
use std::ops::Range;

/// Largest number of players whose coalitions are enumerated: 16.8 million of them.
pub const MAX_ENUMERATED: usize = 24;

/// A game of players `0..players`.
///
/// Whoever implements the three required methods for a game of their own gets enumeration and all
/// sampled values; the others are there for games that know a faster way.
pub trait Game: Send + Sync {
    /// Number of players.
    fn players(&self) -> usize;

    /// The empty coalition.
    fn empty(&self) -> Box<dyn Coalition + '_>;

    /// A number that no marginal contribution exceeds in magnitude. It sets the unit in which
    /// samples are added up, a part in 2^42 of it, so a generous one costs digits.
    fn bound(&self) -> f64;

    /// Value of the coalition of all players.
    ///
    /// # Errors
    /// What [`Coalition::add`] refuses.
    fn value(&self) -> Result<f64> {
        let mut coalition = self.empty();
        for player in 0..self.players() {
            coalition.add(player)?;
        }
        coalition.value()
    }

    /// Value of the empty coalition.
    ///
    /// # Errors
    /// What [`Coalition::value`] refuses.
    fn baseline_value(&self) -> Result<f64> {
        self.empty().value()
    }

    /// Whether sampling spreads its work over the threads. If not, samples are drawn side by side.
    fn is_parallel(&self) -> bool {
        false
    }

    /// A number that no sample of [`Game::sample_order`] exceeds in magnitude.
    ///
    /// # Errors
    /// What the control variate refuses.
    fn order_bound(&self, orders: Orders) -> Result<f64> {
        let _ = orders;
        Ok(self.bound())
    }

    /// A number that no sample of [`Game::sample_coalitions`] exceeds in magnitude.
    ///
    /// # Errors
    /// Where there is none.
    fn coalition_bound(&self) -> Result<f64> {
        Ok(self.bound())
    }

    /// Adds one sample to the moments: every player's marginal contribution in the random order of
    /// `draw`, joining those before it.
    ///
    /// # Errors
    /// What [`Coalition::add`] and [`Moments::add`] refuse. The moments then stay as they were.
    fn sample_order(
        &self,
        draw: Draw,
        orders: Orders,
        scratch: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        let order = random_order(draw, self.players());
        memory::resize(&mut scratch.marginals, order.len(), 0.0);
        let marginals = &mut scratch.marginals;
        let mut coalition = self.empty();
        for &player in &order {
            marginals[player] = finite(coalition.add(player)?, player, self)?;
        }
        if orders.antithetic {
            let mut coalition = self.empty();
            for &player in order.iter().rev() {
                let marginal = finite(coalition.add(player)?, player, self)?;
                // Halved first: their sum may be out of range.
                marginals[player] = 0.5 * marginals[player] + 0.5 * marginal;
            }
        }
        moments.add(|players, out| out.copy_from_slice(&marginals[players]))
    }

    /// Two numbers between which the values of all coalitions are.
    ///
    /// # Errors
    /// As [`Game::baseline_value`].
    fn range(&self) -> Result<[f64; 2]> {
        let (middle, half) = (self.baseline_value()?, self.players() as f64 * self.bound());
        Ok([middle - half, middle + half])
    }

    /// Writes the values of the coalitions at `bits`, at their bits.
    ///
    /// # Errors
    /// What [`Coalition::add`] and [`Coalition::value`] refuse.
    fn coalition_values(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        for bit in bits {
            values[bit] = gather(self, coalitions, bit)?.value()?;
        }
        Ok(())
    }

    /// Adds a sample of each of the coalitions at `bits` to the moments, in turn: what every player
    /// adds to the other members, whether it is one or not.
    ///
    /// # Errors
    /// What [`Coalition::add`] and [`Moments::add`] refuse. Samples before that are added.
    fn sample_coalitions(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        let mut marginals = memory::zeros::<f64>(self.players());
        for bit in bits {
            let mut coalition = gather(self, coalitions, bit)?;
            for (player, marginal) in marginals.iter_mut().enumerate() {
                *marginal = if coalitions.has(player, bit) {
                    let change = coalition.remove(player)?;
                    coalition.add(player)?;
                    -change
                } else {
                    let change = coalition.add(player)?;
                    coalition.remove(player)?;
                    change
                };
            }
            moments.add(|players, out| out.copy_from_slice(&marginals[players]))?;
        }
        Ok(())
    }
}

/// The members of the coalition at a bit.
fn gather<'a, G: Game + ?Sized>(
    game: &'a G,
    coalitions: &Coalitions,
    bit: usize,
) -> Result<Box<dyn Coalition + 'a>> {
    let mut coalition = game.empty();
    for player in coalitions.members(bit) {
        coalition.add(player)?;
    }
    Ok(coalition)
}

/// The marginal contribution of a player, unless it is none.
fn finite<G: Game + ?Sized>(marginal: f64, player: usize, game: &G) -> Result<f64> {
    if marginal.is_finite() {
        Ok(marginal)
    } else {
        Err(Error::Sample { player, sample: marginal, bound: game.bound() })
    }
}

/// A coalition that players join and leave.
pub trait Coalition {
    /// Adds a player who is not a member and returns the change of the value.
    ///
    /// # Errors
    /// Where the value of the new coalition is not defined.
    fn add(&mut self, player: usize) -> Result<f64>;

    /// Removes a member and returns the change of the value.
    ///
    /// # Errors
    /// As [`Coalition::add`].
    fn remove(&mut self, player: usize) -> Result<f64>;

    /// The value of the members together.
    ///
    /// # Errors
    /// Where it is not defined.
    fn value(&self) -> Result<f64>;
}

/// What a sample of the Shapley value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The mean of an order and its reverse, rather than an order.
    pub antithetic: bool,
    /// Less a quantity of known mean that is close to the marginal contribution, for games that
    /// have one.
    pub control_variate: bool,
}

/// Memory that one sample after another is drawn in.
#[derive(Default)]
pub struct Scratch {
    pub(crate) coalitions: Coalitions,
    pub(crate) order: Order,
    /// Ranks of the players' values, bucket by bucket.
    pub(crate) ranks: Vec<u32>,
    /// Marginal contributions of the players, bucket by bucket.
    pub(crate) marginals: Vec<f64>,
}
