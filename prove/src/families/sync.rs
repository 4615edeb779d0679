//! A database that is kept the same on both sides, as Meteor's DDP does it: documents of what is subscribed to come, change
//! and go; methods are answered by a result and by the word that all they wrote has come, in either order.

use super::{Family, Lanes, text_at, with};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "sync",
    play,
    // The first message of a server has no name.
    call: |data| text_at(data, "/msg"),
    names_at: &["/msg"],
    lanes: &[
        Lanes {
            at: &[(">sub", "/id"), ("ready", "/subs/0"), (">unsub", "/id"), ("nosub", "/id")],
            opener: ">sub",
            closer: "nosub",
        },
        Lanes {
            at: &[("added", "/id"), ("changed", "/id"), ("removed", "/id")],
            opener: "added",
            closer: "removed",
        },
        Lanes {
            at: &[(">method", "/id"), ("result", "/id"), ("updated", "/methods/0")],
            opener: ">method",
            closer: "result",
        },
        Lanes { at: &[(">ping", "/id"), ("pong", "/id")], opener: ">ping", closer: "pong" },
    ],
    terminal: "nosub",
    floats: &["ping", "pong"],
    counted: &[],
    uncounted: &[],
    // Each change of a task is its next revision.
    counters: &[("changed", "/fields/rev")],
    // How many tasks a list has.
    totals: &[("added", "/fields/count"), ("changed", "/fields/count")],
    awaited: "added",
    tokens: &[],
    chains: &[],
    records: &["/subs", "/methods"],
};

/// A document as the client has it, and which event brought it.
struct Document {
    collection: &'static str,
    id: String,
    fields: Value,
    added: usize,
}

/// What is subscribed to. Its server sends one thing after another; `last` is what it sent last.
struct Subscription {
    id: String,
    list: String,
    documents: Vec<Document>,
    last: usize,
    /// When the session began, in milliseconds.
    clock: u64,
}

fn id(random: &mut Random) -> String {
    random.alphanumeric(17)
}

fn subscribe(b: &mut Builder, clock: u64, after: &[usize], pause: f64, name: &str) -> Subscription {
    let (own, list) = (id(&mut b.random), id(&mut b.random));
    let params = if name == "tasks.inList" { json!([list]) } else { json!([]) };
    let asked = b.client_in(after, pause, json!({"msg": "sub", "id": own, "name": name, "params": params}));
    Subscription { id: own, list, documents: Vec::new(), last: asked, clock }
}

/// A method: when it was called, and its id.
fn call(b: &mut Builder, after: &[usize], pause: f64, method: &str, params: &Value) -> (usize, String) {
    let own = id(&mut b.random);
    let data = json!({"msg": "method", "id": own, "method": method, "params": params});
    (b.client_in(after, pause, data), own)
}

/// Both answers to a method: what came of it, and that all it wrote has come, after the last of that.
fn answer(
    b: &mut Builder,
    (asked, own): (usize, &str),
    (class, usual): (&str, f64),
    written: usize,
    outcome: Value,
) -> [usize; 2] {
    let outcome = with(json!({"msg": "result", "id": own}), outcome);
    let result = b.server(&[asked], class, usual, outcome);
    [result, b.server(&[written], "updated", 6.0, json!({"msg": "updated", "methods": [own]}))]
}

/// A time of the server, for an event.
fn date(b: &Builder, clock: u64, at: usize) -> Value {
    let passed = std::time::Duration::from_secs_f64(b.time(at)).as_millis();
    json!({"$date": clock + u64::try_from(passed).unwrap_or(0)})
}

/// What somebody changes of a task.
fn edit(b: &mut Builder) -> Value {
    let status = json!({"status": b.random.word(&["open", "doing", "done"])});
    if b.random.chance(0.4) { json!({"title": b.random.prose(4)}) } else { status }
}

