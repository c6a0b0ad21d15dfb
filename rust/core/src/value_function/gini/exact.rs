//! Shapley, Banzhaf and leave-one-out of the Gini mean difference, with k = 2/n^2.
//!
//! Games of pairs have one value for Shapley and Banzhaf: the mean of what an agent adds to nobody
//! and to everybody else. Under a common baseline b that leaves
//! `phi_i = k sum_j max(0, s_i - max(s_j, b))` for s_i above b, its mirror image below, and
//! `2 phi_i - k (n - 1) |s_i - b|` for leave-one-out: numbers that a rank and a sum over smaller
//! composites give, so that ties have one attribution. Under baselines per agent, with H(v) the sum
//! of the distances from v to all 2n composites of both ends, `phi_i = k/2 (H(s_i) - H(b_i))`;
//! leave-one-out has the distances to x alone, `k (H_x(s_i) - H_x(b_i) + |s_i - b_i|)`.
//!
//! Sums run over integers, so that differences of them lose nothing and need no order. Composites
//! are taken relative to a row amid the data, so that an offset of all agents costs no digits.

mod apart;
mod both_ends;

use crate::blocks::{self, BLOCK, CHUNK, Merge, merge_tree};
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::grid::{Grid, Unit, bits_of, to_f64};
use crate::linear::{first_means, weighted_sum};
use crate::memory;
use crate::rank::{Ascent, RankWeights, TieWeight, Ties, Values, from_ordered_bits, ordered_bits};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Extent, Extremes, Scale};
use crate::value_function::Outcome;
use crate::value_function::composite::{self, Composites};
use apart::Apart;
use both_ends::{BASELINE_BIT, BothEnds};
use std::ops::Range;

/// Which value of the game.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Method {
    /// The same number as Banzhaf.
    Shapley,
    LeaveOneOut,
}

/// How many values there are, and the sum of their terms.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: i64,
    sum: i128,
}

impl Merge for Sums {
    fn merge(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum }
    }
}

/// The product in full.
#[inline(always)]
fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

impl Sums {
    fn of(terms: impl Iterator<Item = i64>) -> Self {
        terms.fold(Self::default(), |sums, term| sums.merge(Self::ties(1, term)))
    }

    #[inline(always)]
    fn ties(count: i64, term: i64) -> Self {
        Self { count, sum: product(count, term) }
    }

    /// Sum of the differences to a term that none of them exceeds.
    #[inline(always)]
    fn differences(&self, term: i64) -> i128 {
        product(self.count, term) - self.sum
    }
}

/// Attributions under a common baseline, as weights of tie blocks.
struct Common {
    method: Method,
    grid: Grid,
    n: i64,
    k: f64,
    /// k per unit of a term.
    unit: Unit,
    /// Term of the baseline, or of the composite next to it if it lies beyond them all.
    from: i64,
    /// How far it lies beyond.
    gap: f64,
    /// Sum of the differences from composites below the baseline to it.
    under: i128,
    /// Sum of the composites below the baseline, those above counted as standing on it.
    capped: i128,
}

impl Common {
    fn new(method: Method, grid: Grid, n: usize, from: i64, gap: f64, under: Sums) -> Self {
        let k = 2.0 / (n as f64 * n as f64);
        let (unit, n) = (grid.unit(0, k), n as i64);
        let capped = under.sum + product(n - under.count, from);
        let under = under.differences(from);
        Self { method, grid, n, k, unit, from, gap, under, capped }
    }
}

impl TieWeight for Common {
    type Weight = f64;
    type Below = Sums;
    /// Sum of the differences of all pairs.
    type Total = i128;
    const SUMS: bool = true;

    fn sums(&self, keys: &[u64]) -> Sums {
        Sums::of(keys.iter().map(|&key| self.grid.term(from_ordered_bits(key))))
    }

    #[inline(always)]
    fn next(&self, ties: &Ties, below: &mut Sums, total: &mut i128) -> f64 {
        let term = self.grid.term(from_ordered_bits(ties.key));
        let count = (ties.last + 1 - ties.first) as i64;
        let differences = below.differences(term);
        // On either side of the baseline, all beyond it count as if they stood on it.
        let added = if term >= self.from {
            differences - self.under
        } else {
            differences + self.capped - product(self.n, term)
        };
        *total += differences * i128::from(count);
        *below = below.merge(Sums::ties(count, term));
        match self.method {
            Method::Shapley => self.unit.times(to_f64(added)),
            Method::LeaveOneOut => {
                let others = self.n - 1;
                let added = 2 * added - product(others, (term - self.from).abs());
                self.unit.times(to_f64(added)) - self.k * others as f64 * self.gap
            }
        }
    }
}

