//! Shapley, Banzhaf and leave-one-out of populations of several chunks: against integers, and the
//! same bits in every layout and at any number of threads.

use aumann_core::{
    Baseline, Descriptor, Error, Features, Outcome, Real, Result, Step, aumann_shapley, banzhaf,
    blocks::CHUNK, from_descriptor, leave_one_out, shapley, value_function,
};

/// What there is of each value function.
fn methods(name: &str) -> &'static [&'static str] {
    if name == "heat" { &["leave_one_out"] } else { &["shapley", "banzhaf", "leave_one_out"] }
}

fn attribute<T: Real>(
    name: &str,
    method: &str,
    x: &Step<'_, T>,
    baseline: &Baseline<'_, T>,
) -> Result<(Vec<T>, Outcome)> {
    let function = from_descriptor::<T>(&Descriptor { name, weights: None })?;
    let mut out = vec![T::ZERO; x.agents()];
    let outcome = match method {
        "aumann_shapley" => aumann_shapley(function.as_ref(), x, baseline, &mut out),
        "shapley" => shapley(function.as_ref(), x, baseline, &mut out),
        "banzhaf" => banzhaf(function.as_ref(), x, baseline, &mut out),
        _ => leave_one_out(function.as_ref(), x, baseline, &mut out),
    }?;
    Ok((out, outcome))
}

/// Reproducible integers below a bound.
fn integers(seed: u64, n: usize, below: u64) -> Vec<i64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state) * u128::from(below)) >> 64) as i64
    };
    (0..n).map(|_| next()).collect()
}

fn floats(values: &[i64]) -> Vec<f64> {
    values.iter().map(|&v| v as f64).collect()
}

fn step<T: Real>(data: &[T], d: usize) -> Step<'_, T> {
    Step::new(Features::rows(data, d).unwrap()).unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, label: &str) {
    let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{label}, agent {i}: {a} {b}");
    }
}

/// Sum of the distances from any value to some values.
struct Distances {
    sorted: Vec<i64>,
    prefix: Vec<i128>,
}

impl Distances {
    fn new(values: impl Iterator<Item = i64>) -> Self {
        let mut sorted: Vec<i64> = values.collect();
        sorted.sort_unstable();
        let mut prefix = vec![0];
        for value in &sorted {
            prefix.push(prefix[prefix.len() - 1] + i128::from(*value));
        }
        Self { sorted, prefix }
    }

    fn to(&self, value: i64) -> i128 {
        let below = self.sorted.partition_point(|&other| other < value);
        let (n, all) = (self.sorted.len() as i128, self.prefix[self.sorted.len()]);
        i128::from(value) * (2 * below as i128 - n) + all - 2 * self.prefix[below]
    }
}

#[test]
fn gini_is_exact_on_integers() {
    let n = 4 * CHUNK + 321;
    let k = 2.0 / (n as f64 * n as f64);
    // Few distinct values are ranked by a table, many by a partition.
    for below in [40, 1 << 40] {
        let (s, b) = (integers(1, n, below), integers(2, n, below));
        let (x, rows) = (floats(&s), floats(&b));
        let x = step(&x, 1);
        let middle = below as i64 / 3;
        let beyond = [-7, below as i64 + 9];
        let commons = [0, middle, beyond[0], beyond[1]].map(|row| (vec![row; n], [row as f64]));
        let mut cases: Vec<(&[i64], Baseline<'_, f64>)> =
            commons.iter().map(|(b, row)| (&b[..], Baseline::Common(row))).collect();
        cases.push((&b, Baseline::PerAgent(Features::rows(&rows, 1).unwrap())));
        cases.push((&commons[0].0, Baseline::Zero));
        let to_x = Distances::new(s.iter().copied());
        for (b, baseline) in cases {
            let to_both = Distances::new(s.iter().chain(b).copied());
            let pairs = s.iter().zip(b);
            let exact: Vec<f64> = pairs
                .clone()
                .map(|(&s, &b)| 0.5 * k * (to_both.to(s) - to_both.to(b)) as f64)
                .collect();
            let (phi, outcome) = attribute("gini", "shapley", &x, &baseline).unwrap();
            close(&phi, &exact, 1e-14, "shapley");
            let change = outcome.value - outcome.baseline_value;
            assert!((outcome.sum - change).abs() <= 1e-13 * outcome.magnitude, "{outcome:?}");
            let value = s.iter().map(|&s| to_x.to(s)).sum::<i128>() as f64 * 0.5 * k;
            assert!((outcome.value / value - 1.0).abs() < 1e-14);
            assert_eq!(attribute("gini", "banzhaf", &x, &baseline).unwrap().0, phi);
            let without: Vec<f64> = pairs
                .map(|(&s, &b)| k * (to_x.to(s) - to_x.to(b) + i128::from((s - b).abs())) as f64)
                .collect();
            let (phi, _) = attribute("gini", "leave_one_out", &x, &baseline).unwrap();
            close(&phi, &without, 1e-13, "leave-one-out");
        }
    }
}

#[test]
fn an_offset_of_all_agents_costs_no_digits() {
    let n = 2 * CHUNK + 5;
    let s = floats(&integers(3, n, 1 << 20));
    let far: Vec<f64> = s.iter().map(|s| s + 1e12).collect();
    for name in ["variance", "gini"] {
        for method in methods(name) {
            let near = attribute(name, method, &step(&s, 1), &Baseline::Common(&[5.0])).unwrap().0;
            let row = [1e12 + 5.0];
            let far = attribute(name, method, &step(&far, 1), &Baseline::Common(&row)).unwrap().0;
            close(&far, &near, 1e-13, name);
        }
    }
}

#[test]
fn heat_without_one_agent_is_exact_on_integers() {
    let n = 1_000_000;
    for d in 1..=3 {
        let data = integers(5, n * d, 30);
        let x = floats(&data);
        let (phi, outcome) =
            attribute("heat", "leave_one_out", &step(&x, d), &Baseline::Zero).unwrap();
        let mut sums = vec![0_i128; d];
        for row in data.chunks(d) {
            sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += i128::from(v));
        }
        let whole: i128 = sums.iter().product();
        let one = (n as i128).pow(d as u32);
        for (row, found) in data.chunks(d).zip(&phi).step_by(997) {
            let without: i128 = sums.iter().zip(row).map(|(sum, &v)| sum - i128::from(v)).product();
            let exact = ((whole - without) as f64 / (one + without) as f64).ln_1p();
            assert!((found - exact).abs() <= 2e-15 * exact, "{row:?}: {found} {exact}");
        }
        assert!((outcome.value - (whole as f64 / one as f64).ln_1p()).abs() < 1e-14);
    }
}

