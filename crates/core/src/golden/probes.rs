//! Which probes there are, for a golden names those that belong to it: what a probe asks is in `probe`, below the line.

/// A question that one session cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeName {
    /// Is everybody refused who should be, and nobody else?
    Auth,
    /// Does each of several users get what is theirs and nothing else?
    Isolation,
    /// Does it hold when many come at the same moment, and do not wait?
    Race,
    /// Is a session whole after others were cut off?
    Reconnect,
    /// Is it a server at work, and does it stay as fast as it was?
    Liveness,
}

impl ProbeName {
    /// All of them, in the order in which they are asked.
    pub const ALL: [ProbeName; 5] =
        [ProbeName::Auth, ProbeName::Isolation, ProbeName::Race, ProbeName::Reconnect, ProbeName::Liveness];

    /// The stable name on the command line, in goldens and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            ProbeName::Auth => "auth",
            ProbeName::Isolation => "isolation",
            ProbeName::Race => "race",
            ProbeName::Reconnect => "reconnect",
            ProbeName::Liveness => "liveness",
        }
    }

    /// The probe of this name.
    pub fn of(name: &str) -> Option<ProbeName> {
        ProbeName::ALL.into_iter().find(|probe| probe.name() == name)
    }
}
