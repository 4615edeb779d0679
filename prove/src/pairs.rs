//! Two releases side by side: how often `compare` alarms, with so many pairs, on equal ones and on slower ones.

use crate::args::Args;
use crate::families::{Family, World};
use crate::measure;
use crate::random::{Random, fork};
use crate::stream::Stream;
use goldwire_core::compare::{Played, Release, compare};
use goldwire_core::dialect::Label;
use goldwire_core::finding::Run;
use goldwire_core::golden::Golden;
use goldwire_core::learn::learn;
use goldwire_core::transcript::{Gap, Side};
use std::io::{self, Write};

/// What is done to the candidate: a name, whether to the whole run or to the event people wait for, and by how much.
const SLOWER: [(&str, bool, f64); 7] = [
    ("equal", true, 1.0),
    ("first_x1.2", false, 1.2),
    ("first_x1.5", false, 1.5),
    ("first_x2", false, 2.0),
    ("run_x1.2", true, 1.2),
    ("run_x1.5", true, 1.5),
    ("run_x2", true, 2.0),
];

/// The chance of a false alarm that is asked for, as `goldwire compare` does if not told otherwise.
const ALPHA: f64 = 0.001;
/// And one at which so few experiments can tell whether it is kept.
const LOOSE: f64 = 0.05;

/// How many comparisons alarmed.
#[derive(Debug, Clone, Copy, Default)]
struct Alarms {
    compared: usize,
    /// That something is slower.
    slower: usize,
    /// At the loose rate.
    loosely: usize,
    /// That something is faster.
    faster: usize,
    /// That order or payload differ.
    payload: usize,
}

fn played(golden: &Golden, stream: &Stream, release: Release, pair: usize) -> Played {
    let (run, gaps) = measure::played(golden, &stream.transcript(), pair);
    Played { release, pair, run: Run { user: "u1".to_owned(), ..run }, gaps }
}

fn slowed(family: &Family, stream: &Stream, whole: bool, factor: f64) -> Stream {
    let mut stream = stream.clone();
    let first = stream.said.iter().find(|said| family.label(said.side, &said.data) == family.awaited);
    let first = first.map(|said| said.id);
    stream.retime(|said, gap| {
        let is_slow = if whole { said.side == Side::Server } else { Some(said.id) == first };
        if is_slow { gap * factor } else { gap }
    });
    stream
}

/// Rows as in [`SLOWER`], columns as the numbers of pairs.
fn measure(family: &'static Family, args: &Args) -> Result<Vec<Vec<Alarms>>, String> {
    let most = args.pairs.iter().copied().max().unwrap_or(0);
    let mut table = vec![vec![Alarms::default(); args.pairs.len()]; SLOWER.len()];
    for number in 0..args.worlds {
        let seed = fork(args.seed, &["world", family.name, &number.to_string()]);
        let world = World { seed, wild: args.wild };
        let recordings: Vec<_> =
            (0..10).map(|index| family.session(world, "train", index, 1).transcript()).collect();
        let golden = learn(&recordings, None).map_err(|error| error.to_string())?.golden;
        for repeat in 0..args.repeats {
            let day = 10 + u32::try_from(repeat % 18).unwrap_or(0);
            let session =
                |purpose: &str, pair: usize| family.session(world, purpose, repeat * most + pair, day);
            let old: Vec<Played> = (0..most)
                .map(|pair| played(&golden, &session("old", pair), Release::Baseline, pair))
                .collect();
            for (row, (_, whole, factor)) in table.iter_mut().zip(SLOWER) {
                let new = (0..most).map(|pair| {
                    let stream = slowed(family, &session("new", pair), whole, factor);
                    played(&golden, &stream, Release::Candidate, pair)
                });
                let all: Vec<Played> = old.iter().cloned().chain(new).collect();
                for (alarms, pairs) in row.iter_mut().zip(&args.pairs) {
                    let some: Vec<Played> = all.iter().filter(|one| one.pair < *pairs).cloned().collect();
                    let comparison = compare(&some, ALPHA);
                    let changes = &comparison.timing.changes;
                    alarms.compared += 1;
                    alarms.slower += usize::from(changes.iter().any(|change| change.slower <= ALPHA));
                    alarms.loosely += usize::from(changes.iter().any(|change| change.slower <= LOOSE));
                    alarms.faster += usize::from(changes.iter().any(|change| change.faster <= ALPHA));
                    alarms.payload +=
                        usize::from(comparison.differences.iter().any(|one| one.standing.is_sure()));
                }
            }
        }
    }
    Ok(table)
}

