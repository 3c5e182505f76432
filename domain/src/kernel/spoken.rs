//! Days and times as people say them: "next friday 5pm", "in 3 days", "dec 12", "end of month".
//!
//! Whoever asks shows the reading back ([`echo`]) before anything is changed; what can't be read is refused, never guessed.
//! English, and the American order of month and day, since the trade is American.
//!
//! - "friday" and "next friday" are the first Friday after today; "this friday" may be today.
//! - "friday next week" is the Friday of the week that begins on the Monday after today.
//! - A day without its year ("dec 12", "12/31", "the 15th") is the first one that has not passed; today has not.
//! - Of what has happened by now ([`past_date`]) "dec 12", "12/31", "the 15th" and "friday" are the last ones that are not ahead.
//! - "in 3 days", "in two weeks", "in a month" are counted from today; the end of a month that is shorter is its last day.
//! - "05/06" is 6 May. Where somebody may have meant another day, the reading says which.
//! - Hours need am or pm, or all four digits of a 24-hour clock: "5pm", "17:00", "noon", but neither "5" nor "5:00".

#[cfg(test)]
mod tests;
mod words;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit, Zoned};

use self::words::{Length, Word, words};
use crate::kernel::time::{TimeOfDay, moment as shown};
use crate::kernel::{Problem, text};

/// Longer words than these mean no day.
pub const MOST: usize = 100;

/// A day as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpokenDate {
    pub date: Date,
    /// Another day that the same words are used for. Who shows the reading shows this as well.
    pub also: Option<Date>,
}

/// An instant as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpokenMoment {
    pub at: Timestamp,
    /// Another day that the same words are used for.
    pub also: Option<Date>,
}

/// Where a day lies that the words alone leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    Ahead,
    Behind,
}

/// The day that somebody means who says this on `today`. It may have passed.
pub fn date(field: &str, said: &str, today: Date) -> Result<SpokenDate, Problem> {
    date_that(Lies::Ahead, field, said, today)
}

/// The same of something that has most likely happened by now, such as the signing of a contract. It may still be ahead.
pub fn past_date(field: &str, said: &str, today: Date) -> Result<SpokenDate, Problem> {
    date_that(Lies::Behind, field, said, today)
}

fn date_that(lies: Lies, field: &str, said: &str, today: Date) -> Result<SpokenDate, Problem> {
    let no = No { field, said };
    let said = no.words()?;
    match clock(&said) {
        Some(_) => Err(no.because("has a time of day. Give the day alone.")),
        None => day(&said, today, lies).map_err(|why| no.of(why)),
    }
}

/// The instant that somebody means who says this at `now`, in the zone of `now`. It may have passed. A day without a time
/// is refused; a time without a day is today's. Where the clock jumps, as [`TimeOfDay::instant`].
pub fn moment(field: &str, said: &str, now: &Zoned) -> Result<SpokenMoment, Problem> {
    let no = No { field, said };
    let said = no.words()?;
    if let Some(ahead) = ahead(&said) {
        let at = now.timestamp().checked_add(ahead).map_err(|_| no.of(Why::Unread))?;
        return Ok(SpokenMoment { at, also: None });
    }
    let Some((time, rest)) = clock(&said) else {
        return Err(match day(&said, now.date(), Lies::Ahead) {
            Ok(_) => no.because("has no time of day. Add one, such as 5pm, 17:00 or noon."),
            Err(why) => no.of(why),
        });
    };
    let found = match rest {
        [] => SpokenDate { date: now.date(), also: None },
        rest => day(rest, now.date(), Lies::Ahead).map_err(|why| no.of(why))?,
    };
    let at = time.instant(found.date, now.time_zone()).ok_or_else(|| no.of(Why::Unread))?;
    if rest.is_empty() && at <= now.timestamp() {
        return Err(no.because("has passed today. Say which day, such as tomorrow."));
    }
    Ok(SpokenMoment { at, also: found.also })
}

/// A day as it is shown back to whoever said it: "Friday 11 December 2026, in 3 weeks".
pub fn echo(date: Date, today: Date) -> String {
    format!("{}, {}", in_full(date), away(date, today))
}

/// An instant as it is shown back, in the zone of whoever said it: "Fri 11 Dec 2026, 17:00 CST, in 3 weeks".
pub fn echo_moment(at: Timestamp, now: &Zoned) -> String {
    let zone: &TimeZone = now.time_zone();
    let day = at.to_zoned(zone.clone()).date();
    format!("{}, {}", shown(at, zone), away(day, now.date()))
}

/// "Friday 11 December 2026"
pub fn in_full(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}

