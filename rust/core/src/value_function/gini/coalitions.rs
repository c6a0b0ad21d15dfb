//! Sampled coalitions of the game of the Gini mean difference.
//!
//! With all values by rank, `sum_{i<j} |c_i - c_j|` is the sum over the gaps between neighbouring
//! values of the gap times the number of values below times the number above: one pass over the
//! players' words in the order of their values serves 64 coalitions. The sum of the distances from
//! a value to all others follows from the number and the sum of the values below, so a table of it
//! by rank gives every player's marginal contribution by two look-ups.

use super::game::GiniGame;
use super::values::Baselines;
use crate::abandon::Watched;
use crate::blocks::{self, CHUNK, Merge, merge_tree};
use crate::coalitions::{BATCH, GROUP, Lanes, count_group};
use crate::error::Result;
use crate::memory;
use crate::moments::Moments;
use crate::simd::dispatch;
use rayon::prelude::*;
use std::ops::Range;

/// The words of 64 coalitions in the order of the values. A bit says whether a value is taken by
/// its player, who is a member, or for a baseline, who is none.
pub(super) struct Taken<'a> {
    game: &'a GiniGame,
    words: Vec<u64>,
    /// Per chunk of the words, how many values are taken up to it.
    before: Vec<Lanes>,
    /// Players outside each coalition, where they all stand at zero.
    outside: Lanes,
}

impl<'a> Taken<'a> {
    pub(super) fn new(game: &'a GiniGame, of_players: &[u64]) -> Self {
        let mut words = memory::zeros(game.order.len());
        let counts = blocks::map_mut(&mut words, |start, words| {
            let order = &game.order[start..start + words.len()];
            for (word, &entry) in words.iter_mut().zip(order) {
                let entry = entry as usize;
                *word = match of_players.get(entry) {
                    Some(word) => *word,
                    None => !of_players[entry - of_players.len()],
                };
            }
            let mut count = Lanes::ZERO;
            dispatch(
                #[inline(always)]
                || count.count(words),
            );
            count
        });
        let mut total = Lanes::ZERO;
        let mut before = Vec::with_capacity(counts.len());
        for count in counts {
            before.push(total);
            total = total.merge(count);
        }
        let mut outside = Lanes::ZERO;
        let n = game.composites.len() as f64;
        if let Baselines::Common(zero) = game.baselines {
            outside.0 = total.0.map(|members| n - members);
            let passed = |chunk: usize| game.starts[zero as usize + 1] <= chunk * CHUNK;
            for (chunk, before) in before.iter_mut().enumerate().skip(1) {
                *before = if passed(chunk) { before.merge(outside) } else { *before };
            }
        }
        Self { game, words, before, outside }
    }

    /// Calls `work` with the ranks that end in a chunk, and the words of the chunk for each; last
    /// with the rank that goes on. The third argument says whether the rank ends.
    #[inline(always)]
    fn ranks(&self, chunk: &Range<usize>, mut work: impl FnMut(usize, &[u64], bool)) {
        let starts = &self.game.starts;
        let first = match chunk.start {
            0 => 0,
            start => starts.partition_point(|&first| first <= start) - 1,
        };
        for rank in first..starts.len() - 1 {
            let (start, end) = (starts[rank].max(chunk.start), starts[rank + 1]);
            work(rank, &self.words[start..end.min(chunk.end)], end <= chunk.end);
            if end > chunk.end {
                return;
            }
        }
    }

