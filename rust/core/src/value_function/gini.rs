//! Gini mean difference of the composite: `F = 1/n^2 sum_ij |s_i - s_j|`,
//! `phi_i = 2/n^2 (2 r_i - n - 1) (s_i - b_i)` with ascending mid-ranks r from 1.
//!
//! That holds for every baseline ordered as the composites: no pair changes its order along the
//! path. Baselines per agent, ordered or not, are in `crossing`.

mod coalitions;
mod crossing;
mod exact;
mod game;
mod members;
mod offset;
mod orders;
mod two_steps;
mod values;

use super::composite::{self, Composites, Weights};
use super::{MeanFunction, Outcome, ValueFunction};
use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::game::Game;
use crate::linear::weighted_sum;
use crate::memory;
use crate::rank::{RankWeights, from_ordered_bits, ordered_bits};
use crate::real::Real;
use crate::simd::dispatch;
use crate::sort::sort;
use crate::statistics::{Absorb, Extent, Extremes, Scale, Scaled, fold};

use crossing::End;
use exact::Method;
use game::GiniGame;
use offset::Offset;

/// Gini mean difference of the composite, with the convention c = 1/n^2.
#[derive(Clone, Debug)]
pub struct GiniMeanDifference {
    weights: Weights,
}

/// Weight of the ranks `first..=last`: `2/n^2 (2 r - n - 1)` at their mid-rank r.
fn rank_weight(n: usize) -> impl Fn(u64, u64) -> f64 + Sync {
    let factor = 2.0 / (n as f64 * n as f64);
    move |first, last| ((first + last) as i64 - (n as i64 + 1)) as f64 * factor
}

/// Smallest, largest and sum of the composites taken from a row; they are not kept.
fn extent<T: Real>(x: &Step<'_, T>, weights: &[f64], row: &Baseline<'_, T>) -> Result<Extent> {
    let states = blocks::map(x.present(), |positions| {
        composite::pieces(weights, x, row, positions, Extremes::default(), |_, _| ())
    });
    finite(merge_tree(states).ok_or(Error::Empty)?, x)
}

fn finite<T: Real>(extent: Extent, x: &Step<'_, T>) -> Result<Extent> {
    if extent.sum.is_finite() { Ok(extent) } else { Err(x.explain_non_finite(&Baseline::Zero)) }
}

impl GiniMeanDifference {
    /// With one weight per feature, or 1 for each.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for weights.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        Ok(Self { weights: Weights::new(weights)? })
    }

    /// The path from one row per agent.
    fn per_agent<T: Real>(
        &self,
        x: &Step<'_, T>,
        rows: &Features<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let weights = self.weights.of(x.features())?;
        let base = x.with_features(rows.clone());
        let measure = |step| {
            let mut raw = None;
            let (offset, extent) = Offset::measure(step, &weights, offset::SMALL, |row| {
                let extent = extent(step, &weights, row)?;
                raw.get_or_insert(extent);
                Ok(extent)
            })?;
            Ok(End { step, offset, extent, raw: raw.unwrap_or(extent) })
        };
        let of_x = measure(x)?;
        let of_base = measure(&base).map_err(Error::of_baseline)?;
        let weighed = crossing::weigh(&[of_base, of_x], &weights)?;
        let path = Baseline::PerAgent(rows.clone());
        let sums = blocks::map_mut(out, |start, part| {
            let positions = start..start + part.len();
            let (differences, ()) = composite::chunk(&weights, x, &path, positions, ());
            let mut scale = Scale::by(1.0);
            for (block, part) in part.chunks_mut(BLOCK).enumerate() {
                let ranks = weighed.block(start + block * BLOCK, part.len());
                let differences = &differences[block * BLOCK..];
                for ((value, weight), difference) in part.iter_mut().zip(ranks).zip(differences) {
                    *value = T::from_f64(weight * difference);
                }
                scale.absorb(part);
            }
            Absorb::<T>::total(scale)
        });
        let sums = merge_tree(sums).unwrap_or_default();
        let outcome = outcome(sums, weighed.value, weighed.baseline_value, T::NAME)?;
        Ok(Outcome { error: weighed.error, estimator: weighed.estimator, ..outcome })
    }
}

fn outcome(sums: Scaled, value: f64, baseline_value: f64, real: &'static str) -> Result<Outcome> {
    if !(sums.sum + value + baseline_value).is_finite() {
        return Err(Error::Overflow { real });
    }
    Ok(Outcome::closed_form(value, baseline_value, sums))
}

fn coalitions<T: Real>(
    function: &GiniMeanDifference,
    method: Method,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let weights = function.weights.of(x.features())?;
    match baseline {
        Baseline::PerAgent(rows) => exact::per_agent(method, x, &weights, rows, out),
        _ => exact::common(method, x, &weights, baseline, out),
    }
}

