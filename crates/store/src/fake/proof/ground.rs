//! What tests of other crates begin from: answers and votes, without a chat for each.

use uuid::Uuid;

use crate::{
    fake::{FakeStore, Learned, Session, StoredAnswer, StoredReaction, StoredTraits, StoredTurn},
    feedback::{Signal, Source},
};

impl FakeStore {
    /// Adds answers that the live version gave just now, each in a conversation and to a person of its own: `question i`,
    /// `this is answer i`. The answers' ids.
    pub fn add_answers(&self, assistant_id: Uuid, count: usize) -> Vec<Uuid> {
        (0..count).filter_map(|i| self.add_answer(assistant_id, i)).collect()
    }

    fn add_answer(&self, assistant_id: Uuid, i: usize) -> Option<Uuid> {
        let [user_id, session_id, turn_id, message_id, answer_id] = [(); 5].map(|()| self.draw());
        let now = self.now();
        self.state(|s| {
            let organization_id = s.assistant(assistant_id)?.organization_id;
            let live = s.live_prompt(assistant_id).map(|p| (p.id, p.version))?;
            let text = format!("this is answer {i}");
            s.sessions.push(Session { id: session_id, user_id, organization_id, assistant_id });
            s.turns.push(StoredTurn {
                id: turn_id,
                session_id,
                organization_id,
                user_id,
                prompt_id: live.0,
                message_id,
                message: format!("question {i}"),
                traits: StoredTraits::default(),
                error_code: None,
                attempts: 1,
                lost_attempts: 0,
                lease_expires_at: now,
                answer: Some(StoredAnswer {
                    id: answer_id,
                    created_at: now,
                    model: "claude-sonnet-5-5".to_owned(),
                    stop_reason: None,
                    usage: Default::default(),
                    prompt_version: live.1,
                    tools: Vec::new(),
                    learned: Learned {
                        response_format: "prose".to_owned(),
                        length_class: "short".to_owned(),
                        answer_characters: u32::try_from(text.len()).unwrap_or(u32::MAX),
                        exposures: Vec::new(),
                    },
                    text,
                }),
            });
            Some(answer_id)
        })
    }

    /// Adds answers of the live version as [`FakeStore::add_answers`] does, each with a thumb: up where `votes` says so.
    pub fn add_votes(&self, assistant_id: Uuid, votes: &[bool]) {
        let answers = self.add_answers(assistant_id, votes.len());
        let now = self.now();
        self.state(|s| {
            for (message_id, up) in answers.into_iter().zip(votes) {
                let answered = s.turns.iter().find(|t| t.answer.as_ref().is_some_and(|a| a.id == message_id));
                s.reactions.extend(answered.map(|t| t.user_id).map(|user_id| StoredReaction {
                    message_id,
                    user_id,
                    signal: if *up { Signal::ThumbsUp } else { Signal::ThumbsDown },
                    source: Source::User,
                    value: None,
                    comment: None,
                    metadata: None,
                    created_at: now,
                    superseded_at: None,
                }));
            }
        });
    }
}
