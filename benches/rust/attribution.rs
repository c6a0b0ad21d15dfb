//! Every value function at every workload, beside the streaming floor and a parallel sort of keys.

use crate::workload::{FULL, dense, sparse};
use aumann_core::{
    Baseline, Descriptor, Features, Real, Step, aumann_shapley, from_descriptor, value_function,
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Duration;

/// The least any of them could do: read X once, write N values.
fn floor<T: Real>(data: &[T], out: &mut [T]) {
    out.par_chunks_mut(16_384).zip(data.par_chunks(3 * 16_384)).for_each(|(out, data)| {
        for (value, row) in out.iter_mut().zip(data.as_chunks::<3>().0) {
            *value = T::from_f64(row[0].to_f64() + row[1].to_f64() + row[2].to_f64());
        }
    });
}

fn run<T: Real>(c: &mut Criterion, workload: &str, steps: &[Vec<T>]) {
    let agents = steps[0].len() / 3;
    let mut group = c.benchmark_group(workload);
    group.throughput(Throughput::Elements((agents * steps.len()) as u64));
    let mut out = vec![T::ZERO; agents];
    group.bench_function(BenchmarkId::new("floor", agents), |b| {
        b.iter(|| steps.iter().for_each(|data| floor(black_box(data), black_box(&mut out))));
    });
    for name in value_function::NAMES {
        let function = from_descriptor::<T>(&Descriptor { name, weights: None }).unwrap();
        group.bench_function(BenchmarkId::new(name, agents), |b| {
            b.iter(|| {
                for data in steps {
                    let x = Step::new(Features::rows(black_box(data), 3).unwrap()).unwrap();
                    let out = black_box(&mut out[..]);
                    aumann_shapley(function.as_ref(), &x, &Baseline::Zero, out).unwrap();
                }
            });
        });
    }
    let keys: Vec<u64> = steps[0]
        .as_chunks::<3>()
        .0
        .iter()
        .map(|row| row.iter().map(|value| value.to_f64()).sum::<f64>().to_bits())
        .collect();
    group.bench_function(BenchmarkId::new("key_sort", agents), |b| {
        b.iter_batched_ref(|| keys.clone(), |keys| keys.par_sort_unstable(), BatchSize::LargeInput);
    });
    group.finish();
}

fn attribution(c: &mut Criterion) {
    for agents in [1_000, 10_000, 100_000, FULL] {
        run(c, "W", &[sparse(agents, 0)]);
        run(c, "W-dense", &[dense(agents)]);
    }
    let single: Vec<f32> = sparse(FULL, 0).into_iter().map(|value| value as f32).collect();
    run(c, "W32", &[single]);
    run(c, "W-14", &(0..14).map(|step| sparse(FULL, step)).collect::<Vec<_>>());
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = attribution
}
