//! When a reminder is due, which of them share a message, and what the clock makes of a deal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::{Key, Kind, Recipient};
use crate::deals::deal::PartyRole;
use crate::deals::milestone::Responsible;
use crate::kernel::id::{ContactId, MemberId, MilestoneId};

/// 09:00 of a day in a zone. Where a change of clocks skips it, the end of the gap; where it comes twice, the first.
pub fn nine(date: Date, zone: &TimeZone) -> Timestamp {
    let local = date.to_datetime(Time::constant(9, 0, 0, 0));
    zone.to_ambiguous_zoned(local).compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The day of a reminder, `lead` days before the due day.
pub fn remind_on(due_on: Date, lead: i32) -> Date {
    due_on.checked_sub(Span::new().days(lead)).unwrap_or(due_on)
}

/// The instant of a reminder: 09:00 of its day in the owner's zone. When that is after the due day has ended where the
/// deal is (an owner far to the west of it), 09:00 of the day before.
pub fn remind_at(on: Date, lapses_at: Timestamp, zone: &TimeZone) -> Timestamp {
    let at = nine(on, zone);
    match on.yesterday() {
        Ok(before) if at >= lapses_at => nine(before, zone),
        _ => at,
    }
}

/// When a reminder goes out, as things stand now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Now,
    Later(Timestamp),
    /// The due day is over.
    TooLate,
}

/// A reminder whose instant passed (the milestone is new, it moved, the server was down) goes out at once, but not
/// before 09:00 in the owner's zone, as long as the due day has not ended.
pub fn when(at: Timestamp, lapses_at: Timestamp, zone: &TimeZone, now: Timestamp) -> When {
    if now >= lapses_at {
        return When::TooLate;
    }
    if now < at {
        return When::Later(at);
    }
    let today = nine(now.to_zoned(zone.clone()).date(), zone);
    if today > now && today < lapses_at { When::Later(today) } else { When::Now }
}

/// How long before a day starts in UTC its 09:00 may be due somewhere on earth, the day before included. Hours.
const EARLIEST_HOURS: i64 = 26;

/// The earliest instant at which the clock may make something happen for an open milestone, whoever owns the deal and
/// wherever they are; `None` for one without a date. Looking too early does no harm: the next look is worked out then.
pub fn first_look(due_on: Option<Date>, lead: Option<i32>, lapses_at: Option<Timestamp>) -> Option<Timestamp> {
    let lapses_at = lapses_at?;
    let early = lead.zip(due_on).map(|(lead, due_on)| before_anywhere(remind_on(due_on, lead)));
    Some(early.map_or(lapses_at, |early| early.min(lapses_at)))
}

fn before_anywhere(on: Date) -> Timestamp {
    let midnight = TimeZone::UTC.to_ambiguous_zoned(on.to_datetime(Time::midnight())).compatible();
    let midnight = midnight.map_or(Timestamp::MAX, |zoned| zoned.timestamp());
    midnight.checked_sub(SignedDuration::from_hours(EARLIEST_HOURS)).unwrap_or(Timestamp::MIN)
}

/// Who answers for a milestone among the people of its deal: the responsible member, else the parties with the role,
/// else the deal's owner; and the team's chat, or the owner where there is none.
pub fn recipients(
    responsible: Responsible,
    member: Option<MemberId>,
    parties: &[(PartyRole, ContactId)],
    owner: Option<MemberId>,
    chat: Option<&Recipient>,
) -> Vec<Recipient> {
    let mut to: Vec<Recipient> = Vec::new();
    match (member, responsible.role()) {
        (Some(member), _) => to.push(Recipient::Member(member)),
        (None, role) => {
            let meant = parties.iter().filter(|(of, _)| role.is_none_or(|role| *of == role));
            to.extend(meant.map(|(_, contact)| Recipient::Contact(*contact)));
        }
    }
    if to.is_empty() {
        to.extend(owner.map(Recipient::Member));
    }
    to.extend(chat.cloned().or(owner.map(Recipient::Member)));
    let mut seen = BTreeSet::new();
    to.retain(|recipient| seen.insert(recipient.clone()));
    to
}

/// An open milestone with a date, and who is told of it.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: MilestoneId,
    pub due_on: Date,
    pub lapses_at: Timestamp,
    /// Days; `None` when reminders are off.
    pub lead: Option<i32>,
    pub required: bool,
    /// An agent wrote its title: contacts are not sent it.
    pub by_agent: bool,
    pub recipients: Vec<Recipient>,
    /// The day on which somebody wants it said again.
    pub snoozed_until: Option<Date>,
}

impl Item {
    /// The keys of its reminders, as it is now.
    pub fn keys(&self) -> Vec<Key> {
        let Some(lead) = self.lead else { return Vec::new() };
        let key = |recipient: &Recipient| Key {
            milestone: self.id,
            kind: Kind::Reminder,
            recipient: recipient.clone(),
            on: remind_on(self.due_on, lead),
        };
        self.recipients.iter().map(key).collect()
    }
}

