//! Parses an order expression, with spans and all errors at once.
//!
//! ```text
//! expr := term ((';' term)* | ('&' term)* | ('|' term)*)       no precedence: mixing needs parentheses
//! term := atom [ '?' | '*' | '+' | '{m}' | '{m,n}' | '{m,}' ]
//! atom := ['>'] name | ['>'] '"' any '"' | '(' expr ')' | 'each' key '(' expr ')'
//! ```
//!
//! `#` after white space or at the start of a line begins a comment.

use super::order::{Order, Times};
use crate::dialect::Label;
use crate::transcript::Side;
use std::collections::HashMap;
use std::ops::Range;

/// An error in an order expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderError {
    /// The span, in bytes of the expression.
    pub span: Range<usize>,
    /// The error, as a fragment.
    pub message: String,
    /// The note below the marked text.
    pub label: String,
    /// A hint.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Sign(char),
    Name(Label),
    Each,
    Times(Times),
}

impl Token {
    fn describe(&self) -> String {
        match self {
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Name(label) => format!("`{label}`"),
            Token::Each => "`each`".to_owned(),
            Token::Times(times) => format!("`{times}`"),
        }
    }
}

/// Parses an order.
///
/// # Errors
/// Every error, in the order of the text; never an empty list.
pub fn parse(text: &str) -> Result<Order, Vec<OrderError>> {
    let mut errors = Vec::new();
    let tokens = tokens(text, &mut errors);
    if let Some(error) = beyond(&tokens) {
        return Err(vec![error]);
    }
    let mut parser =
        Parser { tokens: &tokens, next: 0, end: text.trim_end().len(), errors, places: HashMap::new() };
    let order = if parser.tokens.is_empty() {
        parser.error(0..text.len(), "the order is empty", "no event here", Some("name at least one event"));
        None
    } else {
        parser.whole()
    };
    let mut errors = parser.errors;
    match order {
        Some(order) if errors.is_empty() => Ok(order.simplified()),
        _ => {
            errors.sort_by_key(|error| error.span.start);
            errors.dedup();
            Err(errors)
        }
    }
}

/// The maximum depth of groups.
const MAX_DEPTH: usize = 100;
/// Whether it is one of `?`, `*` and `+`, or once.
fn is_sign(times: Times) -> bool {
    times.min <= 1 && times.max.is_none_or(|most| most == 1)
}

/// The meaning of two signs in a row: `a+?` is `a*`.
fn both(first: Times, then: Times) -> Times {
    Times { min: first.min * then.min, max: first.max.and(then.max) }
}

/// Events of an order: what compares each with each takes the square of it.
pub(crate) const MAX_EVENTS: usize = 4000;

/// The place at which an order passes a limit.
fn beyond(tokens: &[(Token, Range<usize>)]) -> Option<OrderError> {
    let (mut depth, mut events) = (0usize, 0);
    for (token, span) in tokens {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            Token::Name(_) => events += 1,
            Token::Sign(_) | Token::Each | Token::Times(_) => {}
        }
        let message = match (depth > MAX_DEPTH, events > MAX_EVENTS) {
            (true, _) => format!("groups are nested more than {MAX_DEPTH} deep"),
            (_, true) => format!("an order of more than {MAX_EVENTS} events"),
            _ => continue,
        };
        let hint = "split the session, or name events by another field: `name` in [dialect]";
        return Some(OrderError {
            span: span.clone(),
            message,
            label: "here".to_owned(),
            hint: Some(hint.to_owned()),
        });
    }
    None
}

/// The places of events in a text that [`parse`] accepts.
pub(super) fn places(text: &str) -> Vec<(Label, Range<usize>)> {
    let tokens = tokens(text, &mut Vec::new());
    tokens
        .into_iter()
        .filter_map(|(token, span)| if let Token::Name(label) = token { Some((label, span)) } else { None })
        .collect()
}

