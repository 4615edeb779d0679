//! What a frame that passed changes.

use super::session::{Latest, NO_STATUS, NORMAL, Session, State, UNANSWERED};
use crate::dialect::{Label, RECONNECT};
use crate::transcript::{End, Ending, Frame, Offset, Payload, Side};
use std::borrow::Cow;

impl Session<'_> {
    /// Takes a frame that passed, in either direction. Returns whether it is a text that is JSON, for the recorder.
    pub fn frame(&mut self, frame: &Frame) -> bool {
        self.last_frame = self.last_frame.max(frame.at);
        self.watch.frame(frame);
        if frame.side == Side::Client {
            self.spoke = frame.at;
        }
        self.note_state(frame);
        for event in self.decoder.feed(frame) {
            self.watch.event(&event.label);
            self.owed.feed(&event);
            if let Some(known) = self.golden.event(&event.label) {
                for (name, pointer) in &known.binds {
                    if let Some(value) = event.data.pointer(pointer) {
                        self.values.insert(name.clone(), value.clone());
                    }
                }
            }
            if self.hand.is_some() {
                continue;
            }
            let golden = self.golden;
            let keys = |key: &str| event.key(&golden.lane_pointer(&event.label, key)).map(Cow::into_owned);
            let fits = self.monitor.feed(&event.label, &keys).is_empty();
            // A flood of what the golden does not want must not keep a session alive.
            let is_progress = fits && !self.floats.contains(&event.label);
            self.came(event.at, is_progress);
            if !event.label.is_client() {
                self.seen.insert(event.label);
            }
            self.decoder.reuse(event.data);
        }
        if frame.side == Side::Server {
            self.outbox.extend(self.decoder.owed());
        }
        self.decoder.is_json()
    }

    /// Notes what a frame says of the connection: that it is open, closed or gone.
    fn note_state(&mut self, frame: &Frame) {
        let closing = matches!(self.state, State::Closing(_));
        let is_http = self.golden.dialect.is_http();
        match &frame.payload {
            // An answer that is whole ends nothing else; one that is broken off ends the session, as a dropped connection.
            Payload::Close { .. } if is_http => {}
            Payload::Text(_) if is_http => self.begun += u32::from(frame.side == Side::Client),
            Payload::Gone(detail) if is_http => {
                let detail = format!("request {}: {detail}", frame.conn);
                self.over(frame.at, End::Dropped { detail });
            }
            Payload::Close { code, reason } if frame.side == Side::Server && frame.conn == self.conn => {
                let by = if closing { Side::Client } else { Side::Server };
                // A server may answer a close without a code with a usual one (RFC 6455, section 5.5.1): that is our close.
                let is_ours = closing && self.closes_with == NO_STATUS && *code == NORMAL;
                let code = if is_ours { NO_STATUS } else { *code };
                self.over(frame.at, End::Closed { by, code, reason: reason.clone() });
            }
            Payload::Gone(detail) if frame.conn == self.conn => {
                let how = match closing {
                    // The client ended it; that the server only hung up is in the code.
                    true => End::Closed {
                        by: Side::Client,
                        code: UNANSWERED,
                        reason: format!("no answer to our close: {detail}"),
                    },
                    false => End::Dropped { detail: detail.clone() },
                };
                self.over(frame.at, how);
            }
            Payload::Open(_) => {
                self.conn = frame.conn;
                self.reconnecting = false;
                self.state = State::Running;
                self.complete = None;
                self.outbox.clear();
            }
            Payload::Text(_)
            | Payload::Binary(_)
            | Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Gone(_) => {}
        }
    }

    /// Whether there is something to send that waits for nothing.
    pub fn owes(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether nothing that comes can oblige the client to an answer, so that all of it may be taken before it is asked.
    pub fn has_no_pending_reply(&self) -> bool {
        self.decoder.takes_json()
    }

    /// Takes a text of the server: as [`Session::frame`], without more of the message than its name where the golden
    /// wants no more.
    pub fn text(&mut self, at: Offset, conn: u32, text: &str) -> bool {
        let known = self.decoder.peek_name(Side::Server, text).map(|label| self.known(label));
        let Some(Latest { label, floats, .. }) = known.filter(|known| known.is_name) else {
            let payload = Payload::Text(text.to_owned());
            let frame = Frame { conn, ..Frame::new(at, Side::Server, payload) };
            return self.frame(&frame);
        };
        self.decoder.pass();
        self.last_frame = self.last_frame.max(at);
        self.watch.message(at, Side::Server);
        self.watch.event(&label);
        let fits = self.monitor.feed(&label, &|_| None).is_empty();
        self.came(at, fits && !floats);
        if !self.seen.contains(&label) {
            self.seen.insert(label);
        }
        true
    }

    /// What is known of an event by its name.
    fn known(&mut self, label: Label) -> Latest {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.label == label) {
            return latest.clone();
        }
        let binds = self.golden.event(&label).is_some_and(|event| !event.binds.is_empty());
        let is_owed = self.owed.knows(&label);
        let is_name = self.hand.is_none() && !binds && !is_owed && !self.monitor.has_lanes(&label);
        let floats = self.floats.contains(&label);
        self.latest.insert(Latest { label, is_name, floats }).clone()
    }

    /// An event has come; it may bring the session forward.
    fn came(&mut self, at: Offset, is_progress: bool) {
        if is_progress {
            self.progress = at;
            if let State::Listening(since) = &mut self.state {
                *since = at;
            }
        }
    }

    fn over(&mut self, at: Offset, how: End) {
        // A connection that ends while the script wants another one is not the end of the session.
        let next = self.golden.script.get(self.sent);
        let expected = self.reconnecting || next.is_some_and(|label| label.as_str() == RECONNECT);
        if !expected && !matches!(self.state, State::Over(_)) {
            self.state = State::Over(Ending { at, how, host: None });
        }
    }
}
