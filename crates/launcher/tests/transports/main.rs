//! What travels between this crate and an engine: sockets, TLS, ssh, contexts, logins. The engine is a fake on loopback
//! that records what it is asked.

#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

mod authority;
mod contexts;
mod fake;
mod logins;
mod ssh;
mod tls;
