//! Requests without their answers, and answers without their requests.

use super::explainer::{Explainer, add};
use crate::dialect::{Label, NAMELESS};
use crate::finding::{Finding, Kind};
use crate::golden::{Answers, Fault, Golden, Owing};

impl Explainer<'_, '_> {
    /// Reports faults of answers; a fault that the order reports, too, is reported once.
    pub(super) fn answers(&mut self) {
        let (golden, faults) = (self.checker.golden, &self.checker.faults.kept);
        for fault in faults {
            let answers = golden.event(&fault.request).and_then(|event| event.answered.as_ref());
            let Some(finding) = answers.and_then(|answers| self.answer(fault, answers)) else { continue };
            let is_same = |known: &Finding| is_told(known, fault, &finding, self.checker.golden);
            match self.findings.iter().position(is_same) {
                Some(place) => {
                    let known = &mut self.findings[place];
                    if finding.severity > known.severity {
                        known.severity = finding.severity;
                        known.evidence = finding.evidence;
                    }
                    add(known, finding.message);
                }
                None => self.push_or_fold(finding),
            }
        }
    }

    fn answer(&self, fault: &Fault, answers: &Answers) -> Option<Finding> {
        let Fault { request, id, frame, what } = fault;
        let first = &answers.kinds.first()?.label;
        let wanted = answers.in_words();
        let (kind, event, message) = match what {
            Owing::Unanswered { is_passed } => {
                let end = if *is_passed { "" } else { ": the session ended without it" };
                (Kind::Missing, first, format!("{request} {id} has no answer{end}"))
            }
            Owing::Again { answer, first } => (
                Kind::Repeated,
                answer,
                format!("{request} {id} was answered in frame {first}, and {answer} came after that"),
            ),
            Owing::Otherwise { answer } if self.checker.golden.event(answer).is_some() => (
                Kind::Missing,
                first,
                format!("{request} {id} has no answer after {answer}: {wanted} did not come"),
            ),
            Owing::Otherwise { answer } => (
                Kind::Renamed,
                first,
                format!("{request} {id} was answered with {answer}, not with {wanted}"),
            ),
            Owing::Unasked { answer } => (
                Kind::UnknownEvent,
                answer,
                format!("{answer} answers nothing: no {request} has the id {id}"),
            ),
        };
        let (severity, evidence) = self.evidence.answered(request, answers, kind);
        let mut place = self.place(event, None, None, vec![*frame]);
        place.key = format!("event.{request}.answered");
        let narrow = self.checker.golden.place([place.key.as_str()]);
        place.golden_line = narrow.or(place.golden_line);
        let finding = Finding::new(kind, severity, place, message).evidence(evidence);
        Some(match what {
            Owing::Unanswered { .. } => finding.values(wanted, "nothing"),
            Owing::Otherwise { answer } => finding.values(wanted, answer.as_str()),
            Owing::Again { .. } | Owing::Unasked { .. } => finding,
        })
    }
}

