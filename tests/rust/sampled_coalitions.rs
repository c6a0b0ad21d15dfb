//! Sampled Banzhaf values against the definition, and the laws of sampled coalitions.

use aumann_core::{
    Baseline, Coalition, Descriptor, Error, Features, Game, Moments, Plan, Result, Sampler, Step,
    ValueFunction, blocks::CHUNK, from_descriptor, value_function::NAMES,
};

const PLANS: [Plan; 2] = [Plan::Coalitions { reuse: false }, Plan::Coalitions { reuse: true }];

/// Reproducible numbers in [0, 1), of which a part repeats.
fn uniforms(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|i| if i % 3 == 0 { (next() * 4.0).floor() / 4.0 } else { next() }).collect()
}

/// The game of a population with one row per agent outside, or the row of zeros.
fn game(name: &str, x: &[f64], base: Option<&[f64]>, d: usize) -> Box<dyn Game> {
    let x = Step::new(Features::rows(x, d).unwrap()).unwrap();
    let baseline = match base {
        Some(base) => Baseline::PerAgent(Features::rows(base, d).unwrap()),
        None => Baseline::Zero,
    };
    function(name).game(&x, &baseline).unwrap()
}

fn function(name: &str) -> Box<dyn ValueFunction<f64>> {
    from_descriptor(&Descriptor { name, weights: None }).unwrap()
}

/// The Banzhaf value by its definition: every coalition's value from the value function.
fn banzhaf(name: &str, x: &[f64], base: &[f64], d: usize) -> Vec<f64> {
    let n = x.len() / d;
    let function = function(name);
    let value = |coalition: usize| {
        let rows = (0..n).flat_map(|i| {
            let from = if coalition >> i & 1 == 1 { x } else { base };
            from[i * d..(i + 1) * d].iter().copied()
        });
        let rows: Vec<f64> = rows.collect();
        function.value(&Step::new(Features::rows(&rows, d).unwrap()).unwrap()).unwrap()
    };
    let values: Vec<f64> = (0..1 << n).map(value).collect();
    let without = |i: usize| (0..1_usize << n).filter(move |coalition| coalition >> i & 1 == 0);
    let mean = |i: usize| without(i).map(|c| values[c | 1 << i] - values[c]).sum::<f64>();
    (0..n).map(|i| mean(i) / (1 << (n - 1)) as f64).collect()
}

fn estimates(sampler: &Sampler) -> (Vec<f64>, Vec<f64>) {
    let n = sampler.moments().players();
    let (mut values, mut errors) = (vec![0.0; n], vec![0.0; n]);
    sampler.estimate(&mut values, &mut errors).unwrap();
    (values, errors)
}

fn sample(game: Box<dyn Game>, plan: Plan, seed: u64, samples: std::ops::Range<u64>) -> Sampler {
    let mut sampler = Sampler::new(game, plan, seed, 0).unwrap();
    sampler.run(samples).unwrap();
    sampler
}

#[test]
fn estimates_are_unbiased_within_their_errors() {
    for (case, n, d) in [(1, 4, 1), (2, 10, 3), (3, 7, 2)] {
        let x: Vec<f64> = uniforms(n * d, case).iter().map(|u| 3.0 * u - 0.4).collect();
        let b: Vec<f64> = uniforms(n * d, case + 50).iter().map(|u| 0.7 * u).collect();
        let zeros = vec![0.0; n * d];
        for name in NAMES {
            for base in [None, Some(b.as_slice())] {
                let exact = banzhaf(name, &x, base.unwrap_or(&zeros), d);
                for plan in PLANS {
                    let sampler = sample(game(name, &x, base, d), plan, case, 0..20_000);
                    let (values, errors) = estimates(&sampler);
                    for i in 0..n {
                        let z = (values[i] - exact[i]) / errors[i].max(1e-11);
                        assert!(z.abs() < 4.5, "{name} {plan:?} {i}: {z}");
                    }
                }
            }
        }
    }
}

#[test]
fn standard_errors_are_those_of_the_estimates() {
    let (n, d) = (8, 3);
    let x: Vec<f64> = uniforms(n * d, 7).iter().map(|u| 3.0 * u).collect();
    let zeros = vec![0.0; n * d];
    for name in ["heat", "variance", "gini"] {
        let exact = banzhaf(name, &x, &zeros, d);
        for plan in PLANS {
            let seeds = 300;
            let (mut squares, mut count) = (0.0, 0.0);
            for seed in 0..seeds {
                let (values, errors) =
                    estimates(&sample(game(name, &x, None, d), plan, seed, 0..200));
                for i in 0..n {
                    squares += ((values[i] - exact[i]) / errors[i]).powi(2);
                    count += 1.0;
                }
            }
            // The squares of 2,400 standardised errors, 300 times 8 that hang together: their mean
            // is within five standard deviations of one even if the eight were the same.
            let mean: f64 = squares / count;
            assert!(
                (mean - 1.0).abs() < 5.0 * (2.0 / seeds as f64).sqrt(),
                "{name} {plan:?}: {mean}"
            );
        }
    }
}

/// A game as a user would write it, with nothing but coalitions.
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

