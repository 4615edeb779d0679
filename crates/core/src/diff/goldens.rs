//! What a new golden lets through that the old one did not, and vice versa, in words.
//!
//! ```text
//! wider     `token` may now come 0 times (was 1 or more)
//! wider     latest of `agent_started` after `>ask`: 145 ms → 180 ms
//! narrower  /ok of `tool_completed`: boolean → = true
//! other     new field /model of `agent_started`, always there
//! ```
//!
//! Wider: a session that the old golden found fault with may pass the new one. Narrower: the other way round. What is
//! both, or neither, is other.

use crate::dialect::Label;
use crate::golden::{Answers, Envelope, Event, Fact, Golden, Order, Pace, Path, Rule, Times, Type};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// What a change does to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// More passes.
    Wider,
    /// Less passes.
    Narrower,
    /// Something else passes, or the same for another reason.
    Other,
}

impl Direction {
    /// As reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Wider => "wider",
            Direction::Narrower => "narrower",
            Direction::Other => "other",
        }
    }
}

/// One change from a golden to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it does to what passes.
    pub direction: Direction,
    /// One sentence without control characters.
    pub text: String,
}

use Direction::{Narrower, Other, Wider};

/// The maximum number of listed pairs of events whose order changed.
const PAIRS: usize = 12;

/// What changed from one golden to another, the order first.
pub fn changes(old: &Golden, new: &Golden) -> Vec<Change> {
    let mut told = Told::default();
    if old.dialect != new.dialect {
        told.add(Other, "messages are understood in another way: see [dialect]");
    }
    order(&mut told, old, new);
    set(&mut told, "rule", &[old, new].map(rules), Narrower);
    let ends = |golden: &Golden| golden.ends.iter().cloned().collect();
    set(&mut told, "ending", &[old, new].map(ends), Wider);
    let live = |golden: &Golden| golden.require_live.iter().map(|item| item.name().to_owned()).collect();
    set(&mut told, "required live item", &[old, new].map(live), Narrower);
    let probes = |golden: &Golden| golden.probes.iter().map(|probe| probe.name().to_owned()).collect();
    set(&mut told, "probe", &[old, new].map(probes), Narrower);
    for (label, event) in &new.events {
        if let Some(before) = old.events.get(label) {
            self::event(&mut told, label, before, event);
        }
    }
    settings(&mut told, old, new);
    told.changes
}

#[derive(Default)]
struct Told {
    changes: Vec<Change>,
}

impl Told {
    fn add(&mut self, direction: Direction, text: impl Into<String>) {
        let text: String = text.into();
        let text =
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] });
        let change = Change { direction, text: text.collect() };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    fn moved(&mut self, what: &str, old: impl Display, new: impl Display) {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.add(Other, format!("{what}: {old} → {new}"));
        }
    }
}

/// Which of a set of names are new or gone; `grows` is what a new one does.
fn set(told: &mut Told, what: &str, [old, new]: &[BTreeSet<String>; 2], grows: Direction) {
    let shrinks = if grows == Wider { Narrower } else { Wider };
    new.difference(old).for_each(|name| told.add(grows, format!("new {what}: {name}")));
    old.difference(new).for_each(|name| told.add(shrinks, format!("no longer a {what}: {name}")));
}

fn rules(golden: &Golden) -> BTreeSet<String> {
    golden.rules.iter().map(|rule| format!("`{}` before `{}`", rule.first, rule.then)).collect()
}

// ---- order ----

fn order(told: &mut Told, old: &Golden, new: &Golden) {
    let before = told.changes.len();
    let (was, is) = (Shape::of(&old.order), Shape::of(&new.order));
    for (label, levels) in &is.events {
        match was.events.get(label) {
            None => {
                let times = levels.last().map_or(Times::ONCE, |level| level.times);
                told.add(Wider, format!("`{label}` is new: {}", often(times)));
            }
            Some(levels_before) => counts(told, label, levels_before, levels),
        }
    }
    for label in was.events.keys().filter(|label| !is.events.contains_key(*label)) {
        told.add(Narrower, format!("`{label}` is no longer known"));
    }
    pairs(told, &old.order, &new.order);
    if told.changes.len() == before && old.order != new.order {
        told.add(Other, "the order is written in another way");
    }
}

