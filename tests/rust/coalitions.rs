//! Shapley, Banzhaf and leave-one-out against the enumeration of all coalitions.

use aumann_core::{
    Baseline, Descriptor, Features, Outcome, Real, Result, Step, ValueFunction, aumann_shapley,
    banzhaf, from_descriptor, leave_one_out, shapley, value_function,
};
use proptest::prelude::*;

const METHODS: [&str; 3] = ["shapley", "banzhaf", "leave_one_out"];

fn attribute<T: Real>(
    name: &str,
    method: &str,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
) -> Result<(Vec<T>, Outcome)> {
    let function = from_descriptor::<T>(&Descriptor { name, weights: None })?;
    let function: &dyn ValueFunction<T> = function.as_ref();
    let mut out = vec![T::ZERO; x.agents()];
    let outcome = match method {
        "shapley" => shapley(function, x, baseline, &mut out),
        "banzhaf" => banzhaf(function, x, baseline, &mut out),
        "leave_one_out" => leave_one_out(function, x, baseline, &mut out),
        _ => aumann_shapley(function, x, baseline, &mut out),
    }?;
    Ok((out, outcome))
}

/// F by its definition, of n rows.
fn value(name: &str, rows: &[&[f64]]) -> f64 {
    let n = rows.len() as f64;
    let s: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
    let mean = s.iter().sum::<f64>() / n;
    match name {
        "mean" => mean,
        "variance" => s.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n,
        "gini" => {
            s.iter().flat_map(|a| s.iter().map(move |b| (a - b).abs())).sum::<f64>() / (n * n)
        }
        _ => {
            let means = (0..rows[0].len()).map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / n);
            means.product::<f64>().ln_1p()
        }
    }
}

/// The value of every coalition of at most ten agents.
fn game(name: &str, x: &[f64], base: &[f64], d: usize) -> Vec<f64> {
    let n = x.len() / d;
    let value_of = |coalition: usize| {
        let of = |i: usize| if coalition >> i & 1 == 1 { x } else { base };
        let rows: Vec<&[f64]> = (0..n).map(|i| &of(i)[i * d..(i + 1) * d]).collect();
        value(name, &rows)
    };
    (0..1 << n).map(value_of).collect()
}

/// Every player's value of a game, by definition.
fn enumerate(method: &str, game: &[f64]) -> Vec<f64> {
    let n = game.len().ilog2() as usize;
    // Over orders: |C|! (n - |C| - 1)! / n!, as 1 / (n choose(n - 1, |C|)).
    let choose = |k: usize| (0..k).fold(1.0, |c, j| c * (n - 1 - j) as f64 / (j + 1) as f64);
    let weight = |size: usize| match method {
        "shapley" => 1.0 / (n as f64 * choose(size)),
        "banzhaf" => 0.5_f64.powi(n as i32 - 1),
        _ => f64::from(size == n - 1),
    };
    let without = |i: usize| (0..game.len()).filter(move |coalition| coalition >> i & 1 == 0);
    let term = |i: usize, c: usize| weight(c.count_ones() as usize) * (game[c | 1 << i] - game[c]);
    (0..n).map(|i| without(i).map(|coalition| term(i, coalition)).sum()).collect()
}

/// Populations and baselines per agent: many ties, some spread, some below zero.
fn populations() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, usize)> {
    (1..6_usize, 1..9_usize).prop_flat_map(|(d, n)| {
        let value = || prop_oneof![Just(0.0), (0_u8..3).prop_map(f64::from), -0.4..3.0_f64];
        let rows = move || prop::collection::vec(value(), n * d);
        (rows(), rows(), Just(d))
    })
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

fn check(name: &str, x: &[f64], base: &[f64], d: usize, baseline: &Baseline<'_, f64>) {
    let game = game(name, x, base, d);
    let data = Step::new(Features::rows(x, d).unwrap()).unwrap();
    if !game.iter().all(|value| value.is_finite()) {
        // The heat of some coalition has no logarithm.
        assert!(attribute(name, "shapley", &data, baseline).is_err());
        return;
    }
    for method in METHODS {
        let expected = enumerate(method, &game);
        let (phi, outcome) = attribute(name, method, &data, baseline).unwrap();
        let enumerated = name == "heat" && method != "leave_one_out";
        assert_eq!(outcome.estimator == "enumeration", enumerated);
        // The enumeration rounds in units of the games's values, and those in units of the data's.
        let scale = largest(&game) + 1e-3 * largest(x).max(largest(base));
        for (a, b) in phi.iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-13 * scale, "{name}, {method}: {phi:?} {expected:?}");
        }
        assert!((outcome.value - game.last().unwrap()).abs() <= 1e-13 * scale);
        assert!((outcome.baseline_value - game[0]).abs() <= 1e-13 * scale);
        assert!((outcome.sum - phi.iter().sum::<f64>()).abs() <= 1e-13 * outcome.magnitude);
        let magnitude = phi.iter().map(|value| value.abs()).sum::<f64>();
        assert!((outcome.magnitude - magnitude).abs() <= 1e-13 * magnitude);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn closed_forms_are_the_enumeration((x, base, d) in populations(), b in -0.4..2.0_f64) {
        let n = x.len() / d;
        for name in value_function::NAMES {
            let per_agent = Baseline::PerAgent(Features::rows(&base, d).unwrap());
            check(name, &x, &base, d, &per_agent);
            check(name, &x, &vec![0.0; n * d], d, &Baseline::Zero);
            check(name, &x, &vec![b; n * d], d, &Baseline::Common(&vec![b; d]));
        }
    }
}
