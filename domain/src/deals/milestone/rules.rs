//! Whether a rule is for a deal, when its milestone is due, when that day is over, and what may happen to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::explain::spoken;
use super::template::DateRule;
use super::{Derivation, Due, HolidayData, MilestoneStatus, OpenState, Reference, State, StoredRule, Undated};
use crate::deals::calendar::{Arrival, Days, HolidayCalendar, NoDate, count_calendar_days};
use crate::deals::deal::{Financing, Side};
use crate::kernel::{Code, Problem, Refusal};

/// What decides which rules are for a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    pub side: Side,
    pub financing: Financing,
    /// Two capital letters.
    pub state: &'a str,
}

/// Why a rule makes no milestone on a deal, as one sentence; `None` when it makes one.
pub fn why_not(rule: &DateRule, terms: Terms<'_>) -> Option<String> {
    let title = &rule.title;
    if !rule.financing.is_empty() && !rule.financing.contains(&terms.financing) {
        let known = list(rule.financing.iter().map(|financing| financing.as_str()), "or");
        return Some(format!("{title} is for {known} financing; this deal's is {}.", terms.financing));
    }
    if !rule.states.is_empty() && !rule.states.iter().any(|state| state == terms.state) {
        let known = list(rule.states.iter().map(String::as_str), "or");
        return Some(format!("{title} is for properties in {known}; this one is in {}.", terms.state));
    }
    if !rule.sides.is_empty() && terms.side != Side::Both && !rule.sides.contains(&terms.side) {
        let known = list(rule.sides.iter().map(|side| side.as_str()), "or");
        return Some(format!("{title} is for the {known} side; we represent the {}.", terms.side));
    }
    None
}

/// "a", "a and b", "a, b and c".
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>, joined_by: &str) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {joined_by} {last}", first.join(", ")),
    }
}

/// The key date that a rule counts from: its name, its date, the offset, and whether it is the fallback.
pub(crate) struct Counting<'a> {
    pub name: &'a str,
    pub date: Date,
    pub offset: i32,
    pub fallback: bool,
}

/// `None` when neither the rule's reference nor its fallback is among the dates.
pub(crate) fn counting_from<'a>(rule: &'a DateRule, dates: &BTreeMap<String, Date>) -> Option<Counting<'a>> {
    let found = |name: &'a str, offset, fallback| {
        dates.get(name).map(|date| Counting { name, date: *date, offset, fallback })
    };
    found(&rule.reference, rule.offset, false).or_else(|| {
        let fallback = rule.fallback.as_ref()?;
        found(&fallback.reference, fallback.offset, true)
    })
}

/// What a rule says about these dates: a date and how it was worked out, or that it needs one. Never a guess.
pub fn due_on(stored: &StoredRule, dates: &BTreeMap<String, Date>) -> Result<Due, NoDate> {
    let rule = &stored.rule;
    let Some(from) = counting_from(rule, dates) else {
        let fallback = rule.fallback.as_ref().map(|fallback| fallback.reference.clone());
        return Ok(Due::NeedsDate(Undated {
            template: stored.template.clone(),
            template_version: stored.template_version,
            rule: rule.type_.clone(),
            absent: std::iter::once(rule.reference.clone()).chain(fallback).collect(),
        }));
    };
    let holidays = HolidayCalendar::named(&stored.holidays)?;
    let counted = match rule.days {
        Days::Calendar => Arrival { date: count_calendar_days(from.date, from.offset)?, passed: Vec::new() },
        Days::Business => holidays.count_business_days(from.date, from.offset)?,
    };
    let rolled = holidays.roll(counted.date, rule.roll)?;
    Ok(Due::On(Derivation {
        template: stored.template.clone(),
        template_version: stored.template_version,
        rule: rule.type_.clone(),
        holidays: HolidayData { calendar: holidays.id().into(), version: holidays.version().into() },
        reference: Reference { name: from.name.into(), date: from.date },
        offset: from.offset,
        days: rule.days,
        roll: rule.roll,
        fallback: from.fallback,
        absent: from.fallback.then(|| rule.reference.clone()),
        skipped: counted.passed,
        counted_to: counted.date,
        rolled: rolled.passed,
        due_on: rolled.date,
    }))
}

