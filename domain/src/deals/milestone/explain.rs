//! Why a milestone is due when it is, in plain words.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::rules::list;
use super::{ByHand, Derivation, Due, OpenState, Origin, State, Undated};
use crate::deals::calendar::{Days, PassedDay, Roll};

/// The whole reason for a milestone's date: key date, counting, each day that did not count, rule and version, and who
/// overrode it. `zone` is the deal's; instants are shown in it.
pub fn explain(title: &str, due_on: Option<Date>, origin: &Origin, zone: &TimeZone) -> String {
    match origin {
        Origin::Rule(derivation) => {
            let counted = counted(derivation);
            format!("{title} is due {}: {counted} {}", long(derivation.due_on), source(derivation))
        }
        Origin::NeedsDate(undated) => format!("{title} needs a date: {}", needs(undated)),
        Origin::ByHand(by_hand) => {
            let due = due_on.map_or_else(|| "has no date".to_owned(), |date| format!("is due {}", long(date)));
            format!("{title} {due}: {}", set_by_hand(by_hand, zone))
        }
    }
}

/// What a step that changed nothing says: who did it and when, which is kept.
pub fn already(title: &str, state: &State, zone: &TimeZone) -> String {
    match state {
        State::Open(open) => format!("{title} is {} already. Nothing was changed.", spoken(*open)),
        State::Completed { at, by } => {
            format!("{title} was completed already, by {by} on {}. Nothing was changed.", moment(*at, zone))
        }
        State::Waived { at, by, reason } => {
            let quoted = quoted(reason.as_deref());
            format!("{title} was waived already, by {by} on {}{quoted}. Nothing was changed.", moment(*at, zone))
        }
    }
}

/// "in progress"
pub(super) fn spoken(open: OpenState) -> String {
    open.as_str().replace('_', " ")
}

/// "Friday 4 December 2026"
pub fn long(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}

/// "Friday 4 December 2026, 14:05 EST"
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%A %-d %B %Y, %H:%M %Z").to_string()
}

fn counted(derivation: &Derivation) -> String {
    let reference = format!("{} ({})", derivation.reference.name, long(derivation.reference.date));
    let mut words = match derivation.offset {
        0 if derivation.rolled.is_empty() => format!("the day of {}", derivation.reference.name),
        0 => format!("from {reference}"),
        offset => {
            let unit = match (derivation.days, offset.unsigned_abs()) {
                (Days::Calendar, 1) => "calendar day",
                (Days::Calendar, _) => "calendar days",
                (Days::Business, 1) => "business day",
                (Days::Business, _) => "business days",
            };
            let side = if offset < 0 { "before" } else { "after" };
            format!("{} {unit} {side} {reference}", offset.unsigned_abs())
        }
    };
    if let Some(absent) = &derivation.absent {
        words.push_str(&format!(", because {absent} is not set"));
    }
    words.push('.');
    if !derivation.skipped.is_empty() {
        words.push_str(&format!(" Not counted: {}.", passed(&derivation.skipped)));
    }
    if !derivation.rolled.is_empty() {
        let are = if derivation.rolled.len() == 1 { "is no business day" } else { "are no business days" };
        let to = if derivation.roll == Roll::Previous { "back to the previous one" } else { "on to the next one" };
        words.push_str(&format!(" {} {are}, so the date moves {to}.", passed(&derivation.rolled)));
    }
    words
}

fn source(derivation: &Derivation) -> String {
    let mut words = rule(&derivation.rule, &derivation.template, derivation.template_version);
    if derivation.days == Days::Business || derivation.roll != Roll::None {
        let holidays = &derivation.holidays;
        words.push_str(&format!(" Holidays: {}, version {}.", holidays.calendar, holidays.version));
    }
    words
}

fn rule(rule: &str, template: &str, version: i32) -> String {
    format!("Rule {rule} of template {template}, version {version}.")
}

fn needs(undated: &Undated) -> String {
    let is = if undated.absent.len() == 1 { "is" } else { "are" };
    let absent = list(undated.absent.iter().map(String::as_str), "and");
    let rule = rule(&undated.rule, &undated.template, undated.template_version);
    format!("{absent} {is} not set. {rule}")
}

fn set_by_hand(by_hand: &ByHand, zone: &TimeZone) -> String {
    let ByHand { by, at, reason, instead_of } = by_hand;
    let mut words = format!("set by hand by {by} on {}{}.", moment(*at, zone), quoted(reason.as_deref()));
    match instead_of.as_deref() {
        None => words.push_str(" No rule made it."),
        Some(Due::On(derivation)) => words.push_str(&format!(
            " The rule said {}: {} {}",
            long(derivation.due_on),
            counted(derivation),
            source(derivation)
        )),
        Some(Due::NeedsDate(undated)) => {
            words.push_str(&format!(" The rule gave no date: {}", needs(undated)));
        }
    }
    words
}

fn quoted(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" (\"{reason}\")"))
}

/// A weekend day is named by its date already; a holiday needs its own name.
fn passed(days: &[PassedDay]) -> String {
    let named: Vec<String> = days
        .iter()
        .map(|day| {
            let weekend = matches!(day.date.weekday(), Weekday::Saturday | Weekday::Sunday);
            match day.why.split_once(" and ") {
                Some((_, holiday)) if weekend => format!("{} ({holiday})", long(day.date)),
                _ if weekend => long(day.date),
                _ => format!("{} ({})", long(day.date), day.why.replace(" (observed)", ", observed")),
            }
        })
        .collect();
    list(named.iter().map(String::as_str), "and")
}

#[cfg(test)]
mod tests;
