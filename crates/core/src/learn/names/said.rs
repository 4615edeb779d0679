//! What both sides said, as JSON.

use crate::dialect::{JsonNames, json_texts};
use crate::transcript::{Frame, Payload, Side, Transcript};
use serde_json::Value;

/// The JSON of both sides, a list a recording.
pub(super) struct Said {
    /// As it stands in the frames.
    values: [Vec<Vec<Value>>; 2],
    /// With a server's list of objects as so many messages.
    messages: [Vec<Vec<Value>>; 2],
}

pub(super) const SIDES: [Side; 2] = [Side::Client, Side::Server];

impl Said {
    pub(super) fn of(recordings: &[&Transcript], form: &JsonNames) -> Said {
        let read = |frame: &Frame| match (form.decode(frame.side, &frame.payload), &frame.payload) {
            (Some(messages), _) => messages.unwrap_or_default(),
            (None, Payload::Text(text)) => json_texts(text),
            _ => Vec::new(),
        };
        let of_side = |side: Side| {
            let own = |recording: &&Transcript| {
                recording.frames.iter().filter(|frame| frame.side == side).flat_map(read).collect()
            };
            recordings.iter().map(own).collect::<Vec<Vec<Value>>>()
        };
        let values = SIDES.map(of_side);
        let mut said = Said { messages: values.clone(), values };
        for messages in &mut said.messages[1] {
            *messages = std::mem::take(messages).into_iter().flat_map(in_parts).collect();
        }
        said
    }

    pub(super) fn expand(&mut self, form: &JsonNames) {
        for (at, side) in SIDES.into_iter().enumerate() {
            let all = self.values[at].iter_mut().chain(&mut self.messages[at]).flatten();
            all.for_each(|message| form.expand(side, message));
        }
    }

    pub(super) fn recordings(&self) -> usize {
        self.values[0].len()
    }

    pub(super) fn values(&self, side: Side) -> &[Vec<Value>] {
        &self.values[usize::from(side == Side::Server)]
    }

    pub(super) fn messages(&self, side: Side) -> &[Vec<Value>] {
        &self.messages[usize::from(side == Side::Server)]
    }

    pub(super) fn all(&self, side: Side) -> impl Iterator<Item = &Value> {
        self.messages(side).iter().flatten()
    }
}

/// The messages of a server's value: a list of objects is several, if they have names.
fn in_parts(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => items,
        value => vec![value],
    }
}
