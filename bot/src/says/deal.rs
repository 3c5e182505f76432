//! Deals.

use domain::deals::deal::view::{DealView, Detail};
use domain::deals::milestone::view::Explanation;
use jiff::civil::Date;
use serde::Serialize;

use super::milestone::{rows, status};
use super::{away, count, day, indented, next_page, table};

pub fn list(deals: &[DealView], cursor: Option<&str>, today: Date) -> String {
    if deals.is_empty() {
        return "No deal matches.".into();
    }
    let rows: Vec<_> = deals
        .iter()
        .map(|deal| {
            let closing = deal.key_dates.get("closing_date");
            vec![
                closing.map_or_else(String::new, |on| day(*on)),
                closing.map_or_else(String::new, |on| away(*on, today)),
                deal.status.to_string(),
                deal.title.clone(),
                deal.financing.to_string(),
                deal.id.to_string(),
            ]
        })
        .collect();
    table(&["CLOSING", "", "STATUS", "DEAL", "FINANCING", "ID"], &rows) + &next_page(cursor)
}

pub fn detail(detail: &Detail, today: Date) -> String {
    let deal = &detail.deal;
    let mut text = format!("{}\n", deal.title);
    let price =
        deal.price.as_ref().map_or_else(String::new, |price| format!(", ${}", dollars(&price.to_string())));
    let state = deal.state.as_deref().map_or_else(String::new, |state| format!(", {state}"));
    let mut facts = vec![
        ("Address", format!("{}{state}", deal.address)),
        ("Status", format!("{}, {} side, {}{price}", deal.status, deal.side, deal.financing)),
        ("Zone", deal.time_zone.clone()),
        ("Template", format!("{}, version {}", deal.template, deal.template_version)),
        ("Deal", format!("{}, version {}", deal.id, deal.version)),
    ];
    if let Some(channel) = &deal.chat_channel {
        facts.insert(3, ("Chat", format!("Discord channel {channel}")));
    }
    let facts: Vec<_> = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    text.push_str(&indented(&table(&["", ""], &facts)));
    let dates: Vec<_> =
        deal.key_dates.iter().map(|(name, on)| vec![name.clone(), day(*on), away(*on, today)]).collect();
    text.push_str(&format!("\nKey dates\n{}", indented(&table(&["", "", ""], &dates))));
    if !detail.parties.is_empty() {
        let parties: Vec<_> = detail
            .parties
            .iter()
            .map(|party| {
                vec![
                    party.role.as_str().replace('_', " "),
                    party.contact.name.clone(),
                    party.contact.email.clone().unwrap_or_default(),
                    party.contact.phone.clone().unwrap_or_default(),
                ]
            })
            .collect();
        text.push_str(&format!("\nParties\n{}", indented(&table(&["", "", "", ""], &parties))));
    }
    if detail.milestones.is_empty() {
        text.push_str("\nA draft has no milestones yet. Generate them with: milepost deal confirm ID\n");
    } else {
        text.push_str(&format!("\nMilestones\n{}", indented(&rows(&detail.milestones, false))));
    }
    text.push_str(&standing(detail, today));
    text
}

/// What is next, and what is late.
fn standing(detail: &Detail, today: Date) -> String {
    let mut text = String::new();
    if let Some(next) = &detail.next_milestone
        && let Some(on) = next.due_on
    {
        text.push_str(&format!("\nNext: {}, {} ({})\n", next.title, day(on), away(on, today)));
    }
    if !detail.overdue.is_empty() {
        let late = detail.overdue.iter().map(|brief| {
            let since = brief.due_on.map_or_else(String::new, |on| format!(" ({})", away(on, today)));
            format!("{}{since}", brief.title)
        });
        text.push_str(&format!("\nOVERDUE: {}\n", late.collect::<Vec<_>>().join(", ")));
    }
    text
}

/// 450000.5 as 450,000.50
fn dollars(number: &str) -> String {
    let (whole, cents) = number.split_once('.').unwrap_or((number, ""));
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if cents.is_empty() { text } else { format!("{text}.{cents:0<2}") }
}

pub fn created(deal: &Detail, today: Date) -> String {
    let milestones = match deal.milestones.len() {
        0 => "a draft without milestones".to_owned(),
        n => count(n, "milestone"),
    };
    format!("Created, with {milestones}.\n\n{}", detail(deal, today))
}

pub fn moved(deal: &Detail, today: Date) -> String {
    format!("The deal is now {}.\n\n{}", deal.deal.status, detail(deal, today))
}

pub fn already(deal: &Detail) -> String {
    format!("{} is {} already. Nothing was changed.", deal.deal.title, deal.deal.status)
}

pub fn edited(deal: &Detail, changed: bool, today: Date) -> String {
    if changed {
        format!("Changed.\n\n{}", detail(deal, today))
    } else {
        "It is so already. Nothing was changed.".into()
    }
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `null` when it needs a date.
    pub on: Option<Date>,
    /// `key_date` or `milestone`.
    pub kind: &'static str,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<domain::deals::milestone::MilestoneStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestone_id: Option<domain::kernel::id::MilestoneId>,
}

/// Key dates and milestones in order; what needs a date comes last.
pub fn entries(detail: &Detail) -> Vec<Entry> {
    let dates = detail.deal.key_dates.iter().map(|(name, on)| Entry {
        on: Some(*on),
        kind: "key_date",
        title: name.clone(),
        status: None,
        milestone_id: None,
    });
    let milestones = detail.milestones.iter().map(|m| Entry {
        on: m.due_on,
        kind: "milestone",
        title: m.title.clone(),
        status: Some(m.status),
        milestone_id: Some(m.id),
    });
    let mut all: Vec<Entry> = dates.chain(milestones).collect();
    // Stable: on one day key dates come first, milestones in their own order.
    all.sort_by_key(|entry| (entry.on.is_none(), entry.on));
    all
}

pub fn timeline(detail: &Detail, entries: &[Entry], today: Date) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut today_shown = false;
    for entry in entries {
        if !today_shown && entry.on.is_none_or(|on| on > today) {
            lines.push(vec![day(today), "today".into(), "-----".into()]);
            today_shown = true;
        }
        lines.push(vec![
            super::day_or_none(entry.on),
            entry.on.map_or_else(String::new, |on| away(on, today)),
            entry.title.clone(),
            entry.status.map_or_else(|| "key date".into(), status),
        ]);
    }
    if !today_shown {
        lines.push(vec![day(today), "today".into(), "-----".into()]);
    }
    format!("{}\n\n{}{}", detail.deal.title, table(&["", "", "", ""], &lines), standing(detail, today))
}

pub fn explained(detail: &Detail, all: &[Explanation]) -> String {
    if all.is_empty() {
        return format!("{} has no milestones.", detail.deal.title);
    }
    let reasons: Vec<&str> = all.iter().map(|why| why.explanation.as_str()).collect();
    format!("{}\n\n{}\n", detail.deal.title, reasons.join("\n\n"))
}
