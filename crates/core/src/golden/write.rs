//! Writing the golden file: what a reviewer has to read. How well it is known stands in the file beside it, see
//! [`Evidence`](super::Evidence).

use super::contract::{DEFAULT_LINGER, DEFAULT_WAIT};
use super::format::VERSION;
use super::shape::{Path, Rule};
use super::{Envelope, Event, Golden, LiveItem, Pace, order_syntax};
use crate::dialect::{Dialect, Embedded, HttpNames, JsonNames, Label, NameAt, When};
use crate::document::to_json;
use crate::template::Template;
use crate::transcript::{Gap, is_unseen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::fmt::Write as _;

/// Writes a golden from nothing.
pub fn write(golden: &Golden) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_into(&mut out, golden);
    out
}

/// A text as a basic string in which nothing is hidden; none where nothing has to be escaped for that.
fn seen(text: &str) -> Option<String> {
    text.chars().any(is_unseen).then(|| basic(text))
}

/// A text as a basic string (TOML 1.0), on one line.
fn basic(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unseen(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn string(text: &str) -> String {
    if let Some(text) = seen(text) {
        return text;
    }
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

fn strings(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let parts: Vec<String> = texts.into_iter().map(|text| string(text.as_ref())).collect();
    match &parts[..] {
        [one] => one.clone(),
        _ => format!("[{}]", parts.join(", ")),
    }
}

/// A path as a key; always in quotes, as it begins with a slash.
fn path_key(path: &str) -> String {
    if has_both_quotes(path) { basic(path) } else { string(path) }
}

/// Whether neither sort of quotes takes a text as it is. Texts go on several lines then, keys must not.
fn has_both_quotes(text: &str) -> bool {
    text.contains('\'') && text.contains(['"', '\\'])
}

fn key(name: &str) -> String {
    if has_both_quotes(name) {
        return basic(name);
    }
    if let Some(name) = seen(name) {
        return name;
    }
    toml_edit::Key::new(name).to_string().trim().to_owned()
}

fn write_into(out: &mut String, golden: &Golden) -> std::fmt::Result {
    writeln!(out, "goldwire = {VERSION}")?;
    writeln!(out, "about = {}", string(&golden.about))?;
    writeln!(out)?;
    let pretty = golden.order.pretty(96);
    // A name may contain the end of a string, so it is escaped.
    let (pretty, quotes) = match (pretty.contains("'''"), pretty.contains(['"', '\\'])) {
        (true, _) => (pretty.replace('\\', "\\\\").replace('"', "\\\""), "\"\"\""),
        (false, true) => (pretty, "'''"),
        (false, false) => (pretty, "\"\"\""),
    };
    writeln!(out, "order = {quotes}")?;
    for line in pretty.lines() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "{quotes}")?;
    let clients: Vec<Label> =
        golden.order.labels().into_iter().filter(|label| label.is_client()).cloned().collect();
    let simple = golden.script == clients
        || (clients.len() == 1 && golden.script.iter().all(|label| *label == clients[0]));
    if !simple {
        writeln!(out, "script = {}", strings(golden.script.iter().map(Label::as_str)))?;
    }
    if !golden.rules.is_empty() {
        let rules =
            golden.rules.iter().map(|rule| format!("{} before {}", rule.first.as_str(), rule.then.as_str()));
        writeln!(out, "rules = {}", strings(rules))?;
    }
    writeln!(out, "ends = {}", strings(&golden.ends))?;
    if golden.pace == Pace::Recorded {
        writeln!(out, "pace = \"recorded\"")?;
    }
    if let Some(time) = golden.time {
        writeln!(out, "time = {}", string(time.name()))?;
    }
    if golden.wait != DEFAULT_WAIT {
        writeln!(out, "wait = {}", string(&golden.wait.to_string()))?;
    }
    if golden.linger != DEFAULT_LINGER {
        writeln!(out, "linger = {}", string(&golden.linger.to_string()))?;
    }
    if let Some(listen) = golden.listen {
        writeln!(out, "listen = {}", string(&listen.to_string()))?;
    }
    if !golden.keep.is_empty() {
        writeln!(out, "keep = {}", strings(&golden.keep))?;
    }
    match &golden.require_live[..] {
        [] => {}
        items if LiveItem::ALL.iter().all(|item| items.contains(item)) => {
            writeln!(out, "require_live = true")?
        }
        items => writeln!(out, "require_live = {}", strings(items.iter().map(|item| item.name())))?,
    }
    if !golden.probes.is_empty() {
        writeln!(out, "probes = {}", strings(golden.probes.iter().map(|probe| probe.name())))?;
    }
    if let Some(budget) = &golden.budget {
        writeln!(out, "\n[budget]\nevent = {}", string(budget.event.as_str()))?;
        for (name, limit) in [("ttft", budget.ttft), ("inter_token", budget.inter_token)] {
            if let Some(limit) = limit {
                writeln!(out, "{name} = {}", string(&limit.to_string()))?;
            }
        }
    }
    write_dialect(out, &golden.dialect)?;
    if let Dialect::Json(names) = &golden.dialect {
        for reflex in &names.reflexes {
            writeln!(out, "\n[[reflex]]")?;
            match &reflex.when {
                When::Comes(label) => writeln!(out, "on = {}", string(label.as_str()))?,
                When::Silent(gap) => writeln!(out, "every = {}", string(&gap.to_string()))?,
            }
            if let Some(send) = &reflex.send {
                match to_toml(send).filter(|_| send.is_object()) {
                    Some(table) => writeln!(out, "send = {}", table.to_string().trim())?,
                    None => writeln!(out, "send_json = {}", string(&send.to_string()))?,
                }
            }
        }
    }
    let learned = &golden.learned;
    writeln!(out, "\n[learned]\nrecordings = {}", learned.recordings)?;
    writeln!(out, "users = {}", learned.users)?;
    if learned.occasions.count > 0 {
        writeln!(out, "occasions = {}", learned.occasions.count)?;
    }
    if let Some((first, last)) = &learned.between {
        writeln!(out, "between = {}", strings([first, last]))?;
    }
    writeln!(out, "reason = {}", string(&learned.reason))?;
    let in_order: Vec<&Label> = golden.order.labels();
    let rest = golden.events.keys().filter(|label| !in_order.contains(label));
    for label in in_order.iter().copied().chain(rest) {
        if let Some(event) = golden.event(label) {
            write_event(out, golden, label, event)?;
        }
    }
    Ok(())
}

/// `"/type"`, `["/event", "/0"]`, `{ present = ["setup", "clientContent"] }`, `["/topic", { present = ["auth"] }]`.
fn name_at(name: &NameAt) -> String {
    match name {
        NameAt::Value(pointers) => strings(pointers),
        NameAt::Key(keys) => format!("{{ present = {} }}", strings(keys)),
        NameAt::ValueOrKey(pointers, keys) => {
            let places: Vec<String> = pointers.iter().map(|pointer| string(pointer)).collect();
            format!("[{}, {{ present = {} }}]", places.join(", "), strings(keys))
        }
    }
}

fn write_dialect(out: &mut String, dialect: &Dialect) -> std::fmt::Result {
    if *dialect == Dialect::default() {
        return Ok(());
    }
    writeln!(out, "\n[dialect]\nkind = {}", string(dialect.kind()))?;
    match dialect {
        // Most messages of a stream say themselves what they are.
        Dialect::Sse(names) if names.json == JsonNames::default() => {}
        Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => {
            let JsonNames {
                client,
                server,
                reply,
                answers,
                errors: _,
                codes: _,
                refine: _,
                record_separator,
                codec,
                described,
                nested,
                embedded,
                reflexes: _,
            } = names;
            if codec.client == codec.server {
                if let Some(codec) = codec.server {
                    writeln!(out, "codec = {}", string(codec.name()))?;
                }
            } else {
                for (key, codec) in [("client_codec", codec.client), ("server_codec", codec.server)] {
                    if let Some(codec) = codec {
                        writeln!(out, "{key} = {}", string(codec.name()))?;
                    }
                }
            }
            if let Some(own) = described {
                writeln!(out, "descriptor = {}", string(&own.file))?;
                if own.client == own.server {
                    writeln!(out, "message = {}", string(&own.server))?;
                } else {
                    writeln!(
                        out,
                        "client_message = {}\nserver_message = {}",
                        string(&own.client),
                        string(&own.server)
                    )?;
                }
            }
            if client == server {
                writeln!(out, "name = {}", name_at(client))?;
            } else {
                writeln!(out, "client_name = {}\nserver_name = {}", name_at(client), name_at(server))?;
            }
            if let Some(reply) = reply {
                writeln!(out, "reply = {}", string(reply))?;
            }
            if !answers.is_empty() {
                writeln!(out, "answers = {}", strings(answers))?;
            }
            if *record_separator {
                writeln!(out, "record_separator = true")?;
            }
            write_places(out, "nested", nested)?;
            write_places(out, "embedded", embedded)?;
        }
        Dialect::Protocol(_) => {}
    }
    if let Dialect::Sse(HttpNames { requests, .. }) = dialect
        && !requests.is_empty()
    {
        writeln!(out, "\n[dialect.requests]")?;
        for (request, name) in requests {
            writeln!(out, "{} = {}", key(request), string(name))?;
        }
    }
    if let Dialect::Json(JsonNames { errors, .. }) = dialect
        && !errors.is_empty()
    {
        writeln!(out, "\n[dialect.errors]")?;
        for (name, at) in errors {
            writeln!(out, "{} = {}", key(name), string(at))?;
        }
    }
    if let Dialect::Json(JsonNames { codes, .. }) = dialect
        && !codes.is_empty()
    {
        writeln!(out, "\n[dialect.codes]")?;
        for (code, name) in codes {
            writeln!(out, "{code} = {}", string(name))?;
        }
    }
    if !dialect.refine().is_empty() {
        writeln!(out, "\n[dialect.refine]")?;
    }
    for (label, pointer) in dialect.refine() {
        writeln!(out, "{} = {}", key(label.as_str()), string(pointer))?;
    }
    Ok(())
}

/// Pointers into what the client says and the server, under one key where they are the same.
fn write_places(out: &mut String, key: &str, places: &Embedded) -> std::fmt::Result {
    if places.client == places.server && !places.is_empty() {
        return writeln!(out, "{key} = {}", strings(&places.client));
    }
    for (side, pointers) in [("client", &places.client), ("server", &places.server)] {
        if !pointers.is_empty() {
            writeln!(out, "{side}_{key} = {}", strings(pointers))?;
        }
    }
    Ok(())
}

fn write_event(out: &mut String, golden: &Golden, label: &Label, event: &Event) -> std::fmt::Result {
    let around = golden.order.keys_of(label).unwrap_or_default();
    let has_lane = |name: &str| around.contains(&name);
    writeln!(out, "\n[event.{}]", key(&golden.key_of(label)))?;
    write_sends(out, &event.sends)?;
    if !event.after.is_empty() {
        writeln!(out, "after = {}", strings(event.after.iter().map(Label::as_str)))?;
    }
    if let Some(think) = event.think {
        writeln!(out, "think = {}", string(&think.to_string()))?;
    }
    for (name, pointer) in &event.binds {
        writeln!(out, "bind.{} = {}", key(name), string(pointer))?;
    }
    if event.critical {
        writeln!(out, "critical = true")?;
    }
    if let Some(id) = &event.id {
        writeln!(out, "id = {}", string(id))?;
    }
    if let Some(answered) = &event.answered {
        writeln!(out, "answered = {}", string(&answered.to_string()))?;
    }
    for (name, pointer) in &event.lanes {
        if *pointer != golden.usual_lane_pointer(name) || !has_lane(name) {
            writeln!(out, "lane.{} = {}", key(name), string(pointer))?;
        }
    }
    if let Some(total) = event.total {
        writeln!(out, "total = {total}")?;
    }
    let timing = event.timing.iter().filter(|timing| timing.says_something(label));
    let envelopes: Vec<String> = timing.map(envelope).collect();
    match &envelopes[..] {
        [] => {}
        [one] => writeln!(out, "timing = {one}")?,
        many => writeln!(out, "timing = [\n  {},\n]", many.join(",\n  "))?,
    }
    let said = golden.dialect.said_by_name(label);
    let is_said = |path: &Path, rule: &Rule| {
        said.iter().any(|(at, value)| !path.optional && *at == path.pattern && rule.is_only(value))
    };
    // An event without a shape may hold anything: one line has to be there.
    let goes_without = event.shape.iter().any(|(path, rule)| !is_said(path, rule));
    for (path, rule) in event.shape.iter().filter(|(path, rule)| !(goes_without && is_said(path, rule))) {
        let rule = Rule { samples: None, ..rule.clone() };
        writeln!(out, "{} = {}", path_key(&path.to_string()), string(&rule.to_string()))?;
    }
    Ok(())
}

fn envelope(timing: &Envelope) -> String {
    let span = |gap: Gap| string(&gap.to_string());
    let mut text = format!("{{ after = {}", string(timing.after.as_str()));
    // Where nothing was recorded all there is to say is what a person allows.
    let usual = timing.says_what_is_usual().then_some(timing.usual);
    let gaps = [("usual", usual), ("earliest", timing.earliest), ("latest", timing.latest)];
    for (name, gap) in gaps.into_iter().chain([("at_most", timing.at_most)]) {
        if let Some(gap) = gap {
            text.push_str(&format!(", {name} = {}", span(gap)));
        }
    }
    text + " }"
}

fn write_sends(out: &mut String, sends: &[Template]) -> std::fmt::Result {
    let tables: Option<Vec<String>> = sends
        .iter()
        .map(|send| match send {
            Template::Json(value @ Value::Object(_)) => to_toml(value).map(|value| value.to_string()),
            _ => None,
        })
        .collect();
    if let Some(tables) = tables {
        match &tables[..] {
            [] => {}
            [one] => writeln!(out, "send = {}", one.trim())?,
            many => {
                writeln!(out, "send = [")?;
                for table in many {
                    writeln!(out, "  {},", table.trim())?;
                }
                writeln!(out, "]")?;
            }
        }
        return Ok(());
    }
    // One form for all of them keeps their order.
    if sends.iter().all(|send| matches!(send, Template::Json(_))) {
        let texts = sends.iter().filter_map(|send| match send {
            Template::Json(value) => Some(value.to_string()),
            Template::Text(_) | Template::Binary(_) => None,
        });
        return writeln!(out, "send_json = {}", strings(texts));
    }
    let texts: Vec<String> = sends
        .iter()
        .filter_map(|send| match send {
            Template::Text(text) => Some(text.clone()),
            Template::Json(value) => Some(value.to_string()),
            Template::Binary(_) => None,
        })
        .collect();
    if !texts.is_empty() {
        writeln!(out, "send_text = {}", strings(texts))?;
    }
    let bytes: Vec<String> = sends
        .iter()
        .filter_map(|send| match send {
            Template::Binary(bytes) => Some(BASE64.encode(bytes)),
            Template::Json(_) | Template::Text(_) => None,
        })
        .collect();
    if bytes.is_empty() { Ok(()) } else { writeln!(out, "send_base64 = {}", strings(bytes)) }
}

/// A JSON value as TOML; none when it holds a null or a number that TOML does not have.
fn to_toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None if number.is_f64() => number.as_f64()?.into(),
            None => return None,
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => {
            toml_edit::Value::Array(items.iter().map(to_toml).collect::<Option<toml_edit::Array>>()?)
        }
        Value::Object(map) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, item) in map {
                table.insert(key, to_toml(item)?);
            }
            toml_edit::Value::InlineTable(table)
        }
    })
}

