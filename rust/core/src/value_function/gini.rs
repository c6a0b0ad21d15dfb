//! Gini mean difference of the composite: `F = 1/n^2 sum_ij |s_i - s_j|`,
//! `phi_i = 2/n^2 (2 r_i - n - 1) (s_i - b_i)` with ascending mid-ranks r from 1.
//!
//! That holds for every baseline ordered as the composites (comonotone): no pair changes its order
//! along the path. Ties are pairs equal in both ends.

use super::composite::Composite;
use super::{Outcome, ValueFunction};
use crate::blocks::{self, BLOCK, LANES, Merge, merge_tree};
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::rank::{RankWeights, from_ordered_bits, ordered_bits};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Extent, Extremes, Scale, Scaled, fold};
use rayon::prelude::*;

/// Gini mean difference of the composite, with the convention c = 1/n^2.
#[derive(Clone, Debug)]
pub struct GiniMeanDifference {
    composite: Composite,
}

/// Weight of the ranks `first..=last`: `2/n^2 (2 r - n - 1)` at their mid-rank r.
fn rank_weight(n: usize) -> impl Fn(u64, u64) -> f64 + Sync {
    let factor = 2.0 / (n as f64 * n as f64);
    move |first, last| ((first + last) as i64 - (n as i64 + 1)) as f64 * factor
}

/// Sums of attributions, and F itself, taken about a centre so that its rounding is its own.
struct Ranked {
    scaled: Scaled,
    value: f64,
}

impl Merge for Ranked {
    fn merge(self, other: Self) -> Self {
        Self { scaled: self.scaled.merge(other.scaled), value: self.value + other.value }
    }
}

impl GiniMeanDifference {
    /// With one weight per feature, or 1 for each.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] for weights.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        Ok(Self { composite: Composite::new(weights)? })
    }

    /// Writes the composites to `out`.
    fn composites<T: Real>(&self, x: &Step<'_, T>, out: &mut [T]) -> Result<Extent> {
        let extent = self.composite.write(x, out, &Extremes::default())?;
        if extent.sum.is_finite() { Ok(extent) } else { Err(x.explain_non_finite(&Baseline::Zero)) }
    }

    /// The path from one row per agent.
    fn per_agent<T: Real>(
        &self,
        x: &Step<'_, T>,
        rows: &Features<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let n = x.present();
        let base = x.with_features(rows.clone());
        let mut b = vec![T::ZERO; n];
        let centre = self.composites(x, out)?.sum / n as f64;
        let base_extent = self.composites(&base, &mut b);
        let base_centre = base_extent.map_err(Error::of_baseline)?.sum / n as f64;
        let key = |i: usize| (ordered_bits(out[i]), ordered_bits(b[i]));
        let mut order: Vec<usize> = (0..n).collect();
        if blocks::chunks(n) == 1 {
            order.sort_unstable_by_key(|&i| key(i));
        } else {
            order.par_sort_unstable_by_key(|&i| key(i));
        }
        if let Some(pair) = order.windows(2).find(|pair| key(pair[0]).1 > key(pair[1]).1) {
            return Err(Error::NotComonotone { lower: x.agent(pair[0]), upper: x.agent(pair[1]) });
        }
        let weight = rank_weight(n);
        let (mut value, mut baseline_value) = (0.0, 0.0);
        let mut first = 0;
        while first < n {
            // Overwriting baselines of this tie block leaves those of later blocks as they are.
            let (s, base) = (out[order[first]], b[order[first]]);
            let rest = &order[first..];
            let count = rest.iter().take_while(|&&i| out[i] == s && b[i] == base).count();
            let shared = weight(first as u64 + 1, (first + count) as u64);
            let (s, base) = (s.to_f64(), base.to_f64());
            value += count as f64 * shared * (s - centre);
            baseline_value += count as f64 * shared * (base - base_centre);
            for &i in &rest[..count] {
                b[i] = T::from_f64(shared * (s - base));
            }
            first += count;
        }
        let sums = blocks::map_mut(out, |start, out| {
            let mut scale = Scale::by(1.0);
            out.copy_from_slice(&b[start..start + out.len()]);
            for block in out.chunks_mut(BLOCK) {
                scale.absorb(block);
            }
            Absorb::<T>::total(scale)
        });
        let scaled = merge_tree(sums).unwrap_or_default();
        if !(scaled.sum + value + baseline_value).is_finite() {
            return Err(Error::Overflow { real: T::NAME });
        }
        Ok(Outcome { value, baseline_value, sum: scaled.sum, magnitude: scaled.magnitude })
    }
}

