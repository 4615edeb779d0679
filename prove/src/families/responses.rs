//! Answers of a language model over one socket, as the Responses API streams them: items one after another, thoughts,
//! searches, calls of functions and words, each in pieces, and every event of an answer has the next number. The client
//! runs the functions and asks for an answer that goes on from the one before.

use super::{Chain, Family, Lanes, text_at, with};
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "responses",
    play,
    call: |data| text_at(data, "/type"),
    names_at: &["/type"],
    lanes: &[
        Lanes {
            at: &[
                ("response.created", "/response/id"),
                ("response.queued", "/response/id"),
                ("response.in_progress", "/response/id"),
                ("response.completed", "/response/id"),
            ],
            opener: "response.created",
            closer: "response.completed",
        },
        Lanes {
            at: &[
                ("response.output_item.added", "/item/id"),
                ("response.reasoning_summary_part.added", "/item_id"),
                ("response.reasoning_summary_text.delta", "/item_id"),
                ("response.reasoning_summary_text.done", "/item_id"),
                ("response.reasoning_summary_part.done", "/item_id"),
                ("response.web_search_call.in_progress", "/item_id"),
                ("response.web_search_call.searching", "/item_id"),
                ("response.web_search_call.completed", "/item_id"),
                ("response.function_call_arguments.delta", "/item_id"),
                ("response.function_call_arguments.done", "/item_id"),
                ("response.content_part.added", "/item_id"),
                ("response.output_text.delta", "/item_id"),
                ("response.output_text.annotation.added", "/item_id"),
                ("response.output_text.done", "/item_id"),
                ("response.content_part.done", "/item_id"),
                ("response.output_item.done", "/item/id"),
            ],
            opener: "response.output_item.added",
            closer: "response.output_item.done",
        },
    ],
    terminal: "response.completed",
    floats: &[],
    // Besides their numbers, their whole texts follow.
    counted: &[
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
    ],
    uncounted: &[],
    counters: &[
        ("response.output_text.delta", "/sequence_number"),
        ("response.function_call_arguments.delta", "/sequence_number"),
        ("response.reasoning_summary_text.delta", "/sequence_number"),
    ],
    totals: &[
        ("response.reasoning_summary_text.done", "/text"),
        ("response.reasoning_summary_part.done", "/part/text"),
        ("response.function_call_arguments.done", "/arguments"),
        ("response.output_text.done", "/text"),
        ("response.content_part.done", "/part/text"),
        ("response.output_item.done", "/item/arguments"),
        ("response.output_item.done", "/item/content/0/text"),
        ("response.completed", "/response/usage/total_tokens"),
    ],
    awaited: "response.output_text.delta",
    tokens: &[],
    chains: &[Chain {
        events: &["response.created"],
        own: "/response/id",
        previous: "/response/previous_response_id",
        of: None,
    }],
    records: &[],
};

/// An answer as far as it is told: its last event, how many there were, and its items.
struct Answer {
    at: usize,
    told: usize,
    output: Vec<Value>,
}

impl Answer {
    fn tell(&mut self, b: &mut Builder, class: &str, usual: f64, kind: &str, data: Value) {
        let data = with(with(json!({"type": kind}), data), json!({"sequence_number": self.told}));
        self.at = b.server(&[self.at], class, usual, data);
        self.told += 1;
    }

    /// The next event of an item.
    fn tell_of(&mut self, b: &mut Builder, item: &str, usual: f64, kind: &str, data: Value) {
        let place = json!({"item_id": item, "output_index": self.output.len()});
        self.tell(b, kind, usual, kind, with(place, data));
    }

    /// A piece of a text, with noise that hides how long it is.
    fn piece(
        &mut self,
        b: &mut Builder,
        item: &str,
        usual: (f64, f64),
        kind: &str,
        number: usize,
        data: Value,
    ) {
        let length = b.random.between(6, 15);
        let noise = json!({"obfuscation": b.random.alphanumeric(length)});
        let place = json!({"item_id": item, "output_index": self.output.len()});
        let (class, usual) = if number == 0 { ("first", usual.0) } else { ("next", usual.1) };
        self.tell(b, &format!("{class} {kind}"), usual, kind, with(with(place, data), noise));
    }

    fn open(&mut self, b: &mut Builder, usual: f64, item: &Value) {
        let class = format!("open {}", item["type"]);
        let data = json!({"output_index": self.output.len(), "item": item});
        self.tell(b, &class, usual, "response.output_item.added", data);
    }

    fn close(&mut self, b: &mut Builder, item: Value) {
        let data = json!({"output_index": self.output.len(), "item": item});
        self.tell(b, "close", 4.0, "response.output_item.done", data);
        self.output.push(item);
    }

