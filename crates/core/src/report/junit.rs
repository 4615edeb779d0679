//! JUnit XML for Jenkins, GitLab, Azure and many others: one suite per session, one case per user and round.
//!
//! ```xml
//! <testsuites name="goldwire check" tests="2" failures="1" errors="0" time="0.845">
//!   <testsuite name="agent-run" tests="2" failures="1" errors="0" skipped="0" time="0.845">
//!     <testcase name="u1, round 1" classname="agent-run" time="0.422">
//!       <failure type="order/missing" message="tool_completed is missing in lane call_id=call_1">…</failure>
//!     </testcase>
//!     <testcase name="u2, round 1" classname="agent-run" time="0.423"/>
//!   </testsuite>
//! </testsuites>
//! ```
//!
//! Deviations are one `<failure>` per case, a run that could not be judged is an `<error>`, and a question that was
//! not asked is `<skipped>`; suspects are in `<system-out>`. Each `<testsuite>` follows Surefire's schema
//! (`apache/maven-surefire: surefire-test-report.xsd`) in attributes and order of elements; the whole follows
//! Jenkins' (`jenkinsci/xunit-plugin: junit-10.xsd`). Characters that XML 1.0 does not allow (most control
//! characters) become U+FFFD.

use super::sheet::{Case, Note, Sheet, Status, Suite, Weight};
use crate::transcript::{Gap, visible_lines};
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes the sheet. `took` is the duration of the command.
///
/// # Errors
/// The errors of `out`.
pub fn junit(out: &mut impl Write, sheet: &Sheet, took: Gap) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: usize = sheet.suites.iter().map(|suite| suite.cases.len()).sum();
    let mut attributes = counts(
        &format!("goldwire {}", sheet.command),
        all + usize::from(sheet.unfinished.is_some()),
        |status| sheet.count(status),
        took,
    );
    // In Jenkins' schema, only suites have it.
    attributes.retain(|(key, _)| *key != "skipped");
    element(&mut xml, "testsuites", &attributes, |xml| {
        if let Some(note) = &sheet.unfinished {
            let whole = Case {
                name: sheet.command.to_owned(),
                sort: String::new(),
                said: String::new(),
                status: Status::Error,
                took,
                notes: vec![note.clone()],
            };
            write_suite(xml, &Suite { name: "goldwire".to_owned(), cases: vec![whole] })?;
        }
        sheet.suites.iter().try_for_each(|suite| write_suite(xml, suite))
    })?;
    writeln!(out)
}

type Attributes = Vec<(&'static str, String)>;

fn counts(name: &str, tests: usize, count: impl Fn(Status) -> usize, took: Gap) -> Attributes {
    vec![
        ("name", name.to_owned()),
        ("tests", tests.to_string()),
        ("failures", count(Status::Failed).to_string()),
        ("errors", count(Status::Error).to_string()),
        ("skipped", count(Status::Skipped).to_string()),
        ("time", seconds(took)),
    ]
}

/// Seconds with three decimals, the most that Surefire allows.
fn seconds(gap: Gap) -> String {
    let millis = (gap.as_nanos() + 500_000) / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn write_suite<W: Write>(xml: &mut Writer<W>, suite: &Suite) -> io::Result<()> {
    let took = suite.cases.iter().fold(0u64, |sum, case| sum.saturating_add(case.took.as_nanos()));
    let attributes =
        counts(&suite.name, suite.cases.len(), |status| suite.count(status), Gap::from_nanos(took));
    element(xml, "testsuite", &attributes, |xml| {
        suite.cases.iter().try_for_each(|case| write_case(xml, suite, case))
    })
}

fn write_case<W: Write>(xml: &mut Writer<W>, suite: &Suite, case: &Case) -> io::Result<()> {
    let attributes =
        vec![("name", case.name.clone()), ("classname", suite.name.clone()), ("time", seconds(case.took))];
    // If drift fails, a suspect is a failure.
    let fails = |note: &&Note| match note.weight {
        Weight::Deviation => true,
        Weight::Suspect => {
            case.status == Status::Failed && case.notes.iter().all(|n| n.weight == Weight::Suspect)
        }
        Weight::Unjudged | Weight::NotAsked => false,
    };
    let (failures, others): (Vec<&Note>, Vec<&Note>) = case.notes.iter().partition(fails);
    let of = |weight| others.iter().copied().filter(move |note| note.weight == weight).collect::<Vec<_>>();
    element(xml, "testcase", &attributes, |xml| {
        write_notes(xml, "failure", &failures)?;
        write_notes(xml, "skipped", &of(Weight::NotAsked))?;
        write_notes(xml, "error", &of(Weight::Unjudged))?;
        let suspects = of(Weight::Suspect);
        if suspects.is_empty() && case.said.is_empty() {
            return Ok(());
        }
        let said = (!case.said.is_empty()).then(|| case.said.clone());
        let suspects = suspects.into_iter().map(|note| format!("suspect: {}", prose(note)));
        let text: Vec<String> = said.into_iter().chain(suspects).collect();
        element(xml, "system-out", &Vec::new(), |xml| write_text(xml, &text.join("\n\n")))
    })
}

/// All of a case's notes of one weight in one element: more than one is more than most readers show.
fn write_notes<W: Write>(xml: &mut Writer<W>, name: &'static str, notes: &[&Note]) -> io::Result<()> {
    let Some((first, rest)) = notes.split_first() else { return Ok(()) };
    let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
    let mut attributes = vec![("message", format!("{}{more}", first.headline))];
    // Surefire's schema has no type for skipped cases.
    if name != "skipped" {
        attributes.push(("type", first.sort.clone()));
    }
    let text: Vec<String> = notes.iter().map(|note| prose(note)).collect();
    element(xml, name, &attributes, |xml| write_text(xml, &text.join("\n\n")))
}

/// A note as lines of text.
pub(super) fn prose(note: &Note) -> String {
    let mut text = format!("{}: {}", note.sort, note.headline);
    if let Some((path, place)) = &note.place {
        let place = place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
        text.push_str(&format!("\n  {path}{place}"));
    }
    for (label, detail) in &note.details {
        text.push_str(&format!("\n  {label}: {}", detail.replace('\n', "\n    ")));
    }
    text
}

fn element<W: Write>(
    xml: &mut Writer<W>,
    name: &'static str,
    attributes: &Attributes,
    inner: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
) -> io::Result<()> {
    let mut element = xml.create_element(name);
    for (key, value) in attributes {
        element = element.with_attribute((*key, Cow::Owned(possible(value))));
    }
    element.write_inner_content(inner).map(|_| ())
}

fn write_text<W: Write>(xml: &mut Writer<W>, text: &str) -> io::Result<()> {
    xml.write_event(Event::Text(BytesText::from_escaped(escape(text))))
}

/// "Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"
/// (<https://www.w3.org/TR/xml/#charsets>).
fn possible(text: &str) -> String {
    let allowed = |c: char| match c {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    visible_lines(text).chars().map(allowed).collect()
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(possible(text).as_str()).into_owned()
}
