//! The days that a letter speaks of, as a file that calendars read.
//!
//! Source: RFC 5545. Whole days, one event each; a later letter about the same step has the same UID and a higher SEQUENCE,
//! so that calendars move the event instead of adding one.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::delivery::Attachment;

/// Octets of one line at most, without its end (section 3.1).
const LINE: usize = 75;

/// What goes along with a letter: stored with its words, so that its bytes are approved with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// When the words were written.
    pub stamp: Timestamp,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is about, by the same name as among the words' dates.
    pub name: String,
    pub uid: String,
    /// Rises with every change of what it is about.
    pub sequence: i64,
    pub on: Date,
    pub title: String,
    /// Where, when the letter says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Calendar {
    pub fn file(&self) -> Attachment {
        Attachment {
            name: "dates.ics".into(),
            media_type: "text/calendar; charset=utf-8; method=PUBLISH".into(),
            text: self.text(),
        }
    }

    fn text(&self) -> String {
        let mut file = String::new();
        let mut line = |text: &str| {
            folded(text, &mut file);
        };
        line("BEGIN:VCALENDAR");
        line("VERSION:2.0");
        line("PRODID:-//Milepost//Milepost//EN");
        line("CALSCALE:GREGORIAN");
        line("METHOD:PUBLISH");
        for entry in &self.entries {
            let day = |date: Date| date.strftime("%Y%m%d").to_string();
            line("BEGIN:VEVENT");
            line(&format!("UID:{}", entry.uid));
            line(&format!("DTSTAMP:{}", self.stamp.strftime("%Y%m%dT%H%M%SZ")));
            line(&format!("SEQUENCE:{}", entry.sequence));
            line(&format!("DTSTART;VALUE=DATE:{}", day(entry.on)));
            // The end is the first day that is not part of it.
            line(&format!("DTEND;VALUE=DATE:{}", day(entry.on.tomorrow().unwrap_or(entry.on))));
            line(&format!("SUMMARY:{}", escaped(&entry.title)));
            if let Some(place) = &entry.place {
                line(&format!("LOCATION:{}", escaped(place)));
            }
            // Nobody's day is taken by it.
            line("TRANSP:TRANSPARENT");
            line("END:VEVENT");
        }
        line("END:VCALENDAR");
        file
    }
}

/// A text's value (section 3.3.11). Control characters have no place in one.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => value.extend(['\\', c]),
            '\n' => value.push_str("\\n"),
            c if c.is_control() => {}
            c => value.push(c),
        }
    }
    value
}

/// Adds a line, cut into lines of 75 octets of which all but the first start with a space. No character is torn apart.
fn folded(line: &str, file: &mut String) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LINE {
            file.push_str("\r\n ");
            used = 1;
        }
        file.push(c);
        used += c.len_utf8();
    }
    file.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(title: &str) -> String {
        let entry = Entry {
            name: "closing".into(),
            uid: "1@milepost".into(),
            sequence: 3,
            on: jiff::civil::date(2026, 12, 31),
            title: title.into(),
            place: Some("12 Oak Street, Chicago".into()),
        };
        Calendar { stamp: "2026-12-04T15:00:00Z".parse().unwrap(), entries: vec![entry] }.file().text
    }

    #[test]
    fn a_day_is_an_event_of_the_whole_day() {
        insta::assert_snapshot!("a_calendar_of_one_day", one("Closing").replace("\r\n", "\n"));
    }

    #[test]
    fn no_line_is_longer_than_75_octets_and_unfolded_it_reads_as_it_was() {
        let title = "Übergabe der Schlüssel 🏠 ".repeat(20);
        let text = one(&title);
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        assert!(text.ends_with("END:VCALENDAR\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.replace("\r\n ", "").contains(&format!("SUMMARY:{title}\r\n")));
    }

    #[test]
    fn a_title_cannot_add_a_line_of_its_own() {
        let text = one("Keys; codes, \\ and\r\nATTENDEE:mailto:eve@example.net");
        assert!(
            text.replace("\r\n ", "")
                .contains("SUMMARY:Keys\\; codes\\, \\\\ and\\nATTENDEE:mailto:eve@example.net\r\n"),
            "{text}"
        );
        assert!(!text.contains("\r\nATTENDEE"));
    }
}
