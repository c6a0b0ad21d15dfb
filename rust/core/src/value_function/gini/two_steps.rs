//! Marginal contributions along a random order where there are many distinct values, under a common
//! baseline.
//!
//! A tree of all ranks would not fit into the cache. Neighbouring ranks are joined to spans: a tree
//! of spans compares each player with the earlier ones of other spans and streams its rank to its
//! own; a tree of the ranks of one span after another then compares players of the same span, whose
//! streams are in the order in which they join; the corrections are read back in that order.

use super::game::GiniGame;
use super::members::Members;
use super::orders::{Run, slots};
use crate::abandon::Watched;
use crate::memory;
use crate::order::Order;
use crate::rank_tree::RankTree;
use crate::simd::dispatch;
use rayon::prelude::*;

/// Spans at most: their streams are written side by side.
const MAX_SPANS: usize = 1_024;

/// Ranks of a span at least.
const MIN_SPAN_BITS: u32 = 11;

/// Players of each span and the sums of their values, and the sum of all magnitudes.
struct Totals {
    spans: Vec<[i64; 2]>,
    magnitude: i64,
}

/// A run whose players were compared with those of other spans.
struct Walked<'a> {
    run: Run<'a>,
    /// Orders within its buckets, one after the other.
    within: Vec<Vec<u32>>,
    /// What players add, less what follows from their own spans, in the order of joining.
    partial: Vec<i64>,
    /// Span after span, the ranks of its players in the order of joining; then their corrections.
    streams: Vec<i64>,
    /// Where the stream of each span begins, and the last one ends.
    starts: Vec<usize>,
}

impl GiniGame {
    /// Lets the players of runs join, each after those of earlier runs.
    pub(super) fn walk_in_two(&self, order: &Order, ranks: &[u32], runs: Vec<Run<'_>>) {
        let bits = (usize::BITS - ((self.values.len() - 1) / MAX_SPANS).leading_zeros())
            .max(MIN_SPAN_BITS);
        let spans = ((self.values.len() - 1) >> bits) + 1;
        let totals: Vec<Totals> = runs
            .par_iter()
            .map(|run| self.totals(&ranks[slots(order, &run.buckets)], bits, spans))
            .collect();
        let runs = runs.into_par_iter().enumerate();
        let mut walked: Vec<Walked<'_>> = runs
            .map(|(index, run)| {
                let totals = (&totals[index], &totals[..index]);
                self.walk_spans(order, ranks, bits, totals, run)
            })
            .collect();

        let mut streams: Vec<Vec<&mut [i64]>> = (0..spans).map(|_| Vec::new()).collect();
        for walked in &mut walked {
            let mut rest = walked.streams.as_mut_slice();
            for (streams, bounds) in streams.iter_mut().zip(walked.starts.windows(2)) {
                let stream;
                (stream, rest) = rest.split_at_mut(bounds[1] - bounds[0]);
                streams.push(stream);
            }
        }
        let watched = Watched::current();
        streams.into_par_iter().enumerate().for_each(|(span, streams)| {
            watched.look();
            self.correct(span << bits, bits, streams);
        });
        walked.into_par_iter().for_each(|walked| self.finish(order, ranks, bits, walked));
    }

    fn totals(&self, ranks: &[u32], bits: u32, spans: usize) -> Totals {
        let mut totals = Totals { spans: vec![[0; 2]; spans], magnitude: 0 };
        for &rank in ranks {
            let value = self.values[rank as usize];
            let [count, sum] = &mut totals.spans[(rank >> bits) as usize];
            *count += 1;
            *sum += value;
            totals.magnitude += value.abs();
        }
        totals
    }

    /// Compares the players of a run, whose totals are `own`, with earlier ones of other spans.
    fn walk_spans<'a>(
        &self,
        order: &Order,
        ranks: &[u32],
        bits: u32,
        (own, earlier): (&Totals, &[Totals]),
        run: Run<'a>,
    ) -> Walked<'a> {
        let mut starts = Vec::with_capacity(own.spans.len() + 1);
        let mut players = 0;
        for [count, _] in &own.spans {
            starts.push(players);
            players += *count as usize;
        }
        starts.push(players);
        let mut before = vec![[0; 2]; own.spans.len()];
        for totals in earlier {
            for (before, [count, sum]) in before.iter_mut().zip(&totals.spans) {
                *before = [before[0] + count, before[1] + sum];
            }
        }
        let first = slots(order, &run.buckets).start as i64;
        let magnitude = earlier.iter().map(|totals| totals.magnitude).sum();
        let mut members = Members::of(self, before, first, magnitude);
        let mut cursors = starts.clone();
        let (mut partial, mut streams) = (Vec::new(), memory::zeros(players));
        memory::reserve(&mut partial, players);
        let within = run.buckets.clone().map(|bucket| {
            run.watched.look();
            let mut within = Vec::new();
            order.shuffle(bucket, &mut within);
            let ranks = &ranks[order.buckets.slots(bucket)];
            dispatch(
                #[inline(always)]
                || {
                    for &player in &within {
                        let rank = ranks[player as usize];
                        let span = rank >> bits;
                        let value = self.values[rank as usize];
                        partial.push(members.join_value(span, value));
                        let cursor = &mut cursors[span as usize];
                        streams[*cursor] = i64::from(rank);
                        *cursor += 1;
                    }
                },
            );
            within
        });
        let within = within.collect();
        Walked { run, within, partial, streams, starts }
    }

    /// Compares the players of a span, which starts at a rank, with earlier ones of the same span:
    /// writes what that adds over their ranks.
    fn correct(&self, start: usize, bits: u32, streams: Vec<&mut [i64]>) {
        let mut tree = RankTree::new(1 << bits);
        let values = &self.values[start..];
        for stream in streams {
            dispatch(
                #[inline(always)]
                || {
                    for place in stream {
                        let rank = *place as usize - start;
                        let value = values[rank];
                        let (count, sum) = tree.below(rank as u32);
                        // Those below were counted as if they were above.
                        *place = 2 * (value * count - sum);
                        tree.add(rank as u32, 1, value);
                    }
                },
            );
        }
    }

    /// Writes what the players of a run add.
    fn finish(&self, order: &Order, ranks: &[u32], bits: u32, walked: Walked<'_>) {
        let Walked { run, within, partial, streams, starts: mut cursors } = walked;
        let mut partial = partial.into_iter();
        for ((bucket, out), within) in run.buckets.zip(run.marginals).zip(within) {
            run.watched.look();
            let ranks = &ranks[order.buckets.slots(bucket)];
            for (player, partial) in within.into_iter().zip(&mut partial) {
                let cursor = &mut cursors[(ranks[player as usize] >> bits) as usize];
                out[player as usize] = (partial + streams[*cursor]) as f64 * self.factor;
                *cursor += 1;
            }
        }
    }
}
