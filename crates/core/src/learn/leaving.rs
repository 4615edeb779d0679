//! How long a client listened to a server that goes on speaking: a feed has no last message, the client leaves it.

use super::session::Session;
use crate::dialect::{Event, Label};
use crate::golden::Order;
use crate::transcript::{End, Frame, Gap, Offset, Payload, Side, Transcript};
use std::collections::{BTreeMap, BTreeSet};

/// A feed has said so much after the client's last word: two messages may be an answer.
const FEED: usize = 3;
/// Nobody listens to a feed for less: that is an answer, which is over when it is over.
const LEAST: Gap = Gap::from_millis(500);

/// When clients left, in whole recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaving {
    /// How many sessions the client ended.
    left: u32,
    /// How long it had listened, in milliseconds to two digits, where the server was still speaking: how often.
    listened: BTreeMap<u64, u32>,
    /// What came while it listened.
    feed: BTreeSet<Label>,
}

impl Leaving {
    /// Adds a session. `goes_on` says whether the order lets its last event come once more.
    pub(super) fn add(&mut self, recording: &Transcript, session: &Session, goes_on: bool) {
        if !matches!(recording.ending.how, End::Closed { by: Side::Client, .. }) {
            return;
        }
        self.left += 1;
        let is_close =
            |frame: &&Frame| frame.side == Side::Client && matches!(frame.payload, Payload::Close { .. });
        let closed =
            recording.frames.iter().rev().find(is_close).map_or(recording.ending.at, |close| close.at);
        let (said, tail) = after_last_word(&session.events);
        if let Some(listened) = listened(said, tail, closed).filter(|_| goes_on) {
            self.feed.extend(tail.iter().map(|event| event.label.clone()));
            *self.listened.entry(two_digits(listened.as_nanos() / 1_000_000)).or_default() += 1;
        }
    }

    /// Adds other recordings.
    pub(super) fn merge(&mut self, other: Leaving) {
        self.left += other.left;
        for (time, often) in other.listened {
            *self.listened.entry(time).or_default() += often;
        }
        self.feed.extend(other.feed);
    }

    /// Whether an event comes as often as somebody listens: the clients left by the clock, all after the same time. One that
    /// leaves when it has had so many messages leaves at another time each time.
    pub(super) fn is_feed(&self, label: &Label, recordings: u32) -> bool {
        let is_same = || {
            let (first, last) = (self.listened.keys().next(), self.listened.keys().next_back());
            first.zip(last).is_some_and(|(first, last)| last * 10 <= first * 11)
        };
        self.feed.contains(label) && self.usual(recordings).is_some() && is_same()
    }

    /// Whether an order lets some of what came go on for as long as somebody listens.
    pub(super) fn is_open_in(&self, order: &Order) -> bool {
        match order {
            Order::Event(_) => false,
            Order::Repeat(body, times) if times.max.is_none() => {
                body.labels().into_iter().any(|label| self.feed.contains(label))
            }
            Order::Repeat(body, _) | Order::Each { body, .. } => self.is_open_in(body),
            Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                parts.iter().any(|part| self.is_open_in(part))
            }
        }
    }

    /// How long clients listen, where half of all sessions or more ended while the server was speaking.
    pub(super) fn usual(&self, recordings: u32) -> Option<Gap> {
        let often: u32 = self.listened.values().sum();
        if self.left < recordings || often * 2 < recordings.max(1) {
            return None;
        }
        let mut rest = often / 2;
        let median = self.listened.iter().find(|(_, often)| match rest.checked_sub(**often) {
            Some(less) => {
                rest = less;
                false
            }
            None => true,
        });
        median.map(|(time, _)| Gap::from_millis(*time))
    }
}

/// How long the client had listened after its last word when it closed, if it broke into what the server was saying: it
/// left after the latest message no later than the next one might have come.
fn listened(said: Offset, tail: &[Event], closed: Offset) -> Option<Gap> {
    let longest = tail.windows(2).map(|pair| pair[1].at.since(pair[0].at)).max()?;
    let silent = closed.since(tail.last()?.at);
    let listened = closed.since(said);
    (tail.len() >= FEED && silent <= longest && listened >= LEAST).then_some(listened)
}