/// Who hears, step after step, of a required milestone that stays overdue.
#[derive(Clone, Debug, Default)]
pub struct Escalation {
    /// How long after the step before; the first after the owner was told.
    pub after: SignedDuration,
    pub path: Vec<Vec<MemberId>>,
}

/// What is known of an active deal.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub now: Timestamp,
    /// The owner's.
    pub zone: TimeZone,
    pub owner: Option<MemberId>,
    pub items: &'a [Item],
    /// Everything that was told, missed or refused, and since when that is so; `None` while its message has not left. What
    /// was taken back is not among it.
    pub settled: HashMap<Key, Option<Timestamp>>,
    pub escalation: &'a Escalation,
}

/// Some milestones in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub recipient: Recipient,
    pub kind: Kind,
    /// The first was due first; the message is named after it.
    pub items: Vec<(MilestoneId, Date)>,
    /// When it was to be sent.
    pub at: Timestamp,
}

/// What the clock makes of a deal now, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub groups: Vec<Group>,
    pub missed: Vec<Key>,
    /// Words that an agent wrote, which a contact is not sent.
    pub withheld: Vec<Key>,
    /// When each milestone needs the next look; `None` for never, as it is now.
    pub looks: Vec<(MilestoneId, Option<Timestamp>)>,
}

/// Due days of one message lie within so many days of the earliest.
const WINDOW_DAYS: i32 = 3;

pub fn plan(facts: &Facts<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut looks: BTreeMap<MilestoneId, Option<Timestamp>> =
        facts.items.iter().map(|item| (item.id, None)).collect();
    let mut look = |id: MilestoneId, at: Timestamp| {
        let next = looks.entry(id).or_default();
        *next = Some(next.map_or(at, |known| known.min(at)));
    };
    remind(facts, &mut plan, &mut look);
    snoozed(facts, &mut plan, &mut look);
    overdue(facts, &mut plan, &mut look);
    escalate(facts, &mut plan, &mut look);
    plan.looks = looks.into_iter().collect();
    plan
}

fn remind(facts: &Facts<'_>, plan: &mut Plan, look: &mut impl FnMut(MilestoneId, Timestamp)) {
    let mut waiting: BTreeMap<&Recipient, Vec<Waiting<'_>>> = BTreeMap::new();
    for item in facts.items {
        let Some(lead) = item.lead else { continue };
        let on = remind_on(item.due_on, lead);
        let at = remind_at(on, item.lapses_at, &facts.zone);
        let when = when(at, item.lapses_at, &facts.zone, facts.now);
        for recipient in &item.recipients {
            let key = Key { milestone: item.id, kind: Kind::Reminder, recipient: recipient.clone(), on };
            if facts.settled.contains_key(&key) {
                continue;
            }
            match when {
                When::TooLate => plan.missed.push(key),
                When::Now if item.by_agent && matches!(recipient, Recipient::Contact(_)) => {
                    plan.withheld.push(key);
                }
                _ if item.by_agent && matches!(recipient, Recipient::Contact(_)) => {
                    look(item.id, next_look(when, on, facts.now));
                }
                _ => waiting.entry(recipient).or_default().push(Waiting { item, on, at, when }),
            }
        }
    }
    for (recipient, mut waiting) in waiting {
        waiting.sort_by_key(|w| (w.item.due_on, w.item.id));
        for window in windows(&waiting) {
            if window.iter().all(|w| w.when != When::Now) {
                for w in window {
                    look(w.item.id, next_look(w.when, w.on, facts.now));
                }
                continue;
            }
            // Named after one that is due, so that its name says a reminder that is its own.
            let mut items: Vec<&Waiting<'_>> = window.iter().collect();
            items.sort_by_key(|w| (w.when != When::Now, w.at, w.item.due_on, w.item.id));
            let at = items.first().map_or(facts.now, |first| first.at);
            let items = items.iter().map(|w| (w.item.id, w.on)).collect();
            plan.groups.push(Group { recipient: recipient.clone(), kind: Kind::Reminder, items, at });
        }
    }
}

struct Waiting<'a> {
    item: &'a Item,
    on: Date,
    at: Timestamp,
    when: When,
}

/// Cuts what is sorted by due day into windows, each as wide as it may be from its earliest due day on. Nothing is in
/// two of them, and nothing in none.
fn windows<'a, 'b>(sorted: &'b [Waiting<'a>]) -> Vec<&'b [Waiting<'a>]> {
    let mut windows = Vec::new();
    let mut rest = sorted;
    while let Some(first) = rest.first() {
        let end = first.item.due_on.checked_add(Span::new().days(WINDOW_DAYS)).unwrap_or(Date::MAX);
        let size = rest.iter().take_while(|w| w.item.due_on < end).count().max(1);
        let (window, later) = rest.split_at(size);
        windows.push(window);
        rest = later;
    }
    windows
}

