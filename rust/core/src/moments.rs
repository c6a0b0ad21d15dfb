//! Sums of samples per player in fixed point.
//!
//! Integers add up to the same in any order, so samples may be drawn by any thread, in several
//! runs, on several machines: their moments are the same bits once all are merged.

mod bytes;
mod reuse;

use crate::abandon::look;
use crate::blocks::{self, BLOCK, CHUNK, Merge, merge_tree};
use crate::buffer::Buffer;
use crate::coalitions::GROUP;
use crate::error::{Error, Result};
use crate::memory;
use crate::simd::dispatch;
use rayon::prelude::*;
use std::ops::Range;

pub use reuse::Reuse;

/// A sample is at most 2^42 units of the quantum.
const BITS: i32 = 42;

/// Samples that can be added up: a sum stays below 2^62, and the product of the number of samples
/// with the sum of their squares below 2^124.
pub const MAX_SAMPLES: u64 = 1 << 20;

/// Adding it to a number below 2^51 rounds that to an integer, the difference of the bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// Smallest exponent of a bound other than 0: the reciprocals of smaller quanta leave the range of
/// f64.
const MIN_EXPONENT: i32 = -950;

/// Number, sums and sums of squares of the samples of every player.
#[derive(Debug, PartialEq)]
pub struct Moments {
    bound: f64,
    quantum: f64,
    samples: u64,
    sums: Vec<i64>,
    squares: Vec<u128>,
    /// Where samples are values of coalitions: the sums above are over those that hold the player.
    reuse: Option<Reuse>,
}

/// Means and standard errors of all players at a glance: what a rule for stopping looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Smallest mean.
    pub min: f64,
    /// Largest mean.
    pub max: f64,
    /// Largest standard error; NaN where one is not known, below two samples.
    pub error: f64,
}

impl Merge for Spread {
    fn merge(self, other: Self) -> Self {
        let error =
            if other.error > self.error || other.error.is_nan() { other.error } else { self.error };
        Self { min: self.min.min(other.min), max: self.max.max(other.max), error }
    }
}

/// The unit for samples of at most `bound`: a power of two, and what a sample may be in units of it.
fn quantum(bound: f64) -> f64 {
    let mut exponent = MIN_EXPONENT;
    if bound > 2.0_f64.powi(MIN_EXPONENT) {
        exponent = bound.log2().ceil() as i32;
        // The logarithm may be off by its last bit; 2^1024 is out of range, its quantum is not.
        if exponent < f64::MAX_EXP && 2.0_f64.powi(exponent) < bound {
            exponent += 1;
        }
    }
    2.0_f64.powi(exponent - BITS)
}

/// Whether all samples are within the bound; NaN is not.
fn fit(samples: &[f64], per_unit: f64) -> bool {
    let limit = 2.0_f64.powi(BITS) + 0.5;
    dispatch(
        #[inline(always)]
        || samples.iter().fold(true, |fit, sample| fit & ((sample * per_unit).abs() < limit)),
    )
}

fn add(sample: &[f64], per_unit: f64, sign: i64, sums: &mut [i64], squares: &mut [u128]) {
    let mut units = [0_i64; BLOCK];
    let parts = sums.chunks_mut(BLOCK).zip(squares.chunks_mut(BLOCK));
    for (sample, (sums, squares)) in sample.chunks(BLOCK).zip(parts) {
        dispatch(
            #[inline(always)]
            || {
                for (unit, sample) in units.iter_mut().zip(sample) {
                    let rounded = sample * per_unit + MAGIC;
                    *unit = (rounded.to_bits() as i64).wrapping_sub(MAGIC.to_bits() as i64);
                }
                for (sum, unit) in sums.iter_mut().zip(&units) {
                    *sum += sign * unit;
                }
            },
        );
        for (square, unit) in squares.iter_mut().zip(&units) {
            let unit = u128::from(unit.unsigned_abs());
            *square = if sign > 0 { *square + unit * unit } else { *square - unit * unit };
        }
    }
}

impl Clone for Moments {
    fn clone(&self) -> Self {
        let sums = memory::collect(self.sums.iter().copied());
        let squares = memory::collect(self.squares.iter().copied());
        Self { sums, squares, reuse: self.reuse.clone(), ..*self }
    }
}

impl Moments {
    /// No samples of `players` players yet, each to be of at most `bound` in magnitude.
    ///
    /// # Errors
    /// [`Error::Bound`] where that is no finite number, or one too small to be divided.
    pub fn new(players: usize, bound: f64) -> Result<Self> {
        if bound != 0.0 && !(bound.is_finite() && bound >= 2.0_f64.powi(MIN_EXPONENT)) {
            return Err(Error::Bound { bound });
        }
        let (sums, squares) = (memory::zeros(players), memory::zeros(players));
        Ok(Self { bound, quantum: quantum(bound), samples: 0, sums, squares, reuse: None })
    }

