//! Which ways a person wants to be told of what, and when.

use std::cmp::Ordering;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Channel, Mode, Person, Preferences, Quiet, Topic};
use crate::kernel::Problem;
use crate::kernel::id::ContactId;

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

/// Of what a person hears, and by which ways: what their preferences can be about. A program's facts are told to programs.
pub fn known_to(person: Person) -> (&'static [Topic], &'static [Channel]) {
    const OF_MEMBERS: [Topic; 9] = [
        Topic::Reminder,
        Topic::Overdue,
        Topic::Escalation,
        Topic::Digest,
        Topic::FollowUp,
        Topic::Checklist,
        Topic::Message,
        Topic::Approval,
        Topic::Alert,
    ];
    match person {
        Person::Member(_) => (&OF_MEMBERS, &[Channel::InApp, Channel::Email, Channel::Sms, Channel::Discord]),
        Person::Contact(_) => (
            &[Topic::Reminder, Topic::FollowUp, Topic::Checklist, Topic::Message],
            &[Channel::Email, Channel::Sms],
        ),
    }
}

/// What a change says that means nothing for a contact. What was said before stays said.
pub fn without_meaning(before: &Preferences, new: &Preferences) -> Vec<Problem> {
    let usual = Preferences::default();
    let mut problems = Vec::new();
    let mut no = |field: &str, sentence: &str| problems.push(Problem::new(field, sentence));
    if ![&before.digest_at, &usual.digest_at].contains(&&new.digest_at) {
        no("digest_at", "means nothing for a contact: digests are for members.");
    }
    if ![before.digest_on, usual.digest_on].contains(&new.digest_on) {
        no("digest_on", "means nothing for a contact: digests are for members.");
    }
    if new.phone.is_some() && new.phone != before.phone {
        no("phone", "is kept with the contact itself. Change it there (milepost contact edit --phone).");
    }
    if new.discord.is_some() && new.discord != before.discord {
        no("discord", "means nothing for a contact: contacts are reached by email and sms.");
    }
    let (topics, channels) = known_to(Person::Contact(ContactId(uuid::Uuid::nil())));
    for (topic, ways) in &new.topics {
        for (channel, mode) in ways {
            let field = format!("topics.{topic}.{channel}");
            if before.said(*topic, *channel) == Some(*mode) {
                continue;
            }
            if !topics.contains(topic) {
                let known: Vec<&str> = topics.iter().map(|topic| topic.as_str()).collect();
                no(&field, &format!("means nothing for a contact, who hears of {}.", known.join(", ")));
            } else if !channels.contains(channel) {
                no(&field, "means nothing for a contact: contacts are reached by email and sms.");
            }
        }
    }
    if new.order != before.order && new.order.iter().any(|channel| !channels.contains(channel)) {
        no("order", "names a way by which no contact is reached. Use email and sms.");
    }
    if let Some(quiet) = new.quiet.as_ref().filter(|_| new.quiet != before.quiet)
        && open_minutes(quiet).is_some_and(|open| open < LEAST_OPEN)
    {
        no(
            "quiet",
            "leaves less than an hour between 09:00 and 21:00, when anything is sent at all. To send nothing, switch the \
             topics off, or record an opt-out.",
        );
    }
    problems
}

/// A contact can be reached for so many minutes of a day, or says so in other words.
const LEAST_OPEN: usize = 60;

/// How many minutes from 09:00 to 21:00, when contacts can be written to, lie outside of the hours.
fn open_minutes(quiet: &Quiet) -> Option<usize> {
    let minute =
        |time: Time| usize::from(time.hour().unsigned_abs()) * 60 + usize::from(time.minute().unsigned_abs());
    let (from, until) = (minute(clock(&quiet.from)?), minute(clock(&quiet.until)?));
    let within = |at: &usize| match from <= until {
        true => (from..until).contains(at),
        false => *at >= from || *at < until,
    };
    Some((9 * 60..21 * 60).filter(|at| !within(at)).count())
}

/// The order in which a person's channels are tried, those that the person named first.
pub fn order(preferences: &Preferences) -> Vec<Channel> {
    let usual = [Channel::InApp, Channel::Email, Channel::Sms, Channel::Discord];
    let rest = usual.into_iter().filter(|channel| !preferences.order.contains(channel));
    preferences.order.iter().copied().chain(rest).collect()
}

/// Where a contact can be written to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses<'a> {
    pub email: Option<&'a str>,
    pub phone: Option<&'a str>,
    /// Whether a consent to text messages holds.
    pub agreed_to_sms: bool,
}

/// Why a contact is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWay {
    NoAddress,
    /// The contact does not want to hear of this.
    SwitchedOff,
}

/// The first of a contact's ways, in the contact's order, that is open: an e-mail address, or a number with consent.
pub fn way(
    contact: ContactId,
    at: Addresses<'_>,
    preferences: &Preferences,
    topic: Topic,
) -> Result<(Channel, String), NoWay> {
    let open = |channel: Channel| match channel {
        Channel::Email => at.email,
        Channel::Sms if at.agreed_to_sms => at.phone,
        _ => None,
    };
    let open: Vec<(Channel, &str)> =
        order(preferences).into_iter().filter_map(|channel| Some((channel, open(channel)?))).collect();
    let wanted = |channel: Channel| preferences.mode(Person::Contact(contact), topic, channel) != Mode::Off;
    match open.iter().find(|(channel, _)| wanted(*channel)) {
        Some((channel, address)) => Ok((*channel, (*address).to_owned())),
        None if open.is_empty() => Err(NoWay::NoAddress),
        None => Err(NoWay::SwitchedOff),
    }
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
