//! The composite s_i of an agent: the weighted sum of its features, in f64 for either type.

use crate::blocks::{BLOCK, CHUNK};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::linear;
use crate::rank::Values;
use crate::real::Real;
use crate::statistics::Absorb;
use std::ops::Range;

/// Agents whose composites fit into the first-level cache beside their features.
const PIECE: usize = 4 * BLOCK;

/// Weights of the features; 1 for each unless given.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    given: Option<Vec<f64>>,
}

impl Weights {
    pub(super) fn new(weights: Option<&[f64]>) -> Result<Self> {
        if let Some(weights) = weights
            && let Some(feature) = weights.iter().position(|weight| !weight.is_finite())
        {
            let value = weights[feature];
            return Err(Error::NonFinite { argument: "weights", value, agent: None, feature });
        }
        Ok(Self { given: weights.map(<[f64]>::to_vec) })
    }

    /// One weight per feature.
    pub(super) fn of<T: Real>(&self, features: &Features<'_, T>) -> Result<Vec<f64>> {
        self.for_features(features.features())
    }

    /// One weight for each of `wanted` features.
    pub(super) fn for_features(&self, wanted: usize) -> Result<Vec<f64>> {
        match &self.given {
            None => Ok(vec![1.0; wanted]),
            Some(weights) if weights.len() == wanted => Ok(weights.clone()),
            Some(weights) => {
                let (argument, what, got) = ("weights", "features", weights.len());
                Err(Error::Shape { argument, what, got, wanted })
            }
        }
    }

    /// The weight of one of the features.
    pub(super) fn of_feature(&self, feature: usize) -> f64 {
        self.given.as_ref().map_or(1.0, |weights| weights[feature])
    }
}

/// The composite of a row, in the order in which an agent's features are added up.
pub(super) fn of_row(weights: &[f64], row: &[f64]) -> f64 {
    weights.iter().zip(row).fold(0.0, |sum, (weight, value)| sum + weight * value)
}

/// The composite of a common baseline relative to a row, as an agent standing there would have it: a
/// dummy gets zero.
pub(super) fn of_baseline<T: Real>(
    weights: &[f64],
    baseline: &Baseline<'_, T>,
    row: &[f64],
) -> f64 {
    let from: Vec<f64> = baseline.row(row.len()).iter().zip(row).map(|(b, row)| b - row).collect();
    of_row(weights, &from)
}

/// The composites of one chunk of positions, less those of the baseline, and what `absorb` made of
/// them.
pub(super) fn chunk<T: Real, A: Absorb<f64>>(
    weights: &[f64],
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    positions: Range<usize>,
    mut absorb: A,
) -> (Buffer, A::Total) {
    let mut out = Buffer::of(positions.len());
    linear::chunk(x, baseline, weights, positions, &mut out, &mut absorb);
    (out, absorb.total())
}

/// As [`chunk`], piece by piece through the first-level cache: calls `work` with the positions and
/// composites of each.
pub(super) fn pieces<T: Real, A: Absorb<f64>>(
    weights: &[f64],
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    positions: Range<usize>,
    mut absorb: A,
    mut work: impl FnMut(Range<usize>, &[f64]),
) -> A::Total {
    // Only chunks are where presence can be entered.
    let piece = if x.everyone_is_present() { PIECE } else { CHUNK };
    let mut buffer = Buffer::of(piece.min(positions.len()));
    let mut start = positions.start;
    while start < positions.end {
        let end = positions.end.min(start + piece);
        let out = &mut buffer[..end - start];
        linear::chunk(x, baseline, weights, start..end, out, &mut absorb);
        work(start..end, out);
        start = end;
    }
    absorb.total()
}

/// Composites, less those of the baseline, that are read from the features whenever they are
/// wanted.
pub(super) struct Composites<'a, 'x, T> {
    pub(super) x: &'a Step<'x, T>,
    pub(super) baseline: &'a Baseline<'a, T>,
    pub(super) weights: &'a [f64],
}

impl<T: Real> Values for Composites<'_, '_, T> {
    fn len(&self) -> usize {
        self.x.present()
    }

    fn with<R>(&self, positions: Range<usize>, work: impl FnOnce(&[f64]) -> R) -> R {
        // Chunks are where presence can be entered.
        let start = positions.start / CHUNK * CHUNK;
        let (values, ()) = chunk(self.weights, self.x, self.baseline, start..positions.end, ());
        work(&values[positions.start - start..])
    }
}
