//! A lobby and its matches, each a channel of one socket as Phoenix has them: every request has the next reference, which
//! its reply repeats, and the reference of its channel's join. In a match the server's clock ticks, both players move, and
//! who is ahead is told to all.

use super::{Family, Lanes, text_at};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Map, Value, json};

pub(super) const FAMILY: Family = Family {
    name: "lobby",
    play,
    call: |data| text_at(data, "/event"),
    names_at: &["/event"],
    lanes: &[
        Lanes {
            at: &[
                ("presence_state", "/topic"),
                ("presence_diff", "/topic"),
                ("queue_update", "/topic"),
                ("match_found", "/topic"),
                ("match_start", "/topic"),
                ("tick", "/topic"),
                ("move_made", "/topic"),
                ("score", "/topic"),
                ("match_end", "/topic"),
                ("phx_close", "/topic"),
            ],
            opener: "presence_state",
            closer: "phx_close",
        },
        Lanes {
            at: &[
                (">phx_join", "/ref"),
                (">heartbeat", "/ref"),
                (">find_match", "/ref"),
                (">move", "/ref"),
                (">phx_leave", "/ref"),
                ("phx_reply", "/ref"),
            ],
            opener: ">move",
            closer: "phx_reply",
        },
    ],
    terminal: "phx_close",
    floats: &["presence_diff"],
    // A place in the queue counts down to nought; points add up to what is told with them and at the end.
    counted: &["tick", "move_made", "score", "queue_update"],
    uncounted: &[],
    counters: &[("tick", "/payload/tick"), ("move_made", "/payload/number")],
    totals: &[
        ("score", "/payload/scores/red"),
        ("score", "/payload/scores/blue"),
        ("match_end", "/payload/scores/red"),
        ("match_end", "/payload/scores/blue"),
        ("match_end", "/payload/ticks"),
        ("match_end", "/payload/moves"),
    ],
    awaited: "tick",
    tokens: &[],
    chains: &[],
    records: &[],
};

const LOBBY: &str = "lobby:main";

/// A request, and where else its reference stands: it is written in when all is said.
struct Request {
    at: usize,
    topic: String,
    echoes: Vec<(usize, &'static str)>,
}

/// The client's end of the socket.
struct Socket {
    requests: Vec<Request>,
}

/// A channel: its topic and which request joined it.
struct Channel {
    topic: String,
    join: usize,
}

fn message(topic: &str, event: &str, payload: &Value) -> Value {
    json!({"join_ref": null, "ref": null, "topic": topic, "event": event, "payload": payload})
}

/// Somebody who is there, since a time in seconds.
fn presence(random: &mut Random, since: u64, status: &str) -> Value {
    let reference = format!("F{}", random.alphanumeric(15));
    json!({"metas": [{"phx_ref": reference, "online_at": since.to_string(), "status": status}]})
}

impl Socket {
    /// A request, so many milliseconds after other events; its number.
    fn ask(
        &mut self,
        b: &mut Builder,
        after: &[usize],
        pause: f64,
        topic: &str,
        (event, payload): (&str, &Value),
    ) -> usize {
        let at = b.client_in(after, pause, message(topic, event, payload));
        self.requests.push(Request { at, topic: topic.to_owned(), echoes: vec![(at, "/ref")] });
        self.requests.len() - 1
    }

    fn reply(&mut self, b: &mut Builder, request: usize, class: &str, usual: f64, answer: &Value) -> usize {
        let request = &mut self.requests[request];
        let reply = b.server(&[request.at], class, usual, message(&request.topic, "phx_reply", answer));
        request.echoes.push((reply, "/ref"));
        reply
    }

    /// Says that something belongs to a channel.
    fn belongs(&mut self, id: usize, channel: &Channel) {
        self.requests[channel.join].echoes.push((id, "/join_ref"));
    }

    /// A request in a channel: when it was sent, and its reply.
    fn push(
        &mut self,
        b: &mut Builder,
        channel: &Channel,
        (after, pause): (&[usize], f64),
        (event, payload): (&str, Value),
        (usual, answer): (f64, Value),
    ) -> (usize, usize) {
        let request = self.ask(b, after, pause, &channel.topic, (event, &payload));
        let at = self.requests[request].at;
        let reply = self.reply(b, request, event, usual, &answer);
        self.belongs(at, channel);
        self.belongs(reply, channel);
        (at, reply)
    }

    /// What the server tells only this client, in a channel.
    fn told(
        &mut self,
        b: &mut Builder,
        channel: &Channel,
        after: &[usize],
        usual: f64,
        (event, payload): (&str, Value),
    ) -> usize {
        let id = b.server(after, event, usual, message(&channel.topic, event, &payload));
        self.belongs(id, channel);
        id
    }

