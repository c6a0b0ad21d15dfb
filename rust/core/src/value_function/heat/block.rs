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
    #[inline(always)]
    pub(super) fn gather(&mut self, payload: &[f64], order: &[u32], means: &mut [f64]) {
        for (place, &player) in order.iter().enumerate() {
            let row = &payload[player as usize * means.len()..][..means.len()];
            for (k, (&part, mean)) in row.iter().zip(means.iter_mut()).enumerate() {
                self.means[k][place] = *mean;
                self.parts[k][place] = part;
                *mean += part;
            }
        }
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
        let mut within = true;
        let mut largest = 0.0;
        dispatch(
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
                for (change, product) in out[..count].iter_mut().zip(&mut products) {
                    let sum = 1.0 + *product;
                    *product += *change;
                    within &= (sum > 0.0) & (sum + *change > 0.0);
                    let z = *change / sum;
                    largest = if z.abs() > largest { z.abs() } else { largest };
                    *change = z;
                }
            },
        );
        if !within {
            let place = (0..count).find(|&i| !(out[i] > -1.0 && products[i] > -1.0)).unwrap_or(0);
            return Err((place, products[place]));
        }
        log1p(&mut out[..count], largest);
        Ok(())
    }
}

/// `log1p` of numbers of at most `largest` in magnitude, in place.
fn log1p(values: &mut [f64], largest: f64) {
    if largest > SMALL {
        for value in values.iter_mut() {
            *value = if value.abs() > SMALL { value.ln_1p() } else { series(*value) };
        }
        return;
    }
    dispatch(
        #[inline(always)]
        || {
            for value in values.iter_mut() {
                *value = series(*value);
            }
        },
    );
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
