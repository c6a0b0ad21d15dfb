//! Marginal contributions along a random order in the game of the Gini mean difference.
//!
//! The players' ranks are streamed into the buckets of the order. Threads take runs of
//! neighbouring buckets: how many values of each rank the earlier runs hold gives each run the
//! tree that it starts from. Counts and sums are integers, so where runs are cut leaves no trace.

use super::game::GiniGame;
use super::members::{Members, Places};
use super::values::Baselines;
use crate::abandon::Watched;
use crate::blocks::CHUNK;
use crate::game::Scratch;
use crate::memory;
use crate::order::Order;
use crate::random::Draw;
use crate::simd::dispatch;
use rayon::prelude::*;
use std::ops::Range;

/// Distinct values whose tree fits into the second-level cache. More are walked in two steps.
const ONE_TREE: usize = 1 << 15;

/// Neighbouring buckets, and the places for what their players add.
pub(super) struct Run<'a> {
    pub(super) buckets: Range<usize>,
    pub(super) marginals: Vec<&'a mut [f64]>,
    pub(super) watched: Watched,
}

impl GiniGame {
    /// Draws an order and leaves the marginal contributions of its players in the scratch, bucket
    /// by bucket.
    pub(super) fn sweep(&self, draw: Draw, scratch: &mut Scratch) {
        match self.baselines {
            Baselines::Common(_) => self.sweep_rows(draw, scratch, |at| [at.member]),
            Baselines::PerAgent(_) => self.sweep_rows(draw, scratch, |at| [at.member, at.outside]),
        }
    }

    /// As [`GiniGame::sweep`], with the ranks that are wanted of a player.
    fn sweep_rows<const W: usize>(
        &self,
        draw: Draw,
        scratch: &mut Scratch,
        row: impl Fn(Places) -> [u32; W] + Sync,
    ) {
        let players = self.composites.len();
        let Scratch { order, ranks, marginals, .. } = scratch;
        order.draw(draw, players);
        memory::resize(ranks, players * W, 0);
        order.buckets.scatter(ranks.as_chunks_mut().0, |players, writer| {
            let mut player = players.start;
            writer.each(|_| {
                player += 1;
                row(self.places(player - 1))
            });
        });
        let rows = ranks.as_chunks::<W>().0;
        memory::resize(marginals, players, 0.0);
        let mut parts = order.buckets.split(marginals, 1).into_iter();
        let buckets = order.buckets.count();
        let threads = if players <= CHUNK { 1 } else { rayon::current_num_threads().min(buckets) };
        let runs = (0..threads).map(|run| {
            let buckets = run * buckets / threads..(run + 1) * buckets / threads;
            let marginals = parts.by_ref().take(buckets.len()).collect();
            Run { buckets, marginals, watched: Watched::current() }
        });
        let runs: Vec<Run<'_>> = runs.collect();
        if W == 1 && self.values.len() > ONE_TREE {
            self.walk_in_two(order, rows.as_flattened(), runs);
            return;
        }
        if threads == 1 {
            runs.into_iter().for_each(|run| self.walk(order, rows, &[], run));
            return;
        }
        let changes: Vec<Vec<i64>> = runs[..threads - 1]
            .par_iter()
            .map(|run| self.changes(&rows[slots(order, &run.buckets)]))
            .collect();
        let runs = runs.into_par_iter().enumerate();
        runs.for_each(|(index, run)| self.walk(order, rows, &changes[..index], run));
    }

    /// How many more values of each rank are in the tree once players have joined.
    fn changes<const W: usize>(&self, rows: &[[u32; W]]) -> Vec<i64> {
        let mut changes = memory::zeros(self.values.len());
        for row in rows {
            changes[row[0] as usize] += 1;
            if W > 1 {
                changes[row[W - 1] as usize] -= 1;
            }
        }
        changes
    }

    /// Lets the players of a run join after those of earlier runs.
    fn walk<const W: usize>(
        &self,
        order: &Order,
        rows: &[[u32; W]],
        earlier: &[Vec<i64>],
        run: Run<'_>,
    ) {
        let mut counts = self.nobody();
        for changes in earlier {
            counts.iter_mut().zip(changes).for_each(|(count, change)| *count += change);
        }
        let first = slots(order, &run.buckets).start;
        let mut members = Members::new(self, &counts, first as i64);
        let mut within = Vec::new();
        for (bucket, out) in run.buckets.zip(run.marginals) {
            run.watched.look();
            order.shuffle(bucket, &mut within);
            let rows = &rows[order.buckets.slots(bucket)];
            dispatch(
                #[inline(always)]
                || {
                    for &player in &within {
                        let row = rows[player as usize];
                        let at = Places { member: row[0], outside: row[W - 1] };
                        out[player as usize] = members.join(at) as f64 * self.factor;
                    }
                },
            );
        }
    }
}

pub(super) fn slots(order: &Order, buckets: &Range<usize>) -> Range<usize> {
    order.buckets.slots(buckets.start).start..order.buckets.slots(buckets.end - 1).end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::Game;
    use crate::order::random_order;

    /// Reproducible composites and baselines.
    fn players(n: usize, levels: f64) -> (Vec<f64>, Vec<f64>) {
        let mut state = 3_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            let u = (state >> 11) as f64 / (1_u64 << 53) as f64;
            ((u * levels).floor() / levels - 0.3) * 20.0
        };
        (0..n).map(|_| (draw(), draw())).unzip()
    }

    fn sweep(game: &GiniGame, draw: Draw, threads: usize) -> Vec<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut scratch, n) = (Scratch::default(), game.players());
            game.sweep(draw, &mut scratch);
            let mut out = vec![0.0; n];
            for start in (0..n).step_by(CHUNK) {
                let players = start..n.min(start + CHUNK);
                scratch.replay(players.clone(), &mut out[players]);
            }
            out
        })
    }

    #[test]
    fn sweeps_are_the_game_along_the_order() {
        for n in [1, 2, 9, 3_000, CHUNK + 1, 7 * CHUNK] {
            for levels in [30.0, 1e12] {
                let (s, b) = players(n, levels);
                for game in [GiniGame::relative(&s), GiniGame::per_agent(&s, &b)] {
                    let game = game.unwrap();
                    let draw = Draw { seed: 4, step: 1, sample: 9 };
                    let mut wanted = vec![0.0; n];
                    let mut coalition = game.empty();
                    for player in random_order(draw, n) {
                        wanted[player] = coalition.add(player).unwrap();
                    }
                    for threads in [1, 2, 3, 8] {
                        assert!(sweep(&game, draw, threads) == wanted, "{n}, {threads}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_order_and_its_reverse_have_the_mean_of_any_other() {
        let (s, b) = players(40, 9.0);
        for game in [GiniGame::relative(&s), GiniGame::per_agent(&s, &b)] {
            let game = game.unwrap();
            for sample in 0..5 {
                let mut order = random_order(Draw { seed: 1, step: 0, sample }, 40);
                let mut means = [0.0; 40];
                for _ in 0..2 {
                    let mut coalition = game.empty();
                    order.iter().for_each(|&i| means[i] += 0.5 * coalition.add(i).unwrap());
                    order.reverse();
                }
                for (player, mean) in means.into_iter().enumerate() {
                    let found = game.mean(player);
                    assert!((found - mean).abs() <= 1e-15 * game.bound(), "{found} {mean}");
                }
            }
        }
    }
}
