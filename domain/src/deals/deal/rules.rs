//! Which key dates a deal can have, which milestones follow from them, and how a deal moves from draft to its end.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::{CLOSING_DATE, CONTRACT_DATE, DealStatus, KeyDates};
use crate::deals::calendar::NoDate;
use crate::deals::milestone::explain::long;
use crate::deals::milestone::rules::{Terms, counting_from, due_on, why_not};
use crate::deals::milestone::template::Template;
use crate::deals::milestone::{Origin, Responsible, StoredRule};
use crate::kernel::{Code, Problem, Refusal};

/// The first and last date that a deal or milestone can have. Every holiday calendar reaches further on both sides, so
/// that no rule within its bounds can leave it.
pub const FIRST_DATE: Date = date(2000, 1, 1);
pub const LAST_DATE: Date = date(2090, 12, 31);

pub const MAX_KEY_DATES: usize = 40;

/// A letter a-z, then up to 59 of a-z, 0-9 and `_`.
pub fn is_key_date_name(text: &str) -> bool {
    text.len() <= 60
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What is wrong with one line of text of 1 to `longest` characters; `None` when nothing is.
pub fn outside_text(text: &str, longest: usize) -> Option<String> {
    let wrong = text.trim().is_empty() || text.chars().count() > longest || text.chars().any(char::is_control);
    wrong.then(|| format!("must be 1 to {longest} characters on one line."))
}

/// What is wrong with any date that a person sets; `None` when nothing is.
pub fn check_date(field: &str, date: Date) -> Option<Problem> {
    let inside = (FIRST_DATE..=LAST_DATE).contains(&date);
    (!inside).then(|| Problem::new(field, format!("must be {FIRST_DATE} to {LAST_DATE}; it is {date}.")))
}

/// The name of the field that holds a key date. A name of any length comes in, so it is cut.
pub(crate) fn key_date_field(name: &str) -> String {
    format!("key_dates.{}", name.chars().take(60).collect::<String>())
}

/// Every problem with the key dates of a deal. Empty when it can have them.
pub fn check_key_dates(dates: &KeyDates) -> Vec<Problem> {
    let mut problems = Vec::new();
    for required in [CONTRACT_DATE, CLOSING_DATE] {
        if !dates.contains_key(required) {
            problems.push(Problem::new(key_date_field(required), "is missing; every deal has one."));
        }
    }
    for (name, date) in dates {
        if !is_key_date_name(name) {
            problems.push(Problem::new(
                key_date_field(name),
                "must be called by a letter a-z, then up to 59 of the characters a-z, 0-9 and _.",
            ));
        }
        problems.extend(check_date(&key_date_field(name), *date));
    }
    if let (Some(contract), Some(closing)) = (dates.get(CONTRACT_DATE), dates.get(CLOSING_DATE))
        && closing < contract
    {
        let sentence = format!("{} is before {CONTRACT_DATE}, {}.", long(*closing), long(*contract));
        problems.push(Problem::new(key_date_field(CLOSING_DATE), sentence));
    }
    if dates.len() > MAX_KEY_DATES {
        let sentence = format!("must be at most {MAX_KEY_DATES} dates; there are {}.", dates.len());
        problems.push(Problem::new("key_dates", sentence));
    }
    problems
}

/// What came of a change of a deal's status that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// The new status, to be stored, and how many milestones are still open in it; 0 for a draft just confirmed,
    /// whose milestones are only made then.
    Now { status: DealStatus, open_milestones: usize },
    /// It was so before. Nothing to store.
    Already(DealStatus),
}

/// A draft becomes active, and its milestones are generated. Confirming an active deal changes nothing.
pub fn confirm(status: DealStatus) -> Result<Moving, Refusal> {
    move_to(status, DealStatus::Active, 0)
}

/// An active deal is closed. Milestones may still be open; the result says how many.
pub fn close(status: DealStatus, open_milestones: usize) -> Result<Moving, Refusal> {
    move_to(status, DealStatus::Closed, open_milestones)
}

/// A draft or active deal is given up.
pub fn cancel(status: DealStatus, open_milestones: usize) -> Result<Moving, Refusal> {
    move_to(status, DealStatus::Cancelled, open_milestones)
}

/// Where a deal can go from here.
pub fn ways_on(status: DealStatus) -> &'static [DealStatus] {
    match status {
        DealStatus::Draft => &[DealStatus::Active, DealStatus::Cancelled],
        DealStatus::Active => &[DealStatus::Closed, DealStatus::Cancelled],
        DealStatus::Closed | DealStatus::Cancelled => &[],
    }
}

fn move_to(from: DealStatus, to: DealStatus, open_milestones: usize) -> Result<Moving, Refusal> {
    if from == to {
        return Ok(Moving::Already(to));
    }
    if ways_on(from).contains(&to) {
        return Ok(Moving::Now { status: to, open_milestones });
    }
    let next = match from {
        DealStatus::Draft => "Confirm the draft to make it active, or cancel it.",
        DealStatus::Active => "Close the deal, or cancel it.",
        DealStatus::Closed | DealStatus::Cancelled => "This is where a deal ends; create a new deal to go on.",
    };
    let stands = if from == DealStatus::Draft { "a draft" } else { from.as_str() };
    let sentence = format!("The deal is {stands}, so it cannot become {to}. Nothing was changed.");
    Err(Refusal::new(Code::WrongState, sentence, next))
}

/// A milestone as a template makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// To be stored with the milestone.
    pub rule: StoredRule,
    pub title: String,
    pub required: bool,
    pub responsible: Responsible,
    pub remind_days_before: Option<i32>,
    /// Who hears of its completion.
    pub notify: Vec<Responsible>,
    /// `None` when it needs a date; the origin says which key dates are absent.
    pub due_on: Option<Date>,
    pub origin: Origin,
}

/// Every milestone that a template makes on a deal, in the template's order. Problems are those of a date that leaves
/// the calendar, by the field of the key date it was counted from.
pub fn generate(template: &Template, terms: Terms<'_>, dates: &KeyDates) -> Result<Vec<Generated>, Vec<Problem>> {
    let mut made = Vec::new();
    let mut problems = Vec::new();
    for rule in template.rules.iter().filter(|rule| why_not(rule, terms).is_none()) {
        let stored = template.stored(rule);
        match due_on(&stored, dates) {
            Ok(due) => made.push(Generated {
                title: rule.title.clone(),
                required: rule.required,
                responsible: rule.responsible,
                remind_days_before: rule.remind_days_before,
                notify: rule.notify.clone(),
                due_on: due.date(),
                origin: due.into(),
                rule: stored,
            }),
            Err(no_date) => problems.push(no_date_problem(&stored, &rule.title, dates, &no_date)),
        }
    }
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

pub(super) fn no_date_problem(
    stored: &StoredRule,
    title: &str,
    dates: &BTreeMap<String, Date>,
    no_date: &NoDate,
) -> Problem {
    let field = counting_from(&stored.rule, dates)
        .map_or_else(|| "key_dates".to_owned(), |from| key_date_field(from.name));
    Problem::new(field, format!("{title} gets no date from it. {no_date}"))
}

#[cfg(test)]
mod tests;
