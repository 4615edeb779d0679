//! A call through a media server that is spoken to as Janus is: every request has a random transaction, which comes back
//! in an acknowledgement, in an answer or in both. Beside them each connection tells how it fares.

use super::{Family, Lanes, text_at, with};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "signalling",
    play,
    call: |data| {
        let said = |pointer: &str| data.pointer(pointer).and_then(Value::as_str);
        match said("/plugindata/data/videoroom").or_else(|| said("/body/request")) {
            Some(kind) => format!("{}[{kind}]", text_at(data, "/janus")),
            None => text_at(data, "/janus"),
        }
    },
    names_at: &["/janus", "/plugindata/data/videoroom", "/body/request"],
    lanes: &[
        Lanes {
            at: &[
                ("webrtcup", "/sender"),
                ("media", "/sender"),
                ("slowlink", "/sender"),
                ("hangup", "/sender"),
                ("detached", "/sender"),
            ],
            opener: "webrtcup",
            closer: "detached",
        },
        Lanes {
            at: &[
                (">create", "/transaction"),
                (">attach", "/transaction"),
                (">message[join]", "/transaction"),
                (">message[configure]", "/transaction"),
                (">message[start]", "/transaction"),
                (">trickle", "/transaction"),
                (">keepalive", "/transaction"),
                (">detach", "/transaction"),
                (">destroy", "/transaction"),
                ("ack", "/transaction"),
                ("success", "/transaction"),
                ("event[joined]", "/transaction"),
                ("event[attached]", "/transaction"),
                // One that tells who has come has no transaction.
                ("event[event]", "/transaction"),
            ],
            opener: ">trickle",
            closer: "ack",
        },
    ],
    terminal: "success",
    floats: &["slowlink"],
    counted: &[],
    uncounted: &["slowlink"],
    counters: &[],
    totals: &[],
    awaited: "media",
    tokens: &[],
    chains: &[],
    records: &[],
};

const PLUGIN: &str = "janus.plugin.videoroom";

/// A session at the media server: its connections, and what comes before any of them is given up.
struct Desk {
    session: u64,
    room: usize,
    links: Vec<Link>,
    settled: Vec<usize>,
}

/// A connection: its handle, what it told last while all was well, and whether the client sends by it.
struct Link {
    handle: u64,
    last: usize,
    is_own: bool,
}

/// Somebody else in the room.
struct Peer {
    id: u64,
    data: Value,
}

/// Ids are numbers that a script can still count to.
fn large(random: &mut Random) -> u64 {
    random.next() % 9_007_199_254_740_992
}

fn peer(random: &mut Random) -> Peer {
    let id = large(random);
    let streams = json!([{"type": "audio", "mindex": 0, "mid": "0", "codec": "opus"},
                         {"type": "video", "mindex": 1, "mid": "1", "codec": "vp8"}]);
    let data = json!({"id": id, "display": random.id("guest", 8), "audio_codec": "opus", "video_codec": "vp8",
                      "streams": streams});
    Peer { id, data }
}

/// What one end of a connection can do.
fn jsep(random: &mut Random, kind: &str, direction: &str) -> Value {
    let (session, password, print) = (large(random), random.alphanumeric(22), random.hex(40));
    let section = |media: &str, mid: usize, port: usize| {
        format!(
            "m={media} 9 UDP/TLS/RTP/SAVPF {port}\r\nc=IN IP4 192.0.2.7\r\na={direction}\r\na=mid:{mid}\r\n"
        )
    };
    let sdp = format!(
        "v=0\r\no=- {session} 1 IN IP4 192.0.2.7\r\ns=VideoRoom\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-pwd:{password}\r\n\
         a=fingerprint:sha-256 {print}\r\n{}{}",
        section("audio", 0, 111),
        section("video", 1, 96)
    );
    json!({"type": kind, "sdp": sdp})
}

impl Desk {
    /// A request, so many milliseconds after other events, and its transaction.
    fn ask(&self, b: &mut Builder, after: &[usize], pause: f64, kind: &str, more: Value) -> (usize, String) {
        let transaction = b.random.alphanumeric(12);
        let own = json!({"janus": kind, "transaction": transaction, "session_id": self.session});
        (b.client_in(after, pause, with(own, more)), transaction)
    }

