//! `date_math`: days between dates, and the date so many days away.

use chrono::{Datelike as _, NaiveDate};

use super::{Day, Outcome};

/// After so many days the Gregorian calendar repeats, weekdays included.
const CYCLE: i64 = 146_097;

/// The days from `start` to `end`, negative when it lies before.
pub(crate) fn days_between(start: NaiveDate, end: NaiveDate) -> Outcome {
    if let Err(error) = check_calendar(start) {
        return Outcome::Failed { error };
    }
    Outcome::Days {
        days: day_number(end) - day_number(start),
        from: Day::Written(start),
        to: Day::Written(end),
    }
}

/// The date `days` after `start`.
pub(crate) fn days_after(start: NaiveDate, days: i64) -> Outcome {
    if let Err(error) = check_calendar(start) {
        return Outcome::Failed { error };
    }
    let date = chrono::TimeDelta::try_days(days).and_then(|delta| start.checked_add_signed(delta));
    match date {
        Some(date) => Outcome::Date { date: Day::Written(date), weekday: date.format("%A").to_string() },
        None => Outcome::Failed { error: "this date is beyond the calendar".to_owned() },
    }
}

/// The days from the first of March of the year 0, counted without the date library.
///
/// With March as the first month the leap day is the last day of its year, and the months' lengths follow one line.
pub(crate) fn day_number(date: NaiveDate) -> i64 {
    let month = i64::from(date.month());
    let march_year = i64::from(date.year()) - i64::from(month < 3);
    let march_month = (month + 9) % 12;
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    365 * march_year + leap_days + (153 * march_month + 2) / 5 + i64::from(date.day()) - 1
}

/// Compares our own count with the library's calendar over one whole cycle before `start` and one after it.
///
/// Two implementations that agree on every day and weekday of a cycle agree on all days; an answer is only given when
/// they do. Both directions are gone through, since stepping back and stepping forward are different code.
fn check_calendar(start: NaiveDate) -> Result<(), String> {
    check_cycle(start, 1, NaiveDate::succ_opt)?;
    check_cycle(start, -1, NaiveDate::pred_opt)
}

fn check_cycle(start: NaiveDate, step: i64, next: fn(&NaiveDate) -> Option<NaiveDate>) -> Result<(), String> {
    let first = day_number(start);
    let weekday = start.weekday();
    let mut day = start;
    for passed in (0..CYCLE).map(|days| days * step) {
        let weekdays = i64::from(day.weekday().days_since(weekday));
        if day_number(day) != first + passed || weekdays != passed.rem_euclid(7) {
            return Err(format!("the calendar is inconsistent at {day}"));
        }
        day = next(&day).ok_or("this date is beyond the calendar")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_counted_in_both_directions() {
        let days = |a, b| match days_between(date(a), date(b)) {
            Outcome::Days { days, .. } => days,
            other => panic!("{other:?}"),
        };
        assert_eq!(days("1969-07-16", "1969-07-24"), 8);
        assert_eq!(days("2000-03-01", "2000-02-28"), -2);
        assert_eq!(days("1900-02-28", "1900-03-01"), 1);
    }

    #[test]
    fn a_date_has_its_weekday() {
        match days_after(date("1969-07-16"), 4) {
            Outcome::Date { date: Day::Written(day), weekday } => {
                assert_eq!((day, weekday.as_str()), (date("1969-07-20"), "Sunday"));
            }
            other => panic!("{other:?}"),
        }
        assert!(!days_after(date("1969-07-16"), i64::MAX).is_ok());
    }
}
