//! A session taken apart: its frames, of which those of the server are one message each and can be written anew.

use goldwire_core::dialect::{Decoder, Dialect, Event, Label, NameAt, sse};
use goldwire_core::transcript::{Frame, Payload, Side, Transcript};
use serde_json::Value;

/// How a message stands in its frame.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// As the dialect writes it.
    Whole,
    /// A block of an event stream: what stands before its data.
    Block(String),
    /// As the body of an answer.
    Body,
    /// Nobody here can write it.
    Opaque,
}

/// A message of the server.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) label: Label,
    pub(super) data: Value,
    form: Form,
}

/// A frame, and what it says.
#[derive(Debug, Clone)]
pub(super) struct Item {
    frame: Frame,
    /// What its events are called.
    pub(super) labels: Vec<String>,
    /// What the client says in it.
    pub(super) asked: Vec<Value>,
    pub(super) message: Option<Message>,
}

/// A session, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// As the dialect says what the server says.
    dialect: Dialect,
    pub(super) items: Vec<Item>,
}

/// A dialect whose client writes as its server does.
fn turned(dialect: &Dialect) -> Dialect {
    match dialect {
        Dialect::Json(names) => {
            let mut names = names.clone();
            names.codec.client = names.codec.server;
            names.embedded.client.clone_from(&names.embedded.server);
            Dialect::Json(names)
        }
        other => other.clone(),
    }
}

fn json_of(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value: &Value| value.is_object() || value.is_array())
}

/// The message of a frame of an HTTP session.
fn over_http(event: &Event, payload: &Payload) -> Option<Message> {
    let Payload::Text(text) = payload else { return None };
    if event.label.name().starts_with('@') {
        return None;
    }
    let label = event.label.clone();
    if let Some(data) = json_of(text) {
        return Some(Message { label, data, form: Form::Body });
    }
    let said = sse::message(text, false)?.data;
    let before: String =
        text.split_inclusive('\n').filter(|line| !line.starts_with("data") && line.trim() != "").collect();
    Some(match json_of(&said) {
        Some(data) => Message { label, data, form: Form::Block(before) },
        None => Message { label, data: Value::Null, form: Form::Opaque },
    })
}

impl Session {
    pub(super) fn read(dialect: &Dialect, transcript: &Transcript) -> Session {
        let mut session = Session { dialect: turned(dialect), items: Vec::new() };
        let mut decoder = Decoder::new(dialect);
        for frame in &transcript.frames {
            let mut again = decoder.clone();
            let events: Vec<Event> = decoder.feed(frame).collect();
            let labels = |events: &[Event]| events.iter().map(|own| own.label.as_str().to_owned()).collect();
            let is_own = frame.side == Side::Server && frame.payload.is_message() && !events.is_empty();
            if !is_own {
                let asked = events.iter().filter(|own| own.label.is_client());
                let asked = asked.map(|own| own.data.get("body").unwrap_or(&own.data).clone()).collect();
                session.items.push(Item {
                    frame: frame.clone(),
                    labels: labels(&events),
                    asked,
                    message: None,
                });
                continue;
            }
            if dialect.is_http() {
                let message = over_http(&events[0], &frame.payload);
                let item = Item { frame: frame.clone(), labels: labels(&events), asked: Vec::new(), message };
                session.items.push(item);
                continue;
            }
            let whole = |event: &Event| {
                let (label, data) = (event.label.clone(), event.data.clone());
                Message { label, data, form: Form::Whole }
            };
            let written: Option<Vec<Item>> = events
                .iter()
                .map(|event| {
                    let message = whole(event);
                    let frame = Frame { payload: session.write(&message)?, ..frame.clone() };
                    let labels = labels(std::slice::from_ref(event));
                    Some(Item { frame, labels, asked: Vec::new(), message: Some(message) })
                })
                .collect();
            let said = |all: &[Event]| -> Vec<(Label, Value)> {
                all.iter().map(|own| (own.label.clone(), own.data.clone())).collect()
            };
            let is_same = |items: &Vec<Item>| {
                let read: Vec<Event> =
                    items.iter().flat_map(|item| again.feed(&item.frame).collect::<Vec<_>>()).collect();
                said(&read) == said(&events)
            };
            match written.filter(is_same) {
                Some(items) => session.items.extend(items),
                None => {
                    let opaque = |event: &Event| Message { form: Form::Opaque, ..whole(event) };
                    let message = Some(&events[..]).filter(|own| own.len() == 1).map(|own| opaque(&own[0]));
                    session.items.push(Item {
                        frame: frame.clone(),
                        labels: labels(&events),
                        asked: Vec::new(),
                        message,
                    });
                }
            }
        }
        session
    }