    /// Moments as [`Moments::sums`] and [`Moments::squares`] gave them.
    ///
    /// # Errors
    /// [`Error::Moments`] where no samples have such moments, and as [`Moments::new`].
    pub fn from_parts(
        bound: f64,
        samples: u64,
        sums: Vec<i64>,
        squares: Vec<u128>,
    ) -> Result<Self> {
        let empty = Self::new(0, bound)?;
        let possible = |(sum, square): (&i64, &u128)| {
            let (sum, count) = (u128::from(sum.unsigned_abs()), u128::from(samples));
            let fit = *square <= count << (2 * BITS) && *square >= sum;
            fit && count * square >= sum * sum
        };
        let fit = samples <= MAX_SAMPLES && sums.len() == squares.len();
        if !fit || !sums.iter().zip(&squares).all(possible) {
            return Err(Error::Moments { players: sums.len(), samples });
        }
        Ok(Self { samples, sums, squares, ..empty })
    }

    /// No samples yet of the same players and bound.
    pub(crate) fn emptied(&self) -> Self {
        let players = self.players();
        let (sums, squares) = (memory::zeros(players), memory::zeros(players));
        let reuse = self.reuse.as_ref().map(|_| Reuse::new(players));
        Self { samples: 0, sums, squares, reuse, ..*self }
    }

    /// Number of players.
    #[must_use]
    pub fn players(&self) -> usize {
        self.sums.len()
    }

    /// Number of samples of each player.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// What a sample may be at most.
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// The unit of the sums, a power of two; the squares are in units of its square.
    #[must_use]
    pub fn quantum(&self) -> f64 {
        self.quantum
    }

    /// Sum of the samples of every player.
    #[must_use]
    pub fn sums(&self) -> &[i64] {
        &self.sums
    }

    /// Sum of their squares.
    #[must_use]
    pub fn squares(&self) -> &[u128] {
        &self.squares
    }

    /// Adds one sample of every player. `fill` writes those of a chunk of players, and is called
    /// from several threads where there is more than one chunk.
    ///
    /// # Errors
    /// [`Error::Sample`] where one is NaN or beyond the bound, [`Error::TooManySamples`]. The
    /// moments then stay as they were.
    pub fn add(&mut self, fill: impl Fn(Range<usize>, &mut [f64]) + Sync) -> Result<()> {
        self.absorb(1, CHUNK, |players, out| {
            fill(players, out);
            Ok(())
        })
    }

    /// Adds `count` samples of every player. `fill` writes those of a block of players, sample
    /// after sample, and is called from several threads where there is more than one chunk.
    ///
    /// # Errors
    /// As [`Moments::add`], and what `fill` refuses.
    pub(crate) fn add_many(
        &mut self,
        count: usize,
        fill: impl Fn(Range<usize>, &mut [f64]) -> Result<()> + Sync,
    ) -> Result<()> {
        self.absorb(count, BLOCK, fill)
    }

    /// As [`Moments::add_many`], of one sample per bit. They are added a few at a time, and the work
    /// may be given up in between: those before that are added, and counted.
    pub(crate) fn add_in_turn(
        &mut self,
        bits: Range<usize>,
        fill: impl Fn(Range<usize>, Range<usize>, &mut [f64]) -> Result<()> + Sync,
    ) -> Result<()> {
        for start in bits.clone().step_by(GROUP) {
            look();
            let some = start..bits.end.min(start + GROUP);
            self.add_many(some.len(), |players, out| fill(some.clone(), players, out))?;
        }
        Ok(())
    }

    /// Adds `count` samples of every player, which `fill` writes for `piece` players at a time.
    fn absorb(
        &mut self,
        count: usize,
        piece: usize,
        fill: impl Fn(Range<usize>, &mut [f64]) -> Result<()> + Sync,
    ) -> Result<()> {
        let samples = self.samples + count as u64;
        if samples > MAX_SAMPLES {
            return Err(Error::TooManySamples { samples, most: MAX_SAMPLES });
        }
        let (bound, per_unit) = (self.bound, 1.0 / self.quantum);
        let rows = |players: Range<usize>, buffer: &mut Buffer| {
            let length = players.len();
            let rows = &mut buffer[..count * length];
            fill(players.clone(), rows)?;
            let fits = |sample: &f64| fit(std::slice::from_ref(sample), per_unit);
            if !fit(rows, per_unit)
                && let Some(place) = rows.iter().position(|sample| !fits(sample))
            {
                let player = players.start + place % length;
                return Err(Error::Sample { player, sample: rows[place], bound });
            }
            Ok(())
        };
        // Works on one piece after another, and returns how many were done before one was refused.
        let work = |start: usize, sums: &mut [i64], squares: &mut [u128], pieces, sign| {
            let mut buffer = Buffer::of(count * piece.min(sums.len()));
            let parts = sums.chunks_mut(piece).zip(squares.chunks_mut(piece));
            for (index, (sums, squares)) in parts.take(pieces).enumerate() {
                let first = start + index * piece;
                if let Err(error) = rows(first..first + sums.len(), &mut buffer) {
                    return (index, Some(error));
                }
                for row in buffer[..count * sums.len()].chunks(sums.len()) {
                    add(row, per_unit, sign, sums, squares);
                }
            }
            (pieces, None)
        };
        let mut added =
            self.for_each_chunk(|start, sums, squares| work(start, sums, squares, usize::MAX, 1));
        let Some(error) = added.iter_mut().find_map(|(_, error)| error.take()) else {
            self.samples = samples;
            return Ok(());
        };
        self.for_each_chunk(|start, sums, squares| {
            work(start, sums, squares, added[start / CHUNK].0, -1)
        });
        Err(error)
    }

