//! Judges what real peers said in each format that is known, and each protocol: how many mutations of it are found.
//!
//! A golden is learned from most of a peer's recordings and judges those that were held back, first as they are, then broken
//! in every way of [`kinds`]: each message of the server, each field of each event. What a mutation changes that no client can
//! tell is not counted; [`kinds`] has the rules. `docs/DIALECTS.md` keeps the table, which a test holds to what this prints.

mod kinds;
mod session;

use crate::measure::{Case, is_red, judge, said_of};
use goldwire_core::dialect::Dialect;
use goldwire_core::finding::Finding;
use goldwire_core::golden::{self, Golden};
use goldwire_core::learn::learn;
use goldwire_core::transcript::{self, Transcript};
use kinds::{KINDS, Known};
use session::Session;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Of recordings that nobody has set apart, every third is held back.
const HELD: usize = 3;

/// A format, and where recordings of somebody who speaks it are, from the root of the repository.
struct Peer {
    format: &'static str,
    /// Who was recorded.
    who: &'static str,
    folder: &'static str,
}

const fn peer(format: &'static str, who: &'static str, folder: &'static str) -> Peer {
    Peer { format, who, folder }
}

/// All of them, the most used first.
const PEERS: &[Peer] = &[
    peer("chat completions", "OpenAI's SDK", "tests/peers/recordings/openai"),
    peer("responses", "OpenAI's SDK", "tests/peers/recordings/responses"),
    peer("Anthropic's messages", "Anthropic's SDK", "tests/peers/recordings/anthropic"),
    peer("MCP over HTTP", "its everything server", "tests/servers/mcp/recordings/progress"),
    peer("MCP, asked by the server", "the same", "tests/servers/mcp/recordings/sampling"),
    peer("SignalR", "its own client", "tests/peers/recordings/signalr"),
    peer("SignalR, MessagePack", "its own client", "tests/peers/recordings/signalr-msgpack"),
    peer("Phoenix", "its own client", "tests/peers/recordings/phoenix"),
    peer("Pusher", "its own client", "tests/peers/recordings/pusher"),
    peer("ActionCable", "Rails, and its own client", "tests/peers/recordings/actioncable"),
    peer("OCPP 1.6", "the package ocpp, both sides", "tests/peers/recordings/ocpp"),
    peer("WAMP", "Crossbar and Autobahn", "tests/peers/recordings/wamp"),
    peer("WAMP, MessagePack", "the same", "tests/peers/recordings/wamp-msgpack"),
    peer("XMPP", "Prosody", "tests/peers/recordings/xmpp"),
    peer("Socket.IO", "python-socketio", "tests/dialects/recordings/chat"),
    peer("GraphQL", "graphql-ws", "tests/dialects/recordings/questions"),
    peer("MQTT", "mosquitto", "tests/dialects/recordings/rooms"),
    peer("Yjs", "its websocket server", "tests/peers/recordings/yjs"),
    peer("Colyseus, MessagePack", "itself, both sides", "tests/peers/recordings/colyseus"),
    peer("JSON-RPC", "Anvil", "tests/peers/recordings/anvil"),
    peer("Janus", "itself", "tests/peers/recordings/janus"),
    peer("Home Assistant", "itself", "tests/servers/homeassistant/recordings/me"),
    peer("Node-RED", "itself", "tests/servers/nodered/recordings/debug"),
    peer("Jupyter", "itself", "tests/servers/jupyter/recordings/ask"),
    peer("NATS", "itself", "tests/servers/nats/recordings/request"),
    peer("JSON without names", "Signal K", "tests/servers/signalk/recordings/speed"),
];

/// What was found of one kind of mutation.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    tried: usize,
    found: usize,
    red: usize,
}

/// What one peer showed.
struct Row {
    peer: &'static Peer,
    learned_from: usize,
    held: usize,
    conform: usize,
    /// In the order of the kinds.
    counts: Vec<Count>,
}

/// All peers.
pub(crate) struct Judged {
    rows: Vec<Row>,
    pub(crate) alarms: Vec<Case>,
    pub(crate) misses: Vec<Case>,
}

/// A recording by the name of its file.
type Named = (String, Transcript);

fn recordings(folder: &Path) -> Result<Vec<Named>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let read = |path: &Path| {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let read = transcript::read(bytes.as_slice());
        let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok((name, read.map_err(|error| format!("{}: {error}", path.display()))?))
    };
    paths.iter().map(|path| read(path)).collect()
}

/// The recordings to learn from, and those that were held back.
fn apart(folder: &Path) -> Result<(Vec<Transcript>, Vec<Named>), String> {
    let all = recordings(folder)?;
    let held = folder.join("held");
    let (learned, held): (Vec<_>, Vec<_>) = if held.is_dir() {
        (all, recordings(&held)?)
    } else {
        let (held, learned): (Vec<_>, Vec<_>) =
            all.into_iter().enumerate().partition(|(place, _)| place % HELD == HELD - 1);
        let own = |all: Vec<(usize, Named)>| all.into_iter().map(|(_, own)| own).collect();
        (own(learned), own(held))
    };
    if learned.is_empty() || held.is_empty() {
        return Err(format!("{}: too few recordings", folder.display()));
    }
    Ok((learned.into_iter().map(|(_, session)| session).collect(), held))
}

