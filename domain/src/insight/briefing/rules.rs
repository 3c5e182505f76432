//! How urgent something is, and why it is on the list: in words of our own.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};

use super::{Item, Section, Urgency};
use crate::assist::draft::{DraftKind, DraftState};
use crate::deals::milestone::Responsible;
use crate::delivery::{Status, To};
use crate::kernel::time;
use crate::people::reach::Channel;

/// A deal that closes within so many days is looked at.
pub const CLOSING_DAYS: i32 = 14;
/// Closing so soon is today's matter.
const CLOSING_NOW: i32 = 3;
/// An approval whose deadline is so near is today's matter, and so is one that waited for so long.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// Days from one day to another; negative when it is over.
pub fn days(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to)).map_or(0, |span| span.get_days())
}

/// "Fri 4 Dec 2026"
fn day(on: Date) -> String {
    on.strftime("%a %-d %b %Y").to_string()
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// "today", "in 3 days", "2 days ago"
fn away(days: i32) -> String {
    match days {
        0 => "today".into(),
        1 => "tomorrow".into(),
        -1 => "yesterday".into(),
        2.. => format!("in {days} days"),
        _ => format!("{} days ago", -days),
    }
}

/// What is known of a milestone's obligation.
#[derive(Clone, Copy, Debug)]
pub struct Duty {
    pub required: bool,
    pub responsible: Responsible,
}

impl Duty {
    fn told(self) -> String {
        let who = match self.responsible {
            Responsible::All => "everybody on the deal answers for it".to_owned(),
            role => format!("the {} answers for it", role.as_str().replace('_', " ")),
        };
        match self.required {
            true => format!("It is required, and {who}."),
            false => format!("It can be waived without a reason; {who}."),
        }
    }
}

pub fn overdue(on: Date, today: Date, duty: Duty) -> (Urgency, String) {
    // A deal in a zone that is ahead may be a day further.
    let late = days(on, today).max(1);
    let why =
        format!("Its day was {}, {} late. {}", day(on), count(late.unsigned_abs() as usize, "day"), duty.told());
    (if duty.required { Urgency::Now } else { Urgency::Today }, why)
}

pub fn due(on: Date, today: Date, duty: Duty) -> (Urgency, String) {
    let left = days(today, on).max(0);
    let why = format!("Its day is {}, {}. {}", day(on), away(left), duty.told());
    (if left <= 1 { Urgency::Today } else { Urgency::Soon }, why)
}

/// `absent` are the key dates that its rule could count from.
pub fn needs_date(absent: &[String], duty: Duty) -> (Urgency, String) {
    let why = match absent {
        [] => "It has no date, so nobody is reminded of it.".to_owned(),
        some => format!("It has no date, because the deal does not say its {}.", some.join(" or ")),
    };
    (if duty.required { Urgency::Today } else { Urgency::Soon }, format!("{why} {}", duty.told()))
}

pub fn waits(opened: Timestamp, due: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> (Urgency, String) {
    let since = now.duration_since(opened);
    let waits = match since.as_hours() {
        ..1 => "It has waited for a yes for less than an hour.".to_owned(),
        hours @ 1..48 => format!("It has waited for a yes for {}.", count(hours.unsigned_abs() as usize, "hour")),
        hours => format!("It has waited for a yes for {}.", count((hours / 24).unsigned_abs() as usize, "day")),
    };
    let (urgency, deadline) = match due {
        Some(due) if due <= now => (Urgency::Now, format!(" Its deadline passed on {}.", time::moment(due, zone))),
        Some(due) if due.duration_since(now) <= SOON => {
            (Urgency::Today, format!(" Its deadline is {}.", time::moment(due, zone)))
        }
        Some(due) => (waiting(since), format!(" Its deadline is {}.", time::moment(due, zone))),
        None => (waiting(since), String::new()),
    };
    (urgency, waits + &deadline)
}

fn waiting(since: SignedDuration) -> Urgency {
    if since >= SOON { Urgency::Today } else { Urgency::Soon }
}

/// What a letter is called that has no subject yet.
pub fn unwritten(kind: DraftKind, to: &str) -> String {
    let what = match kind {
        DraftKind::FollowUp => "Follow-up",
        DraftKind::Checklist => "Checklist",
        DraftKind::Message => "Message",
    };
    // A role on the deal, or one contact by an id.
    let to = if to.contains(':') { "one party".into() } else { format!("the {}", to.replace('_', " ")) };
    format!("{what} to {to}")
}

/// `blocking` counts the findings that stand in the way of a yes.
pub fn letter(state: DraftState, blocking: usize) -> (Urgency, String) {
    match state {
        DraftState::Blocked if blocking > 0 => {
            let stand = if blocking == 1 { "stands" } else { "stand" };
            let what = count(blocking, "finding");
            (Urgency::Today, format!("Nobody can approve it as it is: {what} {stand} in the way."))
        }
        DraftState::Blocked => {
            (Urgency::Today, "Its approvers want other words, or it has nobody to go to.".into())
        }
        _ => (Urgency::Soon, "It is not written yet.".into()),
    }
}

pub fn not_delivered(status: Status, channel: Channel, to: To, at: Option<String>) -> (Urgency, String) {
    let whom = match to {
        To::Contact(_) => "a contact",
        To::Member(_) => "a member",
        To::Endpoint(_) => "a program",
        To::Team => "the team",
    };
    let what = format!("The message by {} to {whom}", channel.as_str().replace('_', "-"));
    let when = at.map_or_else(String::new, |at| format!(" on {at}"));
    let why = match status {
        Status::Unknown => {
            format!("{what} may or may not have arrived{when}: nobody can know, and a person decides.")
        }
        Status::Dead => format!("{what} was tried in vain and given up{when}."),
        _ => format!("{what} failed{when}."),
    };
    (Urgency::Now, why)
}

pub fn closing(on: Date, today: Date, open: usize, overdue: usize) -> (Urgency, String) {
    let left = days(today, on);
    let what = match open {
        0 => "nothing is open".to_owned(),
        n => format!("{} open", count(n, "milestone") + if n == 1 { " is" } else { " are" }),
    };
    let late = match overdue {
        0 => String::new(),
        1 => ", 1 of them overdue".into(),
        n => format!(", {n} of them overdue"),
    };
    match left {
        ..0 => (
            Urgency::Now,
            format!("Its closing was to be on {}, {}, and it is still active; {what}{late}.", day(on), away(left)),
        ),
        0..=CLOSING_NOW => (Urgency::Today, format!("It closes {}, on {}; {what}{late}.", away(left), day(on))),
        _ => (Urgency::Soon, format!("It closes on {}, {}; {what}{late}.", day(on), away(left))),
    }
}

pub fn held(since: String) -> (Urgency, String) {
    (Urgency::Now, format!("All messages are held since {since}: nothing leaves until a person resumes."))
}

/// The most urgent first; of these by their sections; then those of the earliest day.
pub fn sort(items: &mut [Item]) {
    items.sort_by_key(|item| (item.urgency, item.section, item.due_on.unwrap_or(Date::MAX)));
}

/// "2 overdue, 1 due, 3 wait for a yes."
pub fn summary(totals: &BTreeMap<Section, i64>) -> String {
    let told: Vec<String> = totals
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(section, n)| match section {
            Section::Held => "messages are held".to_owned(),
            Section::Overdue => format!("{n} overdue"),
            Section::NotDelivered => format!("{n} not delivered"),
            Section::Due => format!("{n} due soon"),
            Section::WaitsForYes if *n == 1 => "1 waits for a yes".into(),
            Section::WaitsForYes => format!("{n} wait for a yes"),
            Section::Letter if *n == 1 => "1 letter to see to".into(),
            Section::Letter => format!("{n} letters to see to"),
            Section::Closing if *n == 1 => "1 deal about to close".into(),
            Section::Closing => format!("{n} deals about to close"),
            Section::NeedsDate if *n == 1 => "1 needs a date".into(),
            Section::NeedsDate => format!("{n} need a date"),
        })
        .collect();
    match told.as_slice() {
        [] => "Nothing needs attention today.".into(),
        some => {
            let all = some.join(", ");
            let mut chars = all.chars();
            chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const LENDER: Duty = Duty { required: true, responsible: Responsible::Lender };

    #[test]
    fn why_something_is_on_the_list_is_a_sentence() {
        let today = date(2026, 12, 4);
        let check =
            |told: (Urgency, String), urgency: Urgency, why: &str| assert_eq!(told, (urgency, why.to_owned()));
        check(
            overdue(date(2026, 12, 1), today, LENDER),
            Urgency::Now,
            "Its day was Tue 1 Dec 2026, 3 days late. It is required, and the lender answers for it.",
        );
        let optional = Duty { required: false, responsible: Responsible::All };
        check(
            overdue(today, today, optional),
            Urgency::Today,
            "Its day was Fri 4 Dec 2026, 1 day late. It can be waived without a reason; everybody on the deal answers for it.",
        );
        check(
            due(today, today, LENDER),
            Urgency::Today,
            "Its day is Fri 4 Dec 2026, today. It is required, and the lender answers for it.",
        );
        assert_eq!(due(date(2026, 12, 5), today, LENDER).0, Urgency::Today);
        assert_eq!(due(date(2026, 12, 6), today, LENDER).0, Urgency::Soon);
        let absent = ["inspection_deadline".to_owned()];
        assert!(
            needs_date(&absent, LENDER)
                .1
                .starts_with("It has no date, because the deal does not say its inspection_deadline.")
        );
        check(
            letter(DraftState::Blocked, 1),
            Urgency::Today,
            "Nobody can approve it as it is: 1 finding stands in the way.",
        );
        check(
            closing(today, today, 2, 1),
            Urgency::Today,
            "It closes today, on Fri 4 Dec 2026; 2 milestones are open, 1 of them overdue.",
        );
        check(
            closing(date(2026, 12, 2), today, 0, 0),
            Urgency::Now,
            "Its closing was to be on Wed 2 Dec 2026, 2 days ago, and it is still active; nothing is open.",
        );
        check(
            not_delivered(Status::Unknown, Channel::Email, To::Team, None),
            Urgency::Now,
            "The message by email to the team may or may not have arrived: nobody can know, and a person decides.",
        );
    }

    #[test]
    fn a_wait_grows_more_urgent() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-12-04T15:00:00Z");
        let check = |opened: &str, due: Option<&str>, urgency: Urgency, why: &str| {
            let told = waits(at(opened), due.map(at), now, &time::zone("America/Chicago"));
            assert_eq!(told, (urgency, why.to_owned()));
        };
        check("2026-12-04T14:30:00Z", None, Urgency::Soon, "It has waited for a yes for less than an hour.");
        check("2026-12-03T10:00:00Z", None, Urgency::Today, "It has waited for a yes for 29 hours.");
        check("2026-12-01T15:00:00Z", None, Urgency::Today, "It has waited for a yes for 3 days.");
        check(
            "2026-12-04T13:00:00Z",
            Some("2026-12-05T15:00:00Z"),
            Urgency::Today,
            "It has waited for a yes for 2 hours. Its deadline is Sat 5 Dec 2026, 09:00 CST.",
        );
        check(
            "2026-12-04T13:00:00Z",
            Some("2026-12-04T14:00:00Z"),
            Urgency::Now,
            "It has waited for a yes for 2 hours. Its deadline passed on Fri 4 Dec 2026, 08:00 CST.",
        );
    }

    #[test]
    fn a_day_is_summed_up_in_a_sentence() {
        assert_eq!(summary(&BTreeMap::new()), "Nothing needs attention today.");
        let some = BTreeMap::from([
            (Section::Overdue, 2),
            (Section::WaitsForYes, 1),
            (Section::Held, 1),
            (Section::Due, 0),
        ]);
        assert_eq!(summary(&some), "Messages are held, 2 overdue, 1 waits for a yes.");
    }
}
