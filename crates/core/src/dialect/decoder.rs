//! Decodes the frames of one session, in order.

use super::decoded::{Beat, Decoded};
use super::http::Exchanges;
use super::json::Requests;
use super::label::Known;
use super::protocol::{ProtocolOptions, Reader};
use super::{Dialect, Event, HttpNames, JsonNames, Label, NAMELESS, When, json, lenient, peek};
use crate::transcript::{Frame, Offset, Payload, Side, Spares};
use serde_json::{Value, json};

/// The label of the client event that opens the next connection of a session.
pub const RECONNECT: &str = ">@reconnect";
/// The label of the server event that closes a connection which is not the last of the session, unless the client
/// closed it first.
pub const CLOSE: &str = "@close";

/// The events of a frame with parsed JSON.
#[derive(Debug)]
pub(crate) enum Fed {
    One(Event),
    Several(Vec<Event>),
}

/// Turns the frames of one session into events, in order.
#[derive(Debug, Clone)]
pub struct Decoder {
    dialect: Dialect,
    seen: usize,
    closing: bool,
    closed: Option<Event>,
    requests: Requests,
    exchanges: Exchanges,
    known: Known,
    spares: Spares,
    /// Whether the latest frame was a text that is JSON.
    is_json: bool,
    /// The reader of a protocol; plain JSON needs none.
    reader: Option<Box<Reader>>,
    /// The automatic answers of the client to the latest frame.
    owed: Vec<Payload>,
    /// The names of the client's reflexes.
    by_itself: Vec<Label>,
}

impl Decoder {
    /// A decoder at the start of a session.
    pub fn new(dialect: &Dialect) -> Decoder {
        let reader = match dialect {
            Dialect::Json(_) | Dialect::Sse(_) => None,
            Dialect::Protocol(spoken) => Some(Box::new(Reader::new(spoken.protocol))),
        };
        Decoder {
            dialect: dialect.clone(),
            seen: 0,
            closing: false,
            closed: None,
            requests: Requests::default(),
            exchanges: Exchanges::default(),
            known: Known::default(),
            spares: Spares::default(),
            is_json: false,
            reader,
            owed: Vec::new(),
            by_itself: match dialect {
                Dialect::Json(names) => {
                    names.reflexes.iter().filter_map(|reflex| reflex.answer(names)).collect()
                }
                Dialect::Protocol(_) | Dialect::Sse(_) => Vec::new(),
            },
        }
    }

    /// Whether the latest frame was a text that is JSON and no more.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether [`Decoder::feed_json`] may be called: a JSON text is then an event.
    pub(crate) fn takes_json(&self) -> bool {
        self.json().is_some_and(|names| !names.codec.has_text())
    }

    /// The events of the next frame, in order. A close becomes an event only if another connection follows; the last
    /// close is the session's ending.
    pub fn feed(&mut self, frame: &Frame) -> impl Iterator<Item = Event> + use<> {
        let index = self.seen;
        self.seen += 1;
        self.is_json = false;
        let event =
            |label: Label, data: Value| Event { label, at: frame.at, frame: index, conn: frame.conn, data };
        let (mut before, mut several) = (None, Vec::new());
        if let Dialect::Sse(names) = &self.dialect {
            let found = self.exchanges.feed(frame, names, &mut self.requests, &mut self.known);
            let found = found.map(|(label, data)| event(label, data));
            return before.into_iter().chain(found).chain(several);
        }
        let decoded = self.decode(frame.side, &frame.payload);
        let now = match &frame.payload {
            Payload::Text(_) | Payload::Binary(_) if self.reader.is_some() => {
                several = self.hear(frame, index);
                None
            }
            payload if decoded.is_some() => match decoded.flatten() {
                Some(values) => {
                    several.extend(values.into_iter().map(|value| {
                        let (label, value) = self.read(frame.side, value);
                        event(label, value)
                    }));
                    None
                }
                None => as_it_is(frame.side, payload).map(|(label, data)| event(label, data)),
            },
            Payload::Text(text) => match self.spares.read(text) {
                Ok(value) => {
                    self.is_json = true;
                    match self.batch(frame.side, value) {
                        Ok(values) => {
                            several.extend(values.into_iter().map(|value| {
                                let (label, value) = self.read(frame.side, value);
                                event(label, value)
                            }));
                            None
                        }
                        Err(value) => {
                            let (label, value) = self.read(frame.side, value);
                            Some(event(label, value))
                        }
                    }
                }
                // Client messages must be sent again unchanged: several of them are one text.
                Err(_) => match lenient::read(text, frame.side == Side::Server) {
                    Some(values) => {
                        several.extend(values.into_iter().map(|value| {
                            let (label, value) = self.read(frame.side, value);
                            event(label, value)
                        }));
                        None
                    }
                    None => Some(event(Label::new(frame.side, "text"), Value::String(text.clone()))),
                },
            },
            Payload::Binary(bytes) => match serde_json::from_slice(bytes).ok().filter(Value::is_object) {
                Some(value) => {
                    let (label, value) = self.read(frame.side, value);
                    Some(event(label, value))
                }
                None => as_it_is(frame.side, &frame.payload).map(|(label, data)| event(label, data)),
            },
            Payload::Open(_) => {
                before = self.closed.take();
                self.closing = false;
                if let Dialect::Protocol(spoken) = &self.dialect {
                    self.reader = Some(Box::new(Reader::new(spoken.protocol)));
                }
                Some(event(Label::from(RECONNECT), Value::Null))
            }
            Payload::Close { code, reason } => {
                several = self.rest(frame, index, &[frame.side]);
                if frame.side == Side::Client {
                    self.closing = true;
                } else if !self.closing {
                    self.closed = Some(event(Label::from(CLOSE), json!({ "code": code, "reason": reason })));
                }
                None
            }
            Payload::Gone(detail) => {
                several = self.rest(frame, index, &[Side::Client, Side::Server]);
                self.closed = Some(event(Label::from(CLOSE), json!({ "code": 1006, "reason": detail })));
                None
            }
            Payload::Ping(_) | Payload::Pong(_) => None,
        };
        if self.has_reflexes() {
            self.owed.clear();
            let now = now.filter(|event| !self.is_reflex(event));
            several.retain(|event| !self.is_reflex(event));
            return before.into_iter().chain(now).chain(several);
        }
        before.into_iter().chain(now).chain(several)
    }

