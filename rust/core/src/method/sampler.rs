//! Sampled values: samples are drawn a few at a time, until whoever draws them has enough.
//!
//! A sample is told apart by seed and number, and moments are sums of integers: drawing samples
//! 0 to 30 at once, in two runs, or on two machines and merging gives the same bits.

use crate::abandon::{Watched, caught};
use crate::blocks::CHUNK;
use crate::coalitions::{BATCH, Coalitions};
use crate::error::{Error, Result};
use crate::game::{Game, Orders, Scratch};
use crate::moments::{MAX_SAMPLES, Moments, Spread};
use crate::random::Draw;
use crate::real::Real;
use rayon::prelude::*;
use std::ops::Range;

/// The rounding of a coalition's value, relative to the largest there is.
const ROUNDING: f64 = 1e-12;

/// What is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The Shapley value, from marginal contributions in random orders. A sample is an order, or an
    /// order and its reverse.
    Orders(Orders),
    /// The Banzhaf value, from random coalitions. A sample is a coalition: what every player adds to
    /// its other members or, where values are reused, the coalition's value.
    Coalitions {
        /// Whether the value of a coalition serves all players.
        reuse: bool,
    },
}

/// Samples that were drawn with one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The seed.
    pub seed: u64,
    /// Their numbers.
    pub samples: Range<u64>,
}

/// Draws samples of a game and keeps their moments. Takes 24 bytes per player, and as much per
/// thread where samples are drawn side by side.
pub struct Sampler {
    game: Box<dyn Game>,
    plan: Plan,
    seed: u64,
    step: u32,
    values: [f64; 2],
    /// The middle of the values of all coalitions, from which they are taken.
    middle: f64,
    moments: Moments,
    /// Ascending by seed and number, of which none touch.
    drawn: Vec<Drawn>,
    scratch: Scratch,
}

impl Sampler {
    /// A sampler without samples yet. `step` is the index of the step that the game is made of.
    ///
    /// # Errors
    /// What the game's values and bounds refuse.
    pub fn new(game: Box<dyn Game>, plan: Plan, seed: u64, step: u32) -> Result<Self> {
        let values = [game.value()?, game.baseline_value()?];
        let players = game.players();
        let mut middle = 0.0;
        let moments = match plan {
            Plan::Orders(orders) => Moments::new(players, game.order_bound(orders)?)?,
            Plan::Coalitions { reuse: false } => Moments::new(players, game.coalition_bound()?)?,
            Plan::Coalitions { reuse: true } => {
                let [low, high] = game.range()?;
                middle = 0.5 * low + 0.5 * high;
                // Values are rounded, also those of a game that has only one.
                let slack = ROUNDING * low.abs().max(high.abs());
                Moments::of_reused(players, (0.5 * high - 0.5 * low).max(0.0) + slack)?
            }
        };
        let scratch = Scratch::default();
        Ok(Self { game, plan, seed, step, values, middle, moments, drawn: Vec::new(), scratch })
    }

    /// Takes in the samples that an earlier sampler of the same game drew.
    ///
    /// # Errors
    /// As [`Sampler::merge`].
    pub fn resume(&mut self, moments: &Moments, drawn: &[Drawn]) -> Result<()> {
        let mut all = self.drawn.clone();
        drawn.iter().try_for_each(|drawn| include(&mut all, drawn.clone()))?;
        let samples: u64 = drawn.iter().map(|drawn| drawn.samples.end - drawn.samples.start).sum();
        if samples != moments.samples() {
            return Err(Error::Moments { players: moments.players(), samples });
        }
        self.moments.merge(moments)?;
        self.drawn = all;
        Ok(())
    }

