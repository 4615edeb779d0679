//! The reports that other tools read: every finding once, well-formed whatever a server says, and failed until proven
//! otherwise.

use crate::cases::case;
use crate::support::{Project, Said, signal};
use goldwire::check::check;
use goldwire::dialect::Label;
use goldwire::finding::{Finding, Kind, Outcome, Place, ProbeName, ProbeResult, Run, Severity, Unjudged};
use goldwire::report::{self, Sheet, Times};
use goldwire::transcript::Gap;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// What a hostile server may put into names and payloads.
const HOSTILE: [&str; 14] = [
    "</script><img src=x onerror=alert(1)>",
    "%0A::error file=a::b",
    "\n::error::owned",
    "\r\n  ::add-mask::x",
    "##[error]owned",
    "###[command]x",
    "a | b | c",
    "```\n# heading",
    "`tick`",
    "[link](javascript:alert(1))",
    "]]>&amp;&#0;",
    "\u{0}\u{1b}[31m\u{8}\u{fffe}",
    "@everyone https://evil.test www.evil.test",
    "\u{202e}drawkcab",
];

fn finding(kind: Kind, severity: Severity, event: &str, message: &str) -> Finding {
    let place = Place {
        event: Label::from(event),
        lane: Some(("call_id".to_owned(), message.to_owned())),
        path: Some(format!("/{message}")),
        key: "order".to_owned(),
        golden_line: Some((6, 54)),
        frames: vec![3],
    };
    Finding::new(kind, severity, place, message).values(message, message).evidence(message).hint(message)
}

fn run(user: &str, findings: Vec<Finding>) -> Run {
    let mut run = Run::unjudged("chat", user, 1, Unjudged { cause: String::new(), hint: None });
    (run.unjudged, run.findings, run.took) = (None, findings, Gap::from_millis(1_234));
    run.recording = "target/goldwire/chat/x.jsonl".to_owned();
    run
}

fn sheet(runs: Vec<Run>, strict: bool) -> Sheet {
    let asked = [("chat".to_owned(), "golden/chat.toml".to_owned())];
    Sheet::of_check(&Outcome::of(runs), &asked, strict)
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("memory does not fail");
    String::from_utf8(out).expect("UTF-8")
}

fn junit(sheet: &Sheet) -> String {
    text(|out| report::junit(out, sheet, Gap::from_millis(2_000)))
}

fn markdown(sheet: &Sheet) -> String {
    text(|out| report::markdown(out, sheet, usize::MAX))
}

fn attributes(element: &BytesStart<'_>) -> BTreeMap<String, String> {
    let pairs = element.attributes().map(|attribute| {
        let attribute = attribute.expect("an attribute");
        let value = quick_xml::escape::unescape(&attribute.value).expect("escaped").into_owned();
        (attribute.key.0.to_owned(), value)
    });
    pairs.collect()
}

/// What Surefire's schema wants of every `testsuite`: its attributes and no others, and within a `testcase` failures, then
/// what was skipped, then one error, then one text. Gives how many cases and failures there are.
fn follows_the_schema(xml: &str) -> (usize, usize) {
    const ORDER: [&str; 4] = ["failure", "skipped", "error", "system-out"];
    assert!(
        xml.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)),
        "XML 1.0 cannot say this: {xml:?}"
    );
    let mut reader = Reader::from_str(xml);
    let (mut path, mut last) = (Vec::<String>::new(), 0);
    let (mut cases, mut failures, mut promised) = (0, 0, None);
    let is_time = |time: &str| {
        let (whole, part) = time.split_once('.').expect("decimals");
        whole.chars().chain(part.chars()).all(|c| c.is_ascii_digit()) && part.len() <= 3
    };
    let mut open = |element: &BytesStart<'_>, path: &[String]| {
        let (name, own) = (element.name().0.to_owned(), attributes(element));
        let keys: Vec<&str> = own.keys().map(String::as_str).collect();
        match (path.len(), name.as_str()) {
            (0, "testsuites") | (1, "testsuite") => {
                let mut wanted = vec!["errors", "failures", "name", "skipped", "tests", "time"];
                // The root has no `skipped` in Jenkins' schema.
                wanted.retain(|key| !path.is_empty() || *key != "skipped");
                assert_eq!(keys, wanted);
                assert!(is_time(&own["time"]), "{own:?}");
                if path.is_empty() {
                    promised = Some((own["tests"].parse::<usize>(), own["failures"].parse::<usize>()));
                }
            }
            (2, "testcase") => {
                assert_eq!(keys, ["classname", "name", "time"]);
                assert!(is_time(&own["time"]), "{own:?}");
                (cases, last) = (cases + 1, 0);
            }
            (3, inner) => {
                let place = ORDER.iter().position(|known| *known == inner).expect(inner) + 1;
                assert!(place > last, "{inner} comes too late");
                last = place;
                let wanted: &[&str] = match inner {
                    "skipped" => &["message"],
                    "system-out" => &[],
                    _ => &["message", "type"],
                };
                assert_eq!(keys, wanted, "{inner}");
                failures += usize::from(inner == "failure");
            }
            (depth, name) => panic!("{name} at depth {depth}"),
        }
    };
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(element) => {
                open(&element, &path);
                path.push(element.name().0.to_owned());
            }
            Event::Empty(element) => open(&element, &path),
            Event::End(element) => assert_eq!(path.pop().as_deref(), Some(element.name().0)),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(promised, Some((Ok(cases), Ok(failures))), "{xml}");
    (cases, failures)
}