/// The instant at which the due day is over in the deal's zone: the start of the next civil day there.
///
/// Where daylight saving skips midnight, the next day starts when the gap is over; where midnight
/// comes twice, at the first (RFC 5545, section 3.3.5). A date at the very end of time lapses at the last instant
/// there is.
pub fn lapses_at(due_on: Date, zone: &TimeZone) -> Timestamp {
    due_on
        .tomorrow()
        .and_then(|next| zone.to_ambiguous_zoned(next.to_datetime(Time::midnight())).compatible())
        .map(|start| start.timestamp())
        .unwrap_or(if due_on.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}

/// What is shown. `lapses_at` is `None` for a milestone without a date, which is never overdue.
pub fn status(state: &State, lapses_at: Option<Timestamp>, now: Timestamp) -> MilestoneStatus {
    match state {
        State::Open(_) if lapses_at.is_some_and(|lapse| lapse <= now) => MilestoneStatus::Overdue,
        State::Open(OpenState::Upcoming) => MilestoneStatus::Upcoming,
        State::Open(OpenState::Scheduled) => MilestoneStatus::Scheduled,
        State::Open(OpenState::InProgress) => MilestoneStatus::InProgress,
        State::Completed { .. } => MilestoneStatus::Completed,
        State::Waived { .. } => MilestoneStatus::Waived,
    }
}

/// What came of a change of state that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new state, to be stored.
    Now(State),
    /// It was so before, with this evidence, which is kept. Nothing to store.
    Already(State),
}

/// `by` is the person's name as it is shown.
pub fn complete(state: &State, by: &str, now: Timestamp) -> Result<Step, Refusal> {
    match state {
        State::Open(_) => Ok(Step::Now(State::Completed { at: now, by: by.into() })),
        State::Completed { .. } => Ok(Step::Already(state.clone())),
        State::Waived { .. } => Err(settled(state, "completed", "complete it")),
    }
}

/// A wish to do without a milestone.
#[derive(Clone, Copy, Debug)]
pub struct Waiver<'a> {
    /// Whether the milestone is required; then the reason may not be blank.
    pub required: bool,
    pub reason: Option<&'a str>,
    /// The person's name as it is shown.
    pub by: &'a str,
    pub at: Timestamp,
}

pub const MAX_REASON: usize = 1000;

pub fn waive(state: &State, waiver: Waiver<'_>) -> Result<Step, Refusal> {
    match state {
        State::Completed { .. } => return Err(settled(state, "waived", "waive it")),
        State::Waived { .. } => return Ok(Step::Already(state.clone())),
        State::Open(_) => {}
    }
    let reason = waiver.reason.map(str::trim).filter(|reason| !reason.is_empty());
    if waiver.required && reason.is_none() {
        return Err(Refusal {
            next: "Waive it again and say why it is not needed.".into(),
            ..Refusal::invalid(vec![Problem::new("reason", "a required milestone is only waived with a reason.")])
        });
    }
    if reason.is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        let sentence = format!("must be at most {MAX_REASON} characters.");
        return Err(Refusal::invalid(vec![Problem::new("reason", sentence)]));
    }
    Ok(Step::Now(State::Waived { at: waiver.at, by: waiver.by.into(), reason: reason.map(str::to_owned) }))
}

/// Back to `upcoming`. A milestone that is open already stays as far as it is.
pub fn reopen(state: &State) -> Step {
    match state {
        State::Open(_) => Step::Already(state.clone()),
        State::Completed { .. } | State::Waived { .. } => Step::Now(State::Open(OpenState::Upcoming)),
    }
}

pub fn set_open_state(state: &State, to: OpenState) -> Result<Step, Refusal> {
    match state {
        State::Open(from) if *from == to => Ok(Step::Already(state.clone())),
        State::Open(_) => Ok(Step::Now(State::Open(to))),
        State::Completed { .. } | State::Waived { .. } => {
            Err(settled(state, &format!("set to {}", spoken(to)), &format!("set it to {}", spoken(to))))
        }
    }
}

/// The refusal to touch what is completed or waived, which says how to reopen it.
pub fn settled(state: &State, participle: &str, then: &str) -> Refusal {
    let stands = match state {
        State::Open(open) => format!("is {}", spoken(*open)),
        State::Completed { by, .. } => format!("was completed by {by}"),
        State::Waived { by, reason: None, .. } => format!("was waived by {by}"),
        State::Waived { by, reason: Some(reason), .. } => format!("was waived by {by} (\"{reason}\")"),
    };
    Refusal::new(
        Code::WrongState,
        format!("The milestone {stands}, so it cannot be {participle}. Nothing was changed."),
        format!("Reopen the milestone first, then {then}."),
    )
}

#[cfg(test)]
mod tests;
