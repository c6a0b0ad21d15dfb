//! Sampled Shapley values against the definition, and the laws of samplers.

use aumann_core::{
    Baseline, Coalition, Descriptor, Drawn, Enumeration, Error, Features, Game, Orders, Plan, Real,
    Result, Sampler, Step, blocks::CHUNK, from_descriptor, random::Draw, random_order,
};

const ORDERS: [Orders; 4] = [
    Orders { antithetic: false, control_variate: false },
    Orders { antithetic: true, control_variate: false },
    Orders { antithetic: false, control_variate: true },
    Orders { antithetic: true, control_variate: true },
];

const NAMES: [&str; 3] = ["mean", "variance", "heat"];

/// Reproducible numbers in [0, 1).
fn uniforms(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

/// The game of rows of d features from a baseline of rows.
fn game<T: Real>(name: &str, x: &[T], base: &[T], d: usize) -> Box<dyn Game> {
    let function = from_descriptor::<T>(&Descriptor { name, weights: None }).unwrap();
    let x = Step::new(Features::rows(x, d).unwrap()).unwrap();
    function.game(&x, &Baseline::PerAgent(Features::rows(base, d).unwrap())).unwrap()
}

fn sampler(game: Box<dyn Game>, orders: Orders, seed: u64) -> Sampler {
    Sampler::new(game, Plan::Orders(orders), seed, 0).unwrap()
}

fn estimates(sampler: &Sampler) -> (Vec<f64>, Vec<f64>) {
    let n = sampler.moments().players();
    let (mut values, mut errors) = (vec![0.0; n], vec![0.0; n]);
    sampler.estimate(&mut values, &mut errors).unwrap();
    (values, errors)
}

/// A game with the marginal contributions of another and nothing else.
struct Plain(Box<dyn Game>);

impl Game for Plain {
    fn players(&self) -> usize {
        self.0.players()
    }
    fn empty(&self) -> Box<dyn Coalition + '_> {
        self.0.empty()
    }
    fn bound(&self) -> f64 {
        self.0.bound()
    }
}

/// Over many seeds, estimates less the exact value in units of their own standard error have the
/// mean and the mean square of Student's t with 63 degrees of freedom.
#[test]
fn estimates_are_unbiased_within_their_errors() {
    let (n, seeds, samples) = (6, 300, 64);
    for d in [1, 3, 6] {
        let x: Vec<f64> = uniforms(n * d, d as u64).iter().map(|u| 3.0 * u - 0.4).collect();
        let b: Vec<f64> = uniforms(n * d, 50 + d as u64).iter().map(|u| 0.7 * u).collect();
        for (name, orders) in [
            ("variance", ORDERS[0]),
            ("heat", ORDERS[0]),
            ("heat", ORDERS[1]),
            ("heat", ORDERS[2]),
            ("heat", ORDERS[3]),
        ] {
            let exact = Enumeration::of(game(name, &x, &b, d).as_ref()).unwrap().shapley();
            let (mut sums, mut squares) = (vec![0.0; n], vec![0.0; n]);
            for seed in 0..seeds {
                let mut sampler = sampler(game(name, &x, &b, d), orders, seed);
                sampler.run(0..samples).unwrap();
                let (values, errors) = estimates(&sampler);
                for i in 0..n {
                    let t = (values[i] - exact[i]) / errors[i];
                    sums[i] += t;
                    squares[i] += t * t;
                }
            }
            let (seeds, variance) = (seeds as f64, 63.0 / 61.0);
            for i in 0..n {
                let mean = sums[i] / (seeds * variance).sqrt();
                // The kurtosis of t makes the variance of its square a little more than 2.
                let square = (squares[i] / seeds - variance) / (2.3 / seeds).sqrt();
                assert!(mean.abs() < 4.5, "{name} {d} {orders:?} {i}: {mean}");
                assert!(square.abs() < 4.5, "{name} {d} {orders:?} {i}: {square}");
            }
        }
    }
}

