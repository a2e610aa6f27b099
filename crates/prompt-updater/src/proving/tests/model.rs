//! A model that does as it is told.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
};

use pawl_core::{
    evaluation::ClaimedScore,
    proof::attacks::{ATTACKS, Attack},
    usage::Usage,
};
use pawl_model::{
    Answer, AnswerPair, Better, Chat, ChatRequest, CompareRequest, Comparer, Comparison, Judge, JudgeRequest,
    Judgement, ModelError, Spent, Unanswered,
};
use serde_json::json;

use super::NOW_MS;

/// What every request costs.
pub(crate) const USAGE: Usage =
    Usage { input_tokens: 5, output_tokens: 4, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };

/// Answers with the first word of the message and the length of the prompt, prefers and scores by what it is told.
#[derive(Default)]
pub(crate) struct Model {
    /// By a part of the question: what comes of asking it, once each.
    pub(crate) faults: RefCell<Vec<(&'static str, ModelError)>>,
    /// What comes of the next comparisons and judgements, whatever they ask.
    pub(crate) judge_faults: RefCell<VecDeque<Option<ModelError>>>,
    /// Questions about which the judge says nothing, so many times.
    pub(crate) silent_about: RefCell<BTreeMap<&'static str, usize>>,
    /// Does not see through attacks.
    pub(crate) gullible: Cell<bool>,
    /// Prefers what stands first, whatever it is.
    pub(crate) prefers_first: Cell<bool>,
    pub(crate) prefers_old: Cell<bool>,
    /// How long an answer takes.
    pub(crate) takes_ms: Cell<f64>,
    pub(crate) chats: RefCell<Vec<(String, String)>>,
    /// With which model each question was asked, and where.
    pub(crate) at: RefCell<Vec<(String, Option<String>)>>,
    /// An address where nothing answers, and what comes of asking.
    pub(crate) gone: RefCell<Option<(&'static str, ModelError)>>,
    /// How many earlier exchanges each question came with.
    pub(crate) histories: RefCell<Vec<usize>>,
    pub(crate) compared: RefCell<Vec<Vec<(String, String, String)>>>,
    pub(crate) judged: RefCell<Vec<(String, Vec<String>)>>,
    in_flight: Cell<usize>,
    pub(crate) most_in_flight: Cell<usize>,
}

impl Model {
    /// In flight while others are sent.
    async fn flies(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        tokio::task::yield_now().await;
        self.in_flight.set(self.in_flight.get() - 1);
        NOW_MS.set(NOW_MS.get() + self.takes_ms.get());
    }

    fn fault_of(&self, text: &str) -> Option<ModelError> {
        let mut faults = self.faults.borrow_mut();
        let place = faults.iter().position(|(part, _)| text.contains(part))?;
        Some(faults.remove(place).1)
    }
}

fn unanswered(error: ModelError) -> Unanswered {
    Unanswered { error, spent: Some(Spent { model: "simulated/failing".into(), usage: USAGE }) }
}

impl Chat for Model {
    async fn answer(&self, request: ChatRequest<'_>, _on_text: &mut dyn FnMut(&str)) -> Result<Answer, Unanswered> {
        self.chats.borrow_mut().push((request.system_prompt.to_owned(), request.message.to_owned()));
        self.at.borrow_mut().push((request.model.to_owned(), request.base_url.map(str::to_owned)));
        self.histories.borrow_mut().push(request.history.len());
        assert!(request.instructions.is_none(), "both versions are asked without learned instructions");
        self.flies().await;
        if let Some(fault) = self.fault_of(&format!("{} | {}", request.system_prompt, request.message)) {
            return Err(unanswered(fault));
        }
        if let Some((_, fault)) = self.gone.borrow().clone().filter(|(at, _)| request.base_url == Some(at)) {
            return Err(Unanswered::from(fault));
        }
        let text = format!("{} by {}", request.message, request.system_prompt);
        let model = format!("simulated/{}", request.model);
        Ok(Answer { text, model, stop_reason: "end_turn".into(), usage: USAGE })
    }
}

impl Comparer for Model {
    async fn compare(&self, request: CompareRequest<'_>) -> Result<Comparison, Unanswered> {
        let said =
            |pair: &AnswerPair<'_>| (pair.user_message.to_owned(), pair.first.to_owned(), pair.second.to_owned());
        self.compared.borrow_mut().push(request.pairs.iter().map(said).collect());
        self.flies().await;
        if let Some(fault) = self.judge_faults.borrow_mut().pop_front().flatten() {
            return Err(unanswered(fault));
        }
        let verdicts = request.pairs.iter().map(|pair| {
            let mut silent = self.silent_about.borrow_mut();
            if let Some(left) = silent.get_mut(pair.user_message).filter(|left| **left > 0) {
                *left -= 1;
                return None;
            }
            Some(if self.prefers_first.get() {
                Better::First
            } else if let Some(attack) = ATTACKS.iter().find(|a: &&Attack| a.message == pair.user_message) {
                if (pair.first == attack.attack) == self.gullible.get() { Better::First } else { Better::Second }
            } else if pair.first.ends_with("Give reasons.") != self.prefers_old.get() {
                Better::First
            } else {
                Better::Second
            })
        });
        Ok(Comparison { verdicts: verdicts.collect(), model: "simulated/judge".into(), usage: USAGE })
    }
}

impl Judge for Model {
    async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
        let answers: Vec<_> = request.exchanges.iter().map(|e| e.answer.clone()).collect();
        self.judged.borrow_mut().push((request.system_prompt.to_owned(), answers));
        self.flies().await;
        if let Some(fault) = self.judge_faults.borrow_mut().pop_front().flatten() {
            return Err(unanswered(fault));
        }
        let scores = request.exchanges.iter().map(|exchange| {
            let mut silent = self.silent_about.borrow_mut();
            if let Some(left) = silent.get_mut(exchange.user_message.as_str()).filter(|left| **left > 0) {
                *left -= 1;
                return Vec::new();
            }
            let is_attack = ATTACKS.iter().any(|a| a.attack == exchange.answer);
            let is_good = !is_attack && !exchange.answer.contains("poor");
            let evidence = exchange.user_message.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
            vec![ClaimedScore { criterion: "depth".into(), score: if is_good { 5 } else { 2 }, evidence }]
        });
        Ok(Judgement {
            scores: scores.collect(),
            strengths: Vec::new(),
            weaknesses: Vec::new(),
            patterns: Vec::new(),
            model: "simulated/judge".into(),
            usage: USAGE,
            raw: json!({}),
        })
    }
}
