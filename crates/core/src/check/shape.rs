//! Checks the shape of payloads, event by event.

use crate::dialect::{field, place};
use crate::finding::Kind;
use crate::golden::{Event, Rule, Type, When, path_keys, path_step, type_of};
use serde_json::Value;

/// One contradiction of a shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ShapeViolation {
    pub(super) kind: Kind,
    /// The path as the golden writes it, with `*` for items.
    pub(super) pattern: String,
    /// The expected value.
    pub(super) expected: String,
    /// The actual value.
    pub(super) actual: String,
    /// The number of observations of the rule, if it differs from that of its event.
    pub(super) samples: Option<u32>,
    /// Whether it is merely new: an integer where a number was, a field or a value never seen.
    pub(super) novel: bool,
}

/// The result of comparing an event's data with its golden. Values that the golden does not know do not count as
/// differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// Its shape is unknown.
    Unknown,
    /// All of it is as its golden has it.
    Like,
    /// A path has another value.
    Unlike {
        /// The path, as in a shape.
        path: String,
        /// The actual value.
        actual: String,
    },
}

/// Compares an event's data with its golden's shape.
pub fn likeness(event: &Event, data: &Value) -> Likeness {
    let Some(mut tree) = Tree::new(event) else { return Likeness::Unknown };
    match tree.misfits(data).into_iter().next() {
        None => Likeness::Like,
        Some(ShapeViolation { pattern: path, actual, .. }) => Likeness::Unlike { path, actual },
    }
}

/// The shape of one event as a tree, so that a payload is walked once.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pattern: String,
    rule: Option<Rule>,
    optional: bool,
    /// By key.
    fields: Vec<(String, Tree)>,
    /// The number of required ones.
    required: usize,
    /// The conditional ones.
    conditional: Vec<usize>,
    /// The previous field at each place of a payload.
    order: Vec<usize>,
    items: Option<Box<Tree>>,
    /// Whether the fields are the places of a list.
    is_tuple: bool,
}

impl Tree {
    /// From the rules of an event; none without a shape.
    pub(super) fn new(event: &Event) -> Option<Tree> {
        if event.shape.is_empty() {
            return None;
        }
        let mut root = Tree::default();
        for (path, rule) in &event.shape {
            let mut node = &mut root;
            for key in path_keys(&path.pattern) {
                let step = key.as_deref().map_or_else(|| "/*".to_owned(), path_step);
                let pattern = format!("{}{step}", node.pattern);
                node = if let Some(key) = key {
                    let index = match node.fields.binary_search_by(|(own, _)| own.cmp(&key)) {
                        Ok(index) => index,
                        Err(index) => {
                            node.fields.insert(index, (key, Tree::default()));
                            index
                        }
                    };
                    &mut node.fields[index].1
                } else {
                    node.items.get_or_insert_with(Box::default)
                };
                node.pattern = pattern;
            }
            node.rule = Some(rule.clone());
            node.optional = path.optional;
        }
        root.count();
        Some(root)
    }

    fn count(&mut self) {
        self.required = self.fields.iter().filter(|(_, tree)| !tree.optional).count();
        let is_list = self.rule.as_ref().is_some_and(|rule| rule.types == [Type::Array]);
        self.is_tuple = is_list && !self.fields.is_empty();
        let is_conditional = |index: &usize| self.fields[*index].1.when().is_some();
        self.conditional = (0..self.fields.len()).filter(is_conditional).collect();
        self.fields.iter_mut().map(|(_, tree)| tree).for_each(Tree::count);
        self.items.iter_mut().for_each(|items| items.count());
    }

    fn index(&self, key: &str) -> Option<usize> {
        self.fields.binary_search_by(|(own, _)| own.as_str().cmp(key)).ok()
    }

