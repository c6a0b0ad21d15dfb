//! Crossings one by one: tiles of pairs against tiles, a division each.

use super::merge::Crossings;
use super::sum;
use crate::simd::dispatch;

/// Pairs of a tile: two of them stay in the first-level cache.
pub(super) const TILE: usize = 256;

struct Tile {
    pairs: usize,
    b: [f64; TILE],
    s: [f64; TILE],
    count: [f64; TILE],
    shift: [f64; TILE],
}

impl Tile {
    fn of(crossings: &Crossings<'_>, ids: &[u32]) -> Self {
        let zeros = [0.0; TILE];
        let mut tile = Self { pairs: ids.len(), b: zeros, s: zeros, count: zeros, shift: zeros };
        for (place, &id) in ids.iter().enumerate() {
            let pair = crossings.pair(id);
            (tile.b[place], tile.s[place]) = (pair.b(), pair.s());
            tile.count[place] = pair.count as f64;
        }
        tile
    }

    fn add_to(&self, crossings: &Crossings<'_>, ids: &[u32]) {
        for (&id, &shift) in ids.iter().zip(&self.shift) {
            crossings.add(id, shift);
        }
    }

    /// Adds the crossings of one pair of `count` agents, which starts below, with a range of this
    /// tile, and returns what they add to it.
    #[inline(always)]
    fn row(&mut self, b: f64, s: f64, count: f64, range: std::ops::Range<usize>) -> f64 {
        let mut terms = [0.0; TILE];
        let terms = &mut terms[..range.len()];
        let ends = self.b[range.clone()].iter().zip(&self.s[range.clone()]);
        let agents = self.count[range.clone()].iter().zip(&mut self.shift[range]);
        for ((term, (other_b, other_s)), (agents, shift)) in terms.iter_mut().zip(ends).zip(agents)
        {
            let risen = s - other_s;
            let part = if risen > 0.0 { risen / (risen + (other_b - b)) } else { 0.0 };
            *shift -= count * part;
            *term = agents * part;
        }
        sum(terms)
    }
}

impl Crossings<'_> {
    /// Neighbouring pairs in the order of b, with one another; as many as a tile at most.
    pub(super) fn enumerate_run(&self, ids: &[u32]) {
        let mut tile = Tile::of(self, ids);
        dispatch(
            #[inline(always)]
            || {
                for i in 0..ids.len() {
                    let (b, s, count) = (tile.b[i], tile.s[i], tile.count[i]);
                    tile.shift[i] += tile.row(b, s, count, i + 1..ids.len());
                }
            },
        );
        tile.add_to(self, ids);
    }

    /// Pairs of the left with pairs of the right, both in the order of s; the left ones start
    /// below. Splits at a value of s: what is low on the left crosses nothing that is high on the
    /// right, and what is high on the left crosses all that is low on the right.
    pub(super) fn enumerate(&self, left: &[u32], right: &[u32]) {
        let s = |id: u32| self.pair(id).s();
        let (Some(&lowest), Some(&highest)) = (right.first(), left.last()) else { return };
        let left = &left[left.partition_point(|&id| s(id) <= s(lowest))..];
        let right = &right[..right.partition_point(|&id| s(id) < s(highest))];
        let (Some(&lowest), Some(&highest)) = (left.first(), right.last()) else { return };
        if left.len() <= TILE && right.len() <= TILE {
            return self.tiles(left, right);
        }
        if s(lowest) > s(highest) {
            return self.rectangle(left, right);
        }
        // Not all values of the longer side are equal: it would have been a rectangle.
        let longer = if left.len() > right.len() { left } else { right };
        let middle = s(longer[longer.len() / 2]);
        let at = if middle > s(longer[0]) {
            middle
        } else {
            s(longer[longer.partition_point(|&id| s(id) <= middle)])
        };
        let (left_low, left_high) = left.split_at(left.partition_point(|&id| s(id) < at));
        let (right_low, right_high) = right.split_at(right.partition_point(|&id| s(id) < at));
        self.both(
            left.len() + right.len(),
            || self.enumerate(left_low, right_low),
            || self.enumerate(left_high, right_high),
        );
        self.rectangle(left_high, right_low);
    }

    /// Pairs that all cross, in two rounds whose tasks share no pair.
    fn rectangle(&self, left: &[u32], right: &[u32]) {
        let (rows, columns) = (left.len(), right.len());
        if rows <= TILE && columns <= TILE {
            return self.tiles(left, right);
        }
        let (left_low, left_high) = left.split_at(if rows > TILE { rows / 2 } else { rows });
        let (right_low, right_high) =
            right.split_at(if columns > TILE { columns / 2 } else { columns });
        for (first, second) in [(right_low, right_high), (right_high, right_low)] {
            self.both(
                rows + columns,
                || self.rectangle(left_low, first),
                || self.rectangle(left_high, second),
            );
        }
    }

    fn tiles(&self, left: &[u32], right: &[u32]) {
        if left.is_empty() || right.is_empty() {
            return;
        }
        self.watched.look();
        let (mut rows, mut columns) = (Tile::of(self, left), Tile::of(self, right));
        dispatch(
            #[inline(always)]
            || {
                let mut reach = 0;
                for i in 0..rows.pairs {
                    let (b, s, count) = (rows.b[i], rows.s[i], rows.count[i]);
                    while reach < columns.pairs && columns.s[reach] < s {
                        reach += 1;
                    }
                    rows.shift[i] += columns.row(b, s, count, 0..reach);
                }
            },
        );
        rows.add_to(self, left);
        columns.add_to(self, right);
    }
}
