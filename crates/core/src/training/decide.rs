//! Whether a model is to be trained now.

use serde::Serialize;

use super::words;

/// Days between two versions of a model, unless a person wants one.
pub const DAYS_BETWEEN: f64 = 7.0;

/// What there is to decide from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stock {
    /// Examples that teach.
    pub total: u64,
    /// The version that is not finished: its name, and its status.
    pub unfinished: Option<(String, String)>,
    /// Days since the newest version was begun; `None` without any.
    pub days_since_version: Option<f64>,
    /// The newest drift that was alerted since then.
    pub drift: Option<Drifted>,
}

/// A drift that was alerted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// Row of `drift_metrics`.
    pub id: String,
}

/// What the owner has set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Fewer examples train nothing.
    pub min_samples: u64,
    /// A version is begun after so many days without one, or without any; 0: never by the calendar.
    pub every_days: f64,
    /// A person wants it.
    pub forced: bool,
}

/// Why a version is begun. In JSON `{"reason": "drift", "drift_metric_id": …}`, `{"reason": "schedule"}` or
/// `{"reason": "forced"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Why {
    /// What people make of the answers has drifted.
    Drift {
        /// Row of `drift_metrics`.
        drift_metric_id: String,
    },
    /// Its time has come.
    Schedule,
    /// A person wants it.
    Forced,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Begin a version.
    Train {
        /// Why.
        why: Why,
    },
    /// Not now.
    Not {
        /// For the owner.
        reason: String,
    },
}

/// Whether to begin a version: not while one is unfinished, nor with too few examples; a person's wish, a drift or the
/// schedule begins one, the latter two at most every [`DAYS_BETWEEN`].
pub fn decide(stock: &Stock, rules: &Rules) -> Decision {
    let not = |reason| Decision::Not { reason };
    if let Some((version, status)) = &stock.unfinished {
        return not(words::unfinished(version, status));
    }
    if stock.total < rules.min_samples {
        return not(words::insufficient(stock.total, rules.min_samples));
    }
    // Never one before: as long ago as can be.
    let days = stock.days_since_version.unwrap_or(f64::INFINITY);
    let why = match &stock.drift {
        _ if rules.forced => return Decision::Train { why: Why::Forced },
        Some(drift) => Why::Drift { drift_metric_id: drift.id.clone() },
        None if rules.every_days > 0.0 && days >= rules.every_days => Why::Schedule,
        None => return not(words::NOTHING_DUE.to_owned()),
    };
    if days < DAYS_BETWEEN { not(words::too_soon(days, DAYS_BETWEEN)) } else { Decision::Train { why } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { min_samples: 1_000, every_days: 0.0, forced: false };

    fn drift() -> Option<Drifted> {
        Some(Drifted { id: "d1".to_owned() })
    }

    fn reason(stock: &Stock, rules: &Rules) -> String {
        match decide(stock, rules) {
            Decision::Not { reason } => reason,
            Decision::Train { why } => serde_json::to_string(&why).unwrap(),
        }
    }

    #[test]
    fn the_first_reason_not_to_is_told() {
        let full = Stock { total: 1_000, ..Stock::default() };
        let forced = Rules { forced: true, ..RULES };
        let at = |status: &str| Stock { unfinished: Some(("v3".to_owned(), status.to_owned())), ..full.clone() };
        assert_eq!(reason(&at("training"), &forced), "Version v3 is in training");
        assert_eq!(reason(&at("testing"), &RULES), "Version v3 is in its test");
        let few = Stock { total: 412, drift: drift(), ..Stock::default() };
        assert_eq!(reason(&few, &RULES), "Insufficient samples: 412/1000");
        assert_eq!(reason(&few, &forced), "Insufficient samples: 412/1000");
        assert_eq!(reason(&Stock { total: 999, ..full.clone() }, &forced), "Insufficient samples: 999/1000");
        assert_eq!(reason(&full, &RULES), "No drift, and no schedule is due");
        let again = Stock { drift: drift(), days_since_version: Some(3.9), ..full.clone() };
        let too_soon = "The last version is 3 days old, and at most one is begun in 7 days";
        assert_eq!(reason(&again, &RULES), too_soon);
        let daily = Rules { every_days: 1.0, ..RULES };
        assert_eq!(reason(&Stock { drift: None, ..again.clone() }, &daily), too_soon);
        assert_eq!(reason(&again, &forced), r#"{"reason":"forced"}"#);
    }

    #[test]
    fn drift_the_calendar_or_a_person_begin_a_version() {
        let full = Stock { total: 1_000, ..Stock::default() };
        let drifted = Stock { drift: drift(), days_since_version: Some(7.0), ..full.clone() };
        assert_eq!(reason(&drifted, &RULES), r#"{"reason":"drift","drift_metric_id":"d1"}"#);
        let monthly = Rules { every_days: 30.0, ..RULES };
        let after = |days| Stock { days_since_version: days, ..full.clone() };
        assert_eq!(reason(&after(Some(30.0)), &monthly), r#"{"reason":"schedule"}"#);
        assert_eq!(reason(&after(Some(29.9)), &monthly), "No drift, and no schedule is due");
        assert_eq!(reason(&after(None), &monthly), r#"{"reason":"schedule"}"#);
        assert_eq!(reason(&after(Some(f64::NAN)), &monthly), "No drift, and no schedule is due");
        assert_eq!(reason(&full, &Rules { forced: true, ..RULES }), r#"{"reason":"forced"}"#);
    }

    proptest! {
        #[test]
        fn nothing_begins_too_early(
            total in 0_u64..2_000,
            unfinished in any::<bool>(),
            days in prop::option::of(0.0..60.0),
            drifted in any::<bool>(),
            every_days in 0.0..40.0,
            forced in any::<bool>(),
        ) {
            let stock = Stock {
                total,
                unfinished: unfinished.then(|| ("v1".to_owned(), "pending".to_owned())),
                days_since_version: days,
                drift: drift().filter(|_| drifted),
            };
            let rules = Rules { min_samples: 1_000, every_days, forced };
            if let Decision::Train { why } = decide(&stock, &rules) {
                prop_assert!(!unfinished && total >= 1_000);
                prop_assert!(forced || days.is_none_or(|days| days >= DAYS_BETWEEN));
                prop_assert_eq!(forced, why == Why::Forced);
                prop_assert!(forced || drifted || every_days > 0.0);
            }
        }
    }
}
