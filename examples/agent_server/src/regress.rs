//! The regressions this server can be built to have: their names and how one is chosen.
//!
//! What each does stands where it is done, as one `if` on the name; search for `Regression::`. Exactly one is on at a
//! time, and none in an ordinary start.

use std::fmt;
use std::str::FromStr;

/// One real-world fault, chosen once at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regression {
    SilentAgent,
    DroppedThinking,
    UnpairedTool,
    CrossedTools,
    RenamedEvent,
    MovedField,
    TypeDrift,
    SwallowedEvent,
    EarlyComplete,
    DuplicateAfterReconnect,
    LastConnectionWins,
    Broadcast,
    SharedAgent,
    LostBeforeSubscribe,
    AcceptRace,
    BlockingStart,
    SlowFirstToken,
    BurstAtEnd,
    HangingAuth,
    AcceptsExpired,
    AlgNone,
    TestBypass,
    StaleSession,
    Canned,
    WrongClose,
    SlowLeak,
    ForgottenRefresh,
    UnheardCancel,
    OrphanRun,
    LostOnResume,
    AlgConfusion,
}

use Regression as R;

/// Every regression with the name it has on the command line, in the order of the documentation.
const NAMES: [(Regression, &str); 31] = [
    (R::SilentAgent, "silent-agent"),
    (R::DroppedThinking, "dropped-thinking"),
    (R::UnpairedTool, "unpaired-tool"),
    (R::CrossedTools, "crossed-tools"),
    (R::RenamedEvent, "renamed-event"),
    (R::MovedField, "moved-field"),
    (R::TypeDrift, "type-drift"),
    (R::SwallowedEvent, "swallowed-event"),
    (R::EarlyComplete, "early-complete"),
    (R::DuplicateAfterReconnect, "duplicate-after-reconnect"),
    (R::LastConnectionWins, "last-connection-wins"),
    (R::Broadcast, "broadcast"),
    (R::SharedAgent, "shared-agent"),
    (R::LostBeforeSubscribe, "lost-before-subscribe"),
    (R::AcceptRace, "accept-race"),
    (R::BlockingStart, "blocking-start"),
    (R::SlowFirstToken, "slow-first-token"),
    (R::BurstAtEnd, "burst-at-end"),
    (R::HangingAuth, "hanging-auth"),
    (R::AcceptsExpired, "accepts-expired"),
    (R::AlgNone, "alg-none"),
    (R::TestBypass, "test-bypass"),
    (R::StaleSession, "stale-session"),
    (R::Canned, "canned"),
    (R::WrongClose, "wrong-close"),
    (R::SlowLeak, "slow-leak"),
    (R::ForgottenRefresh, "forgotten-refresh"),
    (R::UnheardCancel, "unheard-cancel"),
    (R::OrphanRun, "orphan-run"),
    (R::LostOnResume, "lost-on-resume"),
    (R::AlgConfusion, "alg-confusion"),
];

/// The names, one after the other.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// What was asked for: one regression, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice(Option<Regression>);

impl Choice {
    /// Is this the regression that is switched on?
    pub(crate) fn is(self, regression: Regression) -> bool {
        self.0 == Some(regression)
    }

    /// The name of the chosen regression, if there is one.
    pub(crate) fn name(self) -> Option<&'static str> {
        let chosen = self.0?;
        NAMES.iter().find(|(regression, _)| *regression == chosen).map(|(_, name)| *name)
    }
}

impl FromStr for Choice {
    type Err = Unknown;

    /// The empty name is no regression, so that an environment variable can be set to nothing.
    fn from_str(text: &str) -> Result<Choice, Unknown> {
        if text.is_empty() {
            return Ok(Choice(None));
        }
        let found = NAMES.iter().find(|(_, name)| *name == text).ok_or(Unknown)?;
        Ok(Choice(Some(found.0)))
    }
}

/// Not the name of a regression.
#[derive(Debug)]
pub(crate) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no regression has this name; there are: {}", names().collect::<Vec<_>>().join(", "))
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_chooses_its_regression_and_nothing_else() {
        for (regression, name) in NAMES {
            let choice: Choice = name.parse().unwrap();
            assert!(choice.is(regression));
            assert_eq!(choice.name(), Some(name));
        }
        assert_eq!("".parse::<Choice>().unwrap(), Choice::default());
        assert!("silent".parse::<Choice>().unwrap_err().to_string().contains("slow-leak"));
    }
}
