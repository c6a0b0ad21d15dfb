//! The axioms, and the agreement of all layouts, over random populations.

use aumann_core::{
    Baseline, Descriptor, Error, Features, Gather, Outcome, Real, Result, Step, aumann_shapley,
    from_descriptor, value_function,
};
use proptest::prelude::*;

/// Features in agent order with holes between the agents.
struct Spaced {
    data: Vec<f64>,
    features: usize,
}

impl Gather<f64> for Spaced {
    fn agents(&self) -> usize {
        self.data.len() / (self.features + 2)
    }
    fn features(&self) -> usize {
        self.features
    }
    fn gather(&self, feature: usize, agents: &[usize], out: &mut [f64]) {
        for (value, agent) in out.iter_mut().zip(agents) {
            *value = self.data[agent * (self.features + 2) + feature];
        }
    }
}

fn attribute<T: Real>(
    name: &str,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
) -> Result<(Vec<T>, Outcome)> {
    let function = from_descriptor::<T>(&Descriptor { name, weights: None })?;
    let mut out = vec![T::ZERO; x.agents()];
    let outcome = aumann_shapley(function.as_ref(), x, baseline, &mut out)?;
    Ok((out, outcome))
}

fn step(data: &[f64], features: usize) -> Step<'_, f64> {
    Step::new(Features::rows(data, features).unwrap()).unwrap()
}

/// n agents of d features: many ties, some spread, never negative.
fn populations() -> impl Strategy<Value = (Vec<f64>, usize)> {
    (1..6_usize, 1..700_usize).prop_flat_map(|(d, n)| {
        let value = prop_oneof![Just(0.0), (0_u8..4).prop_map(f64::from), 0.0..5.0_f64];
        (prop::collection::vec(value, n * d), Just(d))
    })
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-12 * scale.abs().max(1e-300)
}

proptest! {
    #[test]
    fn efficiency_and_dummy((data, d) in populations(), b in 0.0..2.0_f64) {
        let n = data.len() / d;
        for name in value_function::NAMES {
            // Agent 0 stands at the baseline: a dummy.
            let mut data = data.clone();
            data[..d].fill(b);
            let row = vec![b; d];
            let x = step(&data, d);
            let (phi, outcome) = attribute(name, &x, &Baseline::Common(&row)).unwrap();
            let sum: f64 = phi.iter().sum();
            prop_assert!(close(sum, outcome.value - outcome.baseline_value, outcome.magnitude));
            prop_assert!(close(sum, outcome.sum, outcome.magnitude));
            prop_assert_eq!(phi[0], 0.0);
            let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
            let value = function.value(&x).unwrap();
            prop_assert!(close(value, outcome.value, value + outcome.magnitude));
            let base = vec![b; n * d];
            let base_value = function.value(&step(&base, d)).unwrap();
            prop_assert!(close(base_value, outcome.baseline_value, value + base_value + 1e-3));
        }
    }

    #[test]
    fn equal_agents_get_equal_bits((mut data, d) in populations()) {
        let twin: Vec<f64> = data[..d].to_vec();
        data.extend(twin);
        for name in value_function::NAMES {
            let (phi, _) = attribute(name, &step(&data, d), &Baseline::Zero).unwrap();
            prop_assert_eq!(phi[0].to_bits(), phi[phi.len() - 1].to_bits());
        }
    }

    #[test]
    fn every_layout_gives_the_same_bits((data, d) in populations(), b in prop::option::of(0.0..2.0_f64)) {
        let n = data.len() / d;
        let columns: Vec<Vec<f64>> =
            (0..d).map(|k| (0..n).map(|i| data[i * d + k]).collect()).collect();
        let spaced = data.chunks(d).flat_map(|row| row.iter().copied().chain([f64::NAN; 2]));
        let spaced = Spaced { data: spaced.collect(), features: d };
        let row = b.map(|b| vec![b; d]);
        let baseline = row.as_ref().map_or(Baseline::Zero, |row| Baseline::Common(row));
        for name in value_function::NAMES {
            let (rows, outcome) = attribute(name, &step(&data, d), &baseline).unwrap();
            let slices = columns.iter().map(Vec::as_slice).collect();
            for features in [Features::columns(slices).unwrap(), Features::Gather(&spaced)] {
                let other = Step::new(features).unwrap();
                let (phi, same) = attribute(name, &other, &baseline).unwrap();
                prop_assert!(phi == rows);
                prop_assert_eq!(same, outcome);
            }
        }
    }

    #[test]
    fn absent_agents_leave_no_trace((data, d) in populations(), seed in any::<u64>()) {
        let n = data.len() / d;
        let mut mask: Vec<bool> = (0..n).map(|i| (seed >> (i % 61)) & 1 == 1).collect();
        mask[n - 1] = true;
        let mut holed = data.clone();
        for (row, present) in holed.chunks_mut(d).zip(&mask) {
            if !present {
                row.fill(f64::NAN);
            }
        }
        let kept: Vec<f64> = data
            .chunks(d)
            .zip(&mask)
            .filter(|(_, present)| **present)
            .flat_map(|(row, _)| row.to_vec())
            .collect();
        for name in value_function::NAMES {
            let (expected, outcome) = attribute(name, &step(&kept, d), &Baseline::Zero).unwrap();
            let features = Features::rows(&holed, d).unwrap();
            let x = Step::with_presence(features, Some(&mask)).unwrap();
            let (phi, same) = attribute(name, &x, &Baseline::Zero).unwrap();
            let mut kept = expected.into_iter();
            for (value, present) in phi.iter().zip(&mask) {
                prop_assert_eq!(*value, if *present { kept.next().unwrap() } else { 0.0 });
            }
            prop_assert_eq!(same, outcome);
        }
    }

    #[test]
    fn a_common_baseline_is_one_row_per_agent((data, d) in populations(), b in 0.0..2.0_f64) {
        let n = data.len() / d;
        let (row, rows) = (vec![b; d], vec![b; n * d]);
        for name in value_function::NAMES {
            let x = step(&data, d);
            let (common, outcome) = attribute(name, &x, &Baseline::Common(&row)).unwrap();
            let per_agent = Baseline::PerAgent(Features::rows(&rows, d).unwrap());
            let (phi, _) = attribute(name, &x, &per_agent).unwrap();
            for (a, b) in common.iter().zip(&phi) {
                prop_assert!(close(*a, *b, outcome.magnitude), "{name}: {a} {b}");
            }
        }
    }

    #[test]
    fn single_precision_follows_double((data, d) in populations()) {
        let single: Vec<f32> = data.iter().map(|&v| v as f32).collect();
        let double: Vec<f64> = single.iter().map(|&v| f64::from(v)).collect();
        for name in ["mean", "heat", "variance"] {
            let (exact, outcome) = attribute(name, &step(&double, d), &Baseline::Zero).unwrap();
            let x = Step::new(Features::rows(&single, d).unwrap()).unwrap();
            let (phi, _) = attribute(name, &x, &Baseline::Zero).unwrap();
            let largest = exact.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for (a, b) in exact.iter().zip(&phi) {
                prop_assert!((a - f64::from(*b)).abs() <= 1e-6 * largest.max(outcome.magnitude));
            }
        }
    }
}

