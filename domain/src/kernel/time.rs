//! Civil dates, zones and instants as people write them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kernel::Problem;

/// A time on the wall, to the minute. Written `HH:MM`, 00:00 to 23:59.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// `hour` 0 to 23; what is more counts round the day.
    pub const fn at(hour: i8, minute: i8) -> Self {
        Self { hour: hour.rem_euclid(24), minute: minute.rem_euclid(60) }
    }

    pub fn of(time: Time) -> Self {
        Self { hour: time.hour(), minute: time.minute() }
    }

    /// Minutes from an earlier time of the same day; negative when `earlier` is the later one.
    pub fn since(self, earlier: Self) -> i32 {
        let minutes = |time: Self| i32::from(time.hour) * 60 + i32::from(time.minute);
        minutes(self) - minutes(earlier)
    }

    pub fn on(self, date: Date) -> DateTime {
        date.at(self.hour, self.minute, 0, 0)
    }

    /// The instant of this time on a date. In a gap of the clock (it was put forward over this time) as long after the
    /// gap's start as the wall would have shown; in a fold (the time comes twice) the first.
    pub fn instant(self, date: Date, zone: &TimeZone) -> Option<Timestamp> {
        zone.to_ambiguous_timestamp(self.on(date)).compatible().ok()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let two = |text: &str| digits(text).then(|| text.parse::<i8>().ok()).flatten();
        let read = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
        match read {
            Some((hour @ 0..24, minute @ 0..60)) => Ok(Self { hour, minute }),
            _ => Err("is no time of day. Write it as HH:MM, such as 09:00.".into()),
        }
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for TimeOfDay {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
    }
}

/// Reads `YYYY-MM-DD` and nothing else.
pub fn parse_date(field: &str, text: &str) -> Result<Date, Problem> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    let date = if shaped { text.parse::<Date>().ok() } else { None };
    date.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let why = if shaped { "is no day of the calendar" } else { "is no date" };
        Problem::new(field, format!("\"{shown}\" {why}. Write it as YYYY-MM-DD, such as 2027-03-31."))
    })
}

/// Reads an IANA zone name, such as `America/Chicago`.
pub fn parse_zone(field: &str, text: &str) -> Result<TimeZone, Problem> {
    let known =
        (text.len() <= 64 && (text.contains('/') || text == "UTC")).then(|| TimeZone::get(text).ok()).flatten();
    known.ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Problem::new(field, format!("\"{shown}\" is no IANA time zone. Write one such as America/Chicago."))
    })
}

/// The zone of a stored name. What is stored was checked before; a zone that a later database of zones dropped is UTC.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The civil date in a zone at an instant.
pub fn today(now: Timestamp, zone: &TimeZone) -> Date {
    now.to_zoned(zone.clone()).date()
}

/// An instant as people in a zone read it: "Fri 4 Dec 2026, 09:00 CST".
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y, %H:%M %Z").to_string()
}

/// An instant cut to what both databases keep.
pub fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_days_and_other_spellings_are_named() {
        for (text, wrong) in [
            ("2027-02-29", "is no day"),
            ("2027-13-01", "is no day"),
            ("27-1-1", "is no date"),
            ("2027-01-01T00:00", "is no date"),
            ("", "is no date"),
            ("tomorrow", "is no date"),
        ] {
            let problem = parse_date("closing_date", text).unwrap_err();
            assert!(problem.sentence.contains(wrong), "{text}: {}", problem.sentence);
        }
        assert_eq!(parse_date("x", "2028-02-29").unwrap(), jiff::civil::date(2028, 2, 29));
    }

    #[test]
    fn a_time_of_day_is_hours_and_minutes() {
        assert_eq!("09:30".parse(), Ok(TimeOfDay::at(9, 30)));
        assert_eq!(TimeOfDay::at(9, 5).to_string(), "09:05");
        for text in ["", "9:00", "24:00", "12:60", "+1:00", "12:0é", "noon", "09:00:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_that_the_clock_jumps_over_or_shows_twice_is_one_instant() {
        let check = |time: &str, on: &str, zone: &str, at: &str| {
            let time: TimeOfDay = time.parse().unwrap();
            let found = time.instant(on.parse().unwrap(), &super::zone(zone)).unwrap();
            assert_eq!(found.to_string(), at, "{time} on {on} in {zone}");
        };
        check("02:30", "2027-03-14", "America/Chicago", "2027-03-14T08:30:00Z");
        check("01:30", "2026-11-01", "America/Chicago", "2026-11-01T06:30:00Z");
        // Samoa left out a whole day.
        check("09:00", "2011-12-30", "Pacific/Apia", "2011-12-30T19:00:00Z");
    }

    #[test]
    fn an_instant_is_told_in_the_readers_zone_with_its_name() {
        let check = |at: &str, name: &str, said: &str| {
            assert_eq!(moment(at.parse().unwrap(), &zone(name)), said);
        };
        check("2026-12-04T15:00:00Z", "America/Chicago", "Fri 4 Dec 2026, 09:00 CST");
        check("2026-07-01T04:30:00Z", "America/Chicago", "Tue 30 Jun 2026, 23:30 CDT");
        check("2026-07-01T04:30:00Z", "America/Sao_Paulo", "Wed 1 Jul 2026, 01:30 -03");
        check("2026-07-01T04:30:00Z", "UTC", "Wed 1 Jul 2026, 04:30 UTC");
        // The hour that comes twice.
        check("2026-11-01T06:30:00Z", "America/Chicago", "Sun 1 Nov 2026, 01:30 CDT");
        check("2026-11-01T07:30:00Z", "America/Chicago", "Sun 1 Nov 2026, 01:30 CST");
    }

    #[test]
    fn a_zone_must_be_an_iana_name() {
        assert!(parse_zone("time_zone", "America/Chicago").is_ok());
        for text in ["Chicago", "CST", "+05:00", "America/Springfield", "../etc/passwd", ""] {
            assert!(parse_zone("time_zone", text).is_err(), "{text}");
        }
    }
}