/// How often something may come in what is around it: the session, or a lane.
#[derive(Debug, Clone, PartialEq)]
struct Level {
    /// The lane in which it is counted, if it is one.
    inside: Option<String>,
    times: Times,
}

/// How often each event of an order may come.
struct Shape {
    /// Lanes from the outermost to the innermost, then the event itself.
    events: BTreeMap<Label, Vec<Level>>,
}

impl Shape {
    fn of(order: &Order) -> Shape {
        let labels: Vec<Label> = order.labels().into_iter().cloned().collect();
        let events = labels.into_iter().filter_map(|label| Some((label.clone(), levels(order, &label)?)));
        Shape { events: events.collect() }
    }
}

/// The levels from the outermost to the innermost; none when the event is not there.
fn levels(order: &Order, label: &Label) -> Option<Vec<Level>> {
    match order {
        Order::Event(own) => (own == label).then(|| vec![Level { inside: None, times: Times::ONCE }]),
        Order::Seq(parts) | Order::All(parts) => parts.iter().find_map(|part| levels(part, label)),
        Order::One(parts) => {
            let mut levels = parts.iter().find_map(|part| levels(part, label))?;
            levels[0].times.min = if parts.len() > 1 { 0 } else { levels[0].times.min };
            Some(levels)
        }
        Order::Repeat(body, times) => {
            let mut levels = levels(body, label)?;
            let own = levels[0].times;
            levels[0].times = Times {
                min: own.min.saturating_mul(times.min),
                max: own.max.zip(times.max).map(|(a, b)| a.saturating_mul(b)),
            };
            Some(levels)
        }
        Order::Each { key, body } => {
            let mut levels = levels(body, label)?;
            levels[0].inside = Some(key.clone());
            levels.insert(0, Level { inside: None, times: Times::ONCE });
            Some(levels)
        }
    }
}

fn counts(told: &mut Told, label: &Label, was: &[Level], is: &[Level]) {
    let keys = |levels: &[Level]| -> Vec<String> { levels.iter().filter_map(|l| l.inside.clone()).collect() };
    if keys(was) != keys(is) {
        let name = |levels: &[Level]| match keys(levels).join(", ") {
            none if none.is_empty() => "none".to_owned(),
            keys => keys,
        };
        told.moved(&format!("lanes of `{label}`"), name(was), name(is));
        return;
    }
    for depth in 0..is.len() {
        // What is counted here: the event itself at the end, else the lanes of the next level.
        let counted = match is.get(depth + 1).and_then(|next| next.inside.as_deref()) {
            Some(key) => format!("a lane of {key}"),
            None => format!("`{label}`"),
        };
        let around =
            is[depth].inside.as_deref().map_or(String::new(), |key| format!(", in a lane of {key},"));
        let subject = format!("{counted}{around}");
        let (was, is) = (was[depth].times, is[depth].times);
        let old = often(was);
        match is.min.cmp(&was.min) {
            Ordering::Less => told.add(Wider, format!("{subject} may now come {} times (was {old})", is.min)),
            Ordering::Greater => {
                told.add(Narrower, format!("{subject} must now come {} or more times (was {old})", is.min));
            }
            Ordering::Equal => {}
        }
        let most = |times: Times| times.max.unwrap_or(u32::MAX);
        match most(is).cmp(&most(was)) {
            Ordering::Less => {
                told.add(Narrower, format!("{subject} may now come {} times at most (was {old})", most(is)))
            }
            Ordering::Greater => {
                let often =
                    is.max.map_or("any number of times".to_owned(), |max| format!("up to {max} times"));
                told.add(Wider, format!("{subject} may now come {often} (was {old})"));
            }
            Ordering::Equal => {}
        }
    }
}

