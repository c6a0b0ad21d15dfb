//! Population variance of the composite: `F = mean (s_i - sbar)^2`,
//! `phi_i = (s_i - b_i) (2/n) (m_i - mbar)` with `m = (s + b) / 2`.
//!
//! A common baseline leaves `(s_i - b) (s_i - sbar) / n`: the composites wait in `out` and are
//! rewritten there. Baselines per agent read x twice instead.

use super::composite::Composite;
use super::{Outcome, ValueFunction};
use crate::blocks::{self, BLOCK, Merge, merge_tree};
use crate::error::Result;
use crate::features::{Baseline, Features, Step};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Deviations, Moments, Scale};

/// Variance of the composite.
#[derive(Clone, Debug)]
pub struct Variance {
    composite: Composite,
}

/// Moments of the composites of x, of the baseline, and of their midpoints.
#[derive(Clone, Default)]
struct Paired {
    x: Moments,
    baseline: Moments,
    middle: Moments,
}

impl Merge for Paired {
    fn merge(self, other: Self) -> Self {
        Self {
            x: self.x.merge(other.x),
            baseline: self.baseline.merge(other.baseline),
            middle: self.middle.merge(other.middle),
        }
    }
}

impl Variance {
    /// With one weight per feature, or 1 for each.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] for weights.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        Ok(Self { composite: Composite::new(weights)? })
    }

    /// The path from one row per agent.
    fn per_agent<T: Real>(
        &self,
        x: &Step<'_, T>,
        rows: &Features<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let weights = self.composite.weights(x.features().features())?;
        let n = x.present() as f64;
        let base = x.with_features(rows.clone());
        let states = blocks::map(x.present(), |positions| {
            let (s, x) = Composite::chunk(&weights, x, positions.clone(), Deviations::default());
            let (b, baseline) = Composite::chunk(&weights, &base, positions, Deviations::default());
            let mut middles: Vec<f64> =
                s.iter().zip(&b).map(|(s, b)| 0.5 * (s.to_f64() + b.to_f64())).collect();
            let mut middle = Deviations::default();
            for block in middles.chunks_mut(BLOCK) {
                middle.absorb(block);
            }
            Paired { x, baseline, middle: Absorb::<f64>::total(middle) }
        });
        let moments = merge_tree(states).unwrap_or_default();
        let middle = moments.middle.mean;
        let sums = blocks::map_mut(out, |start, out| {
            let positions = start..start + out.len();
            let nothing = Scale::by(1.0);
            let (s, _) = Composite::chunk(&weights, x, positions.clone(), nothing.clone());
            let (b, _) = Composite::chunk(&weights, &base, positions, nothing);
            let mut scale = Scale::by(2.0 / n);
            for ((out, s), b) in out.chunks_mut(BLOCK).zip(s.chunks(BLOCK)).zip(b.chunks(BLOCK)) {
                for ((value, s), b) in out.iter_mut().zip(s).zip(b) {
                    let (s, b) = (s.to_f64(), b.to_f64());
                    *value = T::from_f64((s - b) * (0.5 * (s + b) - middle));
                }
                scale.absorb(out);
            }
            Absorb::<T>::total(scale)
        });
        let scaled = merge_tree(sums).unwrap_or_default();
        let (value, baseline_value) = (moments.x.variance(), moments.baseline.variance());
        if !(scaled.sum + value + baseline_value).is_finite() {
            return Err(x.explain_non_finite(&Baseline::PerAgent(rows.clone())));
        }
        Ok(Outcome { value, baseline_value, sum: scaled.sum, magnitude: scaled.magnitude })
    }
}

impl<T: Real> ValueFunction<T> for Variance {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let weights = self.composite.weights(x.features().features())?;
        let states = blocks::map(x.present(), |positions| {
            Composite::chunk(&weights, x, positions, Deviations::default()).1
        });
        let value = merge_tree(states).unwrap_or_default().variance();
        if value.is_finite() { Ok(value) } else { Err(x.explain_non_finite(&Baseline::Zero)) }
    }

    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        if let Baseline::PerAgent(rows) = baseline {
            return self.per_agent(x, rows, out);
        }
        let weights = self.composite.weights(x.features().features())?;
        let n = x.present() as f64;
        let moments = self.composite.write(x, out, &Deviations::default())?;
        let (mean, base) = (moments.mean, Composite::of_row(&weights, baseline));
        let sums = blocks::map_mut(out, |_, part| {
            let mut scale = Scale::by(1.0 / n);
            dispatch(
                #[inline(always)]
                || {
                    for block in part.chunks_mut(BLOCK) {
                        for value in block.iter_mut() {
                            let s = value.to_f64();
                            *value = T::from_f64((s - base) * (s - mean));
                        }
                        scale.absorb(block);
                    }
                },
            );
            Absorb::<T>::total(scale)
        });
        let scaled = merge_tree(sums).unwrap_or_default();
        let value = moments.variance();
        if !(scaled.sum + value).is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Outcome { value, baseline_value: 0.0, sum: scaled.sum, magnitude: scaled.magnitude })
    }
}