#[test]
fn fast_games_agree_with_their_coalitions() {
    let (n, d) = (300, 3);
    let x: Vec<f64> = uniforms(n * d, 3).iter().map(|u| 2.0 * u - 0.3).collect();
    let b: Vec<f64> = uniforms(n * d, 4).iter().map(|u| 0.5 * u).collect();
    for name in NAMES {
        for base in [None, Some(b.as_slice())] {
            for plan in PLANS {
                let fast = sample(game(name, &x, base, d), plan, 5, 10..150);
                let plain = Box::new(Plain(game(name, &x, base, d)));
                let plain = sample(plain, plan, 5, 10..150);
                let ((fast, errors), (plain, of_plain)) = (estimates(&fast), estimates(&plain));
                let size = plain.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
                for i in 0..n {
                    let close = |a: f64, b: f64| (a - b).abs() <= 1e-8 * size;
                    assert!(close(fast[i], plain[i]), "{name} {plan:?}: {} {}", fast[i], plain[i]);
                    assert!(close(errors[i], of_plain[i]), "{name} {plan:?}");
                }
            }
        }
    }
}

#[test]
fn runs_cut_anywhere_and_threads_give_the_same_bits() {
    for (n, samples) in [(5, 1_000), (CHUNK + 300, 70)] {
        let d = 2;
        let x = uniforms(n * d, 11);
        let b = uniforms(n * d, 12);
        for name in NAMES {
            for base in [None, Some(b.as_slice())] {
                for plan in PLANS {
                    let run = |threads: usize, cuts: &[u64]| {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                        pool.unwrap().install(|| {
                            let whole = sample(game(name, &x, base, d), plan, 9, 0..cuts[0]);
                            cuts.windows(2).rev().fold(whole, |mut whole, cut| {
                                let part = sample(game(name, &x, base, d), plan, 9, cut[0]..cut[1]);
                                whole.merge(&part).unwrap();
                                whole
                            })
                        })
                    };
                    let one = run(1, &[samples]);
                    for threads in [2, 3, 8] {
                        assert!(run(threads, &[samples]).moments() == one.moments(), "{name}");
                    }
                    let parts = run(2, &[3, 9, 64, 65, samples]);
                    assert!(parts.moments() == one.moments(), "{name} {plan:?}");
                    assert_eq!(parts.drawn(), one.drawn());
                }
            }
        }
    }
}

#[test]
fn kept_moments_of_reused_values_are_checked() -> Result<()> {
    let x = uniforms(12, 2);
    let plan = Plan::Coalitions { reuse: true };
    let one = sample(game("heat", &x, None, 2), plan, 1, 0..100);
    let moments = one.moments();
    let reuse = moments.reuse().unwrap();
    let parts = || {
        let (sums, squares) = (moments.sums().to_vec(), moments.squares().to_vec());
        Moments::from_parts(moments.bound(), moments.samples(), sums, squares)
    };
    assert_eq!(&parts()?.with_reuse(reuse.clone())?, moments);
    let mut resumed = sample(game("heat", &x, None, 2), plan, 1, 100..130);
    resumed.resume(&parts()?.with_reuse(reuse.clone())?, one.drawn())?;
    let whole = sample(game("heat", &x, None, 2), plan, 1, 0..130);
    assert!(resumed.moments() == whole.moments());

    let mut wrong = reuse.clone();
    wrong.counts[2] = 101;
    assert!(matches!(parts()?.with_reuse(wrong), Err(Error::Moments { .. })));
    let mut wrong = reuse.clone();
    wrong.sum += 1 << 60;
    assert!(matches!(parts()?.with_reuse(wrong), Err(Error::Moments { .. })));
    let mut wrong = reuse.clone();
    wrong.counts.pop();
    assert!(matches!(parts()?.with_reuse(wrong), Err(Error::Moments { .. })));
    let mut other = sample(game("heat", &x, None, 2), PLANS[0], 1, 0..1);
    assert!(other.resume(moments, one.drawn()).is_err());
    Ok(())
}

#[test]
fn one_sided_players_have_no_estimate() {
    // One coalition holds a player or does not; two leave one on a side at most.
    let x = uniforms(6, 5);
    let plan = Plan::Coalitions { reuse: true };
    let (values, errors) = estimates(&sample(game("gini", &x, None, 1), plan, 2, 0..1));
    assert!(values.iter().chain(&errors).all(|value| value.is_nan()));
    let (_, errors) = estimates(&sample(game("gini", &x, None, 1), plan, 2, 0..3));
    assert!(errors.iter().all(|error| error.is_nan()));
}

#[test]
fn coalitions_without_heat_are_refused() {
    // With the first player the means are -2 and 0.1, without it 0 and 1.
    let x = [-4.0, 0.1, 0.0, 0.1];
    let base = [0.0, 1.9, 0.0, 0.1];
    for plan in PLANS {
        let game = game("heat", &x, Some(&base), 2);
        let refused = Sampler::new(game, plan, 1, 0).and_then(|mut sampler| sampler.run(0..64));
        assert!(refused.is_ok(), "{refused:?}");
    }
    // With both players they are -2 and 0.2, with the first alone -2 and 1.05.
    let x = [-4.0, 0.2, 0.0, 0.2];
    let base = [0.0, 0.2, 0.0, 1.9];
    for plan in PLANS {
        let game = game("heat", &x, Some(&base), 2);
        let refused = Sampler::new(game, plan, 1, 0).and_then(|mut sampler| sampler.run(0..64));
        assert!(matches!(refused, Err(Error::HeatDomainOfCoalition { .. })), "{refused:?}");
    }
}