    /// The values of the coalitions.
    pub(super) fn values(&self) -> [f64; BATCH] {
        let (game, n) = (self.game, self.game.composites.len() as f64);
        let zero = match game.baselines {
            Baselines::Common(zero) => zero as usize,
            Baselines::PerAgent(_) => usize::MAX,
        };
        let states = blocks::map(self.words.len(), |chunk| {
            let (mut below, mut pairs) = (self.before[chunk.start / CHUNK], Lanes::ZERO);
            dispatch(
                #[inline(always)]
                || {
                    self.ranks(&chunk, |rank, words, ends| {
                        below.count(words);
                        if !ends {
                            return;
                        }
                        if rank == zero {
                            below = below.merge(self.outside);
                        }
                        let next = game.values.get(rank + 1).unwrap_or(&game.values[rank]);
                        let gap = (next - game.values[rank]) as f64;
                        for lane in 0..BATCH {
                            pairs.0[lane] += gap * (below.0[lane] * (n - below.0[lane]));
                        }
                    });
                },
            );
            pairs
        });
        let pairs = merge_tree(states).unwrap_or(Lanes::ZERO);
        pairs.0.map(|pairs| pairs * game.factor)
    }
}

/// By rank, the sum of the distances to all players' values, in a group of coalitions, less what is
/// the same for all ranks.
pub(super) struct Distances<'a> {
    game: &'a GiniGame,
    table: Vec<[i64; GROUP]>,
}

/// Number and sum of the values taken so far in each coalition of a group.
#[derive(Clone, Copy)]
struct Below {
    counts: [i64; GROUP],
    sums: [i64; GROUP],
}

impl Below {
    const NONE: Self = Self { counts: [0; GROUP], sums: [0; GROUP] };

    #[inline(always)]
    fn add(&mut self, counts: [i64; GROUP], value: i64) {
        for lane in 0..GROUP {
            self.counts[lane] += counts[lane];
            self.sums[lane] += counts[lane] * value;
        }
    }
}

impl<'a> Distances<'a> {
    pub(super) fn new(game: &'a GiniGame) -> Self {
        Self { game, table: memory::zeros(game.values.len()) }
    }

    /// Turns to coalitions `8 * group` to `8 * group + 7`.
    pub(super) fn turn_to(&mut self, taken: &Taken<'a>, group: usize) {
        let game = self.game;
        let n = game.composites.len() as i64;
        let states = blocks::map(taken.words.len(), |chunk| {
            let mut below = Below::NONE;
            dispatch(
                #[inline(always)]
                || {
                    taken.ranks(&chunk, |rank, words, _| {
                        below.add(count_group(words, group), game.values[rank]);
                    });
                },
            );
            below
        });
        let (mut parts, mut rest) = (Vec::with_capacity(states.len()), self.table.as_mut_slice());
        let (mut below, mut done) = (Below::NONE, 0);
        for (chunk, state) in states.into_iter().enumerate() {
            let end = taken.words.len().min((chunk + 1) * CHUNK);
            // The ranks that end in the chunk.
            let ranks = game.starts[1..].partition_point(|&last| last <= end);
            let part;
            (part, rest) = rest.split_at_mut(ranks - done);
            // Those outside stand at zero: they do not change the sums.
            let counts = taken.before[chunk].0;
            for lane in 0..GROUP {
                below.counts[lane] = counts[group * GROUP + lane] as i64;
            }
            parts.push((chunk * CHUNK..end, below, part));
            for lane in 0..GROUP {
                below.sums[lane] += state.sums[lane];
            }
            done = ranks;
        }
        let mut outside = [0; GROUP];
        for lane in 0..GROUP {
            outside[lane] = taken.outside.0[group * GROUP + lane] as i64;
        }
        let watched = Watched::current();
        let fill = |(chunk, mut below, part): (Range<usize>, Below, &mut [[i64; GROUP]])| {
            watched.look();
            let mut rows = part.iter_mut();
            dispatch(
                #[inline(always)]
                || {
                    taken.ranks(&chunk, |rank, words, ends| {
                        let value = game.values[rank];
                        below.add(count_group(words, group), value);
                        if !ends {
                            return;
                        }
                        if matches!(game.baselines, Baselines::Common(zero) if zero as usize == rank)
                        {
                            below.add(outside, 0);
                        }
                        if let Some(row) = rows.next() {
                            for lane in 0..GROUP {
                                row[lane] =
                                    value * (2 * below.counts[lane] - n) - 2 * below.sums[lane];
                            }
                        }
                    });
                },
            );
        };
        if parts.len() == 1 {
            parts.into_iter().for_each(fill);
        } else {
            parts.into_par_iter().for_each(fill);
        }
    }

