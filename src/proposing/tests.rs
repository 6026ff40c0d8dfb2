//! Proposals for projects in memory: one intent a test.
