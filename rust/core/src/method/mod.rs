//! The methods: one file each, generic over the value functions.

mod aumann_shapley;
mod enumeration;
mod sampler;

pub use aumann_shapley::aumann_shapley;
pub use enumeration::{Enumeration, MAX_ENUMERATED, leave_one_out_of};
pub use sampler::{Drawn, Plan, Sampler};
