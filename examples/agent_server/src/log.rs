//! The log: lines on stderr. Never a token, never a password, never what a user wrote.

use std::fmt::Arguments;
use std::io::Write as _;

use crate::ids;

/// Writes one line. A closed stderr is not a reason to stop serving.
pub(crate) fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{} {text}", ids::now());
}