/// The fast way gives the marginal contributions of players who join one by one in the same order.
#[test]
fn a_sample_is_the_game_along_its_order() {
    for (n, d) in [(1, 1), (2, 2), (300, 3), (4_100, 4), (9_000, 1), (CHUNK + 1, 6)] {
        let x: Vec<f64> = uniforms(n * d, 1).iter().map(|u| 2.0 * u - 0.2).collect();
        let b: Vec<f64> = uniforms(n * d, 2).iter().map(|u| (2.0 * u).floor()).collect();
        for name in NAMES {
            for antithetic in [false, true] {
                let orders = Orders { antithetic, control_variate: false };
                let mut fast = sampler(game(name, &x, &b, d), orders, 3);
                let mut slow = sampler(Box::new(Plain(game(name, &x, &b, d))), orders, 3);
                fast.run(5..6).unwrap();
                slow.run(5..6).unwrap();
                let (fast, slow) = (estimates(&fast).0, estimates(&slow).0);
                let largest = slow.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                for (a, b) in fast.iter().zip(&slow) {
                    assert!((a - b).abs() <= 1e-11 * largest, "{name} {n}: {a} {b} {largest}");
                }
            }
        }
    }
}

#[test]
fn every_sample_is_efficient_and_leaves_dummies_nothing() {
    for (n, d) in [(2, 3), (50, 3), (5_000, 2), (CHUNK + 7, 3)] {
        let mut x: Vec<f64> = uniforms(n * d, 9).iter().map(|u| 1.0 / (1.1 - u)).collect();
        let b = vec![0.25; n * d];
        x[d..2 * d].fill(0.25);
        for name in NAMES {
            for orders in ORDERS {
                let mut sampler = sampler(game(name, &x, &b, d), orders, 4);
                sampler.run(0..1).unwrap();
                let (values, _) = estimates(&sampler);
                let total = sampler.value() - sampler.baseline_value();
                let magnitude: f64 = values.iter().map(|v| v.abs()).sum();
                let sum: f64 = values.iter().sum();
                assert!((sum - total).abs() < 1e-11 * magnitude, "{name} {n} {orders:?}");
                assert_eq!(values[1], 0.0, "{name} {n} {orders:?}");
            }
        }
    }
}

/// The variance has interactions of pairs only: an order and its reverse are exact.
#[test]
fn one_pair_is_exact_for_pairwise_games() {
    for offset in [0.0, 1e6] {
        let x: Vec<f64> = uniforms(80, 7).iter().map(|u| u + offset).collect();
        let b = vec![offset; 80];
        let exact: Vec<f64> = {
            let mean = x.iter().map(|v| v - offset).sum::<f64>() / 80.0;
            x.iter().map(|v| (v - offset) * (v - offset - mean) / 80.0).collect()
        };
        let orders = Orders { antithetic: true, control_variate: false };
        let plain: Box<dyn Game> = Box::new(Plain(game("variance", &x, &b, 1)));
        for game in [plain, game("variance", &x, &b, 1)] {
            let mut sampler = sampler(game, orders, 2);
            sampler.run(0..2).unwrap();
            let (values, errors) = estimates(&sampler);
            for i in 0..80 {
                assert!((values[i] - exact[i]).abs() < 1e-14, "{} {}", values[i], exact[i]);
                assert!(errors[i] < 1e-14);
            }
        }
    }
}

#[test]
fn threads_leave_no_trace() {
    for (n, samples) in [(7, 4_000), (1_000, 40), (3 * CHUNK + 5, 3)] {
        let x: Vec<f64> = uniforms(3 * n, 5).iter().map(|u| (9.0 * u).floor().ln_1p()).collect();
        let b = vec![0.1; 3 * n];
        for name in NAMES {
            for orders in ORDERS {
                let with = |threads| {
                    let pool =
                        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| {
                        let mut sampler = sampler(game(name, &x, &b, 3), orders, 6);
                        sampler.run(0..samples).unwrap();
                        sampler.moments().clone()
                    })
                };
                let one = with(1);
                assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one), "{name} {n}");
            }
        }
    }
}

