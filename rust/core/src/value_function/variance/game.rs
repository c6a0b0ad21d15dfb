//! The variance as a game: with `D_i = s_i - b_i`, `M_i = s_i - sbar + b_i - bbar` and S the sum of D
//! over the members, player i adds `D_i / n (M_i + (sum D - 2 S - D_i) / n)`.
//!
//! In an order and its reverse the term with S is opposite, and their mean is `D_i M_i / n` whatever
//! the order: the exact value. Composites are relative to a row amid the data, as in the closed form.

use crate::blocks::{self, CHUNK, merge_tree};
use crate::coalitions::{BATCH, Coalitions};
use crate::error::Result;
use crate::features::{Baseline, Step};
use crate::game::{Coalition, Game, Orders, Scratch};
use crate::linear::{first_means, weighted_sum};
use crate::memory;
use crate::moments::Moments;
use crate::random::Draw;
use crate::real::Real;
use crate::statistics::{Deviations, Extremes};
use crate::sums::{Bucket, sweep};
use crate::value_function::composite::{self, Weights};
use std::ops::Range;

pub(super) struct VarianceGame {
    /// Under a common baseline the composite of every player, from which D and M differ by a
    /// constant; else D and M.
    pub(super) payload: Vec<f64>,
    pub(super) width: usize,
    /// The composite of the common baseline, and the mean of the composites.
    from: f64,
    mean: f64,
    /// Sum of D.
    pub(super) total: f64,
    /// 1/n.
    pub(super) share: f64,
    value: f64,
    pub(super) baseline_value: f64,
}

impl VarianceGame {
    /// The game of the present agents, in index order.
    pub(super) fn of<T: Real>(
        weights: &Weights,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
    ) -> Result<Self> {
        baseline.check(x.features())?;
        let weights = weights.of(x.features())?;
        let share = 1.0 / x.present() as f64;
        let row = first_means(x);
        let mut composites = memory::zeros(x.present());
        let shift = Baseline::Common(&row);
        let of_x = weighted_sum(x, &shift, &weights, &mut composites, &Deviations::default());
        let game = if let Baseline::PerAgent(rows) = baseline {
            let base = x.with_features(rows.clone());
            let row = first_means(&base);
            let mut middles = memory::zeros(x.present());
            let shift = Baseline::Common(&row);
            let of_base =
                weighted_sum(&base, &shift, &weights, &mut middles, &Deviations::default());
            let mean = of_x.mean + of_base.mean;
            let sums = composites.iter().zip(&mut middles);
            sums.for_each(|(s, b)| *b = s + *b - mean);
            let differences = &mut composites;
            let of_all = weighted_sum(x, baseline, &weights, differences, &Extremes::default());
            let rows = differences.iter().zip(&middles);
            let mut payload = Vec::new();
            memory::reserve(&mut payload, 2 * middles.len());
            payload.extend(rows.flat_map(|(&difference, &middle)| [difference, middle]));
            Self {
                payload,
                width: 2,
                from: 0.0,
                mean: 0.0,
                total: of_all.sum,
                share,
                value: of_x.variance(),
                baseline_value: of_base.variance(),
            }
        } else {
            let from = composite::of_baseline(&weights, baseline, &row);
            Self {
                payload: composites,
                width: 1,
                from,
                mean: of_x.mean,
                total: (of_x.mean - from) / share,
                share,
                value: of_x.variance(),
                baseline_value: 0.0,
            }
        };
        if (game.value + game.baseline_value + game.total + game.bound()).is_finite() {
            Ok(game)
        } else {
            Err(x.explain_non_finite(baseline))
        }
    }

    /// D and M of a player, by its numbers.
    #[inline(always)]
    pub(super) fn terms(&self, row: &[f64]) -> (f64, f64) {
        match *row {
            [s] => (s - self.from, s - self.mean),
            _ => (row[0], row[1]),
        }
    }

    /// What a player adds to members whose D sum to `sum`.
    #[inline(always)]
    pub(super) fn marginal(&self, (difference, middle): (f64, f64), sum: f64) -> f64 {
        let rest = self.total - 2.0 * sum - difference;
        difference * self.share * (middle + rest * self.share)
    }