/// What is learned, as it is after it was written and read again.
fn learned(folder: &Path, sessions: &[Transcript]) -> Result<Golden, String> {
    let proposal = learn(sessions, None).map_err(|error| format!("{}: {error}", folder.display()))?;
    let text = golden::write(&proposal.golden);
    let read = golden::read("golden.toml", &text);
    let mut own = read.map_err(|problems| format!("{}: {problems}", folder.display()))?;
    own.attach(&proposal.golden.evidence());
    Ok(own)
}

/// Judges all peers whose recordings are below the root of the repository.
///
/// # Errors
/// When there are no recordings of one, they cannot be read, or nothing can be learned from them.
pub(crate) fn run(root: &Path, seed: u64) -> Result<Judged, String> {
    let mut judged = Judged { rows: Vec::new(), alarms: Vec::new(), misses: Vec::new() };
    for peer in PEERS {
        judged.peer(peer, &root.join(peer.folder), seed)?;
    }
    Ok(judged)
}

impl Judged {
    fn peer(&mut self, peer: &'static Peer, folder: &Path, seed: u64) -> Result<(), String> {
        let (sessions, held) = apart(folder)?;
        let golden = learned(folder, &sessions)?;
        let dialect: &Dialect = &golden.dialect;
        let read = |transcript: &Transcript| Session::read(dialect, transcript);
        let all = sessions.iter().map(read).chain(held.iter().map(|(_, session)| read(session)));
        let known = Known::of(dialect, &all.collect::<Vec<Session>>());
        let mut row = Row {
            peer,
            learned_from: sessions.len(),
            held: held.len(),
            conform: 0,
            counts: vec![Count::default(); KINDS.len()],
        };
        for (name, transcript) in &held {
            let clean = judge(&golden, transcript).findings;
            row.conform += usize::from(clean.is_empty());
            if !clean.is_empty() {
                self.alarms.push(Case { name: format!("{}/{name}", peer.folder), what: said_of(&clean) });
            }
            let session = read(transcript);
            // That it is written anew must not be what is found.
            let clean = judge(&golden, &session.transcript(transcript)).findings;
            let was_there =
                |own: &Finding| clean.iter().any(|old| old.is_like(own) && old.message == own.message);
            for (kind, count) in KINDS.iter().zip(&mut row.counts) {
                let words = [peer.folder, name, kind.name];
                for mutation in (kind.all)(&known, &session, crate::random::fork(seed, &words)) {
                    let findings = judge(&golden, &mutation.session.transcript(transcript)).findings;
                    let new: Vec<Finding> =
                        findings.into_iter().filter(|finding| !was_there(finding)).collect();
                    count.tried += 1;
                    count.found += usize::from(!new.is_empty());
                    count.red += usize::from(is_red(&new));
                    if new.is_empty() {
                        let name = format!("{}/{name}, {}", peer.folder, kind.name);
                        self.misses.push(Case { name, what: mutation.what });
                    }
                }
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// As a table of Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("| format | recorded of | learned from | conform |");
        KINDS.iter().for_each(|kind| write!(out, " {} |", kind.name).expect("a text takes all"));
        out.push_str(" red |\n|---|---|---|---|");
        out.push_str(&"---|".repeat(KINDS.len() + 1));
        out.push('\n');
        let cells = |out: &mut String, counts: &[Count]| {
            let mut all = Count::default();
            for count in counts {
                match count.tried {
                    0 => out.push_str(" – |"),
                    tried => write!(out, " {} of {tried} |", count.found).expect("a text takes all"),
                }
                all.tried += count.tried;
                all.red += count.red;
            }
            writeln!(out, " {} of {} |", all.red, all.tried).expect("a text takes all");
        };
        let mut sums = vec![Count::default(); KINDS.len()];
        let (mut learned_from, mut conform, mut held) = (0, 0, 0);
        for row in &self.rows {
            let Peer { format, who, .. } = row.peer;
            let (own, of) = (row.conform, row.held);
            write!(out, "| {format} | {who} | {} | {own} of {of} |", row.learned_from)
                .expect("a text takes all");
            cells(&mut out, &row.counts);
            for (sum, count) in sums.iter_mut().zip(&row.counts) {
                sum.tried += count.tried;
                sum.found += count.found;
                sum.red += count.red;
            }
            learned_from += row.learned_from;
            conform += own;
            held += of;
        }
        write!(out, "| all | | {learned_from} | {conform} of {held} |").expect("a text takes all");
        cells(&mut out, &sums);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GOLDWIRE_PEERS=update cargo test --release --package prove peers` writes the page anew.
    #[test]
    fn the_table_in_the_documentation_is_what_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let table = run(&root, 1).expect("recordings").table();
        let path = root.join("docs/DIALECTS.md");
        let page = fs::read_to_string(&path).expect("a page");
        let begins = page.find("| format | recorded of |").expect("the page has a table");
        let ends = page[begins..].find("\n\n").map_or(page.len(), |at| begins + at + 1);
        let written = &page[begins..ends];
        if std::env::var("GOLDWIRE_PEERS").is_ok_and(|value| value == "update") {
            let page = [&page[..begins], &table, &page[ends..]].concat();
            fs::write(&path, page).expect("the page is written");
            return;
        }
        assert!(
            written == table,
            "GOLDWIRE_PEERS=update cargo test --release --package prove peers writes it:\n{table}"
        );
    }
}
