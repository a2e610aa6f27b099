//! Whether a version of a model is to be begun, and of what its dataset is made.

use pawl_core::training::{
    balance,
    decide::{self, Decision, Drifted, Rules},
};
use pawl_store::training::{Filters, FindStock, ModelVersion, OpenVersion, Status, Stock, Training};

use crate::{
    host::Host,
    running::{Bench, Stop},
};

/// Percent of the questions on which the trainer measures, and does not train.
const HELD_OUT_PERCENT: u32 = 10;
const NO_PROMPT: &str = "The assistant has no live prompt";

/// What came of deciding.
pub enum Begun {
    /// This version; it may be somebody else's.
    Version(Box<ModelVersion>),
    /// None, and why.
    Not(String),
    /// One would be begun, and nobody is there to train it.
    NoTrainer,
}

/// Counts what there is, decides, and begins a version.
pub async fn begin<S: Training, H: Host>(bench: &Bench<'_, S, H>) -> Result<Begun, Stop> {
    let (holder, assistant_id, settings) = (bench.holder, bench.about.assistant_id, bench.settings);
    let found = bench.store.training_stock(holder, assistant_id, settings.quality).await?;
    let FindStock::Ok(stock) = found else { return Err(Stop::LeaseLost) };
    let rules = Rules { min_samples: settings.min_samples, every_days: settings.every_days, forced: bench.force };
    let why = match decide::decide(&seen(&stock), &rules) {
        Decision::Train { why } => why,
        Decision::Not { reason } => return Ok(Begun::Not(reason)),
    };
    if settings.webhook_url.is_none() {
        return Ok(Begun::NoTrainer);
    }
    let kept = balance(&stock.types, settings.min_samples).into_iter().filter(|kept| kept.fraction < 1.0);
    let filters = Filters {
        quality: settings.quality,
        keep: kept.map(|kept| (kept.question_type, kept.fraction)).collect(),
        held_out_percent: HELD_OUT_PERCENT,
    };
    Ok(match bench.store.open_model_version(holder, assistant_id, &why, &filters).await? {
        OpenVersion::Ok { version } | OpenVersion::Unfinished { version } => Begun::Version(Box::new(version)),
        OpenVersion::NoActivePrompt => Begun::Not(NO_PROMPT.to_owned()),
        OpenVersion::LeaseLost => return Err(Stop::LeaseLost),
    })
}

fn seen(stock: &Stock) -> decide::Stock {
    decide::Stock {
        total: stock.total,
        // Whoever decides holds the lease and was handed none.
        unfinished: None,
        days_since_version: stock.last_version_at.as_ref().and_then(|at| stock.as_of.days_since(at)),
        drift: stock.drift.as_ref().map(|alert| Drifted { id: alert.id.to_string() }),
    }
}

/// What is said of a version that is with the trainer, or in its test.
pub fn in_hand(version: &ModelVersion) -> String {
    let unfinished = Some((version.version.clone(), version.status.code().to_owned()));
    let stock = decide::Stock { unfinished, ..decide::Stock::default() };
    match decide::decide(&stock, &Rules { min_samples: 0, every_days: 0.0, forced: false }) {
        Decision::Not { reason } => reason,
        Decision::Train { .. } => String::new(),
    }
}

/// What is said of a version that stands elsewhere than it stood.
pub fn elsewhere(version: &ModelVersion, status: Status) -> String {
    format!("Version {} is {}", version.version, status.code())
}

/// What is said where there is too little to train on.
pub fn insufficient(samples: u64, needed: u64) -> String {
    format!("Insufficient samples: {samples}/{needed}")
}
