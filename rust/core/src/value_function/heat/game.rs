//! The heat as a game: the means A of a coalition move by a player's part e = (x - b)/n of them, and
//! it adds `log1p((P' - P) / (1 + P))`, with P the product of the A and P' that of the A + e.
//!
//! P' - P is formed feature by feature, `Q A' + P e` for the features so far, never as a difference.

use super::block::{Block, log_ratio};
use super::control::Control;
use super::{Ends, heat};
use crate::blocks::{self, BLOCK, CHUNK, merge_tree};
use crate::coalitions::{BATCH, Coalitions};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::{Coalition, Game, Orders, Scratch};
use crate::moments::Moments;
use crate::random::Draw;
use crate::real::Real;
use crate::sums::{Bucket, sweep};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

/// Where coalitions might come closer to P = -1 than this, the bound is as if they did not. One
/// that does has a marginal contribution beyond it, which is an error.
const CLOSEST: f64 = 1e-3;

pub(super) struct HeatGame {
    pub(super) players: usize,
    /// Every player's part of the means, player by player.
    pub(super) payload: Vec<f64>,
    /// Means at the baseline, and how they change from there to x.
    pub(super) start: Vec<f64>,
    pub(super) change: Vec<f64>,
    value: f64,
    baseline_value: f64,
    bound: f64,
    /// Between what the values of all coalitions are.
    range: [f64; 2],
    control: OnceLock<Result<Control>>,
}

/// Every present agent's part of the means, agent by agent.
fn parts<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Vec<f64> {
    let (n, d) = (x.present(), x.features().features());
    let (row, factor) = (baseline.row(d), 1.0 / n as f64);
    let mut payload = vec![0.0; n * d];
    let fill = |(chunk, out): (usize, &mut [f64])| {
        let first = chunk * CHUNK;
        let (mut column, mut base) = ([T::ZERO; BLOCK], [0.0; BLOCK]);
        x.for_each_block(first..first + out.len() / d, |agents, positions| {
            for k in 0..d {
                let column = &mut column[..agents.len()];
                base.fill(row[k]);
                if let Baseline::PerAgent(rows) = baseline {
                    rows.gather(k, agents, column);
                    base.iter_mut().zip(column.iter()).for_each(|(b, value)| *b = value.to_f64());
                }
                x.features().gather(k, agents, column);
                let out = out[(positions.start - first) * d + k..].iter_mut().step_by(d);
                for ((out, value), b) in out.zip(column.iter()).zip(&base) {
                    *out = (value.to_f64() - b) * factor;
                }
            }
        });
    };
    if n <= CHUNK {
        fill((0, &mut payload));
    } else {
        payload.par_chunks_mut(CHUNK * d).enumerate().for_each(fill);
    }
    payload
}