    fn answer(
        &self,
        b: &mut Builder,
        asked: (usize, &str),
        class: &str,
        usual: f64,
        kind: &str,
        more: Value,
    ) -> usize {
        let own = json!({"janus": kind, "session_id": self.session, "transaction": asked.1});
        b.server(&[asked.0], class, usual, with(own, more))
    }

    /// A request that is only heard.
    fn heard(&self, b: &mut Builder, after: &[usize], pause: f64, kind: &str, more: Value) -> (usize, usize) {
        let (asked, transaction) = self.ask(b, after, pause, kind, more);
        (asked, self.answer(b, (asked, &transaction), kind, 1.5, "ack", json!({})))
    }

    /// What a connection tells by itself.
    fn tell(
        &self,
        b: &mut Builder,
        after: &[usize],
        usual: f64,
        kind: &str,
        handle: u64,
        more: Value,
    ) -> usize {
        let own = json!({"janus": kind, "session_id": self.session, "sender": handle});
        b.server(after, kind, usual, with(own, more))
    }

    fn attach(&self, b: &mut Builder, after: &[usize]) -> (usize, u64) {
        let own = json!({"plugin": PLUGIN, "opaque_id": format!("room-{}", b.random.alphanumeric(12))});
        let (asked, transaction) = self.ask(b, after, 3.0, "attach", own);
        let handle = large(&mut b.random);
        let data = json!({"data": {"id": handle}});
        (self.answer(b, (asked, &transaction), "attach", 4.0, "success", data), handle)
    }

    /// A message to the room: when it was sent, and the event that answers it.
    fn message(
        &self,
        b: &mut Builder,
        after: &[usize],
        handle: u64,
        usual: f64,
        (body, offer): (Value, Option<Value>),
        (data, answer): (Value, Option<Value>),
    ) -> (usize, usize) {
        let class = format!("event {}", body["request"]);
        let jsep = |jsep: Option<Value>| jsep.map_or(json!({}), |jsep| json!({"jsep": jsep}));
        let own = with(json!({"handle_id": handle, "body": body}), jsep(offer));
        let (asked, transaction) = self.ask(b, after, 8.0, "message", own);
        let ack = self.answer(b, (asked, &transaction), "message", 1.5, "ack", json!({}));
        let plugin = json!({"sender": handle, "plugindata": {"plugin": PLUGIN, "data": data}});
        (asked, self.answer(b, (ack, &transaction), &class, usual, "event", with(plugin, jsep(answer))))
    }

