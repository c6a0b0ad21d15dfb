//! Sampled coalitions of the variance: with `A_i = D_i (M_i + (sum D) / n) / n`, and S the sum of D
//! over the members, `v(C) = v(nobody) + (sum of A over the members) - (S/n)^2`.

use super::game::VarianceGame;
use crate::blocks::{self, BLOCK, merge_tree};
use crate::coalitions::{BATCH, Lanes, sums_of_members};
use crate::error::Result;
use crate::game::Game;
use crate::moments::Moments;
use crate::simd::dispatch;
use std::ops::Range;

impl VarianceGame {
    #[inline(always)]
    fn terms_of(&self, player: usize) -> (f64, f64) {
        self.terms(&self.payload[player * self.width..][..self.width])
    }

    /// A of a player.
    #[inline(always)]
    fn alone(&self, (difference, middle): (f64, f64)) -> f64 {
        difference * self.share * (middle + self.total * self.share)
    }

    /// A number that no coalition's value exceeds.
    pub(super) fn highest(&self) -> f64 {
        let sums = blocks::map(self.players(), |players| {
            players.map(|player| self.alone(self.terms_of(player)).max(0.0)).sum::<f64>()
        });
        self.baseline_value + merge_tree(sums).unwrap_or(0.0)
    }

    /// Sums of D over the members.
    fn differences(&self, words: &[u64]) -> Lanes {
        sums_of_members(words, |player| self.terms_of(player).0)
    }

    pub(super) fn values_of(&self, words: &[u64], bits: Range<usize>, values: &mut [f64; BATCH]) {
        let alone = sums_of_members(words, |player| self.alone(self.terms_of(player)));
        let differences = self.differences(words);
        for bit in bits {
            let mean = differences.0[bit] * self.share;
            values[bit] = self.baseline_value + alone.0[bit] - mean * mean;
        }
    }

    /// Adds to the moments what every player adds to the coalitions at `bits`.
    pub(super) fn marginals_to(
        &self,
        words: &[u64],
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        let sums = self.differences(words);
        moments.add_in_turn(bits, |bits, players, out| {
            let (mut differences, mut middles) = ([0.0; BLOCK], [0.0; BLOCK]);
            for (place, player) in players.clone().enumerate() {
                (differences[place], middles[place]) = self.terms_of(player);
            }
            let words = &words[players];
            for (row, bit) in out.chunks_exact_mut(words.len()).zip(bits.clone()) {
                let sum = sums.0[bit];
                dispatch(
                    #[inline(always)]
                    || {
                        for ((out, word), terms) in
                            row.iter_mut().zip(words).zip(differences.iter().zip(&middles))
                        {
                            let (&difference, &middle) = terms;
                            let own = if word >> bit & 1 == 1 { difference } else { 0.0 };
                            *out = self.marginal((difference, middle), sum - own);
                        }
                    },
                );
            }
            Ok(())
        })
    }
}
