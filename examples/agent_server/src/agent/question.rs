//! What a question asks for, read by rule: arithmetic, conversions, dates, and things to look up.
//!
//! Only the words decide, never their vectors, so that questions of one kind lead to the same plan.

use chrono::{NaiveDate, TimeDelta};

use crate::tools::calculate::Expr;
use crate::tools::dates;
use crate::tools::units::{self, Dimension, SPELLINGS, Unit};

/// Words that make a clause a question wherever they stand.
const ASKING: &[&str] = &["who", "whose", "what", "when", "where", "which", "why", "how"];

/// Words that do so at its beginning.
const OPENING: &[&str] =
    &["is", "are", "was", "were", "does", "do", "did", "can", "tell", "explain", "describe", "name"];

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Calculate {
        expression: String,
    },
    Convert {
        value: f64,
        from: &'static Unit,
        to: &'static Unit,
    },
    /// A quantity that must first be found, in this unit: "how far is the moon in miles".
    Quantity {
        subject: String,
        to: &'static Unit,
    },
    DaysBetween {
        start: NaiveDate,
        end: NaiveDate,
    },
    DaysAfter {
        start: NaiveDate,
        days: i64,
    },
    LookUp {
        clause: String,
    },
}

/// The parts of a question; at least one.
pub(crate) fn parts(question: &str) -> Vec<Part> {
    let text = spell_units(&join_thousands(question));
    let clauses = clauses(&text);
    let mut parts: Vec<Part> = Vec::new();
    for clause in &clauses {
        let found = parts_of(clause, &parts);
        parts.extend(found);
    }
    if parts.is_empty() {
        parts.push(Part::LookUp { clause: question.trim().to_owned() });
    }
    parts
}

fn parts_of(clause: &str, before: &[Part]) -> Vec<Part> {
    let words: Vec<&str> =
        clause.split_whitespace().map(trim_signs).filter(|word| !word.is_empty()).collect();
    let dates: Vec<(usize, NaiveDate)> =
        words.iter().enumerate().filter_map(|(place, word)| Some((place, word.parse().ok()?))).collect();
    let mut found = Vec::new();
    match dates.as_slice() {
        [(_, start), (_, end), ..] => found.push(Part::DaysBetween { start: *start, end: *end }),
        [(place, start)] => found.extend(days_after(&words, *place, *start)),
        [] => {}
    }
    if found.is_empty() {
        found.extend(conversion(&words, before));
    }
    // A date holds minus signs too.
    if dates.is_empty() {
        found.extend(expression(clause).map(|expression| Part::Calculate { expression }));
    }
    if found.is_empty() && asks(&words) {
        found.push(Part::LookUp { clause: trim_signs(clause).to_owned() });
    }
    found
}

/// "20 days after 1969-07-16", "3 weeks before …".
fn days_after(words: &[&str], date: usize, start: NaiveDate) -> Option<Part> {
    let count = words[..date].iter().position(|word| word.parse::<i64>().is_ok())?;
    let days = words[count].parse::<i64>().ok()?;
    let unit = units::find(words.get(count + 1)?).filter(|unit| unit.dimension == Dimension::Time)?;
    let days = match unit.symbol {
        "d" => days,
        "wk" => days.checked_mul(7)?,
        _ => return None,
    };
    let back = words[count..date].iter().any(|word| word.eq_ignore_ascii_case("before"));
    Some(Part::DaysAfter { start, days: if back { -days } else { days } })
}

/// "100 km in miles", "that in hours", "how far is the moon in miles".
fn conversion(words: &[&str], before: &[Part]) -> Option<Part> {
    let joins = |word: &str| ["in", "into", "to", "as"].contains(&word.to_lowercase().as_str());
    let (place, to) = (1..words.len()).find_map(|place| {
        joins(words[place - 1]).then(|| Some((place - 1, units::find(words[place])?)))?
    })?;
    let given = &words[..place];
    if let Some((value, from)) = quantity(given) {
        return Some(Part::Convert { value, from, to });
    }
    let has = |wanted: &str| given.iter().any(|word| word.eq_ignore_ascii_case(wanted));
    if has("that") {
        return days_found(before)
            .and_then(|days| Some(Part::Convert { value: days, from: units::find("d")?, to }));
    }
    // The unit is not what the question is about.
    asks(given).then(|| Part::Quantity { subject: [given, &words[place + 2..]].concat().join(" "), to })
}

/// Do these words ask for something?
fn asks(words: &[&str]) -> bool {
    let is_in = |list: &[&str], word: &str| list.contains(&word.to_lowercase().as_str());
    words.first().is_some_and(|word| is_in(OPENING, word)) || words.iter().any(|word| is_in(ASKING, word))
}

/// The last number with a unit: `384400 km`, or `100km` in one word.
pub(crate) fn quantity(words: &[&str]) -> Option<(f64, &'static Unit)> {
    let last = words.last()?;
    if let Some(number) = words.len().checked_sub(2).and_then(|place| words[place].parse::<f64>().ok())
        && let Some(unit) = units::find(last)
    {
        return Some((number, unit));
    }
    let split = last.find(|sign: char| sign.is_alphabetic() || sign == '°')?;
    Some((last[..split].parse().ok()?, units::find(&last[split..])?))
}

