//! Postgres over PostgREST: one narrow trait a need, the adapter that keeps them, and an in-memory fake for tests.
//!
//! Every change of state is one call of one SQL function; what happened comes back as an `outcome`, which is an enum
//! here. A [`StoreError`] is a fault, never an outcome.
//!
//! # What this crate does not do
//!
//! It holds no rule and no SQL, joins nothing over two calls, and does not decide who a caller is: it forwards the
//! caller's credentials, and Postgres does.

#![forbid(unsafe_code)]

mod credentials;
pub mod decisions;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
pub mod feedback;
pub mod learning;
mod postgrest;
pub mod prompts;
pub mod proof;
pub mod reflections;
mod row;
pub mod runs;
pub mod serving;
pub mod training;
pub mod turns;
pub mod usage;

pub use credentials::Credentials;
pub use error::StoreError;
pub use postgrest::{Observe, Postgrest, Sleep};
