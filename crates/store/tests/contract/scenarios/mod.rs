//! What the store promises, in either world.

pub mod attempts;
pub mod decisions;
pub mod feedback;
pub mod models;
pub mod patterns;
pub mod prompts;
pub mod proof;
pub mod reflections;
pub mod training;
pub mod turns;
pub mod watch;

use uuid::Uuid;

const HOLDER: Uuid = Uuid::from_u128(0xA1);