/// Writes `golden` over the text of an older one: values that did not change stay as they were typed, comments stay
/// where they are, and what is new is added where its neighbours are.
pub fn rewrite(old: &str, golden: &Golden) -> String {
    let fresh = write(golden);
    let (Ok(mut target), Ok(new)) =
        (old.parse::<toml_edit::DocumentMut>(), fresh.parse::<toml_edit::DocumentMut>())
    else {
        return fresh;
    };
    lift_shapes(target.as_table_mut());
    merge(target.as_table_mut(), new.as_table());
    target.to_string()
}

/// Puts the paths of `[event.NAME.shape]` beside the other keys of their event, as they are written today, with their comments.
fn lift_shapes(target: &mut toml_edit::Table) {
    let Some(events) = target.get_mut("event").and_then(toml_edit::Item::as_table_mut) else { return };
    for event in events.iter_mut().filter_map(|(_, event)| event.as_table_mut()) {
        let Some(toml_edit::Item::Table(mut shape)) = event.remove("shape") else { continue };
        let paths: Vec<toml_edit::Key> =
            shape.iter().filter_map(|(path, _)| shape.key(path).cloned()).collect();
        for path in paths {
            if let Some(rule) = shape.remove(path.get()) {
                event.insert_formatted(&path, rule);
            }
        }
        // A table that only held its shape had no line of its own.
        event.set_implicit(false);
    }
}

