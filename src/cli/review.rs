//! `goldwire review`: shows the changes of a proposal, as a diff and in words. At a terminal it asks for a decision.
//!
//! The keys are those of cargo-insta: `a` accepts, `r` rejects, `s` skips, and `q` quits. As in `goldwire accept`, accepting
//! needs a reason, and possible secrets are refused.

use super::args::ReviewArgs;
use super::error::CliError;
use super::exit::Exit;
use super::life::{accept_one, selected, tell_changes};
use console::{Key, Term};
use goldwire_core::diff::unified;
use goldwire_core::report::diff_text;
use goldwire_core::words::plural;
use goldwire_runner::runner::{Config, refuse_secrets};
use goldwire_runner::store::Store;
use std::io::{self, IsTerminal as _, Write};

pub(super) fn run(config: &Config, args: &ReviewArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    let sessions = selected(&store, &args.sessions)?;
    // Without a terminal on both sides, only show the proposals.
    let asks = io::stdin().is_terminal() && io::stdout().is_terminal() && !args.no_ask;
    if !asks {
        for session in &sessions {
            show(&store, session, out)?;
        }
        return Ok(Exit::Conforms);
    }
    ask(config, args, &store, &sessions, out)
}

fn show(store: &Store, session: &str, out: &mut impl Write) -> Result<(), CliError> {
    let old = store.golden_text(session)?;
    let Some(new) = store.proposal_text(session)? else {
        let path = store.seen_path(session);
        writeln!(out, "golden/{session}.toml does not change; the evidence changes, in {}", path.display())?;
        return Ok(());
    };
    let old_name = if old.is_some() { format!("golden/{session}.toml") } else { "nothing".to_owned() };
    let diff = unified(&old.unwrap_or_default(), &new, &old_name, &format!("golden/{session}.toml.new"));
    diff_text(out, &diff)?;
    tell_changes(store, session, out)
}

/// The decision about a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Accept,
    Reject,
    Skip,
    Show,
    Quit,
}

impl Wish {
    fn of(key: &Key) -> Option<Wish> {
        match key {
            Key::Char('a' | 'A') => Some(Wish::Accept),
            Key::Char('r' | 'R') => Some(Wish::Reject),
            Key::Char('s' | 'S' | ' ') => Some(Wish::Skip),
            Key::Char('d' | 'D') => Some(Wish::Show),
            Key::Char('q' | 'Q') | Key::CtrlC => Some(Wish::Quit),
            _ => None,
        }
    }
}

const MENU: &str = "  a accept    accept the proposal as the golden, with a reason
  r reject    delete the proposal
  s skip      decide later
  d diff      show it again
  q quit      decide later about this and all others";

#[derive(Default)]
struct Count {
    accepted: usize,
    rejected: usize,
    left: usize,
}

fn ask(
    config: &Config,
    args: &ReviewArgs,
    store: &Store,
    sessions: &[String],
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let term = Term::stdout();
    let mut count = Count::default();
    for (index, session) in sessions.iter().enumerate() {
        writeln!(out, "review {} of {}: {session}", index + 1, sessions.len())?;
        show(store, session, out)?;
        loop {
            writeln!(out, "\n{MENU}")?;
            out.flush()?;
            // A closed terminal is not a decision.
            let wish = loop {
                match term.read_key() {
                    Ok(key) => match Wish::of(&key) {
                        Some(wish) => break wish,
                        None => continue,
                    },
                    Err(_) => break Wish::Quit,
                }
            };
            match wish {
                Wish::Accept => {
                    let Some(reason) = reason(args, out)? else {
                        writeln!(out, "not accepted: a reason is required")?;
                        continue;
                    };
                    if let Err(refused) = refuse_secrets(config, store, session) {
                        writeln!(out, "{refused}")?;
                        continue;
                    }
                    accept_one(store, session, &reason, out)?;
                    count.accepted += 1;
                }
                Wish::Reject => {
                    store.reject(session)?;
                    writeln!(out, "rejected the proposal for {session}")?;
                    count.rejected += 1;
                }
                Wish::Skip => {
                    writeln!(out, "skipped: the proposal for {session} is still pending")?;
                    count.left += 1;
                }
                Wish::Show => {
                    show(store, session, out)?;
                    continue;
                }
                Wish::Quit => {
                    count.left += sessions.len() - index;
                    return end(&count, out);
                }
            }
            writeln!(out)?;
            break;
        }
    }
    end(&count, out)
}

fn end(count: &Count, out: &mut impl Write) -> Result<Exit, CliError> {
    let Count { accepted, rejected, left } = count;
    writeln!(out, "{} accepted, {rejected} rejected, {left} left", plural(*accepted, "proposal"))?;
    Ok(Exit::Conforms)
}

/// The reason from the prompt or from the command line; none if it is empty.
fn reason(args: &ReviewArgs, out: &mut impl Write) -> Result<Option<String>, CliError> {
    if let Some(reason) = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
        return Ok(Some(reason.to_owned()));
    }
    write!(out, "reason: ")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(Some(line.trim().to_owned()).filter(|reason| !reason.is_empty()))
}
