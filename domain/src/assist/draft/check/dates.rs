//! Days and times, however they are spelled.

use std::ops::Range;

use jiff::Span;
use jiff::civil::{Date, Weekday, date};

use super::tokens::{Token, number_word};
use super::{FindingKind, Known, Looking};

/// What a spelling says of a day.
#[derive(Clone, Copy, Debug, Default)]
struct Spelled {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    /// The other end of a range within the month.
    last_day: Option<i8>,
    weekday: Option<Weekday>,
}

const UNKNOWN: &str = "No date of the deal is on this day.";

pub(super) fn dates(looking: &mut Looking<'_>, all: &[Token<'_>]) {
    let mut i = 0;
    while i < all.len() {
        if !looking.mask.is_free(all[i].span.clone()) {
            i += 1;
            continue;
        }
        i += one(looking, all, i).max(1);
    }
}

/// Reads what starts at a token; gives how many tokens it was.
fn one(looking: &mut Looking<'_>, all: &[Token<'_>], i: usize) -> usize {
    let mut at = Reader { all, at: i };
    let span = |reader: &Reader<'_, '_>| all[i].span.start..all[reader.at.max(i + 1) - 1].span.end;
    if let Some(why) = clock(&mut at) {
        looking.judge(FindingKind::Time, span(&at), Some(why.into()));
        return at.at - i;
    }
    if let Some(days) = written(&mut at) {
        let why = days.iter().find_map(|day| against(*day, looking.known));
        looking.judge(FindingKind::Date, span(&at), why);
        return at.at - i;
    }
    if let Some(why) = relative(&mut at, looking.known) {
        looking.judge(FindingKind::Date, span(&at), why);
        return at.at - i;
    }
    0
}

struct Reader<'a, 't> {
    all: &'a [Token<'t>],
    at: usize,
}

impl Reader<'_, '_> {
    fn peek(&self, n: usize) -> String {
        self.all.get(self.at + n).map(Token::lower).unwrap_or_default()
    }

    fn eat(&mut self, signs: &[&str]) -> bool {
        let found = signs.contains(&self.peek(0).as_str());
        self.at += usize::from(found);
        found
    }

    fn number(&self, n: usize) -> Option<i64> {
        self.all.get(self.at + n).filter(|t| t.is_number()).and_then(Token::number)
    }

    fn joined(&self, n: usize) -> bool {
        self.all.get(self.at + n).is_some_and(|t| t.joined)
    }
}

/// "3 pm", "14:30", "at noon": no deal knows a time of day.
fn clock(r: &mut Reader<'_, '_>) -> Option<&'static str> {
    const WHY: &str = "The deal's dates have no time of day.";
    if matches!(r.peek(0).as_str(), "noon" | "midnight" | "midday" | "o'clock") {
        r.at += 1;
        return Some(WHY);
    }
    r.number(0).filter(|hour| *hour <= 24)?;
    let minutes = r.peek(1) == ":" && r.joined(1) && r.joined(2) && r.number(2).is_some_and(|m| m < 60);
    let after = if minutes { 3 } else { 1 };
    let half = match (r.peek(after).as_str(), r.peek(after + 1).as_str(), r.peek(after + 2).as_str()) {
        ("am" | "pm" | "o'clock" | "o’clock", ..) => 1,
        ("a" | "p", ".", "m") => 3 + usize::from(r.peek(after + 3) == "." && r.joined(after + 3)),
        _ => 0,
    };
    if half == 0 && !minutes {
        return None;
    }
    r.at += after + half;
    Some(WHY)
}

/// A day, a range of days, or a month, in figures or with the month's name.
fn written(r: &mut Reader<'_, '_>) -> Option<Vec<Spelled>> {
    figures(r).or_else(|| named(r))
}

/// 2026-12-04, 12/4, 12/4/26, 12-4-2026, 4.12.2026.
fn figures(r: &mut Reader<'_, '_>) -> Option<Vec<Spelled>> {
    let first = r.number(0)?;
    let sign = r.peek(1);
    if !matches!(sign.as_str(), "-" | "/" | ".") || !r.joined(1) || !r.joined(2) {
        return None;
    }
    let second = r.number(2)?;
    let third = if r.peek(3) == sign && r.joined(3) && r.joined(4) { r.number(4) } else { None };
    let month = |n: i64| i8::try_from(n).ok().filter(|n| (1..=12).contains(n));
    let day = |n: i64| i8::try_from(n).ok().filter(|n| (1..=31).contains(n));
    let year = |n: i64| i16::try_from(if n < 100 { n + 2000 } else { n }).ok();
    let a_year = |n: i64| (1900..2200).contains(&n);
    if second > 31 || !(first <= 31 || a_year(first)) || third.is_some_and(|n| n > 99 && !a_year(n)) {
        // A telephone number, or a fraction.
        return None;
    }
    let (y, m, d) = match third {
        Some(third) if first > 31 => (year(first), second, third),
        Some(third) if sign == "." => (year(third), second, first),
        Some(third) => (year(third), first, second),
        None if sign == "/" => (None, first, second),
        None => return None,
    };
    // "24/7" and "50/50" are no days, and neither is a day before a month where that is not the custom.
    let spelled = match (month(m), day(d)) {
        (Some(month), Some(day)) => Spelled { year: y, month: Some(month), day: Some(day), ..Spelled::default() },
        _ if third.is_some() => Spelled { year: y, month: month(d), day: day(m), ..Spelled::default() },
        _ => return None,
    };
    r.at += if third.is_some() { 5 } else { 3 };
    Some(vec![spelled])
}

