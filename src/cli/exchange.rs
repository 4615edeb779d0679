//! `goldwire import` and `goldwire export`: convert captures of other programs into recordings, and back.

use super::args::{ExportArgs, ImportArgs};
use super::error::CliError;
use super::exit::Exit;
use super::options::hidden_secrets;
use super::reports::talk;
use goldwire_core::dialect::Dialect;
use goldwire_core::transcript::exchange::{
    CaptureError, Imported, Mapping, parse_ending, read_har, read_lines, write_har,
};
use goldwire_core::transcript::{End, Header, Redactor, Transcript, Writer, visible_json};
use goldwire_core::words::plural;
use goldwire_runner::auth::{claims_of, random_word};
use goldwire_runner::runner::Config;
use goldwire_runner::store::{Store, read_recording, recordings_at, replace};
use std::fs;
use std::io::Write;
use std::path::Path;

pub(super) fn import(config: &Config, args: &ImportArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let session = match (&args.session, &args.files[..]) {
        (Some(session), _) => session.clone(),
        (None, [file]) => {
            file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
        }
        (None, _) => {
            return Err(
                CliError::usage("several files need the name of their session").hint("use --session NAME")
            );
        }
    };
    Store::check_name(&session).map_err(|error| CliError::from(error).hint("use --session NAME"))?;
    let ends = match &args.ends {
        Some(text) => Some(parse_ending(text).ok_or_else(|| {
            CliError::usage(format!("`{text}` is not an ending"))
                .hint("write --ends 'client 1000', 'server 1008' or 'dropped'")
        })?),
        None => None,
    };
    let mapping = match &args.map {
        Some(map) => Some(Mapping::parse(map).map_err(|cause| {
            CliError::usage(format!("--map: {cause}"))
                .hint("--map time=/ts,dir=/direction,data=/payload,sent=out")
        })?),
        None => None,
    };
    let redactor = config.redactor();
    hidden_secrets(&args.secrets, &redactor)?;
    // All files are parsed before anything is written, so that an invalid file leaves no recordings.
    let mut imported = Vec::new();
    for file in &args.files {
        imported.extend(sessions(file, mapping.as_ref(), ends.as_ref(), &redactor)?);
    }
    let mut files = Vec::new();
    for one in &mut imported {
        files.push(recording(&session, args, one, &redactor)?);
    }
    let store = Store::new(&config.root);
    let paths = store.add_recordings(&session, &files)?;
    for (path, one) in paths.iter().zip(&imported) {
        let frames = plural(one.transcript.frames.len(), "frame");
        let about = if one.transcript.header.url.is_empty() {
            String::new()
        } else {
            format!(", {}", redactor.clean_url(&one.transcript.header.url))
        };
        writeln!(out, "{}: {frames}{about}, times in {}", path.display(), one.unit.name())?;
    }
    talk!("next: goldwire learn {session}");
    Ok(Exit::Conforms)
}

/// The sessions in a file of another program. Corrections are reported on stderr.
fn sessions(
    path: &Path,
    mapping: Option<&Mapping>,
    ends: Option<&End>,
    redactor: &Redactor,
) -> Result<Vec<Imported>, CliError> {
    let file = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("failed to read {file}: {error}")).hint("nothing was imported")
    })?;
    let wrong = |error: CaptureError| {
        let message = redactor.clean(&format!("{file}: {error}")).into_owned();
        let hint = error.hint.unwrap_or_else(|| "nothing was imported".to_owned());
        CliError::usage(message).hint(hint)
    };
    let mut imported = match mapping {
        Some(mapping) => read_lines(&text, mapping, redactor).map_err(wrong)?,
        None => {
            let capture = read_har(&text, redactor).map_err(wrong)?;
            capture.notes.iter().for_each(|note| talk!("{file}: {note}"));
            capture.sessions
        }
    };
    for note in imported.iter().flat_map(|one| &one.notes) {
        talk!("{file}: {}", redactor.clean(note));
    }
    if let Some(how) = ends {
        imported.iter_mut().for_each(|one| one.transcript.ending.how = how.clone());
    } else if imported.iter().any(|one| !one.says_ending) {
        talk!(
            "{file}: the file does not contain the end of the session; goldwire assumes `client 1000`; change it with --ends, e.g. --ends 'server 1000'"
        );
    }
    Ok(imported)
}

/// The name and the contents of a recording file.
fn recording(
    session: &str,
    args: &ImportArgs,
    imported: &mut Imported,
    redactor: &Redactor,
) -> Result<(String, Vec<u8>), CliError> {
    let id = random_word(6)
        .map_err(|error| CliError::new(Exit::Internal, format!("failed to get random numbers: {error}")))?;
    let transcript = &mut imported.transcript;
    let header = &mut transcript.header;
    let claims = claims(header);
    header.claims = claims;
    session.clone_into(&mut header.session);
    header.id.clone_from(&id);
    if let Some(user) = &args.user {
        header.user.clone_from(user);
    }
    if let Some(url) = &args.url {
        header.url.clone_from(url);
    }
    let started: String = header.started.chars().filter(|c| !"-:".contains(*c)).collect();
    // 20261124T023726.813000000Z, cut to milliseconds like the file names of `record`.
    let name = format!("{}Z-{id}.jsonl", started.get(..19).unwrap_or("import"));
    let written = Header { url: redactor.clean_url(&header.url).into_owned(), ..header.clone() };
    let write = |transcript: &Transcript| {
        let mut writer = Writer::new(Vec::new(), &written, redactor.clone())?;
        transcript.frames.iter().try_for_each(|frame| writer.frame(frame))?;
        writer.end(&transcript.ending)
    };
    Ok((name, write(transcript)?))
}

/// The claims of the first token in the upgrade request, if it is a JWT.
fn claims(header: &Header) -> Option<serde_json::Value> {
    let values = header.handshake.request.values().map(String::as_str);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    std::iter::once(header.url.as_str())
        .chain(values)
        .flat_map(|value| value.split(move |c| !is_part(c)))
        .filter_map(|word| word.find("eyJ").map(|at| &word[at..]))
        .find_map(claims_of)
        .map(|(_, claims)| claims)
}

pub(super) fn export(args: &ExportArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let paths = recordings_at(&args.recordings)?;
    if paths.is_empty() {
        return Err(CliError::new(Exit::Nothing, "no recording to export"));
    }
    let transcripts = paths.iter().map(|path| read_recording(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some((path, _)) =
        paths.iter().zip(&transcripts).find(|(_, one)| Dialect::at(&one.header.url).is_http())
    {
        return Err(CliError::usage(format!("{}: a session over HTTP cannot be exported", path.display()))
            .hint("HAR cannot express its frames; see docs/SSE.md"));
    }
    let har = write_har(&transcripts).map_err(CliError::usage)?;
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => {
            replace(path, &har)?;
            talk!("wrote {}: {}", path.display(), plural(transcripts.len(), "session"));
        }
        None => out.write_all(visible_json(&har).as_bytes())?,
    }
    Ok(Exit::Conforms)
}
