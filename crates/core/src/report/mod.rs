//! Reports: one file per format, each a function from the outcome to a writer.
//!
//! Nothing here decides anything. Colour is written as escape codes and removed later if it is not wanted.

mod changes;
mod comparison;
mod ctrf;
mod github;
mod hex;
mod html;
mod json;
mod junit;
mod markdown;
mod probe;
mod read;
mod sheet;
mod text;

pub use changes::{changes_headline, changes_json, changes_text, diff_text};
use comparison::word as comparison_word;
pub use comparison::{Compared, comparison_json, comparison_text};
pub use ctrf::{Times, ctrf};
pub use github::{Inert, annotations, inert};
pub use hex::hex_view;
pub use html::{comparison_html, examples, html, probe_html, session_html, unfinished_html};
pub use json::{SCHEMA_VERSION, unfinished_json, with_probes as json_with_probes, write as json};
pub use junit::junit;
pub use markdown::markdown;
pub use read::{ReportError, read};
pub use sheet::{Case, Note, Sheet, Status, Suite, Weight};
pub use text::{Layout, text};

use crate::golden::Golden;
use crate::transcript::Transcript;

/// The golden and the transcript of a run, for a report with details.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'s> {
    /// The golden it was judged by.
    pub golden: &'s Golden,
    /// The path of the golden for the user.
    pub golden_path: &'s str,
    /// The transcript of the run.
    pub transcript: &'s Transcript,
}

pub use probe::{probe_json, probe_text};
