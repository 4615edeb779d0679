//! The public feed of an exchange: for each instrument a book, trades and tickers, all interleaved. Each update of a book
//! names the one before it; trades and tickers come as they come, and until they are unsubscribed.

use super::{Chain, Family, Lanes, text_at};
use crate::random::Random;
use crate::stream::{Builder, Stream, closed_by};
use goldwire_core::transcript::Side;
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    name: "feed",
    play,
    call: |data| {
        let channel = data.pointer("/arg/channel").and_then(Value::as_str);
        let named = |key: &str| data.get(key).and_then(Value::as_str);
        match (named("event"), channel, named("action")) {
            (Some(event), Some(channel), _) => format!("{event}[{channel}]"),
            (Some(event), None, _) => event.to_owned(),
            (None, Some(channel), Some(action)) => format!("{channel}[{action}]"),
            (None, Some(channel), None) => channel.to_owned(),
            (None, None, _) => text_at(data, "/op"),
        }
    },
    names_at: &["/event", "/arg/channel", "/action", "/op"],
    lanes: &[
        Lanes {
            at: &[
                ("subscribe[books]", "/arg/instId"),
                ("books[snapshot]", "/arg/instId"),
                ("books[update]", "/arg/instId"),
                ("unsubscribe[books]", "/arg/instId"),
            ],
            opener: "subscribe[books]",
            closer: "unsubscribe[books]",
        },
        Lanes {
            at: &[
                ("subscribe[trades]", "/arg/instId"),
                ("trades", "/arg/instId"),
                ("unsubscribe[trades]", "/arg/instId"),
            ],
            opener: "subscribe[trades]",
            closer: "unsubscribe[trades]",
        },
        Lanes {
            at: &[
                ("subscribe[tickers]", "/arg/instId"),
                ("tickers", "/arg/instId"),
                ("unsubscribe[tickers]", "/arg/instId"),
            ],
            opener: "subscribe[tickers]",
            closer: "unsubscribe[tickers]",
        },
    ],
    terminal: "unsubscribe[tickers]",
    floats: &["pong"],
    counted: &["books[update]"],
    uncounted: &["trades", "tickers"],
    counters: &[],
    totals: &[],
    awaited: "books[update]",
    tokens: &[],
    chains: &[Chain {
        events: &["books[snapshot]", "books[update]"],
        own: "/data/0/seqId",
        previous: "/data/0/prevSeqId",
        of: Some("/arg/instId"),
    }],
    records: &["/data"],
};

/// Instruments, their prices in tenths, and how far their books and trades have been counted, in millions.
const INSTRUMENTS: [(&str, usize, usize); 5] = [
    ("BTC-USDT", 913_420, 748),
    ("ETH-USDT", 31_876, 612),
    ("SOL-USDT", 1_742, 301),
    ("XRP-USDT", 1_093, 214),
    ("LTC-USDT", 874, 97),
];

/// One channel of one instrument: prices in tenths, the time in milliseconds, the number of the last book or trade, and
/// what was said last.
struct Channel {
    arg: Value,
    open: usize,
    price: usize,
    time: u64,
    number: usize,
    last: usize,
}

fn price(tenths: usize) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn size(random: &mut Random) -> String {
    format!("{}.{:04}", random.below(20), random.between(1, 9999))
}

fn level(random: &mut Random, tenths: usize) -> Value {
    json!([price(tenths), size(random), "0", random.between(1, 30).to_string()])
}

