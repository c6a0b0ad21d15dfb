//! Marginal contributions along a random order, of games in which they depend on the sums of some
//! numbers of the players who came before.
//!
//! The numbers are streamed into the buckets of the order, whose sums tell where each bucket starts
//! from. Buckets are then worked on side by side, in the cache, and replaying the bucket numbers
//! returns the marginal contributions in player order.

use crate::abandon::{Watched, look};
use crate::blocks::CHUNK;
use crate::buckets::Buckets;
use crate::game::Scratch;
use crate::memory;
use crate::order::Order;
use crate::random::Draw;
use rayon::prelude::*;
use std::ops::Range;

/// The players of a bucket, and where they come in the order.
pub(crate) struct Bucket<'a> {
    /// Players in the buckets before.
    pub(crate) first: usize,
    /// Sums over them, one per number of a player.
    pub(crate) before: &'a [f64],
    /// The numbers of the bucket's players, player by player, by index.
    pub(crate) payload: &'a [f64],
    /// The order in which they come.
    pub(crate) order: &'a [u32],
}

/// One bucket after another, in the cache.
#[derive(Default)]
struct Near {
    order: Vec<u32>,
    payload: Vec<f64>,
}

/// Draws an order of the players whose numbers are `payload`, `width` for each, and calls `work` with
/// every bucket, to write the marginal contributions of its players, by index. Returns what `work`
/// returns, in order.
pub(crate) fn sweep<R: Send>(
    payload: &[f64],
    width: usize,
    draw: Draw,
    scratch: &mut Scratch,
    work: impl Fn(Bucket<'_>, &mut [f64]) -> R + Sync,
) -> Vec<R> {
    let players = payload.len() / width;
    let Scratch { order, marginals, .. } = scratch;
    order.draw(draw, players);
    let buckets = &order.buckets;
    if buckets.count() == 1 {
        let mut within = Vec::new();
        order.shuffle(0, &mut within);
        let before = &vec![0.0; width];
        let bucket = Bucket { first: 0, before, payload, order: &within };
        memory::resize(marginals, players, 0.0);
        return vec![work(bucket, marginals)];
    }

    // The numbers of a bucket make room for its marginal contributions.
    let moved = marginals;
    memory::resize(moved, payload.len(), 0.0);
    // Copies of a length known at compile time are no calls.
    let before = match width {
        1 => scatter::<1>(payload, buckets, moved),
        2 => scatter::<2>(payload, buckets, moved),
        3 => scatter::<3>(payload, buckets, moved),
        4 => scatter::<4>(payload, buckets, moved),
        _ => gather(payload, width, order, moved),
    };
    let parts = buckets.split(moved, width).into_iter().enumerate();
    let watched = Watched::current();
    let each = |near: &mut Near, (bucket, part): (usize, &mut [f64])| {
        watched.look();
        let slots = buckets.slots(bucket);
        order.shuffle(bucket, &mut near.order);
        // A stream into the first-level cache, which is then visited at random.
        near.payload.clear();
        near.payload.extend_from_slice(part);
        let bucket = Bucket {
            first: slots.start,
            before: &before[bucket * width..][..width],
            payload: &near.payload,
            order: &near.order,
        };
        work(bucket, &mut part[..slots.len()])
    };
    if players <= CHUNK {
        let mut near = Near::default();
        parts.map(|part| each(&mut near, part)).collect()
    } else {
        let parts: Vec<_> = parts.collect();
        parts.into_par_iter().map_init(Near::default, each).collect()
    }
}

/// Moves the players' numbers into their buckets; returns the sums over the players in the buckets
/// before each.
fn scatter<const W: usize>(payload: &[f64], buckets: &Buckets, moved: &mut [f64]) -> Vec<f64> {
    let rows = payload.as_chunks::<W>().0;
    let sums = buckets.scatter(moved.as_chunks_mut::<W>().0, |players, writer| {
        let mut sums = Vec::new();
        memory::resize(&mut sums, buckets.count(), [0.0; W]);
        let mut rows = rows[players].iter();
        writer.each(|bucket| {
            let row = rows.next().copied().unwrap_or([0.0; W]);
            for k in 0..W {
                sums[bucket][k] += row[k];
            }
            row
        });
        sums
    });
    let mut before = Vec::with_capacity(buckets.count() * W);
    let mut next = [0.0; W];
    for bucket in 0..buckets.count() {
        before.extend(next);
        for sums in &sums {
            for k in 0..W {
                next[k] += sums[bucket][k];
            }
        }
    }
    before
}

/// As [`scatter`], of any number of numbers.
fn gather(payload: &[f64], width: usize, order: &Order, moved: &mut [f64]) -> Vec<f64> {
    let mut players = memory::zeros(payload.len() / width);
    order.players_by_slot(&mut players);
    let mut before = Vec::with_capacity(order.buckets.count() * width);
    let mut next = vec![0.0; width];
    let mut rows = moved.chunks_exact_mut(width).zip(&players);
    for bucket in 0..order.buckets.count() {
        look();
        before.extend_from_slice(&next);
        for (row, &player) in rows.by_ref().take(order.buckets.slots(bucket).len()) {
            row.copy_from_slice(&payload[player * width..][..width]);
            next.iter_mut().zip(row.iter()).for_each(|(sum, value)| *sum += value);
        }
    }
    before
}

impl Scratch {
    /// Writes the marginal contributions that [`sweep`] found for a chunk of players.
    #[inline(always)]
    pub(crate) fn replay(&self, players: Range<usize>, out: &mut [f64]) {
        let first = players.start;
        let read = |place: usize| self.marginals[place];
        let width = self.marginals.len() / self.order.buckets.agents();
        self.order.buckets.replay(players, width, read, |start, block| {
            out[start - first..][..block.len()].copy_from_slice(block);
        });
    }
}
