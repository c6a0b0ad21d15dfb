//! The methods: one file each, generic over the value functions.

mod aumann_shapley;

pub use aumann_shapley::aumann_shapley;