/// Every agent's attribution under zero or one common row.
pub(super) fn common<T: Real>(
    method: Method,
    x: &Step<'_, T>,
    weights: &[f64],
    baseline: &Baseline<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let row = first_means(x);
    let shift = Baseline::Common(&row);
    let from = composite::of_baseline(weights, baseline, &row);
    // In f64 the composites wait in `out` for their ranks; f32 could not hold them.
    let (ranks, value) = if let Some(held) = T::as_f64s(out) {
        let extent = weighted_sum(x, &shift, weights, held, &Extremes::default());
        rank_common(method, &*held, extent, from).ok_or_else(|| x.explain_non_finite(baseline))?
    } else {
        let composites = Composites { x, baseline: &shift, weights };
        let extent = extent(x, weights, &shift)?;
        rank_common(method, &composites, extent, from)
            .ok_or_else(|| x.explain_non_finite(baseline))?
    };
    let sums = blocks::map_mut(out, |start, part| {
        let mut scale = Scale::by(1.0);
        ranks.replay(start..start + part.len(), |position, attributions| {
            let part = &mut part[position - start..][..attributions.len()];
            dispatch(
                #[inline(always)]
                || {
                    for (value, attribution) in part.iter_mut().zip(attributions) {
                        *value = T::from_f64(*attribution);
                    }
                    scale.absorb(part);
                },
            );
        });
        Absorb::<T>::total(scale)
    });
    let sums = merge_tree(sums).ok_or(Error::Empty)?;
    if !(sums.sum + value).is_finite() {
        return Err(Error::Overflow { real: T::NAME });
    }
    Ok(Outcome::closed_form(value, 0.0, sums))
}

fn extent<T: Real>(x: &Step<'_, T>, weights: &[f64], shift: &Baseline<'_, T>) -> Result<Extent> {
    let states = blocks::map(x.present(), |positions| {
        composite::pieces(weights, x, shift, positions, Extremes::default(), |_, _| ())
    });
    merge_tree(states).ok_or(Error::Empty)
}

/// The attributions by rank, and F; none where the composites are not finite.
fn rank_common<V: Values + ?Sized>(
    method: Method,
    values: &V,
    extent: Extent,
    from: f64,
) -> Option<(RankWeights<f64>, f64)> {
    if !extent.sum.is_finite() {
        return None;
    }
    let [min, max] = extent.bounds();
    let n = values.len();
    let grid = Grid::new([min, max], n);
    let nearest = from.clamp(min, max);
    let term = grid.term(nearest);
    let under = if from <= min {
        Sums::default()
    } else {
        let states = blocks::map(n, |positions| {
            values.with(positions, |values| {
                Sums::of(values.iter().map(|&value| grid.term(value)).filter(|&v| v < term))
            })
        });
        merge_tree(states)?
    };
    let weight = Common::new(method, grid, n, term, (from - nearest).abs(), under);
    let (ranks, pairs) = RankWeights::new(values, [min, max], &weight);
    Some((ranks, weight.unit.times(to_f64(pairs))))
}

/// Sums of distances, as weights: less the sum of all terms, which is the same for each.
struct Distances {
    method: Method,
    grid: Grid,
    n: i64,
    /// Bits cut off, so that a sum of distances is an integer of 62 bits.
    shift: u32,
}

impl Distances {
    fn term(&self, key: u64) -> i64 {
        self.grid.term(from_ordered_bits(key & !BASELINE_BIT))
    }
}

impl TieWeight for Distances {
    type Weight = i64;
    /// In x and in the baseline.
    type Below = (Sums, Sums);
    /// Sums of the differences of all pairs in x, and in the baseline.
    type Total = (i128, i128);
    const SUMS: bool = true;

    fn sums(&self, keys: &[u64]) -> (Sums, Sums) {
        let of = |bit| {
            let keys = keys.iter().filter(move |&&key| key & BASELINE_BIT == bit);
            Sums::of(keys.map(|&key| self.term(key)))
        };
        (of(0), of(BASELINE_BIT))
    }

    #[inline(always)]
    fn next(&self, ties: &Ties, below: &mut (Sums, Sums), total: &mut (i128, i128)) -> i64 {
        let term = self.term(ties.key);
        let count = (ties.last + 1 - ties.first) as i64;
        let (counted, sums) = match self.method {
            Method::Shapley => (2 * self.n, below.0.merge(below.1)),
            Method::LeaveOneOut => (self.n, below.0),
        };
        let distances = 2 * sums.differences(term) - product(counted, term);
        let (sums, pairs) = match ties.key & BASELINE_BIT {
            0 => (&mut below.0, &mut total.0),
            _ => (&mut below.1, &mut total.1),
        };
        *pairs += sums.differences(term) * i128::from(count);
        *sums = sums.merge(Sums::ties(count, term));
        (distances >> self.shift) as i64
    }
}