/// "today", "in 3 days", "2 weeks ago"
pub fn away(date: Date, today: Date) -> String {
    let days = today.until((Unit::Day, date)).map_or(0, |span| span.get_days());
    let count = |n: i32| match n % 7 {
        0 if n >= 14 => format!("{} weeks", n / 7),
        _ => format!("{n} days"),
    };
    match days {
        0 => "today".into(),
        1 => "tomorrow".into(),
        -1 => "yesterday".into(),
        2.. => format!("in {}", count(days)),
        _ => format!("{} ago", count(-days)),
    }
}

/// Why words mean no day.
enum Why {
    Unread,
    /// A whole sentence after the words themselves.
    Because(String),
}

struct No<'a> {
    field: &'a str,
    said: &'a str,
}

impl No<'_> {
    fn words(&self) -> Result<Vec<Word>, Problem> {
        let line = text::line(self.field, self.said, MOST)?;
        words(&line).ok_or_else(|| self.of(Why::Unread))
    }

    fn because(&self, why: &str) -> Problem {
        let shown: String = self.said.trim().chars().take(40).collect();
        Problem::new(self.field, format!("\"{shown}\" {why}"))
    }

    fn of(&self, why: Why) -> Problem {
        match why {
            Why::Unread => self.because(
                "is nothing that can be read as a day. Write it as 2027-03-31, \"mar 31\", \"next friday\" or \"in 3 days\".",
            ),
            Why::Because(why) => self.because(&why),
        }
    }
}

/// "in 2 hours": what is counted from now and not from today.
fn ahead(said: &[Word]) -> Option<SignedDuration> {
    let (count, length) = match said {
        [Word::In, Word::Number(count), Word::Length(length)] => (*count, length),
        _ => return None,
    };
    match length {
        Length::Minute => Some(SignedDuration::from_mins(count.into())),
        Length::Hour => Some(SignedDuration::from_hours(count.into())),
        _ => None,
    }
}

/// The time at the end or at the beginning, and the other words.
fn clock(said: &[Word]) -> Option<(TimeOfDay, &[Word])> {
    match said {
        [rest @ .., Word::At, Word::Time(time)] | [rest @ .., Word::Time(time)] => Some((*time, rest)),
        [Word::At, Word::Time(time), rest @ ..] | [Word::Time(time), rest @ ..] => Some((*time, rest)),
        _ => None,
    }
}

fn day(said: &[Word], today: Date, lies: Lies) -> Result<SpokenDate, Why> {
    use Word::{Day, End, From, In, Length as Unit, Next, Nth, Number, This, Today};
    let sure = |date: Date| Ok(SpokenDate { date, also: None });
    match said {
        [Today] => sure(today),
        [Word::Tomorrow] => sure(read("tomorrow", today)?),
        [Word::Yesterday] => sure(read("yesterday", today)?),
        [Unit(Length::Day), Word::After, Word::Tomorrow] => sure(later(2, Length::Day, today)?),
        [This, Day(weekday)] if *weekday == today.weekday() => sure(today),
        [Day(weekday)] if lies == Lies::Behind => {
            let ahead = first_after(*weekday, today)?;
            let date = later(-7, Length::Day, ahead)?;
            let also = if date == today { later(-7, Length::Day, date)? } else { ahead };
            Ok(SpokenDate { date, also: Some(also) })
        }
        [Day(weekday)] | [This, Day(weekday)] => {
            let also = (*weekday == today.weekday()).then_some(today);
            Ok(SpokenDate { date: first_after(*weekday, today)?, also })
        }
        // Many mean the one after it.
        [Next, Day(weekday)] => {
            let date = first_after(*weekday, today)?;
            Ok(SpokenDate { date, also: later(7, Length::Day, date).ok() })
        }
        // For some the week begins on Sunday.
        [Day(weekday), Next, Unit(Length::Week)] if *weekday != Weekday::Sunday => {
            let monday = first_after(Weekday::Monday, today)?;
            sure(later(weekday.to_monday_zero_offset().into(), Length::Day, monday)?)
        }
        [In, Number(count), Unit(length)]
        | [Number(count), Unit(length)]
        | [Number(count), Unit(length), From, Today] => sure(later(*count, *length, today)?),
        [Number(count), Unit(length), Word::Ago] => sure(later(-count, *length, today)?),
        [End, Unit(Length::Month)] | [End, This, Unit(Length::Month)] => sure(today.last_of_month()),
        [End, Next, Unit(Length::Month)] => sure(next_month(today)?.last_of_month()),
        [Nth(nth)] if lies == Lies::Behind && i32::from(today.day()) >= *nth => sure(of_month(*nth, today)?),
        [Nth(nth)] if lies == Lies::Behind => {
            let last = later(-1, Length::Month, today.first_of_month())?;
            Ok(SpokenDate { date: of_month(*nth, last)?, also: of_month(*nth, today).ok() })
        }
        [Nth(nth)] if i32::from(today.day()) <= *nth => sure(of_month(*nth, today)?),
        [Nth(nth)] | [Nth(nth), Next, Unit(Length::Month)] => sure(of_month(*nth, next_month(today)?)?),
        [Day(weekday), rest @ ..] if !rest.is_empty() => {
            let SpokenDate { date, .. } = absolute(rest, today, lies)?;
            if date.weekday() == *weekday {
                return sure(date);
            }
            let (date, is) = (date.strftime("%-d %B %Y"), date.strftime("%A"));
            Err(Why::Because(format!("names two days: {date} is a {is}.")))
        }
        said => absolute(said, today, lies),
    }
}

