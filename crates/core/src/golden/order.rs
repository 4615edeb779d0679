//! The order of events: the meaning of an order expression.
//!
//! `;` then, `&` interleaved, `|` one of, `?` `*` `+` `{m,n}` repetitions, `each KEY (…)` once for every value of a
//! key. Every event has one place in an order, so that an arriving event belongs to exactly one part.

use crate::dialect::Label;
use std::collections::BTreeSet;
use std::fmt;

/// An order expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// One event.
    Event(Label),
    /// One part after the other: `a ; b`.
    Seq(Vec<Order>),
    /// All parts, side by side: `a & b`.
    All(Vec<Order>),
    /// One of the parts: `a | b`.
    One(Vec<Order>),
    /// The part so often: `a?`, `a*`, `a+`, `a{2,3}`.
    Repeat(Box<Order>, Times),
    /// One lane for every value of a key; an enclosing `Repeat` limits the number of lanes.
    Each {
        /// The key's name, e.g. `call_id`.
        key: String,
        /// The order within one lane.
        body: Box<Order>,
    },
}

/// A number of times, both ends included. Without `max`, any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Times {
    /// The minimum.
    pub min: u32,
    /// The maximum.
    pub max: Option<u32>,
}

impl Times {
    /// Exactly once.
    pub const ONCE: Times = Times { min: 1, max: Some(1) };
    /// `?`
    pub const OPTIONAL: Times = Times { min: 0, max: Some(1) };
    /// `*`
    pub const ANY: Times = Times { min: 0, max: None };
    /// `+`
    pub const SOME: Times = Times { min: 1, max: None };

    /// Whether one more is allowed after `count`.
    pub fn allows_after(self, count: u32) -> bool {
        self.max.is_none_or(|max| count < max)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Times::ONCE => Ok(()),
            Times::OPTIONAL => f.write_str("?"),
            Times::ANY => f.write_str("*"),
            Times::SOME => f.write_str("+"),
            Times { min, max: Some(max) } if min == max => write!(f, "{{{min}}}"),
            Times { min, max: Some(max) } => write!(f, "{{{min},{max}}}"),
            Times { min, max: None } => write!(f, "{{{min},}}"),
        }
    }
}

impl Order {
    /// All its events, in written order.
    pub fn labels(&self) -> Vec<&Label> {
        let mut labels = Vec::new();
        self.walk(&mut |order| {
            if let Order::Event(label) = order {
                labels.push(label);
            }
        });
        labels
    }