    /// Joins: the channel, and when it is known who is there.
    fn join(
        &mut self,
        b: &mut Builder,
        topic: &str,
        after: &[usize],
        (params, response): (Value, Value),
        present: Map<String, Value>,
    ) -> (Channel, usize) {
        let join = self.ask(b, after, 2.0, topic, ("phx_join", &params));
        let channel = Channel { topic: topic.to_owned(), join };
        let answer = json!({"status": "ok", "response": response});
        let reply = self.reply(b, join, "phx_join", 14.0, &answer);
        self.belongs(self.requests[join].at, &channel);
        self.belongs(reply, &channel);
        let state = self.told(b, &channel, &[reply], 3.0, ("presence_state", Value::Object(present)));
        (channel, state)
    }

    /// Leaves: when the channel is closed, which is told under the reference of its join.
    fn leave(&mut self, b: &mut Builder, channel: &Channel, after: &[usize], pause: f64) -> usize {
        let answer = json!({"status": "ok", "response": {}});
        let (_, reply) = self.push(b, channel, (after, pause), ("phx_leave", json!({})), (6.0, answer));
        let closed = self.told(b, channel, &[reply], 1.5, ("phx_close", json!({})));
        self.requests[channel.join].echoes.push((closed, "/ref"));
        closed
    }

