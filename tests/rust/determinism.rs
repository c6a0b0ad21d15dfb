//! The same bits at any number of threads, on populations of several chunks.

use aumann_core::{
    Baseline, Descriptor, Features, Step, aumann_shapley, blocks::CHUNK, from_descriptor,
    value_function,
};

/// Reproducible numbers in [0, 1).
fn uniforms(n: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

fn bits(name: &str, data: &[f64], mask: Option<&[bool]>, threads: usize) -> (Vec<u64>, [u64; 4]) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
        let features = Features::rows(data, 3).unwrap();
        let x = Step::with_presence(features, mask).unwrap();
        let mut out = vec![0.0; data.len() / 3];
        let row = [0.3, 0.1, 0.2];
        let o = aumann_shapley(function.as_ref(), &x, &Baseline::Common(&row), &mut out).unwrap();
        let outcome = [o.value, o.baseline_value, o.sum, o.magnitude].map(f64::to_bits);
        (out.into_iter().map(f64::to_bits).collect(), outcome)
    })
}

#[test]
fn thread_counts_agree_on_every_bit() {
    let continuous = uniforms(3 * (5 * CHUNK + 77));
    let tied: Vec<f64> = continuous.iter().map(|u| (1.0 / (1.0 - u)).floor().ln_1p()).collect();
    let mask: Vec<bool> = uniforms(continuous.len() / 3).iter().map(|u| *u < 0.7).collect();
    for data in [&continuous, &tied] {
        for mask in [None, Some(mask.as_slice())] {
            for name in value_function::NAMES {
                let one = bits(name, data, mask, 1);
                for threads in [2, 3, 8] {
                    assert!(bits(name, data, mask, threads) == one, "{name}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn large_populations_keep_efficiency() {
    let data = uniforms(3 * 300_001);
    for name in value_function::NAMES {
        let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
        let x = Step::new(Features::rows(&data, 3).unwrap()).unwrap();
        let mut out = vec![0.0; data.len() / 3];
        let o = aumann_shapley(function.as_ref(), &x, &Baseline::Zero, &mut out).unwrap();
        assert!((o.sum - o.value).abs() <= 1e-14 * o.magnitude, "{name}: {o:?}");
    }
}
