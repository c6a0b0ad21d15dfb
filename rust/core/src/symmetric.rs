//! Symmetric tensors over the features, one number per ascending tuple of indices.

use std::collections::HashMap;

/// The ascending tuples of one length, in lexicographic order.
pub(crate) struct Tuples {
    tuples: Vec<Vec<usize>>,
    ranks: HashMap<Vec<usize>, usize>,
}

impl Tuples {
    /// Of indices below `d`.
    pub(crate) fn new(d: usize, length: usize) -> Self {
        let mut tuples = vec![Vec::new()];
        for _ in 0..length {
            let longer = tuples.iter().flat_map(|tuple: &Vec<usize>| {
                let first = tuple.last().copied().unwrap_or(0);
                (first..d).map(move |index| tuple.iter().copied().chain([index]).collect())
            });
            tuples = longer.collect();
        }
        let ranks = tuples.iter().cloned().zip(0..).collect();
        Self { tuples, ranks }
    }

    pub(crate) fn all(&self) -> &[Vec<usize>] {
        &self.tuples
    }

    /// The place of a tuple, which may be in any order.
    pub(crate) fn rank(&self, tuple: impl Iterator<Item = usize>) -> usize {
        let mut tuple: Vec<usize> = tuple.collect();
        tuple.sort_unstable();
        self.ranks[&tuple]
    }

    /// In how many orders each tuple can be written.
    pub(crate) fn orders(&self) -> Vec<f64> {
        let factorial = |n: usize| (1..=n).product::<usize>() as f64;
        let orders = |tuple: &Vec<usize>| {
            let ties = tuple.chunk_by(|a, b| a == b).map(|ties| factorial(ties.len()));
            factorial(tuple.len()) / ties.product::<f64>()
        };
        self.tuples.iter().map(orders).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_stand_for_all_orders() {
        for (d, length) in [(1, 5), (3, 0), (3, 1), (3, 2), (2, 4), (4, 3)] {
            let tuples = Tuples::new(d, length);
            assert_eq!(tuples.orders().iter().sum::<f64>(), (d as f64).powi(length as i32));
            for (rank, tuple) in tuples.all().iter().enumerate() {
                assert_eq!(tuples.rank(tuple.iter().rev().copied()), rank);
            }
        }
        assert_eq!(Tuples::new(2, 2).all(), [[0, 0], [0, 1], [1, 1]]);
        assert_eq!(Tuples::new(2, 3).orders(), [1.0, 3.0, 3.0, 1.0]);
    }
}
