//! Which days count: weekends and holidays, each by name, so that a deadline can say what it skipped.
//!
//! A holiday calendar is a data file (`data/holidays/<id>.csv`, written by the script beside it). A business day is
//! Monday to Friday and no holiday of the calendar.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

words! {
    /// Which days an offset counts.
    #[derive(Default)]
    pub enum Days {
        #[default]
        Calendar = "calendar",
        /// Monday to Friday without the holidays of the template's calendar.
        Business = "business",
    }
}

words! {
    /// Where a date goes that falls on a weekend or holiday.
    #[derive(Default)]
    pub enum Roll {
        #[default]
        None = "none",
        /// To the first business day after it.
        Next = "next",
        /// To the last business day before it.
        Previous = "previous",
    }
}

/// A day that was passed over, and the name of what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct PassedDay {
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Date,
    /// "Saturday", "Thanksgiving Day", or both: "Saturday and Independence Day".
    pub why: String,
}

/// A date, and every day that was passed over on the way to it, in the order it was passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub date: Date,
    pub passed: Vec<PassedDay>,
}

/// Why a date could not be worked out. Never answered with a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDate {
    #[error("There is no holiday calendar called {0:?}; the known ones are {known}.", known = HolidayCalendar::NAMES.join(", "))]
    UnknownCalendar(String),
    #[error("The date leaves the years that the holiday calendar {calendar} covers ({first} to {last}).")]
    OutsideCalendar { calendar: &'static str, first: Date, last: Date },
    #[error("{offset} days from {from} is no date that can be written down.")]
    OutsideTime { from: Date, offset: i32 },
}

/// The holidays of one jurisdiction, by date, as of one version of its data.
#[derive(Debug)]
pub struct HolidayCalendar {
    id: &'static str,
    version: &'static str,
    first: Date,
    last: Date,
    names: BTreeMap<Date, &'static str>,
}

static US_FEDERAL: LazyLock<Option<HolidayCalendar>> =
    LazyLock::new(|| HolidayCalendar::read("us-federal", include_str!("../../data/holidays/us-federal.csv")));

/// Weekends only. The years are bounded so that no count can run away.
static NONE: HolidayCalendar = HolidayCalendar {
    id: "none",
    version: "1",
    first: date(1900, 1, 1),
    last: date(2199, 12, 31),
    names: BTreeMap::new(),
};

impl HolidayCalendar {
    /// Every calendar that [`HolidayCalendar::named`] knows.
    pub const NAMES: &'static [&'static str] = &["us-federal", "none"];

    pub fn named(id: &str) -> Result<&'static Self, NoDate> {
        match id {
            "us-federal" => US_FEDERAL.as_ref(),
            "none" => Some(&NONE),
            _ => None,
        }
        .ok_or_else(|| NoDate::UnknownCalendar(id.chars().take(60).collect()))
    }

    /// The file's first line names its version and years, the second its columns; every other line is `date,name`.
    fn read(id: &'static str, text: &'static str) -> Option<Self> {
        let mut lines = text.lines();
        let head = lines.next()?.strip_prefix("# ")?;
        let field = |name: &str| head.split("; ").find_map(|part| part.strip_prefix(name));
        let (first, last) = field("years: ")?.split_once('-')?;
        if lines.next()? != "date,name" {
            return None;
        }
        let names = lines
            .map(|line| line.split_once(',').and_then(|(day, name)| Some((day.parse().ok()?, name))))
            .collect::<Option<_>>()?;
        Some(Self {
            id,
            version: field("version: ")?,
            first: Date::new(first.parse().ok()?, 1, 1).ok()?,
            last: Date::new(last.parse().ok()?, 12, 31).ok()?,
            names,
        })
    }

    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The version of the data, kept with every date that was worked out from them.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The holiday's name. A holiday that is observed on another day has both days.
    pub fn holiday(&self, day: Date) -> Option<&'static str> {
        self.names.get(&day).copied()
    }

    /// Why a day does not count as a business day, or `None` when it does.
    pub fn day_off(&self, day: Date) -> Result<Option<String>, NoDate> {
        if day < self.first || day > self.last {
            return Err(NoDate::OutsideCalendar { calendar: self.id, first: self.first, last: self.last });
        }
        Ok(match (weekend(day), self.holiday(day)) {
            (Some(weekday), Some(holiday)) => Some(format!("{weekday} and {holiday}")),
            (Some(name), None) | (None, Some(name)) => Some(name.into()),
            (None, None) => None,
        })
    }

    pub fn is_business_day(&self, day: Date) -> Result<bool, NoDate> {
        Ok(self.day_off(day)?.is_none())
    }

    /// The n-th business day after `from`, or before it when `offset` is negative. `from` is day 0 whatever day it
    /// is, and the answer to offset 0. The passed days are those that were not counted.
    pub fn count_business_days(&self, from: Date, offset: i32) -> Result<Arrival, NoDate> {
        let mut arrival = Arrival { date: from, passed: Vec::new() };
        let mut left = offset.unsigned_abs();
        while left > 0 {
            arrival.date = neighbour(arrival.date, offset < 0)?;
            match self.day_off(arrival.date)? {
                Some(why) => arrival.passed.push(PassedDay { date: arrival.date, why }),
                None => left -= 1,
            }
        }
        Ok(arrival)
    }

    /// The passed days start with `from` itself when it is no business day; otherwise there are none.
    pub fn roll(&self, from: Date, roll: Roll) -> Result<Arrival, NoDate> {
        let mut arrival = Arrival { date: from, passed: Vec::new() };
        if roll == Roll::None {
            return Ok(arrival);
        }
        while let Some(why) = self.day_off(arrival.date)? {
            arrival.passed.push(PassedDay { date: arrival.date, why });
            arrival.date = neighbour(arrival.date, roll == Roll::Previous)?;
        }
        Ok(arrival)
    }
}

/// `offset` calendar days after `from`, or before it when negative.
pub fn count_calendar_days(from: Date, offset: i32) -> Result<Date, NoDate> {
    let outside = || NoDate::OutsideTime { from, offset };
    let span = jiff::Span::new().try_days(offset).map_err(|_| outside())?;
    from.checked_add(span).map_err(|_| outside())
}

fn neighbour(day: Date, back: bool) -> Result<Date, NoDate> {
    count_calendar_days(day, if back { -1 } else { 1 })
}

fn weekend(day: Date) -> Option<&'static str> {
    match day.weekday() {
        Weekday::Saturday => Some("Saturday"),
        Weekday::Sunday => Some("Sunday"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
