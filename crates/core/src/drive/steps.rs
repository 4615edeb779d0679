//! What to do now: what a bound asks for, what the protocol obliges to, the next of the script, or the end.

use super::bounds::{Bounds, Stop};
use super::interactive;
use super::session::{LATER, Session, State, UNANSWERED, times};
use super::turn::{Action, Turn};
use crate::golden::{Answers, Pace};
use crate::transcript::{End, Ending, Offset, Payload, Side};
use serde_json::Value;

/// A session lasts at most this many times the golden's `wait`, though every event brings it forward.
const MAX_WAITS: u64 = 60;
/// Heartbeats must not keep a session open for ever: listening lasts at most this many times the golden's `linger`.
const MAX_LINGERS: u64 = 20;
/// A feed has no last message: after all has come that must, it is listened to at most this many times the golden's `wait`.
const FEED_WAITS: u64 = 6;

impl Session<'_> {
    /// What to do now. `fresh` makes values that are new each time: `uuid`, `nonce`, `now`.
    pub fn turn(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let mut turn = match self.bounded(now) {
            Some(turn) => turn,
            None => self.chore(now).unwrap_or_else(|| self.step(now, fresh)),
        };
        let beat = self.due_beat().filter(|_| turn.action == Action::Wait);
        if let Some((due, _)) = beat {
            turn.wake = turn.wake.min(due);
        }
        if let Some(wake) = self.watch.wake(now).filter(|_| turn.action == Action::Wait) {
            turn.wake = turn.wake.min(wake);
        }
        turn
    }

    /// What is to be sent without the script's saying so.
    fn chore(&mut self, now: Offset) -> Option<Turn> {
        let due = |now| self.due_beat().filter(|(due, _)| now >= *due).map(|(_, beat)| beat);
        let payload = match self.state {
            State::Running | State::Listening(_) if !self.reconnecting => {
                let beat = due(now);
                self.outbox.pop_front().or(beat)?
            }
            State::Running | State::Listening(_) | State::Closing(_) | State::Over(_) => return None,
        };
        Some(Turn { action: Action::Send(payload), wake: now })
    }

    /// When the client has been silent for as long as it may be, and what it says then.
    fn due_beat(&self) -> Option<(Offset, Payload)> {
        let is_open = matches!(self.state, State::Running | State::Listening(_)) && !self.reconnecting;
        let beat = self.decoder.beat().filter(|_| is_open)?;
        Some((self.spoke + beat.every, beat.payload))
    }

    /// What there is to do because a bound is reached.
    fn bounded(&mut self, now: Offset) -> Option<Turn> {
        if matches!(self.state, State::Over(_)) {
            return None;
        }
        match self.watch.stop(now)? {
            Stop::Limit(limit) => {
                let ending = self.cut_off(now, limit);
                Some(Turn { action: Action::Done(ending), wake: now })
            }
            Stop::Enough if matches!(self.state, State::Closing(_)) => None,
            Stop::Enough => Some(self.close(now, 1000)),
        }
    }

    fn close(&mut self, now: Offset, code: u16) -> Turn {
        // Nobody answers that over HTTP: the client is simply gone.
        if self.golden.dialect.is_http() {
            let how = End::Closed { by: Side::Client, code, reason: String::new() };
            let ending = Ending { at: now, how, host: None };
            self.state = State::Over(ending.clone());
            return Turn { action: Action::Done(ending), wake: now };
        }
        self.state = State::Closing(now);
        self.closes_with = code;
        Turn { action: Action::Close { code }, wake: now }
    }

    fn step(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let wait = |wake: Offset| Turn { action: Action::Wait, wake };
        match self.state.clone() {
            State::Over(ending) => Turn { action: Action::Done(ending), wake: now },
            State::Closing(since) => {
                let deadline = since + self.golden.wait;
                if now >= deadline {
                    return self.give_up(now, since, vec!["close".to_owned()]);
                }
                wait(deadline)
            }
            State::Running if self.hand.is_some() => self.by_hand_turn(now),
            State::Running => self.run(now, fresh),
            State::Listening(since) => self.listen(now, since),
        }
    }

    /// All has come that must: the client waits for what should not come. It leaves a feed when it has had enough.
    fn listen(&mut self, now: Offset, since: Offset) -> Turn {
        let until = match self.golden.listen {
            Some(listen) => (self.said + listen).max(since),
            None => {
                let quiet = self.progress.max(since) + self.golden.linger;
                let enough = self.complete.unwrap_or(since) + times(self.golden.wait, FEED_WAITS);
                quiet.min(since + times(self.golden.linger, MAX_LINGERS)).min(enough)
            }
        };
        if now < until {
            return Turn { action: Action::Wait, wake: until };
        }
        self.end(now)
    }

    fn by_hand_turn(&mut self, now: Offset) -> Turn {
        // Nothing is due; a new line wakes the session.
        let wait = |wake| Turn { action: Action::Wait, wake };
        let Some(hand) = &mut self.hand else { return wait(now) };
        match (hand.queue.pop_front(), hand.silent_since) {
            (Some(Action::Close { code }), _) => self.close(now, code),
            (Some(action), _) => Turn { action, wake: now },
            (None, Some(since)) => {
                let Bounds { duration, until, idle, .. } = self.watch.bounds();
                if idle.is_none() && (duration.is_some() || until.is_some()) {
                    return wait(now + LATER);
                }
                let quiet = self.watch.latest.max(since) + idle.unwrap_or(interactive::QUIET);
                if now >= quiet { self.close(now, 1000) } else { wait(quiet) }
            }
            (None, None) => wait(now + LATER),
        }
    }

    /// The time at which the wait for the next event ends.
    fn deadline(&self) -> Offset {
        (self.progress + self.golden.wait).min(Offset::ZERO + times(self.golden.wait, MAX_WAITS))
    }

    fn run(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let deadline = self.deadline();
        let due = match self.golden.script.get(self.sent) {
            Some(label) => match self.ready(label, fresh) {
                Ok((action, rest)) => {
                    let think = self.golden.event(label).and_then(|event| event.think);
                    let pause = think.filter(|_| self.golden.pace == Pace::Recorded).unwrap_or_default();
                    let at = (self.last_frame + pause).max(self.held_until);
                    if now < at {
                        return Turn { action: Action::Wait, wake: at };
                    }
                    self.sent += 1;
                    let is_request = self.golden.dialect.is_http() && matches!(action, Action::Send(_));
                    self.requests += u32::from(is_request);
                    *self.counts.entry(label.clone()).or_default() += 1;
                    self.seen.clear();
                    self.seen.insert(label.clone());
                    self.progress = now;
                    self.said = now;
                    self.reconnecting = action == Action::Reconnect;
                    self.outbox.extend(rest);
                    return Turn { action, wake: now };
                }
                Err(due) => due,
            },
            None if self.monitor.is_complete()
                && self.begun >= self.requests
                && self.owed.waits_for().is_none() =>
            {
                self.complete.get_or_insert(self.progress);
                self.state = State::Listening(self.progress);
                return self.listen(now, self.progress);
            }
            None => self.due(),
        };
        if now >= deadline {
            let since = self.progress;
            return self.give_up(now, since, due);
        }
        Turn { action: Action::Wait, wake: deadline }
    }

    /// The server's events that must come next.
    pub(super) fn due(&self) -> Vec<String> {
        let missing = self.monitor.missing();
        let server = missing.iter().filter(|violation| !violation.label.is_client());
        let due = server.map(|violation| violation.label.as_str().to_owned()).next();
        // The order may be content with what came, and a request is still without its answer.
        due.or_else(|| self.owed.waits_for().map(Answers::in_words))
            // Nothing of the server is missing: the client was not able to send what comes next.
            .or_else(|| missing.first().map(|violation| violation.label.as_str().to_owned()))
            .into_iter()
            .collect()
    }

    fn end(&mut self, now: Offset) -> Turn {
        let close = self.golden.ends.iter().find_map(|end| end.strip_prefix("client ")?.parse().ok());
        match close {
            // RFC 6455, 7.4.1: 1006 "MUST NOT be set as a status code in a Close control frame".
            Some(UNANSWERED) => self.close(now, 1000),
            Some(code) => self.close(now, code),
            None => {
                let deadline = self.deadline();
                if now >= deadline {
                    let since = self.progress;
                    return self.give_up(now, since, vec!["close".to_owned()]);
                }
                Turn { action: Action::Wait, wake: deadline }
            }
        }
    }

    fn give_up(&mut self, now: Offset, since: Offset, waiting_for: Vec<String>) -> Turn {
        let ending =
            Ending { at: now, how: End::GaveUp { waiting_for, waited: now.since(since) }, host: None };
        self.state = State::Over(ending.clone());
        Turn { action: Action::Done(ending), wake: now }
    }
}