/// `1 time`, `0 or 1 times`, `1 or more times`.
fn often(times: Times) -> String {
    match (times.min, times.max) {
        (1, Some(1)) => "1 time".to_owned(),
        (0, None) => "any number of times".to_owned(),
        (min, None) => format!("{min} or more times"),
        (0, Some(1)) => "0 or 1 times".to_owned(),
        (min, Some(max)) if min == max => format!("{max} times"),
        (min, Some(max)) => format!("{min} to {max} times"),
    }
}

/// How two events of one order stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    /// One of them only.
    Either,
    /// The first one first.
    First,
    /// The second one first.
    Second,
    /// The first one first, each time that it all begins again.
    FirstAgain,
    /// Likewise the second one.
    SecondAgain,
    /// As it comes.
    Any,
}

impl Stand {
    /// The other way round.
    fn turned(self) -> Stand {
        match self {
            Stand::First => Stand::Second,
            Stand::Second => Stand::First,
            Stand::FirstAgain => Stand::SecondAgain,
            Stand::SecondAgain => Stand::FirstAgain,
            Stand::Either | Stand::Any => self,
        }
    }

    /// Whether all that stands like `self` may stand like `other`.
    fn is_within(self, other: Stand) -> bool {
        match (self, other) {
            (a, b) if a == b => true,
            (_, Stand::Any) | (Stand::Either, _) => true,
            (Stand::First, Stand::FirstAgain) | (Stand::Second, Stand::SecondAgain) => true,
            _ => false,
        }
    }

    fn name(self, one: &str, other: &str) -> String {
        match self {
            Stand::Either => "never both".to_owned(),
            Stand::First => format!("{one} first"),
            Stand::Second => format!("{other} first"),
            Stand::FirstAgain => format!("{one} first, again and again"),
            Stand::SecondAgain => format!("{other} first, again and again"),
            Stand::Any => "in any order".to_owned(),
        }
    }
}

fn stand(order: &Order, one: &Label, other: &Label, again: bool) -> Option<Stand> {
    let has = |part: &Order, label: &Label| part.labels().contains(&label);
    let parts = match order {
        Order::Event(_) => return None,
        Order::Repeat(body, times) => return stand(body, one, other, again || times.max != Some(1)),
        // Within a lane all begins anew, but that is another lane.
        Order::Each { body, .. } => return stand(body, one, other, false),
        Order::Seq(parts) | Order::All(parts) | Order::One(parts) => parts,
    };
    let place = |label| parts.iter().position(|part| has(part, label));
    let (first, second) = (place(one)?, place(other)?);
    if first == second {
        return stand(&parts[first], one, other, again);
    }
    Some(match (order, again) {
        (Order::One(_), false) => Stand::Either,
        (Order::Seq(_), false) if first < second => Stand::First,
        (Order::Seq(_), false) => Stand::Second,
        (Order::Seq(_), true) if first < second => Stand::FirstAgain,
        (Order::Seq(_), true) => Stand::SecondAgain,
        (_, _) => Stand::Any,
    })
}

/// Two events that stand to each other in another way: how they stood, and how they do.
type Pair<'o> = (&'o Label, &'o Label, Stand, Stand);

/// The events whose order changed. An event that moved is listed once, with all that it passed.
fn pairs(told: &mut Told, old: &Order, new: &Order) {
    let known = old.labels();
    let labels: Vec<&Label> = new.labels().into_iter().filter(|label| known.contains(label)).collect();
    let mut open: Vec<Pair<'_>> = Vec::new();
    for (index, &one) in labels.iter().enumerate() {
        for &other in &labels[index + 1..] {
            let stands = stand(old, one, other, false).zip(stand(new, one, other, false));
            open.extend(stands.filter(|(was, is)| was != is).map(|(was, is)| (one, other, was, is)));
        }
    }
    let mut groups: Vec<(&Label, Stand, Stand, Vec<&Label>)> = Vec::new();
    while let Some(group) = largest(&labels, &open) {
        let (one, was, is, _) = &group;
        open.retain(|pair| {
            seen_from(pair, one).is_none_or(|(_, own_was, own_is)| (own_was, own_is) != (*was, *is))
        });
        groups.push(group);
    }
    for (one, was, is, others) in groups.iter().take(PAIRS) {
        let direction = match (was.is_within(*is), is.is_within(*was)) {
            (true, _) => Wider,
            (_, true) => Narrower,
            _ => Other,
        };
        let names: Vec<String> = others.iter().map(|label| format!("`{label}`")).collect();
        let (one, names) = (format!("`{one}`"), names.join(", "));
        let (was, is) = (was.name(&one, &names), is.name(&one, &names));
        told.add(direction, format!("{one} and {names}: {is} (was {was})"));
    }
    if groups.len() > PAIRS {
        told.add(Other, format!("{} more pairs of events stand in another order", groups.len() - PAIRS));
    }
}

