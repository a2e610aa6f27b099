//! What an edge function sees of the world: requests, responses, errors, environment, clock, logs.
//!
//! Everything that touches JavaScript is in [`runtime`] and exists on wasm only; the rest is plain data that native
//! tests use as it is.
//!
//! # What this crate does not do
//!
//! It knows no table, no model and no rule of Pawl, and it does not decide who a caller is.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod body;
pub mod cors;
pub mod deadline;
pub mod env;
pub mod error;
pub mod events;
pub mod http;
pub mod log;
pub mod route;
#[cfg(target_arch = "wasm32")]
pub mod runtime;
pub mod trace;

pub use error::ApiError;
pub use http::{Request, Response};
