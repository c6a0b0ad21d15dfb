//! Exact attribution of a macro indicator to the agents of a population.
//!
//! The core takes views of features, one step at a time, and writes one number per agent. It knows
//! no Python and no C. Work is spread over the current rayon pool; inputs of one chunk stay on the
//! calling thread. Results are the same bits at any number of threads and on every SIMD level.
//!
//! # Modules, lowest first
//!
//! | module | holds |
//! |---|---|
//! | `real`, `error` | the two floating-point types; what can be wrong |
//! | [`abandon`], `memory` | work that is given up: on request, or without memory |
//! | `simd`, `buffer` | choice of the instruction set; chunk-sized buffers |
//! | [`blocks`] | chunks and the tree that merges them |
//! | `features` | views of one step's features, presence, baselines |
//! | `statistics`, `linear` | mergeable statistics; the streaming loops |
//! | `columns` | blocks of agents as one column per feature |
//! | `grid` | values as integers, whose sums are exact |
//! | `partition`, `table`, `rank` | two ways to rank agents, and the choice between them |
//! | `double`, `product` | twice the precision of f64; products beyond its range |
//! | `quadrature` | adaptive Gauss-Kronrod |
//! | [`random`] | random numbers by counter |
//! | `rank_tree` | count and sum of the values below a rank, while values come and go |
//! | `buckets`, `order` | agents streamed into buckets and back; random orders |
//! | `coalitions` | random coalitions, 64 at a time |
//! | `moments` | sums of samples in fixed point, of each player or of values that serve all |
//! | `game`, `sums` | players who join a coalition one by one; orders swept bucket by bucket |
//! | `groups`, `agreement` | sums over groups; how far two attributions agree |
//! | `symmetric` | symmetric tensors over the features |
//! | [`value_function`] | one file per value function |
//! | `method` | one file per method |
//!
//! Start with [`value_function::Mean`], the smallest of them, then [`aumann_shapley()`].

pub mod abandon;
mod agreement;
pub mod blocks;
mod buckets;
mod buffer;
mod coalitions;
mod columns;
mod double;
mod error;
mod features;
mod fingerprint;
mod game;
mod grid;
mod groups;
mod linear;
pub mod memory;
mod method;
mod moments;
mod order;
mod partition;
mod product;
mod quadrature;
pub mod random;
mod rank;
mod rank_tree;
mod real;
pub mod simd;
mod sort;
mod statistics;
mod sums;
mod symmetric;
mod table;
pub mod value_function;

pub use agreement::{Fit, fit, rank_correlation};
pub use coalitions::{BATCH, Coalitions};
pub use error::{Error, Result};
pub use features::{Baseline, Features, Gather, Step};
pub use fingerprint::fingerprint;
pub use game::{Coalition, Game, MAX_ENUMERATED, Orders, Scratch};
pub use groups::group_sums;
pub use method::{
    Drawn, Enumeration, Plan, Sampler, aumann_shapley, banzhaf, banzhaf_mean_field, leave_one_out,
    leave_one_out_of, shapley, shapley_mean_field,
};
pub use moments::{MAX_SAMPLES, Moments, Reuse, Spread};
pub use order::random_order;
pub use real::Real;
pub use value_function::{Descriptor, MeanFunction, Outcome, ValueFunction, from_descriptor};

/// Means of the features over the agents present.
///
/// # Errors
/// [`Error::NonFinite`] or [`Error::Overflow`].
pub fn feature_means<T: Real>(x: &Step<'_, T>) -> Result<Vec<f64>> {
    let means = linear::feature_means(x, x.features());
    if means.iter().all(|mean| mean.is_finite()) {
        Ok(means)
    } else {
        Err(x.explain_non_finite(&Baseline::Zero))
    }
}
