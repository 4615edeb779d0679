//! Tests of the file above.

use super::case::{Asked, Everybody, kind_of};
use super::claims::wrong_claims;
use super::judge::judge;
use crate::auth::Identity;
use crate::probe::attempt::{AuthAttempt, Outcome, Refused, Sign, attempted, said};
use crate::probe::probed_session::ProbedSession;
use crate::probe::settings::AuthSettings;
use goldwire_core::dialect::Label;
use goldwire_core::finding::Kind;
use goldwire_core::transcript::Gap;
use serde_json::json;

fn attempt_login(outcome: Outcome, said: &[&str]) -> AuthAttempt {
    let said: Vec<(Label, usize)> = said.iter().zip(0..).map(|(name, at)| (Label::from(*name), at)).collect();
    let frames = said.len();
    AuthAttempt { outcome, said, took: Gap::from_millis(3), recording: None, frames, refusal: None }
}

#[test]
fn a_refusal_is_one_of_those_that_clients_expect_and_comes_before_any_event() {
    let settings = AuthSettings::default();
    let kind = |outcome: Outcome, said: &[&str]| {
        judge("x", &attempt_login(outcome, said), &settings).map(|f| f.kind)
    };
    for code in [401, 403] {
        assert_eq!(kind(Outcome::Status(code), &[]), None);
    }
    for code in [1008, 3000, 4001, 4401] {
        assert_eq!(kind(Outcome::Closed(code), &["error"]), None, "{code}");
    }
    assert_eq!(kind(Outcome::Status(500), &[]), Some(Kind::WrongRefusal));
    assert_eq!(kind(Outcome::Closed(1000), &[]), Some(Kind::WrongRefusal));
    assert_eq!(kind(Outcome::Dropped("reset".to_owned()), &[]), Some(Kind::WrongRefusal));
    assert_eq!(kind(Outcome::Hung("open".to_owned()), &["error"]), Some(Kind::NotRefused));
    let served = attempt_login(Outcome::Served(Label::from("connected"), 1), &["hello", "connected"]);
    let found = judge("x", &served, &settings).expect("it was let in");
    assert_eq!((found.kind, found.place.event.as_str()), (Kind::Accepted, "connected"));
    assert_eq!(found.place.frames, [1]);
}

#[test]
fn a_refusal_by_message_is_one_however_the_connection_ends() {
    let settings = AuthSettings::default();
    let (event, what) = (Label::from("auth"), "AUTH_FAILED".to_owned());
    let refusal = Some(Refused { event, frame: 1, what, by: Sign::Words });
    for outcome in [Outcome::Closed(1005), Outcome::Closed(1000), Outcome::Hung("open".to_owned())] {
        let attempt = AuthAttempt { refusal: refusal.clone(), ..attempt_login(outcome, &["auth"]) };
        assert_eq!(judge("x", &attempt, &settings), None);
        let strict = AuthSettings { refuse: vec![1008], ..AuthSettings::default() };
        assert!(judge("x", &attempt, &strict).is_some());
        let named = attempt.refusal.clone().map(|refused| Refused { by: Sign::Policy, ..refused });
        assert_eq!(judge("x", &AuthAttempt { refusal: named, ..attempt }, &strict), None);
    }
    let closed = AuthAttempt { refusal: refusal.clone(), ..attempt_login(Outcome::Closed(1005), &["auth"]) };
    assert_eq!(
        said(&closed),
        "refused by message: `auth` AUTH_FAILED, then closed without a code after 3 ms"
    );
    let served = attempt_login(Outcome::Served(Label::from("items"), 2), &["auth", "items"]);
    assert!(judge("x", &AuthAttempt { refusal, ..served }, &settings).is_some());
}

#[test]
fn what_everybody_gets_is_told_once() {
    let golden = goldwire_core::golden::read(
        "g.toml",
        "goldwire = 1\norder = \">ask ; items\"\n[event.ask]\nsend = {}\n",
    );
    let subject = ProbedSession {
        session: "s".to_owned(),
        golden: golden.expect("a golden"),
        seen: None,
        openings: Vec::new(),
        kept: Vec::new(),
    };
    let (nobody, settings) = (Identity::anonymous(1), AuthSettings::default());
    let asked = |case: &str, outcome: Outcome, is_unlike: bool| {
        let (event, what) = (Label::from("items"), "/status \"no\"".to_owned());
        let refusal = is_unlike.then_some(Refused { event, frame: 1, what, by: Sign::Unlike });
        let attempt = AuthAttempt { refusal, ..attempt_login(outcome, &["items"]) };
        Asked {
            cell: attempted(&subject, case, &nobody, &attempt, judge(case, &attempt, &settings)),
            is_unlike,
        }
    };
    let served = |case: &str, is_unlike| asked(case, Outcome::Served(Label::from("items"), 1), is_unlike);
    let refused = asked("empty", Outcome::Status(401), false);
    for (is_unlike, everybody, told) in [
        (false, Everybody::LetIn, "no bad token is refused: 2 others are served, too"),
        (
            true,
            Everybody::Answered,
            "`items` /status \"no\", and the connection stays open; 2 other bad tokens",
        ),
    ] {
        let mut all = ["no-token", "garbage", "alg-none"].map(|case| served(case, is_unlike));
        assert_eq!(Everybody::of(&all), Some(everybody));
        everybody.tell(&mut all, &subject);
        let accused: Vec<_> = all.iter().filter_map(|asked| kind_of(&asked.cell)).collect();
        assert_eq!(accused, [Kind::Accepted]);
        let first = &all[0].cell.runs[0].findings[0].message;
        assert!(first.contains(told), "{first}");
        let hint = all[0].cell.runs[0].findings[0].hint.clone().unwrap_or_default();
        assert_eq!(is_unlike, hint.contains("{ event = \"items\", \"/status\" = \"no\" }"), "{hint}");
        assert!(all[1].cell.not_asked.as_ref().is_some_and(|why| why.contains("see `no-token`")));
    }
    // One refused token shows that not all are accepted; two are not enough to say so.
    let some = [served("no-token", false), served("garbage", false), refused.clone()];
    assert_eq!(Everybody::of(&some), None);
    assert_eq!(Everybody::of(&some[..2]), None);
    assert_eq!(Everybody::of(&[served("a", false), served("b", true), served("c", true)]), None);
}

#[test]
fn a_policy_says_what_else_is_a_refusal() {
    let settings = AuthSettings { refuse: vec![1000, 404], ..AuthSettings::default() };
    let judged = |outcome| judge("x", &attempt_login(outcome, &[]), &settings).is_some();
    assert!(!judged(Outcome::Closed(1000)) && !judged(Outcome::Status(404)));
    assert!(judged(Outcome::Closed(1008)) && judged(Outcome::Status(401)));
}

#[test]
fn claims_must_be_there_and_their_times_must_fit() {
    let claims = json!({ "sub": "u", "email": "", "permissions": [], "exp": 100, "iat": 90.5, "nbf": 300 });
    let wanted = ["sub", "email", "permissions", "exp", "iat", "nbf", "type"].map(str::to_owned);
    let wrong: Vec<String> = wrong_claims(&claims, &wanted, 100).into_iter().map(|f| f.message).collect();
    assert_eq!(wrong.len(), 5, "{wrong:?}");
    assert!(wrong_claims(&claims, &wanted[..1], 100).is_empty());
    assert!(wrong_claims(&claims, &["exp".to_owned()], 99).is_empty());
}
