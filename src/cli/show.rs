//! `goldwire show`: shows one recording as a timeline.

use super::args::ShowArgs;
use super::error::CliError;
use super::exit::Exit;
use super::html;
use goldwire_core::codec::unhex;
use goldwire_core::dialect::{Dialect, Event};
use goldwire_core::diff::timeline;
use goldwire_core::report::hex_view;
use goldwire_core::transcript::{Offset, visible, visible_json};
use goldwire_core::words::plural;
use goldwire_runner::runner::Config;
use goldwire_runner::store::{Store, read_recording, recordings_in};
use std::io::Write;

/// The maximum of bytes of a message that are shown.
const SHOWN: usize = 256;

pub(super) fn run(config: &Config, args: &ShowArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    if args.recording.is_dir() {
        let newest = recordings_in(&args.recording)?.pop();
        let folder = visible(&args.recording.display().to_string()).into_owned();
        let error = CliError::usage(format!("{folder} is a folder; `show` takes one recording"));
        return Err(match newest {
            Some(newest) => error.hint(format!(
                "its newest recording: goldwire show {}",
                visible(&newest.display().to_string())
            )),
            None => error.hint("the folder has no recordings"),
        });
    }
    let transcript = read_recording(&args.recording)?;
    let header = &transcript.header;
    let golden = Store::new(&config.root).golden(&header.session).ok();
    if let Some(path) = &args.html {
        html::session(path, golden.as_ref(), &transcript, &args.recording)?;
        writeln!(out, "{}", path.display())?;
        return Ok(Exit::Conforms);
    }
    let said = [&header.session, &header.user, &header.started, &header.url].map(|text| visible(text));
    writeln!(out, "{}", said.join("  "))?;
    let handshake = &header.handshake;
    writeln!(
        out,
        "server {}{}, connected in {} (TCP {}), stamps {:?}",
        visible(&handshake.peer),
        // Over HTTP, each request has its own status.
        if handshake.status == 0 { String::new() } else { format!(", HTTP {}", handshake.status) },
        handshake.took,
        handshake.tcp,
        header.stamps
    )?;
    let dialect =
        golden.as_ref().map_or_else(|| Dialect::detect([&transcript]), |golden| golden.dialect.clone());
    if dialect.kind() != Dialect::default().kind() {
        let whence = if golden.is_some() { "from the golden" } else { "detected" };
        writeln!(out, "dialect {}, {whence}", dialect.kind())?;
    }
    if let Some(host) = transcript.ending.host {
        let starved = host.starved.map_or_else(String::new, |percent| {
            format!(", something waited for a processor {percent} % of the time")
        });
        writeln!(
            out,
            "lag of this machine: at most {}, usually {} ({}){starved}",
            host.lag_max,
            host.lag_p50,
            plural(host.probes as usize, "probe")
        )?;
    }
    let mut before = Offset::ZERO;
    for (event, lane) in timeline(golden.as_ref(), &transcript) {
        let gap = event.at.since(before);
        before = event.at;
        let lane = if lane > 0 { format!("[{lane}]") } else { String::new() };
        let bytes = bytes(&event);
        let mut data = match &bytes {
            Some(bytes) => plural(bytes.len(), "byte"),
            None => visible_json(&event.data.to_string()).into_owned(),
        };
        if data.chars().count() > 100 {
            data = data.chars().take(97).collect::<String>() + "...";
        }
        let side = if event.label.is_client() { ">" } else { "<" };
        // The side has its own mark. A name with other characters is quoted.
        let name = event.label.to_string();
        let name = match event.label.is_client() {
            true => name.strip_prefix('>').unwrap_or(&name),
            false => &name,
        };
        writeln!(
            out,
            "{:>6} {:>13} {:>9} {side} {name:<20} {lane:<4} {data}",
            event.frame + 2,
            event.at,
            gap.to_string()
        )?;
        for line in hex_view(&bytes.unwrap_or_default(), SHOWN) {
            writeln!(out, "       {line}")?;
        }
    }
    writeln!(out, "       {:>13} {}", transcript.ending.at, visible(&transcript.ending.label()))?;
    Ok(Exit::Conforms)
}

/// The bytes of a message that the dialect could not read.
fn bytes(event: &Event) -> Option<Vec<u8>> {
    let digits = event.data.as_str().filter(|_| event.label.name() == "binary")?;
    unhex(digits)
}