/// "Friday, December 4", "4th of Dec 2026", "December 4 to 6", "December 2026".
fn named(r: &mut Reader<'_, '_>) -> Option<Vec<Spelled>> {
    let start = r.at;
    let weekday = weekday(&r.peek(0), false);
    if weekday.is_some() {
        r.at += 1;
        r.eat(&["."]);
        r.eat(&[","]);
        r.eat(&["the"]);
    }
    let Some(mut first) = day_and_month(r) else {
        r.at = start;
        return None;
    };
    first.weekday = weekday;
    let mut days = vec![first];
    if let Some(last) = first.last_day {
        days.push(Spelled { day: Some(last), weekday: None, ..first });
    }
    // A range: its second half may leave out the month.
    let before = r.at;
    if r.eat(&["-", "–", "—", "to", "through", "and", "until"]) {
        if let Some(second) = day_and_month(r) {
            days.push(second);
        } else if let Some(day) = day(r) {
            days.push(Spelled { day: Some(day), weekday: None, ..first });
        } else {
            r.at = before;
        }
    }
    if first.day.is_some() {
        let before = r.at;
        r.eat(&[","]);
        let year = r.number(0).filter(|y| (1900..2200).contains(y)).and_then(|y| i16::try_from(y).ok());
        match year {
            Some(year) => {
                r.at += 1;
                days.iter_mut().for_each(|day| day.year = day.year.or(Some(year)));
            }
            None => r.at = before,
        }
    }
    Some(days)
}

/// A number of a day with its "st", "nd", "rd", "th".
fn day(r: &mut Reader<'_, '_>) -> Option<i8> {
    let day = r.number(0).and_then(|n| i8::try_from(n).ok()).filter(|n| (1..=31).contains(n))?;
    r.at += 1;
    if r.joined(0) {
        r.eat(&["st", "nd", "rd", "th"]);
    }
    Some(day)
}

fn day_and_month(r: &mut Reader<'_, '_>) -> Option<Spelled> {
    let start = r.at;
    if let Some(month) = month(&r.peek(0)) {
        let spelled_out = r.all[r.at].is_capital();
        r.at += 1;
        r.eat(&["."]);
        r.eat(&["the"]);
        let year = r.number(0).filter(|y| (1900..2200).contains(y)).and_then(|y| i16::try_from(y).ok());
        if let Some(day) = day(r) {
            return Some(Spelled { month: Some(month), day: Some(day), ..Spelled::default() });
        }
        if year.is_some() {
            r.at += 1;
            return Some(Spelled { year, month: Some(month), ..Spelled::default() });
        }
        // A month alone; "may" and "march" are words as well.
        if spelled_out && !matches!(month, 3 | 5) && r.all[start].text.len() > 3 {
            r.at = start + 1;
            return Some(Spelled { month: Some(month), ..Spelled::default() });
        }
        r.at = start;
        return None;
    }
    let first = day(r);
    let second = first.and_then(|_| {
        // "4-6 December"
        let before = r.at;
        let joined = r.eat(&["-", "–", "to"]);
        let second = if joined { day(r) } else { None };
        if second.is_none() {
            r.at = before;
        }
        second
    });
    r.eat(&["of"]);
    match (first, month(&r.peek(0))) {
        (Some(day), Some(month)) if second.is_none() => {
            r.at += 1;
            r.eat(&["."]);
            Some(Spelled { month: Some(month), day: Some(day), ..Spelled::default() })
        }
        (Some(day), Some(month)) => {
            r.at += 1;
            Some(Spelled { month: Some(month), day: Some(day), last_day: second, ..Spelled::default() })
        }
        _ => {
            r.at = start;
            None
        }
    }
}

fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let whole = NAMES.iter().position(|name| *name == word);
    let short = || NAMES.iter().position(|name| word.len() == 3 && name.starts_with(word));
    let found = whole.or_else(short).or(if word == "sept" { Some(8) } else { None });
    found.and_then(|n| i8::try_from(n + 1).ok())
}

