//! The public surface of the library is a page: `docs/API.md` lists every item of `goldwire::…`, by what the source exports.
//!
//! `GOLDWIRE_API=update cargo test --test it api` writes the page. A change of the page affects users of the library: read the
//! diff, and describe it in the CHANGELOG.

use regex::Regex;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A public item of a module.
struct Item {
    name: String,
    kind: String,
    /// The first sentence of its documentation.
    about: String,
}

/// The names of `pub use file::{a, b as c};`, as others see them, each with the name and the file that it is defined by.
fn exported(list: &str) -> Vec<(String, String, String)> {
    let inner = list.rsplit_once('{').map_or(list, |(_, inner)| inner.trim_end_matches('}'));
    let file = list.split("::").next().unwrap_or_default().to_owned();
    let name = |item: &str| {
        let last = |path: &str| path.trim().rsplit("::").next().unwrap_or_default().to_owned();
        match item.split_once(" as ") {
            Some((own, shown)) => (shown.trim().to_owned(), last(own), file.clone()),
            None => (last(item), last(item), file.clone()),
        }
    };
    inner.split(',').map(str::trim).filter(|item| !item.is_empty()).map(name).collect()
}

/// The file that is the door of a module.
fn door(source: &str, module: &str) -> PathBuf {
    let folder = Path::new(source).join(module);
    if folder.is_dir() { folder.join("mod.rs") } else { folder.with_extension("rs") }
}

fn add(folder: &Path, out: &mut Vec<String>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The door of a module, then all source files at and below it.
fn texts(door: &Path) -> Vec<String> {
    let mut out = vec![fs::read_to_string(door).expect("a door")];
    if door.ends_with("mod.rs") {
        add(door.parent().expect("a folder"), &mut out);
    }
    out
}

/// A text whose links, which lead through the source, are words.
fn plain(text: &str) -> String {
    let link = Regex::new(r"\[([^\]]+)\](?:\([^)]*\))?").expect("a pattern");
    let word = |found: &regex::Captures<'_>| {
        let is_link = found[0].ends_with(')') || found[1].starts_with('`');
        if is_link { found[1].to_owned() } else { found[0].to_owned() }
    };
    link.replace_all(text, word).into_owned()
}

/// The first sentence of the comment that ends right before `at`.
fn about(text: &str, at: usize, mark: &str) -> String {
    let above: Vec<&str> = text[..at].lines().collect();
    let is_part = |line: &&&str| line.starts_with(mark) || line.starts_with("#[") || line.starts_with(')');
    let comment: Vec<&str> = above.iter().rev().take_while(is_part).copied().collect();
    let lines = comment.iter().rev().filter_map(|line| line.strip_prefix(mark)).map(str::trim);
    let paragraph: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let paragraph = plain(&paragraph.join(" "));
    paragraph.split_once(". ").map_or(paragraph.clone(), |(first, _)| format!("{first}."))
}

/// What a module shows, by name.
fn items(source: &str, module: &str) -> Vec<Item> {
    let door = door(source, module);
    let texts = texts(&door);
    let uses = Regex::new(r"(?m)^pub use ([^;]+);").expect("a pattern");
    let own = Regex::new(r"(?m)^pub (?:const |async )*(fn|struct|enum|const|type|trait|mod) (\w+)")
        .expect("a pattern");
    let mut names: Vec<(String, String, String)> = uses
        .captures_iter(&texts[0])
        .flat_map(|found| exported(&found[1].replace('\n', " ")))
        .chain(
            own.captures_iter(&texts[0])
                .map(|found| (found[2].to_owned(), found[2].to_owned(), String::new())),
        )
        .collect();
    names.sort();
    names.dedup();
    let constant = Regex::new(r"(?m)^pub const (\w+):").expect("a pattern");
    // A re-export of another room is defined there.
    let elsewhere = all_texts(source);
    let item = |(name, defined, file): (String, String, String)| {
        let near = if file.is_empty() || !door.ends_with("mod.rs") {
            Vec::new()
        } else {
            near(&door.with_file_name(&file))
        };
        let found = near.iter().chain(&texts).chain(&elsewhere).find_map(|text| {
            let found = own.captures_iter(text).find(|found| found[2] == defined);
            let place = found.map(|found| (found[1].to_owned(), found.get(0).expect("it matched").start()));
            let number = || {
                let found = constant.captures_iter(text).find(|found| found[1] == defined)?;
                Some(("const".to_owned(), found.get(0)?.start()))
            };
            let (kind, at) = place.or_else(number)?;
            Some((kind, about(text, at, "///")))
        });
        let (kind, about) = found.unwrap_or_else(|| panic!("{module}::{name} is defined nowhere"));
        Item { name, kind, about }
    };
    names.into_iter().map(item).collect()
}

/// The source of one file or folder of a module.
fn near(path: &Path) -> Vec<String> {
    let mut out = Vec::new();
    if path.is_dir() {
        add(path, &mut out);
    } else {
        out.extend(fs::read_to_string(path.with_extension("rs")));
    }
    out
}

/// All source files of a crate.
fn all_texts(source: &str) -> Vec<String> {
    let mut out = Vec::new();
    add(Path::new(source), &mut out);
    out
}

/// The page as the source wants it.
fn page() -> String {
    let mut page = "# The public surface\n\n\
        The public items of `goldwire::…` by module; run `cargo doc --open` for all details. The crates `goldwire-core` and `goldwire-runner`\n\
        have further public items, which change more often: only the items on this page are stable.\n"
        .to_owned();
    let face = fs::read_to_string("src/lib.rs").expect("the face");
    let uses = Regex::new(r"pub use goldwire_(core|runner)::([^;]+);").expect("a pattern");
    for found in uses.captures_iter(&face) {
        let source = format!("crates/{}/src", &found[1]);
        for (module, ..) in exported(&found[2].replace('\n', " ")) {
            let text = fs::read_to_string(door(&source, &module)).expect("a door");
            let end =
                text.lines().take_while(|line| line.starts_with("//!")).map(|line| line.len() + 1).sum();
            let lines: Vec<&str> = text[..end].lines().map(|line| line[3..].trim()).collect();
            let first: Vec<&str> = lines.into_iter().take_while(|line| !line.is_empty()).collect();
            let _ = writeln!(page, "\n## `goldwire::{module}`\n\n{}\n", plain(&first.join(" ")));
            page.push_str("| item | kind | description |\n|---|---|---|\n");
            for Item { name, kind, about } in items(&source, &module) {
                let _ = writeln!(page, "| `{name}` | {kind} | {} |", about.replace('|', "\\|"));
            }
        }
    }
    page
}

#[test]
fn the_public_surface_is_the_one_of_its_page() {
    let path = Path::new("docs/API.md");
    let page = page();
    if std::env::var("GOLDWIRE_API").is_ok_and(|value| value == "update") {
        fs::write(path, &page).expect("the page");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    let diff = goldwire::diff::unified(&written, &page, "docs/API.md", "the source");
    assert!(written == page, "GOLDWIRE_API=update cargo test --test it api writes it:\n{diff}");
}