/// What the runner of GitHub does with a line, as its source says.
fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[")
}

#[test]
fn every_report_names_every_finding_of_every_case_once() {
    for folder in fs::read_dir("tests/cases").expect("the cases").flatten() {
        let (_, golden, transcript) = case(&folder.path());
        let findings = check(&golden, &transcript).findings;
        let sheet = sheet(vec![run("u1", findings.clone()), run("u2", Vec::new())], true);
        let xml = junit(&sheet);
        assert_eq!(follows_the_schema(&xml), (2, usize::from(!findings.is_empty())), "{xml}");
        let ctrf: Value =
            serde_json::from_str(&text(|out| report::ctrf(out, &sheet, Times { start: 1, stop: 2 })))
                .expect("JSON");
        let ctrf = ctrf["results"]["tests"][0].clone();
        let told: String = [&ctrf["trace"], &ctrf["stdout"]].map(Value::to_string).concat();
        let page = markdown(&sheet);
        for found in &findings {
            let same = findings.iter().filter(|other| other.message == found.message).count();
            let like = findings.iter().filter(|other| other.is_like(found)).count();
            let sort = format!("{}/{}: ", found.kind.family(), found.kind.name());
            let escaped = format!("{sort}{}", quick_xml::escape::escape(found.message.as_str()));
            assert_eq!(xml.matches(&escaped).count(), same, "{}\n{xml}", found.message);
            let json = Value::from(format!("{sort}{}", found.message)).to_string();
            assert_eq!(told.matches(json.trim_matches('"')).count(), same, "{}\n{told}", found.message);
            let items = page.lines().filter(|line| line.starts_with("- **")).count();
            assert!(
                items > 0
                    && items <= findings.len()
                    && (like > 1 || items == sheet.suites[0].distinct().len())
            );
        }
    }
}

#[test]
fn what_a_server_says_is_text_in_every_report() {
    for hostile in HOSTILE {
        let runs = vec![
            run("u1", vec![finding(Kind::Missing, Severity::Deviation, hostile, hostile)]),
            run("u2", vec![finding(Kind::FieldNew, Severity::Suspect, hostile, hostile)]),
            Run::unjudged(
                "chat",
                "u3",
                1,
                Unjudged { cause: hostile.to_owned(), hint: Some(hostile.to_owned()) },
            ),
        ];
        let sheet = sheet(runs, false);
        assert_eq!(follows_the_schema(&junit(&sheet)), (3, 1));
        let page = markdown(&sheet);
        let table: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(table.len(), 3, "{page}");
        for line in page.lines() {
            let known = ["## goldwire ", "### ", "| ", "|---", "- **", "  - "];
            assert!(
                line.is_empty() || known.iter().any(|start| line.starts_with(start)),
                "{line:?} in\n{page}"
            );
            assert!(!line.contains("<img") || line.contains('`'), "{line}");
        }
        let said = text(|out| report::annotations(out, &sheet, str::to_owned));
        assert_eq!(said.lines().count(), 3, "{said}");
        for line in said.split(['\n', '\r']).filter(|line| !line.is_empty()) {
            assert!(line.starts_with("::error ") || line.starts_with("::warning "), "{line}");
            assert!(!line.contains("##["), "{line}");
        }
    }
}

