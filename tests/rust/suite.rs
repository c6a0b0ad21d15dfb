//! All tests of the core from outside, in one program: it is the generic kernels that take long to
//! compile.

mod coalitions;
mod coalitions_at_scale;
mod determinism;
mod enumeration;
mod gini_paths;
mod mean_field;
mod moments;
mod orders;
mod properties;
mod sampled_coalitions;
mod sampling;
