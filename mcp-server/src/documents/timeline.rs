//! A deal's timeline as Markdown.

use domain::deals::deal::view::Detail;
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::view::{MilestoneView, Source};
use domain::kernel::spoken;
use jiff::civil::Date;

use super::markdown::{DATA, count, plain, table};

/// Milestones that are shown; a document is read by a model, which has little room.
const MOST: usize = 80;

/// The deal as it stands on `today`, a civil date in the deal's zone. The same facts give the same text.
pub(super) fn markdown(detail: &Detail, today: Date) -> String {
    let deal = &detail.deal;
    let mut text = format!("# Timeline of {}\n\n{DATA}\n", plain(&deal.title));
    text.push_str(&format!(
        "{} · {} · {} side, {} · id {} · version {}\n\n",
        plain(&deal.address),
        deal.status,
        deal.side,
        deal.financing,
        deal.id,
        deal.version
    ));
    let is = |status| detail.milestones.iter().filter(|m| m.status == status).count();
    text.push_str(&format!(
        "As of {} ({}): {} of {} completed, {} overdue.\n\n",
        spoken::in_full(today),
        plain(&deal.time_zone),
        is(MilestoneStatus::Completed),
        count(detail.milestones.len(), "milestone"),
        is(MilestoneStatus::Overdue)
    ));
    if let Some(next) = &detail.next_milestone {
        let on = next.due_on.map(|on| format!(", {}", spoken::echo(on, today))).unwrap_or_default();
        text.push_str(&format!("Next: {}{on}.\n\n", plain(&next.title)));
    }

    text.push_str("## Key dates\n\n");
    let mut dates: Vec<(&String, &Date)> = deal.key_dates.iter().collect();
    dates.sort_by_key(|(name, on)| (**on, name.as_str()));
    let dates: Vec<Vec<String>> =
        dates.into_iter().map(|(name, on)| vec![on.to_string(), plain(name), spoken::away(*on, today)]).collect();
    text.push_str(&table(&["Date", "Key date", "Away"], &dates));

    text.push_str("\n## Milestones\n\n");
    if detail.milestones.is_empty() {
        text.push_str("None yet. They are generated when the deal is confirmed.\n");
        return text;
    }
    let shown = shown(&detail.milestones);
    let rows: Vec<Vec<String>> = shown.iter().map(|m| row(m)).collect();
    text.push_str(&table(&["Due", "State", "Milestone", "Responsible", "Where the date comes from", "Id"], &rows));
    let more = detail.milestones.len() - shown.len();
    if more > 0 {
        text.push_str(&format!("\n{} more, of those that have ended: milestone_list has all of them.\n", more));
    }
    text
}

/// Those that have a row, in their own order. What is over makes room for what is not.
fn shown(milestones: &[MilestoneView]) -> Vec<&MilestoneView> {
    let ended = |m: &MilestoneView| matches!(m.status, MilestoneStatus::Completed | MilestoneStatus::Waived);
    let mut kept: Vec<(usize, &MilestoneView)> = milestones.iter().enumerate().collect();
    kept.sort_by_key(|(at, m)| (ended(m), *at));
    kept.truncate(MOST);
    kept.sort_by_key(|(at, _)| *at);
    kept.into_iter().map(|(_, m)| m).collect()
}

fn row(m: &MilestoneView) -> Vec<String> {
    vec![
        m.due_on.map_or_else(|| "needs a date".to_owned(), |on| on.to_string()),
        m.status.as_str().replace('_', " "),
        plain(&m.title),
        m.responsible_role.as_str().replace('_', " "),
        origin(&m.source, m.pinned),
        m.id.to_string(),
    ]
}

/// "contract_date + 10 business days, moved off Saturday 24 October"
fn origin(source: &Source, pinned: bool) -> String {
    if let Some(by) = &source.set_by {
        return format!("set by hand by {}{}", plain(by), if pinned { ", pinned" } else { "" });
    }
    let (Some(reference), Some(offset)) = (&source.reference, source.offset) else {
        return match source.absent.as_slice() {
            [] => String::new(),
            absent => format!("lacks {}", plain(&absent.join(", "))),
        };
    };
    let days = source.days.as_deref().unwrap_or("calendar");
    let mut words = match offset {
        0 => format!("on {}", plain(reference)),
        n => format!(
            "{} {} {} {days} {}",
            plain(reference),
            if n < 0 { "-" } else { "+" },
            n.unsigned_abs(),
            if n.unsigned_abs() == 1 { "day" } else { "days" }
        ),
    };
    if source.fallback {
        words.push_str(", because its own key date is not set");
    }
    if !source.rolled.is_empty() {
        words.push_str(&format!(", moved off {}", count(source.rolled.len(), "day")));
    }
    words
}
