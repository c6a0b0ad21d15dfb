//! Leave-one-out of the heat, `log1p((P - P') / (1 + P'))` with P' the product of the means where
//! agent i stands at its baseline.
//!
//! Neither two logarithms nor two products are subtracted: `P - P'` grows feature by feature, each
//! adding its own difference times the products of the means before it without the agent and of
//! those after it with it. Means are taken relative to their powers of two, which join the 1 of
//! `1 + P'`, so that no product leaves the range on the way.

use super::Ends;
use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::columns::{self, Columns};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::product::Wide;
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Scale};
use crate::value_function::Outcome;

/// Up to here five terms of the logarithm's series are exact to the last bit.
const SERIES: f64 = 1.0 / 1_024.0;

/// Exponents of means and of their product that are not refused.
const EXPONENTS: i64 = 1_000;

/// The means of X relative to their powers of two.
struct Means {
    means: Vec<f64>,
    /// From differences of an agent to those of the relative means.
    factors: Vec<f64>,
    /// The 1 of `1 + P'`.
    one: f64,
    /// `1 + P`, as relative as that.
    whole: f64,
}

impl Means {
    /// None where the product may leave the range.
    fn new(means: &[f64], n: f64) -> Option<Self> {
        let split: Vec<(f64, i64)> = means.iter().map(|&mean| Wide::new(mean).split()).collect();
        let total = split.iter().map(|(_, exponent)| exponent).sum::<i64>();
        let exponents = || split.iter().map(|&(_, exponent)| exponent).chain([total]);
        if exponents().any(|exponent| exponent.abs() > EXPONENTS) {
            return None;
        }
        let power = |exponent: i64| 2.0_f64.powi(-exponent as i32);
        let product: f64 = split.iter().map(|&(mean, _)| mean).product();
        Some(Self {
            whole: power(total) + product,
            means: split.iter().map(|&(mean, _)| mean).collect(),
            factors: split.iter().map(|&(_, exponent)| power(exponent) / n).collect(),
            one: power(total),
        })
    }

    /// Writes `(P - P') / (1 + P')` of a row of agents and returns their relative `1 + P'`. Near its
    /// end, -1, that has no digits left: below -1/2 it is `-1 - (P' - P) / (1 + P)` instead.
    #[inline(always)]
    fn ratios(&self, columns: &Columns, first: usize, ratios: &mut [f64; LANES]) -> [f64; LANES] {
        let (mut difference, mut without) = ([0.0; LANES], [1.0; LANES]);
        for ((column, mean), factor) in columns.iter().zip(&self.means).zip(&self.factors) {
            for lane in 0..LANES {
                let part = column[first + lane] * factor;
                difference[lane] = difference[lane] * mean + without[lane] * part;
                without[lane] *= mean - part;
            }
        }
        for lane in 0..LANES {
            without[lane] += self.one;
            let ratio = difference[lane] / without[lane];
            let falls = difference[lane] / self.whole - 1.0;
            ratios[lane] = if ratio < -0.5 { falls } else { ratio };
        }
        without
    }
}

/// Replaces every ratio by the logarithm that it stands for.
#[inline(always)]
fn logarithms(values: &mut [f64; BLOCK]) {
    let mut largest = 0.0_f64;
    let mut series = *values;
    for z in &mut series {
        largest = if z.abs() > largest { z.abs() } else { largest };
        *z *= 1.0 - *z * (0.5 - *z * (1.0 / 3.0 - *z * (0.25 - *z * 0.2)));
    }
    if largest > SERIES {
        for (log, z) in series.iter_mut().zip(values.iter()) {
            if z.abs() > SERIES {
                *log = if *z < -1.0 { -(-1.0 - z).ln_1p() } else { z.ln_1p() };
            }
        }
    }
    *values = series;
}

/// Every present agent's leave-one-out value.
pub(super) fn leave_one_out<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let Ends { means, value, baseline_value, .. } = Ends::of(x, baseline)?;
    let relative =
        Means::new(&means, out.len() as f64).ok_or(Error::Overflow { real: f64::NAME })?;
    let states = blocks::map_mut(out, |start, out| {
        let mut scale = Scale::by(1.0);
        let mut outside = None;
        columns::for_each_block(x, baseline, start..start + out.len(), |block, columns| {
            let out = &mut out[block.start - start..block.end - start];
            let mut values = [0.0; BLOCK];
            let smallest = dispatch(
                #[inline(always)]
                || {
                    let mut smallest = [f64::INFINITY; LANES];
                    for (row, ratios) in values.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                        let sums = relative.ratios(columns, row * LANES, ratios);
                        for lane in 0..LANES {
                            let smaller = sums[lane] < smallest[lane];
                            smallest[lane] = if smaller { sums[lane] } else { smallest[lane] };
                        }
                    }
                    logarithms(&mut values);
                    for (value, log) in out.iter_mut().zip(&values) {
                        *value = T::from_f64(*log);
                    }
                    scale.absorb(out);
                    smallest.into_iter().fold(f64::INFINITY, f64::min)
                },
            );
            if smallest <= 0.0 && outside.is_none() {
                outside = first_outside(&relative, columns, block);
            }
        });
        (Absorb::<T>::total(scale), outside)
    });
    if let Some((position, product)) = states.iter().find_map(|&(_, outside)| outside) {
        let agent = x.present_agents()[position];
        return Err(Error::HeatDomainWithout { product, agent });
    }
    let sums = states.into_iter().map(|(sums, _)| sums).collect();
    let sums = merge_tree(sums).unwrap_or_default();
    if !sums.sum.is_finite() {
        return Err(x.explain_non_finite(baseline));
    }
    Ok(Outcome::closed_form(value, baseline_value, sums))
}

/// The first position of a block where `1 + P'` is not positive, and P' there.
fn first_outside(
    relative: &Means,
    columns: &Columns,
    block: std::ops::Range<usize>,
) -> Option<(usize, f64)> {
    let mut ratios = [0.0; LANES];
    block.clone().find_map(|position| {
        let row = (position - block.start) / LANES * LANES;
        let sums = relative.ratios(columns, row, &mut ratios);
        let sum = sums[position - block.start - row];
        (sum <= 0.0).then(|| (position, sum / relative.one - 1.0))
    })
}
