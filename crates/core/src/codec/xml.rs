//! One XML element a frame (XML 1.0), as JSON and back, as XMPP over WebSocket has it (RFC 7395).
//!
//! ```text
//! <iq type='get' id='7'><query xmlns='urn:a'/></iq>   {"#name": "iq", "@type": "get", "@id": "7", "query": {"@xmlns": "urn:a"}}
//! ```
//!
//! An attribute is `@` and its name, text is `#text`, a child element stands under its name; several of one name are a list.
//! Where children of different names take turns, `#order` lists their names. Prefixes of namespaces stay as they are.
//!
//! Lost are comments, blanks between elements, how an attribute was quoted, and which of `<a/>` and `<a></a>` it was. What has a
//! document type or a processing instruction is not read: nobody sends one, and entities of their own are a trap.

use super::special::{MAX_DEPTH, Unwritable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where the outermost element has its name.
pub(super) const NAME: &str = "#name";
/// Where an element has its text.
pub(crate) const TEXT: &str = "#text";
/// Where it may have a text that is sent in base64.
pub(crate) const IN_BASE64: &str = "#base64";
/// The names of its children, where they take turns; its text is among them where it stands between children.
const ORDER: &str = "#order";
/// What an attribute begins with.
const ATTRIBUTE: char = '@';
/// An element has no more attributes: to compare them takes the square of their number.
const MAX_ATTRIBUTES: usize = 256;
/// So many children may stand in an element.
const MAX_CHILDREN: usize = 1 << 16;

/// An element that is not closed yet.
struct Open {
    name: String,
    /// Its attributes, and then its children.
    map: Map<String, Value>,
    /// Children and pieces of text, in order; a piece of text is called [`TEXT`].
    parts: Vec<(String, Value)>,
}

/// The element that a text is; none where it is something else.
pub(super) fn read(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().ok()?;
        let closed = match &event {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH || root.is_some() {
                    return None;
                }
                open.push(begin(start)?);
                None
            }
            Event::Empty(start) if root.is_none() => Some(begin(start)?),
            Event::End(_) => Some(open.pop()?),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                let said = match &event {
                    Event::Text(text) => text.xml10_content().into_owned(),
                    Event::CData(text) => text.xml10_content().into_owned(),
                    Event::GeneralRef(own) => {
                        unescape(&format!("&{};", own.xml10_content())).ok()?.into_owned()
                    }
                    _ => String::new(),
                };
                match open.last_mut() {
                    Some(own) => own.say(&said),
                    None if said.trim().is_empty() => {}
                    None => return None,
                }
                None
            }
            Event::Comment(_) => None,
            Event::Eof if open.is_empty() => return root,
            Event::Empty(_) | Event::Eof | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return None,
        };
        let Some(closed) = closed else { continue };
        match open.last_mut() {
            Some(parent) if parent.parts.len() < MAX_CHILDREN => {
                let name = closed.name.clone();
                parent.parts.push((name, Value::Object(closed.close())));
            }
            Some(_) => return None,
            None => {
                let mut map = Map::new();
                map.insert(NAME.to_owned(), Value::String(closed.name.clone()));
                map.extend(closed.close());
                root = Some(Value::Object(map));
            }
        }
    }
}

fn begin(start: &BytesStart<'_>) -> Option<Open> {
    let name = start.name().into_inner();
    let mut map = Map::new();
    let mut attributes = start.attributes();
    for attribute in attributes.with_checks(false) {
        let attribute = attribute.ok()?;
        let own = attribute.key.into_inner();
        if !is_name(own) || map.len() == MAX_ATTRIBUTES {
            return None;
        }
        let said = unescape(&attribute.value).ok()?.into_owned();
        // XML forbids an attribute twice.
        if map.insert(format!("{ATTRIBUTE}{own}"), Value::String(said)).is_some() {
            return None;
        }
    }
    is_name(name).then(|| Open { name: name.to_owned(), map, parts: Vec::new() })
}

/// Whether an element or an attribute may be called so. Of letters beyond ASCII nothing is asked.
fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':' || c as u32 >= 0x80;
    name.starts_with(is_first)
        && name.chars().all(|c| is_first(c) || c.is_ascii_digit() || c == '-' || c == '.')
}

impl Open {
    /// Text that follows text is one with it.
    fn say(&mut self, said: &str) {
        match self.parts.last_mut() {
            Some((name, Value::String(text))) if name == TEXT => text.push_str(said),
            _ => self.parts.push((TEXT.to_owned(), Value::String(said.to_owned()))),
        }
    }

