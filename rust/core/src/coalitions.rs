//! Random coalitions, 64 at a time.
//!
//! A player is a member of each coalition with probability one half. One random word per player
//! says of which of 64 coalitions it is a member; the words are numbers by counter, so a coalition
//! is the same whoever draws it, and whichever others are drawn.

use crate::blocks::{self, BLOCK, Merge, merge_tree};
use crate::memory;
use crate::random::{Draw, Purpose};
use crate::simd::dispatch;

/// Coalitions drawn together: one per bit of a word.
pub const BATCH: usize = u64::BITS as usize;

/// Coalitions worked on together where each needs more memory: those of one byte of the words.
pub(crate) const GROUP: usize = u8::BITS as usize;

/// The least significant bit of every byte.
const LOW_BITS: u64 = u64::MAX / 255;

/// Words that may be counted in bytes before one could overflow.
const COUNTED: usize = 255;

/// Sixty-four coalitions.
#[derive(Debug, Default)]
pub struct Coalitions {
    words: Vec<u64>,
}

impl Coalitions {
    /// Draws coalitions `64 * sample` to `64 * sample + 63`; the memory of earlier ones is used
    /// again.
    pub fn draw(&mut self, draw: Draw, players: usize) {
        let stream = draw.stream(Purpose::Coalitions);
        memory::resize(&mut self.words, players, 0);
        blocks::map_mut(&mut self.words, |start, words| {
            let quarters = words.chunks_mut(4).zip((start / 4) as u64..);
            quarters.for_each(|(words, index)| {
                words.copy_from_slice(&stream.words(0, index)[..words.len()]);
            });
        });
    }

    /// One word per player; bit k says whether it is in coalition `64 * sample + k`.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Whether a player is in the coalition at a bit.
    #[must_use]
    pub fn has(&self, player: usize, bit: usize) -> bool {
        self.words[player] >> bit & 1 == 1
    }

    /// The members of the coalition at a bit.
    pub fn members(&self, bit: usize) -> impl Iterator<Item = usize> {
        (0..self.words.len()).filter(move |&player| self.has(player, bit))
    }
}

/// One number for each of 64 coalitions.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Lanes(pub(crate) [f64; BATCH]);

impl Lanes {
    pub(crate) const ZERO: Self = Self([0.0; BATCH]);

    /// Adds a number to the lanes of the bits that are set.
    #[inline(always)]
    pub(crate) fn add(&mut self, word: u64, value: f64) {
        for bit in 0..BATCH {
            self.0[bit] += if word >> bit & 1 == 1 { value } else { 0.0 };
        }
    }

    /// Adds to each lane how many of the words have its bit set.
    #[inline(always)]
    pub(crate) fn count(&mut self, words: &[u64]) {
        for words in words.chunks(COUNTED) {
            if let [word] = words {
                self.add(*word, 1.0);
                continue;
            }
            for shift in 0..8 {
                let bytes: u64 = words.iter().map(|word| word >> shift & LOW_BITS).sum();
                for (byte, count) in bytes.to_le_bytes().into_iter().enumerate() {
                    self.0[8 * byte + shift] += f64::from(count);
                }
            }
        }
    }
}

impl Merge for Lanes {
    fn merge(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(lane, more)| *lane += more);
        self
    }
}

/// How many of the words have each bit of a byte set.
#[inline(always)]
pub(crate) fn count_group(words: &[u64], byte: usize) -> [i64; GROUP] {
    /// Bit k in byte k.
    const DIAGONAL: u64 = 0x8040_2010_0804_0201;
    let mut counts = [0; GROUP];
    for words in words.chunks(COUNTED) {
        let bytes: u64 = words
            .iter()
            .map(|word| {
                let byte = word >> (8 * byte) & 0xFF;
                let bits = (byte * LOW_BITS) & DIAGONAL;
                // Carries into the top bit of each byte that holds a bit.
                (bits + 127 * LOW_BITS) >> 7 & LOW_BITS
            })
            .sum();
        for (count, byte) in counts.iter_mut().zip(bytes.to_le_bytes()) {
            *count += i64::from(byte);
        }
    }
    counts
}

/// Sums over the members of each coalition.
pub(crate) fn sums_of_members(words: &[u64], value: impl Fn(usize) -> f64 + Sync) -> Lanes {
    let states = blocks::map(words.len(), |players| {
        let mut sums = Lanes::ZERO;
        let mut values = [0.0; BLOCK];
        let mut first = players.start;
        for words in words[players].chunks(BLOCK) {
            // Apart from the sums, which then stay in registers.
            for (place, value_of) in values[..words.len()].iter_mut().enumerate() {
                *value_of = value(first + place);
            }
            first += words.len();
            dispatch(
                #[inline(always)]
                || {
                    for (&word, &value) in words.iter().zip(&values) {
                        sums.add(word, value);
                    }
                },
            );
        }
        sums
    });
    merge_tree(states).unwrap_or(Lanes::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sums_are_those_of_single_bits() {
        for players in [1, 2, 3, 255, 256, 700, blocks::CHUNK + 3] {
            let mut coalitions = Coalitions::default();
            coalitions.draw(Draw { seed: 5, step: 2, sample: 9 }, players);
            let words = coalitions.words();
            let mut counted = Lanes::ZERO;
            counted.count(words);
            let sums = sums_of_members(words, |player| player as f64);
            for bit in 0..BATCH {
                let members: Vec<usize> = coalitions.members(bit).collect();
                assert_eq!(counted.0[bit], members.len() as f64);
                assert_eq!(count_group(words, bit / GROUP)[bit % GROUP], members.len() as i64);
                assert_eq!(sums.0[bit], members.iter().sum::<usize>() as f64);
            }
        }
    }

    #[test]
    fn a_player_is_in_half_of_the_coalitions_and_pairs_in_a_quarter() {
        let (players, batches) = (40, 200);
        let (mut single, mut pairs) = (vec![0_u32; players], vec![0_u32; players * players]);
        let mut coalitions = Coalitions::default();
        for sample in 0..batches {
            coalitions.draw(Draw { seed: 1, step: 0, sample }, players);
            let words = coalitions.words();
            for i in 0..players {
                single[i] += words[i].count_ones();
                (0..i).for_each(|j| pairs[i * players + j] += (words[i] & words[j]).count_ones());
            }
        }
        let coalitions = (batches * BATCH as u64) as f64;
        let deviation = |count: u32, p: f64| {
            (f64::from(count) - p * coalitions).powi(2) / (coalitions * p * (1.0 - p))
        };
        // Chi-square of 40 and 780 degrees of freedom: five standard deviations about the mean.
        let singles: f64 = single.iter().map(|&count| deviation(count, 0.5)).sum();
        assert!((singles - 40.0).abs() < 5.0 * 80.0_f64.sqrt(), "{singles}");
        let of_pairs = (0..players).flat_map(|i| (0..i).map(move |j| (i, j)));
        let of_pairs: f64 = of_pairs.map(|(i, j)| deviation(pairs[i * players + j], 0.25)).sum();
        assert!((of_pairs - 780.0).abs() < 5.0 * 1_560.0_f64.sqrt(), "{of_pairs}");
    }
}
