//! An HTML page in one file, without a network or other files.
//!
//! A page consists of a template, a style, a script and data. The data is JSON in `<script type="application/json">`
//! elements: `report` has the results, and `run-0`, `run-1`, … have the frames of one run each and are parsed when
//! the run is opened. The script creates elements and writes every text as text, so that no name and no payload can
//! become markup. The page's content security policy (CSP) allows only this style and this script, by their hashes.
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