fn tokens(text: &str, errors: &mut Vec<OrderError>) -> Vec<(Token, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let is_name = |c: char| c.is_alphanumeric() || "_./:-@$".contains(c);
    let bad = |span: Range<usize>, message: String, hint: &str| OrderError {
        span,
        message,
        label: "here".to_owned(),
        hint: Some(hint.to_owned()),
    };
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        at += c.len_utf8();
        match c {
            _ if c.is_whitespace() => {}
            '#' => at = text[start..].find('\n').map_or(text.len(), |end| start + end),
            ';' | '&' | '|' | '(' | ')' => tokens.push((Token::Sign(c), start..at)),
            '?' => tokens.push((Token::Times(Times::OPTIONAL), start..at)),
            '*' => tokens.push((Token::Times(Times::ANY), start..at)),
            '+' => tokens.push((Token::Times(Times::SOME), start..at)),
            '{' => {
                let end = text[start..].find('}').map_or(text.len(), |end| start + end + 1);
                at = end;
                match times(text[start..end].trim_start_matches('{').trim_end_matches('}')) {
                    Some(times) => tokens.push((Token::Times(times), start..end)),
                    None => errors.push(bad(
                        start..end,
                        format!("`{}` is not a number of times", &text[start..end]),
                        "write {2}, {2,5} or {2,}",
                    )),
                }
            }
            _ => {
                let marked = c == '>';
                let mut from = start;
                if marked {
                    from += 1;
                    from += text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len();
                }
                let rest = &text[from..];
                let (name, len) = if rest.starts_with('"') {
                    match quoted(rest) {
                        Some((name, len)) => (name, len),
                        None => {
                            errors.push(bad(
                                from..text.len(),
                                "a name in quotation marks does not end".to_owned(),
                                "close it with `\"`",
                            ));
                            return tokens;
                        }
                    }
                } else {
                    let mut len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                    if len > 0 && rest[len..].starts_with('[') {
                        len = rest.find(']').map_or(len, |end| end + 1);
                    }
                    (rest[..len].to_owned(), len)
                };
                if name.is_empty() {
                    errors.push(bad(
                        start..at.max(from),
                        format!("unexpected `{c}`"),
                        "quote names with other characters",
                    ));
                    at = at.max(from);
                    continue;
                }
                at = from + len;
                if name == "each" && !marked && !rest.starts_with('"') {
                    tokens.push((Token::Each, start..at));
                } else {
                    let side = if marked { Side::Client } else { Side::Server };
                    let label = Label::new(side, &name);
                    tokens.push((Token::Name(label), start..at));
                }
            }
        }
    }
    tokens
}

/// A JSON string at the start of `text`, and how many bytes it takes.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = values.next()?.ok()?;
    Some((name, values.byte_offset()))
}

fn times(text: &str) -> Option<Times> {
    let (min, max) = match text.split_once(',') {
        None => {
            let n = text.trim().parse().ok()?;
            (n, Some(n))
        }
        Some((min, "")) => (min.trim().parse().ok()?, None),
        Some((min, max)) => (min.trim().parse().ok()?, Some(max.trim().parse().ok()?)),
    };
    max.is_none_or(|max| max >= min && max > 0).then_some(Times { min, max })
}

struct Parser<'t> {
    tokens: &'t [(Token, Range<usize>)],
    next: usize,
    end: usize,
    errors: Vec<OrderError>,
    places: HashMap<Label, Range<usize>>,
}

