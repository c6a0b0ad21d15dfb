//! Leave-one-out of the heat, `log1p((P - P') / (1 + P'))` with P' the product of the means where
//! agent i stands at its baseline.
//!
//! Neither two logarithms nor two products are subtracted: `P - P'` grows feature by feature, each
//! adding its own difference times the products of the means before it without the agent and of
//! those after it with it. Means are taken relative to powers of two, which keep the products of the
//! first of them near 1 and join the 1 of `1 + P'`, so that no product leaves the range on the way.
//!
//! Where an agent makes up nearly all of a mean, or products differ beyond that, its value is formed
//! by itself, in twice the precision of f64.

use super::Ends;
use crate::blocks::{self, BLOCK, LANES, merge_tree};
use crate::columns::{self, Columns};
use crate::double::Double;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::linear::feature_sums;
use crate::product::Wide;
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Scale};
use crate::value_function::Outcome;
use std::ops::Range;
use std::sync::OnceLock;

/// Up to here five terms of the logarithm's series are exact to the last bit.
const SERIES: f64 = 1.0 / 1_024.0;

/// Exponents of means and of their product within which f64 suffices.
const EXPONENTS: i64 = 900;

/// Parts of a relative mean, and of products of them, that are left without an agent where f64
/// suffices. Means are rounded, and a small rest of them has that error.
const LEAST: f64 = 1.0 / 64.0;
const PRODUCTS: [f64; 2] = [1e-100, 1e100];

/// The means of X relative to powers of two.
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
    /// None where f64 does not suffice for any agent.
    fn new(means: &[Double], n: f64) -> Option<Self> {
        let mut product = Wide::ONE;
        let (mut relative, mut factors) = (Vec::new(), Vec::new());
        for mean in means {
            let before = product.split().1;
            product = product.times(Wide::of(*mean));
            let (mantissa, exponent) = Wide::of(*mean).split();
            let power = product.split().1 - before;
            if exponent.abs().max(power.abs()) > EXPONENTS {
                return None;
            }
            relative.push(Wide::new(mantissa).shifted(exponent - power).to_f64());
            factors.push(Wide::ONE.shifted(-power).to_f64() / n);
        }
        let (_, total) = product.split();
        let sum = Wide::ONE.plus(product);
        // Near -1 the sum has fewer digits than its terms.
        if total.abs() > EXPONENTS || sum.to_f64() < LEAST {
            return None;
        }
        let one = Wide::ONE.shifted(-total).to_f64();
        Some(Self { means: relative, factors, one, whole: sum.shifted(-total).to_f64() })
    }

    /// Writes `(P - P') / (1 + P')` of a row of agents, and NaN where f64 does not suffice. Near its
    /// end, -1, that has no digits left: below -1/2 it is `-1 - (P' - P) / (1 + P)` instead.
    #[inline(always)]
    fn ratios(&self, columns: &Columns, first: usize, ratios: &mut [f64; LANES]) {
        let (mut difference, mut without) = ([0.0; LANES], [1.0; LANES]);
        let mut fails = [false; LANES];
        for ((column, mean), factor) in columns.iter().zip(&self.means).zip(&self.factors) {
            let least = LEAST * mean.abs();
            for lane in 0..LANES {
                let part = column[first + lane] * factor;
                let rest = mean - part;
                difference[lane] = difference[lane] * mean + without[lane] * part;
                without[lane] *= rest;
                let size = without[lane].abs();
                // Zero is exact: that of a mean which is zero with and without the agent.
                let fits = size == 0.0 || (size > PRODUCTS[0] && size < PRODUCTS[1]);
                fails[lane] |= (rest.abs() < least) | !fits;
            }
        }
        for lane in 0..LANES {
            let sum = without[lane] + self.one;
            let ratio = difference[lane] / sum;
            let falls = difference[lane] / self.whole - 1.0;
            let value = if ratio < -0.5 { falls } else { ratio };
            fails[lane] |= sum < LEAST * self.one;
            ratios[lane] = if fails[lane] { f64::NAN } else { value };
        }
    }
}

/// Replaces every ratio by the logarithm that it stands for; tells whether one is NaN.
#[inline(always)]
fn logarithms(values: &mut [f64; BLOCK]) -> bool {
    let (mut large, mut fails) = (false, false);
    let mut series = *values;
    for z in &mut series {
        large |= z.abs() > SERIES;
        fails |= z.is_nan();
        *z *= 1.0 - *z * (0.5 - *z * (1.0 / 3.0 - *z * (0.25 - *z * 0.2)));
    }
    if large {
        for (log, z) in series.iter_mut().zip(values.iter()) {
            if z.abs() > SERIES {
                *log = if *z < -1.0 { -(-1.0 - z).ln_1p() } else { z.ln_1p() };
            }
        }
    }
    *values = series;
    fails
}

