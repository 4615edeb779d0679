//! The pages that goldwire writes, in a real browser: they show what changed, are used by keyboard, ask nobody for
//! anything, and no text in them becomes markup.

use crate::page::Page;
use crate::support::{Project, Release};
use goldwire::transcript::{
    End, Ending, Frame, Header, Offset, Payload, Redactor, Side, Transcript, Writer, read,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A committed recording of our own server.
fn recorded() -> Transcript {
    let mut paths: Vec<PathBuf> = fs::read_dir("recordings/agent-run")
        .expect("recordings")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    read(&fs::read(&paths[0]).expect("a recording")[..]).expect("a recording")
}

/// Writes it into a project that has the committed golden.
fn write(project: &Project, name: &str, transcript: &Transcript) {
    let mut writer =
        Writer::new(Vec::new(), &transcript.header, Redactor::default()).expect("memory does not fail");
    transcript.frames.iter().for_each(|frame| writer.frame(frame).expect("memory does not fail"));
    let bytes = writer.end(&transcript.ending).expect("memory does not fail");
    project.write(name, &String::from_utf8(bytes).expect("JSON Lines"));
}

fn project() -> Project {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n");
    project.write_golden("agent-run", str::to_owned);
    project
}

/// Judges a recording of our own server after something was done to what it says, and opens the page.
fn opened(page: &mut Page, change: impl Fn(&str) -> String, scheme: &str) -> Project {
    let project = project();
    let mut transcript = recorded();
    for frame in &mut transcript.frames {
        if let Payload::Text(text) = &mut frame.payload {
            *text = change(text);
        }
    }
    write(&project, "run.jsonl", &transcript);
    project.run(&["check", "--offline", "run.jsonl", "--report-html", "out/page"]).exits(1);
    page.look_at(&project.path().join("out/page/index.html"), scheme);
    project
}

/// Where pictures are kept, below the target folder.
fn pictures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Makes a picture of the documentation anew, with `GOLDWIRE_PICTURES=update`.
fn show_in_docs(page: &mut Page, name: &str) {
    if std::env::var_os("GOLDWIRE_PICTURES").is_some_and(|value| value == "update") {
        page.picture(&Path::new("docs/pictures").join(name));
    }
}

#[test]
fn a_page_shows_what_changed_and_is_used_by_keyboard() {
    let mut page = Page::open();
    let renamed = |text: &str| text.replace("\"tool_executing\"", "\"tool_started\"");
    let _project = opened(&mut page, renamed, "light");
    assert_eq!(page.evaluate("document.querySelector('h1').className"), "bad");
    let cards = page.evaluate("[...document.querySelectorAll('.card h3')].map((card) => card.textContent)");
    assert_eq!(cards.as_array().map(Vec::len), Some(1), "each finding once: {cards}");
    assert!(cards[0].as_str().is_some_and(|says| says.contains("tool_executing is missing")), "{cards}");
    let row = page.evaluate("document.querySelector('tr.changed').innerText");
    assert!(
        row.as_str().is_some_and(|row| row.contains("tool_executing") && row.contains("tool_started")),
        "{row}"
    );
    page.picture(&pictures("report-light.png"));
    show_in_docs(&mut page, "check.png");

    // What is wrong is chosen from the beginning; the filter leaves nothing else.
    let chosen = "document.querySelector('[aria-selected=true]').innerText";
    assert!(page.evaluate(chosen).as_str().is_some_and(|row| row.contains("tool_started")));
    let count = "document.querySelectorAll('#frames [role=option]').length";
    let all = page.evaluate(count).as_u64().expect("a number");
    page.evaluate("document.getElementById('only-findings').focus()");
    page.press(&["Enter"]);
    assert_eq!(page.evaluate(count), 2, "of {all}");
    page.press(&["Enter"]);
    assert_eq!(page.evaluate(count), all);
    page.evaluate("[...document.querySelectorAll('button.name')].find((one) => one.innerText.startsWith('token')).click()");
    assert_eq!(page.evaluate(count), page.evaluate("framesOf(0).counts[framesOf(0).names.indexOf('token')]"));
    page.evaluate("[...document.querySelectorAll('button.name')].find((one) => one.innerText.startsWith('token')).click()");

    // The timeline goes from event to event, to the next finding, and zooms.
    page.evaluate("document.getElementById('timeline').focus()");
    page.press(&["Home"]);
    assert_eq!(page.evaluate("location.hash"), "#run=0&frame=0");
    page.press(&["ArrowRight"]);
    assert_eq!(page.evaluate("location.hash"), "#run=0&frame=1");
    assert!(
        page.evaluate("document.getElementById('said').textContent")
            .as_str()
            .is_some_and(|said| said.contains(">ask"))
    );
    page.press(&["n"]);
    assert!(page.evaluate(chosen).as_str().is_some_and(|row| row.contains("tool_started")));
    let width = "view.timeline.view.to - view.timeline.view.from";
    let full = page.evaluate(width).as_f64().expect("a number");
    page.press(&["+", "+"]);
    assert!((page.evaluate(width).as_f64().expect("a number") * 4.0 / full - 1.0).abs() < 1e-6);
    page.press(&["0"]);
    let whole = page.evaluate("view.timeline.full.to - view.timeline.full.from");
    assert_eq!(page.evaluate(width), whole, "all of it, with the time after the last event");

    // The list likewise; what is chosen is shown in full, with what the golden says of it.
    page.evaluate("document.getElementById('frames').focus()");
    // Both sides' close frames come last.
    page.press(&["End", "ArrowUp", "ArrowUp"]);
    let detail = page.evaluate("document.getElementById('detail').innerText");
    assert!(
        detail
            .as_str()
            .is_some_and(|text| text.contains("agent_completed") && text.contains("joins token/text")),
        "{detail}"
    );
    assert_eq!(page.troubles(), Vec::<Value>::new());
}

#[test]
fn old_and_new_stand_side_by_side_in_the_payload_in_light_and_in_dark() {
    let mut page = Page::open();
    let moved = |text: &str| match text.split_once("\"answer\":\"") {
        Some((before, rest)) => {
            let (answer, after) = rest.split_once('"').expect("a string ends");
            format!("{before}\"data\":{{\"answer\":\"{answer}\"}}{after}")
        }
        None => text.to_owned(),
    };
    for scheme in ["dark", "light"] {
        let _project = opened(&mut page, moved, scheme);
        let marked = "[...document.querySelectorAll('.line.added, .line.gone')].map((line) => line.innerText).join('\\n')";
        let marked = page.evaluate(marked);
        let marked = marked.as_str().expect("text");
        assert!(marked.contains("was /answer") && marked.contains("moved to /data/answer"), "{marked}");
        let paper = page.evaluate("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper == "rgb(253, 253, 252)", scheme == "light", "{paper}");
        page.picture(&pictures(&format!("report-moved-{scheme}.png")));
        assert_eq!(page.troubles(), Vec::<Value>::new());
    }
}

#[test]
fn names_and_payloads_of_a_hostile_server_are_text() {
    let mut page = Page::open();
    let name = "</script><img src=x onerror=document.title=1>\u{2028}<!--";
    let hostile = |text: &str| match text.contains("\"agent_thinking\"") {
        true => json!({ "type": name, name: name, "text": "<script>document.title=2</script>" }).to_string(),
        false => text.to_owned(),
    };
    let _project = opened(&mut page, hostile, "light");
    let text = page.evaluate("document.querySelector('main').textContent");
    // A character that ends a line is shown by its number.
    let shown = name.replace('\u{2028}', "\\u2028");
    assert!(text.as_str().is_some_and(|text| text.contains(&shown)), "{text}");
    assert_eq!(page.evaluate("document.querySelectorAll('img, main script, #detail script').length"), 0);
    assert!(page.evaluate("document.title").as_str().is_some_and(|title| title.starts_with("deviates")));
    // And if something became markup after all, the page's own policy would not let it run.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=3\">')",
    );
    assert!(page.evaluate("document.title").as_str().is_some_and(|title| title.starts_with("deviates")));
    assert!(
        page.troubles().iter().any(|one| one.to_string().contains("Content Security Policy")),
        "the policy says what it refused"
    );
}

#[test]
fn a_comparison_draws_its_distributions_and_a_probe_leads_to_the_frame_that_shows_it() {
    let project = Project::with_server(&[]);
    project.write_golden("agent-run", str::to_owned);
    let (old, moved) = (Release::start(""), Release::start("moved-field"));
    let (old, moved) = (old.url(), moved.url());
    let compare = ["compare", "--baseline", &old, "--candidate", &moved, "--pairs", "2", "--users", "1"];
    project.run(&[&compare[..], &["--report-html", "compared"]].concat()).exits(1);
    let mut page = Page::open();
    page.look_at(&project.path().join("compared/index.html"), "light");
    let text = page.evaluate("document.querySelector('.card').innerText");
    assert!(text.as_str().is_some_and(|text| text.contains("only the candidate")), "{text}");
    let drawn = "[...document.querySelectorAll('svg.histograms')].every((svg) => svg.querySelector('rect.baseline') && svg.querySelector('rect.candidate'))";
    assert_eq!(page.evaluate(drawn), true);
    // Which gaps are long enough to be compared is the machine's business.
    let compared = "JSON.parse(document.getElementById('report').textContent).comparison.timing.classes.filter((one) => one.event !== null).length";
    let compared = page.evaluate(compared);
    assert!(compared.as_u64().is_some_and(|many| many > 0), "{compared}");
    assert_eq!(page.evaluate("document.querySelectorAll('svg.histograms').length"), compared);
    page.picture(&pictures("report-compare.png"));
    show_in_docs(&mut page, "compare.png");
    assert_eq!(page.troubles(), Vec::<Value>::new());

    let probe = ["probe", "auth", "--report-html", "probed"];
    project.run_with(&probe, &[("AGENT_SERVER_REGRESS", "alg-none")]).exits(1);
    page.look_at(&project.path().join("probed/index.html"), "light");
    assert!(
        page.evaluate("document.querySelectorAll('.square').length").as_u64().is_some_and(|cells| cells > 20)
    );
    page.evaluate("document.querySelector('a.square.bad').click()");
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let detail = page.evaluate("document.getElementById('detail').innerText");
    assert!(detail.as_str().is_some_and(|text| text.contains("was accepted")), "{detail}");
    page.evaluate("scrollTo(0, 0)");
    page.picture(&pictures("report-probe.png"));
    show_in_docs(&mut page, "probe.png");
    assert_eq!(page.troubles(), Vec::<Value>::new());
}

const LONG: &str = r#"
goldwire = 1
order = "hello ; each k ( open ; part* ; done )* ; bye"
ends = "client 1000"
[event.open]
lane.k = "/k"
[event.part]
lane.k = "/k"
timing = { after = "open", usual = "2 ms", latest = "9 ms", fastest = "1 ms", slowest = "6 ms", spread = 0.3, samples = 90, runs = 30 }
[event.done]
lane.k = "/k"
"#;

/// So many frames in lanes of four, eight of which are open at a time.
fn long(frames: usize) -> Transcript {
    let text = |number: usize| {
        let (group, step) = (number / 32, number % 32);
        let kind = ["open", "part", "part", "done"][step / 8];
        let note = "what a server says that has something to say, again and again";
        json!({ "type": kind, "k": format!("k{}", group * 8 + step % 8), "text": note, "n": number })
            .to_string()
    };
    let frame = |number: usize| {
        let at = Offset::from_nanos(1_000_000 * (number as u64 + 1));
        Frame::new(at, Side::Server, Payload::Text(text(number)))
    };
    let at = Offset::from_nanos(1_000_000 * (frames as u64 + 1));
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    Transcript {
        header: Header { session: "long".to_owned(), user: "u1".to_owned(), ..Header::default() },
        frames: (0..frames).map(frame).collect(),
        ending: Ending { at, how, host: None },
    }
}

#[test]
fn of_a_hundred_thousand_events_only_what_can_be_seen_is_drawn() {
    let project = project();
    project.write("golden/long.toml", LONG);
    write(&project, "long.jsonl", &long(100_000));
    project.run(&["show", "long.jsonl", "--html", "long.html"]).exits(0);
    let mut page = Page::open();
    page.look_at(&project.path().join("long.html"), "light");
    // The page notes when it was drawn, in milliseconds since it was asked for.
    let ready = "new Promise((done) => { const look = () => document.documentElement.dataset.ready ? done(Number(document.documentElement.dataset.ready)) : requestAnimationFrame(look); look(); })";
    let ready = page.evaluate(ready).as_f64().expect("a time");
    // How long that takes is the machine's affair; what it takes is not: no element for each event.
    println!("100000 events are drawn after {ready} ms");
    let elements = page.evaluate("document.getElementsByTagName('*').length");
    assert!(elements.as_u64().is_some_and(|elements| elements < 5_000), "{elements}");
    assert_eq!(page.evaluate("view.data.count"), 100_000);
    // Only what can be seen is there, at the end as at the beginning, and at every step between them.
    page.evaluate("document.getElementById('frames').focus()");
    page.press(&["End"]);
    assert_eq!(page.evaluate("document.querySelector('[aria-selected=true]').dataset.frame"), "99999");
    let rows = page.evaluate("document.querySelectorAll('#frames [role=option]').length");
    assert!(rows.as_u64().is_some_and(|rows| (10..80).contains(&rows)), "{rows}");
    let most = page.evaluate(
        "new Promise((done) => { const list = document.getElementById('frames'); let [most, step] = [0, 0];\
         const scroll = () => { list.scrollTop = step * 20011 % list.scrollHeight;\
         view.list.draw(); view.timeline.paint();\
         most = Math.max(most, document.querySelectorAll('#frames [role=option]').length);\
         (step += 1) < 100 ? requestAnimationFrame(scroll) : done(most); }; scroll(); })",
    );
    assert!(most.as_u64().is_some_and(|rows| (10..80).contains(&rows)), "{most}");
    page.picture(&pictures("report-long.png"));
    assert_eq!(page.troubles(), Vec::<Value>::new());
}
