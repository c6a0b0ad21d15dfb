//! Random orders: every player once, and every order equally likely.

use aumann_core::{random::Draw, random_order};

fn orders(n: usize, samples: u64) -> impl Iterator<Item = Vec<usize>> {
    (0..samples).map(move |sample| random_order(Draw { seed: 11, step: 2, sample }, n))
}

fn places(order: &[usize]) -> Vec<usize> {
    let mut places = vec![usize::MAX; order.len()];
    for (place, &player) in order.iter().enumerate() {
        assert_eq!(places[player], usize::MAX, "player {player} comes twice");
        places[player] = place;
    }
    places
}

/// Sizes below, at and above one bucket, and of four, eight and sixteen buckets.
const SIZES: [usize; 8] = [2, 33, 4_095, 4_096, 8_191, 8_192, 12_345, 40_001];

#[test]
fn every_player_comes_once() {
    for n in [0, 1, 3, 15, 16, 17, 16_383, 16_384, 16_385, 3 * 16_384 + 7] {
        for order in orders(n, 3) {
            assert_eq!(order.len(), n);
            places(&order);
        }
    }
    for n in SIZES {
        orders(n, 2).for_each(|order| drop(places(&order)));
    }
}

#[test]
fn all_orders_of_five_are_equally_likely() {
    let (samples, classes) = (60_000, 120.0);
    let mut counts = vec![0_u32; 3_125];
    for order in orders(5, samples) {
        counts[order.iter().fold(0, |code, player| 5 * code + player)] += 1;
    }
    counts.retain(|&count| count > 0);
    assert_eq!(counts.len(), 120);
    let expected = samples as f64 / classes;
    let chi: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
    let z = (chi - 119.0) / (2.0_f64 * 119.0).sqrt();
    assert!(z.abs() < 4.0, "{z}");
}

/// Players by index and places are cut into as many parts; for a uniform order the chi-square
/// statistic of their table, whose margins are fixed, has mean (parts - 1)^2 n / (n - 1).
#[test]
fn players_come_at_every_place() {
    for (n, samples) in [(33, 3_000), (4_095, 150), (4_096, 150), (8_192, 150), (40_001, 60)] {
        let parts = n.min(16);
        let mut total = 0.0;
        for order in orders(n, samples) {
            let mut counts = vec![0.0; parts * parts];
            let mut sizes = vec![0.0; parts];
            for (place, &player) in order.iter().enumerate() {
                counts[player * parts / n * parts + place * parts / n] += 1.0;
                sizes[place * parts / n] += 1.0;
            }
            for (cell, count) in counts.iter().enumerate() {
                let expected = sizes[cell / parts] * sizes[cell % parts] / n as f64;
                total += (count - expected) * (count - expected) / expected;
            }
        }
        let freedom = ((parts - 1) * (parts - 1)) as f64;
        let mean = samples as f64 * freedom * n as f64 / (n as f64 - 1.0);
        let z = (total - mean) / (2.0 * freedom * samples as f64).sqrt();
        assert!(z.abs() < 4.0, "{n}: {z}");
    }
}

/// Of two players, either comes first as often. Neighbours by index may share a block of random
/// words, players 16 apart have the same part of neighbouring blocks, and far ones neither.
#[test]
fn pairs_come_in_either_order() {
    for n in SIZES {
        let samples = 2_000_000 / n.max(1_000) as u64;
        for apart in [1, 4, 16, n / 2 + 1].into_iter().filter(|&apart| apart < n) {
            let (mut total, mut pairs) = (0.0, 0.0);
            for order in orders(n, samples) {
                let places = places(&order);
                for (a, b) in places.iter().zip(&places[apart..]) {
                    total += f64::from(u8::from(a < b)) - 0.5;
                }
                pairs += (n - apart) as f64;
            }
            // Of m pairs in a chain, m/2 are in order with variance (m + 2)/12; single ones 1/4.
            let chains = apart.min(n - apart) as f64 * samples as f64;
            let z = total / ((pairs + 2.0 * chains) / 12.0).sqrt();
            assert!(z.abs() < 4.0, "{n} {apart}: {z}");
        }
    }
}

#[test]
fn fixed_points_are_one_on_average() {
    for n in [33, 4_096, 9_001] {
        let samples = 400;
        let fixed: usize = orders(n, samples)
            .map(|order| {
                order.iter().enumerate().filter(|(place, player)| place == *player).count()
            })
            .sum();
        let z = (fixed as f64 - samples as f64) / (samples as f64).sqrt();
        assert!(z.abs() < 4.0, "{n}: {z}");
    }
}

#[test]
fn seed_step_and_sample_give_orders_of_their_own() {
    let draws = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (u64::MAX, u32::MAX, u64::MAX)];
    let orders: Vec<Vec<usize>> =
        draws.map(|(seed, step, sample)| random_order(Draw { seed, step, sample }, 9_000)).into();
    for (a, order) in orders.iter().enumerate() {
        for other in &orders[a + 1..] {
            let same = order.iter().zip(other).filter(|(x, y)| x == y).count();
            assert!(same < 12, "{same} players at the same place");
        }
    }
}

#[test]
fn threads_leave_no_trace() {
    let draw = Draw { seed: 5, step: 0, sample: 9 };
    let n = 5 * 16_384 + 3;
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| random_order(draw, n))
    };
    let one = with(1);
    assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one));
}

/// By the program of docs/random-orders.md, in NumPy.
#[test]
fn orders_stay_what_they_are() {
    let digest = |seed, step, sample, n| {
        let order = random_order(Draw { seed, step, sample }, n);
        order.iter().fold(0_u64, |digest, &player| {
            digest.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(player as u64)
        })
    };
    assert_eq!(random_order(Draw { seed: 7, step: 0, sample: 3 }, 5), [3, 2, 4, 0, 1]);
    assert_eq!(digest(7, 0, 3, 9_000), 370_579_216_061_601_548);
    assert_eq!(digest(u64::MAX, 5, 1 << 40, 20_000), 12_759_463_878_682_662_652);
    assert_eq!(digest(1, 2, 0, 8_191), 6_218_202_089_928_712_261);
    assert_eq!(digest(3, 1, 4, 300_000), 10_221_130_857_435_968_376);
}
