//! `goldwire record`: drive a client script against a live server, and keep what really happened.

use super::args::RecordArgs;
use super::config::Config;
use super::error::CliError;
use super::exit::Exit;
use super::live::{Live, interrupts};
use crate::report::plural;
use crate::store::{Store, StoreError, read_golden};
use crate::transcript::End;

pub(super) async fn run(config: &Config, mut args: RecordArgs) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    Store::check_name(&args.session)?;
    let golden = match &args.script {
        Some(path) => read_golden(path)?,
        None => store.golden(&args.session).map_err(|error| match error {
            StoreError::NoGolden(session) => CliError::new(Exit::Nothing, format!("no golden for `{session}` yet, so nothing says what the client sends"))
                .hint("give --script FILE; a script is a golden that need not know everything, e.g. `order = \"connected ; >ask ; answer\"`"),
            error => error.into(),
        })?,
    };
    if args.target.url.is_none() {
        args.target.url.clone_from(&args.url);
    }
    let interrupt = interrupts();
    let mut live = Live::open(config, &args.target, interrupt).await?;
    let folder = store.recordings_folder(&args.session);
    let users = args.users.unwrap_or(config.users);
    let mut worst = Exit::Conforms;
    let mut kept = 0;
    for round in 1..=args.runs {
        for played in live.play(&args.session, &golden, users, &folder).await {
            let user = &played.user;
            match played.result {
                Ok(driven) => {
                    kept += 1;
                    let ending = &driven.transcript.ending;
                    let frames = plural(driven.transcript.frames.len(), "frame");
                    println!("{} {user} {frames} {}", driven.recording.display(), ending.label());
                    if let End::GaveUp { waiting_for, waited } = &ending.how {
                        let due = waiting_for.join(" or ");
                        eprintln!("{user}: gave up after waiting {waited} for {due}; the recording is kept");
                        worst = Exit::CouldNotJudge;
                    }
                    if let Some(loss) = driven.loss {
                        eprintln!("{user}: {loss}");
                        worst = Exit::CouldNotJudge;
                    }
                }
                Err(error) => {
                    eprintln!("{user}: {error}");
                    worst = error.exit;
                }
            }
        }
        if live.is_interrupted() {
            worst = Exit::Interrupted;
            break;
        }
        if let Some(died) = live.server_died() {
            live.close().await;
            return Err(died);
        }
        eprintln!("round {round} of {}: {} kept", args.runs, plural(kept, "recording"));
    }
    live.close().await;
    if kept > 0 && worst == Exit::Conforms {
        eprintln!("next: goldwire learn {}", args.session);
    }
    Ok(worst)
}
