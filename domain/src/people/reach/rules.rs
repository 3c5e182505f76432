//! Which ways a person wants to be told of what, and when.

use std::cmp::Ordering;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Channel, Mode, Preferences, Quiet, Topic};

/// How a member hears of a topic who has said nothing else: in the app at once, and by e-mail what cannot wait.
pub fn usual_for_member(topic: Topic, channel: Channel) -> Mode {
    match (topic, channel) {
        (Topic::Digest, Channel::InApp) => Mode::Daily,
        (_, Channel::InApp) | (Topic::Escalation | Topic::Approval, Channel::Email) => Mode::On,
        _ => Mode::Off,
    }
}

/// How a contact hears of a topic who has said nothing else. Consent is asked for apart from this.
pub fn usual_for_contact(_: Topic, channel: Channel) -> Mode {
    match channel {
        Channel::Email | Channel::Sms => Mode::On,
        _ => Mode::Off,
    }
}

/// The order in which a person's channels are tried, those that the person named first.
pub fn order(preferences: &Preferences) -> Vec<Channel> {
    let usual = [Channel::InApp, Channel::Email, Channel::Sms, Channel::Discord];
    let rest = usual.into_iter().filter(|channel| !preferences.order.contains(channel));
    preferences.order.iter().copied().chain(rest).collect()
}

/// The first instant from `at` on that is not within the quiet hours in the zone. Where a change of clocks skips the end
/// of the quiet hours, they end when the gap is over; where it comes twice, at the first.
pub fn not_before(quiet: Option<&Quiet>, at: Timestamp, zone: &TimeZone) -> Timestamp {
    let Some((from, until)) = quiet.and_then(|quiet| Some((clock(&quiet.from)?, clock(&quiet.until)?))) else {
        return at;
    };
    let local = at.to_zoned(zone.clone());
    let time = local.time();
    let ends_on = match from.cmp(&until) {
        Ordering::Less if from <= time && time < until => local.date(),
        Ordering::Greater if time < until => local.date(),
        Ordering::Greater if from <= time => tomorrow(local.date()),
        _ => return at,
    };
    instant(ends_on, until, zone).max(at)
}

/// The next instant after `after` at which a digest of this kind goes out; `after` itself for what is not a digest.
pub fn next_digest(preferences: &Preferences, mode: Mode, after: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = after.to_zoned(zone.clone());
    let at = clock(&preferences.digest_at).unwrap_or(Time::constant(8, 0, 0, 0));
    match mode {
        Mode::On | Mode::Off => after,
        Mode::Hourly => next_hour(&local),
        Mode::Daily => first_after(local.date(), at, zone, after, |_| true),
        Mode::Weekly => {
            let day = preferences.digest_on.weekday();
            first_after(local.date(), at, zone, after, |date| date.weekday() == day)
        }
    }
}

