//! The shape of an event's payload: for every JSON path what stands there, and how it is bound to other values.
//!
//! A path is a JSON pointer in which `*` stands for every item of a list; a `?` behind it means that it may be missing.
//! A rule is a short text:
//!
//! ```text
//! "/ok"               = "boolean"
//! "/sources/*/score"  = "number"
//! "/note?"            = "string | null"
//! "/status"           = "\"busy\" | \"idle\""
//! "/run_id"           = "id(run_, 20), same as agent_started/run_id"
//! "/tokens"           = "integer, counts token"
//! "/answer"           = "string, joins token/text"
//! "/seq"              = "integer, counter from 1"
//! "/prevSeqId"        = "integer, follows /seqId per /instId"
//! "/call_id?"         = "id(call_ 16), when type = \"function_call_output\""
//! ```
//!
//! In a path `~0` and `~1` stand for `~` and `/`, as in every JSON pointer; a key that is `*` is written `~2`, and a `?` at
//! the end of a key `~3`.

mod fact;
mod parse;
mod path;
pub(super) mod rule;
#[cfg(test)]
mod tests;
mod types;

pub use fact::{Chain, Fact, Goal, Source, Whole};
pub use parse::parse_rule;
pub(super) use parse::split_source;
pub(crate) use path::push_step;
pub use path::{Path, path_keys, path_step};
pub use rule::{Rule, When};
pub use types::{Format, Type, type_of};
