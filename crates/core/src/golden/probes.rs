//! The names of probes, which goldens contain. The probes themselves are in the runner.

/// A group of questions that one session cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeName {
    /// Checks that bad tokens are refused and good ones accepted.
    Auth,
    /// Checks that each of several users gets only their own data.
    Isolation,
    /// Checks many users who connect at the same moment.
    Race,
    /// Checks that a session is complete after others were cut.
    Reconnect,
    /// Checks that a real server answers and does not become slower.
    Liveness,
}

impl ProbeName {
    /// All probes, in the order in which they run.
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

    /// The probe with this name.
    pub fn of(name: &str) -> Option<ProbeName> {
        ProbeName::ALL.into_iter().find(|probe| probe.name() == name)
    }
}