/// When the client had said its last word, and what came then.
fn after_last_word(events: &[Event]) -> (Offset, &[Event]) {
    match events.iter().rposition(|event| event.label.is_client()) {
        Some(at) => (events[at].at, &events[at + 1..]),
        None => (Offset::ZERO, events),
    }
}

/// Two digits are enough, and keep what is remembered small.
fn two_digits(time: u64) -> u64 {
    let step = 10_u64.pow(time.checked_ilog10().unwrap_or(0).saturating_sub(1));
    time.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, events};

    /// The client asks at 1 ms; the server speaks at these times, the client leaves at the last one. In milliseconds.
    fn stayed(times: &[u64]) -> Option<u64> {
        let at = |time: u64| Offset::from_nanos(time * 1_000_000);
        let text = |side, name: &str| (side, Payload::Text(format!("{{\"type\":\"{name}\"}}")));
        let (closed, spoke) = times.split_last().expect("the client leaves");
        let ask = (1, text(Side::Client, "subscribe"));
        let said = spoke.iter().map(|time| (*time, text(Side::Server, "tick")));
        let frames: Vec<Frame> = [ask]
            .into_iter()
            .chain(said)
            .map(|(time, (side, what))| Frame::new(at(time), side, what))
            .collect();
        let events = events(&Dialect::default(), &frames);
        let (said, tail) = after_last_word(&events);
        listened(said, tail, at(*closed)).map(|time| time.as_nanos() / 1_000_000)
    }

    #[test]
    fn who_leaves_while_the_server_speaks_leaves_a_feed() {
        assert_eq!(stayed(&[201, 401, 601, 701]), Some(700));
        assert_eq!(stayed(&[201, 401, 601, 801]), Some(800));
        // It was over: nothing came any more.
        assert_eq!(stayed(&[201, 401, 601, 901]), None);
        // So short is an answer.
        assert_eq!(stayed(&[101, 201, 301, 351]), None);
        // That may be an answer and its end.
        assert_eq!(stayed(&[101, 201, 211]), None);
        assert_eq!(stayed(&[50]), None);
    }

    #[test]
    fn half_of_the_sessions_must_end_so_and_all_by_the_client() {
        let leaving = |left, listened: &[(u64, u32)]| Leaving {
            left,
            listened: listened.iter().copied().collect(),
            feed: BTreeSet::from([Label::from("tick")]),
        };
        let usual = |leaving: &Leaving, of| leaving.usual(of).map(|time| time.as_nanos() / 1_000_000);
        assert_eq!(usual(&leaving(5, &[(3000, 2), (3100, 3)]), 5), Some(3100));
        assert_eq!(usual(&leaving(5, &[(3000, 3)]), 5), Some(3000));
        assert_eq!(usual(&leaving(5, &[(3000, 2)]), 5), None);
        assert_eq!(usual(&leaving(4, &[(3000, 4)]), 5), None);
        assert_eq!(usual(&Leaving::default(), 0), None);
        let mut both = leaving(2, &[(3000, 2)]);
        both.merge(leaving(1, &[(3000, 1)]));
        assert_eq!(usual(&both, 3), Some(3000));
        let is_feed = |name: &str, of| both.is_feed(&Label::from(name), of);
        assert!(is_feed("tick", 3) && !is_feed("tick", 7) && !is_feed("welcome", 3));
        // Whoever leaves after so many messages leaves at other times.
        assert!(!leaving(3, &[(2000, 1), (2900, 2)]).is_feed(&Label::from("tick"), 3));
        let is_open = |order: &str| both.is_open_in(&crate::golden::parse_order(order).expect("an order"));
        assert!(is_open(">watch ; ( tick | beat )+") && is_open("( >watch ; tick* ) & beat*"));
        assert!(!is_open(">watch ; tick{3} ; done+"));
    }

    #[test]
    fn times_are_kept_to_two_digits_and_never_shorter() {
        for (time, kept) in [(0, 0), (7, 7), (42, 42), (101, 110), (3012, 3100), (60_000, 60_000)] {
            assert_eq!(two_digits(time), kept);
        }
    }
}
