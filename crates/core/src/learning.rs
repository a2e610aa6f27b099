//! From people's reactions to instructions that are shown: what an answer was worth, what that says about a pattern,
//! and what becomes of the pattern.
//!
//! Everything that decides is a sum of integers ([`evidence::Evidence`]), so any order of answers, failures and
//! corrections gives the same totals, bit for bit. [`decide::decide`] reads those totals ([`look::Look`]) and says
//! what becomes of each pattern and what is worth trying next ([`plan::Plan`]). It never looks at a bare difference
//! of means: a pattern is adopted only on an e-value of answers that a coin showed it to or held it back from.

pub mod confidence;
pub mod decide;
pub mod discovery;
pub mod ebh;
pub mod evidence;
pub mod life;
pub mod look;
pub mod plan;
pub mod reaction;
pub(crate) mod words;
