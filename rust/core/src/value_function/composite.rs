//! The composite s_i of an agent: the weighted sum of its features, in the features' type.

use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear;
use crate::real::Real;
use crate::statistics::Absorb;
use std::ops::Range;

/// Weights of the features; 1 for each unless given.
#[derive(Clone, Debug)]
pub(super) struct Composite {
    weights: Option<Vec<f64>>,
}

impl Composite {
    pub(super) fn new(weights: Option<&[f64]>) -> Result<Self> {
        if let Some(weights) = weights
            && let Some(feature) = weights.iter().position(|weight| !weight.is_finite())
        {
            let value = weights[feature];
            return Err(Error::NonFinite { argument: "weights", value, agent: None, feature });
        }
        Ok(Self { weights: weights.map(<[f64]>::to_vec) })
    }

    /// One weight per feature.
    pub(super) fn weights(&self, features: usize) -> Result<Vec<f64>> {
        match &self.weights {
            None => Ok(vec![1.0; features]),
            Some(weights) if weights.len() == features => Ok(weights.clone()),
            Some(weights) => Err(Error::Shape {
                argument: "weights",
                what: "features",
                got: weights.len(),
                wanted: features,
            }),
        }
    }

    /// The composites of x in `out`, and what `absorb` made of them.
    pub(super) fn write<T: Real, A: Absorb<T>>(
        &self,
        x: &Step<'_, T>,
        out: &mut [T],
        absorb: &A,
    ) -> Result<A::Total> {
        let weights = self.weights(x.features().features())?;
        Ok(linear::weighted_sum(x, &Baseline::Zero, &weights, out, absorb))
    }

    /// The composites of one chunk of positions, and what `absorb` made of them.
    pub(super) fn chunk<T: Real, A: Absorb<T>>(
        weights: &[f64],
        x: &Step<'_, T>,
        positions: Range<usize>,
        mut absorb: A,
    ) -> (Vec<T>, A::Total) {
        let mut out = vec![T::ZERO; positions.len()];
        linear::chunk(x, &Baseline::Zero, weights, positions, &mut out, &mut absorb);
        (out, absorb.total())
    }

    /// The composite of a common baseline, rounded as an agent's.
    pub(super) fn of_row<T: Real>(weights: &[f64], baseline: &Baseline<'_, T>) -> f64 {
        let row = baseline.row(weights.len());
        let sum = weights.iter().zip(row).fold(0.0, |sum, (weight, b)| sum + weight * b);
        T::from_f64(sum).to_f64()
    }
}
