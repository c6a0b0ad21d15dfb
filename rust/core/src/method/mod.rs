//! The methods: one file each, generic over the value functions.

mod aumann_shapley;
mod sampler;

pub use aumann_shapley::aumann_shapley;
pub use sampler::{Drawn, Plan, Sampler};