/// The number of days an earlier part will find; counting them is quick, and the plan needs them now.
#[expect(clippy::cast_precision_loss, reason = "the calendar has fewer days than an f64 can count")]
fn days_found(before: &[Part]) -> Option<f64> {
    before.iter().rev().find_map(|part| match part {
        Part::DaysBetween { start, end } => {
            Some((dates::day_number(*end) - dates::day_number(*start)) as f64)
        }
        Part::DaysAfter { days, .. } => TimeDelta::try_days(*days).map(|_| *days as f64),
        _ => None,
    })
}

/// The longest run of arithmetic in a clause that stands by itself and has something to work out.
fn expression(clause: &str) -> Option<String> {
    let belongs = |sign: char| sign.is_ascii_digit() || ".+-*/^() ".contains(sign);
    let mut best: Option<&str> = None;
    let mut start = 0;
    while start < clause.len() {
        let rest = &clause[start..];
        let length = rest.find(|sign| !belongs(sign)).unwrap_or(rest.len());
        let run = &rest[..length];
        let joined =
            |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || "_#@".contains(sign));
        // Glued to a word, as in `ref-12-34`, it is part of a name.
        let glued = !run.starts_with(' ') && joined(clause[..start].chars().next_back())
            || !run.ends_with(' ') && joined(rest[length..].chars().next());
        let text = run.trim_matches([' ', '.']);
        let works = Expr::parse(text).is_ok_and(|expr| expr.operations() > 0);
        if works && !glued && best.is_none_or(|best| best.len() < text.len()) {
            best = Some(text);
        }
        start += length + rest[length..].chars().next().map_or(0, char::len_utf8);
    }
    best.map(str::to_owned)
}

/// Cuts at commas and semicolons, and before "and what", "and how" and their like.
fn clauses(text: &str) -> Vec<String> {
    let mut clauses = vec![String::new()];
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let next_asks = words.peek().is_some_and(|next| asks(&[*next]));
        if word.eq_ignore_ascii_case("and") && (next_asks || clauses.last().is_some_and(String::is_empty)) {
            clauses.push(String::new());
            continue;
        }
        if let Some(clause) = clauses.last_mut() {
            clause.push_str(if clause.is_empty() { "" } else { " " });
            clause.push_str(word.trim_end_matches([',', ';']));
        }
        if word.ends_with([',', ';']) {
            clauses.push(String::new());
        }
    }
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

/// `384,400` becomes `384400`.
pub(crate) fn join_thousands(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let digit = |place: usize| signs.get(place).is_some_and(char::is_ascii_digit);
    let separates = |place: usize| {
        let group = (1..=3).all(|ahead| digit(place + ahead)) && !digit(place + 4);
        signs[place] == ',' && place > 0 && digit(place - 1) && group
    };
    (0..signs.len()).filter(|place| !separates(*place)).map(|place| signs[place]).collect()
}

/// Units of several words become one word.
pub(crate) fn spell_units(text: &str) -> String {
    let mut text = text.to_owned();
    for (long, short) in SPELLINGS {
        // Searched as ASCII so that places in the lower-case copy are places in the text.
        while let Some(place) = text.to_ascii_lowercase().find(long) {
            text.replace_range(place..place + long.len(), short);
        }
    }
    text
}

/// Without the signs that sentences put around words.
pub(crate) fn trim_signs(word: &str) -> &str {
    word.trim().trim_matches(['?', '!', '.', ',', ';', ':', '"', '\'', '(', ')', '[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(question: &str) -> Vec<String> {
        let name = |part| match part {
            Part::Calculate { expression } => format!("calculate {expression}"),
            Part::Convert { value, from, to } => format!("convert {value} {} {}", from.symbol, to.symbol),
            Part::Quantity { to, .. } => format!("quantity {}", to.symbol),
            Part::DaysBetween { start, end } => format!("days {start} {end}"),
            Part::DaysAfter { start, days } => format!("date {start} {days}"),
            Part::LookUp { .. } => "look up".to_owned(),
        };
        parts(question).into_iter().map(name).collect()
    }

    #[test]
    fn questions_fall_into_their_parts() {
        for (question, expected) in [
            ("How far is the moon in miles?", &["quantity mi"][..]),
            (
                "How long does light take from the moon, and what is 384400 / 299792.458?",
                &["look up", "calculate 384400 / 299792.458"],
            ),
            (
                "How many days from 1969-07-16 to 1969-07-24, and how far is that in hours?",
                &["days 1969-07-16 1969-07-24", "convert 8 d h"],
            ),
            (
                "What is 12*(3+4), 100 km in miles, and who first walked on the moon?",
                &["calculate 12*(3+4)", "convert 100 km mi", "look up"],
            ),
            ("Which day is 20 days before 1969-07-16?", &["date 1969-07-16 -20"]),
            ("What is 384,400 km in miles", &["convert 384400 km mi"]),
            ("How fast is 100 kilometres per hour in m/s?", &["convert 100 km/h m/s"]),
            ("Hello", &["look up"]),
        ] {
            assert_eq!(kinds(question), expected, "{question}");
        }
    }

    #[test]
    fn a_mark_in_the_question_does_not_change_the_plan() {
        for mark in
            ["canary-7f3a-99b2", "[ref 12ab-4711-33cd]", "(my word is zebra)", "#1234-5678", "x_12-34"]
        {
            assert_eq!(kinds(&format!("How far is the moon in miles? {mark}")), ["quantity mi"], "{mark}");
            assert_eq!(kinds(&format!("{mark} Who first walked on the moon?")), ["look up"], "{mark}");
            assert_eq!(kinds(&format!("What is 2 + 2, {mark}")), ["calculate 2 + 2"], "{mark}");
        }
    }
}