#[test]
fn runs_and_merges_are_one_long_run() {
    for n in [40, CHUNK + 3] {
        let x = uniforms(2 * n, 5);
        let b = vec![0.0; 2 * n];
        let orders = ORDERS[3];
        let draw = |runs: &[(u64, std::ops::Range<u64>)]| {
            let mut all: Option<Sampler> = None;
            for (seed, samples) in runs {
                let mut part = sampler(game("heat", &x, &b, 2), orders, *seed);
                part.run(samples.clone()).unwrap();
                match &mut all {
                    None => all = Some(part),
                    Some(all) => all.merge(&part).unwrap(),
                }
            }
            all.unwrap()
        };
        let whole = draw(&[(1, 0..30)]);
        let mut resumed = draw(&[(1, 0..10)]);
        resumed.run(10..30).unwrap();
        let mut kept = sampler(game("heat", &x, &b, 2), orders, 1);
        kept.resume(resumed.moments(), resumed.drawn()).unwrap();
        let merged = [&[(1, 20..30), (1, 0..4), (1, 4..20)][..], &[(1, 0..4), (1, 4..30)]];
        let merged = merged.map(draw);
        for other in [&resumed, &kept, &merged[0], &merged[1]] {
            assert!(other.moments() == whole.moments());
            assert_eq!(other.drawn(), [Drawn { seed: 1, samples: 0..30 }]);
            assert_eq!(estimates(other), estimates(&whole));
        }
        let seeds = [draw(&[(2, 0..5), (1, 0..5)]), draw(&[(1, 0..5), (2, 0..5)])];
        assert!(seeds[0].moments() == seeds[1].moments() && seeds[0].drawn() == seeds[1].drawn());
    }
}

#[test]
fn samples_are_not_drawn_twice_nor_mixed() {
    let (x, b) = (uniforms(20, 1), vec![0.0; 20]);
    let make = |x: &[f64], orders, seed| sampler(game("heat", x, &b, 2), orders, seed);
    let mut one = make(&x, ORDERS[1], 1);
    one.run(5..9).unwrap();
    let twice = Err(Error::SampleDrawn { seed: 1, sample: 8 });
    assert_eq!(one.run(8..12), twice);
    let mut other = make(&x, ORDERS[1], 1);
    other.run(8..10).unwrap();
    assert_eq!(one.merge(&other), twice);
    assert_eq!(one.drawn(), [Drawn { seed: 1, samples: 5..9 }]);

    let mut moved = x.clone();
    moved[3] += 1e-9;
    let (moved, planned) = (make(&moved, ORDERS[1], 2), make(&x, ORDERS[3], 2));
    let stepped = Sampler::new(game("heat", &x, &b, 2), Plan::Orders(ORDERS[1]), 2, 1).unwrap();
    for other in [moved, planned, stepped] {
        assert!(matches!(one.merge(&other), Err(Error::OtherGame { .. })));
    }
    assert!(matches!(other.resume(one.moments(), &[]), Err(Error::Moments { .. })));
    assert!(matches!(one.run(0..1 << 21), Err(Error::SampleDrawn { .. })));
    assert!(matches!(one.run(100..1 << 21), Err(Error::TooManySamples { .. })));
    let mut short = [0.0; 9];
    assert!(matches!(one.estimate(&mut short, &mut [0.0; 10]), Err(Error::Shape { .. })));
    one.run(9..9).unwrap();
}

/// Features of either sign: some coalitions of three have a product of means of -1 or less.
#[test]
fn heat_within_a_coalition_has_its_domain() {
    let x = [4.0, -4.0, 0.5, 6.0, 3.5, 0.0, 0.0, 3.0];
    let b = [0.0; 8];
    let outside = |result: Result<()>| {
        assert!(
            matches!(result, Err(Error::HeatDomainOfCoalition { product, .. }) if product <= -1.0),
            "{result:?}"
        );
    };
    for orders in &ORDERS[..2] {
        let mut sampler = sampler(game("heat", &x, &b, 2), *orders, 1);
        outside(sampler.run(0..50));
        let drawn: u64 = sampler.drawn().iter().map(|d| d.samples.end - d.samples.start).sum();
        assert_eq!(drawn, sampler.moments().samples());
    }
    let heat = game("heat", &x, &b, 2);
    outside(Enumeration::of(heat.as_ref()).map(|_| ()));
}

