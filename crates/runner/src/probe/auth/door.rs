//! Ways to come in, each tried with one token or header, and what everybody gets.

use super::AUTH;
use super::judge::{judge, opens};
use crate::auth::Identity;
use crate::probe::attempt::{SKIPPED, is_skipped, knock, knocked, unlike};
use crate::probe::cells::not_asked;
use crate::probe::context::ProbeContext;
use crate::probe::subject::Subject;
use futures_util::StreamExt as _;
use goldwire_core::finding::{Cell, Kind};

/// So many knocks are under way at the same time.
const AT_ONCE: usize = 16;

/// What every bad token got, where none of them was refused: one thing to say, not a dozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Everybody {
    /// What a good one gets.
    LetIn,
    /// Something else, which is no refusal that goldwire knows.
    Answered,
}

impl Everybody {
    /// So few questions show nothing of everybody.
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
    pub(super) fn tell(self, asked: &mut [Asked], subject: &Subject) {
        let mut asked: Vec<&mut Asked> =
            asked.iter_mut().filter(|asked| asked.cell.not_asked.is_none()).collect();
        let others = asked.len() - 1;
        let Some((first, rest)) = asked.split_first_mut() else { return };
        let (told, seen) = match self {
            Everybody::LetIn => (
                format!("nobody is refused: {others} other bad tokens are served, too"),
                "everybody is let in",
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
            other.cell = Cell { sort, ..not_asked(AUTH, subject, case, why) };
        }
    }
}

/// What came of some knocks, in their order.
pub(super) async fn knocked_at(
    doors: Vec<Door<'_>>,
    context: &ProbeContext<'_>,
    subject: &Subject,
) -> Vec<Asked> {
    let asked = doors.into_iter().map(|door| door.ask(context, subject));
    futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await
}

/// What was found in a cell.
pub(super) fn kind_of(cell: &Cell) -> Option<Kind> {
    cell.runs.iter().flat_map(|run| &run.findings).map(|finding| finding.kind).next()
}

/// A header is not to blame for what happens without it, too: `no-token` is.
pub(super) fn unless_like(nobody: Option<Kind>, mut cell: Cell) -> Cell {
    if nobody.is_some() && kind_of(&cell) == nobody {
        cell.runs.iter_mut().for_each(|run| run.findings.clear());
        cell.said.push_str(", as without the header");
    }
    cell
}

/// One knock, planned.
pub(super) struct Door<'d> {
    pub(super) case: String,
    /// The case without its place.
    pub(super) plain: &'d str,
    pub(super) identity: Identity,
    pub(super) headers: Vec<(String, String)>,
    /// Whether it must open.
    pub(super) opens: bool,
    /// Why it cannot be asked.
    pub(super) why: Option<&'d str>,
}

impl<'d> Door<'d> {
    pub(super) fn new(case: String, plain: &'d str, identity: Identity) -> Door<'d> {
        Door { case, plain, identity, headers: Vec::new(), opens: false, why: None }
    }

    async fn ask(self, context: &ProbeContext<'_>, subject: &Subject) -> Asked {
        let Door { case, plain, identity, headers, opens: must_open, why } = self;
        let mut is_unlike = false;
        let cell = match why {
            _ if is_skipped(context, plain) || is_skipped(context, &case) => {
                not_asked(AUTH, subject, &case, SKIPPED)
            }
            Some(why) => not_asked(AUTH, subject, &case, why),
            None if must_open => opens(context, subject, &case, &identity).await,
            None => {
                let knock = knock(context, &subject.golden, &subject.session, &identity, &headers).await;
                is_unlike = unlike(&knock).is_some();
                knocked(subject, &case, &identity, &knock, judge(&case, &knock, &context.settings.auth))
            }
        };
        // Variants of one case are one row.
        let sort = plain.split(" (").next().unwrap_or(plain).to_owned();
        Asked { cell: Cell { sort, ..cell }, is_unlike }
    }
}

/// What came of a knock.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) cell: Cell,
    /// Whether the server said something that no good login gets.
    pub(super) is_unlike: bool,
}

pub(super) const OPEN_ANYWAY: &str = "whoever has no token is let in without the header too: see `no-token`";