    /// Writes what the players of a bucket add.
    #[inline(always)]
    fn bucket(&self, bucket: &Bucket<'_>, width: usize, marginals: &mut [f64]) {
        let mut sum = bucket.before[0] - bucket.first as f64 * self.from;
        for &player in bucket.order {
            let player = player as usize;
            let terms = self.terms(&bucket.payload[player * width..][..width]);
            marginals[player] = self.marginal(terms, sum);
            sum += terms.0;
        }
    }

    /// The largest of a quantity of the players.
    fn largest(&self, of: impl Fn((f64, f64)) -> f64 + Sync) -> f64 {
        let largest = blocks::map(self.players(), |players| {
            let rows = &self.payload[players.start * self.width..players.end * self.width];
            // Not `max`, which would turn NaN into a number.
            rows.chunks_exact(self.width).fold(0.0, |largest, row| {
                let value = of(self.terms(row));
                if value <= largest { largest } else { value }
            })
        });
        largest.into_iter().fold(0.0, |a, b| if b <= a { a } else { b })
    }
}

impl Game for VarianceGame {
    fn players(&self) -> usize {
        self.payload.len() / self.width
    }

    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(Members { game: self, sum: 0.0, value: self.baseline_value })
    }

    fn bound(&self) -> f64 {
        let magnitudes = blocks::map(self.players(), |players| {
            let rows = &self.payload[players.start * self.width..players.end * self.width];
            rows.chunks_exact(self.width).map(|row| self.terms(row).0.abs()).sum::<f64>()
        });
        // The members' part of the sum of D and the others' have opposite signs.
        let rest = merge_tree(magnitudes).unwrap_or(0.0) * self.share;
        self.largest(|(difference, middle)| difference.abs() * (middle.abs() + rest) * self.share)
    }

    fn is_parallel(&self) -> bool {
        self.players() > CHUNK
    }

    fn value(&self) -> Result<f64> {
        Ok(self.value)
    }

    fn baseline_value(&self) -> Result<f64> {
        Ok(self.baseline_value)
    }

    fn order_bound(&self, orders: Orders) -> Result<f64> {
        Ok(if orders.antithetic {
            self.largest(|(difference, middle)| (difference * middle).abs() * self.share)
        } else {
            self.bound()
        })
    }

    fn sample_order(
        &self,
        draw: Draw,
        orders: Orders,
        scratch: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        if orders.antithetic {
            return moments.add(|players, out| {
                let rows = &self.payload[players.start * self.width..players.end * self.width];
                for (out, row) in out.iter_mut().zip(rows.chunks_exact(self.width)) {
                    let (difference, middle) = self.terms(row);
                    *out = difference * self.share * middle;
                }
            });
        }
        sweep(&self.payload, self.width, draw, scratch, |bucket, marginals| match self.width {
            1 => self.bucket(&bucket, 1, marginals),
            _ => self.bucket(&bucket, 2, marginals),
        });
        moments.add(|players, out| scratch.replay(players, out))
    }

    fn range(&self) -> Result<[f64; 2]> {
        Ok([0.0, self.highest()])
    }

    fn coalition_values(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        self.values_of(coalitions.words(), bits, values);
        Ok(())
    }

    fn sample_coalitions(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        moments: &mut Moments,
    ) -> Result<()> {
        self.marginals_to(coalitions.words(), bits, moments)
    }
}

struct Members<'a> {
    game: &'a VarianceGame,
    /// Sum of D over the members.
    sum: f64,
    value: f64,
}

impl Members<'_> {
    fn terms(&self, player: usize) -> (f64, f64) {
        let width = self.game.width;
        self.game.terms(&self.game.payload[player * width..][..width])
    }
}

impl Coalition for Members<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        let terms = self.terms(player);
        let marginal = self.game.marginal(terms, self.sum);
        self.sum += terms.0;
        self.value += marginal;
        Ok(marginal)
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        let terms = self.terms(player);
        self.sum -= terms.0;
        let marginal = self.game.marginal(terms, self.sum);
        self.value -= marginal;
        Ok(-marginal)
    }

    fn value(&self) -> Result<f64> {
        Ok(self.value)
    }
}
