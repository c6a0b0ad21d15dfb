//! The mean-field expansion against exact values of populations of a few types of agents.

use aumann_core::{
    Baseline, Descriptor, Error, Features, MeanFunction, Outcome, Result, Step, ValueFunction,
    aumann_shapley, banzhaf_mean_field,
    blocks::CHUNK,
    from_descriptor, shapley_mean_field,
    value_function::{Heat, Mean},
};

/// Agents of a few types, as many of each: rows of x and of the baseline.
struct Types {
    x: Vec<Vec<f64>>,
    base: Vec<Vec<f64>>,
    each: usize,
}

impl Types {
    fn rows(&self, of: &[Vec<f64>]) -> Vec<f64> {
        (0..self.each).flat_map(|_| of.iter().flatten().copied()).collect()
    }

    fn agents(&self) -> usize {
        self.each * self.x.len()
    }

    /// G where this many agents of each type stand at x.
    fn value(&self, g: &dyn MeanFunction, members: &[usize]) -> f64 {
        let d = self.x[0].len();
        let mean = |k: usize| {
            let types = self.x.iter().zip(&self.base).zip(members);
            let sums = types.map(|((x, b), &members)| {
                members as f64 * x[k] + (self.each - members) as f64 * b[k]
            });
            sums.sum::<f64>() / self.agents() as f64
        };
        g.of_means(&(0..d).map(mean).collect::<Vec<_>>(), 0.5).unwrap()
    }

    /// The exact value of an agent of each type, by sums over the numbers of members of each type.
    fn exact(&self, g: &dyn MeanFunction, banzhaf: bool) -> Vec<f64> {
        let choose =
            |n: usize, k: usize| (0..k).fold(1.0, |c, j| c * (n - j) as f64 / (j + 1) as f64);
        let (n, types) = (self.agents(), self.x.len());
        let of_type = |player: usize| {
            let mut members = vec![0; types];
            let mut sum = 0.0;
            loop {
                let mut ways = 1.0;
                for (of, &count) in members.iter().enumerate() {
                    ways *= choose(self.each - usize::from(of == player), count);
                }
                let size = members.iter().sum::<usize>();
                let weight = match banzhaf {
                    true => 0.5_f64.powi(n as i32 - 1),
                    false => 1.0 / (n as f64 * choose(n - 1, size)),
                };
                let mut with = members.clone();
                with[player] += 1;
                sum += ways * weight * (self.value(g, &with) - self.value(g, &members));
                // The next numbers, as an odometer.
                let mut digit = 0;
                loop {
                    if digit == types {
                        return sum;
                    }
                    if members[digit] < self.each - usize::from(digit == player) {
                        members[digit] += 1;
                        break;
                    }
                    members[digit] = 0;
                    digit += 1;
                }
            }
        };
        (0..types).map(of_type).collect()
    }

    fn expanded(&self, g: &dyn MeanFunction, banzhaf: bool, order: usize) -> (Vec<f64>, Outcome) {
        let (x, base) = (self.rows(&self.x), self.rows(&self.base));
        let d = self.x[0].len();
        let step = Step::new(Features::rows(&x, d).unwrap()).unwrap();
        let baseline = Baseline::PerAgent(Features::rows(&base, d).unwrap());
        expand(g, banzhaf, order, &step, &baseline).unwrap()
    }
}

fn expand(
    g: &dyn MeanFunction,
    banzhaf: bool,
    order: usize,
    x: &Step<'_, f64>,
    baseline: &Baseline<'_, f64>,
) -> Result<(Vec<f64>, Outcome)> {
    let mut out = vec![0.0; x.agents()];
    let outcome = match banzhaf {
        true => banzhaf_mean_field(g, order, x, baseline, &mut out),
        false => shapley_mean_field(g, order, x, baseline, &mut out),
    }?;
    Ok((out, outcome))
}

/// Reproducible numbers in [0, 1).
fn uniforms(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n + 4).map(|_| next()).skip(4).collect()
}

fn types(seed: u64, d: usize, count: usize, each: usize, zero: bool) -> Types {
    let rows = |seed, scale: f64, low: f64| -> Vec<Vec<f64>> {
        let values = uniforms(seed, count * d);
        values.chunks(d).map(|row| row.iter().map(|u| low + scale * u).collect()).collect()
    };
    let base = if zero { vec![vec![0.0; d]; count] } else { rows(seed + 1, 1.0, -0.2) };
    Types { x: rows(seed, 3.0, -0.3), base, each }
}

fn largest_error(found: &[f64], exact: &[f64]) -> f64 {
    let largest = exact.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let pairs = found.iter().zip(exact.iter().cycle());
    pairs.fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / largest
}

