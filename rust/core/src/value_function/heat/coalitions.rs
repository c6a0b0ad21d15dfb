//! Sampled coalitions of the heat: the means of a coalition are those of nobody and the members'
//! parts of them, and without a player that player's part less.

use super::block::Block;
use super::game::HeatGame;
use super::heat;
use crate::blocks::BLOCK;
use crate::coalitions::{BATCH, Lanes, sums_of_members};
use crate::double::Double;
use crate::error::{Error, Result};
use crate::moments::Moments;
use crate::simd::dispatch;
use std::ops::Range;

impl HeatGame {
    /// The means of every feature in the coalitions.
    fn means(&self, words: &[u64]) -> Vec<Lanes> {
        let d = self.start.len();
        let means = self.start.iter().enumerate().map(|(k, start)| {
            let mut means = sums_of_members(words, |player| self.payload[player * d + k]);
            means.0.iter_mut().for_each(|mean| *mean += start);
            means
        });
        means.collect()
    }

    pub(super) fn values_of(
        &self,
        words: &[u64],
        bits: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        let means = self.means(words);
        for bit in bits {
            let means: Vec<Double> = means.iter().map(|lanes| Double::new(lanes.0[bit])).collect();
            values[bit] = heat(&means, 1.0).map_err(|error| {
                error.in_coalition(words.iter().filter(|word| *word >> bit & 1 == 1).count())
            })?;
        }
        Ok(())
    }

    /// Adds to the moments what every player adds to the coalitions at `bits`.
    pub(super) fn marginals_to(
        &self,
        words: &[u64],
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        let d = self.start.len();
        let means = self.means(words);
        moments.add_in_turn(bits, |bits, players, out| {
            let length = players.len();
            let mut block = Block::of(d);
            let mut marginals = [0.0; BLOCK];
            let rows = self.payload[players.start * d..players.end * d].chunks_exact(d);
            for (place, row) in rows.enumerate() {
                for (parts, &part) in block.parts.iter_mut().zip(row) {
                    parts[place] = part;
                }
            }
            let words_of = &words[players.clone()];
            for (row, bit) in out.chunks_exact_mut(length).zip(bits.clone()) {
                let columns = block.means.iter_mut().zip(&block.parts).zip(&means);
                for ((before, parts), means) in columns {
                    let mean = means.0[bit];
                    dispatch(
                        #[inline(always)]
                        || {
                            for ((before, part), word) in before.iter_mut().zip(parts).zip(words_of)
                            {
                                let own = if word >> bit & 1 == 1 { *part } else { 0.0 };
                                *before = mean - own;
                            }
                        },
                    );
                }
                block.marginals(length, &mut marginals).map_err(|(place, product)| {
                    let player = players.start + place;
                    let others = words
                        .iter()
                        .enumerate()
                        .filter(|(other, word)| *other != player && *word >> bit & 1 == 1);
                    Error::HeatDomainOfCoalition { product, members: others.count() + 1 }
                })?;
                row.copy_from_slice(&marginals[..length]);
            }
            Ok(())
        })
    }
}
