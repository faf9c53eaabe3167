//! The connections of the endpoint. Every local user can open one. Strangers, which have not sent
//! the token, get seconds and a share of the places, and a new stranger takes the place of the one
//! that was silent for longest. No number of them keeps out a client that sends its request at
//! once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::sync::lock;

/// How long a stranger may take for its request.
const STRANGER_TIME: Duration = Duration::from_secs(5);
/// How long a client may be silent between two requests, at least.
const CLIENT_TIME: Duration = Duration::from_secs(10);
/// The most strangers, who have at most half of the places.
const STRANGERS: usize = 256;
/// Each kind has this many places, however few there are.
const LEAST: usize = 2;

/// All open connections.
pub(super) struct Connections {
    strangers: usize,
    clients: usize,
    open: Mutex<Open>,
}

/// Connections by their turn: the first was silent for longest. Without its sender, a connection
/// ends.
#[derive(Default)]
struct Open {
    turns: u64,
    strangers: BTreeMap<u64, oneshot::Sender<()>>,
    clients: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The place of one connection, given back on drop.
pub(super) struct Place {
    all: Arc<Connections>,
    /// Changes with every request that has the token.
    turn: AtomicU64,
}

/// Ready when another connection has taken the place.
pub(super) type Removed = oneshot::Receiver<()>;

impl Connections {
    /// About `places` at a time.
    pub(super) fn new(places: usize) -> Arc<Self> {
        let strangers = (places / 2).clamp(LEAST, STRANGERS);
        Arc::new(Self {
            strangers,
            clients: places.saturating_sub(strangers).max(LEAST),
            open: Mutex::default(),
        })
    }

    /// The place of a new connection, as a stranger.
    pub(super) fn enter(self: &Arc<Self>) -> (Place, Removed) {
        let (sender, removed) = oneshot::channel();
        let mut open = lock(&self.open);
        if open.strangers.len() >= self.strangers {
            open.strangers.pop_first();
        }
        let turn = open.next_turn();
        open.strangers.insert(turn, sender);
        let place = Place {
            all: self.clone(),
            turn: turn.into(),
        };
        (place, removed)
    }

    /// Ends the connection of the stranger that was silent for longest.
    pub(super) fn remove_stranger(&self) {
        lock(&self.open).strangers.pop_first();
    }
}

impl Open {
    fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    fn remove(&mut self, turn: u64) -> Option<oneshot::Sender<()>> {
        let stranger = self.strangers.remove(&turn);
        stranger.or_else(|| self.clients.remove(&turn))
    }
}

impl Place {
    /// The client has sent a request with the token.
    pub(super) fn is_of_client(&self) {
        let mut open = lock(&self.all.open);
        let Some(sender) = open.remove(self.turn()) else {
            return; // removed meanwhile
        };
        if open.clients.len() >= self.all.clients {
            open.clients.pop_first();
        }
        let turn = open.next_turn();
        open.clients.insert(turn, sender);
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// Returns when the connection has to end: its place is taken, or its time is up. A client that
    /// does not read its answers makes no further request, and ends like a silent one.
    pub(super) async fn lost(&self, mut removed: Removed) {
        let mut time = STRANGER_TIME;
        loop {
            let turn = self.turn();
            if timeout(time, &mut removed).await.is_ok() || self.turn() == turn {
                return;
            }
            time = CLIENT_TIME;
        }
    }

    fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.all.open).remove(self.turn());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_removed(removed: &mut Removed) -> bool {
        removed.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn a_new_stranger_takes_the_place_of_the_oldest_and_of_no_client() {
        let all = Connections::new(4);
        let (client, mut of_client) = all.enter();
        client.is_of_client();
        let mut strangers: Vec<_> = (0..5).map(|_| all.enter()).collect();
        let removed: Vec<bool> = strangers.iter_mut().map(|(_, r)| is_removed(r)).collect();
        assert_eq!(removed, [true, true, true, false, false]);
        all.remove_stranger();
        assert!(is_removed(&mut strangers[3].1) && !is_removed(&mut of_client));
        drop(strangers);
        drop(client);
        let open = lock(&all.open);
        assert!(open.strangers.is_empty() && open.clients.is_empty());
    }

    #[test]
    fn a_new_client_takes_the_place_of_the_one_that_was_silent_for_longest() {
        let all = Connections::new(4);
        let enter = || {
            let (place, removed) = all.enter();
            place.is_of_client();
            (place, removed)
        };
        let (mut first, mut second) = (enter(), enter());
        first.0.is_of_client();
        let mut third = enter();
        let removed = [&mut first, &mut second, &mut third].map(|(_, r)| is_removed(r));
        assert_eq!(removed, [false, true, false]);
    }
}