#[test]
fn heat_names_the_agent_without_whom_it_is_not_defined() {
    // The mean is 0.5 with all agents and -2 where the one before the last stands at zero.
    let n = CHUNK + 40;
    let mut x = vec![-2.0; n];
    x[n - 2] = 0.5 * n as f64 + 2.0 * (n - 1) as f64;
    let refused = attribute("heat", "leave_one_out", &step(&x, 1), &Baseline::Zero).unwrap_err();
    let Error::HeatDomainWithout { product, agent } = refused else { panic!("{refused}") };
    assert_eq!(agent, n - 2);
    assert!((product + 2.0).abs() < 1e-3, "{product}");
    let mask: Vec<bool> = (0..n).map(|i| i != 3).collect();
    let part = Step::with_presence(Features::rows(&x, 1).unwrap(), Some(&mask)).unwrap();
    let refused = attribute("heat", "leave_one_out", &part, &Baseline::Zero).unwrap_err();
    assert!(matches!(refused, Error::HeatDomainWithout { agent, .. } if agent == n - 2));
    // Of six agents one is left out: log(P / P') where P is 1e320, and P - P' where it is 1e-320.
    for (mean, exact) in [(1e160, (36.0_f64 / 25.0).ln()), (1e-160, 1e-320 * 11.0 / 36.0)] {
        let x = vec![mean; 12];
        let (phi, _) = attribute("heat", "leave_one_out", &step(&x, 2), &Baseline::Zero).unwrap();
        let smallest = 5e-324;
        for value in phi {
            assert!((value - exact).abs() <= 1e-14 * exact + 2.0 * smallest, "{value} {exact}");
        }
    }
    let x = vec![1e-140; 12].into_iter().chain(vec![1e140; 12]).collect::<Vec<_>>();
    let x = Features::columns(vec![&x[..12], &x[12..]]).unwrap();
    let (phi, _) =
        attribute("heat", "leave_one_out", &Step::new(x).unwrap(), &Baseline::Zero).unwrap();
    let exact = 2.0_f64.ln() - (121.0_f64 / 144.0).ln_1p();
    assert!((phi[7] / exact - 1.0).abs() < 1e-14, "{phi:?}");
}