/// The change of the means from nobody to everybody, a bound of what a player adds, and the range of
/// the values of coalitions.
fn extent(payload: &[f64], start: &[f64]) -> (Vec<f64>, f64, [f64; 2]) {
    let d = start.len();
    let chunk = |players: Range<usize>| payload[players.start * d..players.end * d].chunks_exact(d);
    let players = payload.len() / d;
    let sums = blocks::map(players, |players| {
        let mut sums = vec![(0.0, 0.0); d];
        for row in chunk(players) {
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
    let change = sums.iter().map(|(down, up)| down + up).collect();

    // No coalition has means or products of means outside of these.
    let ends: Vec<[f64; 2]> =
        sums.iter().zip(start).map(|((down, up), start)| [start + down, start + up]).collect();
    let [low, high] = ends.iter().fold([1.0, 1.0], |[low, high], &[a, b]| {
        let products = [low * a, low * b, high * a, high * b];
        [
            products.into_iter().fold(f64::INFINITY, f64::min),
            products.into_iter().fold(f64::NEG_INFINITY, f64::max),
        ]
    });
    let largest: Vec<f64> = ends.iter().map(|[low, high]| low.abs().max(high.abs())).collect();
    let others: Vec<f64> =
        (0..d).map(|k| (0..d).filter(|&l| l != k).map(|l| largest[l]).product()).collect();
    let closest = (1.0 + low).max(CLOSEST);
    let bounds = blocks::map(players, |players| {
        chunk(players).fold(0.0, |bound: f64, row| {
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
    (
        change,
        if (high - low).is_finite() && others.iter().all(|o| o.is_finite()) {
            bound
        } else {
            f64::NAN
        },
        [low.max(CLOSEST - 1.0).ln_1p(), high.ln_1p()],
    )
}

impl HeatGame {
    /// The game of the present agents, in index order.
    pub(super) fn of<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Self> {
        baseline.check(x.features())?;
        let Ends { base: start, value, baseline_value, .. } = Ends::of(x, baseline)?;
        let payload = parts(x, baseline);
        let (change, bound, range) = extent(&payload, &start);
        if !(bound.is_finite() && change.iter().all(|change| change.is_finite())) {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Self {
            players: x.present(),
            payload,
            start,
            change,
            value,
            baseline_value,
            bound,
            range,
            control: OnceLock::new(),
        })
    }

    fn control(&self) -> Result<&Control> {
        self.control.get_or_init(|| Control::new(self)).as_ref().map_err(Clone::clone)
    }

    /// Writes the samples of a bucket's players; returns the sum of their control variates.
    fn bucket(&self, bucket: &Bucket<'_>, orders: Orders, out: &mut [f64]) -> Result<f64> {
        let d = self.start.len();
        let mut block = Block::of(d);
        let (mut samples, mut reverse) = ([0.0; BLOCK], [0.0; BLOCK]);
        let (mut controls, mut opposite) = ([0.0; BLOCK], [0.0; BLOCK]);
        let means = self.start.iter().zip(bucket.before);
        let mut means: Vec<f64> = means.map(|(start, before)| start + before).collect();
        let both = self.start.iter().zip(&self.change);
        let both: Vec<f64> = both.map(|(start, change)| 2.0 * start + change).collect();
        let mut first = bucket.first;
        let mut sum = 0.0;
        for order in bucket.order.chunks(BLOCK) {
            let count = order.len();
            block.gather(bucket.payload, order, &mut means);
            let refuse =
                |members: usize| move |product| Error::HeatDomainOfCoalition { product, members };
            block
                .marginals(count, &mut samples)
                .map_err(|(place, product)| refuse(first + place + 1)(product))?;
            if orders.control_variate {
                self.controls(&block, first, false, &mut controls)?;
            }
            if orders.antithetic {
                block.reverse(&both);
                block
                    .marginals(count, &mut reverse)
                    .map_err(|(place, product)| refuse(self.players - first - place)(product))?;
                average(&mut samples, &reverse);
                if orders.control_variate {
                    self.controls(&block, first, true, &mut opposite)?;
                    average(&mut controls, &opposite);
                }
            }
            if orders.control_variate {
                for (sample, control) in samples.iter_mut().zip(&controls) {
                    *sample -= control;
                }
                sum += controls[..count].iter().sum::<f64>();
            }
            for (&player, &sample) in order.iter().zip(&samples) {
                out[player as usize] = sample;
            }
            first += count;
        }
        Ok(sum)
    }
}

fn average(values: &mut [f64], others: &[f64]) {
    for (value, other) in values.iter_mut().zip(others) {
        *value = 0.5 * (*value + other);
    }
}

impl Game for HeatGame {
    fn players(&self) -> usize {
        self.players
    }

    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(Members { game: self, means: self.start.clone(), count: 0 })
    }

    fn bound(&self) -> f64 {
        self.bound
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
        let control = if orders.control_variate { self.control()?.bound } else { 0.0 };
        Ok(self.bound + control)
    }

    fn sample_order(
        &self,
        draw: Draw,
        orders: Orders,
        scratch: &mut Scratch,
        moments: &mut Moments,
    ) -> Result<()> {
        let control = if orders.control_variate { Some(self.control()?) } else { None };
        let d = self.start.len();
        let sums =
            sweep(&self.payload, d, draw, scratch, |bucket, out| self.bucket(&bucket, orders, out));
        let sums = sums.into_iter().collect::<Result<Vec<f64>>>()?;
        let Some(control) = control else {
            return moments.add(|players, out| scratch.replay(players, out));
        };
        // The control variates of an order do not sum to the sum of their means. Players take the
        // difference in proportion to what is expected of them, which leaves samples unbiased, gives
        // a player without effect nothing, and keeps the sum of the samples the value of the game.
        let surplus = merge_tree(sums).unwrap_or(0.0) - control.sum;
        let share = if control.magnitude > 0.0 { surplus / control.magnitude } else { 0.0 };
        moments.add(|players, out| {
            scratch.replay(players.clone(), out);
            for (sample, expected) in out.iter_mut().zip(&control.expected[players]) {
                *sample += expected + share * expected.abs();
            }
        })
    }

    fn range(&self) -> Result<[f64; 2]> {
        Ok(self.range)
    }

    fn coalition_values(
        &self,
        coalitions: &Coalitions,
        bits: Range<usize>,
        values: &mut [f64; BATCH],
    ) -> Result<()> {
        self.values_of(coalitions.words(), bits, values)
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
    game: &'a HeatGame,
    means: Vec<f64>,
    count: usize,
}

impl Members<'_> {
    /// Moves the means by a player's part times `sign`; returns the change of the value.
    fn go(&mut self, player: usize, sign: f64, count: usize) -> Result<f64> {
        let d = self.means.len();
        let (mut change, mut product, mut after) = (0.0, 1.0, 1.0);
        let row = &self.game.payload[player * d..][..d];
        for (mean, part) in self.means.iter_mut().zip(row) {
            let next = *mean + sign * part;
            change = change * next + product * (sign * part);
            product *= *mean;
            after *= next;
            *mean = next;
        }
        self.count = count;
        let marginal = log_ratio(change, product, after);
        if marginal.is_finite() {
            Ok(marginal)
        } else {
            Err(Error::HeatDomainOfCoalition { product: after, members: self.count })
        }
    }
}

impl Coalition for Members<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        self.go(player, 1.0, self.count + 1)
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        self.go(player, -1.0, self.count - 1)
    }

    fn value(&self) -> Result<f64> {
        heat(&self.means, 1.0)
    }
}