/// A function of the means that is no product: `sqrt(1 + sum of w_k m_k^2)`.
struct Norm;

impl MeanFunction for Norm {
    fn of_means(&self, means: &[f64], _: f64) -> Result<f64> {
        Ok(means.iter().zip(1..).map(|(m, w)| f64::from(w) * m * m).fold(1.0, |a, b| a + b).sqrt())
    }

    /// By derivatives of `u^(1/2)` and of the quadratic u, whose third ones vanish: sums over the
    /// ways of putting features into pairs and singles.
    fn derivative(&self, means: &[f64], features: &[usize]) -> f64 {
        let u = self.of_means(means, 0.0).unwrap().powi(2);
        fn sums(means: &[f64], rest: &[usize], blocks: usize, by_blocks: &mut [f64; 6], term: f64) {
            let Some((&first, rest)) = rest.split_first() else {
                by_blocks[blocks] += term;
                return;
            };
            let weight = 2.0 * (first + 1) as f64;
            sums(means, rest, blocks + 1, by_blocks, term * weight * means[first]);
            for other in 0..rest.len() {
                if rest[other] == first {
                    let mut left = rest.to_vec();
                    left.remove(other);
                    sums(means, &left, blocks + 1, by_blocks, term * weight);
                }
            }
        }
        let mut by_blocks = [0.0; 6];
        sums(means, features, 0, &mut by_blocks, 1.0);
        let mut outer = u.sqrt();
        let mut total = 0.0;
        for (blocks, sum) in by_blocks.iter().enumerate() {
            total += outer * sum;
            outer *= (0.5 - blocks as f64) / u;
        }
        total
    }
}

#[test]
fn the_error_falls_as_the_order_says() {
    for (seed, g) in [(1, &Heat as &dyn MeanFunction), (7, &Norm), (9, &Heat)] {
        for (d, count) in [(1, 2), (2, 3), (3, 3), (5, 2)] {
            for (banzhaf, zero) in [(false, true), (false, false), (true, true), (true, false)] {
                let mut before = [f64::NAN; 3];
                for each in [16, 32] {
                    let types = types(seed, d, count, each, zero);
                    let exact = types.exact(g, banzhaf);
                    let errors = [0, 1, 2].map(|order| {
                        let (phi, outcome) = types.expanded(g, banzhaf, order);
                        let error = largest_error(&phi, &exact);
                        let largest = exact.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
                        let rounding = 1e-15 * largest;
                        assert!(
                            error * largest <= outcome.error + rounding,
                            "{d}, {order}: {error}"
                        );
                        error
                    });
                    if each == 32 {
                        for (order, falls) in [2.0, 4.0, 8.0].into_iter().enumerate() {
                            let ratio = before[order] / errors[order];
                            let fell = ratio > 0.75 * falls || errors[order] < 1e-13;
                            assert!(fell, "{d}, {banzhaf}, {zero}, order {order}: {ratio}");
                        }
                    }
                    before = errors;
                }
            }
        }
    }
}

#[test]
fn shapley_is_efficient_at_every_order_and_order_0_is_aumann_shapley() {
    for (d, n) in [(1, 9), (2, 50), (3, 700), (4, 40_000), (6, 30)] {
        let (x, base) = (uniforms(3, n * d), uniforms(5, n * d));
        let x: Vec<f64> = x.iter().map(|u| (1.0 / (1.0 - u)).floor().ln_1p()).collect();
        let step = Step::new(Features::rows(&x, d).unwrap()).unwrap();
        let row = vec![0.4; d];
        let per_agent = Baseline::PerAgent(Features::rows(&base, d).unwrap());
        for baseline in [Baseline::Zero, Baseline::Common(&row), per_agent] {
            let mut sharp = vec![0.0; n];
            let reference = aumann_shapley(&Heat, &step, &baseline, &mut sharp).unwrap();
            for order in 0..3 {
                let (phi, outcome) = expand(&Heat, false, order, &step, &baseline).unwrap();
                let residual = outcome.sum - (outcome.value - outcome.baseline_value);
                assert!(residual.abs() <= 1e-12 * outcome.magnitude, "{d}, {order}: {residual}");
                assert!((outcome.value - reference.value).abs() < 1e-13 * reference.value);
                assert_eq!(outcome.estimator, format!("mean-field expansion of order {order}"));
                if order == 0 {
                    assert!(largest_error(&phi, &sharp) < 1e-12);
                }
            }
        }
    }
}