/// Measures all families and writes the table.
///
/// # Errors
/// When nothing can be learned from a world.
pub(crate) fn run(families: &[&'static Family], args: &Args) -> Result<String, String> {
    let tables = std::thread::scope(|scope| {
        let threads: Vec<_> = families.iter().map(|family| scope.spawn(|| measure(family, args))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| "a thread has panicked".to_owned())?
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>, String>>()
    })?;
    let mut out = Vec::new();
    write(&mut out, &tables, args)
        .and_then(|()| write_power(&mut out, args))
        .map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn write(out: &mut impl Write, tables: &[Vec<Vec<Alarms>>], args: &Args) -> io::Result<()> {
    writeln!(out, "compare: per cent of comparisons that alarm; one user, all classes together at {ALPHA}")?;
    writeln!(
        out,
        "{:<12}{:>6}{:>10}{:>10}{:>14}{:>10}{:>10}",
        "candidate",
        "pairs",
        "compared",
        "slower",
        format!("at {LOOSE}"),
        "faster",
        "payload"
    )?;
    for (row, (name, _, _)) in SLOWER.iter().enumerate() {
        for (column, pairs) in args.pairs.iter().enumerate() {
            let sum = |of: fn(&Alarms) -> usize| -> usize {
                tables.iter().map(|table| of(&table[row][column])).sum()
            };
            let compared = sum(|alarms| alarms.compared);
            let percent = |part: usize| format!("{:.1}", 100.0 * part as f64 / compared.max(1) as f64);
            writeln!(
                out,
                "{name:<12}{pairs:>6}{compared:>10}{:>10}{:>14}{:>10}{:>10}",
                percent(sum(|alarms| alarms.slower)),
                percent(sum(|alarms| alarms.loosely)),
                percent(sum(|alarms| alarms.faster)),
                percent(sum(|alarms| alarms.payload)),
            )?;
        }
    }
    Ok(())
}

/// Twelve classes of gaps, each log-normal with this spread from run to run; the candidate takes so many times as long
/// in the first of them.
fn simulated(random: &mut Random, pairs: usize, spread: f64, factor: f64) -> Vec<Played> {
    let mut all = Vec::new();
    for pair in 0..pairs {
        for release in Release::order(pair) {
            let gaps = (0..12u8).map(|class| {
                let slow = if class == 0 && release == Release::Candidate { factor } else { 1.0 };
                let seconds = 0.02 * f64::from(class + 1) * slow * (spread * random.normal()).exp();
                let event = Label::from(format!("event{class}").as_str());
                ((event, Label::from("cause")), [(Gap::from_secs_f64(seconds), 0)].into_iter().collect())
            });
            let gaps = gaps.collect();
            let run = Run {
                session: "simulated".to_owned(),
                user: "u1".to_owned(),
                round: 1,
                recording: String::new(),
                events: 12,
                took: Gap::ZERO,
                host: None,
                findings: Vec::new(),
                live: Vec::new(),
                unjudged: None,
            };
            all.push(Played { release, pair, run, gaps });
        }
    }
    all
}

/// The fewest pairs, of those tried, with which nine of ten slow-downs of one class of twelve are found.
fn fewest(spread: f64, factor: f64, seed: u64) -> Option<usize> {
    const TRIED: [usize; 13] = [10, 11, 12, 14, 17, 20, 25, 30, 40, 50, 70, 100, 150];
    const EXPERIMENTS: usize = 100;
    TRIED.into_iter().find(|pairs| {
        let mut random = Random::new(fork(seed, &["power", &format!("{spread} {factor} {pairs}")]));
        let found = (0..EXPERIMENTS).filter(|_| {
            let changes = compare(&simulated(&mut random, *pairs, spread, factor), ALPHA).timing.changes;
            changes.iter().any(|change| change.slower <= ALPHA)
        });
        found.count() * 10 >= EXPERIMENTS * 9
    })
}

fn write_power(out: &mut impl Write, args: &Args) -> io::Result<()> {
    const FACTORS: [f64; 4] = [1.2, 1.5, 2.0, 3.0];
    writeln!(out, "\npairs for nine of ten slow-downs of one class of twelve to be found at {ALPHA}")?;
    writeln!(
        out,
        "{:<8}{}",
        "spread",
        FACTORS.map(|factor| format!("{:>8}", format!("x{factor}"))).concat()
    )?;
    let rows = std::thread::scope(|scope| {
        let row = |spread: f64| FACTORS.map(|factor| fewest(spread, factor, args.seed));
        let threads = [0.15, 0.25, 0.4].map(|spread| (spread, scope.spawn(move || row(spread))));
        threads.map(|(spread, thread)| (spread, thread.join().unwrap_or_default()))
    });
    for (spread, cells) in rows {
        let cells = cells.map(|cell| cell.map_or(" >150".to_owned(), |pairs| pairs.to_string()));
        writeln!(out, "{spread:<8}{}", cells.map(|cell| format!("{cell:>8}")).concat())?;
    }
    Ok(())
}
