//! Who is connected, and which connection a run's events go to.
//!
//! A connection is *registered* as soon as it exists, so that it can be closed, and *subscribed* once it may receive
//! run events. Answers that concern only the connection itself do not come through here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::events::Event;
use crate::log;
use crate::regress::{Choice, Regression};

/// How long `blocking-start` holds everything up.
const BLOCKED: Duration = Duration::from_millis(500);

/// What a connection's writer is told to do.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(String),
    Close(u16, &'static str),
}

/// Where the events of a run go: to the connection that asked.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) connection_id: String,
    pub(crate) user_id: String,
}

struct Connection {
    jti: String,
    received: u64,
    // Unbounded: a connection has at most one run per thread, and a run some fifty events.
    outbox: mpsc::UnboundedSender<Outgoing>,
}

#[derive(Default)]
struct Table {
    connections: HashMap<String, Connection>,
    subscriptions: Vec<Route>,
    /// The connection that came last; only `last-connection-wins` looks at it.
    newest: Option<String>,
}

/// All connections.
pub(crate) struct Hub {
    table: Mutex<Table>,
    open: watch::Sender<usize>,
    regress: Choice,
}

impl Hub {
    pub(crate) fn new(regress: Choice) -> Hub {
        Hub { table: Mutex::default(), open: watch::Sender::new(0), regress }
    }

    /// No caller leaves the table half changed, so it is good even after a panic.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection; what it must send arrives at the receiver.
    pub(crate) fn register(&self, route: &Route, jti: &str) -> mpsc::UnboundedReceiver<Outgoing> {
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let mut table = self.lock();
        // `blocking-start`: set-up waits while it holds the lock that every connection needs.
        if self.regress.is(Regression::BlockingStart) {
            std::thread::sleep(BLOCKED);
        }
        let connection = Connection { jti: jti.to_owned(), received: 0, outbox };
        table.connections.insert(route.connection_id.clone(), connection);
        table.newest = Some(route.connection_id.clone());
        self.open.send_replace(table.connections.len());
        outgoing
    }

    /// From now on run events reach this connection.
    pub(crate) fn subscribe(&self, route: Route) {
        self.lock().subscriptions.push(route);
    }

    /// Forgets a connection.
    pub(crate) fn unregister(&self, route: &Route) {
        let mut table = self.lock();
        let gone = table.connections.remove(&route.connection_id);
        // `duplicate-after-reconnect`: the subscription stays behind.
        if !self.regress.is(Regression::DuplicateAfterReconnect) {
            table.subscriptions.retain(|subscribed| subscribed.connection_id != route.connection_id);
        }
        self.open.send_replace(table.connections.len());
        drop(table);
        let received = gone.map_or(0, |connection| connection.received);
        log::line(format_args!("{} closed after {received} messages", route.connection_id));
    }

    /// Counts a message of this connection.
    pub(crate) fn received(&self, connection_id: &str) {
        if let Some(connection) = self.lock().connections.get_mut(connection_id) {
            connection.received += 1;
        }
    }

    /// The connection now lives by another token.
    pub(crate) fn renew(&self, connection_id: &str, jti: &str) {
        if let Some(connection) = self.lock().connections.get_mut(connection_id) {
            jti.clone_into(&mut connection.jti);
        }
    }

    /// Sends a run's event to the connection that asked.
    pub(crate) fn deliver(&self, route: &Route, event: &Event) {
        let text = match event.encode() {
            Ok(text) => text,
            Err(error) => {
                log::line(format_args!("an event was dropped: {error}"));
                return;
            }
        };
        let table = self.lock();
        let to = |connection_id: &str| {
            if let Some(connection) = table.connections.get(connection_id) {
                // The receiver is gone when the socket closed a moment ago; its runs are being cancelled.
                let _ = connection.outbox.send(Outgoing::Text(text.clone()));
            }
        };
        // `broadcast`: everybody who is connected gets it.
        if self.regress.is(Regression::Broadcast) {
            table.connections.keys().for_each(|connection_id| to(connection_id));
            return;
        }
        // `last-connection-wins`: there is one sink, and the newest connection took it.
        if self.regress.is(Regression::LastConnectionWins) {
            table.newest.iter().for_each(|connection_id| to(connection_id));
            return;
        }
        // `orphan-run`: what it says goes to whichever connection its user has by now.
        if self.regress.is(Regression::OrphanRun) && !table.connections.contains_key(&route.connection_id) {
            let newest = table.subscriptions.iter().rev().find(|other| other.user_id == route.user_id);
            newest.iter().for_each(|newest| to(&newest.connection_id));
            return;
        }
        for subscribed in &table.subscriptions {
            // `duplicate-after-reconnect`: every subscription the user ever had serves the present connection.
            let serves = if self.regress.is(Regression::DuplicateAfterReconnect) {
                subscribed.user_id == route.user_id
            } else {
                subscribed.connection_id == route.connection_id
            };
            if serves {
                to(&route.connection_id);
            }
        }
    }

    /// Closes the sockets that live by a token which was just revoked.
    pub(crate) fn close_sockets_of_token(&self, jti: &str) {
        for connection in self.lock().connections.values().filter(|connection| connection.jti == jti) {
            let _ = connection.outbox.send(Outgoing::Close(1008, "token revoked"));
        }
    }

    /// Tells every connection that the server goes away.
    pub(crate) fn close_all(&self) {
        for connection in self.lock().connections.values() {
            let _ = connection.outbox.send(Outgoing::Close(1001, "server shutting down"));
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn emptied(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}
