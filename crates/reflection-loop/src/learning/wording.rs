//! Having a model word what is worth trying, under the guards that hold for prompts.

use std::time::Duration;

use pawl_core::{
    learning::{discovery::MOST_A_RUN, plan::Wanted},
    prompt_guard::Guard,
    tokens,
};
use pawl_edge::{
    deadline::Deadline,
    log::{self, Level},
};
use pawl_model::{Patience, Phrase, PhraseRequest, Phraser};
use pawl_store::{
    learning::{Candidate, Examples, FindExamples, Learning},
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

/// Most characters of an instruction, and most estimated tokens: three of the longest still fit into a prompt together.
const MAX_CHARACTERS: usize = 300;
const MAX_TOKENS: usize = 150;
/// How long the model may take, and say nothing, for one.
const PATIENCE: Patience =
    Patience { total: Duration::from_secs(20), silence: Duration::from_secs(10), begun_is_final: false };
/// Another one is asked for only with this much time left: for two tries and for recording the run.
const NEEDS: Duration = Duration::from_secs(60);

/// Most that are tried to be worded in a run: what cannot be worded must not keep others from it, nor cost without end.
const MOST_TRIES: usize = 6;

/// Words what is wanted, the most promising first, until there are enough for a run. What cannot be worded now, or not
/// within the guards, is left: the next run wants it again. Nothing here keeps a run from being recorded.
pub async fn word<S: Learning + UsageLedger, P: Phraser>(
    assistant_id: Uuid,
    model: &str,
    wanted: Vec<Wanted>,
    deadline: &Deadline,
    store: &S,
    phraser: &P,
) -> Vec<Candidate> {
    let (mut candidates, mut tries) = (Vec::new(), 0);
    for wanted in wanted {
        if candidates.len() == MOST_A_RUN || tries == MOST_TRIES || !deadline.has(NEEDS) {
            break;
        }
        let examples = match store.examples(assistant_id, &wanted).await {
            Ok(FindExamples::Ok(examples)) => examples,
            Ok(FindExamples::NoActivePrompt) => break,
            Err(fault) => {
                log::event(Level::Warn, "pattern_not_worded", &[("cause", fault.cause().into())]);
                break;
            }
        };
        if examples.examples.is_empty() {
            continue; // nobody liked one that is still there
        }
        tries += 1;
        if let Some(phrase) = phrase_within_guards(model, &wanted, &examples, store, phraser).await {
            candidates.push(Candidate {
                wanted,
                pattern_type: phrase.pattern_type,
                instruction: phrase.instruction,
                feedback_ids: examples.feedback_ids,
                model: phrase.model,
            });
        }
    }
    candidates
}

/// Two tries; the second hears what was wrong with the first.
async fn phrase_within_guards<S: UsageLedger, P: Phraser>(
    model: &str,
    wanted: &Wanted,
    examples: &Examples,
    store: &S,
    phraser: &P,
) -> Option<Phrase> {
    let mut violations = Vec::new();
    for _ in 0..2 {
        let request = PhraseRequest {
            model,
            question_type: &wanted.question_type,
            characteristic: (&wanted.dimension, &wanted.value),
            examples: &examples.examples,
            max_characters: MAX_CHARACTERS,
            violations: &violations,
            patience: PATIENCE,
        };
        let result = phraser.phrase(request).await;
        let spent = match &result {
            Ok(phrase) => Some((&phrase.model, phrase.usage)),
            Err(unanswered) => unanswered.spent.as_ref().map(|spent| (&spent.model, spent.usage)),
        };
        if let Some((model, usage)) = spent
            && let Err(fault) = store.record_usage(examples.prompt_id, Purpose::Phrase, model, usage).await
        {
            log::event(Level::Warn, "usage_not_recorded", &[("cause", fault.cause().into())]);
        }
        match result {
            Ok(phrase) => {
                violations = violations_of(&phrase.instruction, examples);
                if violations.is_empty() {
                    return Some(phrase);
                }
            }
            Err(unanswered) => {
                log::event(Level::Warn, "pattern_not_worded", &[("cause", unanswered.error.code().into())]);
                return None;
            }
        }
    }
    log::event(Level::Warn, "pattern_not_worded", &[("cause", "guards".into())]);
    None
}

/// What keeps an instruction from being shown to a model.
fn violations_of(instruction: &str, examples: &Examples) -> Vec<String> {
    // Answers repeat what people say, and what tools found about them.
    let answers = examples.examples.iter().map(|example| &example.answer);
    let texts: Vec<String> = examples.user_messages.iter().chain(answers).cloned().collect();
    let guard = Guard {
        current: &examples.current_prompt,
        protected_clauses: &examples.protected_clauses,
        user_messages: &texts,
    };
    let mut found = Vec::new();
    if instruction.is_empty() {
        found.push("the instruction is empty".to_owned());
    }
    let characters = instruction.chars().count();
    if characters > MAX_CHARACTERS || tokens::estimate(instruction) > MAX_TOKENS {
        found.push(format!("the instruction is too long, with {characters} characters"));
    }
    found.extend(guard.taken_from_users(instruction).iter().map(|v| v.to_string().replace("the prompt", "it")));
    found
}
