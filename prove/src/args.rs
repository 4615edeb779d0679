//! The command line.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Measures what goldwire detects, and what it cries wolf at, on streams of which the truth is known.
///
/// A world is a service with parameters of its own. For every world of every family it learns a golden from so many
/// recordings, checks clean sessions of other days, and breaks sessions in every way of the catalogue.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Recordings to learn from; several numbers make a table for each
    #[arg(long, value_delimiter = ',', value_name = "N", default_value = "10")]
    pub(crate) recordings: Vec<usize>,
    /// Families of streams by name, `new` and `held` for four and four later ones that the learner's authors did not
    /// write, `all` for these and theirs; the six of the learner's authors if not given
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) families: Vec<String>,
    /// Worlds of each family
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) worlds: usize,
    /// Clean sessions to check in each world
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) checks: usize,
    /// How often each mutation is done in each world
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) repeats: usize,
    /// Where all randomness comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Worlds in which things happen in one run of twenty to a hundred
    #[arg(long)]
    pub(crate) wild: bool,
    /// Lists every detectable mutation that was not found, and every false alarm
    #[arg(long)]
    pub(crate) misses: bool,
    /// Shows one case whole: `family/world/mutation/number`, with `clean` for a clean session
    #[arg(long, value_name = "CASE")]
    pub(crate) show: Option<String>,
    /// Judges recordings in a folder (`train/`, `clean/`, `mutated/` with `<name>.expect`), or in its subfolders
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Judges real recordings: a folder for each server, at least six recordings in each. Goldens of one half judge the
    /// other half and what --repeats faults of each kind make of it
    #[arg(long, value_name = "DIR", conflicts_with = "corpus")]
    pub(crate) captures: Option<PathBuf>,
    /// Judges what real peers said in each format that is known: their recordings are those in the repository at this path.
    /// It prints the table of docs/DIALECTS.md
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".", conflicts_with_all = ["corpus", "captures"])]
    pub(crate) peers: Option<PathBuf>,
    /// Measures `goldwire compare` instead: alarms on equal and on slower releases with so many pairs, e.g. 10,20,30
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) pairs: Vec<usize>,
    /// Measures checks of several rounds instead, with so many users at once, e.g. 1,5: what they find late or early
    #[arg(long, value_delimiter = ',', value_name = "USERS", conflicts_with = "pairs")]
    pub(crate) rounds: Vec<usize>,
    /// Measures time on other machines and on other days instead: worlds of machines, moments and users. 20,000 clean
    /// checks a row are `--worlds 200 --checks 100`
    #[arg(long, conflicts_with_all = ["pairs", "rounds"])]
    pub(crate) machines: bool,
    /// With --machines: rounds that every check plays; with 1 others follow while they leave a doubt
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) runs: usize,
    /// Tables, or one line of JSON at the end
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables.
    Text,
    /// One line of JSON.
    Json,
}
