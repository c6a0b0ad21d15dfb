//! Coalition values: exact, by expansion, by enumeration, and one sample at a time.

use crate::workload::{FULL, dense, sparse, step_before};
use aumann_core::{
    Baseline, Descriptor, Enumeration, Features, Orders, Outcome, Plan, Result, Sampler, Step,
    ValueFunction, aumann_shapley, banzhaf_mean_field, from_descriptor, leave_one_out, shapley,
    shapley_mean_field, value_function,
};
use criterion::{BenchmarkId, Criterion, criterion_group};
use std::hint::black_box;
use std::time::Duration;

type Exact =
    fn(&dyn ValueFunction<f64>, &Step<'_, f64>, &Baseline<'_, f64>, &mut [f64]) -> Result<Outcome>;

/// Exact values, each beside Aumann-Shapley of the same function.
fn exact(c: &mut Criterion) {
    let x = sparse(FULL, 0);
    let before = step_before(FULL);
    let step = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
    let mut out = vec![0.0; FULL];
    let baselines = [
        ("zero", Baseline::Zero),
        ("per agent", Baseline::PerAgent(Features::rows(&before, 3).unwrap())),
    ];
    let methods: [(&str, Exact); 5] = [
        ("Aumann-Shapley", |f, x, b, out| aumann_shapley(f, x, b, out)),
        ("Shapley", |f, x, b, out| shapley(f, x, b, out)),
        ("leave-one-out", |f, x, b, out| leave_one_out(f, x, b, out)),
        ("Shapley expanded", |f, x, b, out| shapley_mean_field(f.mean_function()?, 2, x, b, out)),
        ("Banzhaf expanded", |f, x, b, out| banzhaf_mean_field(f.mean_function()?, 2, x, b, out)),
    ];
    for (baseline, rows) in baselines {
        let mut group = c.benchmark_group(format!("exact, {baseline} baseline"));
        for name in value_function::NAMES {
            let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
            for (method, attribute) in methods {
                if (name == "heat") == (method == "Shapley")
                    || name != "heat" && method.ends_with("expanded")
                {
                    continue;
                }
                group.bench_function(BenchmarkId::new(method, name), |b| {
                    b.iter(|| {
                        let out = black_box(&mut out[..]);
                        attribute(function.as_ref(), &step, &rows, out).unwrap();
                    });
                });
            }
        }
        group.finish();
    }
}

/// One order, one antithetic pair, 64 coalitions: the game is made once.
fn sampled(c: &mut Criterion) {
    let orders = |antithetic, control_variate| Plan::Orders(Orders { antithetic, control_variate });
    let plans = [
        ("order", 1, orders(false, false)),
        ("antithetic pair", 1, orders(true, false)),
        ("antithetic pair, control variate", 1, orders(true, true)),
        ("64 coalitions, reused", 64, Plan::Coalitions { reuse: true }),
        ("64 coalitions, marginal", 64, Plan::Coalitions { reuse: false }),
    ];
    for (workload, x) in [("W", sparse(FULL, 0)), ("W-dense", dense(FULL))] {
        let step = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
        let mut group = c.benchmark_group(format!("sampled, {workload}"));
        for name in value_function::NAMES {
            let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
            for (what, count, plan) in plans {
                if what.ends_with("variate") && name != "heat" {
                    continue;
                }
                let game = function.game(&step, &Baseline::Zero).unwrap();
                let mut sampler = Sampler::new(game, plan, 0, 0).unwrap();
                let mut next = 0;
                group.bench_function(BenchmarkId::new(what, name), |b| {
                    b.iter(|| {
                        sampler.run(next..next + count).unwrap();
                        next += count;
                    });
                });
            }
        }
        group.finish();
    }
}

fn enumerated(c: &mut Criterion) {
    let x = dense(16);
    let step = Step::new(Features::rows(&x, 3).unwrap()).unwrap();
    let mut group = c.benchmark_group("enumeration of 16 agents");
    for name in value_function::NAMES {
        let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
        let game = function.game(&step, &Baseline::Zero).unwrap();
        group
            .bench_function(name, |b| b.iter(|| Enumeration::of(game.as_ref()).unwrap().shapley()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = exact, sampled, enumerated
}
