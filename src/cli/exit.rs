//! Exit codes, each with its meaning. A check that did not happen is never 0.

use goldwire_core::finding::Verdict;
use std::process::ExitCode;

/// The exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything conforms, or the command succeeded.
    Conforms,
    /// Something deviates.
    Deviates,
    /// Bad usage, or a file that cannot be read.
    Usage,
    /// There was nothing to judge: no connection, a refused login, a server that did not become ready.
    CouldNotJudge,
    /// Nothing was selected.
    Nothing,
    /// There are only proposals that are not accepted.
    OnlyProposals,
    /// An error in goldwire.
    Internal,
    /// The command was interrupted.
    Interrupted,
}

impl Exit {
    /// The exit code as a number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Conforms => 0,
            Exit::Deviates => 1,
            Exit::Usage => 2,
            Exit::CouldNotJudge => 3,
            Exit::Nothing => 4,
            Exit::OnlyProposals => 5,
            Exit::Internal => 70,
            Exit::Interrupted => 130,
        }
    }

    /// The exit code of a verdict. Drift fails only with `--strict`.
    pub(crate) fn of(verdict: Verdict, strict: bool) -> Exit {
        match verdict {
            Verdict::Conforms => Exit::Conforms,
            Verdict::Drift if strict => Exit::Deviates,
            Verdict::Drift => Exit::Conforms,
            Verdict::Deviates => Exit::Deviates,
            Verdict::CouldNotJudge => Exit::CouldNotJudge,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