    /// The events of a protocol's frame.
    fn hear(&mut self, frame: &Frame, index: usize) -> Vec<Event> {
        let mut decoded = Decoded::default();
        if let Some(reader) = &mut self.reader {
            reader.read(frame.side, &frame.payload, &mut decoded);
        }
        self.decoded(decoded, frame, index)
    }

    /// The rest of an incomplete message that will not be completed.
    fn rest(&mut self, frame: &Frame, index: usize, sides: &[Side]) -> Vec<Event> {
        let Some(reader) = &mut self.reader else { return Vec::new() };
        let mut all = Vec::new();
        for side in sides {
            let mut decoded = Decoded::default();
            reader.rest(*side, &mut decoded);
            all.push((*side, decoded));
        }
        let events = all
            .into_iter()
            .flat_map(|(side, decoded)| self.decoded(decoded, &Frame { side, ..frame.clone() }, index));
        events.collect()
    }

    fn decoded(&mut self, decoded: Decoded, frame: &Frame, index: usize) -> Vec<Event> {
        let Dialect::Protocol(spoken) = &self.dialect else { return Vec::new() };
        let owes = |chore: &str| !spoken.named.contains(&Label::new(Side::Client, chore));
        self.owed = decoded.owed.into_iter().filter(|(chore, _)| owes(chore)).map(|(_, owed)| owed).collect();
        let mut events = Vec::with_capacity(decoded.said.len());
        for (name, data) in decoded.said {
            // An order cannot express an event without a name.
            let name = if name.is_empty() { NAMELESS.into() } else { name };
            let label = self.known.label(frame.side, &name);
            if spoken.is_chore(&label) {
                continue;
            }
            let label = self.known.refined(frame.side, &name, |label| spoken.part(label, &data));
            events.push(Event { label, at: frame.at, frame: index, conn: frame.conn, data });
        }
        events
    }

    /// The automatic answers of the client to the latest frame, in order.
    pub fn owed(&mut self) -> Vec<Payload> {
        std::mem::take(&mut self.owed)
    }

    /// The message that the client must send after a silence.
    pub(crate) fn beat(&self) -> Option<Beat> {
        if let Some(names) = self.json() {
            return names.reflexes.iter().find_map(|reflex| match reflex.when {
                When::Silent(every) => Some(Beat { every, payload: reflex.payload(names, &Value::Null)? }),
                When::Comes(_) => None,
            });
        }
        self.reader.as_ref()?.beat()
    }

    fn has_reflexes(&self) -> bool {
        self.json().is_some_and(|names| !names.reflexes.is_empty())
    }