impl<T: Real> ValueFunction<T> for GiniMeanDifference {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let n = x.present();
        let mut composites = vec![T::ZERO; n];
        let extent = self.composites(x, &mut composites)?;
        let centre = extent.sum / n as f64;
        let mut keys: Vec<u64> = composites.iter().map(|&s| ordered_bits(s)).collect();
        if blocks::chunks(n) == 1 {
            keys.sort_unstable();
        } else {
            keys.par_sort_unstable();
        }
        let weight = rank_weight(n);
        // Ties need no care here: their weights differ, their values do not.
        let sums = blocks::map(n, |ranks| {
            let first = ranks.start as u64 + 1;
            let terms = keys[ranks].iter().zip(first..);
            Total(terms.map(|(&key, r)| weight(r, r) * (from_ordered_bits(key) - centre)).sum())
        });
        Ok(merge_tree(sums).map_or(0.0, |total| total.0))
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
        let n = out.len();
        let extent = self.composites(x, out)?;
        let (centre, base) = (extent.sum / n as f64, Composite::of_row(&weights, baseline));
        let ranks = RankWeights::new(out, extent.min, extent.max, rank_weight(n));
        let sums = blocks::map_mut(out, |start, part| {
            let mut scale = Scale::by(1.0);
            let mut value = [0.0; LANES];
            ranks.replay(start..start + part.len(), |position, weights| {
                let block = &mut part[position - start..][..weights.len()];
                dispatch(
                    #[inline(always)]
                    || apply(block, weights, base, centre, &mut scale, &mut value),
                );
            });
            Ranked { scaled: Absorb::<T>::total(scale), value: fold(value) }
        });
        let Some(sums) = merge_tree(sums) else { return Err(Error::Empty) };
        if !(sums.scaled.sum + sums.value).is_finite() {
            return Err(Error::Overflow { real: T::NAME });
        }
        Ok(Outcome {
            value: sums.value,
            baseline_value: 0.0,
            sum: sums.scaled.sum,
            magnitude: sums.scaled.magnitude,
        })
    }
}

/// A sum over ranks.
struct Total(f64);

impl Merge for Total {
    fn merge(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// Composites to attributions, in place, with the terms of F added to the lanes of `value`.
#[inline(always)]
fn apply<T: Real>(
    block: &mut [T],
    weights: &[f64],
    base: f64,
    centre: f64,
    scale: &mut Scale,
    value: &mut [f64; LANES],
) {
    let mut lanes = *value;
    let (whole, rest) = block.as_chunks_mut::<LANES>();
    let (whole_weights, rest_weights) = weights.as_chunks::<LANES>();
    let mut term = |lane: usize, s: &mut T, weight: f64| {
        lanes[lane] += weight * (s.to_f64() - centre);
        *s = T::from_f64(weight * (s.to_f64() - base));
    };
    for (row, weights) in whole.iter_mut().zip(whole_weights) {
        for lane in 0..LANES {
            term(lane, &mut row[lane], weights[lane]);
        }
    }
    for (lane, (s, &weight)) in rest.iter_mut().zip(rest_weights).enumerate() {
        term(lane, s, weight);
    }
    *value = lanes;
    scale.absorb(block);
}
