//! `goldwire schema`, `goldwire completions`, `goldwire man`: output for editors, shells and manual pages.

use super::args::{Cli, CompletionsArgs, Document, SchemaArgs};
use super::error::CliError;
use super::exit::Exit;
use clap::CommandFactory as _;
use std::io::Write;

pub(super) fn schema(args: &SchemaArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let schema = match args.document {
        Document::Golden => include_str!("../../docs/schema/golden.json"),
        Document::Config => include_str!("../../docs/schema/config.json"),
        Document::Report => include_str!("../../docs/schema/report.json"),
        Document::Recording => include_str!("../../docs/schema/recording.json"),
    };
    out.write_all(schema.as_bytes())?;
    Ok(Exit::Conforms)
}

pub(super) fn completions(args: &CompletionsArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    // The generator panics if its writer fails. A closed pipe must not cause a panic, so write to memory first.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "goldwire", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Conforms)
}

/// Prints the manual page of the command, followed by that of each subcommand.
pub(super) fn man(out: &mut impl Write) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    // Adds global options, such as --config, to the subcommands.
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone());
        writeln!(page, ".SH \"GOLDWIRE {}\"", sub.get_name().to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    out.write_all(&page)?;
    Ok(Exit::Conforms)
}
