//! Checks that every socket has the identity of its own user.

use super::leak::{Wire, each_event};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind, Place, Severity};
use goldwire_core::golden::Golden;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where the server names the user to whom it talks: the places at which it says to most of them what is known of each, e.g.
/// `connected/user_id`. Whoever is told something else there is taken for somebody else.
///
/// `known` are the values that belong to each wire's user: its id, its address, its token's subject.
pub(super) fn strangers(
    golden: &Golden,
    wires: &[Wire<'_>],
    known: &[Vec<String>],
) -> (usize, Vec<(usize, Finding)>) {
    let told: Vec<BTreeMap<(Label, String), (String, usize)>> =
        wires.iter().map(|wire| strings(golden, wire)).collect();
    let is_own = |wire: usize, value: &String| known.get(wire).is_some_and(|own| own.contains(value));
    let mut places: BTreeMap<&(Label, String), usize> = BTreeMap::new();
    for (wire, told) in told.iter().enumerate() {
        for (place, _) in told.iter().filter(|(_, (value, _))| is_own(wire, value)) {
            *places.entry(place).or_default() += 1;
        }
    }
    places.retain(|_, count| *count >= 2 && *count * 2 > wires.len());
    let mut found = Vec::new();
    for (wire, told) in told.iter().enumerate() {
        let wrong =
            told.iter().find(|(place, (value, _))| places.contains_key(place) && !is_own(wire, value));
        if let Some((at @ (label, path), (value, frame))) = wrong {
            let rightly = places.get(at).copied().unwrap_or(0);
            let user = wires[wire].user;
            let message = format!("{user} gets the identity of another user, in {label} at {path}");
            let place = Place {
                key: golden.key_of(label),
                event: label.clone(),
                lane: None,
                path: Some(path.clone()),
                golden_line: None,
                frames: vec![*frame],
            };
            let found_one = Finding::new(Kind::Leak, Severity::Deviation, place, message)
                .values(format!("the identity of {user}"), value.clone())
                .evidence(format!("{} of {} sockets get their identity there", rightly, wires.len()))
                .hint("take the identity of a connection from its own token, not from the latest login");
            found.push((wire, found_one));
        }
    }
    (places.len(), found)
}

/// The strings that the server says, by event and path: what it said there first, and in which frame.
fn strings(golden: &Golden, wire: &Wire<'_>) -> BTreeMap<(Label, String), (String, usize)> {
    let mut told = BTreeMap::new();
    let mut seen: BTreeSet<Label> = BTreeSet::new();
    each_event(golden, wire.transcript, &mut |event| {
        if event.label.is_client() || !seen.insert(event.label.clone()) {
            return;
        }
        super::leak::walk(&event.data, "", &mut |path, value| {
            if let Value::String(text) = value {
                told.entry((event.label.clone(), path.to_owned())).or_insert((text.clone(), event.frame));
            }
        });
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::transcript::{End, Ending, Frame, Header, Offset, Payload, Side, Transcript};

    fn greeted(user: &str) -> Transcript {
        let text = format!(r#"{{"type":"connected","user_id":"{user}","room":"main-room"}}"#);
        let frame = Frame::new(Offset::ZERO, Side::Server, Payload::Text(text));
        let ending = Ending { at: Offset::ZERO, how: End::Interrupted, host: None };
        Transcript { header: Header::default(), frames: vec![frame], ending }
    }

    #[test]
    fn a_socket_that_is_called_by_a_name_that_is_not_its_users_is_found() {
        let golden =
            goldwire_core::golden::read("g.toml", "goldwire = 1\norder = \"connected\"\n").expect("a golden");
        let names = ["usr_aaaa", "usr_bbbb", "usr_cccc"];
        let known: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned()]).collect();
        let judged = |told: [&str; 3]| {
            let transcripts = told.map(greeted);
            let wires: Vec<Wire<'_>> = names
                .iter()
                .zip(&transcripts)
                .map(|(user, transcript)| Wire { user, marks: Vec::new(), transcript })
                .collect();
            strangers(&golden, &wires, &known)
        };
        assert_eq!(judged(names), (1, Vec::new()));
        // No other user's name is on the connection, so no leak shows it.
        let (_, found) = judged(["usr_aaaa", "usr_zzzz", "usr_cccc"]);
        assert_eq!((found.len(), found[0].0), (1, 1));
        assert_eq!(
            found[0].1.message,
            "usr_bbbb gets the identity of another user, in connected at /user_id"
        );
        // A server that sends no identity cannot send a wrong one.
        assert_eq!(judged(["x", "x", "x"]), (0, Vec::new()));
    }
}
