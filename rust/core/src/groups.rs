//! Sums of values over groups of agents.

use crate::blocks::{self, Merge, merge_tree};
use crate::memory;
use crate::real::Real;

/// Sums of a group side by side, so that neighbours of one group do not wait for each other.
const SIDES: usize = 4;

/// Up to so many groups every chunk has sums of its own; beyond, that would be more to merge than
/// to add.
const PER_CHUNK: usize = blocks::CHUNK / SIDES;

struct Sums(Vec<f64>);

impl Merge for Sums {
    fn merge(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(sum, other)| *sum += other);
        self
    }
}

/// The sum of the values of each of `groups` groups; `codes` holds the group of every value.
///
/// # Panics
/// If a code is no number below `groups`.
#[must_use]
pub fn group_sums<T: Real>(values: &[T], codes: &[i64], groups: usize) -> Vec<f64> {
    if groups > PER_CHUNK {
        let mut sums = memory::zeros::<f64>(groups);
        for (value, &code) in values.iter().zip(codes) {
            sums[code as usize] += value.to_f64();
        }
        return sums;
    }
    let states = blocks::map(values.len(), |range| {
        let mut sides = memory::zeros::<f64>(SIDES * groups);
        for (i, (value, &code)) in values[range.clone()].iter().zip(&codes[range]).enumerate() {
            sides[SIDES * code as usize + i % SIDES] += value.to_f64();
        }
        let (sides, _) = sides.as_chunks::<SIDES>();
        Sums(memory::collect(sides.iter().map(|[a, b, c, d]| (a + b) + (c + d))))
    });
    merge_tree(states).map_or_else(|| vec![0.0; groups], |Sums(sums)| sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_groups_of_few_and_many_agents() {
        for n in [0, 1, 5, blocks::CHUNK, 2 * blocks::CHUNK + 3] {
            for groups in [1, 3, PER_CHUNK, PER_CHUNK + 1] {
                let values: Vec<f64> = (0..n).map(|i| (i % 11) as f64 - 5.0).collect();
                let codes: Vec<i64> = (0..n).map(|i| (i * i % groups) as i64).collect();
                let mut wanted = vec![0.0; groups];
                for (value, &code) in values.iter().zip(&codes) {
                    wanted[code as usize] += value;
                }
                // Sums of small whole numbers are exact in any order.
                assert_eq!(group_sums(&values, &codes, groups), wanted);
            }
        }
        assert_eq!(group_sums(&[1.5_f32, 2.0], &[1, 1], 2), [0.0, 3.5]);
    }
}
