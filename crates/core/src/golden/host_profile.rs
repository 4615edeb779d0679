//! The usual gaps of a golden on one class of hosts: a file of sums, TOML, version 1.
//!
//! ```toml
//! goldwire_host = 1
//! class = "linux-x86_64-2c-kvm-5u-3fa1c2"
//! cpu = ["Intel(R) Xeon(R) Processor"]
//!
//! [session.dates]
//! golden = "9f31c2a07e55d1b4"       # its order and its kinds of gaps; for another golden the entry is dropped
//! occasions = [
//!   { at = "2026-11-28T21:50:07Z", runs = 15, work = "14.5 ms" },
//! ]
//! gaps = [
//!   { event = "agent_started", after = ">ask", n = [15], mean = [-3.09], m2 = [1.6] },
//! ]
//! ```
//!
//! `n`, `mean` and `m2` have one value for each occasion: the number of runs, the mean of the logarithms of their
//! medians in seconds, and the sum of the squared differences from it (Welford, 1962).

use super::{Envelope, Golden, KindMeans, OCCASION, Occasions, gap_of, log_of, pace_of};
use crate::dialect::Label;
use crate::document::{Fields, Problems, SourceText, parse_toml};
use crate::stats::{PRIOR_DF, fingerprint, mean, median};
use crate::transcript::Gap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The version that this program reads and writes.
const VERSION: u64 = 1;
/// The maximum of stored occasions, the latest ones.
const KEPT: usize = 20;
/// An occasion is not made to weigh more by checking all day.
const MOST_RUNS: u32 = 60;
/// The factor of the last occasions to the first ones from which a slow-down is reported.
const CREEP: f64 = 1.3;

/// The profile of one class of hosts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostProfile {
    /// The class of hosts.
    pub class: String,
    /// The processors of its hosts.
    pub cpus: BTreeSet<String>,
    sessions: BTreeMap<String, SessionProfile>,
}

/// The profile of one session on a class of hosts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionProfile {
    /// The class of the hosts.
    pub class: String,
    /// The fingerprint of the golden; see [`SessionProfile::print_of`].
    golden: String,
    occasions: Vec<Occasion>,
    kinds: BTreeMap<(Label, Label), Vec<Sum>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Occasion {
    at: String,
    runs: u32,
    work: Option<Gap>,
    others: Option<u8>,
}

/// The state of a machine while sessions ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostState {
    /// The time of its own work; see [`Host::work`](crate::transcript::Host::work).
    pub work: Option<Gap>,
    /// The share of its processors that other programs used, in per cent.
    pub others: Option<u8>,
}

/// The sums of one kind of gap on one occasion.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sum {
    n: f64,
    mean: f64,
    m2: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.n;
        self.m2 += from_mean * (value - self.mean);
    }
}

impl HostProfile {
    /// An empty profile of a class.
    pub fn new(class: &str) -> HostProfile {
        HostProfile { class: class.to_owned(), ..HostProfile::default() }
    }

    /// Reads a profile. `file` is the path for error messages.
    ///
    /// # Errors
    /// Every error in it, with its place.
    pub fn read(file: &str, text: &str) -> Result<HostProfile, Problems> {
        let source = SourceText::new(file, text);
        let profile = {
            let document = parse_toml(&source);
            document.as_ref().and_then(|document| read(&Fields::root(&source, document.as_table())))
        };
        match profile {
            Some(profile) if source.is_clean() => Ok(profile),
            _ => Err(source.into_problems()),
        }
    }

    /// The text of the file.
    pub fn write(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_into(&mut out);
        out
    }

