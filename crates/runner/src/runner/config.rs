//! `goldwire.toml`: targets, logins, and settings of checks.
//!
//! ```toml
//! goldwire = 1
//! default_target = "local"
//!
//! [check]
//! users = 5
//! time = "auto"             # or "shape", "bounds", "off": on what time is judged
//!
//! [host]
//! name = "ci-pool"          # in place of what this machine says of itself; GOLDWIRE_HOST goes before it
//! work = true               # measure how fast it computes while sessions run
//!
//! [record]
//! flush = "100 ms"          # or "every frame"
//! compress = true           # finished recordings become .jsonl.zst
//!
//! [target.local]
//! url = "ws://127.0.0.1:{{port}}/ws"
//! auth = "user"
//!
//! [auth.user]
//! kind = "login"
//!
//! [redact]                               # besides what is known and noticed anyway
//! patterns = ["cust-[0-9]{6}"]           # a regular expression; its first group, if it has one
//! pointers = ["/user/email"]             # in every message that is JSON; * is any key or index
//! fields = ["otp_code"]                  # whatever stands under this name
//! keep = ["token"]                       # what stands under this name is no credential here
//!
//! [scan]
//! ignore = ["tests/fixtures"]            # what `goldwire scan` leaves out
//! ```

use super::error::Error;
use crate::auth::Recipe;
use crate::probe::Settings;
use crate::recording::Flush;
use crate::server::{HOST_VARIABLE, HostOptions, Target};
use goldwire_core::document::{Fields, Problems, SourceText, did_you_mean, parse_toml};
use goldwire_core::golden::TimeMode;
use goldwire_core::transcript::{Redactor, Rules};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The contents of `goldwire.toml`.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The folder with `recordings/` and `golden/`.
    pub root: PathBuf,
    /// The target that is used if none is named.
    pub default_target: Option<String>,
    /// The number of concurrent users.
    pub users: u32,
    /// The mode of judging time, if the file sets it.
    pub time: Option<TimeMode>,
    /// The description of this machine.
    pub host: HostOptions,
    /// The flush time of recordings.
    pub flush: Flush,
    /// Whether finished recordings are compressed.
    pub compress: bool,
    /// `[target.NAME]`
    pub targets: BTreeMap<String, Target>,
    /// `[auth.NAME]`
    pub auths: BTreeMap<String, Recipe>,
    /// `[probe]`
    pub probe: Settings,
    /// `[redact]`
    pub redact: Rules,
    /// The paths that `goldwire scan` skips, relative to the root.
    pub scan_ignore: Vec<PathBuf>,
}

