//! Tests of the room above.

use super::*;
use goldwire_core::codec::Codec;
use goldwire_core::dialect::{Label, events};
use goldwire_core::golden::{self};
use goldwire_core::transcript::{Frame, Offset, Payload, Side};
use serde_json::json;
use std::fs;
use std::path::Path;

#[test]
fn a_golden_reads_its_descriptors_from_its_folder_or_the_one_above() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = folder.path().join("golden/chat.toml");
    let message = json!({ "1": "Say", "2": { "1": "text", "3": 1, "4": 1, "5": 9 } });
    let file = json!({ "1": { "1": "chat.proto", "2": "chat", "4": message, "12": "proto3" } });
    let protobuf = Codec::of("protobuf").expect("a codec");
    let set = protobuf.write(&file).expect("a set of descriptors");
    fs::create_dir(folder.path().join("golden")).expect("a folder");
    let text = |message: &str| {
        format!(
            "goldwire = 1\norder = \">text ; text\"\n[dialect]\ncodec = \"protobuf\"\n\
                 descriptor = \"chat.binpb\"\nmessage = \"{message}\"\nname = {{ present = [\"text\"] }}\n\
                 [event.\">text\"]\nsend = {{ text = \"hi\" }}\n"
        )
    };
    fs::write(&golden, text("chat.Say")).expect("a file");
    let error = |path: &Path| read_golden(path).map_err(|error| error.to_string()).expect_err("it lacks");
    assert!(error(&golden).contains("failed to read"), "{}", error(&golden));
    fs::write(folder.path().join("chat.binpb"), &set).expect("a file");
    let read = read_golden(&golden).expect("a golden");
    let label = Label::new(Side::Client, "text");
    let said = read.dialect.encode(&label, &json!({ "text": "hi" })).expect("it can be said");
    assert_eq!(said, [Payload::Binary(b"\x0a\x02hi".to_vec())]);
    let frame = Frame::new(Offset::ZERO, Side::Server, said[0].clone());
    let heard = events(&read.dialect, &[frame]);
    assert_eq!((heard[0].label.as_str(), &heard[0].data), ("text", &json!({ "text": "hi" })));
    fs::write(&golden, text("Say")).expect("a file");
    assert!(error(&golden).ends_with("it has no message `Say`; there is `chat.Say`"));
    // Without its file nothing is known, and nothing is guessed.
    let unread = golden::read("g.toml", &text("chat.Say")).expect("a golden");
    let error = unread.dialect.encode(&label, &json!({ "text": "hi" })).map_err(|error| error.to_string());
    assert_eq!(error, Err("`chat.binpb` was not read".to_owned()));
}
