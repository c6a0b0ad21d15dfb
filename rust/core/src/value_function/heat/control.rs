//! The control variate of the heat: what a player would add if the players before it were a sample
//! of all, in proportion.
//!
//! In place p of an order of n, with t = (p + 1/2)/n, that is the slope of F on the straight path at
//! t times the player's part of the means. All places are equally likely, so its mean is known: the
//! part times the mean of the n slopes.

use super::block::{Block, Column, within};
use super::game::HeatGame;
use crate::blocks::{self, BLOCK, Merge, merge_tree};
use crate::error::{Error, Result};
use crate::memory;
use crate::simd::dispatch;

/// What is known of the control variate before any order is drawn.
#[derive(Clone, Debug)]
pub(super) struct Control {
    /// Its mean, for every player.
    pub(super) expected: Vec<f64>,
    /// Sums of these means and of their magnitudes.
    pub(super) sum: f64,
    pub(super) magnitude: f64,
    /// The largest that a sample can be, less what a player adds.
    pub(super) bound: f64,
}

/// Sums of the slopes over places, and the range of each.
struct Slopes(Vec<[f64; 3]>);

impl Merge for Slopes {
    fn merge(mut self, other: Self) -> Self {
        for (slope, [sum, low, high]) in self.0.iter_mut().zip(other.0) {
            *slope = [slope[0] + sum, slope[1].min(low), slope[2].max(high)];
        }
        self
    }
}

impl Control {
    pub(super) fn new(game: &HeatGame) -> Result<Self> {
        let (players, features) = (game.players, game.start.len());
        let slopes = blocks::map(players, |places| {
            let mut columns = vec![[0.0; BLOCK]; features];
            let mut slopes = vec![[0.0, f64::INFINITY, f64::NEG_INFINITY]; features];
            for first in places.clone().step_by(BLOCK) {
                let count = BLOCK.min(places.end - first);
                game.slopes(first, &mut columns)?;
                for ([sum, low, high], slope) in slopes.iter_mut().zip(&columns) {
                    for &slope in &slope[..count] {
                        *sum += slope;
                        *low = low.min(slope);
                        *high = high.max(slope);
                    }
                }
            }
            Ok(Slopes(slopes))
        });
        let slopes = merge_tree(slopes.into_iter().collect::<Result<Vec<_>>>()?);
        let slopes = slopes.map_or_else(Vec::new, |slopes| slopes.0);
        let n = players as f64;
        let means: Vec<f64> = slopes.iter().map(|[sum, ..]| sum / n).collect();
        let spans = slopes.iter().zip(&means);
        let spans: Vec<f64> =
            spans.map(|([_, low, high], mean)| (high - mean).max(mean - low)).collect();

        let rows = || game.payload.chunks_exact(features);
        let dot = |row: &[f64]| row.iter().zip(&means).map(|(part, mean)| part * mean).sum::<f64>();
        let span = |row: &[f64]| row.iter().zip(&spans).map(|(p, s)| p.abs() * s).sum::<f64>();
        let mut expected = memory::zeros::<f64>(players);
        let sums = blocks::map_mut(&mut expected, |start, expected| {
            let rows = rows().skip(start);
            let (mut sum, mut magnitude, mut spread) = (0.0, 0.0, 0.0);
            for (expected, row) in expected.iter_mut().zip(rows) {
                *expected = dot(row);
                sum += *expected;
                magnitude += expected.abs();
                spread += span(row);
            }
            ((sum, magnitude), spread)
        });
        let ((sum, magnitude), spread) = merge_tree(sums).unwrap_or_default();
        // Of an order's sum of control variates, a player takes this much at most.
        let share = if magnitude > 0.0 { spread / magnitude } else { 0.0 };
        let bounds = blocks::map(players, |players| {
            let rows = rows().skip(players.start).zip(&expected[players]);
            rows.map(|(row, expected)| span(row) + share * expected.abs()).fold(0.0, f64::max)
        });
        let bound = bounds.into_iter().fold(0.0, f64::max);
        if bound.is_finite() {
            Ok(Self { expected, sum, magnitude, bound })
        } else {
            Err(Error::Overflow { real: "float64" })
        }
    }
}

impl HeatGame {
    /// Writes the control variates of players with the parts of `block`, in places from `first` on,
    /// or in these places of the reversed order.
    pub(super) fn controls(
        &self,
        block: &Block,
        first: usize,
        reversed: bool,
        out: &mut Column,
    ) -> Result<()> {
        let mut products = [1.0; BLOCK];
        let path = self.path(first, reversed);
        let outside = dispatch(
            #[inline(always)]
            || {
                out.fill(0.0);
                for ((start, change), parts) in
                    self.start.iter().zip(&self.change).zip(&block.parts)
                {
                    for i in 0..BLOCK {
                        let mean = start + path[i] * change;
                        out[i] = out[i] * mean + products[i] * parts[i];
                        products[i] *= mean;
                    }
                }
                let mut outside = 0;
                for (slope, product) in out.iter_mut().zip(&products) {
                    let sum = 1.0 + product;
                    outside |= i64::from(!within(sum));
                    *slope /= sum;
                }
                outside
            },
        );
        if outside == 0 { Ok(()) } else { Err(refused(&products, &path)) }
    }

    /// Writes the slope of F by every feature in places from `first` on.
    fn slopes(&self, first: usize, columns: &mut [Column]) -> Result<()> {
        let path = self.path(first, false);
        let mut products = [1.0; BLOCK];
        let outside = dispatch(
            #[inline(always)]
            || {
                for (column, (start, change)) in
                    columns.iter_mut().zip(self.start.iter().zip(&self.change))
                {
                    column.copy_from_slice(&products);
                    for i in 0..BLOCK {
                        products[i] *= start + path[i] * change;
                    }
                }
                let mut outside = 0;
                let mut after = products.map(|product| 1.0 / (1.0 + product));
                for product in &products {
                    outside |= i64::from(!within(1.0 + product));
                }
                for (column, (start, change)) in
                    columns.iter_mut().zip(self.start.iter().zip(&self.change)).rev()
                {
                    for i in 0..BLOCK {
                        column[i] *= after[i];
                        after[i] *= start + path[i] * change;
                    }
                }
                outside
            },
        );
        if outside == 0 { Ok(()) } else { Err(refused(&products, &path)) }
    }

    /// The path parameters of places from `first` on, or of these places of the reversed order.
    fn path(&self, first: usize, reversed: bool) -> Column {
        let n = self.players as f64;
        std::array::from_fn(|i| {
            let place = (first as f64 + i as f64 + 0.5) / n;
            // Past the last place there are no players.
            let place = if place < 1.0 { place } else { 1.0 };
            if reversed { 1.0 - place } else { place }
        })
    }
}

/// The first of the products that has no logarithm.
fn refused(products: &Column, path: &Column) -> Error {
    let place = products.iter().position(|product| !within(1.0 + product)).unwrap_or(0);
    Error::HeatDomain { product: products[place], path: path[place] }
}
