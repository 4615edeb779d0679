//! Reads a TOML table key by key. Keys that are never read are reported as unknown, with their place.

use super::problem::{SourceText, did_you_mean};
use crate::transcript::Gap;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use toml_edit::{Item, TableLike, Value};

/// A table that is being read. [`Fields::finish`] reports every unknown key.
#[derive(Debug)]
pub struct Fields<'t> {
    source: &'t SourceText<'t>,
    table: Option<&'t dyn TableLikeDebug>,
    path: String,
    known: RefCell<BTreeSet<String>>,
    span: Range<usize>,
}

/// `TableLike` that can be printed for debugging.
trait TableLikeDebug: TableLike + std::fmt::Debug {}
impl<T: TableLike + std::fmt::Debug> TableLikeDebug for T {}

fn as_table(item: &Item) -> Option<&dyn TableLikeDebug> {
    match item {
        Item::Table(table) => Some(table),
        Item::Value(Value::InlineTable(table)) => Some(table),
        Item::None | Item::Value(_) | Item::ArrayOfTables(_) => None,
    }
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Value(Value::String(_)) => "a string",
        Item::Value(Value::Integer(_) | Value::Float(_)) => "a number",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date",
        Item::Value(Value::Array(_)) => "a list",
        Item::Value(Value::InlineTable(_)) | Item::Table(_) => "a table",
        Item::ArrayOfTables(_) => "a list of tables",
        Item::None => "nothing",
    }
}

impl<'t> Fields<'t> {
    /// The top level of a document.
    pub fn root(source: &'t SourceText<'t>, table: &'t toml_edit::Table) -> Fields<'t> {
        let known = RefCell::default();
        Fields { source, table: Some(table), path: String::new(), known, span: 0..1 }
    }

    /// The dotted path of a key in this table.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The span of this table.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The text of the document.
    pub fn source(&self) -> &'t SourceText<'t> {
        self.source
    }

    /// Whether the key is present. The key then counts as known.
    pub fn has(&self, key: &str) -> bool {
        self.known.borrow_mut().insert(key.to_owned());
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The raw item and its span.
    pub fn item(&self, key: &str) -> Option<(&'t Item, Range<usize>)> {
        self.known.borrow_mut().insert(key.to_owned());
        let item = self.table?.get(key)?;
        let span = item.span().or_else(|| self.key_span(key)).unwrap_or_else(|| self.span());
        Some((item, span))
    }

    /// The span of a key.
    pub fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.table?.get_key_value(key).and_then(|(key, _)| key.span())
    }

    /// All keys of this table, in the order of the file.
    pub fn keys(&self) -> Vec<String> {
        self.table.map_or_else(Vec::new, |table| table.iter().map(|(key, _)| key.to_owned()).collect())
    }

    fn wrong(&self, key: &str, item: &Item, span: Range<usize>, wanted: &str) {
        let message = format!("`{}` is {wanted}", self.path_of(key));
        self.source.report(span, message, format!("this is {}", kind(item)), None);
    }

    /// A string and its span.
    pub fn string(&self, key: &str) -> Option<(String, Range<usize>)> {
        let (item, span) = self.item(key)?;
        match item.as_str() {
            Some(text) => Some((text.to_owned(), span)),
            None => {
                self.wrong(key, item, span, "a string");
                None
            }
        }
    }

    /// A string without its span.
    pub fn text(&self, key: &str) -> Option<String> {
        self.string(key).map(|(text, _)| text)
    }

    /// A boolean.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        let (item, span) = self.item(key)?;
        if item.as_bool().is_none() {
            self.wrong(key, item, span, "true or false");
        }
        item.as_bool()
    }

    /// A non-negative integer.
    pub fn count(&self, key: &str) -> Option<u64> {
        let (item, span) = self.item(key)?;
        let number = item.as_integer().and_then(|n| u64::try_from(n).ok());
        if number.is_none() {
            self.wrong(key, item, span, "a whole number from 0");
        }
        number
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<f64> {
        let (item, span) = self.item(key)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
        let number = item.as_float().or_else(|| item.as_integer().map(|n| n as f64));
        if number.is_none() {
            self.wrong(key, item, span, "a number");
        }
        number
    }

    /// A list of numbers.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let (item, span) = self.item(key)?;
        let number = |value: &toml_edit::Value| {
            value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
        };
        let list = item.as_array().map(|array| array.iter().map(number).collect::<Option<Vec<f64>>>());
        match list.flatten() {
            Some(numbers) => Some(numbers),
            None => {
                self.source.report(
                    span,
                    format!("`{}` is a list of numbers", self.path_of(key)),
                    "here",
                    None,
                );
                None
            }
        }
    }

    /// A time such as `41 ms`.
    pub fn gap(&self, key: &str) -> Option<Gap> {
        let (text, span) = self.string(key)?;
        let gap = Gap::parse(&text);
        if gap.is_none() {
            let message = format!("`{}` is a span of time", self.path_of(key));
            self.source.report(
                span,
                message,
                "not a number and a unit",
                Some("write \"250 ms\" or \"2 s\"".to_owned()),
            );
        }
        gap
    }

    /// A string or a list of strings, each with its span.
    pub fn strings(&self, key: &str) -> Option<Vec<(String, Range<usize>)>> {
        let (item, span) = self.item(key)?;
        if let Some(text) = item.as_str() {
            return Some(vec![(text.to_owned(), span)]);
        }
        let Some(list) = item.as_array() else {
            self.wrong(key, item, span, "a string or a list of strings");
            return None;
        };
        let mut strings = Vec::new();
        for value in list {
            let place = value.span().unwrap_or_else(|| span.clone());
            match value.as_str() {
                Some(text) => strings.push((text.to_owned(), place)),
                None => self.wrong(key, item, place, "a list of strings"),
            }
        }
        Some(strings)
    }

