//! Every way against all pairs, and against the path itself.

use super::exponentials::Exponentials;
use super::merge::{Costs, Crossings};
use super::pairs::Pairs;
use super::{Weighed, Weight, of_crossings};
use crate::blocks::CHUNK;
use crate::buffer::Buffer;
use proptest::prelude::*;

const ENUMERATED: Costs = Costs { leaf: 1, crossings_per_term: f64::INFINITY };
const SUMMED: Costs = Costs { leaf: 1, crossings_per_term: 0.0 };

/// Weights by agent, and what `of_crossings` reports, the comonotone way left out.
fn weights(b: &[f64], s: &[f64], costs: Costs) -> (Vec<f64>, Weighed) {
    let n = b.len();
    let read = |positions: std::ops::Range<usize>| {
        [b, s].map(|values| {
            let mut buffer = Buffer::of(positions.len());
            buffer.copy_from_slice(&values[positions.clone()]);
            buffer
        })
    };
    let Pairs { pairs, slots } = Pairs::new(n, read).unwrap();
    let crossings = Crossings::new(&pairs, n, costs);
    let farthest = b.iter().zip(s).fold(0.0_f64, |most, (b, s)| most.max((s - b).abs()));
    let weighed = of_crossings(crossings, slots, Weight::new(n), [0.0; 2], farthest);
    let blocks = (0..n).map(|i| weighed.block(i, 1)[0]);
    (blocks.collect(), weighed)
}

/// `2/n^2 sum_j (p + q) / (|p| + |q|)`.
fn all_pairs(b: &[f64], s: &[f64]) -> Vec<f64> {
    let n = b.len() as f64;
    let term = |i: usize, j: usize| {
        let (p, q) = (b[i] - b[j], s[i] - s[j]);
        if p == 0.0 && q == 0.0 { 0.0 } else { (p + q) / (p.abs() + q.abs()) }
    };
    let sum = |i| (0..b.len()).map(|j| term(i, j)).sum::<f64>();
    (0..b.len()).map(|i| 2.0 / (n * n) * sum(i)).collect()
}

fn mean_difference(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let pairs = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).abs()));
    pairs.sum::<f64>() / (n * n)
}