impl Config {
    /// Reads the file. A project without a file has no targets.
    ///
    /// # Errors
    /// If the file exists but cannot be read or is invalid.
    pub fn read(path: &Path) -> Result<Config, Error> {
        // Not `.`: paths are shown to people, who write golden/x.toml.
        let root = path.parent().unwrap_or(Path::new(""));
        let empty = Config { root: root.to_owned(), users: 1, ..Config::default() };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && path == Path::new("goldwire.toml") =>
            {
                return Ok(empty);
            }
            Err(error) => {
                return Err(Error::unusable(format!("failed to read {}: {error}", path.display())));
            }
        };
        Config::of(path, &text)
    }

    /// Parses the text of a file at this path.
    ///
    /// # Errors
    /// If the text is invalid.
    pub fn of(path: &Path, text: &str) -> Result<Config, Error> {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Config { root, ..parse(&path.display().to_string(), text)? })
    }

    /// The description of this machine. The environment takes precedence over the file.
    pub fn host(&self) -> HostOptions {
        let name = std::env::var(HOST_VARIABLE).ok().filter(|name| !name.trim().is_empty());
        HostOptions { name: name.or_else(|| self.host.name.clone()), ..self.host.clone() }
    }

    /// The redactor for one command, with the project's own rules.
    pub fn redactor(&self) -> Redactor {
        Redactor::with_rules(self.redact.clone())
    }

    /// The target with this name, or the default one.
    ///
    /// # Errors
    /// If there is no such target, or no default.
    pub fn target(&self, name: Option<&str>) -> Result<&Target, Error> {
        let name = name.or(self.default_target.as_deref());
        let known = || self.targets.keys().map(String::as_str);
        match name {
            Some(name) => self.targets.get(name).ok_or_else(|| {
                let error = Error::unusable(format!("there is no target `{name}`"));
                match did_you_mean(name, known()) {
                    Some(hint) => error.hint(hint),
                    None => error.hint(format!("known: {}", known().collect::<Vec<_>>().join(", "))),
                }
            }),
            None if self.targets.len() == 1 => Ok(&self.targets[known().next().unwrap_or_default()]),
            None if self.targets.is_empty() => Err(Error::unusable("there is no target").hint(
                "use --url ws://…, or write goldwire.toml with `goldwire init ws://127.0.0.1:8000/ws`",
            )),
            None => Err(Error::unusable("there are several targets").hint(format!(
                "use --target with one of {}, or set default_target",
                known().collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

fn parse(file: &str, text: &str) -> Result<Config, Problems> {
    let source = SourceText::new(file, text);
    let config = {
        let document = parse_toml(&source);
        document.as_ref().and_then(|document| read(&Fields::root(&source, document.as_table())))
    };
    match config {
        Some(config) if source.is_clean() => Ok(config),
        _ => Err(source.into_problems()),
    }
}

fn read(root: &Fields<'_>) -> Option<Config> {
    match root.count("goldwire") {
        Some(1) => {}
        Some(other) => {
            let message = format!("configuration version {other}; this goldwire reads version 1");
            root.report("goldwire", message, "not known", Some("a newer goldwire can read it".to_owned()));
            return None;
        }
        None => {
            if !root.has("goldwire") {
                let hint = Some("a configuration starts with `goldwire = 1`".to_owned());
                root.source().report(0..1, "`goldwire` is missing", "no version", hint);
            }
            return None;
        }
    }
    let mut targets = BTreeMap::new();
    let table = root.table("target");
    for name in table.keys() {
        if let Some(target) = Target::read(&name, table.table(&name)) {
            targets.insert(name, target);
        }
    }
    let mut auths = BTreeMap::new();
    let table = root.table("auth");
    for name in table.keys() {
        if let Some(recipe) = Recipe::read(table.table(&name)) {
            auths.insert(name, recipe);
        }
    }
    for (name, target) in &targets {
        if let Some(auth) = target.auth.as_ref().filter(|auth| !auths.contains_key(*auth)) {
            let hint = did_you_mean(auth, auths.keys().map(String::as_str))
                .or_else(|| Some(format!("write the table [auth.{auth}]")));
            let message = format!("target `{name}` logs in with `{auth}`");
            let span = root.table("target").table(name).key_span("auth").unwrap_or(0..1);
            root.source().report(span, message, "no [auth] table has this name", hint);
        }
    }
    let default_target = root.string("default_target").map(|(name, span)| {
        if !targets.contains_key(&name) {
            let hint = did_you_mean(&name, targets.keys().map(String::as_str));
            root.source().report(span, format!("there is no target `{name}`"), "here", hint);
        }
        name
    });
    let check = root.table("check");
    let users = check.count("users").map_or(1, |users| u32::try_from(users).unwrap_or(u32::MAX)).max(1);
    let time = check.string("time").and_then(|(text, span)| {
        let mode = TimeMode::of(&text);
        if mode.is_none() {
            let hint = did_you_mean(&text, TimeMode::ALL.map(TimeMode::name));
            let label = "\"auto\", \"shape\", \"bounds\" or \"off\"";
            root.source().report(span, format!("`{text}` is not a way to judge time"), label, hint);
        }
        mode
    });
    check.finish();
    let own = root.table("host");
    let host = HostOptions { name: own.text("name"), no_work: !own.boolean("work").unwrap_or(true) };
    own.finish();
    let record = root.table("record");
    let flush = record.string("flush").and_then(|(text, span)| {
        let flush = Flush::parse(&text);
        if flush.is_none() {
            let hint = Some("write \"100 ms\" or \"every frame\"".to_owned());
            root.source().report(span, format!("`{text}` is not a flush time"), "here", hint);
        }
        flush
    });
    let compress = record.boolean("compress").unwrap_or(false);
    record.finish();
    let probe = Settings::read(root.table("probe"));
    let redact = rules(root.table("redact"));
    let scan = root.table("scan");
    let ignored = scan.strings("ignore").unwrap_or_default();
    let scan_ignore =
        ignored.into_iter().map(|(path, _)| PathBuf::from(path.trim_end_matches('/'))).collect();
    scan.finish();
    for key in root.keys() {
        let known = [
            "goldwire",
            "default_target",
            "check",
            "host",
            "record",
            "probe",
            "target",
            "auth",
            "redact",
            "scan",
        ];
        if !known.contains(&key.as_str()) {
            let hint =
                did_you_mean(&key, known).unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            root.report(&key, format!("unknown key `{key}`"), "not a key of this table", Some(hint));
        }
    }
    Some(Config {
        root: PathBuf::new(),
        default_target,
        users,
        time,
        host,
        flush: flush.unwrap_or_default(),
        compress,
        targets,
        auths,
        probe,
        redact,
        scan_ignore,
    })
}

fn rules(table: Fields<'_>) -> Rules {
    let mut rules = Rules::default();
    let report = |span, message: String, hint: &str| {
        table.source().report(span, message, "here", Some(hint.to_owned()));
    };
    for (pattern, span) in table.strings("patterns").unwrap_or_default() {
        if let Err(cause) = rules.add_pattern(&pattern) {
            let cause = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            report(
                span,
                format!("not a pattern: {cause}"),
                "use the regular expressions of the Rust crate regex",
            );
        }
    }
    for (pointer, span) in table.strings("pointers").unwrap_or_default() {
        if let Err(cause) = rules.add_pointer(&pointer) {
            report(span, cause, "write \"/user/email\", or \"/rows/*/email\" for all of a list");
        }
    }
    table.strings("fields").unwrap_or_default().into_iter().for_each(|(name, _)| rules.add_field(name));
    table.strings("keep").unwrap_or_default().into_iter().for_each(|(name, _)| rules.keep_field(name));
    table.finish();
    rules
}