impl Parser<'_> {
    fn error(&mut self, span: Range<usize>, message: &str, label: &str, hint: Option<&str>) {
        let (message, label) = (message.to_owned(), label.to_owned());
        self.errors.push(OrderError { span, message, label, hint: hint.map(str::to_owned) });
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn eat(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.next += usize::from(found);
        found
    }

    fn whole(&mut self) -> Option<Order> {
        let mut order = self.expr();
        while let Some(token) = self.peek() {
            let (message, span) = (format!("unexpected {}", token.describe()), self.span());
            if *token == Token::Sign(')') {
                self.error(
                    span,
                    &message,
                    "no group is open here",
                    Some("remove it, or open a group before"),
                );
                self.next += 1;
            } else {
                self.error(span, &message, "a `;`, `&` or `|` is missing before this", None);
            }
            order = self.expr();
        }
        order
    }

    fn expr(&mut self) -> Option<Order> {
        let mut parts = vec![self.term()];
        let mut sign = None;
        while let Some(&Token::Sign(found @ (';' | '&' | '|'))) = self.peek() {
            let span = self.span();
            self.next += 1;
            match sign {
                None => sign = Some(found),
                Some(sign) if sign != found => self.error(
                    span,
                    &format!("`{sign}` and `{found}` are mixed"),
                    "neither binds more strongly",
                    Some("put one of them in parentheses: a ; ( b & c )"),
                ),
                Some(_) => {}
            }
            let at_end = matches!(self.peek(), None | Some(Token::Sign(')')));
            if at_end && found == ';' {
                break; // a `;` at the end of the last line is no mistake
            }
            parts.push(self.term());
        }
        let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
        Some(match sign {
            Some('&') => Order::All(parts),
            Some('|') => Order::One(parts),
            _ => Order::Seq(parts),
        })
    }

    fn term(&mut self) -> Option<Order> {
        let order = self.atom();
        let mut times: Option<Times> = None;
        while let Some(&Token::Times(next)) = self.peek() {
            let span = self.span();
            self.next += 1;
            times = match times {
                None => Some(next),
                Some(first) if is_sign(first) && is_sign(next) => Some(both(first, next)),
                Some(first) => {
                    self.error(
                        span,
                        "two repetitions in a row",
                        "here",
                        Some("put the repeated part in parentheses: ( a{3} )+"),
                    );
                    Some(first)
                }
            };
        }
        match times {
            Some(times) => order.map(|order| Order::Repeat(Box::new(order), times)),
            None => order,
        }
    }

    fn atom(&mut self) -> Option<Order> {
        let span = self.span();
        match self.peek().cloned() {
            Some(Token::Name(label)) => {
                self.next += 1;
                if self.places.insert(label.clone(), span.clone()).is_some() {
                    self.error(
                        span,
                        &format!("`{label}` stands here a second time"),
                        "every event has one place in an order",
                        Some("use a repetition: ( a ; b )+"),
                    );
                }
                Some(Order::Event(label))
            }
            Some(Token::Each) => {
                self.next += 1;
                let key = match self.peek().cloned() {
                    Some(Token::Name(key)) if !key.is_client() => {
                        self.next += 1;
                        Some(key.as_str().to_owned())
                    }
                    _ => {
                        self.error(self.span(), "`each` needs a key", "a name", Some("each call_id ( … )"));
                        None
                    }
                };
                let body = if self.peek() == Some(&Token::Sign('(')) {
                    self.atom()
                } else {
                    self.error(self.span(), "`each` needs a group", "a `(`", Some("each call_id ( … )"));
                    None
                };
                Some(Order::Each { key: key?, body: Box::new(body?) })
            }
            Some(Token::Sign('(')) => {
                self.next += 1;
                let body = self.expr();
                if !self.eat(')') {
                    self.error(span, "this group does not end", "opened here", Some("close it with `)`"));
                }
                body
            }
            found => {
                let what = found.as_ref().map_or("the end".to_owned(), Token::describe);
                self.error(span, &format!("an event is missing before {what}"), "an event or a group", None);
                // Separating signs are left for the caller; other signs would be read again and again.
                if matches!(found, Some(Token::Times(_))) {
                    self.next += 1;
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_order_has_limits_and_the_error_has_a_place() {
        let nested = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        let errors = parse(&nested(50_000)).expect_err("it is too deep");
        assert_eq!((errors.len(), errors[0].span.clone()), (1, MAX_DEPTH..MAX_DEPTH + 1));
        let wide: Vec<String> = (0..20_000).map(|n| format!("a{n}")).collect();
        let errors = parse(&wide.join(" | ")).expect_err("it is too wide");
        assert!(errors.len() == 1 && errors[0].message.contains("4000"), "{errors:?}");
    }

    #[test]
    fn signs_in_a_row_are_one_sign() {
        for (signs, one) in [("+?", "*"), ("?+", "*"), ("**", "*"), ("++", "+"), ("??", "?"), ("+?*+", "*")] {
            assert_eq!(parse(&format!("a{signs} ; b")), parse(&format!("a{one} ; b")), "{signs}");
        }
        let many = format!("a{} ; b", "+".repeat(50_000));
        assert_eq!(parse(&many), parse("a+ ; b"));
        assert_eq!(messages("a{3}+ ; b"), ["4..5: two repetitions in a row"]);
        assert!(parse("( a{3} )+ ; b").is_ok());
    }

    fn messages(text: &str) -> Vec<String> {
        let errors = parse(text).expect_err("it is wrong");
        errors
            .into_iter()
            .map(|error| format!("{}..{}: {}", error.span.start, error.span.end, error.message))
            .collect()
    }

    #[test]
    fn the_sketch_of_the_design_reads_and_prints() {
        let text = "connected ; >ask ;      # > marks what the client sends
            agent_started ;
            ( agent_thinking+ & each call_id ( tool_executing ; tool_completed )* ) ;
            token+ ; agent_completed";
        let order = parse(text).expect("the design's own sketch");
        assert_eq!(
            order.to_string(),
            "connected ; >ask ; agent_started ; ( agent_thinking+ & each call_id ( tool_executing ; \
             tool_completed )* ) ; token+ ; agent_completed"
        );
        assert_eq!(order.keys_of(&"tool_completed".into()), Some(vec!["call_id"]));
        assert_eq!(parse(&order.pretty(40)).as_ref(), Ok(&order));
    }

    #[test]
    fn every_mistake_is_found_in_one_reading() {
        assert_eq!(messages("a ; b & c"), ["6..7: `;` and `&` are mixed"]);
        assert_eq!(
            messages("a ; ; ( b | {x} c ; a"),
            [
                "4..5: an event is missing before `;`",
                "6..7: this group does not end",
                "12..15: `{x}` is not a number of times",
                "18..19: `|` and `;` are mixed",
                "20..21: `a` stands here a second time",
            ]
        );
        assert_eq!(messages("a b"), ["2..3: unexpected `b`"]);
        assert_eq!(messages("  "), ["0..2: the order is empty"]);
        assert_eq!(messages("each ( a )"), ["5..6: `each` needs a key"]);
        assert_eq!(messages("a )"), ["2..3: unexpected `)`", "3..3: an event is missing before the end"]);
    }

    /// Any order whose names are all different: they are given out by position after the shape is drawn.
    fn order() -> impl Strategy<Value = Order> {
        let leaf = prop_oneof![Just(">"), Just("")].prop_map(|mark| Order::Event(Label::from(mark)));
        let times = prop_oneof![
            Just(Times::OPTIONAL),
            Just(Times::ANY),
            Just(Times::SOME),
            (0u32..3, 1u32..4).prop_map(|(min, more)| Times { min, max: Some(min + more) }),
            (2u32..5).prop_map(|min| Times { min, max: None }),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let parts = || proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                parts().prop_map(Order::Seq),
                parts().prop_map(Order::All),
                parts().prop_map(Order::One),
                (inner.clone(), times.clone()).prop_map(|(body, times)| Order::Repeat(Box::new(body), times)),
                inner
                    .clone()
                    .prop_map(|body| Order::Each { key: "call_id".to_owned(), body: Box::new(body) }),
            ]
        })
        .prop_map(|mut order| {
            let mut count = 0;
            name(&mut order, &mut count);
            order.simplified()
        })
    }

    fn name(order: &mut Order, count: &mut usize) {
        match order {
            Order::Event(label) => {
                *count += 1;
                let odd = if count.is_multiple_of(5) { "odd name \"#" } else { "event" };
                *label = Label::new(label.side(), &format!("{odd}{count}"));
            }
            Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                parts.iter_mut().for_each(|part| name(part, count));
            }
            Order::Repeat(body, _) | Order::Each { body, .. } => name(body, count),
        }
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(order in order(), width in 10usize..120) {
            prop_assert_eq!(parse(&order.to_string()), Ok(order.clone()));
            prop_assert_eq!(parse(&order.pretty(width)), Ok(order));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-c>;&|()?*+{}0-9, \"\\[\\]#é\n]{0,40}") {
            if let Err(errors) = parse(&text) {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(text.get(error.span).is_some());
                }
            }
        }
    }
}
