//! The rooms of `src/lib.rs`, in order: a room may use those above it, never one below.

use std::fs;
use std::path::{Path, PathBuf};

fn rooms() -> Vec<String> {
    let map = fs::read_to_string("src/lib.rs").expect("the map");
    let room = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    map.lines().filter_map(room).collect()
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
    let rooms = rooms();
    assert!(rooms.len() >= 12, "the map lists the rooms: {rooms:?}");
    let mut wrong = Vec::new();
    for (own, room) in rooms.iter().enumerate() {
        let mut paths = Vec::new();
        let folder = PathBuf::from("src").join(room);
        if folder.is_dir() {
            files(&folder, &mut paths);
        } else {
            paths.push(folder.with_extension("rs"));
        }
        for path in paths {
            let text = fs::read_to_string(&path).expect("a source file");
            for other in used(&text) {
                if rooms.iter().position(|room| *room == other).is_some_and(|below| below > own) {
                    wrong.push(format!("{} uses {other}, which is below {room}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_reads_no_clock_no_file_no_environment_and_no_socket() {
    let core: Vec<String> = rooms().into_iter().take_while(|room| room != "store").collect();
    for room in core {
        let mut paths = Vec::new();
        let folder = PathBuf::from("src").join(&room);
        if folder.is_dir() {
            files(&folder, &mut paths);
        } else {
            paths.push(folder.with_extension("rs"));
        }
        for path in paths {
            let text = fs::read_to_string(&path).expect("a source file");
            for word in ["Instant::now", "SystemTime", "Utc::now", "std::fs", "std::env", "std::net", "tokio"]
            {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}
