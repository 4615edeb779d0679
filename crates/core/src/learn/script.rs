//! The client's half: what it sends, where the values in it come from, and what each send waits for.

use super::lanes::is_id;
use super::paths::word_of;
use super::sasl;
use super::session::Session;
use super::value_index::{Origin, ValueIndex};
use crate::codec::unhex;
use crate::dialect::{CANCEL, Event, Label, RECONNECT, REQUEST, pointer};
use crate::golden::{self, Format, Golden, Monitor, Order};
use crate::template::Template;
use crate::transcript::Gap;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A message of the client that was sent after more kinds of messages waited for none of them.
const MAX_CAUSES: usize = 4;
/// A think time below this is only the client's own speed.
const MIN_THINK: Gap = Gap::from_millis(50);

pub(super) fn learn(
    sessions: &[Session],
    order: &Order,
    events: &mut BTreeMap<Label, golden::Event>,
    previous: Option<&Golden>,
) -> Vec<Label> {
    let script = usual_script(sessions.iter());
    let following: Vec<&Session> = sessions.iter().filter(|session| labels(session) == script).collect();
    let counts = |label: &Label| script.iter().filter(|own| *own == label).count();
    let kept = kept(previous, events, &counts);
    let mut binds = Binds::of(previous.filter(|_| !kept.is_empty()), events);
    for (label, sends) in &kept {
        if let Some(event) = events.get_mut(label) {
            event.sends.clone_from(sends);
        }
    }
    let pasts: Vec<ValueIndex<'_>> = following.iter().map(|session| ValueIndex::of(session)).collect();
    for (index, label) in script.iter().enumerate() {
        if matches!(label.as_str(), RECONNECT | CANCEL) || kept.contains_key(label) {
            continue;
        }
        let template = template(index, &pasts, &mut binds);
        if let Some(event) = events.get_mut(label) {
            // One message that is sent again and again is written once.
            if event.sends.first() != Some(&template) || event.sends.len() > 1 {
                event.sends.push(template);
            }
        }
    }
    for (label, event) in events.iter_mut().filter(|(label, _)| !kept.contains_key(*label)) {
        let wanted = counts(label);
        if label.is_client() && event.sends.len() > 1 && event.sends.len() < wanted {
            // Equal neighbours were folded although others differ: spell all of them out.
            event.sends = spell_out(label, &script, &pasts, &mut binds);
        }
    }
    // What only other recordings show is said as they show it.
    let is_silent = |event: &golden::Event| event.sends.is_empty();
    let silent: Vec<Label> = events
        .iter()
        .filter(|(label, event)| label.is_client() && is_silent(event))
        .map(|(label, _)| label.clone())
        .filter(|label| !matches!(label.as_str(), RECONNECT | CANCEL) && !script.contains(label))
        .collect();
    for label in silent {
        let showing = |session: &&Session| session.events.iter().any(|event| event.label == label);
        let usual = usual_script(sessions.iter().filter(showing));
        let pasts: Vec<ValueIndex<'_>> =
            sessions.iter().filter(|session| labels(session) == usual).map(ValueIndex::of).collect();
        let mut sends = spell_out(&label, &usual, &pasts, &mut binds);
        sends.dedup();
        if let Some(event) = events.get_mut(&label) {
            event.sends = sends;
        }
    }
    binds.write(events);
    waits(sessions, order, events);
    thinks(&following, &script, events);
    script
}

/// What a person wrote, or what was learned before, of the client's messages: it stays as long as there are as many of
/// them and the values that they take from the server's messages are still there.
fn kept(
    previous: Option<&Golden>,
    events: &BTreeMap<Label, golden::Event>,
    counts: &dyn Fn(&Label) -> usize,
) -> BTreeMap<Label, Vec<Template>> {
    let Some(previous) = previous else { return BTreeMap::new() };
    let bound = |name: &str| {
        let binders =
            || previous.events.iter().filter(|(_, event)| event.binds.iter().any(|(own, _)| own == name));
        binders().next().is_none() || binders().any(|(label, _)| events.contains_key(label))
    };
    let is_kept = |label: &Label, event: &golden::Event| {
        let fits = event.sends.len() == 1 || event.sends.len() == counts(label);
        fits && events.contains_key(label)
            && event.sends.iter().flat_map(Template::names).all(|name| bound(&name))
    };
    let own = previous.events.iter().filter(|(label, event)| label.is_client() && is_kept(label, event));
    own.map(|(label, event)| (label.clone(), event.sends.clone())).collect()
}