    /// What a player adds to each of the coalitions; `word` says of which it is a member.
    #[inline(always)]
    pub(super) fn marginals(&self, player: usize, members: u8) -> [f64; GROUP] {
        let game = self.game;
        let (s, b) = (game.composites[player] as usize, game.baselines.rank(player) as usize);
        let own = (game.values[s] - game.values[b]).abs();
        let (to_s, to_b) = (&self.table[s], &self.table[b]);
        let mut out = [0.0; GROUP];
        for lane in 0..GROUP {
            // The player itself is among all, on one side or the other.
            let itself = if members >> lane & 1 == 1 { own } else { -own };
            out[lane] = (to_s[lane] - to_b[lane] + itself) as f64 * game.factor;
        }
        out
    }
}

impl GiniGame {
    /// Adds to the moments what every player adds to the coalitions at `bits`.
    pub(super) fn marginals(
        &self,
        words: &[u64],
        mut bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        let taken = Taken::new(self, words);
        let mut distances = Distances::new(self);
        while !bits.is_empty() {
            let group = bits.start / GROUP;
            let lanes = bits.start % GROUP..GROUP.min(bits.end - group * GROUP);
            bits.start += lanes.len();
            distances.turn_to(&taken, group);
            let distances = &distances;
            moments.add_many(lanes.len(), |players, out| {
                let (length, first) = (players.len(), players.start);
                dispatch(
                    #[inline(always)]
                    || {
                        for (place, word) in words[players].iter().enumerate() {
                            let members = (word >> (group * GROUP)) as u8;
                            let marginals = distances.marginals(first + place, members);
                            for (row, lane) in lanes.clone().enumerate() {
                                out[row * length + place] = marginals[lane];
                            }
                        }
                    },
                );
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coalitions::Coalitions;
    use crate::game::Game;
    use crate::random::Draw;

    fn check(game: &GiniGame) {
        let n = game.players();
        let mut coalitions = Coalitions::default();
        coalitions.draw(Draw { seed: 3, step: 0, sample: 1 }, n);
        let words = coalitions.words();
        let taken = Taken::new(game, words);
        let values = taken.values();
        let mut distances = Distances::new(game);
        for bit in (0..BATCH).step_by(if n > 1_000 { 21 } else { 1 }) {
            let mut coalition = game.empty();
            coalitions.members(bit).for_each(|player| _ = coalition.add(player).unwrap());
            let close = (values[bit] / coalition.value().unwrap() - 1.0).abs() < 1e-13;
            assert!(close || values[bit] == coalition.value().unwrap(), "{n}, {bit}");
            distances.turn_to(&taken, bit / GROUP);
            for player in (0..n).step_by(1 + n / 1_000) {
                let members = (words[player] >> (bit / GROUP * 8)) as u8;
                let found = distances.marginals(player, members)[bit % GROUP];
                // Exact in both ways.
                let wanted = if words[player] >> bit & 1 == 1 {
                    let wanted = -coalition.remove(player).unwrap();
                    coalition.add(player).unwrap();
                    wanted
                } else {
                    let wanted = coalition.add(player).unwrap();
                    coalition.remove(player).unwrap();
                    wanted
                };
                assert_eq!(found, wanted, "{n}, {bit}, {player}");
            }
        }
    }

    #[test]
    fn values_and_marginals_are_those_of_the_coalition() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for n in [1, 2, 7, 60, 400, 3 * CHUNK - 7] {
            for steps in [4.0, 1e9] {
                for shift in [0.0, 0.4, 1.5] {
                    let mut draw = || ((next() * steps).floor() / steps - shift) * 30.0;
                    let s: Vec<f64> = (0..n).map(|_| draw()).collect();
                    let b: Vec<f64> = (0..n).map(|_| draw()).collect();
                    check(&GiniGame::relative(&s).unwrap());
                    check(&GiniGame::per_agent(&s, &b).unwrap());
                }
            }
        }
    }
}
