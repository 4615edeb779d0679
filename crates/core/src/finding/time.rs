//! On what the time of a session was judged, and how it went beside that.

use crate::transcript::Gap;

/// On what gaps were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// By what is usual on this class of hosts, the pace of the check taken off.
    Host,
    /// By their shape: each kind of gap beside what the others of the same check took.
    Shape,
    /// By the golden's milliseconds as they stand.
    Bounds,
    /// Not judged, but for stalls and what a person allows at most.
    Off,
}

impl Basis {
    /// All of them.
    pub const ALL: [Basis; 4] = [Basis::Host, Basis::Shape, Basis::Bounds, Basis::Off];

    /// As reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Host => "host",
            Basis::Shape => "shape",
            Basis::Bounds => "bounds",
            Basis::Off => "off",
        }
    }

    /// The basis of this name.
    pub fn of(name: &str) -> Option<Basis> {
        Basis::ALL.into_iter().find(|basis| basis.name() == name)
    }
}

/// What there is to say of the time of a session in a check.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeReport {
    /// The session's name.
    pub session: String,
    /// On what it was judged.
    pub basis: Basis,
    /// Whether the numbers are those of a host's profile, and not the golden's.
    pub is_profile: bool,
    /// The class of the hosts that it ran on, where they are of one and it is known.
    pub class: Option<String>,
    /// The classes of hosts that the golden was recorded on.
    pub recorded_on: Vec<String>,
    /// How many occasions are behind the numbers.
    pub occasions: u32,
    /// How many runs.
    pub runs: u32,
    /// How many times as long the kinds of gaps took as usual: their weighted mean; none where none could be compared.
    pub pace: Option<f64>,
    /// The same of those that went fastest and slowest: the first and the last decile.
    pub range: Option<(f64, f64)>,
    /// How many times as long the machine's own work took, where both sides know it.
    pub work: Option<f64>,
    /// From how many times its usual on a single kind of gap shows, typically.
    pub sees: Option<f64>,
    /// Whether what shows can fail a check, and is no suspect only.
    pub fails: bool,
    /// Events whose gaps could not be judged.
    pub not_judged: Vec<String>,
    /// How many per cent of the processors other programs took, where that is why nothing is judged by the times of a class.
    pub busy: Option<u8>,
    /// How many times as slow as at first the last checks on these hosts were, and since when, where that is much.
    pub creep: Option<(f64, String)>,
    /// What it took of each limit that a person set.
    pub budgets: Vec<BudgetReport>,
}

/// A limit that a person set, and what a check took of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetReport {
    /// What it is of: `ttft`, `inter_token`, or an event and its cause.
    pub name: String,
    /// The limit.
    pub limit: Gap,
    /// The longest that counts; none where nothing of it came.
    pub took: Option<Gap>,
}
