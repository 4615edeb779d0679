//! Ways to come in, each tried with one token or header, and what everybody gets.

use super::AUTH;
use super::judge::{judge, must_accept};
use crate::auth::Identity;
use crate::probe::attempt::{SKIPPED, attempt_login, attempted, is_skipped, unlike};
use crate::probe::cells::not_asked;
use crate::probe::context::ProbeContext;
use crate::probe::probed_session::ProbedSession;
use futures_util::StreamExt as _;
use goldwire_core::finding::{Kind, ProbeResult};

/// The maximum of concurrent attempts.
const AT_ONCE: usize = 16;

/// The common answer to all bad tokens, if none was refused: one finding for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Everybody {
    /// The answer to a good token.
    LetIn,
    /// Something else, which goldwire does not know as a refusal.
    Answered,
}

impl Everybody {
    /// With this few questions, there is no common answer.
    const FEW: usize = 3;

    pub(super) fn of(asked: &[Asked]) -> Option<Everybody> {
        let asked: Vec<&Asked> = asked.iter().filter(|asked| asked.cell.not_asked.is_none()).collect();
        let is_accepted = |asked: &&Asked| kind_of(&asked.cell) == Some(Kind::Accepted);
        if asked.len() < Everybody::FEW || !asked.iter().all(is_accepted) {
            return None;
        }
        let unlike = asked.iter().filter(|asked| asked.is_unlike).count();
        if unlike == 0 {
            return Some(Everybody::LetIn);
        }
        (unlike == asked.len()).then_some(Everybody::Answered)
    }

    /// Leaves the first question accused and says of the others where to look.
    pub(super) fn tell(self, asked: &mut [Asked], subject: &ProbedSession) {
        let mut asked: Vec<&mut Asked> =
            asked.iter_mut().filter(|asked| asked.cell.not_asked.is_none()).collect();
        let others = asked.len() - 1;
        let Some((first, rest)) = asked.split_first_mut() else { return };
        let (told, seen) = match self {
            Everybody::LetIn => (
                format!("no bad token is refused: {others} others are served, too"),
                "every bad token is accepted",
            ),
            Everybody::Answered => (
                format!(
                    "{others} other bad tokens are answered like this, too: it may be how this server refuses"
                ),
                "every bad token is answered alike",
            ),
        };
        if let Some(finding) = first.cell.runs.iter_mut().flat_map(|run| &mut run.findings).next() {
            finding.message = format!("{}; {told}", finding.message);
        }
        for other in rest {
            let case = &other.cell.case.clone();
            let sort = other.cell.sort.clone();
            let why = format!("{seen}: see `{}`", first.cell.case);
            other.cell = ProbeResult { sort, ..not_asked(AUTH, subject, case, why) };
        }
    }
}

/// The results of attempts, in their order.
pub(super) async fn knocked_at(
    auth_cases: Vec<AuthCase<'_>>,
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
) -> Vec<Asked> {
    let asked = auth_cases.into_iter().map(|door| door.ask(context, subject));
    futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await
}

/// The kind of a cell's finding.
pub(super) fn kind_of(cell: &ProbeResult) -> Option<Kind> {
    cell.runs.iter().flat_map(|run| &run.findings).map(|finding| finding.kind).next()
}

/// A header is not to blame for what happens without it, too: `no-token` is.
pub(super) fn unless_like(nobody: Option<Kind>, mut cell: ProbeResult) -> ProbeResult {
    if nobody.is_some() && kind_of(&cell) == nobody {
        cell.runs.iter_mut().for_each(|run| run.findings.clear());
        cell.said.push_str(", as without the header");
    }
    cell
}

/// One planned attempt.
pub(super) struct AuthCase<'d> {
    pub(super) case: String,
    /// The case without its place.
    pub(super) plain: &'d str,
    pub(super) identity: Identity,
    pub(super) headers: Vec<(String, String)>,
    /// Whether it must open.
    pub(super) must_accept: bool,
    /// The reason why it cannot be asked.
    pub(super) why: Option<&'d str>,
}

impl<'d> AuthCase<'d> {
    pub(super) fn new(case: String, plain: &'d str, identity: Identity) -> AuthCase<'d> {
        AuthCase { case, plain, identity, headers: Vec::new(), must_accept: false, why: None }
    }

    async fn ask(self, context: &ProbeContext<'_>, subject: &ProbedSession) -> Asked {
        let AuthCase { case, plain, identity, headers, must_accept: must_open, why } = self;
        let mut is_unlike = false;
        let cell = match why {
            _ if is_skipped(context, plain) || is_skipped(context, &case) => {
                not_asked(AUTH, subject, &case, SKIPPED)
            }
            Some(why) => not_asked(AUTH, subject, &case, why),
            None if must_open => must_accept(context, subject, &case, &identity).await,
            None => {
                let attempt =
                    attempt_login(context, &subject.golden, &subject.session, &identity, &headers).await;
                is_unlike = unlike(&attempt).is_some();
                attempted(subject, &case, &identity, &attempt, judge(&case, &attempt, &context.settings.auth))
            }
        };
        // Variants of one case are one row.
        let sort = plain.split(" (").next().unwrap_or(plain).to_owned();
        Asked { cell: ProbeResult { sort, ..cell }, is_unlike }
    }
}

/// The result of a connection attempt.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) cell: ProbeResult,
    /// Whether the server said something that no good login gets.
    pub(super) is_unlike: bool,
}

pub(super) const OPEN_ANYWAY: &str =
    "a connection without a token is accepted without the header, too: see `no-token`";
