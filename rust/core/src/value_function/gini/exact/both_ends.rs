//! The composites of x and of the baselines, ranked together.

use crate::buffer::Buffer;
use crate::rank::{Values, from_ordered_bits, ordered_bits};
use crate::real::Real;
use crate::value_function::composite::Composites;
use std::ops::Range;

/// The composites of both ends, each agent's in x before its baseline's. The last bit of a value
/// says which end it is of.
pub(super) struct BothEnds<'a, 'x, T> {
    pub(super) ends: [Composites<'a, 'x, T>; 2],
}

/// Whether a key is a baseline's.
pub(super) const BASELINE_BIT: u64 = 1;

/// The key of -0.0, which ranks read as 0.0 and thus as one of x.
const NEGATIVE_ZERO: u64 = u64::MAX >> 1;

impl<T: Real> Values for BothEnds<'_, '_, T> {
    fn len(&self) -> usize {
        2 * self.ends[0].len()
    }

    fn with<R>(&self, positions: Range<usize>, work: impl FnOnce(&[f64]) -> R) -> R {
        let agents = positions.start / 2..positions.end.div_ceil(2);
        let mut values = Buffer::of(2 * agents.len());
        for (end, composites) in self.ends.iter().enumerate() {
            composites.with(agents.clone(), |composites| {
                for (pair, &value) in values.as_chunks_mut::<2>().0.iter_mut().zip(composites) {
                    let key = ordered_bits(value) & !BASELINE_BIT | end as u64;
                    let next = 2 * u64::from(key == NEGATIVE_ZERO);
                    pair[end] = from_ordered_bits(key + next);
                }
            });
        }
        let first = positions.start % 2;
        work(&values[first..first + positions.len()])
    }
}
