//! What pyfast spends its time on, each piece by itself: `cargo bench --bench kernels`, with a name behind it for one.
//! A change of speed is seen here at its place; whole commands are compared by `pyfast bench`.

mod environment;
mod noop;
mod page;
mod solve;
mod wheel;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    kernels,
    page::json,
    page::cached,
    solve::seed,
    wheel::admit,
    environment::compose,
    noop::state
);
criterion_main!(kernels);