/// A day of the calendar, with or without its year.
fn absolute(said: &[Word], today: Date, lies: Lies) -> Result<SpokenDate, Why> {
    use Word::{Iso, Month, Nth, Number, Slashes, Year};
    let in_year = |month, day, year| in_year(month, day, year, today, lies);
    match said {
        [Iso(date)] => Ok(SpokenDate { date: *date, also: None }),
        [Month(month), Number(day) | Nth(day)] | [Number(day) | Nth(day), Month(month)] => {
            in_year(*month, *day, None)
        }
        [Month(month), Number(day) | Nth(day), Year(year)]
        | [Number(day) | Nth(day), Month(month), Year(year)] => in_year(*month, *day, Some(*year)),
        [Slashes(month, ..)] if !(1..=12).contains(month) => {
            Err(Why::Because("has no such month. Write month/day/year, such as 12/31/2027.".into()))
        }
        [Slashes(month, day, year)] => {
            let found = in_year(*month, *day, *year)?;
            let swapped = (month != day).then(|| in_year(*day, *month, *year).ok()).flatten();
            Ok(SpokenDate { also: swapped.map(|other| other.date).or(found.also), ..found })
        }
        _ => Err(Why::Unread),
    }
}

/// Without a year the first one that has not passed, or the last one that is not ahead; whoever speaks may have meant the
/// one of this year all the same.
fn in_year(month: i32, day: i32, year: Option<i32>, today: Date, lies: Lies) -> Result<SpokenDate, Why> {
    let this = i32::from(today.year());
    let of = |year: i32| {
        let name = words::MONTHS[usize::try_from(month - 1).unwrap_or(0).min(11)];
        let no_such = || Why::Because(format!("is no day: {name} {year} has no {day}."));
        read(&format!("{year:04}-{month:02}-{day:02}"), today).map_err(|_| no_such())
    };
    if let Some(year) = year {
        return Ok(SpokenDate { date: of(year)?, also: None });
    }
    match (of(this)?, lies) {
        (passed, Lies::Ahead) if passed < today => Ok(SpokenDate { date: of(this + 1)?, also: Some(passed) }),
        (ahead, Lies::Behind) if ahead > today => Ok(SpokenDate { date: of(this - 1)?, also: Some(ahead) }),
        (date, _) => Ok(SpokenDate { date, also: None }),
    }
}

fn of_month(day: i32, month: Date) -> Result<Date, Why> {
    let no_such = || Why::Because(format!("is no day of {}.", month.strftime("%B %Y")));
    let day = i8::try_from(day).map_err(|_| no_such())?;
    Date::new(month.year(), month.month(), day).map_err(|_| no_such())
}

fn next_month(today: Date) -> Result<Date, Why> {
    later(1, Length::Month, today.first_of_month())
}

fn first_after(weekday: Weekday, today: Date) -> Result<Date, Why> {
    let tomorrow = read("tomorrow", today)?;
    if tomorrow.weekday() == weekday { Ok(tomorrow) } else { read(words::name(weekday), tomorrow) }
}

fn later(count: i32, length: Length, from: Date) -> Result<Date, Why> {
    let unit = match length {
        Length::Day => "days",
        Length::Week => "weeks",
        Length::Month => "months",
        Length::Year => "years",
        Length::Minute | Length::Hour => return Err(Why::Unread),
    };
    let ago = if count < 0 { " ago" } else { "" };
    read(&format!("{} {unit}{ago}", count.abs()), from)
}

/// What `interim` makes of a phrase of ours. It is shown nothing that somebody wrote: it takes "3 weekdays" for three weeks
/// and "12 pm" for midnight, and there are words on which it panics.
fn read(phrase: &str, today: Date) -> Result<Date, Why> {
    let midnight = today.to_zoned(TimeZone::UTC).map_err(|_| Why::Unread)?;
    let found = interim::parse_date_string(phrase, midnight, interim::Dialect::Us).map_err(|_| Why::Unread)?;
    Some(found.date()).filter(|date| date.year() >= 1).ok_or(Why::Unread)
}
