//! The references say what the program does: every key, every kind of finding, every exit code; their orders are read
//! and judged, their tutorial is typed in, and what they link to is there.

use crate::support::{Project, Release};
use goldwire::check::check;
use goldwire::finding::Kind;
use goldwire::golden;
use goldwire::transcript::{End, Ending, Frame, Header, Offset, Payload, Side, Transcript};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new("docs").join(name)).expect("a page")
}

/// The fenced blocks of a page, each with what stands behind its fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The first cells of the tables whose first column is headed so, each with the title above it.
fn cells<'p>(page: &'p str, head: &str) -> Vec<(&'p str, &'p str)> {
    let (mut title, mut inside, mut cells) = ("", false, Vec::new());
    for line in page.lines() {
        if line.starts_with('#') {
            title = line;
        }
        let first = line.strip_prefix('|').and_then(|rest| rest.split('|').next()).map(str::trim);
        match first {
            None => inside = false,
            Some(cell) if cell == head => inside = true,
            Some(cell) if inside && !cell.starts_with("---") => cells.push((title, cell)),
            Some(_) => {}
        }
    }
    cells
}

/// The keys that a reference explains, as paths; its titles name the tables, several of one kind at once.
fn explained(page: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (title, cell) in cells(page, "key") {
        let key = quoted(cell)[0];
        let tables: Vec<&str> = quoted(title)
            .into_iter()
            // A list of tables has a section as one has.
            .filter_map(|table| Some(table.strip_prefix('[')?.strip_suffix(']')?.trim_matches(['[', ']'])))
            .collect();
        match &tables[..] {
            [] => assert!(keys.insert(key.to_owned()), "{key} is explained twice"),
            tables => tables.iter().for_each(|table| {
                assert!(keys.insert(format!("{table}.{key}")), "{table}.{key} is explained twice");
            }),
        }
    }
    keys
}

/// The keys of a schema, as paths; a table whose keys are the user's has `NAME` in their place.
fn keys(schema: &Value, at: &str, out: &mut BTreeSet<String>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    if let Some(properties) = schema["properties"].as_object() {
        for (name, value) in properties {
            // Only tables with keys of their own have a section of their own.
            let mut inner = BTreeSet::new();
            keys(value, &below(name), &mut inner);
            if inner.is_empty() || !at.is_empty() {
                out.insert(below(name));
            }
            out.extend(inner);
        }
    }
    if schema["additionalProperties"].get("properties").is_some() {
        keys(&schema["additionalProperties"], &below("NAME"), out);
    }
    let parts = schema["anyOf"].as_array().into_iter().flatten().chain(schema.get("items"));
    parts.for_each(|part| keys(part, at, out));
}

#[test]
fn every_key_of_a_file_is_explained_and_none_that_it_has_not() {
    for (name, reference) in [("golden", "GOLDEN.md"), ("config", "CONFIG.md")] {
        let said = Project::new().run(&["schema", name]).exits(0);
        let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let mut known = BTreeSet::new();
        keys(&schema, "", &mut known);
        let explained = explained(&page(reference));
        let missing: Vec<&String> = known.difference(&explained).collect();
        let extra: Vec<&String> = explained.difference(&known).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{reference} lacks {missing:#?}, has {extra:#?}");
    }
}

#[test]
fn every_key_of_the_configuration_that_is_explained_is_read_and_the_other_way_round() {
    let explained = explained(&page("CONFIG.md"));
    let project = Project::new();
    for (start, table, unknown) in [
        ("", "", "qqqqqqqqqqqq"),
        ("[check]\n", "check.", "check.qqqqqqqqqqqq"),
        ("[host]\n", "host.", "host.qqqqqqqqqqqq"),
        ("[record]\n", "record.", "record.qqqqqqqqqqqq"),
        ("[target.a]\nurl = 'ws://a'\n", "target.NAME.", "target.a.qqqqqqqqqqqq"),
        (
            "[target.a]\nurl = 'ws://a'\n[target.a.server]\ncommand = 'a'\n",
            "target.NAME.server.",
            "target.a.server.qqqqqqqqqqqq",
        ),
        (
            "[auth.a]\nlogin = { url = '/' }\nregister = { url = '/', qqqqqqqqqqqq = 1 }\n[auth.a.b]\n",
            "auth.NAME.register.",
            "auth.a.register.qqqqqqqqqqqq",
        ),
        ("[auth.a.login]\nurl = '/'\ntoken = ''\n", "auth.NAME.login.", "auth.a.login.qqqqqqqqqqqq"),
        (
            "[auth.a]\nlogin = { url = '/', token = '' }\n[auth.a.refresh]\nurl = '/'\ntoken = ''\n",
            "auth.NAME.refresh.",
            "auth.a.refresh.qqqqqqqqqqqq",
        ),
        (
            "[probe.cancel]\nafter = 'a'\nsend = 'b'\nuntil = 'c'\n",
            "probe.cancel.",
            "probe.cancel.qqqqqqqqqqqq",
        ),
        ("[probe]\n", "probe.", "probe.qqqqqqqqqqqq"),
        ("[probe.auth]\n", "probe.auth.", "probe.auth.qqqqqqqqqqqq"),
        ("[redact]\n", "redact.", "redact.qqqqqqqqqqqq"),
        ("[scan]\n", "scan.", "scan.qqqqqqqqqqqq"),
    ] {
        project.write("goldwire.toml", &format!("goldwire = 1\n{start}qqqqqqqqqqqq = 1\n"));
        let said = project.run(&["pending"]).exits(2).stderr;
        let after = said.split(&format!("unknown key `{unknown}`")).nth(1).expect(&said);
        let list = after.split("known here: ").nth(1).and_then(|rest| rest.lines().next()).expect(&said);
        let read: BTreeSet<&str> = list.split(", ").collect();
        let of_table = |key: &'_ String| -> Option<String> {
            let rest = key.strip_prefix(table)?;
            // At the top a table is known by its name alone.
            let name = rest.split('.').next().unwrap_or(rest);
            (table.is_empty() || name == rest).then(|| name.to_owned())
        };
        let told: BTreeSet<String> = explained.iter().filter_map(of_table).collect();
        assert_eq!(told.iter().map(String::as_str).collect::<BTreeSet<_>>(), read, "[{table}]");
    }
    // A login takes all that one of the other kinds would; each kind reads its own.
    for (kind, needed) in
        [("login", "login = { url = '/', token = '' }"), ("mint", "secret_env = 'A'"), ("token", "env = 'A'")]
    {
        for place in ["header", "query", "cookie", "subprotocol", "message"] {
            let message = if place == "message" { "message = '{{token}}'" } else { "" };
            let text = format!(
                "goldwire = 1\n[auth.a]\nkind = '{kind}'\nplace = '{place}'\n{needed}\n{message}\nqqqqqqqqqqqq = 1\n"
            );
            project.write("goldwire.toml", &text);
            let said = project.run(&["pending"]).exits(2).stderr;
            let list = said.split("known here: ").nth(1).and_then(|rest| rest.lines().next()).expect(&said);
            for key in list.split(", ") {
                assert!(explained.contains(&format!("auth.NAME.{key}")), "{kind}, {place}: {key}");
            }
        }
    }
}