/// A pair as one of its events has it: the other one, and how it stood and stands to that.
fn seen_from<'o>(&(one, other, was, is): &Pair<'o>, label: &Label) -> Option<(&'o Label, Stand, Stand)> {
    match label {
        _ if label == one => Some((other, was, is)),
        _ if label == other => Some((one, was.turned(), is.turned())),
        _ => None,
    }
}

/// The event with the most others to which it stands in another way, all in the same; the first of those in the order.
fn largest<'o>(labels: &[&'o Label], open: &[Pair<'o>]) -> Option<(&'o Label, Stand, Stand, Vec<&'o Label>)> {
    let mut best: Option<(&Label, Stand, Stand, Vec<&Label>)> = None;
    for &label in labels {
        let mut own: BTreeMap<(Stand, Stand), Vec<&Label>> = BTreeMap::new();
        for (other, was, is) in open.iter().filter_map(|pair| seen_from(pair, label)) {
            own.entry((was, is)).or_default().push(other);
        }
        for ((was, is), others) in own {
            if best.as_ref().is_none_or(|(.., most)| others.len() > most.len()) {
                best = Some((label, was, is, others));
            }
        }
    }
    best
}

// ---- events ----

fn event(told: &mut Told, label: &Label, old: &Event, new: &Event) {
    match (old.critical, new.critical) {
        (false, true) => told.add(Narrower, format!("`{label}` is critical now")),
        (true, false) => told.add(Wider, format!("`{label}` is no longer critical")),
        (true, true) | (false, false) => {}
    }
    match (old.total, new.total) {
        (was, is) if was == is => {}
        (None, Some(total)) => told.add(Narrower, format!("`{label}` comes {total} times in a session now")),
        (Some(total), None) => {
            told.add(Wider, format!("`{label}` need no longer come {total} times in a session"));
        }
        (was, is) => {
            let [was, is] = [was, is].map(Option::unwrap_or_default);
            told.add(Other, format!("`{label}` comes {is} times in a session, not {was}"));
        }
    }
    answers(told, label, [old, new].map(|event| event.answered.as_ref()));
    if old.sends != new.sends {
        told.add(Other, format!("the client sends something else as `{label}`"));
    }
    if old.binds != new.binds {
        told.add(Other, format!("other values of `{label}` are kept under a name"));
    }
    fields(told, label, &old.shape, &new.shape);
    for envelope in &new.timing {
        let before = old.timing.iter().find(|own| own.after == envelope.after);
        timing(told, label, before, envelope);
    }
}

/// Which answers a request may have.
fn answers(told: &mut Told, label: &Label, answered: [Option<&Answers>; 2]) {
    match answered {
        [was, is] if was == is => {}
        [None, Some(is)] => told.add(Narrower, format!("each `{label}` is answered by its id now: {is}")),
        [Some(was), None] => {
            told.add(Wider, format!("`{label}` need no longer be answered by its id: was {was}"));
        }
        [Some(was), Some(is)] => {
            let has_more = |of: &Answers, than: &Answers| {
                than.kinds
                    .iter()
                    .all(|own| of.of(&own.label).is_some_and(|more| more.goes_on || !own.goes_on))
                    && (of.is_optional || !than.is_optional)
                    && (of.or_end || of.is_optional || !than.or_end)
            };
            let direction = match (has_more(is, was), has_more(was, is)) {
                (true, false) => Wider,
                (false, true) => Narrower,
                _ => Other,
            };
            told.add(direction, format!("what answers `{label}`: {was} → {is}"));
        }
        [None, None] => {}
    }
}