    fn write(&self, message: &Message) -> Option<Payload> {
        match &message.form {
            Form::Whole => match &self.dialect.encode(&message.label, &message.data).ok()?[..] {
                [payload] => Some(payload.clone()),
                _ => None,
            },
            Form::Block(before) => Some(Payload::Text(format!("{before}data: {}\n\n", message.data))),
            Form::Body => Some(Payload::Text(message.data.to_string())),
            Form::Opaque => None,
        }
    }

    /// The session as it would have been recorded.
    pub(super) fn transcript(&self, of: &Transcript) -> Transcript {
        let frames = self.items.iter().map(|item| item.frame.clone()).collect();
        Transcript { frames, ..of.clone() }
    }

    /// The places of the server's messages.
    pub(super) fn messages(&self) -> impl Iterator<Item = (usize, &Message)> {
        self.items.iter().enumerate().filter_map(|(at, item)| Some((at, item.message.as_ref()?)))
    }

    pub(super) fn lose(&mut self, at: usize) {
        self.items.remove(at);
    }

    pub(super) fn double(&mut self, at: usize) {
        self.items.insert(at + 1, self.items[at].clone());
    }

    /// Exchanges what two frames hold; when they came stays.
    pub(super) fn swap(&mut self, a: usize, b: usize) {
        let stamp = |item: &Item| (item.frame.at, item.frame.earlier);
        let (first, second) = (stamp(&self.items[a]), stamp(&self.items[b]));
        self.items.swap(a, b);
        (self.items[a].frame.at, self.items[a].frame.earlier) = first;
        (self.items[b].frame.at, self.items[b].frame.earlier) = second;
    }

    /// Whether two frames follow each other on one connection.
    pub(super) fn are_of_one_connection(&self, a: usize, b: usize) -> bool {
        self.items[a].frame.conn == self.items[b].frame.conn
    }

    /// Whether two frames hold the same.
    pub(super) fn are_equal(&self, a: usize, b: usize) -> bool {
        self.items[a].frame.payload == self.items[b].frame.payload
    }

    /// Says something else in a message; none where it cannot be written, or says the same.
    pub(super) fn change(&mut self, at: usize, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<()> {
        let mut message = self.items[at].message.clone()?;
        let before = message.data.clone();
        change(&mut message.data)?;
        if message.data == before {
            return None;
        }
        let payload = self.write(&message)?;
        let item = &mut self.items[at];
        if item.frame.payload == payload {
            return None;
        }
        item.frame.payload = payload;
        item.message = Some(message);
        Some(())
    }

    /// Says this instead of a message.
    pub(super) fn say(&mut self, at: usize, data: Value) -> Option<()> {
        self.change(at, |own| {
            *own = data;
            Some(())
        })
    }

    /// Calls a message something else; none where it has no name of its own.
    pub(super) fn rename(&mut self, at: usize) -> Option<()> {
        let mut message = self.items[at].message.clone()?;
        let names = match &self.dialect {
            Dialect::Json(names) => &names.server,
            Dialect::Sse(names) => &names.json.server,
            Dialect::Protocol(_) => {
                message.label = Label::new(Side::Server, &format!("{}x", message.label.name()));
                let payload = self.write(&message)?;
                let frame = &mut self.items[at].frame;
                // Where the name is written from what the message says, nothing changes.
                let is_new = frame.payload != payload;
                frame.payload = payload;
                return is_new.then_some(());
            }
        };
        if let Form::Block(before) = &mut message.form {
            let name = before.lines().find_map(|line| line.strip_prefix("event:")).unwrap_or_default().trim();
            if !matches!(name, "" | "message") {
                let name = name.to_owned();
                *before = before.replacen(&name, &format!("{name}_new"), 1);
                let is_said =
                    |pointer: &&String| message.data.pointer(pointer).is_some_and(|own| *own == *name);
                if let Some(pointer) = names.pointers().iter().find(is_said).cloned() {
                    *message.data.pointer_mut(&pointer)? = Value::from(format!("{name}_new"));
                }
                self.items[at].frame.payload = self.write(&message)?;
                return Some(());
            }
        }
        rename(names, &mut message.data)?;
        self.items[at].frame.payload = self.write(&message)?;
        Some(())
    }
}

fn rename(names: &NameAt, data: &mut Value) -> Option<()> {
    for pointer in names.pointers() {
        let Some(place) = data.pointer_mut(pointer) else { continue };
        *place = match &*place {
            Value::String(text) if !text.is_empty() => Value::from(format!("{text}_new")),
            Value::Number(number) => Value::from(number.as_u64()? + 90),
            _ => continue,
        };
        return Some(());
    }
    let is_there = |key: &&String| match key.starts_with('/') {
        true => data.pointer(key).is_some_and(|value| !value.is_null() && value.as_str() != Some("")),
        false => data.get(key.as_str()).is_some(),
    };
    let key = names.keys().iter().find(is_there)?;
    let path = if key.starts_with('/') { key.clone() } else { format!("/{key}") };
    super::kinds::move_field(data, &path)
}
