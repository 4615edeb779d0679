//! Progress on stderr: a bar at a terminal, otherwise one line per round.

use super::life::tell_accepted;
use super::reports::{say, talk};
use goldwire_core::report::{changes_headline, changes_text};
use goldwire_core::transcript::Gap;
use goldwire_core::words::plural;
use goldwire_runner::runner::{self, Observer};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WIDTH: usize = 24;

/// Prints the runner's progress to stderr, one line each. A round of several users has a bar at a terminal.
pub(super) fn observer() -> Observer {
    let current: Mutex<Option<Round>> = Mutex::new(None);
    Observer::new(move |event| {
        use runner::Progress::{Accepted, Proposed, RoundFinished, RoundStarted, UserFinished};
        let round = || current.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RoundStarted { session, round: number, users } => {
                *round() = Some(Round::begin(session, *number, *users as usize));
            }
            UserFinished => round().iter().for_each(Round::user),
            RoundFinished => *round() = None,
            Proposed { session, path, learned_from, changes } => {
                talk!("{session}: proposed as {}, learned from {learned_from}", path.display());
                let mut out = anstream::stderr();
                if let Some(changes) = changes {
                    // A closed stderr cannot be reported anywhere.
                    let _ = writeln!(out, "{}", changes_headline(changes));
                    let _ = changes_text(&mut out, changes);
                }
                talk!("next: goldwire review {session}");
            }
            Accepted { session, path, learned_from, changes } => {
                talk!("{session}: learned from {learned_from}");
                let _ = tell_accepted(path, changes.as_deref(), &mut anstream::stderr());
            }
            other => say(other),
        }
    })
}

/// The progress of consecutive rounds, on stderr.
#[derive(Debug)]
pub(super) struct Progress {
    rounds: u32,
    started: Instant,
    has_bar: bool,
}

impl Progress {
    pub(super) fn of(rounds: u32) -> Progress {
        let has_bar = rounds > 1 && io::stderr().is_terminal();
        let progress = Progress { rounds, started: Instant::now(), has_bar };
        if has_bar {
            eprint!("{}", bar(0, rounds, 0, Duration::ZERO));
        }
        progress
    }

    /// Clears the bar before other output.
    pub(super) fn clear(&self) {
        if self.has_bar {
            eprint!("\r\x1b[K");
        }
    }

    /// Shows that a round has ended, with the number of recordings so far.
    pub(super) fn round(&self, round: u32, kept: usize) {
        if !self.has_bar {
            talk!("round {round} of {}: {} kept", self.rounds, plural(kept, "recording"));
        } else if round < self.rounds {
            eprint!("\r\x1b[K{}", bar(round, self.rounds, kept, self.started.elapsed()));
        } else {
            eprintln!("\r\x1b[K{} rounds: {} kept", self.rounds, plural(kept, "recording"));
        }
    }
}

/// The progress of one round of concurrent users, on stderr.
#[derive(Debug)]
pub(super) struct Round {
    name: String,
    users: usize,
    done: AtomicUsize,
    has_bar: bool,
}

impl Round {
    /// Shows the start of the round.
    pub(super) fn begin(session: &str, number: u32, users: usize) -> Round {
        let name = format!("{session}: round {number}");
        let has_bar = users > 1 && io::stderr().is_terminal();
        match has_bar {
            true => eprint!("{}", users_bar(&name, 0, users)),
            false => talk!("{name}, {}", plural(users, "user")),
        }
        Round { name, users, done: AtomicUsize::new(0), has_bar }
    }

    /// Counts a finished user.
    pub(super) fn user(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.has_bar {
            eprint!("\r\x1b[K{}", users_bar(&self.name, done, self.users));
        }
    }
}

/// Ends the line of the bar.
impl Drop for Round {
    fn drop(&mut self) {
        if self.has_bar {
            eprintln!("\r\x1b[K{}, {}", self.name, plural(self.users, "user"));
        }
    }
}

fn users_bar(name: &str, done: usize, users: usize) -> String {
    let full = WIDTH * done / users.max(1);
    let line = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    format!("{name} [{line}] {done} of {}", plural(users, "user"))
}

fn bar(round: u32, rounds: u32, kept: usize, took: Duration) -> String {
    let full = WIDTH * round as usize / rounds.max(1) as usize;
    let left = match round {
        0 => String::new(),
        _ => format!(", {} left", Gap::from(took / round * (rounds - round))),
    };
    let line = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    format!("[{line}] {round} of {rounds} rounds, {} kept{left}", plural(kept, "recording"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_says_what_is_left() {
        assert_eq!(
            bar(0, 4, 0, Duration::ZERO),
            "[------------------------] 0 of 4 rounds, 0 recordings kept"
        );
        let half = "[############------------] 2 of 4 rounds, 6 recordings kept, 3 s left";
        assert_eq!(bar(2, 4, 6, Duration::from_secs(3)), half);
        assert_eq!(users_bar("s: round 1", 1, 4), "s: round 1 [######------------------] 1 of 4 users");
    }
}
