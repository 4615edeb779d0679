//! `goldwire record`: records sessions with a live server, from a client script or by hand.

use super::args::RecordArgs;
use super::error::CliError;
use super::exit::Exit;
use super::interactive::{self, hand};
use super::interrupt::interrupts;
use super::progress::{Progress, observer};
use super::reports::{harmless, talk};
use anstream::ColorChoice;
use goldwire_core::dialect::{Dialect, Label};
use goldwire_core::golden::Golden;
use goldwire_core::transcript::End;
use goldwire_core::words::plural;
use goldwire_runner::driver::Driven;
use goldwire_runner::runner::{Config, DriveResult, RunningTarget, secrets_of};
use goldwire_runner::store::{Store, StoreError, compress, read_golden};
use std::io::Write as _;
use std::sync::atomic::Ordering;

pub(super) async fn run(config: &Config, mut args: RecordArgs, color: ColorChoice) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    Store::check_name(&args.session)?;
    if args.url.as_deref() == Some("-") {
        (args.stdin, args.url) = (true, None);
    }
    let golden = match &args.script {
        Some(path) => Some(read_golden(path)?),
        None => match store.golden(&args.session) {
            Ok(golden) => Some(golden),
            Err(StoreError::NoGolden(_)) => None,
            Err(error) => return Err(error.into()),
        },
    };
    if args.target.url.is_none() {
        args.target.url.clone_from(&args.url);
    }
    match golden {
        Some(golden) if !args.stdin => by_script(config, &store, &args, &golden).await,
        golden => interactive(config, &store, &args, golden, color).await,
    }
}

async fn by_script(
    config: &Config,
    store: &Store,
    args: &RecordArgs,
    golden: &Golden,
) -> Result<Exit, CliError> {
    let options = args.target.options()?;
    let mut target = RunningTarget::open(config, &options, interrupts(), &observer()).await?;
    target.record(&args.keep.options());
    let folder = store.folder_to_record(&args.session)?;
    let users = args.users.unwrap_or(config.users);
    let compress = args.keep.zstd || config.compress;
    let mut worst = Exit::Conforms;
    let mut kept = 0;
    let progress = Progress::of(args.runs);
    for round in 1..=args.runs {
        let played = target.play(&args.session, golden, users, &folder).await;
        progress.clear();
        for DriveResult { user, result } in played {
            match result {
                Ok(mut driven) => {
                    kept += 1;
                    let ended = match finish(&user, &mut driven, args.keep.until.as_ref(), compress).await {
                        Exit::Conforms => whole_script(&user, &driven),
                        ended => ended,
                    };
                    tell(&summary(&user, &driven));
                    if ended != Exit::Conforms {
                        worst = ended;
                    }
                }
                Err(error) => {
                    let error = CliError::from(error);
                    talk!("{user}: {error}");
                    worst = error.exit;
                }
            }
        }
        if target.is_interrupted() {
            worst = Exit::Interrupted;
            break;
        }
        if let Some(died) = target.server_died() {
            target.close().await;
            return Err(died.into());
        }
        progress.round(round, kept);
    }
    target.close().await;
    if let Some(script) = args.script.as_ref().filter(|_| kept > 0) {
        let held = secrets_of(config, script)?;
        if held.is_empty() {
            store.keep_script(&args.session, script)?;
        } else {
            talk!(
                "the script was not stored beside the recordings, because it contains possible secrets: {}; \
                 `{{{{var.NAME}}}}` in their place takes the values from the target; or run goldwire learn {} --script {}",
                held.join("; "),
                args.session,
                script.display()
            );
        }
    }
    if kept > 0 && worst == Exit::Conforms {
        talk!("next: goldwire learn {}", args.session);
    }
    Ok(worst)
}

