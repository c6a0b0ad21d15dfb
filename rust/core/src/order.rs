//! Random orders of players, every order equally likely: players fall into random buckets, and each
//! bucket is shuffled. docs/random-orders.md describes them number by number.
//!
//! A shuffle of all players would visit memory at random; a bucket fits into the cache, and players
//! get there and back in streams.

use crate::abandon::look;
use crate::buckets::{Buckets, MAX_BUCKETS};
use crate::memory;
use crate::random::{Draw, Purpose, Stream};

/// Players per bucket aimed at.
const BUCKET: usize = 4_096;

/// Players whose buckets come from one block of random words.
const PER_BLOCK: usize = 16;

/// Number of buckets of `players` players, a power of two.
fn bucket_count(players: usize) -> usize {
    (players / BUCKET).next_power_of_two().clamp(1, MAX_BUCKETS)
}

/// A random order as a bucket of each player, and an order of the players in each bucket.
#[derive(Default)]
pub(crate) struct Order {
    draw: Draw,
    pub(crate) buckets: Buckets,
}

impl Order {
    /// Draws the order of a sample; the memory of an earlier one is used again.
    pub(crate) fn draw(&mut self, draw: Draw, players: usize) {
        self.draw = draw;
        let count = bucket_count(players);
        let stream = draw.stream(Purpose::Buckets);
        let shift = u16::BITS - count.trailing_zeros();
        self.buckets.assign(players, count, |players, ids| {
            if count == 1 {
                ids.fill(0);
                return;
            }
            for (pair, ids) in ids.chunks_mut(2 * PER_BLOCK).enumerate() {
                let index = players.start / PER_BLOCK + 2 * pair;
                let mut parts = [[0_u16; 4]; PER_BLOCK / 2];
                let words = stream.two_blocks(0, index as u64);
                for (parts, word) in parts.iter_mut().zip(words.as_flattened()) {
                    *parts = [0, 16, 32, 48].map(|place| (word >> place) as u16 >> shift);
                }
                ids.copy_from_slice(&parts.as_flattened()[..ids.len()]);
            }
        });
    }

    /// Writes the players of one bucket after another, by index.
    pub(crate) fn players_by_slot(&self, slots: &mut [usize]) {
        self.buckets.scatter(slots, |players, writer| {
            let mut next = players.start;
            writer.each(|_| {
                next += 1;
                next - 1
            });
        });
    }

    /// The order of the players of a bucket: in place k of `order` the number, among the bucket's
    /// players in index order, of the k-th to come.
    pub(crate) fn shuffle(&self, bucket: usize, order: &mut Vec<u32>) {
        order.clear();
        order.extend(0..self.buckets.slots(bucket).len() as u32);
        let mut words = Words::new(self.draw.stream(Purpose::Slots), bucket as u64);
        for last in (1..order.len()).rev() {
            order.swap(last, words.below(last as u32 + 1) as usize);
        }
    }
}

/// The 32-bit words of a lane, one after the other.
struct Words {
    stream: Stream,
    lane: u64,
    index: u64,
    words: [[u32; 2]; 8],
    next: usize,
}

impl Words {
    fn new(stream: Stream, lane: u64) -> Self {
        Self { stream, lane, index: 0, words: [[0; 2]; 8], next: 16 }
    }

    #[inline(always)]
    fn word(&mut self) -> u32 {
        if self.next == 16 {
            let words = self.stream.two_blocks(self.lane, self.index);
            for (pair, &word) in self.words.iter_mut().zip(words.as_flattened()) {
                *pair = [word as u32, (word >> 32) as u32];
            }
            self.index += 2;
            self.next = 0;
        }
        self.next += 1;
        self.words.as_flattened()[self.next - 1]
    }

    /// A number below `bound`, all equally likely: Lemire, Fast Random Integer Generation in an
    /// Interval (2019).
    #[inline(always)]
    fn below(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.word()) * u64::from(bound);
        if (product as u32) < bound {
            let rejected = bound.wrapping_neg() % bound;
            while (product as u32) < rejected {
                product = u64::from(self.word()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }
}

/// The random order of a sample: the players `0..players` as they come, each once.
///
/// The same seed, step, sample and number of players give the same order on every machine.
///
/// # Examples
/// ```
/// use aumann_core::random::Draw;
///
/// let order = aumann_core::random_order(Draw { seed: 7, step: 0, sample: 3 }, 5);
/// assert_eq!(order, [3, 2, 4, 0, 1]);
/// ```
#[must_use]
pub fn random_order(draw: Draw, players: usize) -> Vec<usize> {
    let mut order = Order::default();
    order.draw(draw, players);
    let mut by_slot = memory::zeros(players);
    order.players_by_slot(&mut by_slot);
    let (mut out, mut within) = (Vec::new(), Vec::new());
    memory::reserve(&mut out, players);
    for bucket in 0..order.buckets.count() {
        look();
        order.shuffle(bucket, &mut within);
        let members = &by_slot[order.buckets.slots(bucket)];
        out.extend(within.iter().map(|&member| members[member as usize]));
    }
    out
}
