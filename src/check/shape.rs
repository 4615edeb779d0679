//! The shape of payloads, checked event by event.

use crate::dialect::pointer;
use crate::finding::Kind;
use crate::golden::{Event, Rule, Type, type_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// One contradiction of a shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    pub(super) kind: Kind,
    /// The path as the golden writes it, with `*` for items.
    pub(super) pattern: String,
    /// What the golden says.
    pub(super) expected: String,
    /// What came.
    pub(super) actual: String,
    /// In how many observations the rule held, where it knows better than its event.
    pub(super) samples: Option<u32>,
    /// Whether it is merely new: an integer where a number was, a field or a value never seen.
    pub(super) novel: bool,
}

/// The shape of one event as a tree, so that a payload is walked once.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pattern: String,
    rule: Option<Rule>,
    optional: bool,
    fields: BTreeMap<String, Tree>,
    items: Option<Box<Tree>>,
}

impl Tree {
    /// From an event's rules; none when nothing is known of its shape.
    pub(super) fn new(event: &Event) -> Option<Tree> {
        if event.shape.is_empty() {
            return None;
        }
        let mut root = Tree::default();
        for (path, rule) in &event.shape {
            let mut node = &mut root;
            for key in path.pattern.split('/').skip(1) {
                let key = key.replace("~1", "/").replace("~0", "~");
                let pattern = format!("{}{}", node.pattern, pointer([key.as_str()]));
                node = if key == "*" {
                    node.items.get_or_insert_with(Box::default)
                } else {
                    node.fields.entry(key).or_default()
                };
                node.pattern = pattern;
            }
            node.rule = Some(rule.clone());
            node.optional = path.optional;
        }
        Some(root)
    }

    /// Everything in `value` that does not fit.
    pub(super) fn misfits(&self, value: &Value) -> Vec<Misfit> {
        let mut out = Vec::new();
        self.walk(value, &mut out);
        out
    }

    fn walk(&self, value: &Value, out: &mut Vec<Misfit>) {
        if let Some(rule) = &self.rule {
            if let Some(misfit) = self.against(rule, value) {
                out.push(misfit);
                return;
            }
            if rule.types.iter().any(|t| matches!(t, Type::Map)) && value.is_object() {
                return;
            }
        } else if !self.fields.is_empty() && !value.is_object() {
            out.push(self.misfit(Kind::TypeChanged, "object", type_of(value), None));
            return;
        } else if self.items.is_some() && !value.is_array() {
            out.push(self.misfit(Kind::TypeChanged, "array", type_of(value), None));
            return;
        }
        match value {
            Value::Object(map) => self.walk_object(map, out),
            Value::Array(items) => {
                if let Some(tree) = &self.items {
                    items.iter().for_each(|item| tree.walk(item, out));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn walk_object(&self, map: &serde_json::Map<String, Value>, out: &mut Vec<Misfit>) {
        // An object of which no field is known is not described, unlike one that was always empty.
        if self.fields.is_empty() && self.rule.is_some() && !self.pattern.is_empty() {
            return;
        }
        for (key, tree) in &self.fields {
            match map.get(key) {
                Some(value) => tree.walk(value, out),
                None if tree.optional => {}
                None => {
                    let mut misfit = tree.misfit(Kind::FieldMissing, &tree.describe(), "nothing", None);
                    misfit.samples = tree.rule.as_ref().and_then(|rule| rule.samples);
                    out.push(misfit);
                }
            }
        }
        for (key, value) in map {
            if !self.fields.contains_key(key) {
                let pattern = format!("{}{}", self.pattern, pointer([key.as_str()]));
                out.push(Misfit {
                    kind: Kind::FieldNew,
                    pattern,
                    expected: "no such field".to_owned(),
                    actual: short(value),
                    samples: None,
                    novel: true,
                });
            }
        }
    }

    fn describe(&self) -> String {
        match &self.rule {
            Some(rule) if !rule.types.is_empty() => {
                rule.types.iter().map(Type::to_string).collect::<Vec<_>>().join(" | ")
            }
            _ if self.items.is_some() => "array".to_owned(),
            _ if !self.fields.is_empty() => "object".to_owned(),
            _ => "a value".to_owned(),
        }
    }

    fn misfit(&self, kind: Kind, expected: &str, actual: &str, samples: Option<u32>) -> Misfit {
        let (expected, actual) = (expected.to_owned(), actual.to_owned());
        Misfit { kind, pattern: self.pattern.clone(), expected, actual, samples, novel: false }
    }

    fn against(&self, rule: &Rule, value: &Value) -> Option<Misfit> {
        if rule.types.is_empty() || rule.types.iter().any(|t| t.fits(value)) {
            return None;
        }
        let actual_type = type_of(value);
        let same_type = |t: &&Type| {
            t.json_type() == actual_type || (t.json_type() == "number" && actual_type == "integer")
        };
        let kin: Vec<&Type> = rule.types.iter().filter(same_type).collect();
        let expected = self.describe();
        if kin.is_empty() {
            let mut misfit = self.misfit(
                Kind::TypeChanged,
                &expected,
                &format!("{actual_type} {}", short(value)),
                rule.samples,
            );
            misfit.novel = actual_type == "number" && rule.types.iter().any(|t| t.json_type() == "integer");
            return Some(misfit);
        }
        let is_literal = kin.iter().any(|t| matches!(t, Type::Literal(_)));
        let kind = if is_literal { Kind::ValueChanged } else { Kind::FormatChanged };
        let mut misfit = self.misfit(kind, &expected, &short(value), rule.samples);
        // One of several known values may gain a sibling; a constant may not.
        misfit.novel = is_literal && kin.iter().filter(|t| matches!(t, Type::Literal(_))).count() > 1;
        Some(misfit)
    }
}

/// A value in at most about sixty characters.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    let cut: String = text.chars().take(57).collect();
    format!("{cut}...")
}
