//! The distinct pairs (b, s), in the order of b and then of s, and the pair of every agent.
//!
//! Populations of counts have few: one hash table per span of agents finds them. Where they turn
//! out to be many, agents are sorted instead. Both give the same pairs.

use crate::abandon::{Watched, look};
use crate::blocks::{self, CHUNK};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::memory;
use crate::rank::{from_ordered_bits, ordered_bits};
use crate::sort::sort;
use rayon::prelude::*;
use std::ops::Range;

/// Hashing is given up at more distinct pairs than this, and one for every `AGENTS_PER_PAIR` agents
/// seen: the tables would be as large as the sorted agents, and slower.
const FREE_PAIRS: usize = 16_384;
const AGENTS_PER_PAIR: usize = 4;

/// First size of a table; it doubles when half full.
const FIRST_CAPACITY: usize = 1 << 12;

const VACANT: u32 = u32::MAX;

/// Fibonacci hashing: the top bits of the product with 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Composites of a baseline and of x, as ordered bits, and the number of agents that have them.
/// Field order is sort order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Pair {
    b: u64,
    s: u64,
    /// While agents are being sorted: the position of the one agent.
    pub(super) count: usize,
}

impl Pair {
    #[inline(always)]
    pub(super) fn b(&self) -> f64 {
        from_ordered_bits(self.b)
    }

    #[inline(always)]
    pub(super) fn s(&self) -> f64 {
        from_ordered_bits(self.s)
    }

    fn equals(&self, other: &Self) -> bool {
        (self.b, self.s) == (other.b, other.s)
    }
}

pub(super) struct Pairs {
    pub(super) pairs: Vec<Pair>,
    /// Index of its pair, by position.
    pub(super) slots: Vec<u32>,
}

impl Pairs {
    /// Of so many agents; `read` gives b and s of a chunk of positions.
    ///
    /// # Errors
    /// [`Error::TooManyDistinct`].
    pub(super) fn new(
        agents: usize,
        read: impl Fn(Range<usize>) -> [Buffer; 2] + Sync,
    ) -> Result<Self> {
        Self::hashed(agents, &read).map_or_else(|| Self::sorted(agents, &read), Ok)
    }

    fn sorted(agents: usize, read: &(impl Fn(Range<usize>) -> [Buffer; 2] + Sync)) -> Result<Self> {
        let mut pairs = Vec::new();
        memory::resize(&mut pairs, agents, Pair { b: 0, s: 0, count: 0 });
        blocks::map_mut(&mut pairs, |start, part| {
            let [b, s] = read(start..start + part.len());
            for (offset, pair) in part.iter_mut().enumerate() {
                let (b, s) = (ordered_bits(b[offset]), ordered_bits(s[offset]));
                *pair = Pair { b, s, count: start + offset };
            }
        });
        sort(&mut pairs);
        let mut slots = memory::zeros(agents);
        let mut distinct = 0;
        for index in 0..agents {
            if index % CHUNK == 0 {
                look();
            }
            let Pair { count: position, .. } = pairs[index];
            if distinct == 0 || !pairs[index].equals(&pairs[distinct - 1]) {
                pairs[distinct] = Pair { count: 0, ..pairs[index] };
                distinct += 1;
            }
            pairs[distinct - 1].count += 1;
            slots[position] = (distinct - 1) as u32;
        }
        let most = u32::MAX as usize;
        if distinct > most {
            return Err(Error::TooManyDistinct { got: distinct, most });
        }
        pairs.truncate(distinct);
        pairs.shrink_to_fit();
        Ok(Self { pairs, slots })
    }

    /// `None` where too many pairs are distinct.
    fn hashed(agents: usize, read: &(impl Fn(Range<usize>) -> [Buffer; 2] + Sync)) -> Option<Self> {
        let chunks = blocks::chunks(agents);
        let spans = if chunks == 1 { 1 } else { rayon::current_num_threads().min(chunks) };
        let span = chunks.div_ceil(spans) * CHUNK;
        let mut slots = memory::zeros(agents);
        let watched = Watched::current();
        let build = |index: usize, slots: &mut [u32]| {
            let mut table = Table::new();
            for (chunk, slots) in slots.chunks_mut(CHUNK).enumerate() {
                watched.look();
                let start = index * span + chunk * CHUNK;
                let [b, s] = read(start..start + slots.len());
                for (slot, (&b, &s)) in slots.iter_mut().zip(b.iter().zip(s.iter())) {
                    *slot = table.count(ordered_bits(b), ordered_bits(s));
                }
                let seen = (chunk + 1) * CHUNK;
                if table.pairs.len() > FREE_PAIRS + seen / AGENTS_PER_PAIR {
                    return None;
                }
            }
            Some(table.pairs)
        };
        let tables: Option<Vec<Vec<Pair>>> = if spans == 1 {
            build(0, &mut slots).map(|pairs| vec![pairs])
        } else {
            slots.par_chunks_mut(span).enumerate().map(|(i, slots)| build(i, slots)).collect()
        };
        let tables = tables?;
        let mut pairs: Vec<Pair> = Vec::new();
        memory::reserve(&mut pairs, tables.iter().map(Vec::len).sum());
        tables.iter().for_each(|table| pairs.extend(table));
        sort(&mut pairs);
        pairs.dedup_by(|next, kept| {
            let same = next.equals(kept);
            kept.count += if same { next.count } else { 0 };
            same
        });
        let find = |table: &Vec<Pair>| {
            let slot = |pair: &Pair| pairs.partition_point(|p| (p.b, p.s) < (pair.b, pair.s));
            memory::collect(table.iter().map(|pair| slot(pair) as u32))
        };
        let places: Vec<_> = if spans == 1 {
            tables.iter().map(find).collect()
        } else {
            tables.par_iter().map(find).collect()
        };
        blocks::map_mut(&mut slots, |start, slots| {
            let places = &places[start / span];
            slots.iter_mut().for_each(|slot| *slot = places[*slot as usize]);
        });
        Some(Self { pairs, slots })
    }
}