    /// Ways to reach the client, as it finds them, and when it had told all: each is heard.
    fn trickle(&mut self, b: &mut Builder, begun: usize, handle: u64) -> usize {
        let (mut at, mut first) = (begun, None);
        for n in 0..b.random.between(2, b.world.number("candidates", 3, 6)) {
            let kind = if n == 0 { "host" } else { b.random.word(&["host", "srflx", "relay"]) };
            let (port, priority) = (b.random.between(40_000, 65_000), b.random.between(1_000_000, 9_000_000));
            let address = format!("198.51.100.{}", b.random.between(1, 250));
            let line = format!("candidate:{n} 1 udp {priority} {address} {port} typ {kind}");
            let candidate = json!({"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0});
            let own = json!({"handle_id": handle, "candidate": candidate});
            let (asked, ack) = self.heard(b, &[at], 14.0, "trickle", own);
            first = first.or(Some(ack));
            self.settled.push(ack);
            at = asked;
        }
        let own = json!({"handle_id": handle, "candidate": {"completed": true}});
        let (_, ack) = self.heard(b, &[at], 30.0, "trickle", own);
        self.settled.push(ack);
        first.unwrap_or(ack)
    }

    /// The client shows itself: who else is in the room is told when it comes in.
    fn publish(&mut self, b: &mut Builder, after: &[usize], peers: &[Peer]) -> usize {
        let (attached, handle) = self.attach(b, after);
        let display = b.random.id("guest", 8);
        let body = json!({"request": "join", "ptype": "publisher", "room": self.room, "display": display});
        let publishers: Vec<&Value> = peers.iter().map(|peer| &peer.data).collect();
        let data = json!({"videoroom": "joined", "room": self.room, "description": "Standup", "publishers": publishers,
                          "id": large(&mut b.random), "private_id": b.random.between(100_000_000, 4_000_000_000)});
        let (_, joined) = self.message(b, &[attached], handle, 9.0, (body, None), (data, None));
        let body = json!({"request": "configure", "audio": true, "video": true});
        let data = json!({"videoroom": "event", "room": self.room, "configured": "ok", "audio_codec": "opus",
                          "video_codec": "vp8"});
        let offer = jsep(&mut b.random, "offer", "sendonly");
        let answer = jsep(&mut b.random, "answer", "recvonly");
        let (asked, configured) =
            self.message(b, &[joined], handle, 16.0, (body, Some(offer)), (data, Some(answer)));
        let reached = self.trickle(b, asked, handle);
        let up = self.tell(b, &[configured, reached], 130.0, "webrtcup", handle, json!({}));
        let [audio, video] = [("0", "audio"), ("1", "video")].map(|(mid, kind)| {
            let media = json!({"mid": mid, "type": kind, "receiving": true});
            self.tell(b, &[up], 60.0, "media", handle, media)
        });
        self.settled.extend([audio, video]);
        self.links.push(Link { handle, last: video, is_own: true });
        joined
    }

    /// The client looks at somebody.
    fn subscribe(&mut self, b: &mut Builder, after: &[usize], peer: &Peer) {
        let (attached, handle) = self.attach(b, after);
        let streams = json!([{"feed": peer.id}]);
        let body = json!({"request": "join", "ptype": "subscriber", "room": self.room, "streams": streams});
        let data = json!({"videoroom": "attached", "room": self.room, "streams": peer.data["streams"]});
        let offer = jsep(&mut b.random, "offer", "sendonly");
        let (_, joined) = self.message(b, &[attached], handle, 12.0, (body, None), (data, Some(offer)));
        let body = json!({"request": "start", "room": self.room});
        let data = json!({"videoroom": "event", "room": self.room, "started": "ok"});
        let answer = jsep(&mut b.random, "answer", "recvonly");
        let (asked, started) = self.message(b, &[joined], handle, 5.0, (body, Some(answer)), (data, None));
        let reached = self.trickle(b, asked, handle);
        let up = self.tell(b, &[started, reached], 110.0, "webrtcup", handle, json!({}));
        self.links.push(Link { handle, last: up, is_own: false });
        self.settled.push(up);
    }

    /// What may go wrong on a connection before something else: packets are lost, or for a while nothing comes.
    fn suffer(&self, b: &mut Builder, link: &Link, until: usize) {
        let mut at = link.last;
        let share = b.world.share("slowlink", 0.1, 0.5);
        while b.random.chance(share) {
            let (mid, media) = if b.random.chance(0.3) { ("0", "audio") } else { ("1", "video") };
            let own =
                json!({"mid": mid, "media": media, "uplink": link.is_own, "lost": b.random.between(4, 60)});
            at = self.tell(b, &[at], 420.0, "slowlink", link.handle, own);
            if b.only_before(at, until).is_none() {
                break;
            }
        }
        if !link.is_own || !b.random.chance(b.world.share("freeze", 0.1, 0.4)) {
            return;
        }
        let media = |more: Value| with(json!({"mid": "1", "type": "video"}), more);
        let frozen = media(json!({"receiving": false, "seconds": 1}));
        let frozen = self.tell(b, &[link.last], 500.0, "media", link.handle, frozen);
        if b.only_before(frozen, until).is_some() {
            let back = media(json!({"receiving": true}));
            let back = self.tell(b, &[frozen], 350.0, "media", link.handle, back);
            b.only_before(back, until);
        }
    }

    /// The client has seen enough and gives up all connections: when they are over.
    fn leave(&self, b: &mut Builder) -> Vec<usize> {
        let (mut after, mut asked) = (self.settled.clone(), Vec::new());
        for link in &self.links {
            let pause = if asked.is_empty() { 1300.0 } else { 2.0 };
            let own = json!({"handle_id": link.handle});
            let (at, transaction) = self.ask(b, &after, pause, "detach", own);
            asked.push((at, transaction));
            after = vec![at];
        }
        let mut over = Vec::new();
        for (link, (at, transaction)) in self.links.iter().zip(&asked) {
            self.suffer(b, link, asked[0].0);
            over.push(self.answer(b, (*at, transaction), "detach", 5.0, "success", json!({})));
            let reason = json!({"reason": "Close PC"});
            let hung = self.tell(b, &[*at], 6.0, "hangup", link.handle, reason);
            over.push(self.tell(b, &[hung], 3.0, "detached", link.handle, json!({})));
        }
        over
    }
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let transaction = b.random.alphanumeric(12);
    let create = b.client(&[], json!({"janus": "create", "transaction": transaction}));
    let (session, room) = (large(&mut b.random), 1000 + w.number("room", 1, 900));
    let data = json!({"janus": "success", "transaction": transaction, "data": {"id": session}});
    let created = b.server(&[create], "create", 6.0, data);
    let mut desk = Desk { session, room, links: Vec::new(), settled: Vec::new() };
    let peers: Vec<Peer> =
        (0..b.random.between(1, w.number("peers", 2, 3))).map(|_| peer(&mut b.random)).collect();
    let joined = desk.publish(&mut b, &[created], &peers);
    for peer in &peers {
        desk.subscribe(&mut b, &[joined], peer);
    }
    let publisher = desk.links[0].handle;
    if b.random.chance(w.share("late", 0.2, 0.6)) {
        let late = peer(&mut b.random);
        let data = json!({"videoroom": "event", "room": room, "publishers": [late.data]});
        let told = json!({"plugindata": {"plugin": PLUGIN, "data": data}});
        let come = desk.tell(&mut b, &[joined], 700.0, "event", publisher, told);
        desk.subscribe(&mut b, &[come], &late);
    }
    if b.random.chance(w.rare("talking")) {
        let data =
            json!({"videoroom": "talking", "room": room, "id": peers[0].id, "audio-level-dBov-avg": 31});
        let told = json!({"plugindata": {"plugin": PLUGIN, "data": data}});
        desk.settled.push(desk.tell(&mut b, &[joined], 900.0, "event", publisher, told));
    }
    let mut over = desk.leave(&mut b);
    // Whoever says nothing for long is taken for gone.
    let last = over.iter().copied().max_by(|one, other| b.time(*one).total_cmp(&b.time(*other)));
    let (last, mut at) = (last.unwrap_or(created), created);
    let period = 1000.0 * w.share("keepalive", 0.4, 0.9);
    loop {
        let (asked, ack) = desk.heard(&mut b, &[at], period, "keepalive", json!({}));
        if b.only_before(asked, last).is_none() {
            break;
        }
        over.push(ack);
        at = asked;
    }
    let (destroy, transaction) = desk.ask(&mut b, &over, 2.0, "destroy", json!({}));
    desk.answer(&mut b, (destroy, &transaction), "destroy", 5.0, "success", json!({}));
    b.finish(closed_by(Side::Client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_heard_or_answered_once_and_messages_are_both() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let of = |side: Side| stream.said.iter().filter(move |said| said.side == side);
            let mut answers = 0;
            for said in of(Side::Client) {
                let own =
                    of(Side::Server).filter(|other| other.data["transaction"] == said.data["transaction"]);
                let kinds: Vec<String> = own.map(|said| text_at(&said.data, "/janus")).collect();
                answers += kinds.len();
                match text_at(&said.data, "/janus").as_str() {
                    "message" => assert_eq!(kinds, ["ack", "event"], "{}", said.data),
                    "trickle" | "keepalive" => assert_eq!(kinds, ["ack"], "{}", said.data),
                    _ => assert_eq!(kinds, ["success"], "{}", said.data),
                }
            }
            assert_eq!(
                answers,
                of(Side::Server).filter(|said| said.data.get("transaction").is_some()).count()
            );
        }
    }

    #[test]
    fn a_connection_is_up_first_and_detached_last() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let told: Vec<(Value, String)> = stream
                .said
                .iter()
                .map(|said| (said.data["sender"].clone(), FAMILY.label(said.side, &said.data)))
                .filter(|(_, kind)| FAMILY.lanes[0].at.iter().any(|(own, _)| own == kind))
                .collect();
            for (link, _) in told.iter().filter(|(_, kind)| kind == "webrtcup") {
                let own: Vec<&str> =
                    told.iter().filter(|(own, _)| own == link).map(|(_, kind)| kind.as_str()).collect();
                let end = own.len().saturating_sub(2);
                assert!(own[0] == "webrtcup" && own[end..] == ["hangup", "detached"], "{own:?}");
            }
        }
    }
}