#[test]
fn annotations_are_escaped_as_the_runner_reads_them() {
    let one = finding(Kind::Missing, Severity::Deviation, "a", "100 % of a:b,c\nare gone");
    let said = text(|out| {
        report::annotations(out, &sheet(vec![run("u1", vec![one])], false), |path| format!("a,b/{path}"))
    });
    let (head, rest) = said.split_once("::100").expect("a message");
    assert_eq!(head, "::error file=a%2Cb/golden/chat.toml,line=6,col=54,title=chat%3A order/missing");
    assert!(rest.starts_with(" %25 of a:b,c%0Aare gone%0A"), "{said}");
}

#[test]
fn a_summary_that_has_no_room_says_how_much_it_leaves_out() {
    let found = |n: usize| {
        finding(Kind::Missing, Severity::Deviation, &format!("event{n}"), &format!("event{n} is gone"))
    };
    let sheet = sheet(vec![run("u1", (0..500).map(found).collect())], false);
    let page = text(|out| report::markdown(out, &sheet, 10_000));
    assert!(page.len() < 11_000 && page.contains("entries left out here"), "{page}");
    assert!(markdown(&sheet).contains("event499 is gone"));
}

#[test]
fn a_table_of_questions_leads_to_its_failures() {
    let cell = |case: &str, sort: &str, runs: Vec<Run>, not_asked: Option<&str>| ProbeResult {
        probe: ProbeName::Auth,
        session: "chat".to_owned(),
        case: case.to_owned(),
        sort: sort.to_owned(),
        said: format!("{case} | HTTP 401"),
        not_asked: not_asked.map(str::to_owned),
        runs,
    };
    let bad = finding(Kind::Accepted, Severity::Deviation, "connected", "an expired token opens the door");
    let cells = [
        cell("no-token", "no-token", vec![run("u1", Vec::new())], None),
        cell("expired (query)", "expired", vec![run("u1", vec![bad])], None),
        cell("revoked", "revoked", Vec::new(), Some("the recipe has no logout")),
    ];
    let sheet = Sheet::of_probe(&cells, false, |session| format!("golden/{session}.toml"));
    assert_eq!(follows_the_schema(&junit(&sheet)), (3, 1));
    let page = markdown(&sheet);
    for part in [
        "| auth chat | **deviates** | 1 of 2 |",
        "| conforms | no\\-token | no\\-token \\| HTTP 401 |",
        "| **deviates** | expired \\(query\\) |",
        "| **not asked** | revoked | the recipe has no logout |",
        "- **auth/accepted** an expired token opens the door (expired \\(query\\))",
        "  - recording `target/goldwire/chat/x.jsonl:5`",
    ] {
        assert!(page.contains(part), "{part:?} is missing from\n{page}");
    }
}

proptest! {
    #[test]
    fn no_line_of_what_is_printed_is_a_command(pieces in prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec!["::", ":", "#", "##[", "[", "\n", "\r", " ", "\t", "\u{a0}", "error", "\u{1b}[1m", "\u{2028}", "\\"])
                .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
        ], 0..20)
    ) {
        let said = pieces.concat();
        let harmless = report::inert(&said);
        for line in harmless.split(['\n', '\r']) {
            prop_assert!(!is_command(line), "{said:?} became {harmless:?}");
        }
        // Through the writer, in pieces as they come.
        let mut out = report::Inert::new(Vec::new(), true);
        for piece in &pieces {
            std::io::Write::write_all(&mut out, piece.as_bytes()).expect("memory does not fail");
        }
        std::io::Write::flush(&mut out).expect("memory does not fail");
        prop_assert_eq!(out.into_inner(), harmless.into_bytes());
    }

    #[test]
    fn a_row_stays_a_row_and_a_document_stays_well_formed(said in any::<String>()) {
        let mut one = run("u1", vec![finding(Kind::Missing, Severity::Deviation, &said, &said)]);
        one.user.clone_from(&said);
        let sheet = sheet(vec![one], false);
        follows_the_schema(&junit(&sheet));
        let page = markdown(&sheet);
        prop_assert_eq!(page.split(['\n', '\r']).filter(|line| line.starts_with('|')).count(), 3);
        prop_assert_eq!(page.split(['\n', '\r']).filter(|line| line.starts_with("- ")).count(), 1);
    }
}

const REPORTS: [&str; 8] = [
    "--report-json",
    "r/all.json",
    "--report-junit",
    "r/j/all.xml",
    "--report-markdown",
    "r/all.md",
    "--report-ctrf",
    "r/ctrf.json",
];