impl<T: Real> ValueFunction<T> for GiniMeanDifference {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let weights = self.weights.of(x.features())?;
        let n = x.present();
        let mut keys = memory::zeros::<u64>(n);
        let (_, extent) = Offset::measure(x, &weights, offset::SMALL, |row| {
            let extents = blocks::map_mut(&mut keys, |start, keys| {
                let positions = start..start + keys.len();
                let (s, extent) =
                    composite::chunk(&weights, x, row, positions, Extremes::default());
                keys.iter_mut().zip(s.iter()).for_each(|(key, s)| *key = ordered_bits(*s));
                extent
            });
            finite(merge_tree(extents).ok_or(Error::Empty)?, x)
        })?;
        let centre = extent.sum / n as f64;
        sort(&mut keys);
        let weight = rank_weight(n);
        // Ties need no care here: their weights differ, their values do not.
        let sums = blocks::map(n, |ranks| {
            let first = ranks.start as u64 + 1;
            let terms = keys[ranks].iter().zip(first..);
            terms.map(|(&key, r)| weight(r, r) * (from_ordered_bits(key) - centre)).sum()
        });
        let value: f64 = merge_tree(sums).unwrap_or_default();
        if value.is_finite() { Ok(value) } else { Err(Error::Overflow { real: f64::NAME }) }
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
        let weights = self.weights.of(x.features())?;
        let n = out.len();
        // In f64 the composites wait in `out` for their ranks; f32 could not hold them.
        let mut raw = None;
        let (offset, extent) = Offset::measure(x, &weights, offset::TINY, |row| {
            let extent = match T::as_f64s(out) {
                Some(held) => finite(weighted_sum(x, row, &weights, held, &Extremes::default()), x),
                None => extent(x, &weights, row),
            }?;
            raw.get_or_insert(extent);
            Ok(extent)
        })?;
        let ranks = if let Some(held) = T::as_f64s(out) {
            RankWeights::new(&*held, extent.bounds(), &rank_weight(n)).0
        } else {
            let composites = Composites { x, baseline: &offset.row(), weights: &weights };
            RankWeights::new(&composites, extent.bounds(), &rank_weight(n)).0
        };
        let held = T::as_f64s(out).is_some() && offset.is_zero();
        let held = held && matches!(baseline, Baseline::Zero);
        let centre = extent.sum / n as f64 - offset.of_baseline(&weights, baseline);
        let sums = blocks::map_mut(out, |start, part| {
            let positions = start..start + part.len();
            let read =
                (!held).then(|| composite::chunk(&weights, x, baseline, positions.clone(), ()).0);
            let mut scale = Scale::by(1.0);
            let mut value = [0.0; LANES];
            ranks.replay(positions, |position, weights| {
                let block = position - start..position - start + weights.len();
                let part = &mut part[block.clone()];
                let mut differences = [0.0; BLOCK];
                match &read {
                    Some(read) => differences[..weights.len()].copy_from_slice(&read[block]),
                    None => {
                        let pairs = differences.iter_mut().zip(part.iter());
                        pairs.for_each(|(difference, s)| *difference = s.to_f64());
                    }
                }
                dispatch(
                    #[inline(always)]
                    || apply(part, weights, &differences, centre, &mut scale, &mut value),
                );
            });
            (Absorb::<T>::total(scale), fold(value))
        });
        let (sums, value) = merge_tree(sums).ok_or(Error::Empty)?;
        // What the differences from a far baseline have lost, F has not.
        let alone = Offset::new(x, &weights, &raw.unwrap_or(extent), offset::SMALL);
        let value = if alone.is_zero() { value } else { self.value(x)? };
        outcome(sums, value, 0.0, T::NAME)
    }

    fn game(&self, x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Box<dyn Game>> {
        Ok(Box::new(GiniGame::of(&self.weights, x, baseline)?))
    }

    fn shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        coalitions(self, Method::Shapley, x, baseline, out)
    }

    fn leave_one_out(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        coalitions(self, Method::LeaveOneOut, x, baseline, out)
    }

    fn mean_function(&self) -> Result<&dyn MeanFunction> {
        Err(Error::NoMeanFunction { function: "gini" })
    }
}

/// Writes the attributions of a block and adds the terms of F, taken about a centre so that its
/// rounding is its own, to the lanes of `value`.
#[inline(always)]
fn apply<T: Real>(
    part: &mut [T],
    weights: &[f64],
    differences: &[f64; BLOCK],
    centre: f64,
    scale: &mut Scale,
    value: &mut [f64; LANES],
) {
    let mut lanes = *value;
    let (whole, rest) = weights.as_chunks::<LANES>();
    let (rows, tail) = differences[..weights.len()].as_chunks::<LANES>();
    for (weights, differences) in whole.iter().zip(rows) {
        for lane in 0..LANES {
            lanes[lane] += weights[lane] * (differences[lane] - centre);
        }
    }
    for (lane, (weight, difference)) in rest.iter().zip(tail).enumerate() {
        lanes[lane] += weight * (difference - centre);
    }
    *value = lanes;
    for ((value, weight), difference) in part.iter_mut().zip(weights).zip(differences) {
        *value = T::from_f64(weight * difference);
    }
    scale.absorb(part);
}