    fn write_into(&self, out: &mut String) -> std::fmt::Result {
        let string = |text: &str| toml_edit::Value::from(text).to_string();
        let list = |items: Vec<String>| items.join(", ");
        writeln!(
            out,
            "# Measurements of goldwire on this class of hosts, as sums. See `goldwire hosts --help`."
        )?;
        writeln!(out, "goldwire_host = {VERSION}\nclass = {}", string(&self.class))?;
        writeln!(out, "cpu = [{}]", list(self.cpus.iter().map(|cpu| string(cpu)).collect()))?;
        for (name, session) in &self.sessions {
            writeln!(out, "\n[session.{}]", toml_edit::Key::new(name.as_str()))?;
            writeln!(out, "golden = {}\noccasions = [", string(&session.golden))?;
            for occasion in &session.occasions {
                let work = occasion.work.map(|work| format!(", work = {}", string(&work.to_string())));
                let others = occasion.others.map(|percent| format!(", others = {percent}"));
                let (at, work) = (string(&occasion.at), work.unwrap_or_default());
                let others = others.unwrap_or_default();
                writeln!(out, "  {{ at = {at}, runs = {}{work}{others} }},", occasion.runs)?;
            }
            writeln!(out, "]\ngaps = [")?;
            for ((event, after), sums) in &session.kinds {
                let of = |pick: fn(&Sum) -> f64, digits: usize| {
                    list(sums.iter().map(|sum| format!("{:.digits$}", pick(sum))).collect())
                };
                writeln!(
                    out,
                    "  {{ event = {}, after = {}, n = [{}], mean = [{}], m2 = [{}] }},",
                    string(event.as_str()),
                    string(after.as_str()),
                    of(|sum| sum.n, 0),
                    of(|sum| sum.mean, 4),
                    of(|sum| sum.m2, 4)
                )?;
            }
            writeln!(out, "]")?;
        }
        Ok(())
    }

    /// The profile of a session, if it was measured with this golden.
    pub fn session(&self, name: &str, golden: &Golden) -> Option<&SessionProfile> {
        self.sessions.get(name).filter(|session| session.golden == SessionProfile::print_of(golden))
    }

    /// The sessions of the profile.
    pub fn sessions(&self) -> impl Iterator<Item = (&str, &SessionProfile)> {
        self.sessions.iter().map(|(name, session)| (name.as_str(), session))
    }

    /// Adds the runs of a session at this time (RFC 3339): for each kind of gap the medians of the runs, as
    /// logarithms of seconds ([`log_of`]). Measurements with another golden are dropped.
    pub fn add(
        &mut self,
        name: &str,
        golden: &Golden,
        at: &str,
        machine: HostState,
        medians: &BTreeMap<(Label, Label), Vec<f64>>,
    ) {
        let print = SessionProfile::print_of(golden);
        let session = self.sessions.entry(name.to_owned()).or_default();
        if session.golden != print {
            *session =
                SessionProfile { class: self.class.clone(), golden: print, ..SessionProfile::default() };
        }
        let runs = medians.values().map(Vec::len).max().unwrap_or(0);
        session.add(at, u32::try_from(runs).unwrap_or(u32::MAX), machine, medians);
    }
}

impl SessionProfile {
    /// A fingerprint of the order of a golden and its kinds of gaps, for which a profile is valid.
    pub fn print_of(golden: &Golden) -> String {
        let mut text = golden.order.to_string();
        for (label, event) in &golden.events {
            for timing in event.timing.iter().filter(|timing| timing.samples > 0) {
                let _ = write!(text, "\n{} after {}", label.as_str(), timing.after.as_str());
            }
        }
        format!("{:016x}", fingerprint(&text))
    }

    /// The number of runs.
    pub fn runs(&self) -> u32 {
        self.occasions.iter().map(|occasion| occasion.runs).sum()
    }

    /// The number of occasions and their spread.
    pub fn occasions(&self) -> Occasions {
        let count = u32::try_from(self.occasions.len()).unwrap_or(u32::MAX);
        Occasions::of(&self.means(), count)
    }

    /// The time of the latest occasion, RFC 3339.
    pub fn latest(&self) -> Option<&str> {
        self.occasions.last().map(|occasion| occasion.at.as_str())
    }

