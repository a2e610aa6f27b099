//! The arithmetic of Pawl: what a judgement is worth, what a score calls for, which prompt may go live.
//!
//! Data in, data out. A caller fetches the rows, this crate decides, and the caller acts.
//!
//! # What this crate does not do
//!
//! It performs no IO, starts nothing asynchronous, reads no clock, draws no random number and takes no id that it did
//! not receive. It does not panic on any input that its types admit.

#![forbid(unsafe_code)]

pub mod characteristics;
pub mod conversation;
pub mod crash;
pub mod decision;
pub mod ema;
pub mod evaluation;
pub mod evidence;
pub mod learning;
pub mod prompt_guard;
pub mod proof;
pub mod rubric;
pub mod selection;
pub mod tokens;
pub mod training;
pub mod usage;
