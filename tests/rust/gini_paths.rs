//! The Gini mean difference with one baseline per agent, in any order, against all pairs.

use aumann_core::{
    Baseline, Error, Features, Outcome, Real, Step, ValueFunction, aumann_shapley, blocks::CHUNK,
    value_function::GiniMeanDifference,
};
use proptest::prelude::*;

fn attribute<T: Real>(x: &[T], b: &[T], mask: Option<&[bool]>) -> (Vec<T>, Outcome) {
    let step = Step::with_presence(Features::rows(x, 1).unwrap(), mask).unwrap();
    let baseline = Baseline::PerAgent(Features::rows(b, 1).unwrap());
    let mut out = vec![T::ZERO; x.len()];
    let function = GiniMeanDifference::new(None).unwrap();
    let outcome = aumann_shapley(&function, &step, &baseline, &mut out).unwrap();
    (out, outcome)
}

/// `2/n^2 (s_i - b_i) sum_j (p + q) / (|p| + |q|)`.
fn all_pairs(s: &[f64], b: &[f64]) -> Vec<f64> {
    let n = s.len() as f64;
    let term = |i: usize, j: usize| {
        let (p, q) = (b[i] - b[j], s[i] - s[j]);
        if p == 0.0 && q == 0.0 { 0.0 } else { (p + q) / (p.abs() + q.abs()) }
    };
    let sum = |i| (0..s.len()).map(|j| term(i, j)).sum::<f64>();
    (0..s.len()).map(|i| 2.0 / (n * n) * (s[i] - b[i]) * sum(i)).collect()
}

fn gini(s: &[f64]) -> f64 {
    let step = Step::new(Features::rows(s, 1).unwrap()).unwrap();
    GiniMeanDifference::new(None).unwrap().value(&step).unwrap()
}

/// The largest difference as a part of the largest attribution that is possible.
fn error(found: &[f64], expected: &[f64], s: &[f64], b: &[f64]) -> f64 {
    let farthest = s.iter().zip(b).map(|(s, b)| (s - b).abs()).fold(1e-300, f64::max);
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max) * s.len() as f64 / (2.0 * farthest)
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

fn paths() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let small = || (-3_i8..4).prop_map(f64::from);
    let agent = prop_oneof![
        (small(), small()),
        (-5.0..5.0_f64, -5.0..5.0_f64),
        (-5.0..5.0_f64).prop_map(|s| (s, -s)),
        Just((-0.0, 0.0)),
    ];
    prop::collection::vec(agent, 1..400)
}

proptest! {
    #[test]
    fn any_baseline_agrees_with_all_pairs(agents in paths()) {
        let (s, b): (Vec<f64>, Vec<f64>) = agents.into_iter().unzip();
        let (phi, outcome) = attribute(&s, &b, None);
        prop_assert!(error(&phi, &all_pairs(&s, &b), &s, &b) < 1e-13);
        let scale = outcome.magnitude + outcome.value + outcome.baseline_value + 1e-300;
        prop_assert!((outcome.value - gini(&s)).abs() <= 1e-13 * scale);
        prop_assert!((outcome.baseline_value - gini(&b)).abs() <= 1e-13 * scale);
        let residual = outcome.sum - (outcome.value - outcome.baseline_value);
        prop_assert!(residual.abs() <= 1e-13 * scale);
        for i in 0..s.len() {
            for j in 0..i {
                if s[i] == s[j] && b[i] == b[j] {
                    prop_assert_eq!(phi[i].to_bits(), phi[j].to_bits());
                }
            }
        }
    }

    #[test]
    fn single_precision_follows_double(agents in paths()) {
        let single = |(s, b)| (s as f32, b as f32);
        let (s, b): (Vec<f32>, Vec<f32>) = agents.into_iter().map(single).unzip();
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (exact_s, exact_b) = (wide(&s), wide(&b));
        let phi = wide(&attribute(&s, &b, None).0);
        prop_assert!(error(&phi, &all_pairs(&exact_s, &exact_b), &exact_s, &exact_b) < 1e-6);
    }

    #[test]
    fn absent_agents_leave_no_trace(agents in paths(), seed in any::<u64>()) {
        let mut mask: Vec<bool> = (0..agents.len()).map(|i| (seed >> (i % 61)) & 1 == 1).collect();
        mask[0] = true;
        let holed = agents.iter().zip(&mask);
        let (x, rows): (Vec<f64>, Vec<f64>) =
            holed.map(|(agent, present)| if *present { *agent } else { (f64::NAN, 1e9) }).unzip();
        let kept = agents.iter().zip(&mask).filter(|(_, present)| **present).map(|(agent, _)| *agent);
        let (s, b): (Vec<f64>, Vec<f64>) = kept.unzip();
        let (expected, outcome) = attribute(&s, &b, None);
        let (phi, same) = attribute(&x, &rows, Some(&mask));
        let mut expected = expected.into_iter();
        for (value, present) in phi.iter().zip(&mask) {
            prop_assert_eq!(*value, if *present { expected.next().unwrap() } else { 0.0 });
        }
        prop_assert_eq!(same, outcome);
    }
}

