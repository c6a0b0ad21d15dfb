//! Chunks, and the fixed tree that merges their statistics.
//!
//! A population is cut by a constant length, never by the number of threads. Each chunk gives a
//! mergeable state; the states are merged in a tree whose shape depends on their number alone.
//! Results are therefore the same bits at any number of threads.

use crate::abandon::Watched;
use rayon::prelude::*;

/// Agents per chunk: the unit of parallel work and of the merge tree. 128 KiB of `f64` outputs, so
/// that a chunk stays in the second-level cache. Changing it changes the last bits of results. Miri,
/// which is slow, sees several chunks all the same.
pub const CHUNK: usize = if cfg!(miri) { 512 } else { 16_384 };

/// Agents per block: outputs are written and then accumulated while they are in the first-level
/// cache.
pub(crate) const BLOCK: usize = 256;

/// Independent accumulators of a sum. Enough to hide the latency of additions at every SIMD level;
/// a constant, so that every level adds in the same order.
pub(crate) const LANES: usize = 16;

/// A statistic of one set of agents that can be merged with that of another.
pub trait Merge {
    /// The statistic of both sets together; `self` comes first.
    #[must_use]
    fn merge(self, other: Self) -> Self;
}

impl Merge for () {
    fn merge(self, (): Self) {}
}

impl Merge for f64 {
    fn merge(self, other: Self) -> Self {
        self + other
    }
}

impl Merge for i128 {
    fn merge(self, other: Self) -> Self {
        self + other
    }
}

impl<A: Merge, B: Merge> Merge for (A, B) {
    fn merge(self, other: Self) -> Self {
        (self.0.merge(other.0), self.1.merge(other.1))
    }
}

/// Merges neighbours, then neighbours of those, until one is left; `None` if there are none.
pub fn merge_tree<S: Merge>(mut states: Vec<S>) -> Option<S> {
    while states.len() > 1 {
        let mut merged = Vec::with_capacity(states.len().div_ceil(2));
        let mut pairs = states.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => left.merge(right),
                None => left,
            });
        }
        states = merged;
    }
    states.pop()
}

/// Number of chunks of `agents` agents.
#[must_use]
pub fn chunks(agents: usize) -> usize {
    agents.div_ceil(CHUNK)
}

/// One result per chunk of `agents` agents, in order. A single chunk runs on the calling thread;
/// several are given up between two of them if the work is to stop.
pub(crate) fn map<R: Send>(
    agents: usize,
    work: impl Fn(std::ops::Range<usize>) -> R + Sync,
) -> Vec<R> {
    let range = |chunk: usize| chunk * CHUNK..agents.min((chunk + 1) * CHUNK);
    let watched = Watched::current();
    let work = |range| {
        watched.look();
        watched.over(|| work(range))
    };
    match chunks(agents) {
        1 => vec![work(0..agents)],
        count => (0..count).into_par_iter().map(|chunk| work(range(chunk))).collect(),
    }
}

/// As [`map()`], with each chunk's part of `out`; the first argument is the chunk's first agent.
pub(crate) fn map_mut<T: Send, R: Send>(
    out: &mut [T],
    work: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let watched = Watched::current();
    let work = |start, part: &mut [T]| {
        watched.look();
        watched.over(|| work(start, part))
    };
    match chunks(out.len()) {
        1 => vec![work(0, out)],
        _ => out
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, part)| work(chunk * CHUNK, part))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl Merge for Text {
        fn merge(self, other: Self) -> Self {
            Self(format!("({}{})", self.0, other.0))
        }
    }

    #[test]
    fn the_tree_depends_on_the_number_of_states_alone() {
        let tree = |n: u8| merge_tree((0..n).map(|i| Text(i.to_string())).collect());
        assert!(tree(0).is_none());
        assert_eq!(tree(1).unwrap().0, "0");
        assert_eq!(tree(5).unwrap().0, "(((01)(23))4)");
        assert_eq!(tree(6).unwrap().0, "(((01)(23))(45))");
    }

    #[test]
    fn chunks_cover_all_agents_once() {
        for agents in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5] {
            let ranges = map(agents, |range| range);
            assert_eq!(ranges.first().unwrap().start, 0);
            assert_eq!(ranges.last().unwrap().end, agents);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            let mut out = vec![0_u8; agents];
            let starts = map_mut(&mut out, |start, part| {
                part.iter_mut().for_each(|value| *value += 1);
                start..start + part.len()
            });
            assert_eq!(starts, ranges);
            assert!(out.iter().all(|&value| value == 1));
        }
    }
}