impl Subscription {
    fn add(
        &mut self,
        b: &mut Builder,
        (after, usual): (usize, f64),
        (collection, id): (&'static str, String),
        fields: Value,
    ) {
        let data = json!({"msg": "added", "collection": collection, "id": id, "fields": fields});
        self.last = b.server(&[after, self.last], &format!("added {collection}"), usual, data);
        self.documents.push(Document { collection, id, fields, added: self.last });
    }

    fn add_task(&mut self, b: &mut Builder, timing: (usize, f64), id: String, title: &str, created: &Value) {
        let status = b.random.word(&["open", "open", "doing", "done"]);
        let mut fields = json!({"listId": self.list, "title": title, "status": status,
                                "rev": b.random.between(1, 9), "createdAt": created});
        if b.random.chance(b.world.share("assigned", 0.3, 0.7)) {
            fields = with(fields, json!({"assignee": b.random.id("user", 8)}));
        }
        self.add(b, timing, ("tasks", id), fields);
    }

    /// A document changes; what is as it was is not told. A task has another revision then.
    fn change(&mut self, b: &mut Builder, after: usize, class: (&str, f64), which: usize, fields: Value) {
        let document = &mut self.documents[which];
        let revision = document.fields["rev"].as_u64().map(|rev| json!({"rev": rev + 1}));
        let mut fields = with(fields, revision.unwrap_or_default());
        if let Some(map) = fields.as_object_mut() {
            map.retain(|key, value| document.fields[key.as_str()] != *value);
        }
        let data =
            json!({"msg": "changed", "collection": document.collection, "id": document.id, "fields": fields});
        document.fields = with(document.fields.take(), fields);
        self.last = b.server(&[after, self.last], class.0, class.1, data);
    }

    fn remove(&mut self, b: &mut Builder, after: usize, which: usize) {
        let Document { collection, id, .. } = self.documents.remove(which);
        let data = json!({"msg": "removed", "collection": collection, "id": id});
        self.last = b.server(&[after, self.last], "removed", 3.0, data);
    }

    /// The documents of a collection that the client had at some time.
    fn places(&self, b: &Builder, collection: &str, at: f64) -> Vec<usize> {
        let documents = self.documents.iter().enumerate();
        documents
            .filter(|(_, own)| own.collection == collection && b.time(own.added) <= at)
            .map(|(place, _)| place)
            .collect()
    }

    /// Tells anew how many tasks there are.
    fn count(&mut self, b: &mut Builder) {
        let count = self.places(b, "tasks", f64::INFINITY).len();
        if let Some(which) = self.documents.iter().position(|own| own.collection == "counts") {
            self.change(b, self.last, ("count", 1.5), which, json!({"count": count}));
        }
    }

    fn ready(&mut self, b: &mut Builder) {
        let data = json!({"msg": "ready", "subs": [self.id]});
        self.last = b.server(&[self.last], "ready", 2.0, data);
    }

    /// What others do meanwhile, as far as it comes before something else.
    fn meanwhile(&mut self, b: &mut Builder, until: usize) {
        while b.random.chance(b.world.share("others", 0.3, 0.7)) {
            let last = self.last;
            let tasks = self.places(b, "tasks", f64::INFINITY);
            let members = self.places(b, "members", f64::INFINITY);
            let task = b.random.pick(&tasks).copied().filter(|_| b.random.chance(0.7));
            let which = b.random.pick(&members).copied().or(task);
            let before = which.map(|which| self.documents[which].fields.clone());
            match which {
                Some(which) if members.is_empty() => {
                    let fields = edit(b);
                    self.change(b, last, ("elsewhere", 170.0), which, fields);
                }
                Some(which) => {
                    let is_online = self.documents[which].fields["online"] == true;
                    let seen = json!({"online": !is_online, "seenAt": date(b, self.clock, last)});
                    self.change(b, last, ("member", 330.0), which, seen);
                }
                None => {
                    let (id, title, created) =
                        (id(&mut b.random), b.random.prose(4), date(b, self.clock, last));
                    self.add_task(b, (last, 190.0), id, &title, &created);
                }
            }
            if b.only_before(self.last, until).is_none() {
                self.last = last;
                match which.zip(before) {
                    Some((which, fields)) => self.documents[which].fields = fields,
                    None => drop(self.documents.pop()),
                }
                return;
            }
            if which.is_none() {
                self.count(b);
            }
        }
    }

    /// A method of the client upon a task that it has, or a new one: when it was called, and its answers.
    fn act(&mut self, b: &mut Builder, after: &[usize]) -> (usize, [usize; 2]) {
        let (w, pause) = (b.world, 240.0);
        let now = after.iter().map(|id| b.time(*id)).fold(0.0, f64::max);
        let tasks = self.places(b, "tasks", now);
        let (which, what) = (b.random.pick(&tasks).copied(), b.random.unit());
        let Some(which) = which.filter(|_| what > 0.3) else {
            let (own, title) = (id(&mut b.random), b.random.prose(4));
            let params = json!([{"listId": self.list, "title": title}]);
            let (asked, method) = call(b, after, pause, "tasks.insert", &params);
            self.meanwhile(b, asked);
            let created = date(b, self.clock, asked);
            self.add_task(b, (asked, 14.0), own.clone(), &title, &created);
            self.count(b);
            let outcome = json!({"result": own});
            return (asked, answer(b, (asked, &method), ("insert", 22.0), self.last, outcome));
        };
        let task = self.documents[which].id.clone();
        if b.random.chance(w.share("refused", 0.05, 0.25)) {
            let (asked, method) = call(b, after, pause, "tasks.remove", &json!([task]));
            let error = json!({"isClientSafe": true, "error": 403, "reason": "Not your task",
                               "message": "Not your task [403]", "errorType": "Meteor.Error"});
            self.meanwhile(b, asked);
            return (asked, answer(b, (asked, &method), ("refuse", 9.0), asked, json!({"error": error})));
        }
        if what > 0.8 {
            let (asked, method) = call(b, after, pause, "tasks.remove", &json!([task]));
            self.meanwhile(b, asked);
            self.remove(b, asked, which);
            self.count(b);
            return (asked, answer(b, (asked, &method), ("remove", 16.0), self.last, json!({"result": 1})));
        }
        let fields = edit(b);
        let (asked, method) = call(b, after, pause, "tasks.update", &json!([task, fields]));
        self.meanwhile(b, asked);
        self.change(b, asked, ("changed", 12.0), which, fields);
        (asked, answer(b, (asked, &method), ("update", 18.0), self.last, json!({"result": 1})))
    }

    /// The client wants no more of it: when it said so, and when all is gone.
    fn close(&mut self, b: &mut Builder, after: &[usize], pause: f64) -> (usize, usize) {
        let asked = b.client_in(after, pause, json!({"msg": "unsub", "id": self.id}));
        self.meanwhile(b, asked);
        while !self.documents.is_empty() {
            self.remove(b, asked, 0);
        }
        let gone = b.server(&[asked, self.last], "nosub", 2.0, json!({"msg": "nosub", "id": self.id}));
        (asked, gone)
    }
}

/// A list of tasks, and how many it has.
fn open(b: &mut Builder, clock: u64, after: &[usize], pause: f64) -> Subscription {
    let mut list = subscribe(b, clock, after, pause, "tasks.inList");
    let count = b.random.between(2, b.world.number("tasks", 3, 7));
    for n in 0..count {
        let (task, title, asked) = (id(&mut b.random), b.random.prose(4), list.last);
        let created = json!({"$date": clock - b.random.next() % 90_000_000});
        list.add_task(b, (asked, if n == 0 { 28.0 } else { 1.2 }), task, &title, &created);
    }
    let (name, last) = (format!("count-{}", list.list), list.last);
    list.add(b, (last, 2.0), ("counts", name), json!({"count": count}));
    list.ready(b);
    list
}

/// Who works at the lists.
fn members(b: &mut Builder, clock: u64, after: &[usize]) -> Subscription {
    let mut members = subscribe(b, clock, after, 2.0, "members");
    for n in 0..b.random.between(2, b.world.number("members", 3, 6)) {
        let (member, asked) = (id(&mut b.random), members.last);
        let fields = json!({"name": b.random.id("user", 8), "online": b.random.chance(0.5),
                            "seenAt": {"$date": clock - b.random.next() % 90_000_000}});
        members.add(b, (asked, if n == 0 { 18.0 } else { 1.2 }), ("members", member), fields);
    }
    members.ready(b);
    members
}

/// Both sides ask whether the other is there, until something else has come: the answers of the server.
fn ping(b: &mut Builder, from: usize, until: usize) -> Vec<usize> {
    let (w, mut pongs) = (b.world, Vec::new());
    let has_id = w.number("ping ids", 0, 1) == 1;
    let (mut at, period) = (from, 1000.0 * w.share("server pings", 0.4, 0.9));
    loop {
        let more = if has_id { json!({"id": id(&mut b.random)}) } else { json!({}) };
        at = b.server(&[at], "ping", period, with(json!({"msg": "ping"}), more.clone()));
        if b.only_before(at, until).is_none() {
            break;
        }
        b.client(&[at], with(json!({"msg": "pong"}), more));
    }
    let (mut at, period) = (from, 1000.0 * w.share("client pings", 0.4, 0.9));
    loop {
        let own = id(&mut b.random);
        at = b.client_in(&[at], period, json!({"msg": "ping", "id": own}));
        if b.only_before(at, until).is_none() {
            return pongs;
        }
        pongs.push(b.server(&[at], "pong", 2.0, json!({"msg": "pong", "id": own})));
    }
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    b.server(&[], "hello", 1.0, json!({"server_id": "0"}));
    let support = ["1", "pre2", "pre1"];
    let connect = b.client(&[], json!({"msg": "connect", "version": "1", "support": support}));
    let session = id(&mut b.random);
    let connected = b.server(&[connect], "connect", 8.0, json!({"msg": "connected", "session": session}));
    let (token, user) = (b.random.alphanumeric(43), id(&mut b.random));
    let (asked, login) = call(&mut b, &[connected], 1.0, "login", &json!([{"resume": token}]));
    let clock = b.epoch_ms();
    let expires = json!({"$date": clock + 7_776_000_000});
    let outcome = json!({"id": user, "token": token, "tokenExpires": expires, "type": "resume"});
    let known = answer(&mut b, (asked, &login), ("login", 25.0), asked, json!({"result": outcome}));

    let mut members = members(&mut b, clock, &known);
    let (mut after, mut over) = (known.to_vec(), vec![members.last]);
    for screen in 0..b.random.between(1, w.number("screens", 1, 2)) {
        let mut list = open(&mut b, clock, &after, if screen == 0 { 3.0 } else { 1.0 });
        let (mut called, mut done) = (list.last, Vec::new());
        for _ in 0..b.random.between(2, w.number("methods", 3, 6)) {
            // The client does not wait for an answer before it calls the next method.
            let (asked, answers) = list.act(&mut b, &[called]);
            called = asked;
            done.extend(answers);
        }
        done.push(list.last);
        let (asked, gone) = list.close(&mut b, &done, 450.0);
        (after, over) = (vec![asked], [over, vec![gone]].concat());
    }
    if b.random.chance(w.rare("archive")) {
        let wanted = subscribe(&mut b, clock, &known, 500.0, "tasks.archive");
        let error = json!({"isClientSafe": true, "error": 404, "reason": "Subscription 'tasks.archive' not found",
                           "message": "Subscription 'tasks.archive' not found [404]",
                           "errorType": "Meteor.Error"});
        let data = json!({"msg": "nosub", "id": wanted.id, "error": error});
        over.push(b.server(&[wanted.last], "nosub", 2.0, data));
    }
    let last = over.iter().copied().max_by(|one, other| b.time(*one).total_cmp(&b.time(*other)));
    over.extend(ping(&mut b, connected, last.unwrap_or(connected)));
    members.close(&mut b, &over, 200.0);
    b.finish(closed_by(Side::Client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn documents_change_while_they_are_there_by_one_revision_and_are_counted() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let mut there: BTreeMap<String, Value> = BTreeMap::new();
            for data in stream.said.iter().map(|said| &said.data) {
                let (own, kind) = (text_at(data, "/id"), text_at(data, "/msg"));
                match kind.as_str() {
                    "added" => assert!(there.insert(own.clone(), data["fields"].clone()).is_none(), "{data}"),
                    "removed" => assert!(there.remove(&own).is_some(), "{data}"),
                    "changed" => {
                        let document = there.get_mut(&own).expect("a document that changes is there");
                        if let Some(rev) = document["rev"].as_u64() {
                            assert_eq!(data["fields"]["rev"], rev + 1, "{data}");
                        }
                        *document = with(document.take(), data["fields"].clone());
                    }
                    _ => {}
                }
                if let Some(count) = data.pointer("/fields/count") {
                    let list = own.trim_start_matches("count-");
                    let tasks = there.values().filter(|document| document["listId"] == list).count();
                    assert_eq!(*count, tasks, "{data}");
                }
            }
            assert!(there.is_empty(), "{there:?}");
        }
    }

    #[test]
    fn what_is_asked_is_answered_once() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let count = |side: Side, kind: &str, pointer: &str, id: &Value| {
                let said = stream.said.iter().filter(|said| said.side == side);
                said.filter(|said| said.data["msg"] == kind && said.data.pointer(pointer) == Some(id)).count()
            };
            for said in stream.said.iter().filter(|said| said.side == Side::Client) {
                let id = &said.data["id"];
                let once = |kind: &str, pointer: &str| count(Side::Server, kind, pointer, id) == 1;
                let is_answered = match text_at(&said.data, "/msg").as_str() {
                    "method" => once("result", "/id") && once("updated", "/methods/0"),
                    "sub" => once("nosub", "/id"),
                    "ping" => once("pong", "/id"),
                    _ => true,
                };
                assert!(is_answered, "{}", said.data);
            }
        }
    }
}
