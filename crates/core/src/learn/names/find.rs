//! The dialect of some recordings.

use super::best::best;
use super::places::name_places;
use super::said::{SIDES, Said};
use crate::codec::Format as CodecFormat;
use crate::dialect::{
    self, Dialect, Embedded, JsonNames, NAMELESS, NameAt, RECORD_SEPARATOR, find_embedded, find_nested,
    preset_by_look,
};
use crate::transcript::{Payload, Side, Transcript};
use serde_json::Value;
use std::collections::BTreeSet;

pub(in crate::learn) fn dialect(recordings: &[&Transcript]) -> Dialect {
    let found = match Dialect::detect(recordings.iter().copied()) {
        found @ Dialect::Protocol(_) => return found,
        Dialect::Sse(_) => return Dialect::Sse(exchanges(recordings).into()),
        Dialect::Json(names) => names,
    };
    let mut found = found;
    let mut said = Said::of(recordings, &found);
    if found.codec.server.or(found.codec.client).is_some_and(|codec| codec.format == CodecFormat::Protobuf) {
        found.nested = Embedded {
            client: find_nested(said.values(Side::Client)),
            server: find_nested(said.values(Side::Server)),
        };
    }
    said.expand(&found);
    let mut embedded = found.embedded.clone();
    let more = Embedded {
        client: find_embedded(said.messages(Side::Client)),
        server: find_embedded(said.messages(Side::Server)),
    };
    said.expand(&JsonNames { embedded: more.clone(), ..JsonNames::default() });
    embedded.client.extend(more.client);
    embedded.server.extend(more.server);
    let record_separator = found.codec.client.is_none() && ends_with_separator(recordings);
    let form = JsonNames { record_separator, embedded, ..found };
    let is_yjs = form.codec.server.is_some_and(|codec| codec.format == CodecFormat::Yjs);
    if is_yjs || form.client != NameAt::pointer("/type") {
        // The subprotocol says where names are, and what codes are called: those that came are written down.
        let seen: BTreeSet<u64> =
            SIDES.into_iter().flat_map(|side| said.all(side)).filter_map(|own| form.code_of(own)).collect();
        let codes = form.codes.iter().filter(|(code, _)| seen.contains(code));
        let codes = codes.map(|(code, name)| (*code, name.clone())).collect();
        return Dialect::Json(JsonNames { codes, ..form });
    }
    let (client, server) = name_places(&said);
    Dialect::Json(JsonNames { client, server, ..form })
}

/// Whether the client sends texts and ends each of them with the record separator.
fn ends_with_separator(recordings: &[&Transcript]) -> bool {
    let frames = recordings.iter().flat_map(|recording| &recording.frames);
    let mut texts =
        frames.filter(|frame| frame.side == Side::Client).filter_map(|frame| match &frame.payload {
            Payload::Text(text) => Some(text.trim_end().ends_with(RECORD_SEPARATOR)),
            _ => None,
        });
    texts.next().is_some_and(|first| first && texts.all(|own| own))
}

/// Over HTTP most messages have their names elsewhere: the others say where theirs stand. A request is called by its
/// method and path, unless a field of its body has a name that such fields usually have.
fn exchanges(recordings: &[&Transcript]) -> JsonNames {
    // Nothing stands there.
    let nowhere = Dialect::Sse(JsonNames::both("/\u{0}").into());
    let said = |side: Side| -> Vec<Vec<Value>> {
        let of_recording = |recording: &&Transcript| {
            let events = dialect::events(&nowhere, &recording.frames);
            let own = events.iter().filter(|event| event.label.side() == side);
            let is_nameless = |name: &str| name == NAMELESS || name.starts_with("re:");
            let nameless = own.filter(|event| side == Side::Client || is_nameless(event.label.name()));
            nameless.map(|event| nowhere.content(event)).filter(|value| value.is_object()).cloned().collect()
        };
        recordings.iter().map(of_recording).collect()
    };
    let messages = said(Side::Server);
    let known = preset_by_look(messages.iter().flatten());
    let usual = || "/type".to_owned();
    let server = if known.is_some() { usual() } else { best(&messages, false).unwrap_or_else(usual) };
    let client = best(&said(Side::Client), true).unwrap_or_else(|| server.clone());
    let server = known.unwrap_or_else(|| NameAt::pointer(&server));
    JsonNames { client: NameAt::pointer(&client), server, ..JsonNames::default() }
}
