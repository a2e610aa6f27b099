//! One canary lived through by all four deciders.

use pawl_core::proof::canary::{Canary, REACTED_LEAST};

use super::{
    deciders::{Others, Promoted},
    people::{A_DAY, DAYS, Life, World},
};

/// Days before which nothing is promoted.
const LEAST_DAYS: u32 = 7;
/// Limits of the people's guard that are compared.
pub const LIMITS: [f64; 7] = [f64::NEG_INFINITY, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0];

/// What became of a canary; times are conversations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lived {
    pub others: Promoted,
    /// The judge's evidence alone reached its threshold.
    pub reached: Option<u32>,
    /// Pawl promoted: evidence, days and people.
    pub promoted: Option<u32>,
    /// Pawl rejected it as worse, or as liked less.
    pub worse: Option<u32>,
    pub liked_less: Option<u32>,
    /// When it would have been promoted, by limit of the people's guard.
    pub by_limit: [Option<u32>; LIMITS.len()],
}

/// Lives through it to the end of its days, or until everybody has decided. `all_limits`: until every limit has.
pub fn live(world: &World, level: f64, seed: u64, all_limits: bool) -> Lived {
    let mut life = Life::new(world, seed);
    let mut canary = Canary::new(level);
    let mut others = Others::default();
    let mut lived = Lived::default();
    for time in 1..=A_DAY * DAYS {
        let seen = life.next();
        others.observe(seen.arm, seen.y);
        if let Some(unit) = seen.unit {
            canary.observe(&unit);
        }
        let now = canary.now();
        lived.reached = lived.reached.or(now.better_at.map(|_| time));
        let rejected = lived.worse.is_some() || lived.liked_less.is_some();
        if !rejected && (now.worse_at.is_some() || now.people_worse_at.is_some()) {
            // What was promoted before stays so.
            if now.worse_at.is_some() { lived.worse = Some(time) } else { lived.liked_less = Some(time) }
        } else if !rejected && now.better_at.is_some() && time >= LEAST_DAYS * A_DAY {
            if now.people_agree() {
                lived.promoted = lived.promoted.or(Some(time));
            }
            for (at, limit) in lived.by_limit.iter_mut().zip(LIMITS) {
                *at = at.or((now.reacted < REACTED_LEAST || now.people_z >= limit).then_some(time));
            }
        }
        let pawl = lived.worse.is_some() || lived.liked_less.is_some() || lived.promoted.is_some();
        let limits = !all_limits || pawl && lived.promoted.is_none() || lived.by_limit.iter().all(Option::is_some);
        if pawl && lived.reached.is_some() && others.done() && limits {
            break;
        }
    }
    lived.others = others.promoted;
    lived
}
