//! Milestones.

use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::view::MilestoneView;
use domain::deals::reminder::snooze::Snoozed;
use jiff::civil::Date;

use super::{away, day, day_or_none, next_page, table};

/// Overdue stands out in words.
pub fn status(status: MilestoneStatus) -> String {
    match status {
        MilestoneStatus::Overdue => "OVERDUE".into(),
        other => other.as_str().replace('_', " "),
    }
}

/// What is special about its date.
pub fn marks(m: &MilestoneView) -> String {
    let mut marks = Vec::new();
    if m.pinned {
        marks.push("pinned");
    }
    if m.source.fallback {
        marks.push("by fallback");
    }
    if !m.source.rolled.is_empty() {
        marks.push("rolled");
    }
    if !m.required {
        marks.push("optional");
    }
    marks.join(", ")
}

pub fn rows(milestones: &[MilestoneView], with_deal: bool) -> String {
    let mut head = vec!["DUE", "STATUS", "MILESTONE"];
    if with_deal {
        head.push("DEAL");
    }
    head.extend(["RESPONSIBLE", "NOTE", "ID"]);
    let rows: Vec<_> = milestones
        .iter()
        .map(|m| {
            let mut row = vec![day_or_none(m.due_on), status(m.status), m.title.clone()];
            if with_deal {
                row.push(m.deal_title.clone());
            }
            row.extend([m.responsible_role.as_str().replace('_', " "), marks(m), m.id.to_string()]);
            row
        })
        .collect();
    table(&head, &rows)
}

pub fn list(milestones: &[MilestoneView], cursor: Option<&str>, with_deal: bool) -> String {
    if milestones.is_empty() {
        return "No milestone matches.".into();
    }
    rows(milestones, with_deal) + &next_page(cursor)
}

/// The state read back after a change.
pub fn changed(m: &MilestoneView, today: Date) -> String {
    let due =
        m.due_on.map_or_else(|| "needs a date".into(), |on| format!("due {} ({})", day(on), away(on, today)));
    let mut text = format!("{} of {} is {}, {due}.", m.title, m.deal_title, status(m.status));
    if let Some(by) = &m.ended_by {
        text.push_str(&format!(" By {by}."));
    }
    if let Some(reason) = &m.waive_reason {
        text.push_str(&format!(" Reason: {reason}."));
    }
    if m.pinned {
        text.push_str(" Its date is pinned: no change of key dates moves it.");
    }
    text
}

pub fn snoozed(done: &Snoozed) -> String {
    let Snoozed { milestone: m, until, beside, already } = done;
    let text = match already {
        Some(note) => format!("{} of {}: {note}", m.title, m.deal_title),
        None => format!("{} of {} is said again on {} at 09:00.", m.title, m.deal_title, day(*until)),
    };
    if beside.is_empty() { text } else { format!("{text} {beside}") }
}

pub fn removed(m: &MilestoneView) -> String {
    format!("{} of {} is removed. It stays in the log.", m.title, m.deal_title)
}