impl Channel {
    /// What it pushes next, a little later and at another price.
    fn data(&mut self, random: &mut Random, is_first: bool) -> Value {
        self.price = (self.price + random.below(7)).saturating_sub(3).max(100);
        self.time += 40 + random.next() % 90;
        let (time, instrument) = (self.time.to_string(), &self.arg["instId"]);
        match self.arg["channel"].as_str() {
            Some("books") => {
                let previous = if is_first { json!(-1) } else { json!(self.number) };
                self.number += random.between(1, 40);
                let depth = if is_first { 5 } else { random.between(1, 3) };
                let asks: Vec<Value> = (0..depth).map(|n| level(random, self.price + 1 + n)).collect();
                let bids: Vec<Value> = (0..depth).map(|n| level(random, self.price - 1 - n)).collect();
                let action = if is_first { "snapshot" } else { "update" };
                json!({"arg": self.arg, "action": action,
                       "data": [{"asks": asks, "bids": bids, "ts": time, "checksum": 0, "seqId": self.number,
                                 "prevSeqId": previous}]})
            }
            Some("trades") => {
                // Of trades at one price only the last is named, and some are not published.
                let count = random.between(1, 4);
                self.number += count + random.below(3);
                json!({"arg": self.arg,
                       "data": [{"instId": instrument, "tradeId": self.number.to_string(),
                                 "px": price(self.price), "sz": size(random), "side": random.word(&["buy", "sell"]),
                                 "ts": time, "count": count.to_string(), "source": "0"}]})
            }
            _ => json!({"arg": self.arg,
                        "data": [{"instType": "SPOT", "instId": instrument, "last": price(self.price),
                                  "lastSz": size(random), "askPx": price(self.price + 1), "askSz": size(random),
                                  "bidPx": price(self.price - 1), "bidSz": size(random),
                                  "open24h": price(self.open), "high24h": price(self.open + 300),
                                  "low24h": price(self.open - 60), "vol24h": size(random), "ts": time}]}),
        }
    }

    /// Pushes, perhaps only if that comes before something else.
    fn push(&mut self, b: &mut Builder, until: Option<usize>) -> Option<usize> {
        let (class, usual) = match self.arg["channel"].as_str() {
            Some("books") => ("book", 95.0),
            Some("trades") => ("trade", 120.0),
            _ => ("ticker", 140.0),
        };
        let data = self.data(&mut b.random, false);
        let id = b.server(&[self.last], class, usual, data);
        self.last = until.map_or(Some(id), |until| b.only_before(id, until))?;
        Some(id)
    }
}

fn play(mut b: Builder) -> Stream {
    let w = b.world;
    let (connection, clock, first) = (b.random.hex(8), b.epoch_ms(), b.random.below(INSTRUMENTS.len()));
    let mut channels: Vec<Channel> = Vec::new();
    let mut asked = Vec::new();
    for n in 0..b.random.between(2, w.number("instruments", 2, 3)) {
        let (instrument, price, counted) = INSTRUMENTS[(first + n) % INSTRUMENTS.len()];
        let (request, open) = (b.random.between(1000, 9999).to_string(), price + b.random.below(price / 20));
        let args =
            ["books", "trades", "tickers"].map(|channel| json!({"channel": channel, "instId": instrument}));
        let mut last = b.client(&asked, json!({"id": request, "op": "subscribe", "args": args}));
        asked = vec![last];
        for arg in args {
            let data = json!({"id": request, "event": "subscribe", "arg": arg, "connId": connection});
            last = b.server(&[last], "subscribe", 6.0, data);
            let number = counted * 1_000_000 + b.random.below(900_000);
            channels.push(Channel { arg, open, price: open, time: clock, number, last });
        }
    }
    // The client leaves when it has seen enough of all books.
    let mut seen = Vec::new();
    for channel in channels.iter_mut().filter(|channel| channel.arg["channel"] == "books") {
        let snapshot = channel.data(&mut b.random, true);
        channel.last = b.server(&[channel.last], "snapshot", 14.0, snapshot);
        for _ in 0..b.random.between(4, w.number("updates", 6, 14)) {
            channel.push(&mut b, None);
        }
        seen.push(channel.last);
    }
    let args: Vec<&Value> = channels.iter().map(|channel| &channel.arg).collect();
    let request = b.random.between(1000, 9999).to_string();
    let leaves = b.client(&seen, json!({"id": request, "op": "unsubscribe", "args": args}));
    let mut at = leaves;
    for channel in &mut channels {
        let data = json!({"id": request, "event": "unsubscribe", "arg": channel.arg, "connId": connection});
        at = b.server(&[at], "unsubscribe", 5.0, data);
        // Until then all goes on.
        while channel.push(&mut b, Some(at)).is_some() {}
        b.waits_for(at, &[channel.last]);
    }
    let period = 1000.0 * w.share("ping", 0.2, 0.4);
    let mut ping = b.client_in(&asked, period, json!({"op": "ping"}));
    while b.only_before(ping, leaves).is_some() {
        b.server(&[ping], "pong", 3.0, json!({"event": "pong"}));
        ping = b.client_in(&[ping], period, json!({"op": "ping"}));
    }
    b.finish(closed_by(Side::Client))
}