    fn close(mut self) -> Map<String, Value> {
        let has_children = self.parts.iter().any(|(name, _)| name != TEXT);
        let is_blank =
            |value: &Value| value.as_str().is_some_and(|text| text.chars().all(|c| " \t\r\n".contains(c)));
        // Blanks between elements are there for people.
        self.parts.retain(|(name, value)| name != TEXT || !(has_children && is_blank(value)));
        let order: Vec<String> = self.parts.iter().map(|(name, _)| name.clone()).collect();
        let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (name, value) in self.parts {
            let place = *places.entry(name.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, values)) => values.push(value),
                None => groups.push((name, vec![value])),
            }
        }
        let grouped: Vec<&String> =
            groups.iter().flat_map(|(name, values)| values.iter().map(move |_| name)).collect();
        let takes_turns = !grouped.into_iter().eq(order.iter());
        for (name, mut values) in groups {
            let value = match (values.len(), values.pop()) {
                (1, Some(value)) => value,
                (_, last) => Value::Array(values.into_iter().chain(last).collect()),
            };
            self.map.insert(name, value);
        }
        if takes_turns {
            self.map.insert(ORDER.to_owned(), order.into());
        }
        self.map
    }
}

/// The element that a value is.
pub(super) fn write(value: &Value) -> Result<String, Unwritable> {
    let map = value.as_object().ok_or_else(|| Unwritable("it is not an object".to_owned()))?;
    let name = map.get(NAME).and_then(Value::as_str);
    let name = name.ok_or_else(|| Unwritable(format!("it has no `{NAME}`, the name of its element")))?;
    let mut out = String::new();
    element(name, value, 0, &mut out)?;
    Ok(out)
}

fn element(name: &str, value: &Value, depth: usize, out: &mut String) -> Result<(), Unwritable> {
    if !is_name(name) {
        return Err(Unwritable(format!("`{name}` is not an element name")));
    }
    if depth == MAX_DEPTH {
        return Err(Unwritable(format!("its elements are more than {MAX_DEPTH} deep")));
    }
    out.extend(["<", name]);
    let empty = Map::new();
    let map = value.as_object().unwrap_or(&empty);
    for (key, own) in map {
        let Some(key) = key.strip_prefix(ATTRIBUTE) else { continue };
        if !is_name(key) {
            return Err(Unwritable(format!("`{key}` is not an attribute name")));
        }
        out.extend([" ", key, "=\""]);
        escaped(&plain(own), out);
        out.push('"');
    }
    let mut inner = String::new();
    let mut text = |value: &Value| escaped(&plain(value), &mut inner);
    match value {
        Value::Object(_) => children(map, depth, &mut inner)?,
        Value::Array(_) | Value::Null => {}
        said => text(said),
    }
    if inner.is_empty() {
        out.push_str("/>");
    } else {
        out.extend([">", &inner, "</", name, ">"]);
    }
    Ok(())
}

/// Children and text, by `#order` where it says one, else as they stand.
fn children(map: &Map<String, Value>, depth: usize, out: &mut String) -> Result<(), Unwritable> {
    let is_part = |key: &str| key == TEXT || key == IN_BASE64 || !key.starts_with([ATTRIBUTE, '#']);
    let mut left: Vec<(&str, std::slice::Iter<'_, Value>)> = Vec::new();
    for (key, value) in map.iter().filter(|(key, _)| is_part(key)) {
        let values = match value {
            Value::Array(items) => items.iter(),
            one => std::slice::from_ref(one).iter(),
        };
        left.push((key, values));
    }
    let places: BTreeMap<&str, usize> = left.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    let mut one = |key: &str, value: &Value| match key {
        TEXT => {
            escaped(&plain(value), out);
            Ok(())
        }
        IN_BASE64 => {
            out.push_str(&BASE64.encode(plain(value)));
            Ok(())
        }
        name => element(name, value, depth + 1, out),
    };
    for key in map.get(ORDER).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if let Some(value) = places.get(key).and_then(|at| left[*at].1.next()) {
            one(key, value)?;
        }
    }
    for (key, values) in left {
        values.into_iter().try_for_each(|value| one(key, value))?;
    }
    Ok(())
}

