//! The conditions that end a session besides its script.
//!
//! Three bounds close the session as its client would: after a time, when an event has come, and when no message
//! passes any more. Two limits end a session that exceeds them, and its ending says so.

use crate::dialect::Label;
use crate::transcript::{Frame, Gap, Offset, Payload, Side};

/// The conditions that end a session besides its script. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The session is closed after this time.
    pub duration: Option<Gap>,
    /// The session is closed when this event has come.
    pub until: Option<Label>,
    /// The session is closed when no message has passed in either direction for this time.
    pub idle: Option<Gap>,
    /// A limit: the maximum duration of the session.
    pub max_duration: Option<Gap>,
    /// A limit: the maximum of messages from the server within one second of the session, counted from its start.
    pub max_rate: Option<u32>,
}

/// The reason for the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// A requested bound is reached.
    Enough,
    /// A limit was passed.
    Limit(String),
}

/// Holds a session against its bounds.
#[derive(Debug)]
pub(super) struct Watch {
    bounds: Bounds,
    until_seen: bool,
    /// The latest message, the handshake before there is any.
    pub(super) latest: Offset,
    second: u64,
    in_second: u32,
    broken: Option<String>,
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Watch {
        Watch { bounds, until_seen: false, latest: Offset::ZERO, second: 0, in_second: 0, broken: None }
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether the awaited event has come; true when none is awaited.
    pub(super) fn until_seen(&self) -> bool {
        self.until_seen || self.bounds.until.is_none()
    }

    pub(super) fn event(&mut self, label: &Label) {
        self.until_seen |= self.bounds.until.as_ref() == Some(label);
    }

    pub(super) fn frame(&mut self, frame: &Frame) {
        if matches!(frame.payload, Payload::Text(_) | Payload::Binary(_)) {
            self.message(frame.at, frame.side);
        }
    }

    pub(super) fn message(&mut self, at: Offset, side: Side) {
        self.latest = self.latest.max(at);
        let Some(max) = self.bounds.max_rate.filter(|_| side == Side::Server) else { return };
        let second = at.as_nanos() / Gap::from_millis(1000).as_nanos();
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second = self.in_second.saturating_add(1);
        if self.in_second > max {
            let what = format!("more than max_rate = {max} messages in second {second}");
            self.broken.get_or_insert(what);
        }
    }

    pub(super) fn stop(&self, now: Offset) -> Option<Stop> {
        if let Some(what) = &self.broken {
            return Some(Stop::Limit(what.clone()));
        }
        if let Some(max) = self.bounds.max_duration.filter(|max| now >= Offset::ZERO + *max) {
            return Some(Stop::Limit(format!("longer than max_duration = {max}")));
        }
        let has_come = self.bounds.until.is_some() && self.until_seen;
        (has_come || self.asked().any(|at| now >= at)).then_some(Stop::Enough)
    }

    /// The latest time to check again.
    pub(super) fn wake(&self, now: Offset) -> Option<Offset> {
        let limit = self.bounds.max_duration.map(|max| Offset::ZERO + max);
        self.asked().chain(limit).filter(|at| *at > now).min()
    }

    fn asked(&self) -> impl Iterator<Item = Offset> {
        let duration = self.bounds.duration.map(|duration| Offset::ZERO + duration);
        duration.into_iter().chain(self.bounds.idle.map(|idle| self.latest + idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Offset {
        Offset::ZERO + Gap::from_millis(millis)
    }

    fn message(millis: u64) -> Frame {
        let payload = Payload::Text("{}".to_owned());
        Frame::new(at(millis), Side::Server, payload)
    }

    #[test]
    fn a_rate_is_counted_within_each_second_of_the_session() {
        let mut watch = Watch::new(Bounds { max_rate: Some(2), ..Bounds::default() });
        [900, 999, 1000, 1999, 2000].map(message).iter().for_each(|frame| watch.frame(frame));
        assert_eq!(watch.stop(at(2000)), None);
        [2001, 2999].map(message).iter().for_each(|frame| watch.frame(frame));
        let what = "more than max_rate = 2 messages in second 2".to_owned();
        assert_eq!(watch.stop(at(2999)), Some(Stop::Limit(what)));
    }

    #[test]
    fn silence_is_counted_from_the_latest_message_and_a_limit_comes_before_what_was_asked_for() {
        let (idle, duration) = (Some(Gap::from_millis(100)), Some(Gap::from_millis(250)));
        let max_duration = Some(Gap::from_millis(300));
        let mut watch = Watch::new(Bounds { idle, duration, max_duration, ..Bounds::default() });
        assert_eq!((watch.stop(at(99)), watch.wake(at(99))), (None, Some(at(100))));
        assert_eq!(watch.stop(at(100)), Some(Stop::Enough));
        watch.frame(&message(200));
        assert_eq!((watch.stop(at(249)), watch.wake(at(249))), (None, Some(at(250))));
        assert_eq!((watch.stop(at(250)), watch.wake(at(250))), (Some(Stop::Enough), Some(at(300))));
        assert_eq!(watch.stop(at(300)), Some(Stop::Limit("longer than max_duration = 300 ms".to_owned())));
    }
}
