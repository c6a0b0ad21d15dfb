//! All benches of the core, in one program: it is the generic kernels that take long to compile.

#![allow(missing_docs)]

mod attribution;
mod coalitions;
mod workload;

criterion::criterion_main!(attribution::benches, coalitions::benches);
