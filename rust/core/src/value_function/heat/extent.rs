//! How far the coalitions of the heat reach, and powers of two that keep products of their means in
//! the range of f64 on the way.

use crate::blocks;
use crate::double::{Double, scaled};
use crate::error::{Error, Result};
use crate::product::Wide;
use std::ops::Range;

/// Where coalitions might come closer to P = -1 than this, the bound is as if they did not. One
/// that does has a marginal contribution beyond it, which is an error.
const CLOSEST: f64 = 1e-3;

/// The largest product of means that coalitions may reach.
pub(super) const LARGEST: f64 = 1e300;

/// What is known of all coalitions.
pub(super) struct Extent {
    /// What a player adds at most.
    pub(super) bound: f64,
    /// Between what the values are.
    pub(super) range: [f64; 2],
}

/// Between which means of every feature coalitions are, from the parts of the players.
pub(super) fn reach(payload: &[f64], start: &[f64]) -> Vec<[f64; 2]> {
    let d = start.len();
    let sums = blocks::map(payload.len() / d, |players| {
        let mut sums = vec![(0.0, 0.0); d];
        for row in rows(payload, players, d) {
            for ((down, up), &part) in sums.iter_mut().zip(row) {
                *(if part < 0.0 { &mut *down } else { &mut *up }) += part;
            }
        }
        sums
    });
    let sums = sums.into_iter().reduce(|mut all, more| {
        all.iter_mut().zip(more).for_each(|(a, b)| *a = (a.0 + b.0, a.1 + b.1));
        all
    });
    let sums = sums.unwrap_or_default();
    sums.iter().zip(start).map(|((down, up), start)| [start + down, start + up]).collect()
}

fn rows(payload: &[f64], players: Range<usize>, d: usize) -> std::slice::ChunksExact<'_, f64> {
    payload[players.start * d..players.end * d].chunks_exact(d)
}

fn larger(ends: &[f64; 2]) -> f64 {
    ends[0].abs().max(ends[1].abs())
}

/// Between which products of means coalitions are.
pub(super) fn products(ends: &[[f64; 2]]) -> [Wide; 2] {
    let least = |a: Wide, b: Wide| if b.minus(a).is_positive() { a } else { b };
    let most = |a: Wide, b: Wide| if b.minus(a).is_positive() { b } else { a };
    ends.iter().fold([Wide::ONE; 2], |[low, high], &[a, b]| {
        let [a, b] = [a, b].map(|end| Wide::of(Double::new(end)));
        let [p, q, r, s] = [low.times(a), low.times(b), high.times(a), high.times(b)];
        [least(least(p, q), least(r, s)), most(most(p, q), most(r, s))]
    })
}

/// Multiplies the features of `payload` and `start` by powers of two whose product is 1, so that the
/// product of the first few of the largest means is as near 1 as that of all allows. Returns the change of
/// the means from nobody to everybody, and what is known of all coalitions.
pub(super) fn balance(payload: &mut [f64], start: &mut [f64]) -> (Vec<f64>, Result<Extent>) {
    let (d, mut ends) = (start.len(), reach(payload, start));
    let logs = ends.iter().map(|ends| Wide::new(larger(ends)).log2());
    // A mean that is always zero leaves all products zero, whatever it is multiplied by.
    let logs: Vec<f64> = logs.map(|log| if log.is_finite() { log } else { 0.0 }).collect();
    let total: f64 = logs.iter().sum();
    let (mut sum, mut powers) = (0.0, vec![0; d]);
    for (k, (log, power)) in logs.iter().zip(&mut powers).enumerate() {
        let wanted = if k + 1 == d { total } else { total * ((k + 1) as f64 / d as f64) };
        *power = (wanted - sum - log).round() as i64;
        sum += log + *power as f64;
    }
    // Rounding of the sums left the powers with another sum than zero, if at all.
    powers[d - 1] -= powers.iter().sum::<i64>();
    if powers.iter().any(|&power| power != 0) {
        for row in payload.chunks_exact_mut(d).chain([&mut *start]) {
            row.iter_mut().zip(&powers).for_each(|(part, &power)| *part = scaled(*part, power));
        }
        ends = reach(payload, start);
    }
    let change = changes(payload, d);
    (change, extent(payload, &ends))
}

/// Sums of the parts of all players.
fn changes(payload: &[f64], d: usize) -> Vec<f64> {
    reach(payload, &vec![0.0; d]).iter().map(|[down, up]| down + up).collect()
}

fn extent(payload: &[f64], ends: &[[f64; 2]]) -> Result<Extent> {
    let [low, high] = products(ends);
    let power = low.log2().max(high.log2()) * std::f64::consts::LOG10_2;
    let [low, high] = [low.to_f64(), high.to_f64()];
    let largest: Vec<f64> = ends.iter().map(larger).collect();
    let others = others(&largest);
    if !(low.abs().max(high) <= LARGEST && others.iter().all(|others| others.is_finite())) {
        return Err(Error::HeatRange { power });
    }
    let closest = (1.0 + low).max(CLOSEST);
    let d = ends.len();
    let bounds = blocks::map(payload.len() / d, |players| {
        rows(payload, players, d).fold(0.0, |bound: f64, row| {
            let step = row.iter().zip(&others).map(|(part, others)| part.abs() * others).sum();
            bound.max(step)
        })
    });
    let step = bounds.into_iter().fold(0.0, f64::max);
    // The difference of products is rounded as they are.
    let width = high - low + f64::EPSILON * (high.abs() + low.abs());
    let bound = (step.min(width) / closest).ln_1p();
    // Means of coalitions are rounded.
    let bound = bound * (1.0 + 1e-9);
    Ok(Extent { bound, range: [low.max(CLOSEST - 1.0).ln_1p(), high.ln_1p()] })
}

/// For each number, the product of all others.
fn others(values: &[f64]) -> Vec<f64> {
    let mut others = vec![1.0; values.len()];
    let mut product = 1.0;
    for (other, value) in others.iter_mut().zip(values) {
        *other = product;
        product *= value;
    }
    product = 1.0;
    for (other, value) in others.iter_mut().zip(values).rev() {
        *other *= product;
        product *= value;
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_any_size_are_balanced_without_a_trace() {
        for sizes in [vec![1e-200, 1e-200, 1e200, 1e200], vec![1.9; 1_001], vec![0.0, 1e300]] {
            let d = sizes.len();
            let mut payload = sizes.repeat(2);
            let mut start = vec![0.0; d];
            let (change, extent) = balance(&mut payload, &mut start);
            let mut product = 1.0;
            for part in &change {
                product *= part / 2.0;
                assert!(product == 0.0 || (1e-300..=1e300).contains(&product), "{product}");
            }
            let wanted: f64 = sizes.iter().map(|size| size.log2()).sum();
            assert!((product.log2() - wanted).abs() < 1e-9 || product == 0.0);
            assert!(extent.is_ok() == (d < 1_000));
        }
    }

    #[test]
    fn what_sampling_does_not_reach_is_refused() {
        let (_, extent) = balance(&mut [2e160, 1e150], &mut [0.0, 0.0]);
        let Err(Error::HeatRange { power }) = extent else { panic!("{}", extent.is_ok()) };
        assert!((power - 310.3).abs() < 0.01, "{power}");
    }
}