/// Whether a finding tells of the same: of the same frame, or of the answer that is missing.
fn is_told(known: &Finding, fault: &Fault, own: &Finding, golden: &Golden) -> bool {
    if known.kind.family() != "order" {
        return false;
    }
    let is_answer = |label: &Label| {
        let answers = golden.event(&fault.request).and_then(|event| event.answered.as_ref());
        answers.is_some_and(|answers| answers.of(label).is_some())
    };
    match &fault.what {
        Owing::Unanswered { .. } => {
            let is_missing =
                matches!(known.kind, Kind::Missing | Kind::Renamed) && is_answer(&known.place.event);
            // An answer with an unknown id is the one that another request lacks.
            let is_stray =
                golden.dialect.is_stray(&known.place.event) || known.place.event.as_str() == NAMELESS;
            is_missing || known.kind == Kind::UnknownEvent && is_stray
        }
        Owing::Again { .. } | Owing::Otherwise { .. } | Owing::Unasked { .. } => {
            own.place.frames.iter().all(|frame| known.place.frames.contains(frame))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::Checker;
    use crate::golden::{self, Golden};
    use crate::transcript::{End, Ending, Frame, Offset, Payload, Side};

    /// Calls whose answers have another name, and asks that are answered by a field of their own. The order lets all come.
    const GOLDEN: &str = r#"
        goldwire = 1
        order = ">CALL* & re:CALL* & re:CALL:error* & >ask* & ack* & nack*"
        [learned]
        recordings = 20
        [dialect]
        kind = "json"
        name = "/0"
        reply = "/1"
        answers = "RESULT"
        errors.ERROR = "/2"
        [event.CALL]
        send_json = '["CALL", 1]'
        answered = "re:CALL | re:CALL:error | @end"
        seen = 40
        runs = 20
        [event.ask]
        send_json = '["ask", null, 0, { "seq": 7 }]'
        id = "/3/seq"
        answered = "ack+ | nack"
        seen = 4
        runs = 4
        [event.ack]
        id = "/3/of"
        [event.nack]
        seen = 1
        runs = 1
        [event."re:CALL"]
        seen = 40
        runs = 20
    "#;

    fn golden() -> Golden {
        golden::read("g.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What is found in a session of such messages; those of the client begin with `>`.
    fn found(said: &[&str]) -> Vec<String> {
        let golden = golden();
        let mut checker = Checker::new(&golden);
        for (at, text) in (0u64..).zip(said) {
            let (side, text) = match text.strip_prefix('>') {
                Some(text) => (Side::Client, text),
                None => (Side::Server, *text),
            };
            let at = Offset::from_nanos(at * 1_000_000);
            checker.frame(&Frame::new(at, side, Payload::Text(text.to_owned())));
        }
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let found =
            checker.finish(&Ending { at: Offset::from_nanos(9_000_000_000), how, host: None }).findings;
        let words = |f: crate::finding::Finding| {
            format!(
                "{:?} {}: {}",
                f.severity,
                f.kind.name(),
                [vec![f.message], f.consequences].concat().join("; ")
            )
        };
        found.into_iter().map(words).collect()
    }

    const ASK: &str = r#">["ask",null,0,{"seq":7}]"#;

    #[test]
    fn each_request_has_its_answer_and_each_answer_its_request() {
        let (one, two) = (r#">["CALL",1]"#, r#">["CALL",2]"#);
        let clean = [one, two, r#"["RESULT",2]"#, r#"["ERROR",0,1]"#];
        assert_eq!(found(&clean), [""; 0], "in any order");
        assert_eq!(found(&[one, r#"["RESULT",1]"#, two]), [""; 0], "the session may end before the last one");
        assert_eq!(found(&[one, r#"["RESULT",1]"#, one, r#"["RESULT",1]"#]), [""; 0], "an id may come again");
        for (said, expected) in [
            (vec![one, two, r#"["RESULT",2]"#], "Deviation missing: >CALL 1 has no answer"),
            (vec![one, one, r#"["RESULT",1]"#], "Deviation missing: >CALL 1 has no answer"),
            (
                vec![one, r#"["RESULT",1]"#, r#"["ERROR",0,1]"#],
                "Deviation repeated: >CALL 1 was answered in frame 1, and re:CALL:error came after that",
            ),
            (
                vec![one, two, r#"["RESULT",2]"#, r#"["RESULT",9]"#],
                "Deviation unknown-event: RESULT answers nothing: no request has its /1 9; >CALL 1 has no answer",
            ),
        ] {
            assert_eq!(found(&said), [expected]);
        }
    }

    #[test]
    fn ids_of_a_field_that_a_person_names_are_followed_too() {
        let (ack, nack) = (r#"["ack",null,0,{"of":7}]"#, r#"["nack",null,0,{"seq":7}]"#);
        assert_eq!(found(&[ASK, ack, ack]), [""; 0], "more of them may come");
        for (said, expected) in [
            (vec![ASK], "Suspect missing: >ask 7 has no answer: the session ended without it"),
            (
                vec![ASK, nack, ack],
                "Suspect repeated: >ask 7 was answered in frame 1, and ack came after that",
            ),
            (
                vec![ASK, ack, r#"["ack",null,0,{"of":8}]"#],
                "Suspect unknown-event: ack answers nothing: no >ask has the id 8",
            ),
        ] {
            assert_eq!(found(&said), [expected]);
        }
    }

    #[test]
    fn what_is_written_of_answers_is_read_again() {
        let text = golden::write(&golden());
        assert!(text.contains("answered = \"re:CALL | re:CALL:error | @end\""), "{text}");
        assert!(text.contains("id = \"/3/seq\"\nanswered = \"ack+ | nack\""), "{text}");
        let again = golden::read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(golden::write(&again), text);
        for (from, to, told) in [
            ("ack+ | nack", "ack+ | neck", "unknown event `neck`"),
            ("ack+ | nack", "ack+ | >CALL", "`>CALL` is the client's, as what it answers is"),
            ("id = \"/3/of\"", "id = \"of\"", "`of` is not a JSON pointer"),
        ] {
            let problems = golden::read("g.toml", &GOLDEN.replace(from, to)).expect_err(to).to_string();
            assert!(problems.contains(told), "{problems}");
        }
        let without = "goldwire = 1\norder = \">ask ; ack\"\n[event.ask]\nsend = {}\nanswered = \"ack\"\n";
        let problems = golden::read("g.toml", without).expect_err("no id").to_string();
        assert!(
            problems.contains("the place of the id by which `>ask` is answered is missing"),
            "{problems}"
        );
    }
}