fn spell_out(label: &Label, script: &[Label], pasts: &[ValueIndex<'_>], binds: &mut Binds) -> Vec<Template> {
    let places = script.iter().enumerate().filter(|(_, own)| *own == label);
    places.map(|(index, _)| template(index, pasts, binds)).collect()
}

fn labels(session: &Session) -> Vec<Label> {
    session.events.iter().map(|event| event.label.clone()).filter(Label::is_client).collect()
}

fn usual_script<'a>(sessions: impl Iterator<Item = &'a Session>) -> Vec<Label> {
    let mut counts: BTreeMap<Vec<Label>, u32> = BTreeMap::new();
    for session in sessions {
        *counts.entry(labels(session)).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
        .map(|(script, _)| script)
        .unwrap_or_default()
}

/// Names for values of the server that the client sends back.
#[derive(Default)]
struct Binds {
    names: BTreeMap<Origin, String>,
}

impl Binds {
    /// With the names that were given before, of events that are still there.
    fn of(previous: Option<&Golden>, events: &BTreeMap<Label, golden::Event>) -> Binds {
        let mut binds = Binds::default();
        for (label, event) in previous.iter().flat_map(|golden| &golden.events) {
            for (name, pointer) in event.binds.iter().filter(|_| events.contains_key(label)) {
                binds.names.insert((label.clone(), pointer.clone()), name.clone());
            }
        }
        binds
    }

    fn name(&mut self, origin: &Origin) -> String {
        if let Some(name) = self.names.get(origin) {
            return name.clone();
        }
        let clean = |text: &str| {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>()
        };
        let leaf = clean(word_of(&origin.1));
        let taken = |name: &String| self.names.values().any(|known| known == name);
        // A place of a tuple has no meaning alone, and begins with a digit.
        let is_number = leaf.starts_with(|c: char| c.is_ascii_digit());
        let mut name =
            if taken(&leaf) || is_number { format!("{}_{leaf}", clean(origin.0.name())) } else { leaf };
        while taken(&name) {
            name.push('_');
        }
        self.names.insert(origin.clone(), name.clone());
        name
    }

    fn write(self, events: &mut BTreeMap<Label, golden::Event>) {
        for ((label, pointer), name) in self.names {
            if let Some(event) = events.get_mut(&label) {
                event.binds.push((name, pointer));
                event.binds.sort();
            }
        }
    }
}

/// A message of the client, and what came before it.
#[derive(Clone, Copy)]
struct Sent<'p, 's> {
    past: &'p ValueIndex<'s>,
    at: usize,
}

impl<'s> Sent<'_, 's> {
    fn event(self) -> &'s Event {
        self.past.event(self.at)
    }
}

fn template(index: usize, pasts: &[ValueIndex<'_>], binds: &mut Binds) -> Template {
    let sent = pasts.iter().filter_map(|past| Some(Sent { past, at: past.send(index)? }));
    let sent: Vec<Sent<'_, '_>> = sent.collect();
    let Some(first) = sent.first().map(|sent| sent.event()) else { return Template::Text(String::new()) };
    match (&first.data, first.label.name()) {
        (Value::String(text), "text") => {
            Template::Text(with_credentials(text).unwrap_or_else(|| text.clone()))
        }
        (Value::String(text), "binary") => Template::Binary(unhex(text).unwrap_or_default()),
        _ => {
            let mut message = generalise(&first.data, "", &sent, binds);
            sasl::fill(&mut message);
            Template::Json(message)
        }
    }
}

fn generalise(value: &Value, path: &str, sent: &[Sent<'_, '_>], binds: &mut Binds) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| {
                    let below = format!("{path}{}", pointer([key.as_str()]));
                    (key.clone(), generalise(item, &below, sent, binds))
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(i, item)| generalise(item, &format!("{path}/{i}"), sent, binds))
                .collect(),
        ),
        Value::String(text) => match with_credentials(text) {
            // What the server has said before is sent back, secret or not.
            Some(template) => match origin(&standing_at(path, sent)) {
                Some(origin) => Value::from(format!("{{{{{}}}}}", binds.name(&origin))),
                None => Value::from(template),
            },
            None => leaf(value, path, sent, binds),
        },
        Value::Number(_) => leaf(value, path, sent, binds),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// A text whose credentials were recorded as labels, with placeholders for the credentials of a later user.
