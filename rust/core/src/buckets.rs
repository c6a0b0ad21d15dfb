//! Buckets of agents: values are streamed into them, worked on there while they are in the cache,
//! and found again in agent order without an index, by replaying the stored bucket numbers.

use crate::blocks::{self, BLOCK, CHUNK};
use std::ops::Range;

/// More write streams than this thrash the address translation cache.
pub(crate) const MAX_BUCKETS: usize = 1_024;

/// The bucket of every agent, and the slots that follow from them: bucket after bucket, in agent
/// order within each.
#[derive(Default)]
pub(crate) struct Buckets {
    count: usize,
    ids: Vec<u16>,
    /// Per chunk and bucket, the slot of the chunk's first agent in that bucket.
    offsets: Vec<usize>,
    /// Past the last slot of every bucket.
    ends: Vec<usize>,
}

/// Slots that are written by all threads at once.
struct Slots<T>(*mut T);

// SAFETY: threads write disjoint slots, see `Buckets::scatter`.
unsafe impl<T: Send> Sync for Slots<T> {}

/// The slots of one chunk of agents.
pub(crate) struct Writer<'a, T> {
    slots: &'a Slots<T>,
    cursors: Vec<usize>,
    ids: &'a [u16],
}

impl<T: Copy> Writer<'_, T> {
    /// Writes to the slot of one agent after another what `value` returns for its bucket.
    #[inline(always)]
    pub(crate) fn each(mut self, mut value: impl FnMut(usize) -> T) {
        for &id in self.ids {
            let bucket = usize::from(id);
            let value = value(bucket);
            let cursor = &mut self.cursors[bucket];
            // SAFETY: the offsets are exclusive prefix sums of the counts of these very ids, so each
            // (chunk, bucket) owns its own run of slots, of which none is passed or shared; and
            // there is one writer per chunk.
            unsafe { self.slots.0.add(*cursor).write(value) };
            *cursor += 1;
        }
    }
}

impl Buckets {
    /// Puts `agents` agents into `count` buckets. `assign` writes the buckets of a range of agents,
    /// which is a chunk, and counts them. The memory of earlier buckets is used again.
    pub(crate) fn assign(
        &mut self,
        agents: usize,
        count: usize,
        assign: impl Fn(Range<usize>, &mut [u16], &mut [u32]) + Sync,
    ) {
        self.count = count;
        self.ids.resize(agents, 0);
        let counts = blocks::map_mut(&mut self.ids, |start, ids| {
            let mut counts = vec![0_u32; count];
            assign(start..start + ids.len(), ids, &mut counts);
            debug_assert!((0..count).all(|bucket| {
                let of_bucket = ids.iter().filter(|&&id| usize::from(id) == bucket);
                of_bucket.count() == counts[bucket] as usize
            }));
            counts
        });
        self.offsets.resize(counts.len() * count, 0);
        self.ends.clear();
        let mut next = 0;
        for bucket in 0..count {
            for (chunk, counts) in counts.iter().enumerate() {
                self.offsets[chunk * count + bucket] = next;
                next += counts[bucket] as usize;
            }
            self.ends.push(next);
        }
    }

    /// Number of buckets.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The slots of a bucket.
    pub(crate) fn slots(&self, bucket: usize) -> Range<usize> {
        let start = if bucket == 0 { 0 } else { self.ends[bucket - 1] };
        start..self.ends[bucket]
    }

    /// Writes a value per agent into its slot: `work` gets the agents of a chunk and the writer of
    /// their slots. Returns what it returns, in order.
    #[inline]
    pub(crate) fn scatter<T: Copy + Send, R: Send>(
        &self,
        slots: &mut [T],
        work: impl Fn(Range<usize>, Writer<'_, T>) -> R + Sync,
    ) -> Vec<R> {
        assert_eq!(slots.len(), self.ids.len());
        let slots = Slots(slots.as_mut_ptr());
        let slots = &slots;
        blocks::map(self.ids.len(), |agents| {
            let (cursors, ids) = (self.cursors(agents.start), &self.ids[agents.clone()]);
            work(agents, Writer { slots, cursors, ids })
        })
    }

    /// One part of `slots` per bucket.
    pub(crate) fn split<'a, T>(&self, mut slots: &'a mut [T]) -> Vec<&'a mut [T]> {
        let mut parts = Vec::with_capacity(self.count);
        for bucket in 0..self.count {
            let part;
            (part, slots) = slots.split_at_mut(self.slots(bucket).len());
            parts.push(part);
        }
        parts
    }

    /// Calls `work` with what `read` finds in the slots of one block of agents after another, and
    /// its first agent, for a chunk of agents.
    #[inline(always)]
    pub(crate) fn replay<T: Copy + Default>(
        &self,
        agents: Range<usize>,
        read: impl Fn(usize) -> T,
        mut work: impl FnMut(usize, &[T]),
    ) {
        debug_assert!(agents.start.is_multiple_of(CHUNK) && agents.len() <= CHUNK);
        let mut cursors = self.cursors(agents.start);
        let mut block = [T::default(); BLOCK];
        let mut start = agents.start;
        for ids in self.ids[agents].chunks(BLOCK) {
            for (value, &id) in block.iter_mut().zip(ids) {
                let cursor = &mut cursors[usize::from(id)];
                *value = read(*cursor);
                *cursor += 1;
            }
            work(start, &block[..ids.len()]);
            start += ids.len();
        }
    }

    /// The first slots of the chunk that starts at an agent.
    fn cursors(&self, start: usize) -> Vec<usize> {
        self.offsets[start / CHUNK * self.count..][..self.count].to_vec()
    }

    /// Buckets of the agents.
    #[cfg(test)]
    pub(crate) fn ids(&self) -> &[u16] {
        &self.ids
    }
}
