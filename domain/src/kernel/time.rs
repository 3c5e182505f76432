//! Civil dates, zones and instants as people write them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::kernel::Problem;

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
    fn a_zone_must_be_an_iana_name() {
        assert!(parse_zone("time_zone", "America/Chicago").is_ok());
        for text in ["Chicago", "CST", "+05:00", "America/Springfield", "../etc/passwd", ""] {
            assert!(parse_zone("time_zone", text).is_err(), "{text}");
        }
    }
}