    /// The keys of the lanes around each event, outermost first.
    pub fn keys_of(&self, label: &Label) -> Option<Vec<&str>> {
        match self {
            Order::Event(own) => (own == label).then(Vec::new),
            Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                parts.iter().find_map(|part| part.keys_of(label))
            }
            Order::Repeat(body, _) => body.keys_of(label),
            Order::Each { key, body } => body.keys_of(label).map(|mut keys| {
                keys.insert(0, key);
                keys
            }),
        }
    }

    /// All its lane keys.
    pub fn keys(&self) -> BTreeSet<&str> {
        let mut keys = BTreeSet::new();
        self.walk(&mut |order| {
            if let Order::Each { key, .. } = order {
                keys.insert(key.as_str());
            }
        });
        keys
    }

    /// Whether an empty session satisfies it.
    pub fn is_optional(&self) -> bool {
        match self {
            Order::Event(_) => false,
            Order::Seq(parts) | Order::All(parts) => parts.iter().all(Order::is_optional),
            Order::One(parts) => parts.iter().any(Order::is_optional),
            Order::Repeat(body, times) => times.min == 0 || body.is_optional(),
            Order::Each { body, .. } => body.is_optional(),
        }
    }

    /// The same order in its simplest form, without nested groups of one kind and groups of one part.
    pub fn simplified(self) -> Order {
        fn flatten(parts: Vec<Order>, pick: fn(Order) -> Result<Vec<Order>, Order>) -> Vec<Order> {
            parts
                .into_iter()
                .flat_map(|part| pick(part.simplified()).unwrap_or_else(|part| vec![part]))
                .collect()
        }
        fn group(mut parts: Vec<Order>, make: fn(Vec<Order>) -> Order) -> Order {
            if parts.len() == 1 { parts.remove(0) } else { make(parts) }
        }
        match self {
            Order::Event(_) => self,
            Order::Seq(parts) => {
                let parts = flatten(parts, |p| if let Order::Seq(inner) = p { Ok(inner) } else { Err(p) });
                group(parts, Order::Seq)
            }
            Order::All(parts) => {
                let parts = flatten(parts, |p| if let Order::All(inner) = p { Ok(inner) } else { Err(p) });
                group(parts, Order::All)
            }
            Order::One(parts) => {
                let parts = flatten(parts, |p| if let Order::One(inner) = p { Ok(inner) } else { Err(p) });
                group(parts, Order::One)
            }
            Order::Each { key, body } => Order::Each { key, body: Box::new(body.simplified()) },
            Order::Repeat(body, Times::ONCE) => body.simplified(),
            Order::Repeat(body, times) => match body.simplified() {
                // (a?)? is a?, (a+)? is a*; other pairs do not multiply to one.
                Order::Repeat(inner, it) if Order::folds(it, times) => {
                    let min = it.min.min(times.min);
                    Order::Repeat(inner, Times { min, max: if times.max == Some(1) { it.max } else { None } })
                }
                body => Order::Repeat(Box::new(body), times),
            },
        }
    }

    fn folds(inner: Times, outer: Times) -> bool {
        let simple = |times| [Times::OPTIONAL, Times::ANY, Times::SOME].contains(&times);
        simple(inner) && simple(outer)
    }

    fn walk<'o>(&'o self, visit: &mut impl FnMut(&'o Order)) {
        visit(self);
        match self {
            Order::Event(_) => {}
            Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            Order::Repeat(body, _) | Order::Each { body, .. } => body.walk(visit),
        }
    }

    fn fmt_at(&self, f: &mut fmt::Formatter<'_>, nested: bool) -> fmt::Result {
        let group = |f: &mut fmt::Formatter<'_>, parts: &[Order], sign: &str| {
            if nested {
                f.write_str("( ")?;
            }
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {sign} ")?;
                }
                part.fmt_at(f, true)?;
            }
            if nested { f.write_str(" )") } else { Ok(()) }
        };
        match self {
            Order::Event(label) => write!(f, "{label}"),
            Order::Seq(parts) => group(f, parts, ";"),
            Order::All(parts) => group(f, parts, "&"),
            Order::One(parts) => group(f, parts, "|"),
            Order::Repeat(body, times) => {
                let needs = matches!(**body, Order::Repeat(..));
                if needs {
                    f.write_str("( ")?;
                }
                body.fmt_at(f, true)?;
                if needs {
                    f.write_str(" )")?;
                }
                write!(f, "{times}")
            }
            Order::Each { key, body } => {
                write!(f, "each {key} ( ")?;
                body.fmt_at(f, false)?;
                f.write_str(" )")
            }
        }
    }

    /// Formats the order in lines of at most `width` characters, if groups allow it. The text parses to the same
    /// order.
    pub fn pretty(&self, width: usize) -> String {
        let mut out = String::new();
        self.lay_out(&mut out, 0, width);
        out
    }

    fn lay_out(&self, out: &mut String, indent: usize, width: usize) {
        let flat = self.to_string();
        if indent + flat.chars().count() <= width {
            out.push_str(&flat);
            return;
        }
        let (parts, sign) = match self {
            Order::Seq(parts) => (parts, ";"),
            Order::All(parts) => (parts, "&"),
            Order::One(parts) => (parts, "|"),
            Order::Repeat(body, times) => {
                let bare = matches!(**body, Order::Each { .. });
                if bare {
                    body.lay_out(out, indent, width);
                } else {
                    out.push_str("( ");
                    body.lay_out(out, indent + 2, width);
                    out.push_str(" )");
                }
                out.push_str(&times.to_string());
                return;
            }
            Order::Each { key, body } => {
                out.push_str(&format!("each {key} ( "));
                body.lay_out(out, indent + 2, width);
                out.push_str(" )");
                return;
            }
            Order::Event(_) => {
                out.push_str(&flat);
                return;
            }
        };
        let mut column = indent;
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            let mut text = String::new();
            let is_group = matches!(part, Order::Seq(_) | Order::All(_) | Order::One(_));
            if is_group {
                text.push_str("( ");
                part.lay_out(&mut text, indent + 2, width.saturating_sub(2));
                text.push_str(" )");
            } else {
                part.lay_out(&mut text, indent, width.saturating_sub(2));
            }
            if !last {
                text.push(' ');
                text.push_str(sign);
            }
            let first_line = text.lines().next().map_or(0, |line| line.chars().count());
            if i > 0 {
                if column + 1 + first_line > width || text.contains('\n') {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                    column = indent;
                } else {
                    out.push(' ');
                    column += 1;
                }
            }
            out.push_str(&text);
            column = match text.rsplit_once('\n') {
                // After a part of several lines, start afresh.
                Some(_) => width,
                None => column + text.chars().count(),
            };
        }
    }
}

/// On one line, as the parser reads it.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_at(f, false)
    }
}