    /// What the model thought, in one or more paragraphs, or not told at all.
    fn reason(&mut self, b: &mut Builder) {
        let id = b.random.id("rs", 32);
        self.open(b, 350.0, &json!({"id": id, "type": "reasoning", "summary": []}));
        let mut summary: Vec<Value> = Vec::new();
        for index in 0..b.random.between(0, b.world.number("paragraphs", 1, 2)) {
            let part = |text: &str| json!({"type": "summary_text", "text": text});
            let own = |more: Value| with(json!({"summary_index": index}), more);
            let added = own(json!({"part": part("")}));
            self.tell_of(b, &id, 500.0, "response.reasoning_summary_part.added", added);
            let words = words(b, 6, b.world.number("thoughts", 8, 14));
            for (number, word) in words.iter().enumerate() {
                let piece = own(json!({"delta": word}));
                let kind = "response.reasoning_summary_text.delta";
                self.piece(b, &id, (6.0, 16.0), kind, number, piece);
            }
            let text = words.concat();
            let done = own(json!({"text": text}));
            self.tell_of(b, &id, 5.0, "response.reasoning_summary_text.done", done);
            let done = own(json!({"part": part(&text)}));
            self.tell_of(b, &id, 2.0, "response.reasoning_summary_part.done", done);
            summary.push(part(&text));
        }
        self.close(b, json!({"id": id, "type": "reasoning", "summary": summary}));
    }

    /// The model looks something up by itself.
    fn search(&mut self, b: &mut Builder) {
        let id = b.random.id("ws", 32);
        self.open(b, 220.0, &json!({"id": id, "type": "web_search_call", "status": "in_progress"}));
        self.tell_of(b, &id, 3.0, "response.web_search_call.in_progress", json!({}));
        self.tell_of(b, &id, 40.0, "response.web_search_call.searching", json!({}));
        self.tell_of(b, &id, 480.0, "response.web_search_call.completed", json!({}));
        let action = json!({"type": "search", "query": b.random.prose(4)});
        let done = json!({"id": id, "type": "web_search_call", "status": "completed", "action": action});
        self.close(b, done);
    }

    /// The model wants a function to be called: what the client will say that it gave.
    fn call(&mut self, b: &mut Builder) -> Value {
        let (id, call) = (b.random.id("fc", 32), b.random.id("call", 24));
        let name = b.random.word(&["get_weather", "find_flights", "convert_currency"]);
        let item = |status: &str, arguments: &str| {
            json!({"id": id, "type": "function_call", "status": status, "arguments": arguments,
                   "call_id": call, "name": name})
        };
        self.open(b, 260.0, &item("in_progress", ""));
        let arguments = json!({"query": b.random.prose(4), "limit": b.random.between(1, 20)}).to_string();
        let letters: Vec<char> = arguments.chars().collect();
        let size = b.random.between(4, 7);
        for (number, piece) in letters.chunks(size).enumerate() {
            let piece = json!({"delta": piece.iter().collect::<String>()});
            self.piece(b, &id, (8.0, 13.0), "response.function_call_arguments.delta", number, piece);
        }
        let done = json!({"name": name, "arguments": arguments});
        self.tell_of(b, &id, 4.0, "response.function_call_arguments.done", done);
        self.close(b, item("completed", &arguments));
        let output = json!({"result": b.random.prose(5), "took": b.random.below(900)}).to_string();
        json!({"type": "function_call_output", "call_id": call, "output": output})
    }

    /// Words for the user; of what was looked up some words name where it stands.
    fn write(&mut self, b: &mut Builder, most: usize, has_sources: bool) {
        let id = b.random.id("msg", 32);
        let message = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"});
        let part = |text: &str, notes: &[Value]| json!({"type": "output_text", "annotations": notes, "logprobs": [], "text": text});
        self.open(b, 120.0, &message("in_progress", json!([])));
        let own = |more: Value| with(json!({"content_index": 0}), more);
        let added = own(json!({"part": part("", &[])}));
        self.tell_of(b, &id, 3.0, "response.content_part.added", added);
        let (words, mut text, mut notes) = (words(b, 6, most), String::new(), Vec::new());
        for (number, word) in words.iter().enumerate() {
            let piece = own(json!({"delta": word, "logprobs": []}));
            self.piece(b, &id, (90.0, 21.0), "response.output_text.delta", number, piece);
            let start = text.len();
            text.push_str(word);
            if has_sources && number + 1 < words.len() && b.random.chance(0.15) {
                let url = format!("https://example.org/{}", b.random.hex(8));
                let note = json!({"type": "url_citation", "start_index": start, "end_index": text.len(),
                                  "url": url, "title": b.random.prose(3)});
                let data = own(json!({"annotation_index": notes.len(), "annotation": note}));
                self.tell_of(b, &id, 2.0, "response.output_text.annotation.added", data);
                notes.push(note);
            }
        }
        let done = own(json!({"text": text, "logprobs": []}));
        self.tell_of(b, &id, 6.0, "response.output_text.done", done);
        let whole = part(&text, &notes);
        self.tell_of(b, &id, 2.0, "response.content_part.done", own(json!({"part": whole})));
        self.close(b, message("completed", json!([whole])));
    }
}

/// Words, of which all but the first have a space before them.
fn words(b: &mut Builder, low: usize, high: usize) -> Vec<String> {
    let count = b.random.between(low, high);
    (0..count).map(|n| format!("{}{}", if n == 0 { "" } else { " " }, b.random.prose(1))).collect()
}