/// All four reports of a project say this, and none of them looks like passing.
fn all_fail(project: &Project, why: &str) {
    let [json, xml, page, ctrf] =
        ["r/all.json", "r/j/all.xml", "r/all.md", "r/ctrf.json"].map(|name| project.read(name));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["verdict"], "could not judge", "{json}");
    assert!(xml.contains("<error ") && xml.contains(why), "{why:?} is missing from\n{xml}");
    assert!(follows_the_schema(&xml).0 > 0);
    assert!(page.starts_with("## goldwire check: could not judge"), "{page}");
    let ctrf: Value = serde_json::from_str(&ctrf).expect("JSON");
    assert!(ctrf["results"]["summary"]["failed"].as_u64() > Some(0), "{ctrf}");
    let tests = ctrf["results"]["tests"].as_array().expect("tests").len();
    assert_eq!(ctrf["results"]["summary"]["tests"], tests);
}

#[test]
fn a_check_that_did_not_happen_fails_in_every_report() {
    let project = Project::new();
    project.run(&[&["check"], &REPORTS[..]].concat()).exits(4);
    all_fail(&project, "no golden to check");
    project.write("goldwire.toml", "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:9/ws\"\n");
    project.write("golden/chat.toml", "goldwire = 1\norder = \"connected\"\n");
    project.run(&[&["check"], &REPORTS[..]].concat()).exits(3);
    all_fail(&project, "connection refused");
}

#[cfg(unix)]
#[test]
fn a_check_that_is_killed_or_interrupted_leaves_reports_that_fail() {
    use rustix::process::Signal;
    for (how, why) in [(Signal::KILL, "nothing was judged yet"), (Signal::INT, "interrupted")] {
        // Somebody listens and never answers.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let project = Project::new();
        project.write(
            "goldwire.toml",
            &format!("goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:{port}/ws\"\n"),
        );
        project.write("golden/chat.toml", "goldwire = 1\norder = \"connected\"\n");
        let mut check = project.command(&[&["check"], &REPORTS[..]].concat()).spawn().expect("goldwire runs");
        let _asked = listener.accept().expect("somebody who checks");
        signal(check.id(), how);
        check.wait().expect("it ends");
        all_fail(&project, why);
    }
}

/// A project whose golden wants an event that its recording does not have.
fn deviating() -> Project {
    let project = Project::new();
    project.write_golden("agent-run", |golden| {
        let wants_more = golden.replace("  agent_completed\n\"\"\"", "  agent_completed ; farewell\n\"\"\"");
        assert_ne!(golden, wants_more);
        wants_more + "\n[event.farewell]\ncritical = true\n"
    });
    let recordings = fs::read_dir("recordings/agent-run").expect("our recordings");
    for (index, recording) in recordings.flatten().take(2).enumerate() {
        let text = fs::read_to_string(recording.path()).expect("a recording");
        project.write(&format!("recordings/agent-run/{index}.jsonl"), &text);
    }
    project
}

fn offline(project: &Project, environment: &[(&str, &str)]) -> Said {
    let arguments = [&["check", "--offline", "recordings/agent-run"], &REPORTS[..]].concat();
    project.run_with(&arguments, environment)
}

#[test]
fn github_gets_annotations_and_a_summary_and_nobody_else_does() {
    let project = deviating();
    let said = offline(&project, &[]).exits(1);
    assert!(!said.stderr.contains("::error"), "{}", said.stderr);
    let root = project.path().display().to_string();
    let environment = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", "summary.md"),
        ("GITHUB_WORKSPACE", root.as_str()),
    ];
    project.write("summary.md", "what another command said\n");
    let said = offline(&project, &environment).exits(1);
    let told: Vec<&str> = said.stderr.lines().filter(|line| is_command(line)).collect();
    assert_eq!(told.len(), 1, "{}", said.stderr);
    assert!(told[0].starts_with("::error file=golden/agent-run.toml,line=7,col="), "{}", told[0]);
    assert!(told[0].contains("farewell") && told[0].contains("(in 2 of 2)"), "{}", told[0]);
    assert!(!said.stdout.lines().any(is_command), "{}", said.stdout);
    let summary = project.read("summary.md");
    assert!(summary.starts_with("what another command said\n## goldwire check: deviates\n"), "{summary}");
    // The same recording twice, as one user: both are there.
    let xml = project.read("r/j/all.xml");
    assert_eq!(follows_the_schema(&xml), (2, 2));
    let named: Vec<&str> = xml.match_indices("<testcase name=\"").map(|(at, _)| &xml[at..at + 40]).collect();
    assert!(named.len() == 2 && named[0] != named[1], "{xml}");
}