    /// Whether an event is none, but a reflex or what sets one off; the client owes what it says then.
    fn is_reflex(&mut self, event: &Event) -> bool {
        let Dialect::Json(names) = &self.dialect else { return false };
        if event.label.is_client() {
            return self.by_itself.contains(&event.label);
        }
        let mut own =
            names.reflexes.iter().filter(|own| own.when == When::Comes(event.label.clone())).peekable();
        let is_one = own.peek().is_some();
        self.owed.extend(own.filter_map(|reflex| reflex.payload(names, &event.data)));
        is_one
    }

    /// The name of the next event, a JSON object, if it can be found without parsing the rest. A caller that needs no
    /// more continues with [`Decoder::pass`].
    pub(crate) fn peek_name(&mut self, side: Side, text: &str) -> Option<Label> {
        let names = match &self.dialect {
            Dialect::Json(names) if !names.codec.has_text() => names,
            Dialect::Json(_) | Dialect::Protocol(_) | Dialect::Sse(_) => return None,
        };
        let key = match side {
            Side::Client => &names.client,
            Side::Server => &names.server,
        };
        let key = key.field()?;
        let is_all = names.reply.is_none() && names.refine.is_empty() && names.reflexes.is_empty();
        if is_all { peek::name(text, key, side, &mut self.known) } else { None }
    }

    /// Skips an event after [`Decoder::peek_name`].
    pub(crate) fn pass(&mut self) {
        self.seen += 1;
        self.is_json = true;
    }

    /// Takes back the payload of the latest event, to read the next one into it, which is cheaper.
    pub(crate) fn reuse(&mut self, data: Value) {
        if self.reader.is_none() {
            self.spares.keep(data);
        }
    }

    /// The events of the next frame, a message whose JSON is known already.
    pub(crate) fn feed_json(&mut self, at: Offset, conn: u32, side: Side, data: Value) -> Fed {
        let frame = self.seen;
        self.seen += 1;
        let batch = self.batch(side, data);
        let mut event = |data| {
            let (label, data) = self.read(side, data);
            Event { label, at, frame, conn, data }
        };
        let fed = match batch {
            Ok(values) => Fed::Several(values.into_iter().map(event).collect()),
            Err(data) => Fed::One(event(data)),
        };
        if !self.has_reflexes() {
            return fed;
        }
        self.owed.clear();
        match fed {
            Fed::One(event) if self.is_reflex(&event) => Fed::Several(Vec::new()),
            Fed::One(event) => Fed::One(event),
            Fed::Several(mut events) => {
                events.retain(|event| !self.is_reflex(event));
                Fed::Several(events)
            }
        }
    }

    /// The messages of a batch: of a list of objects that each say what they are (JSON-RPC 2.0, section 6), as the server sends
    /// it. What the client says must be sent again as it was, and stays one message, as does any other value.
    fn batch(&self, side: Side, value: Value) -> Result<Vec<Value>, Value> {
        let Dialect::Json(names) = &self.dialect else { return Err(value) };
        match value {
            Value::Array(items)
                if side == Side::Server
                    && !items.is_empty()
                    && items.iter().all(|item| item.is_object() && names.names(side, item)) =>
            {
                Ok(items)
            }
            value => Err(value),
        }
    }

    fn json(&self) -> Option<&JsonNames> {
        match &self.dialect {
            Dialect::Json(names) => Some(names),
            Dialect::Protocol(_) | Dialect::Sse(_) => None,
        }
    }

    /// The messages of a frame that a codec is for; none where it does not read it.
    fn decode(&self, side: Side, payload: &Payload) -> Option<Option<Vec<Value>>> {
        self.json()?.decode(side, payload)
    }

    /// A message's name, and what it says.
    fn read(&mut self, side: Side, mut value: Value) -> (Label, Value) {
        if let Some(names) = self.json() {
            names.expand(side, &mut value);
        }
        (self.name(side, &value), value)
    }

    fn name(&mut self, side: Side, value: &Value) -> Label {
        match &self.dialect {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => {
                json::label(names, side, value, &mut self.requests, &mut self.known)
            }
            Dialect::Protocol(ProtocolOptions { .. }) => self.known.label(side, NAMELESS),
        }
    }
}

/// An invalid message, unchanged.
fn as_it_is(side: Side, payload: &Payload) -> Option<(Label, Value)> {
    match payload {
        Payload::Text(text) => Some((Label::new(side, "text"), Value::String(text.clone()))),
        Payload::Binary(bytes) => Some((Label::new(side, "binary"), Value::String(crate::codec::hex(bytes)))),
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } | Payload::Open(_) | Payload::Gone(_) => {
            None
        }
    }
}

/// All events of a session.
pub fn events(dialect: &Dialect, frames: &[Frame]) -> Vec<Event> {
    let mut decoder = Decoder::new(dialect);
    frames.iter().flat_map(|frame| decoder.feed(frame)).collect()
}