    /// Takes in the samples of another sampler of the same game, drawn with another seed or of
    /// other numbers.
    ///
    /// # Errors
    /// [`Error::OtherGame`], [`Error::SampleDrawn`], [`Error::TooManySamples`]. The sampler then
    /// stays as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let differs = |what| Err(Error::OtherGame { what });
        if self.plan != other.plan {
            return differs("plan");
        }
        if self.step != other.step {
            return differs("step");
        }
        if self.values.map(f64::to_bits) != other.values.map(f64::to_bits) {
            return differs("value");
        }
        self.resume(&other.moments, &other.drawn)
    }

    /// Draws samples. Parallel where `samples` times players exceed one chunk.
    ///
    /// # Errors
    /// [`Error::SampleDrawn`], [`Error::TooManySamples`], and what the game refuses: then the
    /// samples before the one in question may have been added, and are counted.
    pub fn run(&mut self, samples: Range<u64>) -> Result<()> {
        let count = samples.end.saturating_sub(samples.start);
        if count == 0 {
            return Ok(());
        }
        let drawn = Drawn { seed: self.seed, samples: samples.clone() };
        include(&mut self.drawn.clone(), drawn)?;
        let total = self.moments.samples().saturating_add(count);
        if total > MAX_SAMPLES {
            return Err(Error::TooManySamples { samples: total, most: MAX_SAMPLES });
        }
        let small = self.moments.players() as u64 * count <= CHUNK as u64;
        if self.game.is_parallel() || small || count == 1 {
            return self.run_in_turn(samples);
        }
        let pieces = (rayon::current_num_threads() as u64).min(count);
        // Coalitions that are drawn together stay together.
        let unit = self.together();
        let end = |piece: u64| {
            let end = samples.start + (u128::from(count * piece) / u128::from(pieces)) as u64;
            if piece == pieces { end } else { (end / unit * unit).max(samples.start) }
        };
        // Half of them would be lost: whoever wants to stop in between asks for fewer at a time.
        let moments: Vec<Result<Moments>> = Watched::by_nobody().over(|| {
            let pieces = (0..pieces).into_par_iter().map(|piece| {
                let mut moments = self.moments.emptied();
                let mut scratch = Scratch::default();
                self.sample(end(piece)..end(piece + 1), &mut scratch, &mut moments)?;
                Ok(moments)
            });
            pieces.collect()
        });
        for moments in moments.into_iter().collect::<Result<Vec<_>>>()? {
            self.moments.merge(&moments)?;
        }
        include(&mut self.drawn, Drawn { seed: self.seed, samples })
    }

    fn run_in_turn(&mut self, samples: Range<u64>) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut moments = std::mem::replace(&mut self.moments, Moments::new(0, 0.0)?);
        let before = moments.samples();
        // The samples so far outlast what ends in want of memory.
        let result = caught(|| self.sample(samples.clone(), &mut scratch, &mut moments));
        (self.scratch, self.moments) = (scratch, moments);
        let end = samples.start + (self.moments.samples() - before);
        if end > samples.start {
            include(&mut self.drawn, Drawn { seed: self.seed, samples: samples.start..end })?;
        }
        result
    }

    /// Number of samples that are drawn at once.
    fn together(&self) -> u64 {
        match self.plan {
            Plan::Orders(_) => 1,
            Plan::Coalitions { .. } => BATCH as u64,
        }
    }

    /// Adds samples to the moments, in turn.
    fn sample(
        &self,
        mut samples: Range<u64>,
        scratch: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        let unit = self.together();
        while !samples.is_empty() {
            let batch = samples.start / unit;
            let draw = Draw { seed: self.seed, step: self.step, sample: batch };
            let end = samples.end.min((batch + 1).saturating_mul(unit));
            match self.plan {
                Plan::Orders(orders) => self.game.sample_order(draw, orders, scratch, moments)?,
                Plan::Coalitions { reuse } => {
                    let bits = (samples.start % unit) as usize..(end - batch * unit) as usize;
                    self.coalitions(draw, bits, reuse, &mut scratch.coalitions, moments)?;
                }
            }
            samples.start = end;
        }
        Ok(())
    }

    fn coalitions(
        &self,
        draw: Draw,
        bits: Range<usize>,
        reuse: bool,
        coalitions: &mut Coalitions,
        moments: &mut Moments,
    ) -> Result<()> {
        coalitions.draw(draw, self.game.players());
        if !reuse {
            return self.game.sample_coalitions(coalitions, bits, moments);
        }
        let mut values = [0.0; BATCH];
        self.game.coalition_values(coalitions, bits.clone(), &mut values)?;
        values.iter_mut().for_each(|value| *value -= self.middle);
        moments.add_reused(coalitions.words(), bits, &values)
    }

    /// Writes every player's estimate and its standard error: NaN without samples, and below two.
    ///
    /// # Errors
    /// [`Error::Shape`] where either has not one number per player.
    pub fn estimate<T: Real>(&self, values: &mut [T], errors: &mut [T]) -> Result<()> {
        let wanted = self.moments.players();
        for got in [values.len(), errors.len()] {
            if got != wanted {
                return Err(Error::Shape { argument: "out", what: "players", got, wanted });
            }
        }
        for (player, (value, error)) in values.iter_mut().zip(errors).enumerate() {
            let (mean, standard_error) = self.moments.estimate(player);
            (*value, *error) = (T::from_f64(mean), T::from_f64(standard_error));
        }
        Ok(())
    }

    /// Estimates and standard errors at a glance.
    #[must_use]
    pub fn spread(&self) -> Spread {
        self.moments.spread()
    }

    /// Value of the game of all players.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.values[0]
    }

    /// Value of the empty coalition.
    #[must_use]
    pub fn baseline_value(&self) -> f64 {
        self.values[1]
    }

    /// Moments of the samples drawn so far; with [`Sampler::drawn`], all there is to keep for
    /// [`Sampler::resume`].
    #[must_use]
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The samples drawn so far.
    #[must_use]
    pub fn drawn(&self) -> &[Drawn] {
        &self.drawn
    }
}

/// Adds samples to those drawn, joining those that touch.
fn include(all: &mut Vec<Drawn>, mut new: Drawn) -> Result<()> {
    let overlaps = |old: &&Drawn| {
        old.seed == new.seed
            && old.samples.start < new.samples.end
            && new.samples.start < old.samples.end
    };
    if let Some(old) = all.iter().find(overlaps) {
        let sample = old.samples.start.max(new.samples.start);
        return Err(Error::SampleDrawn { seed: new.seed, sample });
    }
    all.retain(|old| {
        let touches = old.seed == new.seed
            && (old.samples.end == new.samples.start || new.samples.end == old.samples.start);
        if touches {
            let (start, end) = (old.samples.start, old.samples.end);
            new.samples = new.samples.start.min(start)..new.samples.end.max(end);
        }
        !touches
    });
    let key = |drawn: &Drawn| (drawn.seed, drawn.samples.start);
    let place = all.partition_point(|old| key(old) < key(&new));
    all.insert(place, new);
    Ok(())
}
