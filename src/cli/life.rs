//! `goldwire learn`, `pending`, `accept` and `reject`. `review` has a file of its own.

use super::args::{AcceptArgs, LearnArgs, RejectArgs};
use super::error::CliError;
use super::exit::Exit;
use super::reports::talk;
use goldwire_core::diff::Change;
use goldwire_core::report::{changes_headline, changes_text};
use goldwire_core::words::plural;
use goldwire_runner::runner::{Config, propose, refuse_secrets};
use goldwire_runner::store::{Store, StoreError, read_golden, recordings_at};
use std::io::Write;
use std::path::Path;

pub(super) fn learn(config: &Config, args: &LearnArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    let session = &args.session;
    Store::check_name(session)?;
    let paths = if args.from.is_empty() { store.recordings(session)? } else { recordings_at(&args.from)? };
    if paths.is_empty() {
        let folder = store.recordings_folder(session);
        return Err(CliError::new(Exit::Nothing, format!("no recordings in {}", folder.display()))
            .hint(format!("goldwire record {session} --script FILE --runs 4 --users 5")));
    }
    let script = args.script.as_deref().map(read_golden).transpose()?;
    let proposed = propose(&store, session, paths, script)?;
    for note in &proposed.notes {
        writeln!(out, "{note}")?;
    }
    if proposed.is_nothing() {
        writeln!(out, "the golden is up to date")?;
        return Ok(Exit::Conforms);
    }
    if let Some(reason) = &args.accept {
        refuse_secrets(config, &store, session)?;
        accept_one(&store, session, reason, out)?;
        return Ok(Exit::Conforms);
    }
    if proposed.is_new {
        writeln!(out, "proposed as {}", store.proposal_path(session).display())?;
        tell_changes(&store, session, out)?;
    } else {
        writeln!(
            out,
            "the golden does not change; the evidence is proposed for {}",
            store.seen_path(session).display()
        )?;
    }
    writeln!(out, "next: goldwire review {session}, then goldwire accept {session} --reason '…'")?;
    Ok(Exit::Conforms)
}

pub(super) fn selected(store: &Store, named: &[String]) -> Result<Vec<String>, CliError> {
    let pending = store.pending()?;
    if named.is_empty() {
        if pending.is_empty() {
            return Err(
                CliError::new(Exit::Nothing, "no proposal is pending").hint("run `goldwire learn SESSION`")
            );
        }
        return Ok(pending);
    }
    named.iter().try_for_each(|name| Store::check_name(name))?;
    match named.iter().find(|name| !pending.contains(name)) {
        Some(name) => Err(StoreError::NoProposal(name.clone()).into()),
        None => Ok(named.to_vec()),
    }
}

/// Prints the changed behaviour of a proposal in words; nothing for a first golden.
pub(super) fn tell_changes(store: &Store, session: &str, out: &mut impl Write) -> Result<(), CliError> {
    if let Some(changes) = store.changes(session)? {
        writeln!(out, "{}", changes_headline(&changes))?;
        changes_text(out, &changes)?;
    }
    Ok(())
}

pub(super) fn pending(config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let pending = Store::new(&config.root).pending()?;
    for session in &pending {
        writeln!(out, "{session}")?;
    }
    talk!("{} pending", plural(pending.len(), "proposal"));
    Ok(Exit::Conforms)
}

pub(super) fn accept(config: &Config, args: &AcceptArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    if args.reason.trim().is_empty() {
        return Err(CliError::usage("accepting a golden needs a reason")
            .hint("--reason 'search now streams its hits'"));
    }
    let mut reason = args.reason.trim().to_owned();
    if let Some(why) = &args.allow_secrets {
        if why.trim().is_empty() {
            return Err(CliError::usage("accepting possible secrets needs a reason")
                .hint("--allow-secrets 'the tokens are made up, for the tests of the parser'"));
        }
        reason = format!("{reason}; not secrets: {}", why.trim());
    }
    let sessions = selected(&store, &args.sessions)?;
    if args.allow_secrets.is_none() {
        // Scan all proposals before the first is accepted, so that a refusal changes nothing.
        sessions.iter().try_for_each(|session| refuse_secrets(config, &store, session))?;
    }
    for session in sessions {
        accept_one(&store, &session, &reason, out)?;
    }
    Ok(Exit::Conforms)
}

/// Accepts a proposal and prints the changed behaviour.
pub(super) fn accept_one(
    store: &Store,
    session: &str,
    reason: &str,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let changes = store.changes(session)?;
    let path = store.accept(session, reason)?;
    tell_accepted(&path, changes.as_deref(), out)?;
    Ok(())
}

/// Prints that a proposal was accepted, and the changed behaviour.
pub(super) fn tell_accepted(
    path: &Path,
    changes: Option<&[Change]>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    match changes {
        Some(changes) => writeln!(out, "accepted as {}; {}", path.display(), changes_headline(changes))?,
        None => writeln!(out, "accepted as {}", path.display())?,
    }
    changes_text(out, changes.unwrap_or_default())
}

pub(super) fn reject(config: &Config, args: &RejectArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    for session in selected(&store, &args.sessions)? {
        store.reject(&session)?;
        writeln!(out, "rejected the proposal for {session}")?;
    }
    Ok(Exit::Conforms)
}