    /// References count from one as the requests are sent.
    fn number(&mut self, b: &mut Builder) {
        self.requests.sort_by(|one, other| b.time(one.at).total_cmp(&b.time(other.at)));
        for (number, request) in self.requests.iter().enumerate() {
            for (id, pointer) in &request.echoes {
                b.fill(*id, pointer, json!((number + 1).to_string()));
            }
        }
    }
}

/// A match as it is played: what was moved, and who got points for it.
struct Match {
    topic: String,
    /// The two players, the client first, and the colour of the client.
    players: [String; 2],
    colours: [&'static str; 2],
    moves: Vec<usize>,
    scores: Vec<(usize, &'static str, usize)>,
}

impl Match {
    /// A move is told to both, and may bring points.
    fn made(
        &mut self,
        b: &mut Builder,
        at: usize,
        who: usize,
        usual: f64,
        (id, cell): (Value, Value),
    ) -> usize {
        let data = json!({"number": 0, "player": self.players[who], "move_id": id, "cell": cell});
        let class = if who == 0 { "broadcast" } else { "opponent" };
        let made = b.server(&[at], class, usual, message(&self.topic, "move_made", &data));
        self.moves.push(made);
        if b.random.chance(b.world.share("scores", 0.3, 0.7)) {
            let (points, colour) = (b.random.between(1, 5), self.colours[who]);
            let scores = json!({"red": 0, "blue": 0});
            let data =
                json!({"player": self.players[who], "team": colour, "points": points, "scores": scores});
            let score = b.server(&[made], "score", 7.0, message(&self.topic, "score", &data));
            self.scores.push((score, colour, points));
        }
        made
    }

    /// Writes numbers and scores in, in the order in which they came; the scores at the end.
    fn settle(&mut self, b: &mut Builder) -> Value {
        self.moves.sort_by(|one, other| b.time(*one).total_cmp(&b.time(*other)));
        for (number, id) in self.moves.iter().enumerate() {
            b.fill(*id, "/payload/number", json!(number + 1));
        }
        self.scores.sort_by(|one, other| b.time(one.0).total_cmp(&b.time(other.0)));
        let (mut red, mut blue) = (0, 0);
        for (id, colour, points) in &self.scores {
            *(if *colour == "red" { &mut red } else { &mut blue }) += points;
            b.fill(*id, "/payload/scores", json!({"red": red, "blue": blue}));
        }
        json!({"red": red, "blue": blue})
    }
}

fn cell(random: &mut Random) -> Value {
    json!({"x": random.below(12), "y": random.below(12)})
}

/// A match from its beginning to its end: when its channel is closed.
fn battle(
    b: &mut Builder,
    socket: &mut Socket,
    player: &str,
    opponent: &str,
    (topic, found): (&str, usize),
    clock: u64,
) -> usize {
    let w = b.world;
    let colours = if b.random.chance(0.5) { ["red", "blue"] } else { ["blue", "red"] };
    let (board, map) = (b.random.uuid(), b.random.word(&["delta", "harbour", "ridge"]));
    let mut present = Map::new();
    for name in [player, opponent] {
        present.insert(name.to_owned(), presence(&mut b.random, clock, "playing"));
    }
    let response = json!({"board": board, "map": map, "team": colours[0], "size": 12});
    let (channel, state) = socket.join(b, topic, &[found], (json!({"spectator": false}), response), present);
    let teams = json!({colours[0]: player, colours[1]: opponent});
    let data = json!({"board": board, "teams": teams, "rules": "classic"});
    let start = b.server(&[state], "match_start", 260.0, message(topic, "match_start", &data));
    let mut game = Match {
        topic: topic.to_owned(),
        players: [player.to_owned(), opponent.to_owned()],
        colours,
        moves: Vec::new(),
        scores: Vec::new(),
    };
    let (mut mine, mut theirs, mut over) = (start, start, Vec::new());
    for _ in 0..b.random.between(3, w.number("moves", 5, 9)) {
        let (id, cell) = (json!(b.random.uuid()), cell(&mut b.random));
        let is_taken = b.random.chance(w.share("taken", 0.05, 0.25));
        let answer = if is_taken {
            json!({"status": "error", "response": {"move_id": id, "reason": "cell_taken"}})
        } else {
            json!({"status": "ok", "response": {"move_id": id}})
        };
        let payload = json!({"move_id": id, "cell": cell});
        let (asked, reply) = socket.push(b, &channel, (&[mine], 190.0), ("move", payload), (9.0, answer));
        if !is_taken {
            game.made(b, asked, 0, 10.0, (id, cell));
        }
        mine = reply;
    }
    for _ in 0..b.random.between(3, w.number("moves", 5, 9)) {
        let (id, cell) = (json!(b.random.uuid()), cell(&mut b.random));
        theirs = game.made(b, theirs, 1, 230.0, (id, cell));
    }
    over.extend([mine, theirs]);
    over.extend(game.moves.iter().copied());
    over.extend(game.scores.iter().map(|(score, ..)| *score));
    let scores = game.settle(b);
    let winner = match scores["red"].as_u64().cmp(&scores["blue"].as_u64()) {
        std::cmp::Ordering::Greater => json!("red"),
        std::cmp::Ordering::Less => json!("blue"),
        std::cmp::Ordering::Equal => json!("draw"),
    };
    let data =
        json!({"board": board, "winner": winner, "scores": scores, "moves": game.moves.len(), "ticks": 0});
    let end = b.server(&over, "match_end", 120.0, message(topic, "match_end", &data));
    // Until then the clock ticks.
    let (mut at, mut ticks) = (start, 0);
    loop {
        let data = json!({"tick": ticks + 1, "ball": cell(&mut b.random), "wind": b.random.between(0, 30)});
        let tick = b.server(&[at], "tick", 75.0, message(topic, "tick", &data));
        if b.only_before(tick, end).is_none() {
            break;
        }
        (at, ticks) = (tick, ticks + 1);
    }
    b.waits_for(end, &[at]);
    b.fill(end, "/payload/ticks", json!(ticks));
    socket.leave(b, &channel, &[end], 40.0)
}

/// Somebody comes into the lobby, or somebody else goes.
fn change(b: &mut Builder, crowd: &mut Map<String, Value>, player: &str, clock: u64) -> Value {
    let others: Vec<String> = crowd.keys().filter(|name| *name != player).cloned().collect();
    let (mut joins, mut leaves) = (Map::new(), Map::new());
    match b.random.pick(&others).filter(|_| others.len() > 1) {
        Some(name) if b.random.chance(0.5) => leaves.extend(crowd.shift_remove_entry(name)),
        _ => {
            let (name, own) = (b.random.id("user", 8), presence(&mut b.random, clock, "idle"));
            joins.insert(name.clone(), own.clone());
            crowd.insert(name, own);
        }
    }
    json!({"joins": joins, "leaves": leaves})
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let clock = b.epoch_ms() / 1000;
    let mut socket = Socket { requests: Vec::new() };
    let player = b.random.id("user", 8);
    let mut crowd = Map::new();
    for n in 0..=b.random.between(2, w.number("crowd", 3, 8)) {
        let name = if n == 0 { player.clone() } else { b.random.id("user", 8) };
        let status = if n == 0 { "idle" } else { b.random.word(&["idle", "idle", "playing"]) };
        let since = clock - b.random.next() % 3600;
        crowd.insert(name, presence(&mut b.random, since, status));
    }
    let params = json!({"client": "web", "version": "1.8.2"});
    let response = json!({"user_id": player, "region": "eu-1", "season": w.number("season", 2, 40),
                          "rating": b.random.between(900, 2100)});
    let (lobby, state) = socket.join(&mut b, LOBBY, &[], (params, response), crowd.clone());
    let mut ready = state;
    for _ in 0..b.random.between(1, w.number("matches", 1, 2)) {
        let place = b.random.between(1, w.number("queue", 2, 5));
        let wanted = json!({"mode": b.random.word(&["duel", "duel", "ranked"])});
        let answer = json!({"status": "ok", "response": {"position": place}});
        let (_, mut at) =
            socket.push(&mut b, &lobby, (&[ready], 420.0), ("find_match", wanted), (12.0, answer));
        for position in (0..place).rev() {
            let data = json!({"position": position, "online": b.random.between(80, 900)});
            at = socket.told(&mut b, &lobby, &[at], 95.0, ("queue_update", data));
        }
        let (opponent, topic) = (b.random.id("user", 8), format!("match:{}", b.random.hex(12)));
        let who = json!({"id": opponent, "rating": b.random.between(900, 2100)});
        let found = json!({"topic": topic, "opponent": who, "expires_in": 30});
        let found = socket.told(&mut b, &lobby, &[at], 60.0, ("match_found", found));
        ready = battle(&mut b, &mut socket, &player, &opponent, (&topic, found), clock);
    }
    let (mut beat, mut over, period) = (state, vec![ready], 1000.0 * w.share("heartbeat", 0.5, 1.1));
    loop {
        let request = socket.ask(&mut b, &[beat], period, "phoenix", ("heartbeat", &json!({})));
        beat = socket.requests[request].at;
        if b.only_before(beat, ready).is_none() {
            socket.requests.pop();
            break;
        }
        let answer = json!({"status": "ok", "response": {}});
        over.push(socket.reply(&mut b, request, "heartbeat", 2.0, &answer));
    }
    let closed = socket.leave(&mut b, &lobby, &over, 300.0);
    // Until then others come and go.
    let (mut at, period) = (state, 1000.0 * w.share("crowd", 0.2, 0.6));
    loop {
        let data = change(&mut b, &mut crowd, &player, clock + 1);
        let diff = b.server(&[at], "presence_diff", period, message(LOBBY, "presence_diff", &data));
        if b.only_before(diff, closed).is_none() {
            break;
        }
        at = diff;
    }
    b.waits_for(closed, &[at]);
    if b.random.chance(w.rare("notice")) {
        let data = json!({"text": b.random.prose(6)});
        let notice = b.server(&[state], "notice", 900.0, message(LOBBY, "notice", &data));
        b.only_before(notice, closed);
    }
    socket.number(&mut b);
    b.finish(closed_by(Side::Client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn references_count_from_one_and_every_request_has_one_reply() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let of =
                |side: Side| stream.said.iter().filter(move |said| said.side == side).map(|said| &said.data);
            let asked: Vec<&Value> = of(Side::Client).map(|data| &data["ref"]).collect();
            let counted: Vec<Value> = (1..=asked.len()).map(|n| json!(n.to_string())).collect();
            assert!(asked.iter().copied().eq(&counted), "{asked:?}");
            for data in of(Side::Client) {
                let is_reply = |own: &&Value| own["event"] == "phx_reply" && own["ref"] == data["ref"];
                let replies: Vec<&Value> = of(Side::Server).filter(is_reply).collect();
                assert_eq!(replies.len(), 1, "{data}");
                let places = ["topic", "join_ref"];
                assert!(places.iter().all(|place| replies[0][place] == data[place]), "{data}");
            }
        }
    }

    #[test]
    fn ticks_moves_and_points_of_a_match_come_to_what_its_end_says() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let mut matches: BTreeMap<String, (u64, u64, [u64; 2])> = BTreeMap::new();
            for data in stream.said.iter().map(|said| &said.data) {
                let (own, load) = (matches.entry(text_at(data, "/topic")).or_default(), &data["payload"]);
                let scores = |own: &[u64; 2]| json!({"red": own[0], "blue": own[1]});
                match text_at(data, "/event").as_str() {
                    "tick" => {
                        own.0 += 1;
                        assert_eq!(load["tick"], own.0);
                    }
                    "move_made" => {
                        own.1 += 1;
                        assert_eq!(load["number"], own.1);
                    }
                    "score" => {
                        own.2[usize::from(load["team"] == "blue")] += load["points"].as_u64().unwrap_or(0);
                        assert_eq!(load["scores"], scores(&own.2));
                    }
                    "match_end" => {
                        assert_eq!((&load["ticks"], &load["moves"]), (&json!(own.0), &json!(own.1)));
                        assert_eq!(load["scores"], scores(&own.2));
                    }
                    _ => {}
                }
            }
        }
    }
}
