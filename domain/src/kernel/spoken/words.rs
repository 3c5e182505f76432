//! The words that are understood. Whatever is not among them is not read.

use jiff::civil::{Date, Weekday};

use crate::kernel::time::{TimeOfDay, parse_date};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Today,
    Tomorrow,
    Yesterday,
    In,
    At,
    From,
    Ago,
    After,
    Next,
    This,
    End,
    Day(Weekday),
    /// 1 to 12.
    Month(i32),
    Length(Length),
    /// Of at most three digits.
    Number(i32),
    /// "15th"
    Nth(i32),
    /// Of four digits.
    Year(i32),
    /// Month, day and perhaps year.
    Slashes(i32, i32, Option<i32>),
    Iso(Date),
    Time(TimeOfDay),
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const NUMBERS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// The words of a line; `None` when one of them is not understood.
pub fn words(line: &str) -> Option<Vec<Word>> {
    let line = line.to_lowercase().replace("a.m.", "am").replace("p.m.", "pm").replace(',', " ");
    let mut parts = line.split_whitespace().peekable();
    let mut words = Vec::new();
    while let Some(part) = parts.next() {
        // "5 pm"
        let half = parts.next_if(|next| matches!(*next, "am" | "pm"));
        let word = match (part, half) {
            (part, Some(half)) => Word::Time(time(&format!("{part}{half}"))?),
            // These say nothing that the other words don't.
            ("the" | "of", None) => continue,
            ("on" | "by", None) if words.iter().all(|word| matches!(word, Word::At | Word::Time(_))) => continue,
            (part, None) => word(part)?,
        };
        words.push(word);
    }
    Some(words)
}

fn word(part: &str) -> Option<Word> {
    Some(match part {
        "today" | "now" => Word::Today,
        "tomorrow" => Word::Tomorrow,
        "yesterday" => Word::Yesterday,
        "in" => Word::In,
        "at" | "@" => Word::At,
        "from" => Word::From,
        "ago" => Word::Ago,
        "after" => Word::After,
        "next" => Word::Next,
        "this" => Word::This,
        "end" => Word::End,
        "a" | "an" => Word::Number(1),
        "noon" => Word::Time(TimeOfDay::at(12, 0)),
        _ => {
            return weekday(part)
                .map(Word::Day)
                .or_else(|| month(part).map(Word::Month))
                .or_else(|| length(part).map(Word::Length))
                .or_else(|| number(part))
                .or_else(|| nth(part).map(Word::Nth))
                .or_else(|| slashes(part))
                .or_else(|| parse_date("", part).ok().map(Word::Iso))
                .or_else(|| time(part).map(Word::Time));
        }
    })
}

pub fn name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

fn weekday(part: &str) -> Option<Weekday> {
    Some(match part.strip_suffix('.').unwrap_or(part) {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tues" | "tuesday" => Weekday::Tuesday,
        "wed" | "weds" | "wednesday" => Weekday::Wednesday,
        "thu" | "thur" | "thurs" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn month(part: &str) -> Option<i32> {
    let part = part.strip_suffix('.').unwrap_or(part);
    let is = |name: &str| {
        let name = name.to_lowercase();
        part == name || part == &name[..3] || part == "sept" && name == "september"
    };
    (1..).zip(MONTHS).find(|(_, name)| is(name)).map(|(number, _)| number)
}

fn length(part: &str) -> Option<Length> {
    Some(match part {
        "minute" | "minutes" | "min" | "mins" => Length::Minute,
        "hour" | "hours" => Length::Hour,
        "day" | "days" => Length::Day,
        "week" | "weeks" => Length::Week,
        "month" | "months" => Length::Month,
        "year" | "years" => Length::Year,
        _ => return None,
    })
}

fn digits(part: &str) -> Option<i32> {
    (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten()
}

fn number(part: &str) -> Option<Word> {
    if let Some(at) = NUMBERS.iter().position(|name| *name == part) {
        return i32::try_from(at).ok().map(Word::Number);
    }
    match (digits(part)?, part.len()) {
        (number, 1..=3) => Some(Word::Number(number)),
        (year @ 1900..=2199, 4) => Some(Word::Year(year)),
        _ => None,
    }
}

fn nth(part: &str) -> Option<i32> {
    let (number, ending) = part.split_at_checked(part.len().checked_sub(2)?)?;
    let number = digits(number).filter(|number| (1..=31).contains(number))?;
    let right = match number {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    (ending == right).then_some(number)
}

/// "12/31", "12/31/27" or "12/31/2027".
fn slashes(part: &str) -> Option<Word> {
    let mut parts = part.split('/');
    let mut short = || parts.next().filter(|part| part.len() <= 2).and_then(digits);
    let (month, day) = (short()?, short()?);
    let year = match parts.next() {
        None => None,
        Some(year) if year.len() == 2 => Some(2000 + digits(year)?),
        Some(year) => match number(year)? {
            Word::Year(year) => Some(year),
            _ => return None,
        },
    };
    parts.next().is_none().then_some(Word::Slashes(month, day, year))
}

/// "5pm", "5:30pm", "17:30".
fn time(part: &str) -> Option<TimeOfDay> {
    let Some((clock, afternoon)) = part
        .strip_suffix("am")
        .map(|clock| (clock, false))
        .or_else(|| part.strip_suffix("pm").map(|clock| (clock, true)))
    else {
        return part.parse().ok();
    };
    let (hour, minute) = match clock.split_once(':') {
        None => (clock, 0),
        Some((hour, minute)) if minute.len() == 2 => (hour, digits(minute)?),
        Some(_) => return None,
    };
    let hour = digits(hour).filter(|hour| (1..=12).contains(hour) && clock.len() <= 5)?;
    let hour = hour % 12 + if afternoon { 12 } else { 0 };
    format!("{hour:02}:{minute:02}").parse().ok()
}
