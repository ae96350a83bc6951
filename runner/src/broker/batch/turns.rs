//! Two lines for one account are never under way at the same time: each would see the other's work as its own failure. They take
//! their turns in the order of the input.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use tokio::sync::oneshot;

/// The accounts that lines are under way for. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Turns(Rc<RefCell<HashMap<String, VecDeque<oneshot::Sender<()>>>>>);

/// A place in an account's queue; the next one's turn comes when this is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    account: String,
    /// Tells when the turn has come; none if it came at once.
    waits: Option<oneshot::Receiver<()>>,
}

impl Turns {
    /// Takes a place. Accounts are the same if their logins differ in case only, as policies match them.
    pub fn take(&self, login: &str) -> Turn {
        let account = login.trim().to_lowercase();
        let mut accounts = self.0.borrow_mut();
        let waits = match accounts.get_mut(&account) {
            Some(queue) => {
                let (come, waits) = oneshot::channel();
                queue.push_back(come);
                Some(waits)
            }
            None => {
                accounts.insert(account.clone(), VecDeque::new());
                None
            }
        };
        drop(accounts);
        Turn { turns: self.clone(), account, waits }
    }
}

impl Turn {
    /// Waits until the turn has come.
    pub async fn come(&mut self) {
        if let Some(waits) = &mut self.waits {
            // The sender is never dropped without a word while this waits.
            let _ = waits.await;
            self.waits = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(mut waits) = self.waits.take() {
            // It leaves the queue; if its turn had come meanwhile, it is passed on.
            if waits.try_recv().is_err() {
                return;
            }
        }
        let mut accounts = self.turns.0.borrow_mut();
        let Some(queue) = accounts.get_mut(&self.account) else { return };
        while let Some(next) = queue.pop_front() {
            if next.send(()).is_ok() {
                return;
            }
        }
        accounts.remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_come(turn: &mut Turn) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(turn.come()).poll(&mut context).is_ready()
    }

    #[test]
    fn lines_for_one_account_take_turns_in_the_order_of_the_input() {
        let turns = Turns::default();
        let mut first = turns.take("Jo@example.test");
        let mut second = turns.take("jo@EXAMPLE.test ");
        let mut third = turns.take("jo@example.test");
        let mut other = turns.take("al@example.test");
        assert!(has_come(&mut first) && has_come(&mut other));
        assert!(!has_come(&mut second) && !has_come(&mut third));
        drop(first);
        assert!(!has_come(&mut third) && has_come(&mut second));
        drop(second);
        assert!(has_come(&mut third));
        drop((third, other));
        assert!(turns.0.borrow().is_empty(), "nothing is kept of accounts that are done");
    }

    #[test]
    fn whoever_gives_up_waiting_is_passed_over() {
        let turns = Turns::default();
        let first = turns.take("jo");
        let second = turns.take("jo");
        let mut third = turns.take("jo");
        drop(second);
        drop(first);
        assert!(has_come(&mut third));
        let fourth = turns.take("jo");
        let mut fifth = turns.take("jo");
        drop(third);
        drop(fourth); // its turn had come, and nobody had looked
        assert!(has_come(&mut fifth));
    }
}