#[test]
fn by_hand() {
    assert_eq!(attribute(&[5.0], &[1.0], None).0, [0.0]);
    // Two agents that swap places: each is above for half of its path, so all cancels.
    assert_eq!(attribute(&[1.0, 0.0], &[0.0, 1.0], None).0, [0.0, 0.0]);
    // From (0, 1) to (3, 1) they meet after a third: signs -1/3 + 2/3, times 2/4 times 3.
    let (phi, outcome) = attribute(&[3.0_f64, 1.0], &[0.0, 1.0], None);
    assert!((phi[0] - 0.5).abs() < 1e-15 && phi[1] == 0.0);
    assert_eq!(outcome.estimator, "crossing pairs");
    assert_eq!(attribute(&[3.0, 1.0], &[2.0, 1.0], None).1.estimator, "closed form");
}

#[test]
fn the_path_integral_of_the_gradient() {
    // The mean over the path of sign sums, at midpoints: crossings are missed by less than a step.
    let (s, b) = (uniforms(10, 1), uniforms(10, 2));
    let steps = 100_000;
    let mut integral = vec![0.0; 10];
    for step in 0..steps {
        let a = (f64::from(step) + 0.5) / f64::from(steps);
        let at: Vec<f64> = s.iter().zip(&b).map(|(s, b)| b + a * (s - b)).collect();
        for (i, sum) in integral.iter_mut().enumerate() {
            let signs: i32 = at.iter().map(|&y| i32::from(at[i] > y) - i32::from(at[i] < y)).sum();
            *sum += f64::from(signs) * 2.0 / 100.0 * (s[i] - b[i]) / f64::from(steps);
        }
    }
    assert!(error(&attribute(&s, &b, None).0, &integral, &s, &b) < 1e-4);
}

#[test]
fn thread_counts_agree_on_every_bit_and_name_the_same_way() {
    let n = 4 * CHUNK + 5;
    let (u, v) = (uniforms(n, 3), uniforms(n, 4));
    let counts =
        |u: &[f64]| u.iter().map(|u| (1.0 / (1.0 - u)).floor().min(30.0).ln_1p()).collect();
    let near = u.iter().zip(&v).map(|(u, v)| u + 1e-3 * v).collect();
    let cases: [(Vec<f64>, Vec<f64>, &str); 4] = [
        (v.clone(), u.clone(), "sum of exponentials"),
        (counts(&v), counts(&u), "crossing pairs"),
        (near, u.clone(), "crossing pairs"),
        (v.iter().map(|v| 3.0 * v).collect(), v.clone(), "closed form"),
    ];
    for (s, b, way) in cases {
        let bits = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (phi, outcome) = pool.install(|| attribute(&s, &b, None));
            assert_eq!(outcome.estimator, way);
            let residual = outcome.sum - (outcome.value - outcome.baseline_value);
            assert!(residual.abs() <= 1e-13 * outcome.magnitude, "{way}: {residual}");
            let numbers = [outcome.value, outcome.baseline_value, outcome.sum, outcome.error];
            phi.into_iter().chain(numbers).map(f64::to_bits).collect::<Vec<_>>()
        };
        let one = bits(1);
        for threads in [2, 3, 8] {
            assert!(bits(threads) == one, "{way}, {threads} threads");
        }
    }
}