    fn means(&self) -> Vec<KindMeans> {
        let of = |sums: &Vec<Sum>| {
            let own = || sums.iter().enumerate().filter(|(_, sum)| sum.n > 0.0);
            let df = own().map(|(_, sum)| sum.n - 1.0).sum::<f64>();
            let runs = own().map(|(_, sum)| sum.n).sum::<f64>();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let runs = runs as u32;
            KindMeans {
                means: own().map(|(occasion, sum)| (occasion, sum.mean)).collect(),
                runs,
                variance: own().map(|(_, sum)| sum.m2).sum::<f64>() / df.max(1.0),
            }
        };
        self.kinds.values().map(of).filter(|kind| kind.runs > 0).collect()
    }

    /// The time of the machine's own work: the median over occasions.
    pub fn work(&self) -> Option<Gap> {
        let works = self.occasions.iter().filter_map(|occasion| occasion.work);
        median(works.map(log_of)).map(gap_of)
    }

    /// The share of the processors that other programs used, in per cent: the median over occasions.
    pub fn others(&self) -> Option<u8> {
        let mut all: Vec<u8> = self.occasions.iter().filter_map(|occasion| occasion.others).collect();
        all.sort_unstable();
        all.get(all.len().checked_sub(1)? / 2).copied()
    }

    /// The factor by which the last three occasions were slower than the first three, and since when, if it is large.
    /// Otherwise a profile that learns from every check would follow a server that becomes slower step by step.
    pub fn creep(&self) -> Option<(f64, &str)> {
        let count = self.occasions.len();
        let kinds = self.means();
        let pace = |range: std::ops::Range<usize>| mean(range.filter_map(|one| pace_of(one, &kinds)));
        let factor = (pace(count.checked_sub(3)?..count) - pace(0..3)).exp();
        (count >= 6 && factor > CREEP).then(|| (factor, self.occasions[0].at.as_str()))
    }

    /// The limits of a kind of gap on this class of hosts. Where the profile has no data, the golden's stay.
    pub fn envelope(&self, event: &Label, golden: &Envelope) -> Envelope {
        let key = (event.clone(), golden.after.clone());
        let own: Vec<&Sum> = self.kinds.get(&key).into_iter().flatten().filter(|sum| sum.n > 0.0).collect();
        if own.is_empty() {
            return golden.clone();
        }
        let runs: f64 = own.iter().map(|sum| sum.n).sum();
        let free = runs - own.len() as f64;
        // The golden's spread is a prior: it is for the same server on other hosts.
        let prior = f64::from(PRIOR_DF);
        let scatter: f64 = own.iter().map(|sum| sum.m2).sum();
        let variance = (prior * golden.spread * golden.spread + scatter) / (prior + free);
        let usual = gap_of(mean(own.iter().map(|sum| sum.mean)));
        // The slowest recorded gap is from other hosts: it moves with the usual gap.
        let factor = usual.as_secs_f64() / golden.usual.as_secs_f64().max(f64::MIN_POSITIVE);
        let moved = |gap: Gap| Gap::from_secs_f64(gap.as_secs_f64() * factor);
        let mut split = golden.split.clone();
        split.iter_mut().flat_map(|split| split.slowest.values_mut()).for_each(|gap| *gap = moved(*gap));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
        let (runs, df) = (runs as u32, (prior + free) as u32);
        Envelope {
            usual,
            spread: variance.sqrt(),
            slowest: moved(golden.slowest),
            split,
            runs,
            df,
            ..golden.clone()
        }
    }

    fn add(&mut self, at: &str, runs: u32, machine: HostState, medians: &BTreeMap<(Label, Label), Vec<f64>>) {
        let is_same = self.occasions.last().is_some_and(|last| is_near(&last.at, at));
        if !is_same {
            self.occasions.push(Occasion { at: at.to_owned(), ..Occasion::default() });
        }
        let count = self.occasions.len();
        if let Some(last) = self.occasions.last_mut() {
            if last.runs >= MOST_RUNS {
                return;
            }
            last.runs += runs;
            last.work = last.work.or(machine.work);
            last.others = last.others.or(machine.others);
        }
        for (kind, logs) in medians {
            let sums = self.kinds.entry(kind.clone()).or_default();
            sums.resize(count, Sum::default());
            if let Some(sum) = sums.last_mut() {
                logs.iter().for_each(|log| sum.add(*log));
            }
        }
        for sums in self.kinds.values_mut() {
            sums.resize(count, Sum::default());
        }
        let old = count.saturating_sub(KEPT);
        self.occasions.drain(..old);
        self.kinds.values_mut().for_each(|sums| drop(sums.drain(..old)));
    }
}

