//! Marginal contributions along a random order, of games in which they depend on the sums of some
//! numbers of the players who came before.
//!
//! The numbers are streamed into the buckets of the order, whose sums tell where each bucket starts
//! from. Buckets are then worked on side by side, in the cache, and replaying the bucket numbers
//! returns the marginal contributions in player order.

use crate::blocks::CHUNK;
use crate::game::Scratch;
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
    let Scratch { order, payload: moved, marginals, .. } = scratch;
    order.draw(draw, players);
    let buckets = &order.buckets;
    marginals.resize(players, 0.0);
    if buckets.count() == 1 {
        let mut within = Vec::new();
        order.shuffle(0, &mut within);
        let before = &vec![0.0; width];
        let bucket = Bucket { first: 0, before, payload, order: &within };
        return vec![work(bucket, marginals)];
    }

    moved.resize(payload.len(), 0.0);
    let sums = buckets.scatter(moved, width, |players, writer| {
        let mut sums = vec![0.0; buckets.count() * width];
        let mut rows = payload[players.start * width..players.end * width].chunks_exact(width);
        writer.each(|bucket, slot| {
            if let Some(row) = rows.next() {
                slot.copy_from_slice(row);
                let sums = &mut sums[bucket * width..][..width];
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        });
        sums
    });
    let mut before = vec![0.0; buckets.count() * width];
    let mut next = vec![0.0; width];
    for (bucket, before) in before.chunks_exact_mut(width).enumerate() {
        before.copy_from_slice(&next);
        for sums in &sums {
            let sums = &sums[bucket * width..][..width];
            next.iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
        }
    }

    let marginals = buckets.split(marginals, 1);
    let each = |within: &mut Vec<u32>, (bucket, marginals): (usize, &mut [f64])| {
        order.shuffle(bucket, within);
        let slots = buckets.slots(bucket);
        let bucket = Bucket {
            first: slots.start,
            before: &before[bucket * width..][..width],
            payload: &moved[slots.start * width..slots.end * width],
            order: within,
        };
        work(bucket, marginals)
    };
    if players <= CHUNK {
        let mut within = Vec::new();
        marginals.into_iter().enumerate().map(|part| each(&mut within, part)).collect()
    } else {
        marginals.into_par_iter().enumerate().map_init(Vec::new, each).collect()
    }
}

impl Scratch {
    /// Writes the marginal contributions that [`sweep`] found for a chunk of players.
    #[inline(always)]
    pub(crate) fn replay(&self, players: Range<usize>, out: &mut [f64]) {
        let mut out = out.iter_mut();
        self.order.buckets.replay(players, |slot| {
            if let Some(out) = out.next() {
                *out = self.marginals[slot];
            }
        });
    }
}
