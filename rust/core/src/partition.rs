//! Ranks by buckets: keys are streamed into balanced buckets, each small enough for the second-level
//! cache, ordered there, and the weight of each key's rank is written over the key. Replaying the
//! stored bucket numbers in agent order finds every agent's weight again without an index.
//! Scratch: 10 bytes per agent.

use crate::blocks::{self, BLOCK, CHUNK, Merge, merge_tree};
use crate::rank::{Ascent, TieWeight, Values, Word, ordered_bits};
use rayon::prelude::*;
use std::ops::Range;

/// Agents per bucket aimed at: keys, packed copy and cells of a bucket stay in the cache.
const BUCKET: usize = 4_096;

/// More write streams than this thrash the address translation cache.
const MAX_BUCKETS: usize = 1_024;

/// Cells of equal width in key space that are joined to balanced buckets.
const CELL_BITS: u32 = 15;

/// A bucket may hold this many times its part of the sample before buckets are found by search.
const IMBALANCE: usize = 16;

/// Every how many agents one is drawn to balance the buckets.
const SAMPLE_STEP: usize = 13;

/// Cells per key of a bucket, at least: few keys share one, so few need to be moved.
const CELLS_PER_KEY: u64 = 2;

/// A cell of more keys than this is sorted rather than inserted.
const INSERTION: usize = 24;

/// Monotone map from key to bucket.
enum Splitter {
    /// Cells of equal width in key space, joined to buckets: one look-up.
    Cells { min: u64, shift: u32, bucket_of_cell: Vec<u16> },
    /// First key of every bucket but the first: a search. For values of which many share a cell,
    /// as with an outlier; a heavy value has a bucket of its own.
    Search(Vec<u64>),
}

impl Splitter {
    fn new<V: Values + ?Sized>(values: &V, min: u64, max: u64, buckets: usize) -> Self {
        let bits = u64::BITS - (max - min).leading_zeros();
        let shift = bits.saturating_sub(CELL_BITS);
        let mut bucket_of_cell = vec![0_u16; ((max - min) >> shift) as usize + 1];
        if buckets > 1 {
            let mut sample = sample(values);
            let mut cells = vec![0_u32; bucket_of_cell.len()];
            for key in &sample {
                cells[((key - min) >> shift) as usize] += 1;
            }
            let mut masses = vec![0; buckets];
            let mut before = 0;
            for (bucket, count) in bucket_of_cell.iter_mut().zip(cells) {
                // A cell's middle decides, so that a heavy cell does not drag its neighbours along.
                let count = count as usize;
                let middle = before + count / 2;
                *bucket = (middle * buckets / sample.len()).min(buckets - 1) as u16;
                masses[usize::from(*bucket)] += count;
                before += count;
            }
            let heaviest = masses.into_iter().max().unwrap_or(0);
            if heaviest > IMBALANCE * sample.len() / buckets {
                if blocks::chunks(values.len()) == 1 {
                    sample.sort_unstable();
                } else {
                    sample.par_sort_unstable();
                }
                return Self::Search(quantiles(&sample, buckets));
            }
        }
        Self::Cells { min, shift, bucket_of_cell }
    }

    /// Writes the buckets of values and counts them.
    fn assign(&self, values: &[f64], ids: &mut [u16], counts: &mut [u32]) {
        let mut put = |id: &mut u16, bucket: u16| {
            *id = bucket;
            counts[usize::from(bucket)] += 1;
        };
        match self {
            Self::Cells { min, shift, bucket_of_cell } => {
                for (id, &value) in ids.iter_mut().zip(values) {
                    put(id, bucket_of_cell[((ordered_bits(value) - min) >> shift) as usize]);
                }
            }
            Self::Search(firsts) => {
                for (id, &value) in ids.iter_mut().zip(values) {
                    let key = ordered_bits(value);
                    put(id, firsts.partition_point(|&first| first <= key) as u16);
                }
            }
        }
    }
}

/// Keys of every few agents.
fn sample<V: Values + ?Sized>(values: &V) -> Vec<u64> {
    let parts = blocks::map(values.len(), |agents| {
        values.with(agents, |values| {
            let drawn = values.iter().step_by(SAMPLE_STEP);
            drawn.map(|&value| ordered_bits(value)).collect::<Vec<u64>>()
        })
    });
    parts.concat()
}

/// First keys of about equal buckets; a key that fills one alone is followed by its successor.
fn quantiles(sorted: &[u64], buckets: usize) -> Vec<u64> {
    let mut firsts: Vec<u64> = Vec::with_capacity(buckets);
    for quantile in 1..buckets {
        let key = sorted[quantile * sorted.len() / buckets];
        match firsts.last() {
            Some(&last) if last == key => firsts.push(key + 1),
            Some(&last) if last > key => {}
            _ => firsts.push(key),
        }
    }
    firsts
}

