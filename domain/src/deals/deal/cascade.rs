//! What moves when a key date of a deal changes: planned first, shown whole, then applied whole or not at all.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{check_key_dates, key_date_field, no_date_problem};
use super::{CLOSING_DATE, CONTRACT_DATE, KeyDates};
use crate::deals::milestone::explain::long;
use crate::deals::milestone::rules::{counting_from, due_on};
use crate::deals::milestone::{Due, Origin, State, StoredRule};
use crate::kernel::Problem;
use crate::kernel::id::MilestoneId;
use crate::words;

/// A milestone of the deal as far as the cascade looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    pub id: MilestoneId,
    pub title: String,
    pub state: State,
    /// A person set its date, which therefore stays.
    pub pinned: bool,
    pub due_on: Option<Date>,
    pub origin: Origin,
    /// `None` for a milestone that no rule made.
    pub rule: Option<StoredRule>,
}

words! {
    /// What a person should look at.
    pub enum Flag {
        /// The new date is in the past.
        NeedsAttention = "needs_attention",
        AfterClosing = "after_closing",
        BeforeContract = "before_contract",
        /// There is no date to count from any more.
        NeedsDate = "needs_date",
    }
}

words! {
    /// Why a milestone keeps its date although its rule now says another.
    pub enum KeptWhy { Pinned = "pinned", Completed = "completed", Waived = "waived" }
}

/// Everything that a change of key dates does, before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Cascade {
    #[schemars(with = "BTreeMap<String, String>")]
    pub before: KeyDates,
    #[schemars(with = "BTreeMap<String, String>")]
    pub after: KeyDates,
    /// Milestones that get another date.
    pub changes: Vec<Moved>,
    /// Milestones that keep their date while the reason for it changes, as when an explicit deadline is set to the day
    /// that the fallback gave. Apart from `changes`, so that nobody is told of a move that is none; their origin is
    /// stored all the same.
    pub refreshed: Vec<Refreshed>,
    /// Milestones that would have moved but are pinned, completed or waived.
    pub kept: Vec<Kept>,
    /// Open milestones whose date stays, and is now out of order where it was not before.
    pub conflicts: Vec<Conflict>,
}

