//! `goldwire hosts`: the profiles of the machines that run checks.

use super::args::{HostsArgs, HostsCommand, HostsForgetArgs, HostsLearnArgs, HostsShowArgs};
use super::error::CliError;
use super::exit::Exit;
use super::interrupt::interrupts;
use super::progress::observer;
use goldwire_core::finding::{Run, Verdict};
use goldwire_core::golden::HostProfile;
use goldwire_core::words::plural;
use goldwire_runner::runner::{
    Config, JudgedRun, RunningTarget, Selected, add_to_profile, play_round, runs_folder, runtime, select,
};
use goldwire_runner::store::Store;
use std::io::Write;

/// The number of runs of a session for a profile.
const RUNS: u32 = 20;

pub(super) fn run(config: &Config, args: HostsArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    match args.command {
        HostsCommand::Learn(args) => runtime()?.block_on(learn(config, args, out)),
        HostsCommand::Show(args) => show(config, &args, out),
        HostsCommand::Forget(args) => forget(config, &args, out),
    }
}

async fn learn(config: &Config, args: HostsLearnArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    let selected = select(&store, &args.sessions)?;
    let options = args.target.options()?;
    let mut target = RunningTarget::open(config, &options, interrupts(), &observer()).await?;
    let users = args.users.unwrap_or(config.users).max(1);
    let rounds = args.runs.unwrap_or_else(|| RUNS.div_ceil(users)).max(1);
    let class = target.host_class(users).class;
    let mut profile = store.host_profile(&class)?.unwrap_or_else(|| HostProfile::new(&class));
    let mut counts = Vec::new();
    for one in &selected {
        let mut all: Vec<JudgedRun> = Vec::new();
        for number in 1..=rounds {
            let folder = runs_folder(&config.root).join(&one.session);
            let round = play_round(&target, one, users, number, &folder).await;
            if let Some(died) = target.server_died() {
                target.close().await;
                return Err(died.into());
            }
            if target.is_interrupted() {
                target.close().await;
                return Err(CliError::new(Exit::Interrupted, "interrupted: nothing was written"));
            }
            all.extend(round);
        }
        if let Some(refused) = refusal(one, &all) {
            target.close().await;
            return Err(refused);
        }
        add_to_profile(&mut profile, one, &all.iter().collect::<Vec<_>>());
        counts.push((one.session.as_str(), all.len()));
    }
    target.close().await;
    let path = store.write_host_profile(&profile, args.commit)?;
    for (session, runs) in counts {
        writeln!(out, "{session}  {}", plural(runs, "run"))?;
    }
    writeln!(out, "wrote the profile of {class}: {}", path.display())?;
    Ok(Exit::Conforms)
}

/// Refuses runs that deviate: a profile of a faulty build would not describe this server.
fn refusal(selected: &Selected, runs: &[JudgedRun]) -> Option<CliError> {
    let troubled = |run: &Run| run.verdict() >= Verdict::Deviates;
    let run = &runs.iter().find(|judged| troubled(&judged.run))?.run;
    let session = &selected.session;
    Some(match &run.unjudged {
        Some(why) => CliError::new(Exit::CouldNotJudge, format!("{session}: {}: {}", run.user, why.cause))
            .hint(why.hint.clone().unwrap_or_else(|| format!("run goldwire check {session} for details"))),
        None => CliError::new(
            Exit::Deviates,
            format!("{session} deviates for a reason other than timing; nothing was written"),
        )
        .hint(format!("run goldwire check {session} for details; a profile needs a good build")),
    })
}

fn show(config: &Config, args: &HostsShowArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    let host = config.host().class(args.users.unwrap_or(config.users).max(1));
    writeln!(out, "this host  {}", host.class)?;
    if !host.cpu.is_empty() {
        writeln!(out, "           {}, {}", host.cpu, plural(host.cpus as usize, "processor"))?;
    }
    let files = store.host_profile_files()?;
    if files.is_empty() {
        writeln!(out, "there is no profile yet; run `goldwire hosts learn` to measure this host")?;
    }
    for path in files {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| CliError::usage(format!("failed to read {}: {error}", path.display())))?;
        let profile = HostProfile::read(&path.display().to_string(), &text)
            .map_err(|problems| CliError::usage(problems.to_string()))?;
        writeln!(out, "\n{}  {}", profile.class, path.display())?;
        for (name, session) in profile.sessions() {
            let golden = store.golden(name).ok();
            let fits = golden.is_some_and(|golden| profile.session(name, &golden).is_some());
            let occasions = session.occasions();
            write!(
                out,
                "  {name}  {}, {}",
                plural(session.runs() as usize, "run"),
                plural(occasions.count as usize, "occasion")
            )?;
            if let Some(latest) = session.latest() {
                write!(out, ", the latest {latest}")?;
            }
            if occasions.count > 1 {
                write!(out, ", pace x{:.2} from occasion to occasion", occasions.pace_spread().exp())?;
            }
            writeln!(out, "{}", if fits { "" } else { "; not used, because the golden has changed" })?;
            if let Some((factor, since)) = session.creep() {
                writeln!(
                    out,
                    "  {name}  x{factor:.1} slower than on {since}; goldwire compare shows whether the build is the cause"
                )?;
            }
        }
    }
    Ok(Exit::Conforms)
}

fn forget(config: &Config, args: &HostsForgetArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    Store::check_name(&args.class)?;
    let mut is_gone = false;
    for path in store.host_profile_paths(&args.class) {
        match std::fs::remove_file(&path) {
            Ok(()) => {
                is_gone = true;
                writeln!(out, "removed {}", path.display())?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(CliError::usage(format!("failed to remove {}: {error}", path.display())));
            }
        }
    }
    if is_gone {
        return Ok(Exit::Conforms);
    }
    Err(CliError::new(Exit::Nothing, format!("there is no profile of the class `{}`", args.class))
        .hint("goldwire hosts show lists all classes"))
}
