//! Maximum sample reuse: the value of one coalition is a sample for every player, whether a member
//! or not. Source: Wang and Jia, Data Banzhaf: A Robust Data Valuation Framework (2023).
//!
//! A player's Banzhaf value is the mean value of the coalitions that hold it, less that of the
//! others. What all values have in common cancels, so they may be taken from any number.

use super::{BITS, MAX_SAMPLES, Moments};
use crate::blocks::CHUNK;
use crate::coalitions::{BATCH, GROUP};
use crate::error::{Error, Result};
use crate::memory;
use rayon::prelude::*;
use std::ops::Range;

/// How many coalitions hold each player, and the sums over all of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Reuse {
    /// Number of coalitions that hold the player.
    pub counts: Vec<u32>,
    /// Sum of the values of all coalitions, in quanta.
    pub sum: i64,
    /// Sum of their squares.
    pub square: u128,
}

/// Number, sum and sum of squares of some values, in quanta.
#[derive(Clone, Copy)]
struct Sums {
    count: u32,
    sum: i64,
    square: u128,
}

impl Sums {
    /// n times the sum of squared deviations from the mean: exact.
    fn deviations(self) -> Option<u128> {
        let square = u128::from(self.sum.unsigned_abs()).pow(2);
        (u128::from(self.count) * self.square).checked_sub(square)
    }

    /// Whether values of at most 2^42 have such sums.
    fn are_possible(self) -> bool {
        let least = u128::from(self.sum.unsigned_abs());
        let most = u128::from(self.count) << (2 * BITS);
        (least..=most).contains(&self.square) && self.deviations().is_some()
    }

    /// Squared standard error of the mean; NaN below two values.
    fn error(self) -> f64 {
        let count = f64::from(self.count);
        match self.deviations() {
            Some(deviations) if self.count > 1 => {
                deviations as f64 / (count * count * (count - 1.0))
            }
            _ => f64::NAN,
        }
    }
}

impl Clone for Reuse {
    fn clone(&self) -> Self {
        Self { counts: memory::collect(self.counts.iter().copied()), ..*self }
    }
}

impl Reuse {
    pub(super) fn new(players: usize) -> Self {
        Self { counts: memory::zeros(players), sum: 0, square: 0 }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum += other.sum;
        self.square += other.square;
    }
}

/// The sums over every subset of the coalitions of a byte of the words.
struct Subsets {
    sums: Vec<[i64; 1 << GROUP]>,
    squares: Vec<[u128; 1 << GROUP]>,
}

impl Subsets {
    fn new(units: &[i64; BATCH]) -> Self {
        let mut sums = vec![[0; 1 << GROUP]; BATCH / GROUP];
        let mut squares = vec![[0; 1 << GROUP]; BATCH / GROUP];
        for (byte, units) in units.chunks_exact(GROUP).enumerate() {
            for subset in 1..1_usize << GROUP {
                let unit = units[subset.trailing_zeros() as usize];
                let rest = subset & (subset - 1);
                sums[byte][subset] = sums[byte][rest] + unit;
                squares[byte][subset] =
                    squares[byte][rest] + u128::from(unit.unsigned_abs()).pow(2);
            }
        }
        Self { sums, squares }
    }

    #[inline(always)]
    fn of(&self, word: u64) -> Sums {
        let (mut sum, mut square) = (0, 0);
        for (byte, subset) in word.to_le_bytes().into_iter().enumerate() {
            sum += self.sums[byte][usize::from(subset)];
            square += self.squares[byte][usize::from(subset)];
        }
        Sums { count: word.count_ones(), sum, square }
    }
}

impl Moments {
    /// No values of coalitions of `players` players yet, each to be of at most `bound` in magnitude.
    ///
    /// # Errors
    /// [`Error::Bound`] as for [`Moments::new`].
    pub fn of_reused(players: usize, bound: f64) -> Result<Self> {
        Ok(Self { reuse: Some(Reuse::new(players)), ..Self::new(players, bound)? })
    }

