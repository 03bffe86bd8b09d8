//! The core as its callers use it. One crate, since each would compile all kernels anew.

mod allocations;
mod common;
mod distributions;
mod graph;
mod interrupts;
mod inverses;
mod network;
mod outputs;
