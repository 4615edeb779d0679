//! Converts arguments into the options of the runner.

use super::args::{CheckArgs, CompareArgs, KeepArgs, ProbeArgs, ProfileArg, TargetArgs, UpdateArg};
use super::error::CliError;
use super::reports::talk;
use goldwire_core::document::did_you_mean;
use goldwire_core::finding::ProbeName;
use goldwire_core::golden::TimeMode;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::Redactor;
use goldwire_runner::runner::{
    CheckOptions, CompareOptions, ProbeOptions, ProfileUse, RecordOptions, TargetOptions, UpdateOptions,
    UpdateWhen, hide,
};

/// The smallest alpha that the number of random sign flips can resolve.
const LEAST_ALPHA: f64 = 0.0003;

impl TargetArgs {
    pub(super) fn options(&self) -> Result<TargetOptions, CliError> {
        let header = |text: &String| {
            let (name, value) = text.split_once(':').ok_or_else(|| {
                // Do not print the argument: it may be a credential.
                CliError::usage("the header of -H has no colon").hint("write -H 'Name: value'")
            })?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        let variable = |text: &String| {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                CliError::usage(format!("`{text}` is not a variable")).hint("write --variable NAME=VALUE")
            })?;
            Ok((name.to_owned(), value.to_owned()))
        };
        Ok(TargetOptions {
            target: self.target.clone(),
            url: self.url.clone(),
            headers: self.headers.iter().map(header).collect::<Result<_, CliError>>()?,
            insecure: self.insecure,
            variables: self.variables.iter().map(variable).collect::<Result<_, CliError>>()?,
            secrets: secrets(&self.secrets)?,
        })
    }
}

impl KeepArgs {
    /// For recording without judging, frames are kept only in the file.
    pub(super) fn options(&self) -> RecordOptions {
        RecordOptions {
            duration: self.duration,
            until: self.until.clone(),
            idle_timeout: self.idle_timeout,
            max_message: self.max_message,
            max_duration: self.max_duration,
            max_rate: self.max_rate,
            flush: self.flush,
            keeps_frames: false,
        }
    }
}

impl CheckArgs {
    pub(super) fn options(&self) -> Result<CheckOptions, CliError> {
        Ok(CheckOptions {
            sessions: self.sessions.clone(),
            offline: self.offline.clone(),
            probes: probes(&self.probe)?,
            shard: self.shard,
            users: self.users,
            rounds: self.runs,
            confirm: self.confirm,
            time: if self.strict_time { Some(TimeMode::Bounds) } else { self.time },
            profile: self.profile.map(ProfileUse::from),
            strict: self.strict,
            update: UpdateOptions { when: self.update.map(UpdateWhen::from), reason: self.reason.clone() },
            keeps_transcripts: self.reports.report_html.is_some(),
            // Judging recordings needs no target.
            target: match self.offline.is_empty() {
                true => self.target.options()?,
                false => TargetOptions::default(),
            },
        })
    }
}

impl CompareArgs {
    pub(super) fn options(&self) -> Result<CompareOptions, CliError> {
        if self.pairs == 0 {
            return Err(CliError::usage("--pairs must be at least 1").hint("--pairs 12"));
        }
        if !(LEAST_ALPHA..=0.5).contains(&self.alpha) {
            let message = format!("--alpha {} is out of range", self.alpha);
            return Err(CliError::usage(message).hint(format!("from {LEAST_ALPHA} to 0.5, e.g. 0.001")));
        }
        if self.target.url.is_some() {
            return Err(CliError::usage("--url names one server, but compare needs two")
                .hint("--baseline URL --candidate URL"));
        }
        Ok(CompareOptions {
            sessions: self.sessions.clone(),
            baseline: self.baseline.clone(),
            candidate: self.candidate.clone(),
            pairs: self.pairs,
            users: self.users,
            alpha: self.alpha,
            target: self.target.options()?,
        })
    }
}

impl ProbeArgs {
    pub(super) fn options(&self) -> Result<ProbeOptions, CliError> {
        Ok(ProbeOptions {
            probes: probes(&self.probes)?,
            sessions: self.session.clone(),
            users: self.users,
            rounds: self.rounds,
            soak: self.soak,
            cuts: self.cuts,
            target: self.target.options()?,
        })
    }
}

impl From<ProfileArg> for ProfileUse {
    fn from(arg: ProfileArg) -> ProfileUse {
        match arg {
            ProfileArg::Write => ProfileUse::Write,
            ProfileArg::Read => ProfileUse::Read,
            ProfileArg::None => ProfileUse::None,
        }
    }
}

impl From<UpdateArg> for UpdateWhen {
    fn from(arg: UpdateArg) -> UpdateWhen {
        match arg {
            UpdateArg::No => UpdateWhen::No,
            UpdateArg::New => UpdateWhen::New,
            UpdateArg::Unseen => UpdateWhen::Unseen,
            UpdateArg::Always => UpdateWhen::Always,
        }
    }
}

/// Parses the names of probes.
fn probes(names: &[String]) -> Result<Vec<ProbeName>, CliError> {
    let of = |name: &String| {
        ProbeName::of(name).ok_or_else(|| {
            let known = ProbeName::ALL.map(ProbeName::name);
            let hint = did_you_mean(name, known).unwrap_or_else(|| format!("one of: {}", known.join(", ")));
            CliError::usage(format!("there is no probe `{name}`")).hint(hint)
        })
    };
    names.iter().map(of).collect()
}

/// Parses `--secret NAME=VALUE`, or `--secret NAME` with the value in the environment.
fn secrets(typed: &[String]) -> Result<Vec<(String, Secret)>, CliError> {
    let secret = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), Secret::new(value))),
        None => match std::env::var(text) {
            Ok(value) => Ok((text.clone(), Secret::new(value))),
            Err(_) => Err(CliError::usage(format!("the environment variable `{text}` is not set"))
                .hint("write --secret NAME=VALUE, or set the variable")),
        },
    };
    typed.iter().map(secret).collect()
}

/// Parses secrets for a command without a target, and starts to redact them.
pub(super) fn hidden_secrets(
    typed: &[String],
    redactor: &Redactor,
) -> Result<Vec<(String, Secret)>, CliError> {
    let secrets = secrets(typed)?;
    for (name, value) in &secrets {
        if let Some(message) = hide(name, value, redactor) {
            talk!("warning: {message}");
        }
    }
    Ok(secrets)
}