    /// A table within this one. An empty table if it is missing, so that defaults apply.
    pub fn table(&self, key: &str) -> Fields<'t> {
        let path = self.path_of(key);
        let known = RefCell::default();
        let Some((item, span)) = self.item(key) else {
            return Fields { source: self.source, table: None, path, known, span: self.span() };
        };
        let table = as_table(item);
        if table.is_none() {
            self.wrong(key, item, span.clone(), "a table");
        }
        let span = self.key_span(key).unwrap_or(span);
        Fields { source: self.source, table, path, known, span }
    }

    /// A table or a list of tables within this one.
    pub fn tables(&self, key: &str) -> Vec<Fields<'t>> {
        let Some((item, span)) = self.item(key) else { return Vec::new() };
        let made = |table: &'t dyn TableLikeDebug, span: Range<usize>| {
            let (path, known) = (self.path_of(key), RefCell::default());
            Fields { source: self.source, table: Some(table), path, known, span }
        };
        if let Some(table) = as_table(item) {
            return vec![made(table, self.key_span(key).unwrap_or(span))];
        }
        let mut tables = Vec::new();
        match item {
            Item::ArrayOfTables(list) => {
                for table in list {
                    tables.push(made(table, table.span().unwrap_or_else(|| span.clone())));
                }
            }
            Item::Value(Value::Array(list)) => {
                for value in list {
                    match value {
                        Value::InlineTable(table) => {
                            tables.push(made(table, table.span().unwrap_or_else(|| span.clone())));
                        }
                        _ => self.wrong(
                            key,
                            item,
                            value.span().unwrap_or_else(|| span.clone()),
                            "a list of tables",
                        ),
                    }
                }
            }
            _ => self.wrong(key, item, span, "a table or a list of tables"),
        }
        tables
    }

    /// A list of strings or tables. Strings have their span.
    pub fn strings_or_tables(&self, key: &str) -> Vec<Result<(String, Range<usize>), Fields<'t>>> {
        let Some((item, span)) = self.item(key) else { return Vec::new() };
        if let Some(text) = item.as_str() {
            return vec![Ok((text.to_owned(), span))];
        }
        let Some(list) = item.as_array() else {
            self.wrong(key, item, span, "a list of strings or tables");
            return Vec::new();
        };
        let mut items = Vec::new();
        for value in list {
            let place = value.span().unwrap_or_else(|| span.clone());
            match value {
                Value::String(text) => items.push(Ok((text.value().clone(), place))),
                Value::InlineTable(table) => {
                    let (path, known) = (self.path_of(key), RefCell::default());
                    let table: &'t dyn TableLikeDebug = table;
                    items.push(Err(Fields {
                        source: self.source,
                        table: Some(table),
                        path,
                        known,
                        span: place,
                    }));
                }
                _ => self.wrong(key, item, place, "a list of strings or tables"),
            }
        }
        items
    }

    /// Reports a problem at a key of this table.
    pub fn report(&self, key: &str, message: impl Into<String>, label: &str, hint: Option<String>) {
        let span = self.key_span(key).unwrap_or_else(|| self.span());
        self.source.report(span, message, label, hint);
    }

    /// Reports every unknown key.
    pub fn finish(self) {
        let known = self.known.borrow();
        for key in self.keys() {
            if !known.contains(&key) {
                let names = || known.iter().map(String::as_str);
                let hint = did_you_mean(&key, names())
                    .unwrap_or_else(|| format!("known here: {}", names().collect::<Vec<_>>().join(", ")));
                let message = format!("unknown key `{}`", self.path_of(&key));
                self.report(&key, message, "not a key of this table", Some(hint));
            }
        }
    }
}

/// Parses a TOML text. A syntax error becomes a problem with its place.
pub fn parse_toml<'s>(source: &SourceText<'s>) -> Option<toml_edit::Document<&'s str>> {
    match toml_edit::Document::parse(source.text()) {
        Ok(document) => Some(document),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            let hint = error.message().lines().nth(1).map(str::to_owned);
            source.report(span, format!("not valid TOML: {message}"), "here", hint);
            None
        }
    }
}

/// Converts a TOML item to JSON; dates become strings. None for values that JSON cannot express, such as infinity.
pub fn to_json(item: &toml_edit::Item) -> Option<Json> {
    fn of(value: &toml_edit::Value) -> Option<Json> {
        Some(match value {
            toml_edit::Value::String(text) => Json::from(text.value().as_str()),
            toml_edit::Value::Integer(number) => Json::from(*number.value()),
            toml_edit::Value::Float(number) => serde_json::Number::from_f64(*number.value())?.into(),
            toml_edit::Value::Boolean(flag) => Json::from(*flag.value()),
            toml_edit::Value::Datetime(date) => Json::from(date.value().to_string()),
            toml_edit::Value::Array(items) => Json::Array(items.iter().map(of).collect::<Option<_>>()?),
            toml_edit::Value::InlineTable(table) => Json::Object(
                table.iter().map(|(key, item)| Some((key.to_owned(), of(item)?))).collect::<Option<_>>()?,
            ),
        })
    }
    match item {
        toml_edit::Item::Value(item) => of(item),
        toml_edit::Item::Table(table) => Some(Json::Object(
            table.iter().map(|(key, item)| Some((key.to_owned(), to_json(item)?))).collect::<Option<_>>()?,
        )),
        toml_edit::Item::ArrayOfTables(tables) => Some(Json::Array(
            tables
                .iter()
                .map(|table| to_json(&toml_edit::Item::Table(table.clone())))
                .collect::<Option<_>>()?,
        )),
        toml_edit::Item::None => None,
    }
}
