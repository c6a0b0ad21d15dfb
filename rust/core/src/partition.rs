//! Ranks by buckets: keys are streamed into balanced buckets, each small enough for the second-level
//! cache, ordered there, and the weight of each key's rank is written over the key. Replaying the
//! stored bucket numbers in agent order finds every agent's weight again without an index.
//! Scratch: 10 bytes per agent.

use crate::abandon::Watched;
use crate::blocks::{self, Merge, merge_tree};
use crate::buckets::{Buckets, MAX_BUCKETS};
use crate::memory;
use crate::rank::{Ascent, TieWeight, Values, Word, ordered_bits};
use crate::sort::sort;
use rayon::prelude::*;
use std::ops::Range;

/// Agents per bucket aimed at: keys, packed copy and cells of a bucket stay in the cache.
const BUCKET: usize = if cfg!(miri) { 64 } else { 4_096 };

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
                sort(&mut sample);
                return Self::Search(quantiles(&sample, buckets));
            }
        }
        Self::Cells { min, shift, bucket_of_cell }
    }

    /// Writes the buckets of values.
    fn assign(&self, values: &[f64], ids: &mut [u16]) {
        match self {
            Self::Cells { min, shift, bucket_of_cell } => {
                for (id, &value) in ids.iter_mut().zip(values) {
                    *id = bucket_of_cell[((ordered_bits(value) - min) >> shift) as usize];
                }
            }
            Self::Search(firsts) => {
                for (id, &value) in ids.iter_mut().zip(values) {
                    let key = ordered_bits(value);
                    *id = firsts.partition_point(|&first| first <= key) as u16;
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
            memory::collect(drawn.map(|&value| ordered_bits(value)))
        })
    });
    let mut all = Vec::new();
    memory::reserve(&mut all, parts.iter().map(Vec::len).sum());
    parts.iter().for_each(|part| all.extend(part));
    all
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

/// Rank weights in bucket order, and what is needed to read them in agent order.
pub(crate) struct Partition {
    buckets: Buckets,
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
        let count = (n / BUCKET).next_power_of_two().clamp(1, MAX_BUCKETS);
        let splitter = Splitter::new(values, min, max, count);
        let mut buckets = Buckets::default();
        buckets.assign(n, count, |agents, ids| {
            values.with(agents, |values| splitter.assign(values, ids));
        });
        let mut slots = memory::zeros::<u64>(n);
        buckets.scatter(&mut slots, |agents, writer| {
            values.with(agents, |values| {
                let mut keys = values.iter().map(|&value| ordered_bits(value));
                writer.each(|_| keys.next().unwrap_or(0));
            });
        });
        let parts = buckets.split(&mut slots, 1).into_iter().enumerate();
        let parts: Vec<_> =
            parts.map(|(bucket, keys)| (buckets.slots(bucket).start as u64, keys)).collect();
        let inline = blocks::chunks(n) == 1;
        let sums = match W::SUMS {
            false => vec![W::Below::default(); count],
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
        let watched = Watched::current();
        let totals = if inline {
            let mut scratch = Scratch::default();
            parts.map(|(keys, ascent)| scratch.weigh(keys, ascent)).collect()
        } else {
            let parts: Vec<_> = parts.collect();
            let parts = parts.into_par_iter();
            parts
                .map_init(Scratch::default, |scratch, (keys, ascent)| {
                    watched.look();
                    scratch.weigh(keys, ascent)
                })
                .collect()
        };
        let total = merge_tree(totals).unwrap_or_default();
        (Self { buckets, slots }, total)
    }

    #[inline]
    pub(crate) fn replay<W: Word>(&self, positions: Range<usize>, work: impl FnMut(usize, &[W])) {
        self.buckets.replay(positions, 1, |slot| W::from_bits(self.slots[slot]), work);
    }

    /// Agents in the largest bucket that holds more than one value.
    #[cfg(test)]
    pub(crate) fn largest_mixed_bucket(&self, values: &[f64]) -> usize {
        let mut members = vec![Vec::new(); self.buckets.count()];
        for (&id, &value) in self.buckets.ids().iter().zip(values) {
            members[usize::from(id)].push(value);
        }
        let mixed = members.iter().filter(|values| values.windows(2).any(|w| w[0] != w[1]));
        mixed.map(Vec::len).max().unwrap_or(0)
    }
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
        memory::resize(&mut self.cells, cells as usize, 0);
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
        memory::resize(&mut self.packed, keys.len(), 0);
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
    let mut pairs = memory::collect(keys.iter().copied().zip(0..keys.len()));
    pairs.sort_unstable();
    for ties in pairs.chunk_by(|a, b| a.0 == b.0) {
        let bits = ascent.next(ties[0].0, ties.len() as u64).to_bits();
        for &(_, slot) in ties {
            keys[slot] = bits;
        }
    }
    ascent.total
}
