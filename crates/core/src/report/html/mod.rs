//! One page that opens anywhere: no network, no other file, nothing to install.
//!
//! A page is a template, a style, a script and data. The data is JSON in `<script type="application/json">` elements:
//! `report` says what was found, `run-0`, `run-1`, … hold the frames of one run each and are read when somebody looks
//! at it. The script makes elements of them and writes every text as text, so that no name and no payload can become
//! markup; the page's own policy (CSP) allows nothing but this style and this script, by their hashes.
//!
//! ```json
//! {"kind": "check", "verdict": "deviates", "interrupted": false, "summary": "…",
//!  "runs": [{"label": "u1, round 1", "frames": true, "session": "agent-run", "findings": […], …}],
//!  "findings": [{"finding": {…}, "shown_by": [{"run": 0, "frame": 7}], "of": 5, "picture": […]}]}
//! ```

mod comparison;
mod document;
mod frames;
mod group;
mod page;
mod probe;

pub use comparison::{comparison_html, examples};
pub use document::{html, session_html, unfinished_html};
pub use probe::probe_html;

#[cfg(test)]
mod tests;