    /// Whether `value` violates nothing. Payloads of one event are alike: each field is looked for first where it
    /// stood in the one before.
    fn fits(&mut self, value: &Value) -> bool {
        if let Some(rule) = &self.rule {
            if !rule.types.is_empty() && !rule.types.iter().any(|own| own.fits(value)) {
                return false;
            }
        } else if !self.is_kind_of(value) {
            return false;
        }
        match value {
            Value::Object(_) if self.is_open() => true,
            Value::Object(map) => self.fits_object(map),
            Value::Array(items) if self.is_tuple => {
                // Beyond the written places there is none.
                self.fields.len() == items.len()
                    && self
                        .fields
                        .iter_mut()
                        .all(|(key, tree)| place(items, key).is_some_and(|item| tree.fits(item)))
            }
            Value::Array(items) => match &mut self.items {
                Some(tree) => items.iter().all(|item| tree.fits(item)),
                None => true,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }

    fn fits_object(&mut self, map: &serde_json::Map<String, Value>) -> bool {
        let mut required = 0;
        for (position, (key, value)) in map.iter().enumerate() {
            let guess = self.order.get(position).copied();
            let known = match guess.filter(|guess| self.fields[*guess].0 == *key) {
                Some(index) => Some(index),
                None => self.index(key),
            };
            let Some(index) = known else { return false };
            if guess != known && position <= self.fields.len() {
                self.order.resize(self.order.len().max(position + 1), index);
                self.order[position] = index;
            }
            let tree = &mut self.fields[index].1;
            if !tree.fits(value) {
                return false;
            }
            required += usize::from(!tree.optional);
        }
        required == self.required
            && self.conditional.iter().all(|index| {
                let (key, tree) = &self.fields[*index];
                self.is_due(tree, map).is_none_or(|due| due == map.contains_key(key))
            })
    }

    /// Whether a field that is there in some company must be there now; none when its company is itself a new one.
    fn is_due(&self, tree: &Tree, map: &serde_json::Map<String, Value>) -> Option<bool> {
        let when = tree.when()?;
        let beside = field(map, &when.key)?;
        if when.values.contains(beside) {
            return Some(true);
        }
        let (_, known) = &self.fields[self.index(&when.key)?];
        known.rule.as_ref().is_some_and(|rule| rule.types.iter().any(|own| own.fits(beside))).then_some(false)
    }

    /// Whether nothing is known of an object's fields.
    fn is_open(&self) -> bool {
        let Some(rule) = &self.rule else { return false };
        // An object without known fields has no description, unlike one that was always empty.
        (self.fields.is_empty() && !self.pattern.is_empty())
            || rule.types.iter().any(|own| matches!(own, Type::Map))
    }

    /// Whether a value without a rule can hold what is known to be in it.
    fn is_kind_of(&self, value: &Value) -> bool {
        (self.fields.is_empty() || value.is_object()) && (self.items.is_none() || value.is_array())
    }

    /// All differences of `value` from the shape.
    pub(super) fn misfits(&mut self, value: &Value) -> Vec<ShapeViolation> {
        let mut out = Vec::new();
        if !self.fits(value) {
            self.walk(value, &mut out);
        }
        // A message with a field that only others of its name have, or with an error instead of a result, is of a
        // kind that no recording has. The required fields of that kind are unknown.
        let is_of_another_kind = out.iter().any(|own| {
            own.kind == Kind::FieldNew && (self.at(&own.pattern).is_some() || says_failure(&own.pattern))
        });
        for misfit in out.iter_mut().filter(|own| is_of_another_kind && own.kind == Kind::FieldMissing) {
            misfit.novel |= self.at(&misfit.pattern).is_some_and(|tree| tree.when().is_none());
        }
        out
    }

    /// The rules at a path.
    fn at(&self, pattern: &str) -> Option<&Tree> {
        path_keys(pattern).try_fold(self, |tree, key| match key {
            Some(key) => tree.index(&key).map(|index| &tree.fields[index].1),
            None => tree.items.as_deref(),
        })
    }

    fn when(&self) -> Option<&When> {
        self.rule.as_ref()?.when.as_ref()
    }

    fn walk(&self, value: &Value, out: &mut Vec<ShapeViolation>) {
        if let Some(rule) = &self.rule {
            if let Some(misfit) = self.against(rule, value) {
                out.push(misfit);
                return;
            }
        } else if !self.is_kind_of(value) {
            let is_list = self.fields.is_empty() || value.is_object();
            let expected = if is_list { "array" } else { "object" };
            out.push(self.misfit(Kind::TypeChanged, expected, type_of(value), None));
            return;
        }
        match value {
            Value::Object(_) if self.is_open() => {}
            Value::Object(map) => self.walk_object(map, out),
            Value::Array(items) if self.is_tuple => self.walk_tuple(items, out),
            Value::Array(items) => {
                if let Some(tree) = &self.items {
                    items.iter().for_each(|item| tree.walk(item, out));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn walk_tuple(&self, items: &[Value], out: &mut Vec<ShapeViolation>) {
        for (key, tree) in &self.fields {
            match place(items, key) {
                Some(item) => tree.walk(item, out),
                None if tree.optional => {}
                None => out.push(tree.misfit(Kind::FieldMissing, &tree.describe(), "nothing", None)),
            }
        }
        for (number, item) in items.iter().enumerate() {
            if self.index(&number.to_string()).is_none() {
                out.push(ShapeViolation {
                    kind: Kind::FieldNew,
                    pattern: format!("{}/{number}", self.pattern),
                    expected: "no such place".to_owned(),
                    actual: short(item),
                    samples: None,
                    novel: true,
                });
            }
        }
    }

    fn walk_object(&self, map: &serde_json::Map<String, Value>, out: &mut Vec<ShapeViolation>) {
        let mut known = 0;
        for (key, tree) in &self.fields {
            match field(map, key) {
                Some(value) => {
                    known += 1;
                    if self.is_due(tree, map) == Some(false) {
                        let mut misfit = tree.misfit(Kind::FieldNew, &tree.absence(map), &short(value), None);
                        misfit.novel = true;
                        out.push(misfit);
                    }
                    tree.walk(value, out);
                }
                None if tree.optional && self.is_due(tree, map) != Some(true) => {}
                None => {
                    let mut misfit = tree.misfit(Kind::FieldMissing, &tree.describe(), "nothing", None);
                    misfit.samples = tree.rule.as_ref().and_then(|rule| rule.samples);
                    out.push(misfit);
                }
            }
        }
        if known == map.len() {
            return;
        }
        for (key, value) in map {
            if self.index(key).is_none() {
                let pattern = format!("{}{}", self.pattern, path_step(key));
                out.push(ShapeViolation {
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

    /// The reason why a conditional field must be absent.
    fn absence(&self, map: &serde_json::Map<String, Value>) -> String {
        let beside = self.when().and_then(|when| Some((when, field(map, &when.key)?)));
        beside.map_or_else(
            || "no such field".to_owned(),
            |(when, value)| format!("no such field where {} is {}", when.key, short(value)),
        )
    }

    fn describe(&self) -> String {
        match &self.rule {
            Some(rule) if !rule.types.is_empty() => {
                rule.types.iter().map(say).collect::<Vec<_>>().join(" or ")
            }
            _ if self.items.is_some() => "array".to_owned(),
            _ if !self.fields.is_empty() => "object".to_owned(),
            _ => "a value".to_owned(),
        }
    }

    fn misfit(&self, kind: Kind, expected: &str, actual: &str, samples: Option<u32>) -> ShapeViolation {
        let (expected, actual) = (expected.to_owned(), actual.to_owned());
        ShapeViolation { kind, pattern: self.pattern.clone(), expected, actual, samples, novel: false }
    }

    fn against(&self, rule: &Rule, value: &Value) -> Option<ShapeViolation> {
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
            let actual =
                if value.is_null() { "null".to_owned() } else { format!("{actual_type} {}", short(value)) };
            let mut misfit = self.misfit(Kind::TypeChanged, &expected, &actual, rule.samples);
            misfit.novel = actual_type == "number" && rule.types.iter().any(|t| t.json_type() == "integer");
            return Some(misfit);
        }
        let is_literal = kin.iter().any(|t| matches!(t, Type::Literal(_)));
        // An empty value is not a word.
        let is_empty = value.as_str() == Some("");
        let kind = if is_literal && !is_empty { Kind::ValueChanged } else { Kind::FormatChanged };
        let mut misfit = self.misfit(kind, &expected, &short(value), rule.samples);
        // A closed set may get a new member; a constant may not.
        misfit.novel =
            is_literal && !is_empty && kin.iter().filter(|t| matches!(t, Type::Literal(_))).count() > 1;
        Some(misfit)
    }
}

/// A type in words; a value is written itself.
fn say(of: &Type) -> String {
    match of {
        Type::Literal(value) => value.to_string(),
        of => of.to_string(),
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

/// Whether a field is the one that says what went wrong, as in JSON-RPC, GraphQL and DDP: there instead of a result.
fn says_failure(pattern: &str) -> bool {
    let leaf = pattern.rsplit('/').next().unwrap_or_default();
    ["error", "errors", "err", "exception", "fault", "failure"]
        .iter()
        .any(|name| leaf.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Payloads that often fit, in any order of their keys.
    fn payload() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            Just(Value::from(1)),
            Just(Value::from(0.5)),
            "[a-b]?".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                proptest::collection::vec(("[a-e]", inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_fits_has_no_misfits(payloads in proptest::collection::vec(payload(), 1..20)) {
            let text = r#"
                goldwire = 1
                order = "say"
                [event.say.shape]
                "/a?" = "integer | null"
                "/b?" = "map"
                "/c?" = "object"
                "/c/d?" = "text"
                "/d?" = "array"
                "/d/*" = "number"
                "/e?" = "object, when b = null"
                "/e/a" = "string"
            "#;
            let golden = crate::golden::read("g.toml", text).expect("a valid golden");
            let event = golden.events.values().next().expect("it has an event");
            let mut tree = Tree::new(event).expect("it has a shape");
            for payload in payloads {
                let mut misfits = Vec::new();
                tree.walk(&payload, &mut misfits);
                prop_assert_eq!(tree.fits(&payload), misfits.is_empty(), "{}: {:?}", payload, misfits);
            }
        }
    }
}
