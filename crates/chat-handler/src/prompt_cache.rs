//! What this isolate has read of what serves turns: prompt texts with the addresses of their own models, and sets of
//! learned patterns. A text and an address are immutable under the version's id, a set under its assistant and revision;
//! so nothing expires, and a change or a rollback is instant: it changes which id or revision a turn is given.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use pawl_store::{serving::Pattern, turns::Turn};
use uuid::Uuid;

/// Most versions kept, and most sets; the least recently used one goes first.
const CAPACITY: usize = 64;

/// A version as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub assistant_id: Uuid,
    /// Its number.
    pub version: i32,
    /// Its text.
    pub content: String,
    /// The model that answered with it when it was read: its own, or what the assistant's settings named.
    pub model: String,
    /// Where that is, if the model is its own.
    pub base_url: Option<String>,
}

impl Prompt {
    /// The model that is to answer a turn with this version. The settings' is as the turn has it; but a turn that
    /// another version was to serve has that one's, which may be nowhere but at an address that could not be read.
    pub fn model<'a>(&'a self, turn: &'a Turn) -> &'a str {
        if self.base_url.is_none() && self.id == turn.prompt_id { &turn.model } else { &self.model }
    }
}

/// The patterns that were live when they were read.
#[derive(Debug, PartialEq, Default)]
pub struct Patterns {
    /// Whose they are.
    pub assistant_id: Uuid,
    /// Which set it is.
    pub revision: i64,
    /// The set.
    pub live: Vec<Pattern>,
}

/// What is kept, least recently used first.
#[derive(Debug, Default)]
pub struct PromptCache {
    prompts: RefCell<VecDeque<Rc<Prompt>>>,
    patterns: RefCell<VecDeque<Rc<Patterns>>>,
}

impl PromptCache {
    /// The version with this id.
    pub fn get(&self, id: Uuid) -> Option<Rc<Prompt>> {
        touch(&self.prompts, |p| p.id == id)
    }

    /// The version of this assistant that was used last: what stands in when the right one cannot be read.
    pub fn latest_of(&self, assistant_id: Uuid) -> Option<Rc<Prompt>> {
        touch(&self.prompts, |p| p.assistant_id == assistant_id)
    }

    /// Keeps a version.
    pub fn insert(&self, prompt: Prompt) -> Rc<Prompt> {
        // Two turns may have missed it at once.
        self.get(prompt.id).unwrap_or_else(|| keep(&self.prompts, prompt))
    }

    /// The assistant's patterns of this revision. Before the first there is nothing to read. No other set stands in for
    /// one that cannot be read: what was taken back must not be told any more.
    pub fn patterns(&self, assistant_id: Uuid, revision: i64) -> Option<Rc<Patterns>> {
        if revision == 0 {
            return Some(Rc::default());
        }
        touch(&self.patterns, |set| set.assistant_id == assistant_id && set.revision == revision)
    }

    /// Keeps a set, in the place of the assistant's other one.
    pub fn insert_patterns(&self, set: Patterns) -> Rc<Patterns> {
        if touch(&self.patterns, |kept| kept.assistant_id == set.assistant_id).is_some() {
            // It is the last one now.
            self.patterns.borrow_mut().pop_back();
        }
        keep(&self.patterns, set)
    }
}

fn keep<T>(all: &RefCell<VecDeque<Rc<T>>>, one: T) -> Rc<T> {
    let one = Rc::new(one);
    let mut kept = all.borrow_mut();
    if kept.len() == CAPACITY {
        kept.pop_front();
    }
    kept.push_back(Rc::clone(&one));
    one
}

fn touch<T>(all: &RefCell<VecDeque<Rc<T>>>, is_meant: impl Fn(&T) -> bool) -> Option<Rc<T>> {
    let mut kept = all.borrow_mut();
    let one = kept.iter().rposition(|one| is_meant(one)).and_then(|i| kept.remove(i))?;
    kept.push_back(Rc::clone(&one));
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(id: u128, assistant: u128) -> Prompt {
        Prompt {
            id: Uuid::from_u128(id),
            assistant_id: Uuid::from_u128(assistant),
            version: 1,
            content: String::new(),
            model: String::new(),
            base_url: None,
        }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = PromptCache::default();
        (0..CAPACITY as u128).for_each(|i| drop(cache.insert(prompt(i, i))));
        assert!(cache.get(Uuid::from_u128(0)).is_some());
        cache.insert(prompt(1000, 1000));
        assert!(cache.get(Uuid::from_u128(0)).is_some());
        assert!(cache.get(Uuid::from_u128(1)).is_none());
        assert_eq!(cache.prompts.borrow().len(), CAPACITY);
    }

    #[test]
    fn a_version_is_kept_once() {
        let cache = PromptCache::default();
        cache.insert(prompt(1, 1));
        cache.insert(prompt(1, 1));
        assert_eq!(cache.prompts.borrow().len(), 1);
    }

    #[test]
    fn the_stand_in_is_the_assistants_own_and_the_last_used() {
        let cache = PromptCache::default();
        for (id, assistant) in [(1, 7), (2, 7), (3, 8)] {
            cache.insert(prompt(id, assistant));
        }
        cache.get(Uuid::from_u128(1));
        assert_eq!(cache.latest_of(Uuid::from_u128(7)).unwrap().id, Uuid::from_u128(1));
        assert!(cache.latest_of(Uuid::from_u128(9)).is_none());
    }

    fn set(assistant: u128, revision: i64) -> Patterns {
        Patterns { assistant_id: Uuid::from_u128(assistant), revision, live: Vec::new() }
    }

    #[test]
    fn one_set_an_assistant_is_kept_and_served_for_its_own_revision_alone() {
        let cache = PromptCache::default();
        for one in [set(7, 1), set(8, 2), set(7, 2)] {
            cache.insert_patterns(one);
        }
        let held = |assistant, revision| cache.patterns(Uuid::from_u128(assistant), revision).map(|set| set.revision);
        assert_eq!((held(7, 1), held(7, 2), held(7, 3)), (None, Some(2), None));
        assert_eq!((held(8, 2), held(9, 2), held(9, 0)), (Some(2), None, Some(0)));
        (0..CAPACITY as u128).for_each(|i| drop(cache.insert_patterns(set(100 + i, 1))));
        assert_eq!(held(7, 2), None);
        assert_eq!(cache.patterns.borrow().len(), CAPACITY);
    }
}
