//! The agent's tools: what can be called, with what, and what comes of it.
//!
//! Each tool is a function of its arguments that may take some milliseconds; the agent calls it off the async threads.

pub(crate) mod calculate;
pub(crate) mod dates;
mod precision;
pub(crate) mod search;
pub(crate) mod units;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// A call: the tool is known by its arguments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Arguments {
    Search { query: String },
    Calculate { expression: String },
    Convert { value: f64, from: &'static str, to: &'static str },
    DaysBetween { start: NaiveDate, end: NaiveDate },
    DaysAfter { start: NaiveDate, days: i64 },
}

impl Arguments {
    /// The tool these arguments are for.
    pub(crate) fn tool_name(&self) -> &'static str {
        match self {
            Arguments::Search { .. } => "search_corpus",
            Arguments::Calculate { .. } => "calculate",
            Arguments::Convert { .. } => "convert_units",
            Arguments::DaysBetween { .. } | Arguments::DaysAfter { .. } => "date_math",
        }
    }
}

/// What a tool found.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Hits { hits: Vec<search::Hit> },
    Converted { value: f64, unit: &'static str },
    Value { value: f64 },
    Days { days: i64, from: Day, to: Day },
    Date { date: Day, weekday: String },
    Failed { error: String },
}

impl Outcome {
    /// Did the tool do what it was asked to?
    pub(crate) fn is_ok(&self) -> bool {
        !matches!(self, Outcome::Failed { .. })
    }
}

/// A day in a result.
#[derive(Clone, Debug)]
pub(crate) enum Day {
    /// Written out, `1969-07-24`.
    Written(NaiveDate),
    /// As `swallowed-event` leaves it: the encoder has no rule for it.
    Raw,
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Day::Written(date) => date.serialize(serializer),
            Day::Raw => Err(serde::ser::Error::custom("a date is not serialisable")),
        }
    }
}
