//! Buckets of agents: values are streamed into them, worked on there while they are in the cache,
//! and found again in agent order without an index, by replaying the stored bucket numbers.

use crate::blocks::{self, BLOCK, CHUNK};
use crate::memory;
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
            // SAFETY: the offsets are exclusive prefix sums of how often each of these very ids was
            // counted, by `Buckets::assign` itself, and they add up to the number of slots. So each
            // (chunk, bucket) owns its own run of slots, of which none is passed or shared; and
            // there is one writer per chunk, which is used up here.
            unsafe { self.slots.0.add(*cursor).write(value) };
            *cursor += 1;
        }
    }
}

impl Buckets {
    /// Puts `agents` agents into `count` buckets. `assign` writes the buckets of a range of agents,
    /// which is a chunk. The memory of earlier buckets is used again.
    ///
    /// # Panics
    /// Where a bucket is none of them.
    pub(crate) fn assign(
        &mut self,
        agents: usize,
        count: usize,
        assign: impl Fn(Range<usize>, &mut [u16]) + Sync,
    ) {
        // Without offsets nothing can be scattered, should this be given up half-way.
        self.offsets.clear();
        self.ends.clear();
        self.count = count;
        if self.ids.capacity() < agents {
            self.ids = memory::zeros(agents);
        }
        self.ids.resize(agents, 0);
        let counts = blocks::map_mut(&mut self.ids, |start, ids| {
            assign(start..start + ids.len(), ids);
            let mut counts = memory::zeros::<u32>(count);
            ids.iter().for_each(|&id| counts[usize::from(id)] += 1);
            counts
        });
        memory::resize(&mut self.offsets, counts.len() * count, 0);
        let mut next = 0;
        for bucket in 0..count {
            for (chunk, counts) in counts.iter().enumerate() {
                self.offsets[chunk * count + bucket] = next;
                next += counts[bucket] as usize;
            }
            self.ends.push(next);
        }
        assert_eq!(next, agents);
    }

    /// Number of buckets.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Number of agents.
    pub(crate) fn agents(&self) -> usize {
        self.ids.len()
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

    /// One part of `slots` per bucket, `width` values wide.
    pub(crate) fn split<'a, T>(&self, mut slots: &'a mut [T], width: usize) -> Vec<&'a mut [T]> {
        let mut parts = Vec::with_capacity(self.count);
        for bucket in 0..self.count {
            let part;
            (part, slots) = slots.split_at_mut(self.slots(bucket).len() * width);
            parts.push(part);
        }
        parts
    }

    /// Calls `work` with what `read` finds for one block of agents after another, and its first
    /// agent, for a chunk of agents. The values of a bucket, one per agent, are at the front of its
    /// slots, which are `width` values wide.
    #[inline(always)]
    pub(crate) fn replay<T: Copy + Default>(
        &self,
        agents: Range<usize>,
        width: usize,
        read: impl Fn(usize) -> T,
        mut work: impl FnMut(usize, &[T]),
    ) {
        debug_assert!(agents.start.is_multiple_of(CHUNK) && agents.len() <= CHUNK);
        let mut cursors = self.cursors(agents.start);
        for (bucket, cursor) in cursors.iter_mut().enumerate() {
            *cursor += self.slots(bucket).start * (width - 1);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn bucket(agent: usize, count: usize) -> u16 {
        ((agent * agent + agent / 7) % count) as u16
    }

    fn assigned(agents: usize, count: usize, id: impl Fn(usize) -> u16 + Sync) -> Buckets {
        let mut buckets = Buckets::default();
        buckets.assign(agents, count, |agents, ids| {
            ids.iter_mut().zip(agents).for_each(|(place, agent)| *place = id(agent));
        });
        buckets
    }

    #[test]
    fn every_agent_has_a_slot_of_its_bucket_and_is_found_there() {
        for agents in [1, BLOCK + 1, CHUNK, 3 * CHUNK + 5] {
            for count in [1, 7, 64] {
                let buckets = assigned(agents, count, |agent| bucket(agent, count));
                let mut slots = vec![usize::MAX; agents];
                buckets.scatter(&mut slots, |agents, writer| {
                    let mut agent = agents.start;
                    writer.each(|id| {
                        assert_eq!(id, usize::from(bucket(agent, count)));
                        agent += 1;
                        agent - 1
                    });
                });
                for (id, part) in buckets.split(&mut slots, 1).into_iter().enumerate() {
                    assert!(part.iter().all(|&agent| usize::from(bucket(agent, count)) == id));
                    assert!(part.is_sorted());
                }
                for start in (0..agents).step_by(CHUNK) {
                    let chunk = start..agents.min(start + CHUNK);
                    buckets.replay(
                        chunk,
                        1,
                        |slot| slots[slot],
                        |first, block| {
                            assert!(block.iter().copied().eq(first..first + block.len()));
                        },
                    );
                }
            }
        }
    }

    #[test]
    fn a_bucket_that_is_none_is_refused_before_anything_is_written() {
        let wrong = |agent| if agent == CHUNK { 9 } else { 0 };
        assert!(catch_unwind(|| assigned(2 * CHUNK, 9, wrong)).is_err());
    }

    #[test]
    fn what_was_given_up_half_way_cannot_be_scattered() {
        let mut buckets = assigned(2 * CHUNK, 2, |_| 1);
        let half = |buckets: &mut Buckets| {
            buckets.assign(2 * CHUNK, 2, |agents, ids| {
                ids.fill(0);
                assert!(agents.start == 0, "given up");
            });
        };
        let caught = std::panic::AssertUnwindSafe(|| half(&mut buckets));
        assert!(catch_unwind(caught).is_err());
        let scattered = || {
            let mut slots = vec![0_u8; 2 * CHUNK];
            buckets.scatter(&mut slots, |_, writer| writer.each(|_| 1));
        };
        assert!(catch_unwind(std::panic::AssertUnwindSafe(scattered)).is_err());
    }
}