fn weekday(word: &str, whole_only: bool) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    let same =
        |name: &str| name == word || (!whole_only && (3..=5).contains(&word.len()) && name.starts_with(word));
    NAMES.iter().find(|(name, _)| same(name)).map(|(_, weekday)| *weekday)
}

/// Why a spelled day is none of the deal's; `None` when it is one.
fn against(day: Spelled, known: &Known) -> Option<String> {
    let same = |date: &&Date| {
        day.year.is_none_or(|y| y == date.year())
            && day.month.is_none_or(|m| m == date.month())
            && day.day.is_none_or(|d| d == date.day())
    };
    let meant: Vec<&Date> = known.dates.iter().filter(same).collect();
    if meant.is_empty() {
        return Some(UNKNOWN.into());
    }
    let weekday = day.weekday?;
    let right = meant.iter().any(|date| date.weekday() == weekday);
    (!right).then(|| format!("{} is a {}.", meant[0].strftime("%B %-d, %Y"), meant[0].strftime("%A")))
}

/// "tomorrow", "next Friday", "in three days", "by the 15th". The inner `None` says that it is known.
fn relative(r: &mut Reader<'_, '_>, known: &Known) -> Option<Option<String>> {
    let from_today = |days: i64| known.today.checked_add(Span::new().days(days)).unwrap_or(date(9999, 12, 31));
    let is_known = |days: i64| known.dates.contains(&from_today(days));
    let verdict = |fine: bool, why: &str| Some((!fine).then(|| why.to_owned()));
    let word = r.peek(0);
    let near = match word.as_str() {
        "today" | "tonight" => Some(0),
        "tomorrow" => Some(1),
        "yesterday" => Some(-1),
        _ => None,
    };
    if let Some(days) = near {
        r.at += 1;
        return verdict(is_known(days), UNKNOWN);
    }
    if let Some(weekday) = weekday(&word, true) {
        r.at += 1;
        let coming = (1..=14).any(|n| from_today(n).weekday() == weekday && is_known(n));
        let past = (-7..=0).any(|n| from_today(n).weekday() == weekday && is_known(n));
        return verdict(coming || past, "No date of the deal is on this weekday, within a week of today.");
    }
    if matches!(word.as_str(), "next" | "this" | "coming" | "following" | "last") {
        let within = match r.peek(1).as_str() {
            "week" => Some(Range { start: 1, end: 15 }),
            "weekend" => Some(Range { start: 0, end: 15 }),
            "month" | "year" | "quarter" => None,
            _ => return None,
        };
        // "this week" and the like are vague on purpose; they pass when something of the deal happens then.
        r.at += 2;
        let fine = within.is_some_and(|mut days| days.any(is_known));
        return verdict(fine, UNKNOWN);
    }
    if matches!(word.as_str(), "christmas" | "thanksgiving" | "easter" | "halloween") {
        r.at += 1;
        return verdict(false, UNKNOWN);
    }
    if matches!(word.as_str(), "by" | "on" | "until" | "before" | "after" | "from" | "through" | "since")
        && r.peek(1) == "the"
        && r.joined(3)
        && matches!(r.peek(3).as_str(), "st" | "nd" | "rd" | "th")
    {
        let day = r.number(2).and_then(|n| i8::try_from(n).ok());
        r.at += 4;
        return verdict(known.dates.iter().any(|date| Some(date.day()) == day), UNKNOWN);
    }
    duration(r, known)
}

/// "3 days", "two business days", "a week", "48 hours".
fn duration(r: &mut Reader<'_, '_>, known: &Known) -> Option<Option<String>> {
    let number = match r.peek(0).as_str() {
        "a" | "an" => Some(1),
        word => r.number(0).or_else(|| number_word(word)),
    }?;
    let mut unit = 1;
    if r.peek(unit) == "-" {
        unit += 1;
    }
    if matches!(r.peek(unit).as_str(), "business" | "calendar" | "working" | "full" | "more") {
        unit += 1;
    }
    let days = match r.peek(unit).as_str() {
        "day" | "days" => Some(number),
        "week" | "weeks" => number.checked_mul(7),
        "hour" | "hours" | "minute" | "minutes" | "month" | "months" | "year" | "years" => None,
        _ => return None,
    };
    r.at += unit + 1;
    let on = |days: i64| known.today.checked_add(Span::new().days(days)).is_ok_and(|on| known.dates.contains(&on));
    let fine = days.is_some_and(|n| n < 40_000 && (known.days.contains(&n) || on(n) || on(-n)));
    Some((!fine).then(|| "This length of time follows from no date of the deal.".to_owned()))
}