/// The weight of every value, in their order.
enum Weights {
    /// Of one chunk of agents, which must not enter the thread pool with its two chunks of values.
    Held(Vec<i64>),
    Ranked(RankWeights<i64>),
}

impl Weights {
    fn new<V: Values>(values: &V, bounds: [f64; 2], weight: &Distances) -> (Self, (i128, i128)) {
        let count = values.len();
        if blocks::chunks(count / 2) > 1 {
            let (ranks, pairs) = RankWeights::new(values, bounds, weight);
            return (Self::Ranked(ranks), pairs);
        }
        let mut keys: Vec<(u64, usize)> = values.with(0..count, |values| {
            values
                .iter()
                .zip(0..)
                .map(|(&value, position)| (ordered_bits(value), position))
                .collect()
        });
        keys.sort_unstable();
        let mut ascent = Ascent::new(weight, 0, Default::default());
        let mut weights = memory::zeros(count);
        for ties in keys.chunk_by(|a, b| a.0 == b.0) {
            let shared = ascent.next(ties[0].0, ties.len() as u64);
            ties.iter().for_each(|&(_, position)| weights[position] = shared);
        }
        (Self::Held(weights), ascent.total)
    }

    /// Calls `work` with one block of weights after another, and its first position.
    fn replay(&self, positions: Range<usize>, mut work: impl FnMut(usize, &[i64])) {
        match self {
            Self::Held(weights) => work(positions.start, &weights[positions]),
            Self::Ranked(ranks) => ranks.replay(positions, work),
        }
    }
}

/// Every agent's attribution under one row per agent. Scratch: 20 bytes per agent.
pub(super) fn per_agent<T: Real>(
    method: Method,
    x: &Step<'_, T>,
    weights: &[f64],
    rows: &Features<'_, T>,
    out: &mut [T],
) -> Result<Outcome> {
    let n = x.present();
    let base = x.with_features(rows.clone());
    let path = Baseline::PerAgent(rows.clone());
    let row = first_means(x);
    let origin = Baseline::Common(&row);
    let extents = [extent(x, weights, &origin)?, extent(&base, weights, &origin)?];
    let both = extents[0].merge(extents[1]);
    if !both.sum.is_finite() {
        return Err(x.explain_non_finite(&path));
    }
    let apart = Apart::new([x, &base], weights, extents)?;
    if let (Method::Shapley, Some(apart)) = (method, &apart) {
        return apart.attribute(out);
    }
    let bounds = both.bounds();
    let grid = Grid::new(bounds, 2 * n);
    let shift = bits_of(2 * n) + 2;
    let weight = Distances { method, grid, n: n as i64, shift };
    let ends = [x, &base].map(|x| Composites { x, baseline: &origin, weights });
    // The last bit, which says which end a value is of, may move the smallest and the largest.
    let bounds = [bounds[0].next_down(), bounds[1].next_up()];
    let (ranked, pairs) = Weights::new(&BothEnds { ends }, bounds, &weight);
    // One agent alone differs from nobody; what rounding would leave of that is not wanted.
    let k = if n == 1 { 0.0 } else { 2.0 / (n as f64 * n as f64) };
    let unit = grid.unit(shift, if method == Method::Shapley { 0.5 * k } else { k });
    let sums = blocks::map_mut(out, |start, part| {
        let mut scale = Scale::by(1.0);
        let own = (method == Method::LeaveOneOut).then(|| {
            let positions = start..start + part.len();
            composite::chunk(weights, x, &path, positions, ()).0
        });
        let end = 2 * (start + part.len());
        for first_of_chunk in (2 * start..end).step_by(CHUNK) {
            let values = first_of_chunk..end.min(first_of_chunk + CHUNK);
            ranked.replay(values, |position, distances| {
                let first = position / 2 - start;
                let part = &mut part[first..first + distances.len() / 2];
                let pairs = distances.as_chunks::<2>().0.iter().zip(first..);
                for (value, (&[of_x, of_baseline], agent)) in part.iter_mut().zip(pairs) {
                    let change = (of_x - of_baseline) as f64;
                    let itself = own.as_ref().map_or(0.0, |own| k * own[agent].abs());
                    *value = T::from_f64(unit.times(change) + itself);
                }
                part.chunks_mut(BLOCK).for_each(|block| scale.absorb(block));
            });
        }
        Absorb::<T>::total(scale)
    });
    let sums = merge_tree(sums).ok_or(Error::Empty)?;
    let unit = grid.unit(0, k);
    let values = || [pairs.0, pairs.1].map(|pairs| unit.times(to_f64(pairs)));
    let [value, baseline_value] = apart.map_or_else(values, |apart| apart.values);
    if !(sums.sum + value + baseline_value).is_finite() {
        return Err(Error::Overflow { real: T::NAME });
    }
    Ok(Outcome::closed_form(value, baseline_value, sums))
}