#[test]
fn every_kind_of_finding_is_explained_with_its_family_and_every_exit_code() {
    let text = page("VERDICTS.md");
    let told: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        })
        .collect();
    let known: Vec<(&str, &str)> = Kind::ALL.iter().map(|kind| (kind.name(), kind.family())).collect();
    let sorted = |mut list: Vec<(&str, &str)>| {
        list.sort_unstable();
        list.iter().map(|(kind, family)| format!("{kind} {family}")).collect::<Vec<_>>()
    };
    assert_eq!(sorted(told), sorted(known));

    // The help of the command is the list of codes.
    let help = Project::new().run(&["--help"]).exits(0).stdout;
    let codes = help.split("Exit codes:").nth(1).expect("a list").replace('·', " ");
    let numbers = |text: &str| -> BTreeSet<u32> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    };
    let told: String = cells(&text, "exit").iter().map(|(_, cell)| format!("{cell} ")).collect();
    assert_eq!(numbers(&told), numbers(&codes));
}

/// A session of these events: `>ask`, `token`, or `tool_executing:a` in the lane `a`.
fn session(words: &str, keys: &BTreeSet<&str>) -> Transcript {
    let at = |index: usize| Offset::from_nanos(20_000_000 * (index as u64 + 1));
    let frames: Vec<Frame> = words
        .split_whitespace()
        .enumerate()
        .map(|(index, word)| {
            let (name, lane) = word.split_once(':').unwrap_or((word, ""));
            let side = if name.starts_with('>') { Side::Client } else { Side::Server };
            let mut message = json!({ "type": name.trim_start_matches('>') });
            for key in keys.iter().filter(|_| !lane.is_empty()) {
                message[*key] = lane.into();
            }
            Frame::new(at(index), side, Payload::Text(message.to_string()))
        })
        .collect();
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    let ending = Ending { at: at(frames.len()), how, host: None };
    Transcript { header: Header::default(), frames, ending }
}