#[test]
fn a_linear_function_has_no_corrections() {
    let (x, base) = (uniforms(1, 90), uniforms(2, 90));
    let step = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
    let baseline = Baseline::PerAgent(Features::rows(&base, 3).unwrap());
    let weights = [1.0, -2.0, 0.5];
    let mean = Mean::new(Some(&weights)).unwrap();
    let mut exact = vec![0.0; 30];
    aumann_shapley(&mean, &step, &baseline, &mut exact).unwrap();
    for banzhaf in [false, true] {
        let (phi, outcome) = expand(&mean, banzhaf, 2, &step, &baseline).unwrap();
        assert!(largest_error(&phi, &exact) < 1e-14);
        assert_eq!(outcome.error, 0.0);
    }
    let wrong = Mean::new(Some(&weights[..2])).unwrap();
    let refused = expand(&wrong, false, 2, &step, &baseline);
    assert!(matches!(refused, Err(Error::Shape { argument: "weights", .. })));
}

#[test]
fn corrections_vanish_with_the_number_of_agents() {
    let n = 200_000;
    let x: Vec<f64> =
        uniforms(1, 3 * n).iter().map(|u| (1.0 / (1.0 - u)).floor().ln_1p()).collect();
    let step = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
    let (first, at_first) = expand(&Heat, false, 1, &step, &Baseline::Zero).unwrap();
    let (second, at_second) = expand(&Heat, false, 2, &step, &Baseline::Zero).unwrap();
    let largest = second.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    assert!(at_first.error < 1e-4 * largest && at_second.error < 1e-8 * largest);
    let difference = first.iter().zip(&second).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(difference <= at_second.error && at_second.error < 100.0 * difference);
}

#[test]
fn presence_single_precision_and_threads() {
    let n = 3 * CHUNK + 99;
    let x = uniforms(4, 3 * n);
    let mask: Vec<bool> = uniforms(8, n).iter().map(|u| *u < 0.7).collect();
    let rows = x.chunks(3).zip(&mask).filter(|(_, present)| **present);
    let kept: Vec<f64> = rows.flat_map(|(row, _)| row.to_vec()).collect();
    let alone = Step::new(Features::rows(&kept, 3).unwrap()).unwrap();
    let (expected, _) = expand(&Heat, false, 2, &alone, &Baseline::Zero).unwrap();
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let step = Step::with_presence(Features::rows(&x, 3).unwrap(), Some(&mask)).unwrap();
        let (phi, _) = pool.install(|| expand(&Heat, false, 2, &step, &Baseline::Zero)).unwrap();
        let mut expected = expected.iter();
        for (value, present) in phi.iter().zip(&mask) {
            assert_eq!(*value, if *present { *expected.next().unwrap() } else { 0.0 });
        }
    }
    let single: Vec<f32> = x.iter().map(|&v| v as f32).collect();
    let double: Vec<f64> = single.iter().map(|&v| f64::from(v)).collect();
    let step = Step::new(Features::rows(&double, 3).unwrap()).unwrap();
    let (exact, _) = expand(&Heat, true, 2, &step, &Baseline::Zero).unwrap();
    let step = Step::new(Features::rows(&single, 3).unwrap()).unwrap();
    let mut out = vec![0.0_f32; n];
    banzhaf_mean_field(&Heat, 2, &step, &Baseline::Zero, &mut out).unwrap();
    let out: Vec<f64> = out.into_iter().map(f64::from).collect();
    assert!(largest_error(&out, &exact) < 1e-6);
}

#[test]
fn what_cannot_be_expanded_is_refused() {
    let x = [1.0, 2.0, -3.0, 0.5];
    let step = Step::new(Features::rows(&x, 2).unwrap()).unwrap();
    let refused = expand(&Heat, false, 3, &step, &Baseline::Zero);
    assert_eq!(refused.map(|_| ()), Err(Error::ExpansionOrder { order: 3 }));
    let refused = expand(&Heat, true, 2, &step, &Baseline::Zero);
    assert!(matches!(refused, Err(Error::HeatDomain { path, .. }) if path == 1.0));
    let poisoned = [1.0, 2.0, f64::NAN, 0.5];
    let step = Step::new(Features::rows(&poisoned, 2).unwrap()).unwrap();
    let refused = expand(&Heat, false, 1, &step, &Baseline::Zero);
    assert!(matches!(refused, Err(Error::NonFinite { agent: Some(1), feature: 0, .. })));
    for name in ["variance", "gini"] {
        let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
        let refused = function.mean_function().map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
    let heat: &dyn ValueFunction<f64> = &Heat;
    assert!(heat.mean_function().is_ok());
}