/// `null` is a date that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Moved {
    pub milestone_id: MilestoneId,
    pub title: String,
    #[schemars(with = "Option<String>")]
    pub old: Option<Date>,
    #[schemars(with = "Option<String>")]
    pub new: Option<Date>,
    pub flags: Vec<Flag>,
    pub origin_before: Origin,
    pub origin_after: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Refreshed {
    pub milestone_id: MilestoneId,
    pub title: String,
    #[schemars(with = "Option<String>")]
    pub due_on: Option<Date>,
    pub origin_before: Origin,
    pub origin_after: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Kept {
    pub milestone_id: MilestoneId,
    pub title: String,
    #[schemars(with = "Option<String>")]
    pub due_on: Option<Date>,
    /// What its rule says now; `null` when it would need a date.
    #[schemars(with = "Option<String>")]
    pub would_be: Option<Date>,
    pub why: KeptWhy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Conflict {
    pub milestone_id: MilestoneId,
    pub title: String,
    #[schemars(with = "String", extend("format" = "date"))]
    pub due_on: Date,
    pub flags: Vec<Flag>,
}

/// Plans a change of key dates. In `changes`, `None` removes an optional date. `today` is the civil date in the deal's
/// zone.
///
/// A milestone is touched only when the key date that its rule counts from, directly or by fallback, is another one
/// or has another date afterwards. Problems are those of the new key dates, of removing what is not there, and of a
/// change that changes nothing.
pub fn cascade(
    before: &KeyDates,
    changes: &BTreeMap<String, Option<Date>>,
    milestones: &[Dated],
    today: Date,
) -> Result<Cascade, Vec<Problem>> {
    let after = changed(before, changes)?;
    let mut plan = Cascade {
        before: before.clone(),
        after,
        changes: Vec::new(),
        refreshed: Vec::new(),
        kept: Vec::new(),
        conflicts: Vec::new(),
    };
    let mut problems = Vec::new();
    for milestone in milestones {
        match recomputed(milestone, &plan.before, &plan.after) {
            Ok(due) => plan.place(milestone, due, today),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

/// The key dates after the change, when a deal can have them.
fn changed(before: &KeyDates, changes: &BTreeMap<String, Option<Date>>) -> Result<KeyDates, Vec<Problem>> {
    let mut after = before.clone();
    let mut problems = Vec::new();
    for (name, date) in changes {
        match date {
            Some(date) => {
                after.insert(name.clone(), *date);
            }
            None if after.remove(name).is_none() => {
                problems.push(Problem::new(key_date_field(name), "is not set, so it cannot be removed."));
            }
            None => {}
        }
    }
    problems.extend(check_key_dates(&after));
    if problems.is_empty() && after == *before {
        let dates: Vec<String> = changes
            .iter()
            .filter_map(|(name, date)| date.map(|date| format!("{name} is {}", long(date))))
            .collect();
        let sentence = if dates.is_empty() {
            "name at least one date to change.".to_owned()
        } else {
            format!("these are already the dates: {}.", dates.join(", "))
        };
        problems.push(Problem::new("key_dates", sentence));
    }
    if problems.is_empty() { Ok(after) } else { Err(problems) }
}

/// What the rule of a milestone says afterwards; `None` when the change does not concern it.
fn recomputed(milestone: &Dated, before: &KeyDates, after: &KeyDates) -> Result<Option<Due>, Problem> {
    let Some(stored) = &milestone.rule else { return Ok(None) };
    let used = |dates| counting_from(&stored.rule, dates).map(|from| (from.name, from.date));
    if used(before) == used(after) {
        return Ok(None);
    }
    due_on(stored, after).map(Some).map_err(|no_date| no_date_problem(stored, &milestone.title, after, &no_date))
}

impl Cascade {
    fn place(&mut self, milestone: &Dated, due: Option<Due>, today: Date) {
        let Dated { id: milestone_id, title, due_on: old, .. } = milestone;
        let (milestone_id, title, old) = (*milestone_id, title.clone(), *old);
        let why = match &milestone.state {
            State::Completed { .. } => Some(KeptWhy::Completed),
            State::Waived { .. } => Some(KeptWhy::Waived),
            State::Open(_) => milestone.pinned.then_some(KeptWhy::Pinned),
        };
        match (due, why) {
            (Some(due), Some(why)) if due.date() != old => {
                self.kept.push(Kept { milestone_id, title, due_on: old, would_be: due.date(), why });
            }
            (Some(due), None) => {
                let new = due.date();
                let (origin_before, origin_after) = (milestone.origin.clone(), Origin::from(due));
                if new != old {
                    let flags = flags(new, &self.after, Some(today));
                    self.changes.push(Moved { milestone_id, title, old, new, flags, origin_before, origin_after });
                    return;
                }
                if origin_before != origin_after {
                    self.refreshed.push(Refreshed {
                        milestone_id,
                        title,
                        due_on: old,
                        origin_before,
                        origin_after,
                    });
                }
            }
            _ => {}
        }
        self.look_for_conflict(milestone);
    }

    /// A date that stays can still come to lie after a closing that moved.
    fn look_for_conflict(&mut self, milestone: &Dated) {
        let (true, Some(due_on)) = (milestone.state.is_open(), milestone.due_on) else { return };
        let known = flags(Some(due_on), &self.before, None);
        let mut flags = flags(Some(due_on), &self.after, None);
        flags.retain(|flag| !known.contains(flag));
        if !flags.is_empty() {
            let (milestone_id, title) = (milestone.id, milestone.title.clone());
            self.conflicts.push(Conflict { milestone_id, title, due_on, flags });
        }
    }

    /// The cascade that takes this one back: key dates, dates and origins come to be exactly what they were. What was
    /// kept was not touched, so `kept` is empty, and so is `conflicts`. `today` is the day on which it is planned.
    pub fn inverse(&self, today: Date) -> Self {
        let back = |moved: &Moved| Moved {
            milestone_id: moved.milestone_id,
            title: moved.title.clone(),
            old: moved.new,
            new: moved.old,
            flags: flags(moved.old, &self.before, Some(today)),
            origin_before: moved.origin_after.clone(),
            origin_after: moved.origin_before.clone(),
        };
        let refresh_back = |refreshed: &Refreshed| Refreshed {
            milestone_id: refreshed.milestone_id,
            title: refreshed.title.clone(),
            due_on: refreshed.due_on,
            origin_before: refreshed.origin_after.clone(),
            origin_after: refreshed.origin_before.clone(),
        };
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
            changes: self.changes.iter().map(back).collect(),
            refreshed: self.refreshed.iter().map(refresh_back).collect(),
            kept: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    /// The date and origin that each touched milestone gets.
    pub fn planned(&self) -> BTreeMap<MilestoneId, (Option<Date>, &Origin)> {
        let moved = self.changes.iter().map(|moved| (moved.milestone_id, (moved.new, &moved.origin_after)));
        let same = self.refreshed.iter().map(|same| (same.milestone_id, (same.due_on, &same.origin_after)));
        moved.chain(same).collect()
    }

    /// Whether the deal is still as it was when this was planned: the same key dates, and every milestone that would be
    /// touched still there, open, unpinned, and dated as it was.
    pub fn still_fits(&self, dates: &KeyDates, milestones: &[Dated]) -> bool {
        let as_planned = |id: MilestoneId, due_on: Option<Date>, origin: &Origin| {
            milestones.iter().any(|milestone| {
                milestone.id == id
                    && milestone.state.is_open()
                    && !milestone.pinned
                    && milestone.due_on == due_on
                    && milestone.origin == *origin
            })
        };
        *dates == self.before
            && self.changes.iter().all(|moved| as_planned(moved.milestone_id, moved.old, &moved.origin_before))
            && self.refreshed.iter().all(|same| as_planned(same.milestone_id, same.due_on, &same.origin_before))
    }
}

/// What is remarkable about a date among the key dates. `today` is `None` when only the order matters.
pub fn flags(due_on: Option<Date>, dates: &KeyDates, today: Option<Date>) -> Vec<Flag> {
    let Some(due_on) = due_on else { return vec![Flag::NeedsDate] };
    let on = |flag: Flag, raised: bool| raised.then_some(flag);
    [
        on(Flag::NeedsAttention, today.is_some_and(|today| due_on < today)),
        on(Flag::AfterClosing, dates.get(CLOSING_DATE).is_some_and(|closing| due_on > *closing)),
        on(Flag::BeforeContract, dates.get(CONTRACT_DATE).is_some_and(|contract| due_on < *contract)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests;