/// A golden that knows nothing but this order.
fn golden_of(text: &str) -> golden::Golden {
    let order = golden::parse_order(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let sends = order.labels().into_iter().filter(|label| label.is_client()).map(|label| {
        let name = label.name();
        format!("[event.\"{name}\"]\nsend = {{ type = \"{name}\" }}\n")
    });
    let text = format!("goldwire = 1\norder = '''{text}'''\n{}", sends.collect::<String>());
    golden::read("example.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_orders_of_the_reference_mean_what_it_says() {
    let (mut orders, mut wrong, mut sessions) = (0, Vec::new(), 0);
    let mut golden = None;
    for (language, text) in blocks(&page("ORDER.md")) {
        match language.as_str() {
            "order" => {
                golden = Some(golden_of(&text));
                orders += 1;
            }
            "runs" => {
                let golden = golden.as_ref().expect("an order stands above");
                for line in text.lines() {
                    let (events, told) = line.split_once(" : ").expect(line);
                    let findings = check(golden, &session(events, &golden.order.keys())).findings;
                    let said: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
                    let said = if said.is_empty() { "conforms".to_owned() } else { said.join(" · ") };
                    if said != told.trim() {
                        wrong.push(format!("{} : {said}", events.trim_end()));
                    }
                    sessions += 1;
                }
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "the checker says:\n{}", wrong.join("\n"));
    assert!(orders >= 7 && sessions >= 17, "{orders} orders, {sessions} sessions");
    // Every sign of the table is in an order that is read.
    for sign in cells(&page("ORDER.md"), "write").into_iter().flat_map(|(_, cell)| quoted(cell)) {
        if !sign.contains('…') && !sign.contains("KEY") {
            golden::parse_order(&sign.replace('\\', ""))
                .unwrap_or_else(|errors| panic!("{sign}: {errors:?}"));
        }
    }
}

/// Words of a shell line; double quotes hold blanks together.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        })
        .collect()
}

/// A line without what differs from run to run: numbers, with their units, ids, and how much blank there is.
fn plain(line: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let is_unit = ["us", "ms", "s"].contains(&word.trim_end_matches([',', ';']));
        match (out.last(), word.contains(|c: char| c.is_ascii_digit())) {
            (Some(&"#"), _) if is_unit => {}
            (_, true) => out.push("#"),
            (_, false) => out.push(word),
        }
    }
    out.join(" ")
}

/// Whether the output has the lines that are shown, in their order; `…` is anything.
fn shows(output: &str, shown: &str) -> Result<(), String> {
    let mut rest = output.lines();
    for line in shown.lines().map(str::trim).filter(|line| !["…", ""].contains(line)) {
        let found = rest.any(|said| match line.split_once('…') {
            Some((start, end)) => {
                said.trim().starts_with(start.trim_end()) && said.ends_with(end.trim_start())
            }
            None => plain(said) == plain(line),
        });
        if !found {
            return Err(format!("not said, or not there: {line}\nin\n{output}"));
        }
    }
    Ok(())
}

#[test]
fn the_tutorial_does_what_it_says() {
    let (server, broken) = (Release::start(""), Release::start("unpaired-tool"));
    let address =
        |release: &Release| release.url().trim_start_matches("ws://").trim_end_matches("/ws").to_owned();
    let project = Project::new();
    let (mut output, mut ran) = (String::new(), 0);
    for (language, text) in blocks(&page("TUTORIAL.md")) {
        let (language, code) = language.split_once(" exit=").unwrap_or((&language, "0"));
        match language {
            "sh" => {
                output.clear();
                for line in text.lines() {
                    let line = line
                        .replace("127.0.0.1:8000", &address(&server))
                        .replace("127.0.0.1:8001", &address(&broken));
                    let words = words(&line);
                    assert_eq!(words[0], "goldwire", "{line}");
                    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
                    let said = project.run(&arguments).exits(code.parse().expect("a number"));
                    output.push_str(&said.stdout);
                    output.push_str(&said.stderr);
                    ran += 1;
                }
            }
            // What shows a command to start a server is none of the output.
            "text" if !text.contains("cargo run") => {
                shows(&output, &text).unwrap_or_else(|why| panic!("{why}"))
            }
            "toml" if text.starts_with("goldwire = 1") => project.write("chat.toml", &text),
            "toml" => {
                let config = project.read("goldwire.toml");
                assert!(config.contains("# auth = \"user\""), "{config}");
                let config = config.replace("# auth = \"user\"", "auth = \"user\"");
                project.write("goldwire.toml", &format!("{config}\n{text}"));
            }
            _ => {}
        }
    }
    assert_eq!(ran, 8);
}

#[test]
fn every_page_and_section_that_is_linked_is_there_and_the_readme_leads_to_all_pages() {
    let mut pages: Vec<PathBuf> = fs::read_dir("docs")
        .expect("docs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    let names: Vec<String> =
        pages.iter().map(|page| page.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    pages.extend(["README.md".into(), "CONTRIBUTING.md".into()]);
    let anchors = |text: &str| -> BTreeSet<String> {
        let slug = |title: &str| -> String {
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
        };
        text.lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| slug(line.trim_start_matches('#')))
            .collect()
    };
    for page in &pages {
        let text = fs::read_to_string(page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") || link.contains(char::is_whitespace) {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = page.parent().expect("a folder");
            let path = if file.is_empty() { page.clone() } else { folder.join(file) };
            assert!(path.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&path).expect("a page");
                assert!(anchors(&text).contains(anchor), "{}: {link}", page.display());
            }
        }
    }
    let readme = fs::read_to_string("README.md").expect("the README");
    for name in names {
        assert!(readme.contains(&format!("docs/{name}")), "the README does not lead to docs/{name}");
    }
}

#[test]
fn pictures_are_small_enough_to_be_kept() {
    for picture in fs::read_dir("docs/pictures").expect("pictures").flatten() {
        let size = picture.metadata().expect("a file").len();
        assert!(size < 200_000, "{}: {size} bytes", picture.path().display());
    }
}
