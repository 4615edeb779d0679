//! What answers a request: a fact of its own, whatever the order says.
//!
//! ```toml
//! [event.CALL]
//! answered = "re:CALL | re:CALL:error"
//! ```
//!
//! Every id of such a request has one of these answers. After an answer with a `+` there may be more of them; another one is
//! the last. With a `?` none has to come. `@end` says that the session may end first.

use super::order_syntax;
use super::spans::{content_span, must_be_pointer};
use super::{Event, Order, Times};
use crate::dialect::{Dialect, Label};
use crate::document::{Fields, did_you_mean};
use crate::transcript::Side;
use std::collections::BTreeMap;
use std::fmt;

/// What stands for the end of the session among answers.
const END: &str = "@end";

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Each event that may.
    pub kinds: Vec<Answer>,
    /// Whether none has to come.
    pub is_optional: bool,
    /// Whether the session may end before one comes.
    pub or_end: bool,
}

/// One event that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The event.
    pub label: Label,
    /// Whether more answers to the same request may follow it.
    pub goes_on: bool,
}

impl Answers {
    /// The answer of this name.
    pub fn of(&self, label: &Label) -> Option<&Answer> {
        self.kinds.iter().find(|answer| answer.label == *label)
    }

    /// The answers, for a person: `re:CALL or re:CALL:error`.
    pub(crate) fn in_words(&self) -> String {
        let names: Vec<String> = self.kinds.iter().map(|answer| answer.label.to_string()).collect();
        names.join(" or ")
    }

    /// Reads `re:CALL+ | re:CALL:error | @end`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Answers, String> {
        let order = order_syntax::parse(text).map_err(|errors| {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            messages.join("; ")
        })?;
        let parts = match order {
            Order::One(parts) => parts,
            part => vec![part],
        };
        let mut answers = Answers { kinds: Vec::new(), is_optional: false, or_end: false };
        for part in parts {
            let (event, times) = match part {
                Order::Repeat(event, times) => (*event, times),
                event => (event, Times::ONCE),
            };
            let Order::Event(label) = event else {
                return Err(format!("`{event}` is no answer: answers are events, apart by `|`"));
            };
            let is_sign = [Times::ONCE, Times::OPTIONAL, Times::SOME, Times::ANY].contains(&times);
            if !is_sign {
                return Err(format!("`{times}` is too exact: write +, ? or * behind an answer"));
            }
            if label.as_str() == END {
                answers.or_end = true;
                continue;
            }
            answers.is_optional |= times.min == 0;
            answers.kinds.push(Answer { label, goes_on: times.max.is_none() });
        }
        if answers.kinds.is_empty() { Err("no event answers it".to_owned()) } else { Ok(answers) }
    }
}

/// As [`Answers::parse`] reads it.
impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, answer) in self.kinds.iter().enumerate() {
            let sign = match (self.is_optional, answer.goes_on) {
                (false, false) => "",
                (false, true) => "+",
                (true, false) => "?",
                (true, true) => "*",
            };
            let or = if place > 0 { " | " } else { "" };
            write!(f, "{or}{}{sign}", answer.label)?;
        }
        if self.or_end { write!(f, " | {END}") } else { Ok(()) }
    }
}

/// Reads the `answered` of an event.
pub(super) fn read(fields: &Fields<'_>, label: &Label, order: Option<&Order>) -> Option<Answers> {
    let (text, span) = fields.string("answered")?;
    let source = fields.source();
    let answers = match Answers::parse(&text) {
        Ok(answers) => answers,
        Err(message) => {
            let hint = Some("write answered = \"done | failed\"".to_owned());
            source.report(span, message, "here", hint);
            return None;
        }
    };
    let inner = content_span(source.text(), &span, &text);
    for answer in &answers.kinds {
        let place = order_syntax::places(&text).into_iter().find(|(own, _)| *own == answer.label);
        let part = place.zip(inner.as_ref());
        let here = part.map_or(span.clone(), |((_, part), all)| all.start + part.start..all.start + part.end);
        let known = order.map(Order::labels).unwrap_or_default();
        if order.is_some() && !known.contains(&&answer.label) {
            let hint = did_you_mean(answer.label.as_str(), known.iter().map(|label| label.as_str()));
            source.report(here, format!("unknown event `{}`", answer.label), "not in the order", hint);
        } else if answer.label.side() == label.side() {
            let whose = if label.side() == Side::Client { "client" } else { "server" };
            let message = format!("`{}` is the {whose}'s, as what it answers is", answer.label);
            source.report(here, message, "the other side answers", None);
        }
    }
    Some(answers)
}

/// Reads where an event has the id of its request.
pub(super) fn read_id(fields: &Fields<'_>) -> Option<String> {
    let (pointer, span) = fields.string("id")?;
    must_be_pointer(fields, &pointer, span);
    Some(pointer)
}

/// What answers a request is known by an id: something has to say where that stands.
pub(super) fn need_ids(
    root: &Fields<'_>,
    names: &[(String, Label)],
    events: &BTreeMap<Label, Event>,
    dialect: &Dialect,
) {
    if dialect.has_ids() {
        return;
    }
    let table = root.table("event");
    for (key, label) in names {
        let Some(event) = events.get(label).filter(|event| event.answered.is_some() && event.id.is_none())
        else {
            continue;
        };
        let fields = table.table(key);
        let span = fields.key_span("answered").unwrap_or_else(|| fields.span());
        let hint = if event.sends.is_empty() { "id = \"/ID\"" } else { "id = \"/ID\", where `send` has it" };
        let message = format!("nothing says where `{label}` has its id, by which it is answered");
        fields.source().report(span, message, "by which id?", Some(hint.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_list_of_answers_is_told() {
        for (text, message) in [
            ("a ; b", "`a ; b` is no answer: answers are events, apart by `|`"),
            ("a{2}", "`{2}` is too exact: write +, ? or * behind an answer"),
            ("@end", "no event answers it"),
            ("a | ( b ; c )", "`b ; c` is no answer: answers are events, apart by `|`"),
            ("a | a", "`a` stands here a second time"),
        ] {
            let said = Answers::parse(text).expect_err(text);
            assert!(said.contains(message), "{said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            names in proptest::collection::btree_set("(re:)?[a-z]{1,5}( [a-z]{1,3}|\\[[a-z:/]{1,5}\\])?", 1..4),
            (is_optional, or_end, goes_on) in (any::<bool>(), any::<bool>(), any::<[bool; 4]>()),
        ) {
            let kinds = names.iter().zip(goes_on).map(|(name, goes_on)| {
                Answer { label: Label::new(Side::Server, name), goes_on }
            });
            let answers = Answers { kinds: kinds.collect(), is_optional, or_end };
            prop_assert_eq!(Answers::parse(&answers.to_string()), Ok(answers));
        }
    }
}