fn timing(told: &mut Told, label: &Label, old: Option<&Envelope>, new: &Envelope) {
    let what = format!("`{label}` after `{}`", new.after);
    let Some(old) = old else {
        told.add(Other, format!("{what} is a gap that is measured now, usually {}", new.usual));
        return;
    };
    // A bound that grows lets more through when it is the upper one.
    for (name, was, is, grows, shrinks) in [
        ("latest", old.latest, new.latest, Wider, Narrower),
        ("earliest", old.earliest, new.earliest, Narrower, Wider),
    ] {
        match (was, is) {
            (Some(was), Some(is)) if was != is => {
                let direction = if is > was { grows } else { shrinks };
                told.add(direction, format!("{name} of {what}: {was} → {is}"));
            }
            (Some(was), None) => told.add(Wider, format!("{name} of {what}: {was} → not bounded")),
            (None, Some(is)) => told.add(Narrower, format!("{name} of {what}: not bounded → {is}")),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn fields(told: &mut Told, label: &Label, old: &[(Path, Rule)], new: &[(Path, Rule)]) {
    let find = |shape: &[(Path, Rule)], path: &Path| shape.iter().any(|(own, _)| own.pattern == path.pattern);
    // A field in one that is new itself goes without saying.
    let has_parent = |shape: &[(Path, Rule)], known: &[(Path, Rule)], path: &Path| {
        let is_parent = |own: &Path| {
            path.pattern.strip_prefix(own.pattern.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        shape.iter().any(|(own, _)| !own.pattern.is_empty() && is_parent(own) && !find(known, own))
    };
    for (path, rule) in new {
        let Some((before, was)) = old.iter().find(|(own, _)| own.pattern == path.pattern) else {
            if !has_parent(new, old, path) {
                let field = place(path, label);
                match path.optional {
                    true => told.add(Wider, format!("new optional field {field}")),
                    false => told.add(Other, format!("new field {field}, always there")),
                }
            }
            continue;
        };
        let field = place(path, label);
        match (before.optional, path.optional) {
            (false, true) => told.add(Wider, format!("{field} may now be missing")),
            (true, false) => told.add(Narrower, format!("{field} must now be there")),
            (true, true) | (false, false) => {}
        }
        self::rule(told, &field, was, rule);
    }
    for (path, _) in old.iter().filter(|(path, _)| !find(new, path)) {
        if !has_parent(old, new, path) {
            told.add(Narrower, format!("no longer a field: {}", place(path, label)));
        }
    }
}

/// `/ok of `tool_completed``.
fn place(path: &Path, label: &Label) -> String {
    let pattern = if path.pattern.is_empty() { "the whole message" } else { &path.pattern };
    format!("{pattern} of `{label}`")
}

fn rule(told: &mut Told, field: &str, old: &Rule, new: &Rule) {
    let name = |rule: &Rule| {
        let names: Vec<String> = rule.types.iter().map(Type::to_string).collect();
        if names.is_empty() { "anything".to_owned() } else { names.join(" | ") }
    };
    let (was, is) = (name(old), name(new));
    if was != is {
        let direction = match (is_within(&old.types, &new.types), is_within(&new.types, &old.types)) {
            (true, false) => Wider,
            (false, true) => Narrower,
            (true, true) | (false, false) => Other,
        };
        told.add(direction, format!("{field}: {was} → {is}"));
    }
    let facts = |rule: &Rule| rule.facts.iter().map(Fact::to_string).collect::<BTreeSet<_>>();
    let (mut was, mut is) = (facts(old), facts(new));
    // A counter of which it is known now with what it begins is a counter as before.
    let begins = |rule: &Rule| {
        rule.facts.iter().find_map(|fact| match fact {
            Fact::Counter { from } => Some(*from),
            _ => None,
        })
    };
    if let (Some(None), Some(Some(first))) = (begins(old), begins(new)) {
        was.remove("counter");
        is.remove(&format!("counter from {first}"));
        told.add(Narrower, format!("{field} must now begin with {first}"));
    }
    is.difference(&was).for_each(|fact| told.add(Narrower, format!("{field} must now be: {fact}")));
    was.difference(&is).for_each(|fact| told.add(Wider, format!("{field} need no longer be: {fact}")));
}

/// Whether all that fits one of `inner` fits one of `outer`; none at all is anything.
fn is_within(inner: &[Type], outer: &[Type]) -> bool {
    let holds = |one: &Type| outer.iter().any(|other| covers(other, one));
    outer.is_empty() || !inner.is_empty() && inner.iter().all(holds)
}

fn covers(outer: &Type, inner: &Type) -> bool {
    match (outer, inner) {
        (outer, inner) if outer == inner => true,
        (outer, Type::Literal(value)) => outer.fits(value),
        (Type::Number, inner) => matches!(inner.json_type(), "number" | "integer"),
        (Type::String, inner) => inner.json_type() == "string",
        (Type::Text, Type::Format(_)) => inner.json_type() == "string",
        (Type::Map, Type::Object) => true,
        _ => false,
    }
}

// ---- the rest ----

fn settings(told: &mut Told, old: &Golden, new: &Golden) {
    let pace = |golden: &Golden| match golden.pace {
        Pace::Causal => "at once",
        Pace::Recorded => "after the recorded think times",
    };
    told.moved("the client sends", pace(old), pace(new));
    told.moved("wait", old.wait, new.wait);
    told.moved("linger", old.linger, new.linger);
    let listen = |golden: &Golden| {
        golden.listen.map_or_else(|| "until it is silent".to_owned(), |time| time.to_string())
    };
    told.moved("the client listens", listen(old), listen(new));
    told.moved("kept by `learn`", old.keep.join(", "), new.keep.join(", "));
    let script = |golden: &Golden| golden.script.iter().map(Label::to_string).collect::<Vec<_>>().join(", ");
    told.moved("what the client sends", script(old), script(new));
    let time = |golden: &Golden| golden.time.unwrap_or_default().name();
    told.moved("time is judged by", time(old), time(new));
    let hosts = |golden: &Golden| match &golden.learned.hosts[..] {
        [] => "hosts that are not known".to_owned(),
        hosts => hosts.join(", "),
    };
    // For a lone copy it is unknown.
    if old.lacks_evidence() == new.lacks_evidence() {
        told.moved("recorded on", hosts(old), hosts(new));
    }
    let recordings = |golden: &Golden| match golden.learned.recordings {
        1 => "1 recording".to_owned(),
        count => format!("{count} recordings"),
    };
    told.moved("learned from", recordings(old), recordings(new));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn read(text: &str) -> Golden {
        golden::read("golden/x.toml", &format!("goldwire = 1\n{text}")).expect("a golden")
    }

    fn said(old: &str, new: &str) -> Vec<String> {
        let changes = changes(&read(old), &read(new));
        changes.iter().map(|change| format!("{}: {}", change.direction.name(), change.text)).collect()
    }

    #[test]
    fn how_often_an_event_may_come_is_said_for_both_ends() {
        assert_eq!(
            said("order = \"a ; token+ ; b\"", "order = \"a ; token* ; b{1,3}\""),
            [
                "wider: `b` may now come up to 3 times (was 1 time)",
                "wider: `token` may now come 0 times (was 1 or more times)"
            ]
        );
        assert_eq!(
            said("order = \"a ; token{0,4}\"", "order = \"a ; token{2,3}\""),
            [
                "narrower: `token` must now come 2 or more times (was 0 to 4 times)",
                "narrower: `token` may now come 3 times at most (was 0 to 4 times)"
            ]
        );
    }

    #[test]
    fn what_happens_in_a_lane_is_counted_in_the_lane() {
        assert_eq!(
            said("order = \"each id ( a ; b )*\"", "order = \"each id ( a ; b? )+\""),
            [
                "narrower: a lane of id must now come 1 or more times (was any number of times)",
                "wider: `b`, in a lane of id, may now come 0 times (was 1 time)"
            ]
        );
        assert_eq!(said("order = \"each id ( a )*\"", "order = \"a*\""), ["other: lanes of `a`: id → none"]);
    }

    #[test]
    fn an_event_that_moved_is_told_once() {
        assert_eq!(
            said("order = \"a ; b ; c ; d\"", "order = \"d & ( a ; b ; c )\""),
            ["wider: `d` and `a`, `b`, `c`: in any order (was `a`, `b`, `c` first)"]
        );
        assert_eq!(
            said("order = \"a ; b ; c ; d ; e\"", "order = \"( a ; b ; c ) & d & e\""),
            [
                "wider: `e` and `a`, `b`, `c`, `d`: in any order (was `a`, `b`, `c`, `d` first)",
                "wider: `d` and `a`, `b`, `c`: in any order (was `a`, `b`, `c` first)"
            ]
        );
        assert_eq!(
            said("order = \"a & b\"", "order = \"b ; a\""),
            ["narrower: `b` and `a`: `b` first (was in any order)"]
        );
        assert_eq!(
            said("order = \"a ; b\"", "order = \"b ; a ; c?\""),
            ["wider: `c` is new: 0 or 1 times", "other: `b` and `a`: `b` first (was `a` first)"]
        );
    }

    #[test]
    fn fields_and_bounds_say_which_way_they_went() {
        let golden = |shape: &str, latest: &str| {
            format!(
                "order = \"a ; b\"\n[event.b]\ntiming = {{ after = \"a\", usual = \"50 ms\", latest = \"{latest}\", \
                 spread = 0.3, samples = 20, runs = 20 }}\n[event.b.shape]\n{shape}"
            )
        };
        let old =
            golden("\"/x\" = '= \"one\"'\n\"/y\" = \"integer, counter\"\n\"/gone\" = \"string\"\n", "145 ms");
        let new = golden(
            "\"/x?\" = '= \"one\" | = \"two\"'\n\"/y\" = \"string\"\n\"/deep?\" = \"object\"\n\"/deep/er\" = \"text\"\n",
            "180 ms",
        );
        assert_eq!(
            said(&old, &new),
            [
                "wider: /x of `b` may now be missing",
                "wider: /x of `b`: = \"one\" → = \"one\" | = \"two\"",
                "other: /y of `b`: integer → string",
                "wider: /y of `b` need no longer be: counter",
                "wider: new optional field /deep of `b`",
                "narrower: no longer a field: /gone of `b`",
                "wider: latest of `b` after `a`: 145 ms → 180 ms",
            ]
        );
    }

    #[test]
    fn how_often_an_event_comes_in_a_session_is_said() {
        let golden = |total: &str| format!("order = \"a+\"\n[event.a]\n{total}\n");
        let [none, two, three] = ["", "total = 2", "total = 3"].map(golden);
        assert_eq!(said(&none, &two), ["narrower: `a` comes 2 times in a session now"]);
        assert_eq!(said(&two, &none), ["wider: `a` need no longer come 2 times in a session"]);
        assert_eq!(said(&two, &three), ["other: `a` comes 3 times in a session, not 2"]);
    }

    #[test]
    fn what_answers_a_request_is_wider_or_narrower() {
        let golden = |answered: &str| {
            let line =
                if answered.is_empty() { String::new() } else { format!("answered = \"{answered}\"\n") };
            format!(
                "order = \">a* & b* & c*\"\n[dialect]\nreply = \"/id\"\n[event.a]\nsend = {{ id = 1 }}\n{line}"
            )
        };
        for (old, new, expected) in [
            ("", "b", "narrower: each `>a` is answered by its id now: b"),
            ("b", "", "wider: `>a` need no longer be answered by its id: was b"),
            ("b", "b | c", "wider: what answers `>a`: b → b | c"),
            ("b+ | @end", "b", "narrower: what answers `>a`: b+ | @end → b"),
            ("b", "c", "other: what answers `>a`: b → c"),
        ] {
            assert_eq!(said(&golden(old), &golden(new)), [expected]);
        }
    }

    #[test]
    fn a_golden_is_itself() {
        for text in ["order = \"a ; ( b & each id ( c ; d? )* )+\"", "order = \"( a | b )* ; c\""] {
            assert_eq!(said(text, text), [""; 0]);
        }
    }
}