/// Shortly before a reminder may be due anywhere, look again: until then its owner's zone may change.
fn next_look(when: When, on: Date, now: Timestamp) -> Timestamp {
    let early = before_anywhere(on);
    match when {
        When::Later(at) if now < early => early.min(at),
        When::Later(at) => at,
        When::Now | When::TooLate => now,
    }
}

/// What was put off is said again at nine of its day to those of the team who hear of it, what is overdue by then apart from
/// what is to come. Escalations go on all the while.
fn snoozed(facts: &Facts<'_>, plan: &mut Plan, look: &mut impl FnMut(MilestoneId, Timestamp)) {
    /// What shares a message, and since when it is due.
    type Shared = (Vec<(MilestoneId, Date)>, Timestamp);
    let mut due: BTreeMap<(&Recipient, bool), Shared> = BTreeMap::new();
    for item in facts.items {
        let Some(on) = item.snoozed_until else { continue };
        let at = nine(on, &facts.zone);
        for recipient in item.recipients.iter().filter(|recipient| !matches!(recipient, Recipient::Contact(_))) {
            let key = Key { milestone: item.id, kind: Kind::Snoozed, recipient: recipient.clone(), on };
            if facts.settled.contains_key(&key) {
                continue;
            }
            if facts.now < at {
                look(item.id, at);
                continue;
            }
            let (items, first) =
                due.entry((recipient, item.lapses_at <= facts.now)).or_insert((Vec::new(), Timestamp::MAX));
            items.push((item.id, on));
            *first = (*first).min(at);
        }
    }
    for ((recipient, _), (items, at)) in due {
        plan.groups.push(Group { recipient: recipient.clone(), kind: Kind::Snoozed, items, at });
    }
}

fn overdue(facts: &Facts<'_>, plan: &mut Plan, look: &mut impl FnMut(MilestoneId, Timestamp)) {
    let mut items = Vec::new();
    let mut at = Timestamp::MAX;
    for item in facts.items {
        if facts.now < item.lapses_at {
            look(item.id, item.lapses_at);
        } else if telling(facts, item, Kind::Overdue) == Telling::Untold {
            items.push((item.id, item.due_on));
            at = at.min(item.lapses_at);
        }
    }
    if let (Some(owner), false) = (facts.owner, items.is_empty()) {
        let recipient = Recipient::Member(owner);
        plan.groups.push(Group { recipient, kind: Kind::Overdue, items, at });
    }
}

/// How far it has come that anybody is told: who owns the deal later is not told a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Untold,
    /// Its message has not left.
    UnderWay,
    Over(Timestamp),
}

fn telling(facts: &Facts<'_>, item: &Item, kind: Kind) -> Telling {
    let of = |key: &Key| key.milestone == item.id && key.kind == kind && key.on == item.due_on;
    let mut telling = Telling::Untold;
    for (_, over) in facts.settled.iter().filter(|(key, _)| of(key)) {
        telling = match (telling, over) {
            (Telling::Over(first), Some(at)) => Telling::Over(first.min(*at)),
            (Telling::Over(first), None) => Telling::Over(first),
            (_, Some(at)) => Telling::Over(*at),
            (_, None) => Telling::UnderWay,
        };
    }
    telling
}

/// How soon it is asked again whether a message has left.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// One step after the other, each counted from when those before it were told: a server that was down for days does not
/// tell everybody at once.
fn escalate(facts: &Facts<'_>, plan: &mut Plan, look: &mut impl FnMut(MilestoneId, Timestamp)) {
    let path = &facts.escalation.path;
    let mut due: Vec<(Vec<(MilestoneId, Date)>, Timestamp)> = vec![(Vec::new(), Timestamp::MAX); path.len()];
    for item in facts.items.iter().filter(|item| item.required && item.lapses_at <= facts.now) {
        let mut before = match telling(facts, item, Kind::Overdue) {
            Telling::Untold if facts.owner.is_none() => Telling::Over(item.lapses_at),
            told => told,
        };
        for (step, whom) in path.iter().enumerate() {
            let Telling::Over(since) = before else {
                look(item.id, facts.now + ASK_AGAIN);
                break;
            };
            let at = since.checked_add(facts.escalation.after).unwrap_or(Timestamp::MAX);
            if facts.now < at {
                look(item.id, at);
                break;
            }
            before = match telling(facts, item, Kind::Escalation(number(step))) {
                // Nobody stands on this step, and the next one waits as if somebody did.
                Telling::Untold if whom.is_empty() => Telling::Over(at),
                Telling::Untold => {
                    due[step].0.push((item.id, item.due_on));
                    due[step].1 = due[step].1.min(at);
                    Telling::UnderWay
                }
                told => told,
            };
        }
    }
    for (step, (whom, (items, at))) in path.iter().zip(due).enumerate() {
        let members = if items.is_empty() { &[][..] } else { whom };
        for member in members {
            let (recipient, kind) = (Recipient::Member(*member), Kind::Escalation(number(step)));
            plan.groups.push(Group { recipient, kind, items: items.clone(), at });
        }
    }
}

/// Steps are counted from 1.
fn number(step: usize) -> u8 {
    u8::try_from(step + 1).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