async fn interactive(
    config: &Config,
    store: &Store,
    args: &RecordArgs,
    golden: Option<Golden>,
    color: ColorChoice,
) -> Result<Exit, CliError> {
    if args.runs > 1 || args.users.is_some_and(|users| users > 1) {
        let error =
            CliError::usage(format!("`{}` has no golden, so it is recorded by hand, once", args.session));
        return Err(error.hint("--runs and --users need --script FILE, a golden with fewer details, e.g. `order = \"connected ; >ask ; answer\"`"));
    }
    let options = args.target.options()?;
    let mut target = RunningTarget::open(config, &options, interrupts(), &observer()).await?;
    target.record(&args.keep.options());
    let golden = &golden_for(golden, &target);
    let (hand, unsent) = hand(color)?;
    let folder = store.folder_to_record(&args.session)?;
    let played = target.play_by_hand(&args.session, golden, &folder, hand).await;
    interactive::leave();
    let died = target.server_died();
    let is_interrupted = target.is_interrupted();
    target.close().await;
    let mut driven = played?;
    let ended = finish("u1", &mut driven, args.keep.until.as_ref(), args.keep.zstd || config.compress).await;
    talk!("{}", summary("u1", &driven));
    if let Some(died) = died {
        return Err(died.into());
    }
    if is_interrupted {
        return Ok(Exit::Interrupted);
    }
    Ok(match ended {
        Exit::Conforms if unsent.bad.load(Ordering::Relaxed) && !interactive::is_typed() => Exit::Usage,
        Exit::Conforms if unsent.late.load(Ordering::Relaxed) && !interactive::is_typed() => {
            Exit::CouldNotJudge
        }
        ended => ended,
    })
}

/// Without a golden, the URL of the target determines the dialect.
fn golden_for(golden: Option<Golden>, target: &RunningTarget) -> Golden {
    golden.unwrap_or_else(|| Golden { dialect: Dialect::at(target.url()), ..Golden::default() })
}

/// Prints a line to stdout. A closed stdout does not stop the recording.
fn tell(line: &str) {
    let mut out = harmless(std::io::stdout().lock());
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn summary(user: &str, driven: &Driven) -> String {
    let frames = plural(usize::try_from(driven.frames).unwrap_or(usize::MAX), "frame");
    format!("{} {user} {frames} {}", driven.recording.display(), driven.transcript.ending.label())
}

/// Reports an unexpected ending, and compresses a complete recording.
async fn finish(user: &str, driven: &mut Driven, until: Option<&Label>, is_compressed: bool) -> Exit {
    let mut exit = Exit::Conforms;
    let mut say = |text: String| {
        talk!("{user}: {text}");
        exit = Exit::CouldNotJudge;
    };
    match &driven.transcript.ending.how {
        End::GaveUp { waiting_for, waited } => {
            let due = waiting_for.join(" or ");
            say(format!("gave up after waiting {waited} for {due}; the recording is kept"));
        }
        End::CutOff { limit } => say(format!("cut off: {limit}; the recording is kept")),
        End::Closed { .. } | End::Dropped { .. } | End::Interrupted | End::Torn { .. } => {}
    }
    if let Some(until) = until.filter(|_| !driven.until_seen) {
        say(format!("{} did not come; the recording is kept", until.as_str()));
    }
    match &driven.loss {
        Some(loss) => say(loss.clone()),
        None if is_compressed => {
            let path = driven.recording.clone();
            let compressed = tokio::task::spawn_blocking(move || compress(&path)).await;
            match compressed
                .map_err(|error| error.to_string())
                .map(|done| done.map_err(|error| error.to_string()))
            {
                Ok(Ok(path)) => driven.recording = path,
                Ok(Err(error)) | Err(error) => say(format!("{error}; the recording is kept as it is")),
            }
        }
        None => {}
    }
    exit
}

/// Reports the events of the script that were not sent. It is a failure only if the order requires one of them: where the order
/// has a choice, one branch is never sent.
fn whole_script(user: &str, driven: &Driven) -> Exit {
    let (sent, all) = driven.script;
    if sent >= all {
        return Exit::Conforms;
    }
    let how = driven.transcript.ending.label();
    let part = format!("the session ended ({how}) after {sent} of {} of the script", plural(all, "event"));
    if driven.unsent.is_empty() {
        talk!("{user}: {part}");
        return Exit::Conforms;
    }
    talk!("{user}: {part}; not sent: {}; the recording is kept", driven.unsent.join(", "));
    Exit::CouldNotJudge
}