    /// One result per chunk of players, in order.
    fn for_each_chunk<R: Send>(
        &mut self,
        work: impl Fn(usize, &mut [i64], &mut [u128]) -> R + Sync,
    ) -> Vec<R> {
        if self.sums.len() <= CHUNK {
            return vec![work(0, &mut self.sums, &mut self.squares)];
        }
        let parts = self.sums.par_chunks_mut(CHUNK).zip(self.squares.par_chunks_mut(CHUNK));
        let work = |(chunk, (sums, squares)): (usize, (&mut [i64], &mut [u128]))| {
            work(chunk * CHUNK, sums, squares)
        };
        parts.enumerate().map(work).collect()
    }

    /// Takes in the samples of other moments.
    ///
    /// # Errors
    /// [`Error::OtherMoments`] where players or quantum differ, [`Error::TooManySamples`]. The
    /// moments then stay as they were.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let samples = self.samples + other.samples;
        let alike = self.reuse.is_some() == other.reuse.is_some();
        if self.players() != other.players() || self.quantum != other.quantum || !alike {
            return Err(Error::OtherMoments {
                got: (other.players(), other.quantum),
                wanted: (self.players(), self.quantum),
            });
        }
        if samples > MAX_SAMPLES {
            return Err(Error::TooManySamples { samples, most: MAX_SAMPLES });
        }
        if let (Some(reuse), Some(more)) = (&mut self.reuse, &other.reuse) {
            reuse.merge(more);
        }
        self.samples = samples;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        self.squares.iter_mut().zip(&other.squares).for_each(|(square, more)| *square += more);
        Ok(())
    }

    /// Mean of a player's samples and its standard error; NaN below one and two samples. Where
    /// samples are values of coalitions, the mean of those that hold the player, less that of the
    /// others: NaN where there are none of either, its standard error where there is only one.
    #[must_use]
    pub fn estimate(&self, player: usize) -> (f64, f64) {
        if let Some(reuse) = &self.reuse {
            return self.difference(reuse, player);
        }
        let (sum, count) = (self.sums[player], self.samples as f64);
        let mean = sum as f64 / count * self.quantum;
        if self.samples < 2 {
            return (mean, f64::NAN);
        }
        let square = u128::from(sum.unsigned_abs()).pow(2);
        // Exact: n times the sum of squared deviations.
        let deviations = u128::from(self.samples) * self.squares[player] - square;
        (mean, (deviations as f64 / (count - 1.0)).sqrt() / count * self.quantum)
    }

    /// [`Moments::estimate`] of every player: means, and standard errors.
    #[must_use]
    pub fn estimates(&self) -> (Vec<f64>, Vec<f64>) {
        let [mut means, mut errors] = [(); 2].map(|()| memory::zeros(self.players()));
        let fill = |(chunk, (means, errors)): (usize, (&mut [f64], &mut [f64]))| {
            for (offset, (mean, error)) in means.iter_mut().zip(errors).enumerate() {
                (*mean, *error) = self.estimate(chunk * CHUNK + offset);
            }
        };
        if self.players() <= CHUNK {
            fill((0, (&mut means, &mut errors)));
        } else {
            let parts = means.par_chunks_mut(CHUNK).zip(errors.par_chunks_mut(CHUNK));
            parts.enumerate().for_each(fill);
        }
        (means, errors)
    }

    /// The means and standard errors of all players at a glance.
    #[must_use]
    pub fn spread(&self) -> Spread {
        let spreads = blocks::map(self.players(), |players| {
            let spreads = players.map(|player| {
                let (mean, error) = self.estimate(player);
                Spread { min: mean, max: mean, error }
            });
            spreads.reduce(Spread::merge)
        });
        let none = Spread { min: f64::NAN, max: f64::NAN, error: f64::NAN };
        merge_tree(spreads.into_iter().flatten().collect()).unwrap_or(none)
    }
}
