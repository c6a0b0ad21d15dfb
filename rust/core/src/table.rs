//! Ranks by a table of the distinct values: one open-addressing table per span of agents, merged.
//! Counts of social data have few distinct composites, and looking one up is cheaper than moving
//! a key. Scratch: 4 bytes per agent and the tables.

use crate::abandon::Watched;
use crate::blocks::{self, BLOCK, CHUNK, Merge, merge_tree};
use crate::memory;
use crate::rank::{Ascent, TieWeight, Values, Word, ordered_bits};
use rayon::prelude::*;
use std::ops::Range;

/// A table with more distinct values than this, and one for every `AGENTS_PER_DISTINCT` agents seen,
/// is given up: it leaves the cache, and the partition is faster.
const FREE_DISTINCT: usize = 16_384;
const AGENTS_PER_DISTINCT: usize = 8;

/// Agents per span at least, for each distinct value that is free: tables of many threads would
/// otherwise need more memory than the agents' slots.
const SPAN_PER_FREE: usize = 16;

/// First size of a table; it doubles when half full.
const FIRST_CAPACITY: usize = 1 << 12;

const VACANT: u32 = u32::MAX;

/// Fibonacci hashing: the top bits of the product with 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The distinct keys of one span, in order of appearance.
struct Distinct {
    entries: Vec<u32>,
    shift: u32,
    keys: Vec<u64>,
    counts: Vec<u64>,
}

impl Distinct {
    fn new() -> Self {
        let shift = u64::BITS - FIRST_CAPACITY.trailing_zeros();
        let entries = vec![VACANT; FIRST_CAPACITY];
        Self { entries, shift, keys: Vec::new(), counts: Vec::new() }
    }

    /// Counts the key and returns its slot.
    #[inline(always)]
    fn count(&mut self, key: u64) -> u32 {
        let mask = self.entries.len() - 1;
        let mut entry = (key.wrapping_mul(GOLDEN) >> self.shift) as usize;
        loop {
            let slot = self.entries[entry & mask];
            if slot == VACANT {
                return self.insert(key, entry & mask);
            }
            if self.keys[slot as usize] == key {
                self.counts[slot as usize] += 1;
                return slot;
            }
            entry += 1;
        }
    }

    #[cold]
    fn insert(&mut self, key: u64, entry: usize) -> u32 {
        let slot = self.keys.len() as u32;
        self.entries[entry] = slot;
        memory::push(&mut self.keys, key);
        memory::push(&mut self.counts, 1);
        if self.keys.len() * 2 > self.entries.len() {
            self.grow();
        }
        slot
    }

    fn grow(&mut self) {
        let capacity = self.entries.len() * 2;
        self.shift -= 1;
        self.entries.clear();
        memory::resize(&mut self.entries, capacity, VACANT);
        for (slot, key) in self.keys.iter().enumerate() {
            let mut entry = (key.wrapping_mul(GOLDEN) >> self.shift) as usize;
            while self.entries[entry & (capacity - 1)] != VACANT {
                entry += 1;
            }
            self.entries[entry & (capacity - 1)] = slot as u32;
        }
    }
}

/// Distinct keys in ascending order: key, count, span, slot.
struct Sorted(Vec<(u64, u64, u32, u32)>);

impl Merge for Sorted {
    fn merge(mut self, other: Self) -> Self {
        memory::reserve(&mut self.0, other.0.len());
        self.0.extend(other.0);
        // A stable sort finds the two ascending runs and merges them.
        self.0.sort_by_key(|distinct| distinct.0);
        self
    }
}

/// The weight of every distinct value of every span, and every agent's slot.
pub(crate) struct Table<W> {
    span: usize,
    slots: Vec<u32>,
    weights: Vec<Vec<W>>,
}

impl<W: Word> Table<W> {
    /// `None` where a span has too many distinct values.
    pub(crate) fn new<V: Values + ?Sized, K: TieWeight<Weight = W>>(
        values: &V,
        weight: &K,
    ) -> Option<(Self, K::Total)> {
        let chunks = blocks::chunks(values.len());
        let spans = if chunks == 1 { 1 } else { rayon::current_num_threads().min(chunks) };
        let span = chunks.div_ceil(spans) * CHUNK;
        let mut slots = memory::zeros::<u32>(values.len());
        let watched = Watched::current();
        let build = |index: usize, slots: &mut [u32]| {
            let mut distinct = Distinct::new();
            let free = FREE_DISTINCT.min(slots.len().max(CHUNK) / SPAN_PER_FREE);
            for (chunk, slots) in slots.chunks_mut(CHUNK).enumerate() {
                watched.look();
                let start = index * span + chunk * CHUNK;
                let slots_of = |values: &[f64]| {
                    for (block, (slots, values)) in
                        slots.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).enumerate()
                    {
                        for (slot, &value) in slots.iter_mut().zip(values) {
                            *slot = distinct.count(ordered_bits(value));
                        }
                        let seen = chunk * CHUNK + block * BLOCK;
                        if distinct.keys.len() > free + seen / AGENTS_PER_DISTINCT {
                            return None;
                        }
                    }
                    Some(())
                };
                let length = CHUNK.min(values.len() - start);
                values.with(start..start + length, slots_of)?;
            }
            let counted = distinct.keys.iter().zip(&distinct.counts).enumerate();
            let mut sorted = memory::collect(
                counted.map(|(slot, (&key, &count))| (key, count, index as u32, slot as u32)),
            );
            sorted.sort_unstable();
            Some(Sorted(sorted))
        };
        let found: Option<Vec<Sorted>> = if spans == 1 {
            build(0, &mut slots).map(|sorted| vec![sorted])
        } else {
            slots.par_chunks_mut(span).enumerate().map(|(i, slots)| build(i, slots)).collect()
        };
        let found = found?;
        let mut weights: Vec<_> =
            found.iter().map(|sorted| vec![W::default(); sorted.0.len()]).collect();
        let merged = merge_tree(found)?;
        let mut ascent = Ascent::new(weight, 0, K::Below::default());
        for ties in merged.0.chunk_by(|a, b| a.0 == b.0) {
            let shared = ascent.next(ties[0].0, ties.iter().map(|distinct| distinct.1).sum());
            for &(_, _, span, slot) in ties {
                weights[span as usize][slot as usize] = shared;
            }
        }
        Some((Self { span, slots, weights }, ascent.total))
    }

    #[inline]
    pub(crate) fn replay(&self, positions: Range<usize>, mut work: impl FnMut(usize, &[W])) {
        let mut block = [W::default(); BLOCK];
        let mut start = positions.start;
        while start < positions.end {
            let weights = &self.weights[start / self.span];
            let slots = &self.slots[start..positions.end.min(start + BLOCK)];
            for (weight, &slot) in block.iter_mut().zip(slots) {
                *weight = weights[slot as usize];
            }
            work(start, &block[..slots.len()]);
            start += slots.len();
        }
    }
}