/// What is known of all agents together, in twice the precision of f64.
struct Exactly<'a, 'x, T> {
    x: &'a Step<'x, T>,
    baseline: &'a Baseline<'a, T>,
    row: Vec<f64>,
    sums: Vec<Double>,
    /// P, and one over the number of agents to the power of features.
    product: Wide,
    share: Wide,
    /// The agents at the positions.
    agents: Vec<usize>,
}

impl<'a, 'x, T: Real> Exactly<'a, 'x, T> {
    fn new(x: &'a Step<'x, T>, baseline: &'a Baseline<'a, T>) -> Self {
        let (sums, n) = (feature_sums(x, x.features()), Wide::new(x.present() as f64));
        let share = Wide::ONE.over(n.power(sums.len()));
        let product = Wide::product(&sums).times(share);
        let row = baseline.row(sums.len());
        Self { x, baseline, row, sums, product, share, agents: x.present_agents() }
    }

    /// Forms the values of a block that are NaN.
    fn fill(&self, block: Range<usize>, values: &mut [f64; BLOCK]) -> Result<()> {
        for (value, agent) in values.iter_mut().zip(&self.agents[block]) {
            if value.is_nan() {
                *value = self.value(*agent)?;
            }
        }
        Ok(())
    }

    /// The value of an agent: zero where its features are the baseline's.
    fn value(&self, agent: usize) -> Result<f64> {
        let (mut product, mut moves) = (self.share, false);
        let (mut of_x, mut of_base) = ([T::ZERO], [T::ZERO]);
        for (k, sum) in self.sums.iter().enumerate() {
            self.x.features().gather(k, &[agent], &mut of_x);
            let base = match self.baseline {
                Baseline::PerAgent(rows) => {
                    rows.gather(k, &[agent], &mut of_base);
                    of_base[0].to_f64()
                }
                _ => self.row[k],
            };
            let of_x = of_x[0].to_f64();
            moves |= of_x != base;
            product = product.times(Wide::of(sum.minus(Double::new(of_x)).plus(Double::new(base))));
        }
        if !moves {
            return Ok(0.0);
        }
        let value = -self.product.log_change(product);
        if value.is_nan() {
            return Err(Error::HeatDomainWithout { product: product.to_f64(), agent });
        }
        Ok(value)
    }
}

/// Every present agent's leave-one-out value.
pub(super) fn leave_one_out<T: Real>(
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let Ends { means, value, baseline_value, .. } = Ends::of(x, baseline)?;
    let relative = Means::new(&means, out.len() as f64);
    // A third pass, where an agent wants it.
    let exactly = OnceLock::new();
    let states = blocks::map_mut(out, |start, out| {
        let mut scale = Scale::by(1.0);
        let mut refused = Ok(());
        columns::for_each_block(x, baseline, start..start + out.len(), |block, columns| {
            let out = &mut out[block.start - start..block.end - start];
            let mut values = [f64::NAN; BLOCK];
            let fails = relative.as_ref().is_none_or(|relative| {
                dispatch(
                    #[inline(always)]
                    || {
                        let rows = values.as_chunks_mut::<LANES>().0.iter_mut().enumerate();
                        for (row, ratios) in rows {
                            relative.ratios(columns, row * LANES, ratios);
                        }
                        logarithms(&mut values)
                    },
                )
            });
            if fails && refused.is_ok() {
                let exactly = exactly.get_or_init(|| Exactly::new(x, baseline));
                refused = exactly.fill(block, &mut values);
            }
            dispatch(
                #[inline(always)]
                || {
                    for (value, log) in out.iter_mut().zip(&values) {
                        *value = T::from_f64(*log);
                    }
                    scale.absorb(out);
                },
            );
        });
        refused.map(|()| Absorb::<T>::total(scale))
    });
    let sums = merge_tree(states.into_iter().collect::<Result<Vec<_>>>()?).unwrap_or_default();
    if !sums.sum.is_finite() {
        return Err(x.explain_non_finite(baseline));
    }
    Ok(Outcome::closed_form(value, baseline_value, sums))
}
