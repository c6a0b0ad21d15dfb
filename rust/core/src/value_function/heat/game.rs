//! The heat as a game: the means A of a coalition move by a player's part e = (x - b)/n of them, and
//! it adds `log1p((P' - P) / (1 + P))`, with P the product of the A and P' that of the A + e.
//!
//! P' - P is formed feature by feature, `Q A' + P e` for the features so far, never as a difference.

use super::Ends;
use super::block::Block;
use super::control::Control;
use super::extent::{Extent, balance};
use super::members::{Few, Members};
use crate::abandon::Watched;
use crate::blocks::{BLOCK, CHUNK, merge_tree};
use crate::coalitions::{BATCH, Coalitions};
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::{Coalition, Game, MAX_ENUMERATED, Orders, Scratch};
use crate::memory;
use crate::moments::Moments;
use crate::random::Draw;
use crate::real::Real;
use crate::sums::{Bucket, sweep};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

pub(super) struct HeatGame {
    pub(super) players: usize,
    /// Every player's part of the means, player by player.
    pub(super) payload: Vec<f64>,
    /// Means at the baseline, and how they change from there to x.
    pub(super) start: Vec<f64>,
    pub(super) change: Vec<f64>,
    value: f64,
    baseline_value: f64,
    /// What is known of all coalitions; that their products are out of range.
    extent: Result<Extent>,
    /// Where players are few.
    few: Option<Few>,
    control: OnceLock<Result<Control>>,
}

/// Every present agent's part of the means, agent by agent.
fn parts<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Vec<f64> {
    let (n, d) = (x.present(), x.features().features());
    let (row, factor) = (baseline.row(d), 1.0 / n as f64);
    let mut payload = memory::zeros::<f64>(n.saturating_mul(d));
    let watched = Watched::current();
    let fill = |(chunk, out): (usize, &mut [f64])| {
        watched.look();
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

impl HeatGame {
    /// The game of the present agents, in index order.
    pub(super) fn of<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Self> {
        baseline.check(x.features())?;
        let Ends { base, value, baseline_value, .. } = Ends::of(x, baseline)?;
        let mut start: Vec<f64> = base.iter().map(|mean| mean.high).collect();
        let mut payload = parts(x, baseline);
        let (change, extent) = balance(&mut payload, &mut start);
        if !change.iter().all(|change| change.is_finite()) {
            return Err(x.explain_non_finite(baseline));
        }
        let players = x.present();
        let few = (players <= MAX_ENUMERATED).then(|| Few::of(x, baseline));
        let control = OnceLock::new();
        Ok(Self { players, payload, start, change, value, baseline_value, extent, few, control })
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
        match &self.few {
            Some(few) => Box::new(few.empty()),
            None => Box::new(Members::none_of(self)),
        }
    }

    fn bound(&self) -> f64 {
        self.extent.as_ref().map_or(f64::INFINITY, |extent| extent.bound)
    }

    fn coalition_bound(&self) -> Result<f64> {
        self.extent.as_ref().map(|extent| extent.bound).map_err(Clone::clone)
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
        let bound = self.coalition_bound()?;
        let control = if orders.control_variate { self.control()?.bound } else { 0.0 };
        Ok(bound + control)
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
        self.extent.as_ref().map(|extent| extent.range).map_err(Clone::clone)
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
