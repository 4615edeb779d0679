//! The proving ground: how well goldwire learns and checks, on streams of which the truth is known.
//!
//! [`families`] play sessions of six kinds of service, and of four and four more that others wrote, each in many worlds; the
//! [`oracle`] looks at more of them than anybody would record; [`mutate`] breaks one; [`measure`] learns, checks and counts,
//! beside [`baselines`]; [`table`] writes it down. [`pairs`] compares two releases, [`rounds`] plays checks again while they
//! leave a doubt, [`machines`] checks on other machines and on other days. [`captures`] breaks recordings of real servers,
//! [`peers`] those of each format that is known, [`corpus`] judges what was recorded and broken elsewhere. Everything follows from
//! the seed.
//!
//! ```text
//! cargo run --release -p prove -- --recordings 3,5,10,20          tables
//! cargo run --release -p prove -- --recordings 10 --format json   one line
//! cargo run --release -p prove -- --recordings 10 --misses        what was not found, and false alarms
//! cargo run --release -p prove -- --families new                  the four of somebody else; `all` for all, or names
//! cargo run --release -p prove -- --families held                 four that somebody wrote later than these
//! cargo run --release -p prove -- --pairs 10,20,30                two releases in turn: alarms on equal and slower ones
//! cargo run --release -p prove -- --rounds 1,5                    faults of time, in checks of several rounds
//! cargo run --release -p prove -- --machines              times of one machine on another, and on another day
//! cargo run --release -p prove -- --captures DIR                  recordings of real servers, broken
//! cargo run --release -p prove -- --peers                         each format that is known: the table of docs/DIALECTS.md
//! cargo run --release -p prove -- --show chat/3/reorder_repeated/1
//! ```

mod args;
mod baselines;
mod captures;
mod corpus;
mod families;
mod machines;
mod measure;
mod mutate;
mod oracle;
mod pairs;
mod peers;
mod random;
mod rounds;
mod stream;
mod table;

use args::{Args, Format};
use clap::Parser as _;
use measure::Measured;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let families = families::named(&args.families)?;
    let mut out = io::stdout().lock();
    let written = if let Some(folder) = &args.corpus {
        let judged = corpus::run(folder)?;
        write_corpus(&mut out, &judged, args)
    } else if let Some(folder) = &args.captures {
        captures::run(folder, args)?.write(&mut out, args)
    } else if let Some(root) = &args.peers {
        write_peers(&mut out, &peers::run(root, args.seed)?, args)
    } else if !args.pairs.is_empty() {
        out.write_all(pairs::run(&families, args)?.as_bytes())
    } else if !args.rounds.is_empty() {
        out.write_all(rounds::run(&families, args)?.as_bytes())
    } else if args.machines {
        out.write_all(machines::run(args)?.as_bytes())
    } else if let Some(case) = &args.show {
        let count = args.recordings.first().copied().unwrap_or(10);
        let text = measure::show(case, count, args)?;
        out.write_all(text.as_bytes())
    } else {
        let mut all: Vec<(usize, Measured)> = Vec::new();
        for count in &args.recordings {
            all.push((*count, measure::measure(&families, *count, args)?));
        }
        write_all(&mut out, &all, args)
    };
    match written {
        // Somebody who reads only the first lines is content.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| error.to_string()),
    }
}

fn write_all(out: &mut impl Write, all: &[(usize, Measured)], args: &Args) -> io::Result<()> {
    if args.format == Format::Text {
        for (count, measured) in all {
            table::clean(out, *count, measured)?;
        }
        table::mutations(out, all)?;
    }
    if args.misses {
        for (count, measured) in all {
            table::cases(out, &format!("N={count}: recordings their own golden rejects"), &measured.unsound)?;
            table::cases(out, &format!("N={count}: clean sessions with a finding"), &measured.alarms)?;
            table::cases(out, &format!("N={count}: detectable mutations without one"), &measured.misses)?;
        }
    }
    writeln!(out, "{}", table::json(all))
}

fn write_corpus(out: &mut impl Write, judged: &corpus::Judged, args: &Args) -> io::Result<()> {
    if args.misses {
        table::cases(out, "clean recordings with a finding", &judged.alarms)?;
        table::cases(out, "mutated recordings without one", &judged.misses)?;
    }
    writeln!(out, "{}", judged.json())
}

fn write_peers(out: &mut impl Write, judged: &peers::Judged, args: &Args) -> io::Result<()> {
    if args.misses {
        table::cases(out, "clean recordings with a finding", &judged.alarms)?;
        table::cases(out, "mutations without one", &judged.misses)?;
    }
    out.write_all(judged.table().as_bytes())
}
