//! What serves a turn: the prompt's text, and of what its assistant has learned what this turn is told.

use std::rc::Rc;

use pawl_core::{characteristics, selection};
use pawl_edge::log::{self, Level};
use pawl_store::{
    StoreError,
    serving::{Exposure, ServingContext},
    turns::{Learning, Traits, Turn, TurnLedger},
};
use uuid::Uuid;

use crate::{
    error::Error,
    prompt_cache::{Patterns, Prompt, PromptCache},
    turn::{as_service, traits},
    wire::ChatRequest,
};

/// What a turn is told of what was learned.
pub struct Told {
    /// To stand after the prompt.
    pub instructions: Option<String>,
    /// The patterns that applied.
    pub exposures: Vec<Exposure>,
}

impl Told {
    /// Of these patterns, those that apply to the message and that the turn's coins show.
    pub fn of(turn: &Turn, message: &ChatRequest, patterns: &Patterns) -> Self {
        let live = patterns.live.iter().map(|pattern| selection::Pattern {
            id: pattern.id.as_u128(),
            question_type: &pattern.question_type,
            data_source: pattern.data_source.as_deref(),
            instruction: &pattern.instruction,
            confidence: pattern.confidence,
            influence: pattern.influence,
        });
        let Traits { question_type, data_source, .. } = traits(message);
        let chosen = selection::select(turn.turn_id.as_u128(), question_type.unwrap_or_default(), data_source, live);
        let exposures = chosen.exposures.iter().map(|one| Exposure {
            pattern_id: Uuid::from_u128(one.pattern_id),
            shown: one.shown,
            propensity: one.propensity,
        });
        Self { exposures: exposures.collect(), instructions: chosen.instructions }
    }
}

/// What can be learned from an answer.
pub fn learning<'a>(answer: &str, exposures: &'a [Exposure]) -> Learning<'a> {
    Learning {
        response_format: characteristics::response_format(answer),
        length_class: characteristics::length_class(answer),
        answer_characters: u32::try_from(answer.chars().count()).unwrap_or(u32::MAX),
        exposures,
    }
}

/// The text of the version that is to serve the turn, and what its assistant has learned; one call for both, and none
/// for what this isolate holds. When the text cannot be read, one of this assistant's that it still holds serves
/// instead: a turn that has begun is better answered by the version before than not at all. And better without what was
/// learned.
pub async fn find(
    turn: &Turn,
    request_id: &str,
    service: &impl TurnLedger,
    held: &PromptCache,
) -> Result<(Rc<Prompt>, Rc<Patterns>), Error> {
    let prompt = held.get(turn.prompt_id);
    let patterns = held.patterns(turn.assistant_id, turn.patterns_revision);
    if let (Some(prompt), Some(patterns)) = (&prompt, &patterns) {
        return Ok((Rc::clone(prompt), Rc::clone(patterns)));
    }
    let fault = match read(turn, service, held).await {
        Ok(both) => return Ok(both),
        Err(fault) => fault,
    };
    let prompt = match (prompt, &fault) {
        // Nor could the answer be stored.
        (_, StoreError::Unauthenticated | StoreError::Forbidden) => return Err(as_service(fault)),
        (Some(prompt), _) => prompt,
        (None, StoreError::Unavailable(_)) => held.latest_of(turn.assistant_id).ok_or(fault.clone())?,
        (None, _) => return Err(fault.into()),
    };
    Ok((prompt, patterns.unwrap_or_else(|| without_patterns(&fault, request_id))))
}

/// What the turn's assistant has learned, for a turn that has its prompt: read where this isolate does not hold it, and
/// done without where it cannot be read.
pub async fn patterns(
    turn: &Turn,
    request_id: &str,
    service: &impl TurnLedger,
    held: &PromptCache,
) -> Result<Rc<Patterns>, Error> {
    if let Some(patterns) = held.patterns(turn.assistant_id, turn.patterns_revision) {
        return Ok(patterns);
    }
    match read(turn, service, held).await {
        Ok((_, patterns)) => Ok(patterns),
        Err(fault @ (StoreError::Unauthenticated | StoreError::Forbidden)) => Err(as_service(fault)),
        Err(fault) => Ok(without_patterns(&fault, request_id)),
    }
}

/// Reads both, and keeps them.
async fn read(
    turn: &Turn,
    service: &impl TurnLedger,
    held: &PromptCache,
) -> Result<(Rc<Prompt>, Rc<Patterns>), StoreError> {
    let ServingContext::Ok { version, content, endpoint, patterns_revision, patterns } =
        service.serving_context(turn.prompt_id).await?
    else {
        return Err(StoreError::Unexpected("prompt_not_found".into()));
    };
    let (id, assistant_id) = (turn.prompt_id, turn.assistant_id);
    let (model, base_url) = match endpoint {
        Some(own) => (own.model, Some(own.base_url)),
        None => (turn.model.clone(), None),
    };
    let prompt = held.insert(Prompt { id, assistant_id, version, content, model, base_url });
    let set = Patterns { assistant_id, revision: patterns_revision, live: patterns };
    Ok((prompt, held.insert_patterns(set)))
}

fn without_patterns(fault: &StoreError, request_id: &str) -> Rc<Patterns> {
    let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
    log::event(Level::Warn, "patterns_not_read", &fields);
    Rc::default()
}

#[cfg(test)]
mod tests;
