//! Prompt texts this isolate has read. They are immutable under their ids, so nothing expires, and a rollback is
//! instant: it changes which id a turn is given.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use uuid::Uuid;

/// Most versions kept; the least recently used one goes first.
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
}

/// The versions kept, least recently used first.
#[derive(Debug, Default)]
pub struct PromptCache(RefCell<VecDeque<Rc<Prompt>>>);

impl PromptCache {
    /// The version with this id.
    pub fn get(&self, id: Uuid) -> Option<Rc<Prompt>> {
        self.touch(|p| p.id == id)
    }

    /// The version of this assistant that was used last: what stands in when the right one cannot be read.
    pub fn latest_of(&self, assistant_id: Uuid) -> Option<Rc<Prompt>> {
        self.touch(|p| p.assistant_id == assistant_id)
    }

    /// Keeps a version.
    pub fn insert(&self, prompt: Prompt) -> Rc<Prompt> {
        // Two turns may have missed it at once.
        if let Some(known) = self.get(prompt.id) {
            return known;
        }
        let prompt = Rc::new(prompt);
        let mut kept = self.0.borrow_mut();
        if kept.len() == CAPACITY {
            kept.pop_front();
        }
        kept.push_back(Rc::clone(&prompt));
        prompt
    }

    fn touch(&self, is_meant: impl Fn(&Prompt) -> bool) -> Option<Rc<Prompt>> {
        let mut kept = self.0.borrow_mut();
        let prompt = kept.iter().rposition(|p| is_meant(p)).and_then(|i| kept.remove(i))?;
        kept.push_back(Rc::clone(&prompt));
        Some(prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(id: u128, assistant: u128) -> Prompt {
        Prompt { id: Uuid::from_u128(id), assistant_id: Uuid::from_u128(assistant), version: 1, content: String::new() }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = PromptCache::default();
        (0..CAPACITY as u128).for_each(|i| drop(cache.insert(prompt(i, i))));
        assert!(cache.get(Uuid::from_u128(0)).is_some());
        cache.insert(prompt(1000, 1000));
        assert!(cache.get(Uuid::from_u128(0)).is_some());
        assert!(cache.get(Uuid::from_u128(1)).is_none());
        assert_eq!(cache.0.borrow().len(), CAPACITY);
    }

    #[test]
    fn a_version_is_kept_once() {
        let cache = PromptCache::default();
        cache.insert(prompt(1, 1));
        cache.insert(prompt(1, 1));
        assert_eq!(cache.0.borrow().len(), 1);
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
}
