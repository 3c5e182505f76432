//! Milestones.

use domain::deals::milestone::ops::Outcome;
use domain::deals::milestone::view::MilestoneView;
use domain::deals::reminder::snooze::Snoozed;
use jiff::civil::Date;

use super::{due, status};
use crate::chat::reply::plain;

pub fn milestones(milestones: &[MilestoneView], with_deal: bool, more: bool, today: Date) -> String {
    if milestones.is_empty() {
        return "No milestone matches.".into();
    }
    let line = |m: &MilestoneView| {
        let deal = if with_deal { format!(" of {}", plain(&m.deal_title)) } else { String::new() };
        format!("{}: **{}**{deal}, {}\n", status(m.status), plain(&m.title), due(m.due_on, today))
    };
    let mut text: String = milestones.iter().map(line).collect();
    if more {
        text.push_str("There are more: name a deal or a status.\n");
    }
    text
}

/// What came of a change, for the channel; of what was so already, for whoever asked.
pub fn milestone(done: &Outcome, today: Date) -> String {
    match &done.already {
        Some(already) => plain(already),
        None => as_it_is(&done.milestone, today),
    }
}

/// A milestone with its state.
pub fn as_it_is(m: &MilestoneView, today: Date) -> String {
    let mut text = format!("**{}** of {}: {}", plain(&m.title), plain(&m.deal_title), status(m.status));
    if m.ended_at.is_none() {
        text.push_str(&format!(", due {}", due(m.due_on, today)));
    }
    text.push('.');
    if let Some(by) = &m.ended_by {
        text.push_str(&format!(" By {}.", plain(by)));
    }
    if let Some(reason) = &m.waive_reason {
        text.push_str(&format!(" Reason: {}", plain(&super::sentence(reason))));
    }
    if m.pinned && m.ended_at.is_none() {
        text.push_str(" Its date is pinned: no change of key dates moves it.");
    }
    text
}

/// A card that shows the milestone as it was.
pub fn changed_since(m: &MilestoneView, today: Date) -> String {
    format!("This changed since the card was drawn, so nothing was done. It is now so:\n{}", as_it_is(m, today))
}

pub fn add(title: &str, deal: &str, on: &str) -> String {
    format!("Add **{}** to {}, due {on}? Nothing was changed yet.", plain(title), plain(deal))
}

pub fn edit(m: &MilestoneView, changes: &[String]) -> String {
    format!(
        "Change **{}** of {}? Nothing was changed yet.\n{}",
        plain(&m.title),
        plain(&m.deal_title),
        changes.join("\n")
    )
}

/// What a reminder on another day would be, and what goes on all the same.
pub fn remind(would: &Snoozed, on: &str) -> String {
    let m = &would.milestone;
    let beside = if would.beside.is_empty() { String::new() } else { format!("\n{}", plain(&would.beside)) };
    format!(
        "Say **{}** of {} again on {on}, at 09:00? Nothing was changed yet.{beside}",
        plain(&m.title),
        plain(&m.deal_title)
    )
}

/// A milestone that is said again on another day, and what goes on all the same.
pub fn snoozed(done: &Snoozed) -> String {
    if let Some(already) = &done.already {
        return plain(already);
    }
    let m = &done.milestone;
    let beside = if done.beside.is_empty() { String::new() } else { format!(" {}", plain(&done.beside)) };
    format!(
        "**{}** of {} comes again on {} at 09:00.{beside}",
        plain(&m.title),
        plain(&m.deal_title),
        super::day(done.until)
    )
}
