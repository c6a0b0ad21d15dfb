//! Sampled Shapley values against the definition, and the laws of samplers.

use aumann_core::{
    Baseline, Features, Game, Orders, Plan, Sampler, Step, ValueFunction,
    value_function::{GiniMeanDifference, Heat, Mean, Variance},
};

const ORDERS: [Orders; 4] = [
    Orders { antithetic: false, control_variate: false },
    Orders { antithetic: true, control_variate: false },
    Orders { antithetic: false, control_variate: true },
    Orders { antithetic: true, control_variate: true },
];

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

fn game(name: &str, x: &Step<'_, f64>, baseline: &Baseline<'_, f64>) -> Box<dyn Game> {
    match name {
        "mean" => Mean::new(None).unwrap().game(x, baseline),
        "variance" => Variance::new(None).unwrap().game(x, baseline),
        "gini" => GiniMeanDifference::new(None).unwrap().game(x, baseline),
        _ => Heat::new(None).unwrap().game(x, baseline),
    }
    .unwrap()
}

fn function(name: &str) -> Box<dyn ValueFunction<f64>> {
    match name {
        "mean" => Box::new(Mean::new(None).unwrap()),
        "variance" => Box::new(Variance::new(None).unwrap()),
        "gini" => Box::new(GiniMeanDifference::new(None).unwrap()),
        _ => Box::new(Heat::new(None).unwrap()),
    }
}

/// The Shapley value by its definition: every coalition's value from the value function.
fn shapley(name: &str, x: &[f64], base: &[f64], d: usize) -> Vec<f64> {
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
    let mut phi = vec![0.0; n];
    for coalition in 0..1_usize << n {
        let size = coalition.count_ones() as usize;
        // 1 / (n * binomial(n - 1, size))
        let ways = (0..size).fold(n as f64, |ways, k| ways * (n - 1 - k) as f64 / (k + 1) as f64);
        for (i, phi) in phi.iter_mut().enumerate().filter(|(i, _)| coalition >> i & 1 == 0) {
            *phi += (values[coalition | 1 << i] - values[coalition]) / ways;
        }
    }
    phi
}

fn estimates(sampler: &Sampler) -> (Vec<f64>, Vec<f64>) {
    let n = sampler.moments().players();
    let (mut values, mut errors) = (vec![0.0; n], vec![0.0; n]);
    sampler.estimate(&mut values, &mut errors).unwrap();
    (values, errors)
}

#[test]
fn estimates_are_unbiased_within_their_errors() {
    for (case, d) in [(1, 1), (2, 3), (3, 6)] {
        let n = 6;
        let x: Vec<f64> = uniforms(n * d, case).iter().map(|u| 3.0 * u - 0.4).collect();
        let b: Vec<f64> = uniforms(n * d, case + 50).iter().map(|u| 0.7 * u).collect();
        for name in ["mean", "variance", "gini", "heat"] {
            let exact = shapley(name, &x, &b, d);
            for orders in ORDERS {
                let step = Step::new(Features::rows(&x, d).unwrap()).unwrap();
                let base = Baseline::PerAgent(Features::rows(&b, d).unwrap());
                let game = game(name, &step, &base);
                let mut sampler = Sampler::new(game, Plan::Orders(orders), case, 0).unwrap();
                sampler.run(0..20_000).unwrap();
                let (values, errors) = estimates(&sampler);
                let total = sampler.value() - sampler.baseline_value();
                assert!((values.iter().sum::<f64>() - total).abs() < 1e-10, "{name}");
                for i in 0..n {
                    let z = (values[i] - exact[i]) / errors[i].max(1e-11);
                    assert!(z.abs() < 4.5, "{name} {orders:?} {i}: {z}");
                }
            }
        }
    }
}