    /// The same moments, as those of values of coalitions.
    ///
    /// # Errors
    /// [`Error::Moments`] where no values have such moments.
    pub fn with_reuse(self, reuse: Reuse) -> Result<Self> {
        let moments = Self { reuse: None, ..self };
        let (players, samples) = (moments.players(), moments.samples);
        let impossible = Error::Moments { players, samples };
        let count = u32::try_from(samples).map_err(|_| impossible.clone())?;
        let all = Sums { count, sum: reuse.sum, square: reuse.square };
        let possible = |player: usize| {
            let inside = moments.inside(&reuse, player);
            let outside = outside(all, inside);
            inside.are_possible() && outside.is_some_and(Sums::are_possible)
        };
        if reuse.counts.len() == players && all.are_possible() && (0..players).all(possible) {
            Ok(Self { reuse: Some(reuse), ..moments })
        } else {
            Err(impossible)
        }
    }

    /// What is kept besides the sums where samples are values of coalitions.
    #[must_use]
    pub fn reuse(&self) -> Option<&Reuse> {
        self.reuse.as_ref()
    }

    /// Adds the values of the coalitions of `bits`, less a number that is the same for all. Bit k of
    /// a player's word says whether it is in coalition k.
    ///
    /// # Errors
    /// [`Error::CoalitionValue`] where one is NaN or beyond the bound, [`Error::TooManySamples`].
    /// The moments then stay as they were.
    pub fn add_reused(
        &mut self,
        words: &[u64],
        bits: Range<usize>,
        values: &[f64; BATCH],
    ) -> Result<()> {
        let samples = self.samples + bits.len() as u64;
        if samples > MAX_SAMPLES {
            return Err(Error::TooManySamples { samples, most: MAX_SAMPLES });
        }
        let (mut units, mut mask) = ([0; BATCH], 0);
        for bit in bits {
            let (value, bound) = (values[bit], self.bound);
            if value.abs() > bound || value.is_nan() {
                return Err(Error::CoalitionValue { value, bound });
            }
            units[bit] = (value / self.quantum).round_ties_even() as i64;
            mask |= 1 << bit;
        }
        let subsets = Subsets::new(&units);
        let Some(reuse) = &mut self.reuse else { return Ok(()) };
        let all = subsets.of(mask);
        reuse.sum += all.sum;
        reuse.square += all.square;
        self.samples = samples;
        let add = |(((words, counts), sums), squares): Chunk<'_>| {
            let players = words.iter().zip(counts).zip(sums).zip(squares);
            for (((word, count), sum), square) in players {
                let held = subsets.of(word & mask);
                *count += held.count;
                *sum += held.sum;
                *square += held.square;
            }
        };
        let (counts, sums, squares) = (&mut reuse.counts, &mut self.sums, &mut self.squares);
        if words.len() <= CHUNK {
            add((((words, counts), sums), squares));
            return Ok(());
        }
        let chunks = words.par_chunks(CHUNK).zip(counts.par_chunks_mut(CHUNK));
        let chunks = chunks.zip(sums.par_chunks_mut(CHUNK)).zip(squares.par_chunks_mut(CHUNK));
        chunks.for_each(add);
        Ok(())
    }

    fn inside(&self, reuse: &Reuse, player: usize) -> Sums {
        let (sum, square) = (self.sums[player], self.squares[player]);
        Sums { count: reuse.counts[player], sum, square }
    }

    /// Mean of the values of the coalitions that hold a player, less that of the others, and its
    /// standard error.
    pub(super) fn difference(&self, reuse: &Reuse, player: usize) -> (f64, f64) {
        let all = Sums { count: self.samples as u32, sum: reuse.sum, square: reuse.square };
        let inside = self.inside(reuse, player);
        let Some(outside) = outside(all, inside) else { return (f64::NAN, f64::NAN) };
        let (with, without) = (i128::from(inside.count), i128::from(outside.count));
        // Exact: sums of 62 bits times numbers of 20.
        let difference = i128::from(inside.sum) * without - i128::from(outside.sum) * with;
        let mean = difference as f64 / (with * without) as f64 * self.quantum;
        (mean, (inside.error() + outside.error()).sqrt() * self.quantum)
    }
}

/// Words, counts, sums and squares of a chunk of players.
type Chunk<'a> = (((&'a [u64], &'a mut [u32]), &'a mut [i64]), &'a mut [u128]);

/// The sums over the coalitions that do not hold a player.
fn outside(all: Sums, inside: Sums) -> Option<Sums> {
    Some(Sums {
        count: all.count.checked_sub(inside.count)?,
        sum: all.sum.checked_sub(inside.sum)?,
        square: all.square.checked_sub(inside.square)?,
    })
}
