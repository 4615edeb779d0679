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
use super::{Order, Times};
use crate::dialect::Label;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Side;
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