/// The distinct pairs of one span, in order of appearance.
struct Table {
    entries: Vec<u32>,
    shift: u32,
    pairs: Vec<Pair>,
}

impl Table {
    fn new() -> Self {
        let shift = u64::BITS - FIRST_CAPACITY.trailing_zeros();
        Self { entries: vec![VACANT; FIRST_CAPACITY], shift, pairs: Vec::new() }
    }

    fn entry(&self, b: u64, s: u64) -> usize {
        let mixed = b.wrapping_mul(GOLDEN).rotate_left(32) ^ s;
        (mixed.wrapping_mul(GOLDEN) >> self.shift) as usize
    }

    /// Counts the pair and returns its slot.
    fn count(&mut self, b: u64, s: u64) -> u32 {
        let mask = self.entries.len() - 1;
        let mut entry = self.entry(b, s);
        loop {
            let slot = self.entries[entry & mask];
            if slot == VACANT {
                return self.insert(Pair { b, s, count: 1 }, entry & mask);
            }
            let pair = &mut self.pairs[slot as usize];
            if pair.b == b && pair.s == s {
                pair.count += 1;
                return slot;
            }
            entry += 1;
        }
    }

    #[cold]
    fn insert(&mut self, pair: Pair, entry: usize) -> u32 {
        let slot = self.pairs.len() as u32;
        self.entries[entry] = slot;
        memory::push(&mut self.pairs, pair);
        if self.pairs.len() * 2 > self.entries.len() {
            self.grow();
        }
        slot
    }

    fn grow(&mut self) {
        let capacity = self.entries.len() * 2;
        self.shift -= 1;
        self.entries.clear();
        memory::resize(&mut self.entries, capacity, VACANT);
        for (slot, pair) in self.pairs.iter().enumerate() {
            let mut entry = self.entry(pair.b, pair.s);
            while self.entries[entry & (capacity - 1)] != VACANT {
                entry += 1;
            }
            self.entries[entry & (capacity - 1)] = slot as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_and_sorting_find_the_same_pairs() {
        let value = |i: usize, k: usize| ((i * k) % 97) as f64 - 48.0;
        let read = |positions: Range<usize>| {
            [7_919, 104_729].map(|k| {
                let mut buffer = Buffer::of(positions.len());
                for (out, i) in buffer.iter_mut().zip(positions.clone()) {
                    *out = if i % 3 == 0 { -0.0 } else { value(i, k) };
                }
                buffer
            })
        };
        for agents in [1, 500, CHUNK + 1, 3 * CHUNK + 7] {
            let hashed = Pairs::hashed(agents, &read).unwrap();
            let sorted = Pairs::sorted(agents, &read).unwrap();
            assert_eq!(hashed.pairs, sorted.pairs);
            assert_eq!(hashed.slots, sorted.slots);
            assert!(sorted.pairs.windows(2).all(|p| (p[0].b, p[0].s) < (p[1].b, p[1].s)));
            assert_eq!(sorted.pairs.iter().map(|pair| pair.count).sum::<usize>(), agents);
            let zeros = sorted.pairs.iter().find(|pair| pair.b() == 0.0 && pair.s() == 0.0);
            assert!(zeros.unwrap().count >= agents.div_ceil(3));
        }
    }

    #[test]
    fn many_pairs_are_not_hashed() {
        let read = |positions: Range<usize>| {
            [1.0, 2.0].map(|factor| {
                let mut buffer = Buffer::of(positions.len());
                let all = buffer.iter_mut().zip(positions.clone());
                all.for_each(|(out, i)| *out = factor * i as f64);
                buffer
            })
        };
        assert!(Pairs::hashed(4 * CHUNK, &read).is_none());
        assert_eq!(Pairs::new(4 * CHUNK, read).unwrap().pairs.len(), 4 * CHUNK);
    }
}
