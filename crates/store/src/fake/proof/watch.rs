//! The watch over the live version.

use chrono::{DateTime, Utc};
use pawl_core::proof::{Agreement, Case, Kind, Observations, Ruling, Vote};
use uuid::Uuid;

use crate::{
    fake::{Log, Prompt, State, StoredReaction, Suggested, reflections::write},
    feedback::{Signal, Source},
    proof::{Live, RollBack, WatchLook},
};

impl State {
    /// The version that the live one took over from, as `pawl.version_before` has it: its id and number.
    pub(crate) fn version_before(&self, assistant_id: Uuid) -> Option<(Uuid, i32)> {
        let live = self.live_prompt(assistant_id)?;
        let switched = self.switches.iter().rfind(|(of, _, to)| *of == assistant_id && *to == live.version);
        let parent = live.previous_id.and_then(|id| self.prompt(id)).map(|p| p.version);
        let before = switched.and_then(|(_, from, _)| *from).or(parent)?;
        let ours = self.prompts.iter().find(|p| p.assistant_id == assistant_id && p.version == before);
        ours.map(|p| (p.id, p.version))
    }

    /// Thumbs that stand on a version's answers, oldest first: up, and when.
    fn votes_on(&self, prompt_id: Uuid) -> Vec<(Uuid, bool, DateTime<Utc>)> {
        let theirs = |r: &&StoredReaction| r.source == Source::User && r.superseded_at.is_none();
        let on_it = |id: Uuid| {
            self.turns.iter().any(|t| t.prompt_id == prompt_id && t.answer.as_ref().is_some_and(|a| a.id == id))
        };
        let thumbs = self.reactions.iter().filter(theirs).filter_map(|r| match r.signal {
            Signal::ThumbsUp => Some((r.message_id, true, r.created_at)),
            Signal::ThumbsDown => Some((r.message_id, false, r.created_at)),
            _ => None,
        });
        let mut votes: Vec<_> = thumbs.filter(|(id, ..)| on_it(*id)).collect();
        let place = |id: Uuid| self.turns.iter().position(|t| t.answer.as_ref().is_some_and(|a| a.id == id));
        votes.sort_by_key(|(id, ..)| place(*id));
        votes
    }

    /// As `pawl_watch_look`; `None` where there is nothing to watch.
    pub(super) fn watch_look(&self, assistant_id: Uuid, now: DateTime<Utc>) -> Option<WatchLook> {
        let live = self.live_prompt(assistant_id)?;
        let since = live.activated_at?;
        let before = self.version_before(assistant_id);
        let votes: Vec<_> = self.votes_on(live.id).into_iter().filter(|(.., at)| *at >= since).collect();
        if votes.is_empty() {
            return None;
        }
        let earlier = before.map(|(id, _)| self.votes_on(id)).unwrap_or_default();
        let up = earlier.iter().filter(|(_, up, _)| *up).count();
        let why_not = self.hold_back(assistant_id, live.id, now);
        let observations = votes.iter().map(|(id, up, _)| Vote { id: id.to_string(), up: *up }).collect();
        Some(WatchLook::Ok {
            case: Box::new(Case {
                kind: Kind::Watch,
                level: None,
                horizon: None,
                min_days: None,
                max_days: None,
                days: None,
                unit: None,
                agreement: Agreement::default(),
                floor: -1.0,
                before_up: u64::try_from(up).ok(),
                before_n: u64::try_from(earlier.len()).ok(),
                observations: Observations::Votes(observations),
            }),
            live: Live { prompt_id: live.id, since: write(since) },
            acts: why_not.is_none(),
            why_not: why_not.map(str::to_owned),
        })
    }

    /// Why the loop may not take the live version back.
    fn hold_back(&self, assistant_id: Uuid, live_id: Uuid, now: DateTime<Utc>) -> Option<&'static str> {
        let live = self.prompt(live_id)?;
        if self.version_before(assistant_id).is_none() {
            Some("no_version_before")
        } else if !["promote", "force"].contains(&live.came_by.as_str()) {
            Some("by_hand")
        } else if live.locked {
            Some("locked")
        } else if self.assistant(assistant_id).is_some_and(|a| a.settings.is_paused(now)) {
            Some("paused")
        } else {
            None
        }
    }

    /// As `pawl_roll_back`, with `ids` for the receipt, the log row and the escalation.
    pub(super) fn roll_back_by_loop(
        &mut self,
        assistant_id: Uuid,
        looked_at: &Live,
        (case, ruling): (Case, Ruling),
        [receipt_id, log_id, suggestion_id]: [Uuid; 3],
        now: DateTime<Utc>,
    ) -> RollBack {
        let prompt_id = looked_at.prompt_id;
        let is_it =
            |live: &Prompt| live.id == prompt_id && live.activated_at.map(write).as_ref() == Some(&looked_at.since);
        if !self.live_prompt(assistant_id).is_some_and(is_it) {
            let done = self.taken_back.iter().rfind(|(taken, _)| *taken == prompt_id).map(|(_, receipt)| *receipt);
            let live = self.live_prompt(assistant_id).map(|p| p.version);
            return match done.zip(live).filter(|_| self.live_prompt(assistant_id).is_none_or(|p| p.id != prompt_id)) {
                Some((receipt_id, version)) => RollBack::Ok { receipt_id, version },
                None => RollBack::Superseded,
            };
        }
        if let Some(reason) = self.hold_back(assistant_id, prompt_id, now) {
            return RollBack::Held { reason: reason.to_owned() };
        }
        let Some((before, version)) = self.version_before(assistant_id) else { return RollBack::Superseded };
        self.go_live(assistant_id, before, "rollback", "rolled_back", now);
        self.changes += 1;
        self.logs.push(Log::of_rollback(log_id, assistant_id, prompt_id, now));
        self.escalate(assistant_id, suggestion_id);
        self.keep_receipt(assistant_id, None, receipt_id, case, ruling);
        self.taken_back.push((prompt_id, receipt_id));
        RollBack::Ok { receipt_id, version }
    }

    /// Opens an escalation that no reflection asked for.
    pub(super) fn escalate(&mut self, assistant_id: Uuid, id: Uuid) {
        self.suggestions.push(Suggested {
            id,
            assistant_id,
            reflection_id: Uuid::nil(),
            kind: "escalation",
            prompt_id: None,
            status: "pending",
            reviewed_at: None,
        });
    }
}

impl Log {
    /// The row that a rollback leaves.
    pub(crate) fn of_rollback(id: Uuid, assistant_id: Uuid, prompt_id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            id,
            assistant_id,
            created_at: now,
            prompt_id,
            action: None,
            strengths: Vec::new(),
            weaknesses: Vec::new(),
            patterns: Vec::new(),
            judged: Vec::new(),
            update: None,
            update_attempts: 0,
            suggestion: None,
        }
    }
}
