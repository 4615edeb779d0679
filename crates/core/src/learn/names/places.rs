//! Where each side's messages have their names.

use super::best::best;
use super::candidate::{Candidate, MAX_CODE, MIN_BITS, information, shape};
use super::keys::{present, with_keys};
use super::kind::kind_before;
use super::said::{SIDES, Said};
use crate::dialect::{NameAt, preset_by_look, refinement};
use crate::transcript::Side;
use serde_json::Value;

/// A word that this share of messages has is the name of all.
const WHOLE: f64 = 0.8;

/// The first place of a list.
const FIRST: &str = "/0";
/// Fewer codes are those of an envelope: a call, its answer.
const MIN_CODES: usize = 3;

/// Where the client's messages have their names, and the server's.
pub(super) fn name_places(said: &Said) -> (NameAt, NameAt) {
    let known = preset_by_look(said.all(Side::Server));
    let server = best(said.messages(Side::Server), false);
    let client = best(said.messages(Side::Client), false);
    let (server, client) = match server {
        // A list that no word names begins with a code, on either side.
        None if codes(said, Side::Server).is_some_and(|codes| tells(&codes)) => {
            let has_codes = codes(said, Side::Client).is_some();
            (Some(FIRST.to_owned()), if has_codes { Some(FIRST.to_owned()) } else { client })
        }
        server => (server, client),
    };
    // The places of a tuple mean the same on both sides; of one that says one thing again and again its name stands where
    // the other side has it.
    let is_tuple = |path: &str| path.len() > 1 && path.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    let server = match (server, &client) {
        (Some(server), Some(client)) if is_tuple(&server) && is_tuple(client) && server != *client => {
            let words = |value: &Value| value.pointer(client).and_then(refinement).is_some();
            let with = said.all(Side::Server).filter(|value| words(value)).count();
            Some(if with * 10 >= said.all(Side::Server).count() * 9 { client.clone() } else { server })
        }
        (server, _) => server,
    };
    // What only some messages say of themselves names those; their keys may name them all. One key alone names nothing,
    // unless the other side has several.
    let sides = SIDES.map(|side| present(said, side));
    if sides.iter().flatten().any(|keys| keys.len() >= 2) {
        let is_whole =
            |side, path: &Option<String>| path.as_ref().is_some_and(|path| says(said, side, path) >= WHOLE);
        let [of_client, of_server] = sides;
        let either = of_server
            .clone()
            .or_else(|| of_client.clone())
            .filter(|_| !is_whole(Side::Server, &server) && !is_whole(Side::Client, &client));
        if let Some(either) = either {
            let [client, server] =
                [of_client, of_server].map(|keys| NameAt::Key(keys.unwrap_or_else(|| either.clone())));
            return (client, server);
        }
    }
    // A side that says too little to tell is taken to name its messages as the other does.
    let server = server.or_else(|| client.clone()).unwrap_or_else(|| "/type".to_owned());
    let client = client.unwrap_or_else(|| server.clone());
    let before = kind_before(said, &server);
    let server = NameAt::Value(before.into_iter().chain([server]).collect());
    let server = known.unwrap_or_else(|| with_keys(said, Side::Server, server));
    let client = with_keys(said, Side::Client, NameAt::pointer(&client));
    (client, server)
}

/// The numbers with which all messages of a side begin, all of them lists; none where one begins otherwise.
fn codes(said: &Said, side: Side) -> Option<Candidate> {
    let mut codes = Candidate::default();
    for message in said.all(side) {
        let code = message.as_array()?.first()?.as_u64().filter(|code| *code <= MAX_CODE)?;
        codes.add(&code.to_string(), shape(message));
    }
    Some(codes)
}

/// Whether codes say what the rest of their lists is.
fn tells(codes: &Candidate) -> bool {
    codes.joint.len() >= MIN_CODES && information(codes) >= MIN_BITS
}

/// The share of the messages of a side that have a word at a pointer.
fn says(said: &Said, side: Side, path: &str) -> f64 {
    let with = said.all(side).filter(|message| message.pointer(path).and_then(refinement).is_some()).count();
    with as f64 / said.all(side).count().max(1) as f64
}