#[test]
fn heat_of_either_sign_has_a_bound() {
    let n = 500;
    let x: Vec<f64> = uniforms(3 * n, 8).iter().map(|u| 3.0 * u - 1.5).collect();
    let b: Vec<f64> = uniforms(3 * n, 9).iter().map(|u| u - 0.5).collect();
    for orders in ORDERS {
        let mut sampler = sampler(game("heat", &x, &b, 3), orders, 1);
        sampler.run(0..200).unwrap();
        let total = sampler.value() - sampler.baseline_value();
        assert!((estimates(&sampler).0.iter().sum::<f64>() - total).abs() < 1e-12);
    }
}

#[test]
fn absent_agents_leave_no_trace_and_types_agree() {
    let n = 500;
    let mask: Vec<bool> = uniforms(n, 3).iter().map(|u| *u < 0.6).collect();
    let data: Vec<f32> = uniforms(3 * n, 4).iter().map(|u| (4.0 * u).floor() as f32).collect();
    let holed: Vec<f32> =
        (0..3 * n).map(|i| if mask[i / 3] { data[i] } else { f32::NAN }).collect();
    let kept: Vec<f32> = (0..3 * n).filter(|&i| mask[i / 3]).map(|i| data[i]).collect();
    let wide: Vec<f64> = kept.iter().map(|&v| f64::from(v)).collect();
    let row = [0.5, 0.0, 0.25];
    for name in NAMES {
        let make = |features: Features<'_, f32>, mask| {
            let function = from_descriptor::<f32>(&Descriptor { name, weights: None }).unwrap();
            let x = Step::with_presence(features, mask).unwrap();
            function.game(&x, &Baseline::Common(&row)).unwrap()
        };
        let double = {
            let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
            let x = Step::new(Features::rows(&wide, 3).unwrap()).unwrap();
            function.game(&x, &Baseline::Common(&row)).unwrap()
        };
        let games = [
            double,
            make(Features::rows(&kept, 3).unwrap(), None),
            make(Features::rows(&holed, 3).unwrap(), Some(&mask)),
        ];
        let moments = games.map(|game| {
            let mut sampler = sampler(game, ORDERS[3], 1);
            sampler.run(0..10).unwrap();
            sampler.moments().clone()
        });
        assert!(moments[0] == moments[1] && moments[1] == moments[2], "{name}");
    }
}

/// A game of a user's own, too large for one chunk, with a player whose contribution is wrong.
struct Wrong(usize, f64);

struct Nobody<'a>(&'a Wrong, usize);

impl Game for Wrong {
    fn players(&self) -> usize {
        self.0
    }
    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(Nobody(self, 0))
    }
    fn bound(&self) -> f64 {
        1.0
    }
}

impl Coalition for Nobody<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        self.1 += 1;
        Ok(if player == 3 && 2 * self.1 > self.0.0 { self.0.1 } else { 1.0 })
    }
    fn remove(&mut self, _: usize) -> Result<f64> {
        self.1 -= 1;
        Ok(-1.0)
    }
    fn value(&self) -> Result<f64> {
        Ok(self.1 as f64)
    }
}

#[test]
fn a_wrong_game_is_refused() {
    for n in [20, CHUNK + 1] {
        for wrong in [f64::NAN, f64::INFINITY, 1.5] {
            let first = (0..)
                .find(|&sample| {
                    let order = random_order(Draw { seed: 1, step: 0, sample }, n);
                    order.iter().position(|&player| player == 3).unwrap() >= n / 2
                })
                .unwrap();
            let mut sampler = sampler(Box::new(Wrong(n, wrong)), ORDERS[0], 1);
            sampler.run(0..first).unwrap();
            let before = sampler.moments().clone();
            match sampler.run(first..first + 1) {
                Err(Error::Sample { player: 3, sample, bound }) => {
                    assert_eq!((sample.to_bits(), bound), (wrong.to_bits(), 1.0));
                }
                other => panic!("{other:?}"),
            }
            assert!(*sampler.moments() == before && before.samples() == first);
        }
    }
}
