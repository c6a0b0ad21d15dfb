//! The standard workloads: the same numbers as `aumann.benchmark.workload`.

/// Agents of the paper's panel.
pub(crate) const FULL: usize = 1_671_587;

/// SplitMix64 of a counter: the same numbers as `aumann.benchmark.workload`.
pub(crate) fn uniform(stream: u64, index: usize) -> f64 {
    let mut z = (stream << 40 | index as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
}

/// W: Pareto followers; 90 % of agents without activity or without resonance.
pub(crate) fn sparse(agents: usize, step: usize) -> Vec<f64> {
    let stream = 8 * step as u64;
    let pareto = |stream, i| 1.0 / (1.0 - uniform(stream, i));
    (0..agents)
        .flat_map(|i| {
            let followers = (3.0 * pareto(stream, i)).floor();
            let active = uniform(stream + 1, i) < 0.2;
            let heard = active && uniform(stream + 2, i) < 0.5;
            let activity = if active { pareto(stream + 3, i).floor() } else { 0.0 };
            let resonance = if heard { pareto(stream + 4, i).floor() } else { 0.0 };
            [followers, activity, resonance].map(f64::ln_1p)
        })
        .collect()
}

/// W-dense: continuous, no ties.
pub(crate) fn dense(agents: usize) -> Vec<f64> {
    (0..agents).flat_map(|i| [0, 1, 2].map(|k| 1.0 - (1.0 - uniform(100 + k, i)).ln())).collect()
}

/// The step before W: the same followers; one agent in ten has other activity and resonance.
pub(crate) fn step_before(agents: usize) -> Vec<f64> {
    let mut rows = sparse(agents, 0);
    for (i, (row, other)) in rows.chunks_mut(3).zip(sparse(agents, 1).chunks(3)).enumerate() {
        if uniform(99, i) < 0.1 {
            row[1..].copy_from_slice(&other[1..]);
        }
    }
    rows
}
