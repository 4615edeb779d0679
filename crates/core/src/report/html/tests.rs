use super::page::Page;
use super::*;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Outcome, Place, Run, Severity, Unjudged};
use crate::transcript::{End, Ending, Frame, Header, Offset, Payload, Side, Transcript};
use serde_json::{Value, json};

/// The data of a page under a name, as a browser would read it: up to the first thing that ends its element.
fn data(page: &str, name: &str) -> Value {
    let start = format!("id=\"{name}\">");
    let from = page.find(&start).expect("the element") + start.len();
    let text = &page[from..from + page[from..].find("</script").expect("its end")];
    assert!(!text.contains('<') && !text.contains('\u{2028}'), "{text}");
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn data_cannot_end_its_element_and_reads_back_as_it_was() {
    let hostile = json!({
        "</script><script>alert(1)</script>": "<!-- <script> ]]> &amp; \u{2028}\u{2029} \u{0} \" \\ </SCRIPT\t",
    });
    let mut out = Vec::new();
    let mut page = Page::begin(&mut out).expect("memory");
    page.data("report", &hostile).expect("memory");
    page.end().expect("memory");
    let page = String::from_utf8(out).expect("UTF-8");
    assert_eq!(data(&page, "report"), hostile);
    assert_eq!(page.matches("</script>").count(), 2, "its own and that of the page's script");
    assert!(!page.contains('@') || !page.contains("@data@"), "every part has its place");
}

#[test]
fn a_page_names_nothing_outside_of_itself() {
    let mut out = Vec::new();
    unfinished_html(&mut out, "check").expect("memory");
    let page = String::from_utf8(out).expect("UTF-8");
    // The namespace of SVG is not fetched.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//cdn", "url(", "@import", " src=", "fetch(", "innerHTML", "eval("] {
        assert!(!page.contains(word), "{word}");
    }
    assert_eq!(data(&page, "report")["verdict"], "could not judge");
}

#[test]
fn a_recording_shows_every_frame_as_it_was() {
    let said = |at, side, payload| Frame::new(Offset::from_nanos(at), side, payload);
    let transcript = Transcript {
        header: Header { session: "</title>".to_owned(), ..Header::default() },
        frames: vec![
            said(1, Side::Client, Payload::Text(r#"{"type":"<b>"}"#.to_owned())),
            said(2, Side::Server, Payload::Ping(vec![1, 255])),
            said(3, Side::Server, Payload::Text("é".repeat(40_000))),
            said(4, Side::Server, Payload::Close { code: 1000, reason: "bye".to_owned() }),
        ],
        ending: Ending {
            at: Offset::from_nanos(4),
            how: End::Closed { by: Side::Server, code: 1000, reason: String::new() },
            host: None,
        },
    };
    let mut out = Vec::new();
    session_html(&mut out, None, &transcript, "r.jsonl").expect("memory");
    let page = String::from_utf8(out).expect("UTF-8");
    assert_eq!(data(&page, "report")["title"], "</title>");
    let run = data(&page, "run-0");
    assert_eq!((&run["sides"], &run["kinds"]), (&json!("><<<"), &json!("titc")));
    assert_eq!(run["names"], json!(["><b>", "text"]));
    assert_eq!((&run["text"][1], &run["text"][3]), (&json!("01ff"), &json!("1000 bye")));
    assert_eq!(run["text"][2].as_str().map(str::len), Some(64 * 1024), "the beginning of a long one");
    assert_eq!(run["size"][2], 80_000);
}

#[test]
fn what_could_not_be_judged_is_said_once_with_the_runs_that_it_stopped() {
    let why = Unjudged { cause: "connection refused".to_owned(), hint: None };
    let runs = ["u1", "u2"].map(|user| Run::unjudged("chat", user, 1, why.clone()));
    let mut out = Vec::new();
    html(&mut out, &Outcome { interrupted: true, ..Outcome::of(runs.to_vec()) }, |_| None).expect("memory");
    let report = data(&String::from_utf8(out).expect("UTF-8"), "report");
    assert_eq!(report["unjudged"], json!([{"cause": "connection refused", "hint": null, "runs": [0, 1]}]));
    assert_eq!((&report["interrupted"], &report["verdict"]), (&json!(true), &json!("could not judge")));
}

#[test]
fn what_several_runs_show_is_one_finding_that_leads_to_each_of_them() {
    let place = |frame| Place {
        event: Label::from("token"),
        lane: None,
        path: Some("/text".to_owned()),
        key: "event.token".to_owned(),
        golden_line: None,
        frames: vec![frame],
    };
    let run = |user: &str, frame, severity| Run {
        unjudged: None,
        findings: vec![Finding::new(Kind::FieldNew, severity, place(frame), "something is new")],
        ..Run::unjudged("chat", user, 1, Unjudged { cause: String::new(), hint: None })
    };
    let mut runs = vec![run("u1", 3, Severity::Suspect), run("u1", 7, Severity::Suspect)];
    runs[1].findings.push(Finding::new(Kind::Missing, Severity::Deviation, place(1), "something is missing"));
    let mut out = Vec::new();
    html(&mut out, &Outcome::of(runs), |_| None).expect("memory");
    let report = data(&String::from_utf8(out).expect("UTF-8"), "report");
    let labels: Vec<&Value> =
        report["runs"].as_array().expect("runs").iter().map(|run| &run["label"]).collect();
    assert_eq!(labels, ["u1", "u1 (2)"]);
    let found: Vec<(&Value, &Value)> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| (&one["finding"]["kind"], &one["shown_by"]))
        .collect();
    let first = json!([{ "run": 1, "frame": 1 }]);
    let second = json!([{ "run": 0, "frame": 3 }, { "run": 1, "frame": 7 }]);
    assert_eq!(
        found,
        [(&json!("missing"), &first), (&json!("field-new"), &second)],
        "what is sure comes first"
    );
}