fn next_hour(local: &Zoned) -> Timestamp {
    let into = local.timestamp().as_second().rem_euclid(3600);
    let next = local.timestamp().as_second() - into + 3600;
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

fn first_after(from: Date, at: Time, zone: &TimeZone, after: Timestamp, fits: impl Fn(Date) -> bool) -> Timestamp {
    let mut date = from;
    for _ in 0..9 {
        let candidate = instant(date, at, zone);
        if fits(date) && candidate > after {
            return candidate;
        }
        date = tomorrow(date);
    }
    after
}

fn tomorrow(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

/// A local time as an instant: after a gap, at the first of two.
pub fn instant(date: Date, time: Time, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().map_or(Timestamp::MAX, |z| z.timestamp())
}

/// Reads `HH:MM`.
pub fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl super::Day {
    pub fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chicago() -> TimeZone {
        TimeZone::get("America/Chicago").unwrap()
    }

    fn check(from: &str, until: &str, at: &str, said: &str) {
        let quiet = Quiet { from: from.into(), until: until.into() };
        let zoned: Zoned = format!("{at}[America/Chicago]").parse().unwrap();
        let until = not_before(Some(&quiet), zoned.timestamp(), &chicago());
        assert_eq!(until.to_zoned(chicago()).strftime("%a %H:%M").to_string(), said, "{at}");
    }

    #[test]
    fn quiet_hours_hold_until_they_end() {
        check("21:00", "08:00", "2026-10-14T20:59", "Wed 20:59");
        check("21:00", "08:00", "2026-10-14T21:00", "Thu 08:00");
        check("21:00", "08:00", "2026-10-14T07:59", "Wed 08:00");
        check("21:00", "08:00", "2026-10-14T08:00", "Wed 08:00");
        check("12:00", "13:00", "2026-10-14T11:59", "Wed 11:59");
        check("12:00", "13:00", "2026-10-14T12:00", "Wed 13:00");
        check("12:00", "13:00", "2026-10-14T12:30", "Wed 13:00");
        check("12:00", "13:00", "2026-10-14T13:00", "Wed 13:00");
        // 02:30 does not exist on the day when summer time starts.
        check("21:00", "02:30", "2027-03-14T01:00", "Sun 03:30");
    }

    #[test]
    fn quiet_hours_that_end_when_they_begin_hold_nothing_back() {
        check("12:00", "12:00", "2026-10-14T10:00", "Wed 10:00");
        check("12:00", "12:00", "2026-10-14T12:00", "Wed 12:00");
        check("12:00", "12:00", "2026-10-14T13:00", "Wed 13:00");
    }

    #[test]
    fn who_has_said_nothing_hears_as_is_usual() {
        let mut table = String::new();
        for topic in Topic::ALL {
            let ways = |usual: fn(Topic, Channel) -> Mode| -> Vec<String> {
                let heard = Channel::ALL.iter().map(|channel| (channel, usual(*topic, *channel)));
                heard.filter(|(_, mode)| *mode != Mode::Off).map(|(way, mode)| format!("{way} {mode}")).collect()
            };
            let (member, contact) = (ways(usual_for_member), ways(usual_for_contact));
            table.push_str(&format!(
                "{topic}: a member {}; a contact {}\n",
                member.join(", "),
                contact.join(", ")
            ));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_ways_that_a_person_named_are_tried_first() {
        let check = |named: &[Channel], expected: &[Channel]| {
            let preferences = Preferences { order: named.to_vec(), ..Preferences::default() };
            assert_eq!(order(&preferences), expected);
        };
        check(&[], &[Channel::InApp, Channel::Email, Channel::Sms, Channel::Discord]);
        check(&[Channel::Sms], &[Channel::Sms, Channel::InApp, Channel::Email, Channel::Discord]);
    }

    #[test]
    fn only_hours_and_minutes_are_a_time_of_day() {
        let check = |text: &str, expected: Option<(i8, i8)>| {
            assert_eq!(clock(text), expected.map(|(hour, minute)| Time::constant(hour, minute, 0, 0)), "{text}");
        };
        check("07:05", Some((7, 5)));
        check("23:59", Some((23, 59)));
        for wrong in ["7:05", "07:5", "007:05", "07:005", "24:00", "07:60", "+7:05", "07:+5", "07-05", "0705", ""]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn digests_come_at_the_persons_own_time() {
        let preferences = Preferences { digest_at: "07:30".into(), ..Preferences::default() };
        let next = |mode, at: &str| {
            let zoned: Zoned = format!("{at}[America/Chicago]").parse().unwrap();
            let next = next_digest(&preferences, mode, zoned.timestamp(), &chicago());
            next.to_zoned(chicago()).strftime("%a %-d %H:%M").to_string()
        };
        assert_eq!(next(Mode::Hourly, "2026-10-14T10:20"), "Wed 14 11:00");
        assert_eq!(next(Mode::Daily, "2026-10-14T07:29"), "Wed 14 07:30");
        assert_eq!(next(Mode::Daily, "2026-10-14T07:30"), "Thu 15 07:30");
        assert_eq!(next(Mode::Hourly, "2026-10-14T11:00"), "Wed 14 12:00");
        assert_eq!(next(Mode::Weekly, "2026-10-14T10:00"), "Mon 19 07:30");
        assert_eq!(next(Mode::Weekly, "2026-10-19T07:30"), "Mon 26 07:30");
        assert_eq!(next(Mode::On, "2026-10-14T10:20"), "Wed 14 10:20");
    }

    #[test]
    fn a_weekly_digest_comes_on_the_day_that_was_chosen() {
        let after: Zoned = "2026-10-12T09:00[America/Chicago]".parse().unwrap();
        for (place, day) in super::super::Day::ALL.iter().enumerate() {
            let preferences = Preferences { digest_on: *day, ..Preferences::default() };
            let next = next_digest(&preferences, Mode::Weekly, after.timestamp(), &chicago());
            let said = next.to_zoned(chicago()).strftime("%A %-d").to_string().to_lowercase();
            // Monday's was an hour ago.
            let date = if place == 0 { 19 } else { 12 + place };
            assert_eq!(said, format!("{day} {date}"));
        }
    }
}
