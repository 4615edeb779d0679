//! The rooms of each crate, in the order of its `lib.rs`: a room may use those above it, never one below. Files of a room form no
//! circles, and only the command line prints. That a crate uses only crates above it is the compiler's business.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The source of the core, of the runner, and of the command.
const CORE: &str = "crates/core/src";
const RUNNER: &str = "crates/runner/src";
const COMMAND: &str = "src";

/// The rooms of a crate, in the order in which its root declares them.
fn rooms(source: &str) -> Vec<String> {
    let root = if source == COMMAND { "main.rs" } else { "lib.rs" };
    let map = fs::read_to_string(Path::new(source).join(root)).expect("the map");
    let room = |line: &str| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    map.lines().filter_map(room).collect()
}

/// Every room of every crate, with the source that it stands in.
fn all_rooms() -> impl Iterator<Item = (&'static str, String)> {
    [CORE, RUNNER, COMMAND]
        .into_iter()
        .flat_map(|source| rooms(source).into_iter().map(move |room| (source, room)))
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// The files of a room, which is a folder or one file.
fn files_of(source: &str, room: &str) -> Vec<PathBuf> {
    let folder = Path::new(source).join(room);
    if !folder.is_dir() {
        return vec![folder.with_extension("rs")];
    }
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths
}

/// The rooms that a file names: `crate::golden::…`, `crate::{check, golden}`.
fn used(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let list =
            rest.strip_prefix('{').map_or(rest, |inner| &inner[..inner.find('}').unwrap_or(inner.len())]);
        let names: Vec<&str> = if rest.starts_with('{') { list.split(',').collect() } else { vec![rest] };
        for name in names {
            let name = name.trim();
            let end = name.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(name.len());
            used.push(name[..end].to_owned());
        }
    }
    used
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let mut wrong = Vec::new();
    for (source, least) in [(CORE, 12), (RUNNER, 10), (COMMAND, 1)] {
        let rooms = rooms(source);
        assert!(rooms.len() >= least, "{source} lists its rooms: {rooms:?}");
        for (own, room) in rooms.iter().enumerate() {
            for path in files_of(source, room) {
                let text = fs::read_to_string(&path).expect("a source file");
                for other in used(&text) {
                    if rooms.iter().position(|room| *room == other).is_some_and(|below| below > own) {
                        wrong.push(format!("{} uses {other}, which is below {room}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_reads_no_clock_no_file_no_environment_and_no_socket() {
    for room in rooms(CORE) {
        for path in files_of(CORE, &room) {
            let text = fs::read_to_string(&path).expect("a source file");
            for word in ["Instant::now", "SystemTime", "Utc::now", "std::fs", "std::env", "std::net", "tokio"]
            {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match (c, depth) {
            (',', 0) => parts.push(String::new()),
            _ => parts.last_mut().expect("there is one").push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths(part)).map(|path| format!("{}{path}", before.trim())).collect()
}

/// The code of a file as far as other files need it, without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The file or folder directly inside a room that each file belongs to, with what it names of the room: `super::name`.
fn named(source: &str, room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(source).join(room);
    let (uses, inline) = (
        Regex::new(r"\buse\s+([^;]+);").expect("a pattern"),
        Regex::new(r"(?:super::|crate::)+\w+(?:::\w+)*").expect("a pattern"),
    );
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut own = Vec::new();
    if folder.is_dir() {
        files(&folder, &mut own);
    }
    for path in own {
        let inside = path.strip_prefix(&folder).expect("it is in the folder").with_extension("");
        let mut module: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        module.pop_if(|last| *last == "mod");
        // Tests may use what is below them.
        if module.last() == Some(&"tests") {
            continue;
        }
        let Some(child) = module.first() else { continue };
        let names = named.entry((*child).to_owned()).or_default();
        let text = code(&path);
        let whole = uses.captures_iter(&text).flat_map(|found| paths(&found[1].replace('\n', " ")));
        let all = whole.chain(inline.find_iter(&text).map(|found| found.as_str().to_owned()));
        for path in all {
            let up = path.split("::").take_while(|part| *part == "super").count();
            let own = format!("crate::{room}::");
            let name = match path.strip_prefix(&own) {
                Some(rest) => rest.split("::").next(),
                None if up == module.len() => path.split("::").nth(up),
                None => None,
            };
            names.extend(name.map(str::to_owned));
        }
    }
    named
}

/// Circles of files in a room, e.g. `server: server_process, target`.
fn circles(source: &str, room: &str) -> BTreeSet<String> {
    let named = named(source, room);
    let door = Path::new(source).join(room).join("mod.rs");
    let uses = Regex::new(r"\buse\s+([^;]+);").expect("a pattern");
    let text = if door.exists() { code(&door) } else { String::new() };
    // The door of a room says in which of its files a name is.
    let exported: BTreeMap<String, String> = uses
        .captures_iter(&text)
        .flat_map(|found| paths(&found[1].replace('\n', " ")))
        .filter_map(|path| {
            let (first, last) = (path.split("::").next()?, path.rsplit("::").next()?);
            named.contains_key(first).then(|| (last.to_owned(), first.to_owned()))
        })
        .collect();
    let target = |name: &String| {
        if named.contains_key(name) { Some(name.clone()) } else { exported.get(name).cloned() }
    };
    let mut reached: BTreeMap<String, BTreeSet<String>> =
        named.iter().map(|(file, names)| (file.clone(), names.iter().filter_map(target).collect())).collect();
    loop {
        let before: usize = reached.values().map(BTreeSet::len).sum();
        for file in named.keys() {
            let further: BTreeSet<String> =
                reached[file].iter().flat_map(|next| reached[next].iter().cloned()).collect();
            reached.get_mut(file).expect("it is a key").extend(further);
        }
        if reached.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let circle = |file: &String| {
        let mutual = |other: &&String| reached[file].contains(*other) && reached[*other].contains(file);
        let mut files: Vec<&str> = named.keys().filter(mutual).map(String::as_str).collect();
        files.sort_unstable();
        (files.len() > 1).then(|| format!("{room}: {}", files.join(", ")))
    };
    named.keys().filter_map(circle).collect()
}

#[test]
fn no_files_of_a_room_need_each_other_in_a_circle() {
    let found: BTreeSet<String> = all_rooms().flat_map(|(source, room)| circles(source, &room)).collect();
    // A file that needs another, which needs it in turn, cannot be read before it.
    assert!(found.is_empty(), "circles:\n{found:#?}");
}

#[test]
fn only_the_command_line_prints_and_reads_arguments() {
    let pattern = Regex::new(r"\be?print(ln)?!|\btalk!|\bclap\b|process::exit").expect("a pattern");
    for (source, room) in all_rooms().filter(|(source, _)| *source != COMMAND) {
        for path in files_of(source, &room) {
            if let Some(found) = pattern.find(&code(&path)) {
                panic!("{} has {}", path.display(), found.as_str());
            }
        }
    }
}