/// Reproducible numbers in [0, 1).
fn uniforms(n: usize, mut state: u64) -> Vec<f64> {
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

/// As a part of the largest weight that an agent can have.
fn largest_gap(found: &[f64], expected: &[f64]) -> f64 {
    let gaps = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    gaps.fold(0.0, f64::max) * found.len() as f64 / 2.0
}

proptest! {
    #[test]
    fn all_ways_agree_with_all_pairs(
        agents in prop::collection::vec(
            prop_oneof![
                (-3_i8..4, -3_i8..4).prop_map(|(b, s)| (f64::from(b), f64::from(s))),
                (-1.0..1.0_f64, -1.0..1.0_f64),
                (-1.0..1.0_f64).prop_map(|b| (b, 0.5 - b)),
                (-1.0..1.0_f64).prop_map(|b| (b, b)),
                (0.0..1.0_f64).prop_map(|b| (b, b + 1e-9 * b.sin())),
            ],
            1..300,
        ),
        leaf in 1..40_usize,
    ) {
        let (b, s): (Vec<f64>, Vec<f64>) = agents.into_iter().unzip();
        let expected = all_pairs(&b, &s);
        for costs in [ENUMERATED, SUMMED, Costs { leaf, ..ENUMERATED }, Costs { leaf, ..SUMMED }, Costs::MEASURED] {
            let (found, weighed) = weights(&b, &s, costs);
            prop_assert!(largest_gap(&found, &expected) < 1e-13, "{}", weighed.estimator);
            let scale = mean_difference(&s) + mean_difference(&b) + 1e-300;
            prop_assert!((weighed.value - mean_difference(&s)).abs() < 1e-13 * scale);
            prop_assert!((weighed.baseline_value - mean_difference(&b)).abs() < 1e-13 * scale);
        }
    }
}

#[test]
fn the_pair_form_is_the_integral_along_the_path() {
    // The weight is the mean over the path of 2/n^2 times the sum of signs: midpoints of 200,000
    // intervals, each of the crossings being off by at most one of them.
    let (b, s) = (uniforms(12, 3), uniforms(12, 4));
    let steps = 200_000;
    let mut integral = vec![0.0; 12];
    for step in 0..steps {
        let a = (f64::from(step) + 0.5) / f64::from(steps);
        let at: Vec<f64> = b.iter().zip(&s).map(|(b, s)| b + a * (s - b)).collect();
        for (i, sum) in integral.iter_mut().enumerate() {
            let signs: i32 = at.iter().map(|&y| i32::from(at[i] > y) - i32::from(at[i] < y)).sum();
            *sum += f64::from(signs) * 2.0 / 144.0 / f64::from(steps);
        }
    }
    for costs in [ENUMERATED, SUMMED] {
        let (found, _) = weights(&b, &s, costs);
        assert!(largest_gap(&found, &integral) < 1e-4);
    }
}

#[test]
fn tiles_and_rectangles_agree_with_all_pairs() {
    let n = 3_000;
    let (u, v) = (uniforms(n, 1), uniforms(n, 2));
    let reversed: Vec<f64> = u.iter().map(|u| -u).collect();
    let few: Vec<f64> = v.iter().map(|v| (v * 3.0).floor()).collect();
    let offset: Vec<f64> = v.iter().map(|v| 1e6 + v * 1e-3).collect();
    let wide: Vec<f64> = v.iter().map(|v| (v * 60.0 - 30.0).exp()).collect();
    for (b, s) in [(&u, &v), (&u, &reversed), (&u, &few), (&few, &u), (&u, &offset), (&u, &wide)] {
        let expected = all_pairs(b, s);
        for costs in [ENUMERATED, SUMMED, Costs::MEASURED] {
            let (found, weighed) = weights(b, s, costs);
            let gap = largest_gap(&found, &expected);
            assert!(gap < 2e-13, "{}: {gap}", weighed.estimator);
            assert_eq!(weighed.error == 0.0, weighed.estimator == "crossing pairs");
        }
    }
}

#[test]
fn the_ways_are_told_apart() {
    let n = 40_000;
    let (b, v) = (uniforms(n, 5), uniforms(n, 6));
    let near: Vec<f64> = b.iter().zip(&v).map(|(b, v)| b + 1e-4 * v).collect();
    assert_eq!(weights(&b, &near, Costs::MEASURED).1.estimator, "crossing pairs");
    let (summed, weighed) = weights(&b, &v, Costs::MEASURED);
    assert_eq!(weighed.estimator, "sum of exponentials");
    let (enumerated, _) = weights(&b, &v, Costs { leaf: 64, ..ENUMERATED });
    assert!(largest_gap(&summed, &enumerated) < 1e-13);
    assert!(weighed.error > 0.0 && weighed.error < 1e-14 * weighed.value);
}

#[test]
fn gaps_beyond_the_range_of_the_rates_are_enumerated() {
    for unit in [1e-310, 1e300] {
        let (b, s) = ([0.0, unit, 2.0 * unit], [3.0 * unit, unit, 0.0]);
        let (found, weighed) = weights(&b, &s, SUMMED);
        assert!(largest_gap(&found, &all_pairs(&b, &s)) < 1e-15);
        assert_eq!(weighed.estimator, "crossing pairs");
    }
    let (b, s) = ([0.0, 1.0, 1e290, 3e290], [1e-10, 0.0, 1e-200, 1.0]);
    let (found, weighed) = weights(&b, &s, SUMMED);
    assert!(largest_gap(&found, &all_pairs(&b, &s)) < 1e-14);
    assert_eq!(weighed.estimator, "sum of exponentials");
}

#[test]
fn thread_counts_agree_on_every_bit() {
    let n = 4 * CHUNK + 77;
    let (b, v) = (uniforms(n, 7), uniforms(n, 8));
    let tied = |values: &[f64]| values.iter().map(|u| (u * 300.0).floor()).collect::<Vec<_>>();
    let cases = [(b.clone(), v.clone()), (tied(&b), tied(&v))];
    for (b, s) in cases {
        let slow = Costs { crossings_per_term: 20.0, ..Costs::MEASURED };
        for costs in [Costs::MEASURED, slow] {
            let bits = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let (weights, weighed) = pool.install(|| weights(&b, &s, costs));
                let ends = [weighed.value, weighed.baseline_value].map(f64::to_bits);
                (weights.into_iter().map(f64::to_bits).collect::<Vec<_>>(), ends)
            };
            let one = bits(1);
            for threads in [2, 3, 8] {
                assert!(bits(threads) == one, "{threads} threads");
            }
        }
    }
}

#[test]
fn exponentials_resolve_the_whole_range() {
    for decades in [0, 1, 5, 9, 30, 250] {
        let worst = Exponentials::worst_error(10.0_f64.powi(-decades), 1.0);
        assert!(worst < 5e-15, "{decades} decades: {worst}");
    }
}
