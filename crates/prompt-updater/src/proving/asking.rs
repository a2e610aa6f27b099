//! Asking the model about many things at a time: in batches, several requests together, and once more about each thing
//! alone of which nothing of use was said.

use std::{future::Future, time::Duration};

use futures_util::future::join_all;
use pawl_edge::deadline::Deadline;
use pawl_model::{ModelError, Spent, Unanswered};

use super::bench::{IN_FLIGHT, is_about_the_text, may_be_of_the_text};

/// Requests are sent only with this much time left.
pub(super) const NEEDS: Duration = Duration::from_secs(30);

/// What one request came to: something, or nothing of use, about each thing it asked about; and what it cost.
pub(super) type Reply<V> = Result<(Vec<Option<V>>, Spent), Unanswered>;

/// What the model said about things.
pub(super) struct Heard<V> {
    /// About each: `None` where it was not asked to the end, for want of time or for a fault; `Some(None)` where it was
    /// asked twice and said nothing of use.
    pub(super) said: Vec<Option<Option<V>>>,
    /// What that cost.
    pub(super) spent: Vec<Spent>,
    /// Why it cannot be asked any more.
    pub(super) fault: Option<ModelError>,
}

/// Asks about `count` things, in these batches of their places.
pub(super) async fn ask_twice<V: Copy, F: Future<Output = Reply<V>>>(
    count: usize,
    batches: Vec<Vec<usize>>,
    deadline: &Deadline,
    ask: impl Fn(Vec<usize>) -> F,
) -> Heard<V> {
    let mut heard = Heard { said: vec![None; count], spent: Vec::new(), fault: None };
    heard.ask(&batches, false, deadline, &ask).await;
    let left_out = |heard: &Heard<V>| -> Vec<Vec<usize>> {
        let places = heard.said.iter().enumerate().filter(|(_, said)| said.is_none());
        places.map(|(place, _)| vec![place]).collect()
    };
    let alone = left_out(&heard);
    heard.ask(&alone, true, deadline, &ask).await;
    heard
}

impl<V: Copy> Heard<V> {
    /// One round; the last one settles what nothing of use is said about.
    async fn ask<F: Future<Output = Reply<V>>>(
        &mut self,
        batches: &[Vec<usize>],
        last: bool,
        deadline: &Deadline,
        ask: &impl Fn(Vec<usize>) -> F,
    ) {
        for together in batches.chunks(IN_FLIGHT) {
            if self.fault.is_some() || !deadline.has(NEEDS) {
                return;
            }
            let replies = join_all(together.iter().map(|places| ask(places.clone()))).await;
            let (mut of_one, mut unsettled) = (None, Vec::<usize>::new());
            for (places, reply) in together.iter().zip(replies) {
                let said = match reply {
                    Ok((said, spent)) => {
                        self.spent.push(spent);
                        said
                    }
                    Err(Unanswered { error, spent }) => {
                        self.spent.extend(spent);
                        if may_be_of_the_text(&error) {
                            of_one = Some(error);
                            unsettled.extend(places);
                            continue;
                        } else if !is_about_the_text(&error) {
                            self.fault = Some(error);
                            continue;
                        }
                        Vec::new()
                    }
                };
                let said = said.into_iter().chain(std::iter::repeat(None));
                for (place, said) in places.iter().zip(said) {
                    if let Some(slot) = self.said.get_mut(*place).filter(|_| said.is_some() || last) {
                        *slot = Some(said);
                    }
                }
            }
            if last && self.said.iter().flatten().any(Option::is_some) {
                // Of others the model said something: what it could not handle was this.
                for place in unsettled {
                    self.said.get_mut(place).into_iter().for_each(|slot| *slot = Some(None));
                }
            } else if last {
                self.fault = self.fault.take().or(of_one);
            }
        }
    }
}

/// Places 0, 1, … in batches of at most so many, and of at most this cost together; what is bigger than that goes alone.
pub(super) fn batches(costs: impl IntoIterator<Item = usize>, most: usize, budget: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut left = 0;
    for (place, cost) in costs.into_iter().enumerate() {
        match batches.last_mut().filter(|batch| batch.len() < most && cost <= left) {
            Some(batch) => {
                batch.push(place);
                left -= cost;
            }
            None => {
                batches.push(vec![place]);
                left = budget.saturating_sub(cost);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_so_many_and_costs_so_much() {
        assert_eq!(batches([1, 1, 1, 1, 1], 2, 100), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(batches([40, 60, 1, 500, 1], 10, 100), [vec![0, 1], vec![2], vec![3], vec![4]]);
        assert!(batches([], 10, 100).is_empty());
    }
}