/// What is told of a whole answer.
fn response(id: &str, previous: Option<&str>, created: u64, status: &str, more: Value) -> Value {
    let data = json!({
        "id": id, "object": "response", "created_at": created, "status": status, "background": false,
        "error": null, "incomplete_details": null, "instructions": "Be brief.", "max_output_tokens": null,
        "model": "orion-2-2026-08-07", "output": [], "parallel_tool_calls": true,
        "previous_response_id": previous, "reasoning": {"effort": "medium", "summary": "detailed"},
        "service_tier": "auto", "store": false, "temperature": 1.0, "top_p": 1.0, "truncation": "disabled",
        "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto",
        "usage": null, "user": null, "metadata": {}
    });
    json!({"response": with(data, more)})
}

/// An answer of a time, by seconds: its end, its id, and what so many functions that it calls will have given.
fn answer(
    b: &mut Builder,
    asked: usize,
    created: u64,
    previous: Option<&str>,
    calls: usize,
) -> (usize, String, Vec<Value>) {
    let (w, id) = (b.world, b.random.id("resp", 32));
    let whole = |status: &str, more: Value| response(&id, previous, created, status, more);
    let mut own = Answer { at: asked, told: 0, output: Vec::new() };
    own.tell(b, "created", 90.0, "response.created", whole("in_progress", json!({})));
    if b.random.chance(w.rare("queued")) {
        own.tell(b, "queued", 5.0, "response.queued", whole("queued", json!({})));
    }
    own.tell(b, "in_progress", 3.0, "response.in_progress", whole("in_progress", json!({})));
    if b.random.chance(w.share("reasoning", 0.4, 0.9)) {
        own.reason(b);
    }
    let looks_up = calls == 0 && b.random.chance(w.share("search", 0.15, 0.5));
    if looks_up {
        own.search(b);
    }
    if calls == 0 {
        own.write(b, w.number("words", 16, 40), looks_up);
    } else if b.random.chance(w.share("preface", 0.2, 0.6)) {
        own.write(b, 9, false);
    }
    let outputs = (0..calls).map(|_| own.call(b)).collect();
    let (input, output) = (b.random.between(200, 4000), b.random.between(40, 700));
    let (cached, thought) = (64 * b.random.below(input / 64 + 1), b.random.below(output));
    let usage = json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
                       "output_tokens": output, "output_tokens_details": {"reasoning_tokens": thought},
                       "total_tokens": input + output});
    let more = json!({"output": own.output, "usage": usage, "service_tier": "default"});
    own.tell(b, "completed", 15.0, "response.completed", whole("completed", more));
    (own.at, id, outputs)
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let names = ["get_weather", "find_flights", "convert_currency"];
    let mut tools: Vec<Value> = names
        .iter()
        .map(|name| json!({"type": "function", "name": name, "parameters": {"type": "object"}}))
        .collect();
    tools.push(json!({"type": "web_search"}));
    let (mut ready, mut previous): (Vec<usize>, Option<String>) = (Vec::new(), None);
    let mut clock = b.epoch_ms() / 1000;
    for _ in 0..b.random.between(2, w.number("turns", 2, 3)) {
        let words = b.random.prose(7);
        let content = json!([{"type": "input_text", "text": words}]);
        let mut input = vec![json!({"type": "message", "role": "user", "content": content})];
        let has_tools = b.random.chance(w.share("tools", 0.5, 0.9));
        let rounds = if has_tools { b.random.between(1, w.number("rounds", 1, 2)) } else { 0 };
        for round in 0..=rounds {
            let request = json!({"type": "response.create", "model": "orion-2", "store": false,
                                 "instructions": "Be brief.", "previous_response_id": previous,
                                 "input": input, "tools": tools});
            let pause = if round > 0 { 150.0 } else { 500.0 };
            let asked = b.client_in(&ready, pause, request);
            let calls = if round < rounds { b.random.between(1, w.number("calls", 1, 3)) } else { 0 };
            clock += 1 + b.random.next() % 3;
            let (done, id, outputs) = answer(&mut b, asked, clock, previous.as_deref(), calls);
            (ready, previous, input) = (vec![done], Some(id), outputs);
        }
    }
    b.finish(closed_by(Side::Client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_an_answer_count_from_nought_and_pieces_make_the_whole() {
        for stream in super::super::tests::sessions(&FAMILY) {
            let (mut next, mut text) = (0, String::new());
            for data in stream.said.iter().filter(|said| said.side == Side::Server).map(|said| &said.data) {
                let kind = text_at(data, "/type");
                next = if kind == "response.created" { 0 } else { next + 1 };
                assert_eq!(data["sequence_number"], json!(next), "{data}");
                let (part, _) = kind.rsplit_once('.').unwrap_or_default();
                let is_text = part.ends_with("_text") || part.ends_with("_arguments");
                match kind.rsplit('.').next() {
                    Some("delta") => text.push_str(&text_at(data, "/delta")),
                    Some("done") if is_text => {
                        let whole = data.get("text").or_else(|| data.get("arguments"));
                        assert_eq!(whole, Some(&json!(std::mem::take(&mut text))), "{data}");
                    }
                    _ => {}
                }
            }
        }
    }
}