fn is_near(one: &str, other: &str) -> bool {
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let (Some(one), Some(other)) = (time(one), time(other)) else { return one == other };
    (other - one).num_seconds().unsigned_abs() < OCCASION.as_secs()
}

fn read(root: &Fields<'_>) -> Option<HostProfile> {
    match root.count("goldwire_host") {
        Some(VERSION) => {}
        Some(other) => {
            let message = format!("host profile version {other}; this goldwire reads version {VERSION}");
            root.report(
                "goldwire_host",
                message,
                "not known",
                Some("a newer goldwire can read it".to_owned()),
            );
            return None;
        }
        None => {
            let hint = Some("a host profile starts with `goldwire_host = 1`".to_owned());
            root.source().report(0..1, "`goldwire_host` is missing", "no version", hint);
            return None;
        }
    }
    let class = root.text("class").unwrap_or_default();
    let cpus = root.strings("cpu").unwrap_or_default().into_iter().map(|(cpu, _)| cpu).collect();
    let table = root.table("session");
    let mut sessions = BTreeMap::new();
    for name in table.keys() {
        sessions.insert(name.clone(), read_session(table.table(&name), &class));
    }
    table.finish();
    for key in root.keys() {
        if !["goldwire_host", "class", "cpu", "session"].contains(&key.as_str()) {
            root.report(&key, format!("unknown key `{key}`"), "not a key of a host profile", None);
        }
    }
    Some(HostProfile { class, cpus, sessions })
}

fn read_session(fields: Fields<'_>, class: &str) -> SessionProfile {
    let small = |count: Option<u64>| u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX);
    let golden = fields.text("golden").unwrap_or_default();
    let mut occasions = Vec::new();
    for table in fields.tables("occasions") {
        occasions.push(Occasion {
            at: table.text("at").unwrap_or_default(),
            runs: small(table.count("runs")),
            work: table.gap("work"),
            others: table.count("others").map(|percent| u8::try_from(percent).unwrap_or(100)),
        });
        table.finish();
    }
    let mut kinds = BTreeMap::new();
    for table in fields.tables("gaps") {
        let label = |key: &str| Label::from(table.text(key).unwrap_or_default().as_str());
        let kind = (label("event"), label("after"));
        let [n, means, m2] = ["n", "mean", "m2"].map(|key| table.numbers(key).unwrap_or_default());
        if n.len() != occasions.len() || means.len() != n.len() || m2.len() != n.len() {
            let message = "`n`, `mean` and `m2` need a number for each occasion".to_owned();
            let hint = Some("goldwire hosts forget CLASS, then goldwire hosts learn".to_owned());
            table.source().report(table.span(), message, "here", hint);
        }
        let sums = n.iter().zip(&means).zip(&m2).map(|((n, mean), m2)| Sum { n: *n, mean: *mean, m2: *m2 });
        kinds.insert(kind, sums.collect());
        table.finish();
    }
    fields.finish();
    SessionProfile { class: class.to_owned(), golden, occasions, kinds }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        let text = r#"