/// The keys' slots, written by all threads at once.
struct Slots(*mut u64);

// SAFETY: threads write disjoint slots, see `scatter`.
unsafe impl Sync for Slots {}

/// Rank weights in bucket order, and what is needed to read them in agent order.
pub(crate) struct Partition {
    buckets: usize,
    /// Bucket of every agent.
    ids: Vec<u16>,
    /// Per chunk and bucket, the slot of the chunk's first agent in that bucket.
    offsets: Vec<usize>,
    /// Bits of the weights.
    slots: Vec<u64>,
}

impl Partition {
    pub(crate) fn new<V: Values + ?Sized, W: TieWeight>(
        values: &V,
        min: u64,
        max: u64,
        weight: &W,
    ) -> (Self, W::Total) {
        let n = values.len();
        let buckets = (n / BUCKET).next_power_of_two().clamp(1, MAX_BUCKETS);
        let splitter = Splitter::new(values, min, max, buckets);
        let mut ids = vec![0_u16; n];
        let counts = blocks::map_mut(&mut ids, |start, ids| {
            let mut counts = vec![0_u32; buckets];
            values.with(start..start + ids.len(), |values| {
                splitter.assign(values, ids, &mut counts);
            });
            counts
        });
        let (offsets, ends) = prefix(&counts, buckets);
        let mut slots = vec![0_u64; n];
        scatter(values, &ids, &offsets, buckets, &mut slots);

        let mut rest = slots.as_mut_slice();
        let mut parts = Vec::with_capacity(buckets);
        let mut start = 0;
        for end in ends {
            let (part, tail) = rest.split_at_mut(end - start);
            parts.push((start as u64, part));
            (rest, start) = (tail, end);
        }
        let inline = blocks::chunks(n) == 1;
        let sums = match W::SUMS {
            false => vec![W::Below::default(); buckets],
            true if inline => parts.iter().map(|(_, keys)| weight.sums(keys)).collect(),
            true => parts.par_iter().map(|(_, keys)| weight.sums(keys)).collect(),
        };
        let ascents = sums.into_iter().scan(W::Below::default(), |below, sums| {
            let before = *below;
            *below = before.merge(sums);
            Some(before)
        });
        let parts = parts
            .into_iter()
            .zip(ascents)
            .map(|((before, keys), below)| (keys, Ascent::new(weight, before, below)));
        let totals = if inline {
            let mut scratch = Scratch::default();
            parts.map(|(keys, ascent)| scratch.weigh(keys, ascent)).collect()
        } else {
            let parts: Vec<_> = parts.collect();
            let parts = parts.into_par_iter();
            parts
                .map_init(Scratch::default, |scratch, (keys, ascent)| scratch.weigh(keys, ascent))
                .collect()
        };
        let total = merge_tree(totals).unwrap_or_default();
        (Self { buckets, ids, offsets, slots }, total)
    }

    #[inline]
    pub(crate) fn replay<W: Word>(
        &self,
        positions: Range<usize>,
        mut work: impl FnMut(usize, &[W]),
    ) {
        debug_assert!(positions.start.is_multiple_of(CHUNK) && positions.len() <= CHUNK);
        let chunk = positions.start / CHUNK;
        let mut cursors = self.offsets[chunk * self.buckets..][..self.buckets].to_vec();
        let mut weights = [W::default(); BLOCK];
        let mut start = positions.start;
        for ids in self.ids[positions].chunks(BLOCK) {
            for (weight, &id) in weights.iter_mut().zip(ids) {
                let cursor = &mut cursors[usize::from(id)];
                *weight = W::from_bits(self.slots[*cursor]);
                *cursor += 1;
            }
            work(start, &weights[..ids.len()]);
            start += ids.len();
        }
    }

    /// Agents in the largest bucket that holds more than one value.
    #[cfg(test)]
    pub(crate) fn largest_mixed_bucket(&self, values: &[f64]) -> usize {
        let mut members = vec![Vec::new(); self.buckets];
        for (&id, &value) in self.ids.iter().zip(values) {
            members[usize::from(id)].push(value);
        }
        let mixed = members.iter().filter(|values| values.windows(2).any(|w| w[0] != w[1]));
        mixed.map(Vec::len).max().unwrap_or(0)
    }
}

/// Slots of each chunk's first agent per bucket, and the end of every bucket.
fn prefix(counts: &[Vec<u32>], buckets: usize) -> (Vec<usize>, Vec<usize>) {
    let mut offsets = vec![0; counts.len() * buckets];
    let mut ends = Vec::with_capacity(buckets);
    let mut next = 0;
    for bucket in 0..buckets {
        for (chunk, counts) in counts.iter().enumerate() {
            offsets[chunk * buckets + bucket] = next;
            next += counts[bucket] as usize;
        }
        ends.push(next);
    }
    (offsets, ends)
}