fn merge(target: &mut toml_edit::Table, new: &toml_edit::Table) {
    let gone: Vec<String> =
        target.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    for key in gone {
        target.remove(&key);
    }
    for (key, item) in new {
        match target.get_mut(key) {
            Some(toml_edit::Item::Table(old)) => {
                if let toml_edit::Item::Table(new) = item {
                    merge(old, new);
                } else {
                    target.insert(key, item.clone());
                }
            }
            Some(toml_edit::Item::Value(old)) => {
                let toml_edit::Item::Value(new) = item else {
                    target.insert(key, item.clone());
                    continue;
                };
                if !same(old, new) {
                    let decor = old.decor().clone();
                    *old = new.clone();
                    *old.decor_mut() = decor;
                }
            }
            _ => {
                target.insert(key, item.clone());
            }
        }
    }
}

/// Whether two TOML values mean the same, however they are written.
fn same(a: &toml_edit::Value, b: &toml_edit::Value) -> bool {
    let json = |value: &toml_edit::Value| to_json(&toml_edit::Item::Value(value.clone()));
    match (json(a), json(b)) {
        (Some(Value::String(a)), Some(Value::String(b))) => {
            a == b || matches!((order_syntax::parse(&a), order_syntax::parse(&b)), (Ok(a), Ok(b)) if a == b)
        }
        (a, b) => a.is_some() && a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Golden, Order, read};
    use super::*;
    use crate::codec::Codec;
    use crate::dialect::{Codecs, Embedded, events};
    use crate::transcript::{Frame, Offset, Payload, Side};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_an_event_is_called_its_golden_can_be_read(
            names in proptest::collection::btree_set("(\\PC|['\"\\\\>< \n\r\u{1b}\u{85}\u{202e}]){1,8}|'''|\"\"\"", 1..6),
        ) {
            let labels: Vec<Label> = names.iter().map(|name| Label::new(Side::Server, name)).collect();
            let mut golden = Golden {
                order: Order::Seq(labels.iter().cloned().map(Order::Event).collect()).simplified(),
                ..Golden::default()
            };
            golden.events.extend(labels.iter().map(|label| (label.clone(), Event::default())));
            let text = write(&golden);
            let back = match read("g.toml", &text) {
                Ok(back) => back,
                Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{text}"))),
            };
            prop_assert_eq!(back.order.labels(), golden.order.labels());
            prop_assert!(back.events.keys().eq(golden.events.keys()));
            prop_assert!(!text.chars().any(|c| crate::transcript::is_unseen(c) && c != '\n'), "{:?}", text);
        }
    }

    #[test]
    fn where_names_stand_is_read_as_it_was_written() {
        let places = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for name in [
            NameAt::pointer("/a\u{7f}\u{202e}b\"c"),
            NameAt::Value(places(&["/event", "/0"])),
            NameAt::Key(places(&["setup", "x\u{7f}y\n"])),
            NameAt::Key(places(&["setup"])),
            NameAt::ValueOrKey(places(&["/topic"]), places(&["auth", "x\u{7f}y\n"])),
            NameAt::ValueOrKey(places(&["/event", "/0"]), places(&["auth"])),
        ] {
            let record_separator = matches!(&name, NameAt::Key(keys) if keys.len() > 1);
            let codec = Codec::all().nth(name.pointers().len());
            let codec = Codecs { client: codec.filter(|_| record_separator), server: codec };
            let nested = Embedded { client: Vec::new(), server: places(&["/1", "/1/2"]) };
            let embedded =
                Embedded { client: name.pointers().to_vec(), server: places(&["/data", "/data/\u{7f}"]) };
            let names =
                JsonNames { client: name, record_separator, codec, nested, embedded, ..JsonNames::default() };
            let dialect = Dialect::Json(names);
            let mut text = "goldwire = 1\norder = \"a\"\n".to_owned();
            write_dialect(&mut text, &dialect).expect("a text");
            let golden = read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
            assert_eq!(golden.dialect, dialect, "{text}");
        }
    }

    #[test]
    fn what_refines_a_name_refines_it_on_the_side_where_the_order_has_its_parts() {
        let refined = |order: &str, side: Side| {
            let text = format!(
                "goldwire = 1\norder = \"{order}\"\n[dialect]\nkind = \"json\"\nrefine.items = \"/op\"\n"
            );
            let golden = read("golden/x.toml", &text).expect("a golden");
            let payload = Payload::Text(r#"{"type":"items","op":"create"}"#.to_owned());
            let frame = Frame::new(Offset::ZERO, side, payload);
            events(&golden.dialect, &[frame])[0].label.as_str().to_owned()
        };
        let (client, server) = (Side::Client, Side::Server);
        for (order, side, expected) in [
            ("items[create] ; items[delete]", server, "items[create]"),
            ("hi ; items[create]", client, ">items"),
            ("hi ; items", client, ">items"),
        ] {
            assert_eq!(refined(order, side), expected, "{order}");
        }
        let both = ">items[create] ; items ; >items[delete]";
        let sends = "[event.\">items[create]\"]\nsend = {}\n[event.\">items[delete]\"]\nsend = {}\n";
        let text = format!(
            "goldwire = 1\norder = \"{both}\"\n[dialect]\nkind = \"json\"\nrefine.items = \"/op\"\n{sends}"
        );
        let golden = read("golden/x.toml", &text).expect("a golden");
        let said = |side| {
            let payload = Payload::Text(r#"{"type":"items","op":"create"}"#.to_owned());
            events(&golden.dialect, &[Frame::new(Offset::ZERO, side, payload)])[0].label.as_str().to_owned()
        };
        assert_eq!((said(client), said(server)), (">items[create]".to_owned(), "items".to_owned()));
    }
}