fn with_credentials(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{secret:")
        && let Some((label, behind)) = after.split_once("}}")
    {
        let name = label.split('#').next().unwrap_or(label);
        // However it was found and named, the accepted credential is the token of the login.
        let is_token = name.ends_with("token") && name != "refresh_token";
        let is_door = is_token || ["jwt", "header", "cookie", "authorization", "bearer"].contains(&name);
        // A login has a password; other credentials are options of the command: `--secret PASSWORD`.
        let place = match name {
            _ if is_door => "token".to_owned(),
            "password" => name.to_owned(),
            _ => format!("var.{name}"),
        };
        out.push_str(&format!("{before}{{{{{place}}}}}"));
        rest = behind;
    }
    (!out.is_empty()).then(|| out + rest)
}

/// What stands at a path of each of these messages.
fn standing_at<'p, 's>(path: &str, sent: &[Sent<'p, 's>]) -> Vec<(&'s Value, Sent<'p, 's>)> {
    sent.iter().filter_map(|sent| Some((sent.event().data.pointer(path)?, *sent))).collect()
}

fn leaf(value: &Value, path: &str, sent: &[Sent<'_, '_>], binds: &mut Binds) -> Value {
    let here = standing_at(path, sent);
    let is_constant = here.iter().all(|(own, _)| *own == value);
    if is_constant && (here.len() > 1 || !is_id(path, value)) {
        return value.clone();
    }
    if let Some(origin) = origin(&here) {
        return Value::from(format!("{{{{{}}}}}", binds.name(&origin)));
    }
    if is_constant {
        return value.clone();
    }
    if let Some(text) = value.as_str() {
        if let Some(with_places) = inside(text, &here, binds) {
            return Value::from(with_places);
        }
        let formats: BTreeSet<Option<Format>> =
            here.iter().map(|(own, _)| own.as_str().and_then(Format::of)).collect();
        match formats.into_iter().collect::<Vec<_>>()[..] {
            [Some(Format::Uuid)] => return Value::from("{{uuid}}"),
            [Some(Format::Timestamp)] => return Value::from("{{now}}"),
            [Some(Format::Id(..) | Format::Hex(_))] => return Value::from("{{nonce}}"),
            _ => {}
        }
    }
    // Content that differs from run to run and comes from nowhere: what was said most often.
    let mut counts: BTreeMap<String, (u32, &Value)> = BTreeMap::new();
    for (own, _) in &here {
        counts.entry(own.to_string()).or_insert((0, own)).0 += 1;
    }
    let best = counts.into_iter().max_by(|a, b| a.1.0.cmp(&b.1.0).then_with(|| b.0.cmp(&a.0)));
    best.map_or(Value::Null, |(_, (_, value))| value.clone())
}

/// The server's value that the client repeated, in every session: the latest one of its place each time.
fn origin(here: &[(&Value, Sent<'_, '_>)]) -> Option<Origin> {
    let mut common: Option<BTreeSet<Origin>> = None;
    for (value, Sent { past, at }) in here {
        let mut equal = past.sources(value, *at);
        equal.retain(|origin| common.as_ref().is_none_or(|common| common.contains(origin)));
        common = Some(equal);
    }
    let (_, first) = here.first()?;
    common?.into_iter().min_by_key(|origin| (first.past.first(&origin.0, first.at), origin.clone()))
}

/// A text with the server's values in it replaced by places, if that makes all sessions' texts the same.
fn inside(text: &str, here: &[(&Value, Sent<'_, '_>)], binds: &mut Binds) -> Option<String> {
    let (_, first) = here.first()?;
    let (origin, part) = first.past.part_of(text, first.at)?;
    let shape = text.replace(part, "\u{0}");
    let fits = here.iter().all(|(value, Sent { past, at })| {
        let own = past.latest(origin, *at).and_then(Value::as_str);
        matches!((value.as_str(), own), (Some(text), Some(own)) if text.replace(own, "\u{0}") == shape)
    });
    fits.then(|| shape.replace('\u{0}', &format!("{{{{{}}}}}", binds.name(origin))))
}

/// Finds the sends that the order alone would allow too early, and what they really waited for.
fn waits(sessions: &[Session], order: &Order, events: &mut BTreeMap<Label, golden::Event>) {
    let mut early: BTreeSet<&Label> = BTreeSet::new();
    // What came last before each of them, early or not: the first of several may wait for something else than the others.
    let mut prompts: BTreeMap<&Label, BTreeSet<Label>> = BTreeMap::new();
    // What was sent right after a message of its own name waits for nothing, however often something came before it; after
    // another one, that is its cause.
    let mut unprompted: BTreeSet<&Label> = BTreeSet::new();
    let key_of = |event: &Event, key: &str| {
        let lanes = events.get(&event.label).map(|own| &own.lanes);
        let pointer = lanes.and_then(|lanes| lanes.iter().find(|(own, _)| own == key));
        let pointer = pointer.map(|(_, pointer)| pointer.as_str()).or((key == "request").then_some(REQUEST));
        pointer.and_then(|pointer| event.key(pointer)).map(Cow::into_owned)
    };
    for session in sessions {
        let mut monitor = Monitor::new(order);
        let mut clients = session.events.iter().filter(|event| event.label.is_client()).peekable();
        let mut last: Option<&Label> = None;
        let mut allowed_before = false;
        let mut before: Option<&Label> = None;
        for event in &session.events {
            // The next thing the client will send, if it could have been sent already before the latest event.
            let next = clients.peek();
            if event.label.is_client() {
                if let Some(last) = last {
                    prompts.entry(&event.label).or_default().insert(last.clone());
                    if allowed_before {
                        early.insert(&event.label);
                    }
                }
                match before.filter(|_| last.is_none()) {
                    Some(own) if *own != event.label => {
                        prompts.entry(&event.label).or_default().insert(own.clone());
                    }
                    Some(_) => drop(unprompted.insert(&event.label)),
                    None => {}
                }
                clients.next();
                allowed_before = false;
                last = None;
                before = Some(&event.label);
            } else {
                allowed_before =
                    next.is_some_and(|next| monitor.accepts(&next.label, &|key: &str| key_of(next, key)));
                last = Some(&event.label);
            }
            monitor.feed(&event.label, &|key: &str| key_of(event, key));
        }
    }
    let comes = |causes: &BTreeSet<Label>| causes.iter().any(|cause| !cause.is_client());
    prompts.retain(|label, causes| early.contains(label) && !unprompted.contains(label) && comes(causes));
    for (label, causes) in prompts {
        // A handful of causes is a rule; more are chance.
        if let Some(event) = events.get_mut(label).filter(|_| causes.len() <= MAX_CAUSES) {
            event.after = causes.into_iter().collect();
        }
    }
}

/// How long the client usually waited after what it had seen.
fn thinks(sessions: &[&Session], script: &[Label], events: &mut BTreeMap<Label, golden::Event>) {
    for label in script.iter().collect::<BTreeSet<_>>() {
        let mut gaps: Vec<Gap> = sessions
            .iter()
            .flat_map(|session| session.events.windows(2))
            .filter(|pair| pair[1].label == *label)
            .map(|pair| pair[1].at.since(pair[0].at))
            .collect();
        gaps.sort();
        let median = gaps.get(gaps.len() / 2).copied();
        if let (Some(event), Some(median)) = (events.get_mut(label), median.filter(|gap| *gap >= MIN_THINK)) {
            event.think = Some(median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_becomes_a_place_wherever_it_stands() {
        for (recorded, expected) in [
            ("{{secret:token#1}}", Some("{{token}}")),
            ("Bearer {{secret:jwt#2}}; again {{secret:jwt#2}}.", Some("Bearer {{token}}; again {{token}}.")),
            ("{{secret:password#1}}", Some("{{password}}")),
            ("{{secret:PASSWORD#1}}", Some("{{var.PASSWORD}}")),
            ("{{secret:access_token#1}}", Some("{{token}}")),
            ("{{secret:refresh_token#1}}", Some("{{var.refresh_token}}")),
            ("{{secret:auth#1}}", Some("{{var.auth}}")),
            ("{{secret:half", None),
            ("no secret", None),
        ] {
            assert_eq!(with_credentials(recorded).as_deref(), expected);
        }
    }
}