/// Writes every key into its bucket, in agent order within it.
fn scatter<V: Values + ?Sized>(
    values: &V,
    ids: &[u16],
    offsets: &[usize],
    buckets: usize,
    slots: &mut [u64],
) {
    let length = slots.len();
    let slots = Slots(slots.as_mut_ptr());
    let slots = &slots;
    blocks::map(values.len(), |agents| {
        let mut cursors = offsets[agents.start / CHUNK * buckets..][..buckets].to_vec();
        values.with(agents.clone(), |values| {
            for (&value, &id) in values.iter().zip(&ids[agents]) {
                let cursor = &mut cursors[usize::from(id)];
                debug_assert!(*cursor < length);
                // SAFETY: the offsets are exclusive prefix sums of the counts of these very ids, so
                // each (chunk, bucket) owns its own run of slots, of which none is passed or shared.
                unsafe { slots.0.add(*cursor).write(ordered_bits(value)) };
                *cursor += 1;
            }
        });
    });
}

/// Buffers for ordering one bucket.
#[derive(Default)]
struct Scratch {
    cells: Vec<u32>,
    packed: Vec<u64>,
    large: Vec<Range<usize>>,
}

impl Scratch {
    /// Writes the bits of each key's weight over the key, coming up from the smaller ones.
    fn weigh<W: TieWeight>(&mut self, keys: &mut [u64], mut ascent: Ascent<'_, W>) -> W::Total {
        let m = keys.len();
        let (min, max) = keys.iter().fold((u64::MAX, 0), |(a, b), &k| (a.min(k), b.max(k)));
        if m == 0 {
            return ascent.total;
        }
        if min == max {
            keys.fill(ascent.next(min, m as u64).to_bits());
            return ascent.total;
        }
        let bits = u64::BITS - (max - min).leading_zeros();
        let slot_bits = usize::BITS - (m - 1).leading_zeros();
        // Keys too far apart to share a word with their slot, or more than cells can count.
        if bits + slot_bits > u64::BITS || slot_bits > u32::BITS {
            return weigh_pairs(keys, ascent);
        }
        self.distribute(keys, min, max, slot_bits);
        for cell in self.large.drain(..) {
            self.packed[cell].sort_unstable();
        }
        insertion_sort(&mut self.packed);
        let slot_mask = (1 << slot_bits) - 1;
        for ties in self.packed.chunk_by(|a, b| a >> slot_bits == b >> slot_bits) {
            let bits = ascent.next(min + (ties[0] >> slot_bits), ties.len() as u64).to_bits();
            for packed in ties {
                keys[(packed & slot_mask) as usize] = bits;
            }
        }
        ascent.total
    }

    /// Packs (key - min, slot) into one number each, ordered up to the order within cells.
    fn distribute(&mut self, keys: &[u64], min: u64, max: u64, slot_bits: u32) {
        let cells = CELLS_PER_KEY << slot_bits;
        // Rounded down, so that the largest key falls into the last cell at most.
        let factor = (u128::from(cells) << 64) / (u128::from(max - min) + 1);
        let factor = u64::try_from(factor).unwrap_or(u64::MAX);
        let cell_of = |key: u64| ((u128::from(key - min) * u128::from(factor)) >> 64) as usize;
        self.cells.clear();
        self.cells.resize(cells as usize, 0);
        for &key in keys {
            self.cells[cell_of(key)] += 1;
        }
        self.large.clear();
        let mut next = 0;
        for cell in &mut self.cells {
            let count = *cell as usize;
            *cell = next as u32;
            if count > INSERTION {
                self.large.push(next..next + count);
            }
            next += count;
        }
        self.packed.resize(keys.len(), 0);
        for (slot, &key) in keys.iter().enumerate() {
            let cell = &mut self.cells[cell_of(key)];
            self.packed[*cell as usize] = (key - min) << slot_bits | slot as u64;
            *cell += 1;
        }
    }
}

fn insertion_sort(values: &mut [u64]) {
    for i in 1..values.len() {
        let value = values[i];
        let mut j = i;
        while j > 0 && values[j - 1] > value {
            values[j] = values[j - 1];
            j -= 1;
        }
        values[j] = value;
    }
}

/// As [`Scratch::weigh`], by sorting keys beside their slots.
fn weigh_pairs<W: TieWeight>(keys: &mut [u64], mut ascent: Ascent<'_, W>) -> W::Total {
    let mut pairs: Vec<(u64, usize)> = keys.iter().copied().zip(0..).collect();
    pairs.sort_unstable();
    for ties in pairs.chunk_by(|a, b| a.0 == b.0) {
        let bits = ascent.next(ties[0].0, ties.len() as u64).to_bits();
        for &(_, slot) in ties {
            keys[slot] = bits;
        }
    }
    ascent.total
}
