//! From feedback to a dataset for fine-tuning: what an exchange teaches, whether people's opinion has drifted, when a
//! model is to be trained, and how what is handed to a trainer looks, byte for byte.
//!
//! In the order of use: [`sample`] masks an exchange ([`masking`]) and gives it its hashes ([`normal`]), [`score`]
//! says how good its answer was, [`drift`] compares two windows of scores, [`decide`] says whether to train,
//! [`balance`] how much of each question type is kept, [`example`] writes a line of the dataset, [`manifest`] what was
//! written, [`webhook`] signs what a trainer is told, [`metrics`] checks what it answers.

pub mod balance;
pub mod decide;
pub mod drift;
mod exact;
pub mod example;
pub mod manifest;
pub mod masking;
pub mod metrics;
pub mod normal;
pub mod sample;
pub mod score;
pub mod webhook;
mod words;

pub use balance::balance;
pub use decide::decide;
pub use drift::drift;
pub use score::score;