/// A value where text stands.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader makes blanks or one line of these.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", c as u32)),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_element_is_its_name_its_attributes_and_its_children() {
        for (text, value) in [
            (
                "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\"/>",
                json!({"#name": "close", "@xmlns": "urn:ietf:params:xml:ns:xmpp-framing"}),
            ),
            (
                "<message to=\"a@b/c\" xml:lang=\"en\"><body>good &lt;night&gt; &amp; thanks</body></message>",
                json!({"#name": "message", "@to": "a@b/c", "@xml:lang": "en", "body": {"#text": "good <night> & thanks"}}),
            ),
            (
                "<stream:features><a/><f var=\"1\"/><f var=\"2\"/></stream:features>",
                json!({"#name": "stream:features", "a": {}, "f": [{"@var": "1"}, {"@var": "2"}]}),
            ),
            ("<q><i/><f/><i/></q>", json!({"#name": "q", "i": [{}, {}], "f": {}, "#order": ["i", "f", "i"]})),
            (
                "<p>one <b>two</b> three</p>",
                json!({"#name": "p", "#text": ["one ", " three"], "b": {"#text": "two"}, "#order": ["#text", "b", "#text"]}),
            ),
            ("<a x=\"&quot;&#10;&amp;\"/>", json!({"#name": "a", "@x": "\"\n&"})),
        ] {
            assert_eq!(read(text), Some(value.clone()), "{text}");
            assert_eq!(write(&value), Ok(text.to_owned()));
        }
        // However it is written.
        for text in [
            "<a x='1' y='2'>\n  <b></b>\n</a>",
            "\n<a y=\"2\" x=\"1\"><!-- no --><b/></a>",
            "<a x='&#49;' y='2'><b/></a>\n",
        ] {
            assert_eq!(read(text), Some(json!({"#name": "a", "@x": "1", "@y": "2", "b": {}})), "{text}");
        }
        assert_eq!(read("<a><![CDATA[<b>]]> &#x41;</a>"), Some(json!({"#name": "a", "#text": "<b> A"})));
    }

    #[test]
    fn what_a_person_writes_is_an_element_too() {
        for (value, text) in [
            (
                json!({"#name": "m", "@n": 7, "body": "hi", "x": null, "n": [1, true]}),
                "<m n=\"7\"><body>hi</body><x/><n>1</n><n>true</n></m>",
            ),
            (json!({"#name": "auth", "#base64": "\0ada\0secret"}), "<auth>AGFkYQBzZWNyZXQ=</auth>"),
        ] {
            assert_eq!(write(&value), Ok(text.to_owned()));
        }
        for (value, why) in [
            (json!({"body": "hi"}), "it has no `#name`, the name of its element"),
            (json!({"#name": "a b"}), "`a b` is not an element name"),
            (json!({"#name": "a", "@<": ""}), "`<` is not an attribute name"),
            (json!("hi"), "it is not an object"),
        ] {
            assert_eq!(write(&value).map_err(|error| error.to_string()), Err(why.to_owned()));
        }
    }

    #[test]
    fn what_is_no_element_is_not_read() {
        let deep = "<a>".repeat(5_000) + &"</a>".repeat(5_000);
        let many: String = (0..400).map(|n| format!(" a{n}=''")).collect();
        for text in [
            "",
            "hello",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>tail",
            "<a x='1' x='2'/>",
            "<a x=1/>",
            "<a>&none;</a>",
            "<1/>",
            "<a <b/>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            "<?xml version='1.0'?><a/>",
            "<a><?php x ?></a>",
            "{\"a\": \"<a/>\"}",
            &deep,
            &format!("<a{many}/>"),
        ] {
            assert_eq!(read(text), None, "{}", &text[..text.len().min(60)]);
        }
    }

    fn any_element() -> impl Strategy<Value = Value> {
        let text = "[a-c<&>\"' \\n\\té]{1,6}";
        let leaf = (
            prop::collection::btree_map("@[a-c:]{1,2}", text.prop_map(Value::from), 0..3),
            prop::option::of(text),
        )
            .prop_map(|(fields, text)| {
                let mut map: Map<String, Value> = fields.into_iter().collect();
                map.extend(text.map(|text| (TEXT.to_owned(), Value::from(text))));
                Value::Object(map)
            });
        leaf.prop_recursive(3, 16, 4, move |inner| {
            let several = prop_oneof![
                2 => inner.clone(),
                1 => prop::collection::vec(inner, 2..4).prop_map(Value::from),
            ];
            (prop::collection::btree_map("[a-c][a-c:0-9.-]{0,2}", several, 1..4), "@[a-c]", text).prop_map(
                |(children, key, said)| {
                    Value::Object([(key, Value::from(said))].into_iter().chain(children).collect())
                },
            )
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(element in any_element(), name in "[a-z][a-z:]{0,5}") {
            let mut map = Map::new();
            map.insert(NAME.to_owned(), Value::from(name));
            map.extend(element.as_object().cloned().unwrap_or_default());
            let value = Value::Object(map);
            let text = write(&value).expect("an element");
            prop_assert_eq!(read(&text), Some(value), "{}", text);
        }

        #[test]
        fn what_is_read_is_written_and_read_again(
            pieces in prop::collection::vec(prop::sample::select(&[
                "<a>", "</a>", "<b x='1'>", "</b>", "<c/>", "<a/>", "text", " ", "&lt;", "&#10;", "<![CDATA[<]]>", "<!--x-->", "<", ">", "'", "\r\n",
            ][..]), 0..12),
        ) {
            let text = format!("<a>{}</a>", pieces.concat());
            if let Some(value) = read(&text) {
                let again = write(&value).expect("it was read");
                prop_assert_eq!(read(&again), Some(value), "{} {}", text, again);
            }
        }

        #[test]
        fn whatever_comes_is_read_or_not(text in "\\PC{0,40}") {
            read(&text);
            read(&format!("<a {text}/>"));
        }
    }
}