#[test]
fn the_first_non_finite_feature_is_named() {
    let n = 40_000;
    for (position, poison) in [(0, f64::NAN), (17, f64::INFINITY), (3 * n - 1, f64::NEG_INFINITY)] {
        let mut data = vec![1.0; 3 * n];
        data[position] = poison;
        data[3 * n - 1] = poison;
        for name in value_function::NAMES {
            let error = attribute(name, &step(&data, 3), &Baseline::Zero).unwrap_err();
            let Error::NonFinite { argument: "x", agent, feature, .. } = error else {
                panic!("{name}: {error}");
            };
            assert_eq!((agent, feature), (Some(position / 3), position % 3), "{name}");
            let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
            let other = function.value(&step(&data, 3)).unwrap_err();
            assert_eq!(other.to_string(), error.to_string(), "{name}");
        }
    }
}

#[test]
fn non_finite_baselines_are_named() {
    let data = vec![1.0; 30];
    let mut rows = data.clone();
    rows[13] = f64::NAN;
    let baseline = Baseline::PerAgent(Features::rows(&rows, 3).unwrap());
    for name in value_function::NAMES {
        let error = attribute(name, &step(&data, 3), &baseline).unwrap_err();
        let Error::NonFinite { argument: "baseline", agent: Some(4), feature: 1, .. } = error
        else {
            panic!("{name}: {error}");
        };
    }
}

#[test]
fn overflow_is_not_taken_for_a_bad_input() {
    let data = vec![f64::MAX; 6];
    for name in value_function::NAMES {
        let error = attribute(name, &step(&data, 3), &Baseline::Zero).unwrap_err();
        assert_eq!(error, Error::Overflow { real: "float64" }, "{name}");
    }
}

#[test]
fn a_single_agent_and_a_population_of_zeros() {
    for name in value_function::NAMES {
        let (phi, outcome) = attribute(name, &step(&[2.0, 3.0], 2), &Baseline::Zero).unwrap();
        assert!(close(phi[0], outcome.value, 1.0), "{name}");
        let (phi, outcome) = attribute(name, &step(&[0.0; 12], 3), &Baseline::Zero).unwrap();
        assert!(phi.iter().all(|&v| v == 0.0) && outcome.value == 0.0, "{name}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let descriptor = Descriptor { name: "median", weights: None };
    let unknown = from_descriptor::<f64>(&descriptor).map(|_| ()).unwrap_err();
    assert!(unknown.to_string().contains("mean, heat, variance, gini"));
    let weights = Some([1.0, 2.0].as_slice());
    let heat = from_descriptor::<f64>(&Descriptor { name: "heat", weights }).map(|_| ());
    assert_eq!(heat, Err(Error::NoWeights { name: "heat" }));
    let mean = from_descriptor::<f64>(&Descriptor { name: "mean", weights }).unwrap();
    assert!(matches!(mean.value(&step(&[1.0; 3], 3)), Err(Error::Shape { .. })));
    assert!(Step::new(Features::rows(&[0.0; 0], 3).unwrap()).is_err());
    assert!(Features::rows(&[0.0; 4], 3).is_err());
    let nobody = Step::with_presence(Features::rows(&[0.0; 4], 2).unwrap(), Some(&[false; 2]));
    assert_eq!(nobody.map(|_| ()), Err(Error::Empty));
}
