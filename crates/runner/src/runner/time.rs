//! Selects the reference for judging time: the mode, the hosts, and their profiles.

use super::config::Config;
use super::error::{Error, ErrorKind};
use super::judge::JudgedRun;
use super::selection::Selected;
use crate::store::Store;
use goldwire_core::check::{Baseline, Shift, Timed};
use goldwire_core::finding::TimeReport;
use goldwire_core::golden::{HostProfile, HostState, TimeMode};
use goldwire_core::transcript::Header;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;

/// The use of the profile of this class of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileUse {
    /// Judge by it, and add what conforms to it.
    Write,
    /// Judge by it.
    Read,
    /// Judge as if there were none.
    None,
}

impl ProfileUse {
    /// The default. A check at a terminal adds conforming runs to the profile of its host. A check in CI does not, so
    /// that a change cannot teach its own slow-down.
    pub fn usual() -> ProfileUse {
        let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        match is_ci || !std::io::stdout().is_terminal() {
            true => ProfileUse::Read,
            false => ProfileUse::Write,
        }
    }
}

/// Knows how the sessions of one check are judged, and how those before went.
pub(super) struct Timekeeper {
    store: Store,
    typed: Option<TimeMode>,
    configured: Option<TimeMode>,
    profile: ProfileUse,
    profiles: BTreeMap<String, Option<HostProfile>>,
    others: Vec<Shift>,
    classes: u32,
    /// The reports of the judged sessions.
    pub(super) reports: Vec<TimeReport>,
}

/// The classes of hosts of runs; an empty one is unknown.
pub fn classes<'h>(headers: impl Iterator<Item = &'h Header>) -> BTreeSet<String> {
    headers.map(|header| header.host.as_ref().map_or_else(String::new, |host| host.class.clone())).collect()
}

impl Timekeeper {
    pub(super) fn new(config: &Config, typed: Option<TimeMode>, profile: ProfileUse) -> Timekeeper {
        Timekeeper {
            store: Store::new(&config.root),
            typed,
            configured: config.time,
            profile,
            profiles: BTreeMap::new(),
            others: Vec::new(),
            classes: 0,
            reports: Vec::new(),
        }
    }

    /// Adds the number of kinds of gaps that this check judges.
    pub(super) fn expect(&mut self, selected: &[Selected]) {
        self.classes = selected.iter().map(|one| Baseline::bounds(&one.golden).own_classes()).sum();
    }

    fn mode(&self, selected: &Selected) -> TimeMode {
        self.typed.or(selected.golden.time).or(self.configured).unwrap_or_default()
    }

    /// The reference for runs on these classes of hosts.
    ///
    /// # Errors
    /// If only bounds are requested and there are none, or a profile cannot be read.
    pub(super) fn baseline<'g>(
        &mut self,
        selected: &'g Selected,
        classes: &BTreeSet<String>,
    ) -> Result<Baseline<'g>, Error> {
        let mode = self.mode(selected);
        let only = classes.iter().next().filter(|class| classes.len() == 1 && !class.is_empty());
        if let Some(class) = only
            && self.profile != ProfileUse::None
            && !self.profiles.contains_key(class)
        {
            self.profiles.insert(class.clone(), self.store.host_profile(class)?);
        }
        let profile = only.and_then(|class| self.profiles.get(class)?.as_ref());
        let session = profile.and_then(|profile| profile.session(&selected.session, &selected.golden));
        let baseline = Baseline::of(&selected.golden, mode, classes, session).map_err(|error| {
            Error::new(ErrorKind::CouldNotJudge, format!("{}: {error}", selected.session))
                .hint("run `goldwire hosts learn` to measure this host, or use --time auto to judge by shape")
        })?;
        Ok(baseline.beside(&self.others, self.classes))
    }

    /// Notes how a session went, for those after it and for the report.
    pub(super) fn note(&mut self, selected: &Selected, baseline: &Baseline<'_>, runs: &[Timed<'_>]) {
        let mut report = baseline.report(&selected.session, runs);
        if let Some(class) = &report.class {
            let profile = self.profiles.get(class).and_then(Option::as_ref);
            let session = profile.and_then(|profile| profile.session(&selected.session, &selected.golden));
            report.creep =
                session.and_then(|session| session.creep()).map(|(factor, since)| (factor, since.to_owned()));
        }
        self.reports.push(report);
        self.others.extend(baseline.shifts(runs));
    }

    /// Adds the runs of a session that conform to the profile of their hosts, where checks may do so.
    ///
    /// # Errors
    /// If the profile cannot be read or written.
    pub(super) fn learn(&mut self, selected: &Selected, runs: &[&JudgedRun]) -> Result<(), Error> {
        // A machine that is busy with something else shows nothing of its class.
        let is_busy = self.reports.iter().any(|one| one.session == selected.session && one.busy.is_some());
        if self.profile != ProfileUse::Write || is_busy {
            return Ok(());
        }
        let classes = classes(runs.iter().map(|judged| judged.header()));
        let Some(class) = classes.first().filter(|class| classes.len() == 1 && !class.is_empty()) else {
            return Ok(());
        };
        let mut profile = self.store.host_profile(class)?.unwrap_or_else(|| HostProfile::new(class));
        add_to_profile(&mut profile, selected, runs);
        self.store.write_host_profile(&profile, false)?;
        Ok(())
    }
}

/// Adds the runs of one session to a profile.
pub fn add_to_profile(profile: &mut HostProfile, selected: &Selected, runs: &[&JudgedRun]) {
    let mut medians: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let baseline = Baseline::bounds(&selected.golden);
    for one in runs {
        for (kind, log) in baseline.medians(&one.timed()) {
            medians.entry(kind).or_default().push(log);
        }
        profile
            .cpus
            .extend(one.header().host.iter().map(|host| host.cpu.clone()).filter(|cpu| !cpu.is_empty()));
    }
    let started = runs.iter().map(|one| one.header().started.as_str()).min().unwrap_or_default();
    fn middle<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    }
    let hosts = || runs.iter().filter_map(|one| one.run.host);
    let machine = HostState {
        work: middle(hosts().filter_map(|host| host.work)),
        others: middle(hosts().filter_map(|host| host.others)),
    };
    profile.add(&selected.session, &selected.golden, started, machine, &medians);
}