goldwire = 1
order = ">ask ; started ; token+"
[event.ask]
send = { type = "ask" }
[event.started]
timing = { after = ">ask", usual = "10 ms", latest = "90 ms", slowest = "20 ms", spread = 0.4, samples = 20, runs = 20 }
"#;
        super::super::read("g.toml", text).expect("a golden")
    }

    fn medians(logs: &[f64]) -> BTreeMap<(Label, Label), Vec<f64>> {
        BTreeMap::from([((Label::from("started"), Label::from(">ask")), logs.to_vec())])
    }

    fn machine(work: Option<u64>, others: Option<u8>) -> HostState {
        HostState { work: work.map(Gap::from_millis), others }
    }

    fn profile() -> HostProfile {
        let mut profile = HostProfile::new("linux-x86_64-2c-kvm-5u-3fa1c2");
        profile.cpus.insert("a \"fast\" one".to_owned());
        let golden = golden();
        profile.add(
            "a b",
            &golden,
            "2026-11-28T10:00:00Z",
            machine(Some(2), Some(10)),
            &medians(&[-3.0, -3.2]),
        );
        profile.add("a b", &golden, "2026-11-28T10:10:00Z", machine(None, None), &medians(&[-3.1]));
        profile.add("a b", &golden, "2026-11-28T12:00:00Z", machine(Some(4), Some(20)), &medians(&[-2.5; 8]));
        profile
    }

    #[test]
    fn a_profile_reads_as_it_was_written() {
        let profile = profile();
        let text = profile.write();
        let read = HostProfile::read("p.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(read.write(), text);
        let own = read.session("a b", &golden()).expect("the same golden");
        assert_eq!((own.runs(), own.occasions().count), (11, 2), "ten minutes later is the same occasion");
        assert_eq!((&own.class, own.others()), (&profile.class, Some(10)));
    }

    #[test]
    fn a_kind_of_gap_is_as_usual_on_its_hosts() {
        let profile = profile();
        let golden = golden();
        let own = profile.session("a b", &golden).expect("known");
        let known = &golden.events[&Label::from("started")].timing[0];
        let envelope = own.envelope(&Label::from("started"), known);
        assert!((envelope.log() - -2.8).abs() < 0.01, "the mean of -3.1 and -2.5: {}", envelope.log());
        assert_eq!(envelope.runs, 11);
        assert!(envelope.spread < known.spread && envelope.slowest > known.slowest);
        assert_eq!(own.envelope(&Label::from("token"), known), *known, "of others nothing is known");
    }

    #[test]
    fn another_golden_begins_anew() {
        let mut profile = profile();
        let text = super::super::write(&golden()).replace("token+", "token+ ; done");
        let other = super::super::read("g.toml", &text).expect("a golden");
        assert_eq!(profile.session("a b", &other), None);
        profile.add("a b", &other, "2026-11-29T10:00:00Z", machine(None, None), &medians(&[-3.0]));
        assert_eq!(profile.session("a b", &other).map(SessionProfile::runs), Some(1));
    }

    #[test]
    fn a_server_that_becomes_slower_little_by_little_is_told() {
        let mut profile = HostProfile::new("c");
        for day in 0..8 {
            let at = format!("2026-11-{:02}T10:00:00Z", 10 + day);
            profile.add(
                "s",
                &golden(),
                &at,
                machine(None, None),
                &medians(&[-3.0 + 0.1 * f64::from(day); 5]),
            );
        }
        let own = profile.session("s", &golden()).expect("known");
        let (factor, since) = own.creep().expect("half as slow again");
        assert!((1.6..1.7).contains(&factor) && since == "2026-11-10T10:00:00Z", "{factor}, {since}");
        for day in 0..40 {
            let at = format!("2026-12-{:02}T{:02}:00:00Z", 1 + day / 2, 10 * (day % 2));
            profile.add("s", &golden(), &at, machine(None, None), &medians(&[-3.0; 5]));
        }
        let own = profile.session("s", &golden()).expect("known");
        assert_eq!((own.occasions().count, own.creep()), (20, None), "the latest are kept");
    }

    #[test]
    fn a_broken_profile_is_refused_with_its_place() {
        let text = profile().write().replace("n = [3, 8]", "n = [3]");
        let problems = HostProfile::read("p.toml", &text).expect_err("one number too few").to_string();
        assert!(problems.contains("a number for each occasion"), "{problems}");
        assert!(HostProfile::read("p.toml", "class = \"x\"").is_err());
    }
}
