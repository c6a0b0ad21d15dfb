//! What composites are taken from, for their order and for F: a row of features.
//!
//! Composites that differ little beside their magnitude lose their differences to the rounding of the
//! additions: they are taken from the first agent's features, which leaves differences of
//! neighbouring numbers, exact ones. All others are taken from zero, so that sums of integers stay
//! exact and equal ones ties.

use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::real::Real;
use crate::statistics::Extent;
use crate::value_function::composite;

/// The part of their magnitude below which what differs is lost: for F and along a path, where the
/// attributions are as small.
pub(super) const SMALL: f64 = 0.25;

/// The same for ranks, which rounding hardly moves: equal float64 composites are ties, unless most of
/// their digits are common to all.
pub(super) const TINY: f64 = 1.0 / (1_u64 << 40) as f64;

/// The row, or none for zero.
pub(super) struct Offset(Option<Vec<f64>>);

impl Offset {
    /// For composites, of this extent taken from zero, that differ by less than a part of their
    /// magnitude.
    pub(super) fn new<T: Real>(
        x: &Step<'_, T>,
        weights: &[f64],
        extent: &Extent,
        part: f64,
    ) -> Self {
        let (mut row, mut value) = (Vec::with_capacity(weights.len()), [T::ZERO]);
        x.for_each_block(0..1, |agents, _| {
            for k in 0..weights.len() {
                x.features().gather(k, agents, &mut value);
                row.push(value[0].to_f64());
            }
        });
        let magnitude: f64 = weights.iter().zip(&row).map(|(w, value)| (w * value).abs()).sum();
        Self((extent.max - extent.min < part * magnitude).then_some(row))
    }

    /// The offset of composites, and their extent taken from there; `read` finds the extent taken
    /// from a row.
    pub(super) fn measure<T: Real>(
        x: &Step<'_, T>,
        weights: &[f64],
        part: f64,
        mut read: impl FnMut(&Baseline<'_, T>) -> Result<Extent>,
    ) -> Result<(Self, Extent)> {
        let extent = read(&Baseline::Zero)?;
        let offset = Self::new(x, weights, &extent, part);
        let extent = if offset.is_zero() { extent } else { read(&offset.row())? };
        Ok((offset, extent))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn row<T>(&self) -> Baseline<'_, T> {
        self.0.as_deref().map_or(Baseline::Zero, Baseline::Common)
    }

    /// The composite of a common baseline, taken from here.
    pub(super) fn of_baseline<T: Real>(&self, weights: &[f64], baseline: &Baseline<'_, T>) -> f64 {
        let row = self.row::<T>().row(weights.len());
        composite::of_baseline(weights, baseline, &row)
    }
}
