//! Reactions: what is wrong with them, and storing the others in one call.

use pawl_edge::{
    ApiError, Request, Response,
    log::{self, Level},
};
use pawl_store::feedback::{CollectFeedback, FeedbackLedger, Reaction, Refused};
use uuid::Uuid;

use crate::{
    error::Error,
    wire::{self, CollectResponse, Problem, Reactions, Report},
};

/// Stores what is good of what was reported, and says what is not. Where nothing is, the database is not asked.
pub async fn collect(request: &Request, request_id: &str, store: &impl FeedbackLedger) -> Result<Response, Error> {
    let Report { user_id, reactions } = wire::read(request)?;
    let (stored, unchanged, errors) = match reactions {
        Reactions::One(reaction) => {
            let (stored, unchanged, refused) = keep(&[reaction], user_id, store).await?;
            if let Some(Refused { code, .. }) = refused.first() {
                return Err(Error::Refused(*code));
            }
            (stored, unchanged, Vec::new())
        }
        Reactions::Many { good, bad } if good.is_empty() => (0, 0, bad),
        Reactions::Many { good, mut bad } => {
            let (stored, unchanged, refused) = keep(&good, user_id, store).await?;
            let told = |one: Refused| Problem::new(one.index, ApiError::from(Error::Refused(one.code)));
            bad.extend(refused.into_iter().map(told));
            bad.sort_by_key(|problem| problem.index);
            (stored, unchanged, bad)
        }
    };
    let fields = [
        ("request_id", request_id.into()),
        ("stored", stored.into()),
        ("unchanged", unchanged.into()),
        ("refused", errors.len().into()),
    ];
    log::event(Level::Info, "feedback_collected", &fields);
    Ok(Response::json(200, &CollectResponse { stored, unchanged, errors, request_id }))
}

async fn keep(
    reactions: &[Reaction],
    user_id: Option<Uuid>,
    store: &impl FeedbackLedger,
) -> Result<(u32, u32, Vec<Refused>), Error> {
    match store.collect_feedback(reactions, user_id).await? {
        CollectFeedback::Ok { stored, unchanged, errors } => Ok((stored, unchanged, errors)),
        CollectFeedback::Unauthorized => Err(Error::Unauthorized),
        CollectFeedback::UserRequired => Err(Error::UserRequired),
        CollectFeedback::UserNotAllowed => Err(Error::UserNotAllowed),
    }
}

#[cfg(test)]
mod tests;
