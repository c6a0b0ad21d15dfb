//! What a block of players adds to the heat, in flat loops.

use crate::blocks::BLOCK;
use crate::simd::dispatch;

/// Arguments up to which five terms of the logarithm's series after the first are exact.
const SMALL: f64 = 1e-3;

/// One number per player of a block.
pub(super) type Column = [f64; BLOCK];

/// The means before each player of a block joins, and its part of them.
pub(super) struct Block {
    /// Column of each feature.
    pub(super) means: Vec<Column>,
    pub(super) parts: Vec<Column>,
}

impl Block {
    pub(super) fn of(features: usize) -> Self {
        Self { means: vec![[0.0; BLOCK]; features], parts: vec![[0.0; BLOCK]; features] }
    }

    /// Takes the state before each player of `order` from `means`, the means before the first, and
    /// leaves those after the last there. `payload` holds the players' parts of the means.
    pub(super) fn gather(&mut self, payload: &[f64], order: &[u32], means: &mut [f64]) {
        match means.len() {
            1 => self.gather_features::<1>(payload, order, means),
            2 => self.gather_features::<2>(payload, order, means),
            3 => self.gather_features::<3>(payload, order, means),
            4 => self.gather_features::<4>(payload, order, means),
            d => {
                for (place, &player) in order.iter().enumerate() {
                    let row = &payload[player as usize * d..][..d];
                    for (k, (&part, mean)) in row.iter().zip(means.iter_mut()).enumerate() {
                        self.means[k][place] = *mean;
                        self.parts[k][place] = part;
                        *mean += part;
                    }
                }
            }
        }
    }

    fn gather_features<const D: usize>(
        &mut self,
        payload: &[f64],
        order: &[u32],
        means: &mut [f64],
    ) {
        let rows = payload.as_chunks::<D>().0;
        let (Ok(columns), Ok(parts)) = (
            <&mut [Column; D]>::try_from(self.means.as_mut_slice()),
            <&mut [Column; D]>::try_from(self.parts.as_mut_slice()),
        ) else {
            return;
        };
        let mut running = [0.0; D];
        running.copy_from_slice(means);
        for (place, &player) in order.iter().enumerate().take(BLOCK) {
            let row = rows[player as usize];
            for k in 0..D {
                columns[k][place] = running[k];
                parts[k][place] = row[k];
                running[k] += row[k];
            }
        }
        means.copy_from_slice(&running);
    }

    /// Turns the order round: the means before each player are what those after it leave of `both`,
    /// the sum of the means of nobody and of everybody.
    pub(super) fn reverse(&mut self, both: &[f64]) {
        for ((means, parts), both) in self.means.iter_mut().zip(&self.parts).zip(both) {
            dispatch(
                #[inline(always)]
                || {
                    for (mean, part) in means.iter_mut().zip(parts) {
                        *mean = both - *mean - part;
                    }
                },
            );
        }
    }

    /// Writes what the first `count` players add, `log1p((P' - P) / (1 + P))`, where P' - P is
    /// formed as a sum of products of parts. The place of the first who leaves the domain, and P',
    /// are the error.
    pub(super) fn marginals(&self, count: usize, out: &mut Column) -> Result<(), (usize, f64)> {
        let mut products = [1.0; BLOCK];
        // Flags are integers, as a loop over floats may not reorder their sum or maximum.
        let (outside, large) = dispatch(
            #[inline(always)]
            || {
                out.fill(0.0);
                for (means, parts) in self.means.iter().zip(&self.parts) {
                    for i in 0..BLOCK {
                        let (mean, part) = (means[i], parts[i]);
                        out[i] = out[i] * (mean + part) + products[i] * part;
                        products[i] *= mean;
                    }
                }
                let (mut outside, mut large) = (0, 0);
                for (change, product) in out[..count].iter_mut().zip(&mut products) {
                    let sum = 1.0 + *product;
                    let after = sum + *change;
                    outside |= i64::from(!within(sum)) | i64::from(!within(after));
                    *product += *change;
                    *change /= sum;
                    large |= i64::from(change.abs() > SMALL);
                }
                (outside, large)
            },
        );
        if outside != 0 || large != 0 {
            return self.large_marginals(count, out);
        }
        dispatch(
            #[inline(always)]
            || out[..count].iter_mut().for_each(|value| *value = series(*value)),
        );
        Ok(())
    }

    /// As [`Block::marginals`], where some are large: products after a player has joined are formed
    /// anew, as they may be much smaller than those before.
    fn large_marginals(&self, count: usize, out: &mut Column) -> Result<(), (usize, f64)> {
        let mut outside = None;
        for (i, value) in out[..count].iter_mut().enumerate() {
            let (mut change, mut product, mut after) = (0.0, 1.0, 1.0);
            for (means, parts) in self.means.iter().zip(&self.parts) {
                let next = means[i] + parts[i];
                change = change * next + product * parts[i];
                product *= means[i];
                after *= next;
            }
            let ratio = change / (1.0 + product);
            let small = ratio.abs() <= SMALL;
            *value = if small { series(ratio) } else { log_ratio(change, product, after) };
            if !within(1.0 + after) {
                return Err((i, after));
            }
            // The coalition that the player joins, which another one of the block may have made.
            if !value.is_finite() || !within(1.0 + product) {
                outside = outside.or(Some((i, product)));
            }
        }
        outside.map_or(Ok(()), Err)
    }
}

/// Whether 1 + P has a logarithm; NaN has none.
#[inline(always)]
pub(super) fn within(sum: f64) -> bool {
    sum > 0.0
}

/// `log((1 + after) / (1 + before))` from the change of the product, which is known to more digits
/// than both; of the two ways that with the smaller denominator keeps them. NaN outside the domain.
#[inline(always)]
pub(super) fn log_ratio(change: f64, before: f64, after: f64) -> f64 {
    if change < 0.0 {
        -(-change / (1.0 + after)).ln_1p()
    } else {
        (change / (1.0 + before)).ln_1p()
    }
}

#[inline(always)]
fn series(z: f64) -> f64 {
    let tail = 1.0 / 3.0 - z * (1.0 / 4.0 - z * (1.0 / 5.0 - z * (1.0 / 6.0)));
    z - z * z * (0.5 - z * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_the_logarithm() {
        for i in -1_000..=1_000 {
            for z in [f64::from(i) * 1e-6, f64::from(i) * 1e-12] {
                assert!((series(z) - z.ln_1p()).abs() <= 2.0 * f64::EPSILON * z.abs(), "{z}");
            }
        }
    }
}
