//! Baselines apart from the composites: all of one end lie above all of the other, by more than each
//! end is wide.
//!
//! Distances between the ends would be large numbers of which little is left. What is left is, for
//! composites above, `phi_i = k [sum_j max(0, s_i - s_j) - sum_j max(0, b_j - b_i)]`, and its mirror
//! image below: each end is ranked alone, relative to a row amid it.

use super::{Method, extent, rank_common};
use crate::blocks::{self, merge_tree};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::first_means;
use crate::rank::RankWeights;
use crate::real::Real;
use crate::statistics::{Absorb, Extent, Scale};
use crate::value_function::Outcome;
use crate::value_function::composite::Composites;

/// Both ends, x first.
pub(super) struct Apart {
    ranks: [RankWeights<f64>; 2],
    /// F of both.
    pub(super) values: [f64; 2],
}

impl Apart {
    /// `None` where the ends, whose extents are taken from one row, are not apart.
    pub(super) fn new<T: Real>(
        ends: [&Step<'_, T>; 2],
        weights: &[f64],
        [of_x, of_base]: [Extent; 2],
    ) -> Result<Option<Self>> {
        let (above, below) = (of_x.min - of_base.max, of_base.min - of_x.max);
        let widest = (of_x.max - of_x.min).max(of_base.max - of_base.min);
        if above.max(below) < widest {
            return Ok(None);
        }
        let rank = |end: usize| {
            let row = first_means(ends[end]);
            let shift = Baseline::Common(&row);
            let extent = extent(ends[end], weights, &shift)?;
            let from = if (above >= below) == (end == 0) { extent.min } else { extent.max };
            let composites = Composites { x: ends[end], baseline: &shift, weights };
            Ok(rank_common(Method::Shapley, &composites, extent, from))
        };
        let (Some((of_x, value)), Some((of_base, baseline_value))) = (rank(0)?, rank(1)?) else {
            return Ok(None);
        };
        Ok(Some(Self { ranks: [of_x, of_base], values: [value, baseline_value] }))
    }

    /// The Shapley values.
    pub(super) fn attribute<T: Real>(&self, out: &mut [T]) -> Result<Outcome> {
        let sums = blocks::map_mut(out, |start, part| {
            let positions = start..start + part.len();
            let mut of_base = Buffer::of(part.len());
            self.ranks[1].replay(positions.clone(), |position, block| {
                of_base[position - start..][..block.len()].copy_from_slice(block);
            });
            let mut scale = Scale::by(1.0);
            self.ranks[0].replay(positions, |position, block| {
                let places = position - start..position - start + block.len();
                let part = &mut part[places.clone()];
                for ((value, of_x), of_base) in part.iter_mut().zip(block).zip(&of_base[places]) {
                    *value = T::from_f64(of_x - of_base);
                }
                scale.absorb(part);
            });
            Absorb::<T>::total(scale)
        });
        let sums = merge_tree(sums).ok_or(Error::Empty)?;
        let [value, baseline_value] = self.values;
        if !(sums.sum + value + baseline_value).is_finite() {
            return Err(Error::Overflow { real: T::NAME });
        }
        Ok(Outcome::closed_form(value, baseline_value, sums))
    }
}