#[test]
fn layouts_presence_and_threads_give_the_same_bits() {
    let n = 4 * CHUNK + 77;
    let counts = integers(7, 2 * n, 60);
    let tied: Vec<f64> = counts.iter().map(|&c| (c as f64).ln_1p()).collect();
    let distinct: Vec<f64> =
        integers(8, 2 * n, 1 << 50).iter().map(|&c| c as f64 * 1e-15).collect();
    let rows = floats(&integers(9, 2 * n, 3));
    let mask: Vec<bool> = integers(10, n, 10).iter().map(|&u| u < 7).collect();
    let kept = |data: &[f64]| -> Vec<f64> {
        let rows = data.chunks(2).zip(&mask).filter(|(_, present)| **present);
        rows.flat_map(|(row, _)| row.to_vec()).collect()
    };
    let row = [0.7, 1.1];
    for data in [&tied, &distinct] {
        let columns: Vec<Vec<f64>> =
            (0..2).map(|k| data.iter().skip(k).step_by(2).copied().collect()).collect();
        let columns = || Features::columns(columns.iter().map(Vec::as_slice).collect()).unwrap();
        let (present, present_rows) = (kept(data), kept(&rows));
        for name in value_function::NAMES {
            for method in methods(name) {
                let per_agent = || Baseline::PerAgent(Features::rows(&rows, 2).unwrap());
                for baseline in [Baseline::Zero, Baseline::Common(&row), per_agent()] {
                    let run = |threads: usize, x: &Step<'_, f64>, b: &Baseline<'_, f64>| {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                        let pool = pool.build().unwrap();
                        pool.install(|| attribute(name, method, x, b)).unwrap()
                    };
                    let one = run(1, &step(data, 2), &baseline);
                    for threads in [2, 3, 8] {
                        let x = Step::new(columns()).unwrap();
                        assert!(run(threads, &x, &baseline) == one, "{name}, {method}, {threads}");
                    }
                    let alone = match baseline {
                        Baseline::PerAgent(_) => {
                            Baseline::PerAgent(Features::rows(&present_rows, 2).unwrap())
                        }
                        ref other => other.clone(),
                    };
                    let (expected, outcome) = run(2, &step(&present, 2), &alone);
                    let x = Step::with_presence(columns(), Some(&mask)).unwrap();
                    let (phi, same) = run(3, &x, &baseline);
                    assert_eq!(same, outcome);
                    let mut expected = expected.into_iter();
                    for (value, present) in phi.iter().zip(&mask) {
                        assert_eq!(*value, if *present { expected.next().unwrap() } else { 0.0 });
                    }
                }
            }
        }
    }
}

#[test]
fn single_precision_order_of_agents_and_twins() {
    let n = CHUNK + 1_000;
    let data: Vec<f32> = integers(11, 3 * n, 2_000).iter().map(|&c| (c as f32).ln_1p()).collect();
    let base: Vec<f32> = integers(12, 3 * n, 3).iter().map(|&c| c as f32).collect();
    let double = |data: &[f32]| -> Vec<f64> { data.iter().map(|&v| f64::from(v)).collect() };
    let (wide, wide_base) = (double(&data), double(&base));
    let reversed = |data: &[f64]| -> Vec<f64> { data.rchunks(3).flatten().copied().collect() };
    let (back, back_base) = (reversed(&wide), reversed(&wide_base));
    for name in value_function::NAMES {
        for method in methods(name) {
            let narrow = Baseline::PerAgent(Features::rows(&base, 3).unwrap());
            let baselines = [&wide_base, &back_base]
                .map(|rows| Baseline::PerAgent(Features::rows(rows, 3).unwrap()));
            for (narrow, [baseline, turned]) in
                [(narrow, baselines), (Baseline::Zero, [Baseline::Zero, Baseline::Zero])]
            {
                let (exact, _) = attribute(name, method, &step(&wide, 3), &baseline).unwrap();
                let (phi, _) = attribute(name, method, &step(&data, 3), &narrow).unwrap();
                close(&double(&phi), &exact, 1e-6, name);
                let (mut phi, _) = attribute(name, method, &step(&back, 3), &turned).unwrap();
                phi.reverse();
                close(&phi, &exact, 1e-13, name);
            }
            // Twins far apart: the first and the last agent.
            let mut twins = wide.clone();
            twins.extend_from_slice(&wide[..3]);
            let (phi, _) = attribute(name, method, &step(&twins, 3), &Baseline::Zero).unwrap();
            assert_eq!(phi[0].to_bits(), phi[n].to_bits(), "{name}, {method}");
        }
    }
}

#[test]
fn dummies_get_zero_and_bad_input_is_refused() {
    let n = 2_000;
    let mut x = floats(&integers(13, 2 * n, 9));
    x[..2].copy_from_slice(&[0.3, 0.6]);
    let row = [0.3, 0.6];
    let mut poisoned = x.clone();
    poisoned[2 * n - 3] = f64::NAN;
    for name in value_function::NAMES {
        for method in methods(name) {
            let (phi, _) = attribute(name, method, &step(&x, 2), &Baseline::Common(&row)).unwrap();
            assert_eq!(phi[0], 0.0, "{name}, {method}");
            let own = Baseline::PerAgent(Features::rows(&x, 2).unwrap());
            let (phi, _) = attribute(name, method, &step(&x, 2), &own).unwrap();
            assert!(phi.iter().all(|&value| value == 0.0), "{name}, {method}");
            let rows = Baseline::PerAgent(Features::rows(&poisoned, 2).unwrap());
            for (data, baseline) in [(&poisoned, Baseline::Zero), (&x, rows)] {
                let refused = attribute(name, method, &step(data, 2), &baseline).unwrap_err();
                let named =
                    matches!(refused, Error::NonFinite { agent: Some(1_998), feature: 1, .. });
                assert!(named, "{name}, {method}: {refused}");
            }
            let huge = vec![f64::MAX; 8];
            let refused = attribute(name, method, &step(&huge, 2), &Baseline::Zero);
            assert!(matches!(refused, Err(Error::Overflow { .. })), "{name}, {method}");
        }
    }
}