/// As [`error`], relative to the largest attribution that there is.
fn error_of_largest(found: &[f64], expected: &[f64]) -> f64 {
    let largest = expected.iter().fold(0.0_f64, |largest, phi| largest.max(phi.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max) / largest
}

#[test]
fn an_offset_of_all_agents_costs_no_digits() {
    let n = 600;
    // Multiples of a unit in the last place, so that differences are exact here too.
    let levels = |state| uniforms(n, state).into_iter().map(|u| (u * 17.0).floor());
    for (offset, unit) in [(1e9, 2.0_f64.powi(-23)), (1e3, 2.0_f64.powi(-43)), (-1e15, 0.125)] {
        let [s, b]: [Vec<f64>; 2] = [3, 4].map(|state| levels(state).map(|k| k * unit).collect());
        let lift = |values: &[f64]| values.iter().map(|v| offset + v).collect::<Vec<_>>();
        let expected = all_pairs(&s, &b);
        let (phi, outcome) = attribute(&lift(&s), &lift(&b), None);
        assert!(error_of_largest(&phi, &expected) < 1e-13, "{offset}");
        for (found, values) in [(outcome.value, &s), (outcome.baseline_value, &b)] {
            assert!((found / gini(values) - 1.0).abs() < 1e-13, "{offset}");
            assert!((gini(&lift(values)) / gini(values) - 1.0).abs() < 1e-13, "{offset}");
        }
    }
}

#[test]
fn crossings_within_rounding_are_ties_but_do_not_chain() {
    let unit = |k: usize| 1.0 + k as f64 * f64::EPSILON;
    // The two in the middle cross by a unit in the last place and are ties: their signs are those of
    // the agents below and above them.
    let (phi, outcome) =
        attribute(&[-2.0, unit(0), unit(1), 3.0], &[-1.0, unit(1) / 2.0, unit(0) / 2.0, 1.0], None);
    assert_eq!(outcome.estimator, "closed form");
    assert_eq!(phi, [2.0 / 16.0 * 3.0, 0.0, 0.0, 2.0 / 16.0 * 3.0 * 2.0]);
    // A thousand neighbours, every one of which crosses those within three units.
    let crossed = |k: usize| if k.is_multiple_of(2) { k + 3 } else { k.max(3) - 3 };
    let (mut s, mut b): (Vec<f64>, Vec<f64>) =
        (0..1_000).map(|k| (unit(k), unit(crossed(k)))).unzip();
    s.extend([2.0, -3.0]);
    b.extend([2.0, -3.0]);
    let (phi, outcome) = attribute(&s, &b, None);
    assert_eq!(outcome.estimator, "crossing pairs");
    assert!(error_of_largest(&phi, &all_pairs(&s, &b)) < 1e-13);
}

#[test]
fn differences_beyond_the_range_are_refused() {
    let unit = 1e308;
    let ends = ([unit, 0.5 * unit, 0.0], [0.0, 0.5 * unit, unit]);
    let step = Step::new(Features::rows(&ends.0, 1).unwrap()).unwrap();
    let rows = Baseline::PerAgent(Features::rows(&ends.1, 1).unwrap());
    let mut out = [0.0; 3];
    let function = GiniMeanDifference::new(None).unwrap();
    let refused = aumann_shapley(&function, &step, &rows, &mut out);
    assert_eq!(refused, Err(Error::Overflow { real: "float64" }));
}
