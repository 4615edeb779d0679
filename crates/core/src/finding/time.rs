//! How the time of a session was judged, and its summary.

use crate::transcript::Gap;

/// How gaps are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// By the usual gaps on this class of hosts, without the pace of the check.
    Host,
    /// By shape: each kind of gap compared with the others of the same check.
    Shape,
    /// By the golden's milliseconds, unchanged.
    Bounds,
    /// Only stalls and the user's own limits.
    Off,
}

impl Basis {
    /// All values.
    pub const ALL: [Basis; 4] = [Basis::Host, Basis::Shape, Basis::Bounds, Basis::Off];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Host => "host",
            Basis::Shape => "shape",
            Basis::Bounds => "bounds",
            Basis::Off => "off",
        }
    }

    /// The basis with this name.
    pub fn of(name: &str) -> Option<Basis> {
        Basis::ALL.into_iter().find(|basis| basis.name() == name)
    }
}

/// The summary of a session's timing in a check.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeReport {
    /// The session's name.
    pub session: String,
    /// How gaps were judged.
    pub basis: Basis,
    /// Whether the numbers come from a host profile and not from the golden.
    pub is_profile: bool,
    /// The class of the hosts of the check, if it is known and there is only one.
    pub class: Option<String>,
    /// The classes of hosts of the recordings.
    pub recorded_on: Vec<String>,
    /// The number of occasions behind the numbers.
    pub occasions: u32,
    /// The number of runs.
    pub runs: u32,
    /// The factor by which the kinds of gaps took longer than usual: their weighted mean. None if nothing could be
    /// compared.
    pub pace: Option<f64>,
    /// The same factor of the fastest and the slowest kinds: the first and the last decile.
    pub range: Option<(f64, f64)>,
    /// The factor by which the machine's own work took longer, if both sides know it.
    pub work: Option<f64>,
    /// The factor from which a single kind of gap is typically reported.
    pub sees: Option<f64>,
    /// Whether a late kind of gap can fail a check, or is only a suspect.
    pub fails: bool,
    /// Events whose gaps could not be judged.
    pub not_judged: Vec<String>,
    /// The share of the processors that other programs used, in per cent, if that is the reason for judging by shape.
    pub busy: Option<u8>,
    /// The factor by which the last checks on these hosts were slower than the first ones, and since when, if it is
    /// large.
    pub creep: Option<(f64, String)>,
    /// The results of the user's own limits.
    pub budgets: Vec<BudgetReport>,
}

/// One of the user's own limits, with its result in a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetReport {
    /// The name of the limit: `ttft`, `inter_token`, or an event and its cause.
    pub name: String,
    /// The limit.
    pub limit: Gap,
    /// The longest relevant gap; none if no such event came.
    pub took: Option<Gap>,
}
