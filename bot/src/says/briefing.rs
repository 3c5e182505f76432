//! What needs attention.

use domain::insight::briefing::{Briefing, Item, Section, Urgency};

use super::{day as date, indented};

pub fn day(briefing: &Briefing) -> String {
    let mut text = format!("{} ({}). {}\n", date(briefing.today), briefing.time_zone, briefing.summary);
    for urgency in Urgency::ALL {
        let items: Vec<&Item> = briefing.items.iter().filter(|item| item.urgency == *urgency).collect();
        if items.is_empty() {
            continue;
        }
        let head = match urgency {
            Urgency::Now => "NOW",
            Urgency::Today => "TODAY",
            Urgency::Soon => "SOON",
        };
        text.push_str(&format!("\n{head}\n"));
        items.iter().for_each(|item| text.push_str(&indented(&told(item))));
    }
    if !briefing.left_out.is_empty() {
        let more =
            briefing.left_out.iter().map(|(section, n)| format!("{n} {}", section.as_str().replace('_', " ")));
        text.push_str(&format!("\nNot shown: {}\n", more.collect::<Vec<_>>().join(", ")));
    }
    text
}

fn told(item: &Item) -> String {
    let of = item.deal_title.as_ref().map_or_else(String::new, |deal| format!(" of {deal}"));
    let mut text = format!("{}{of}\n{}", item.title, indented(&item.why));
    if !item.open.is_empty() {
        text.push_str(&indented(&format!("Open: {}", item.open.join(", "))));
    }
    if let Some(said) = &item.said {
        text.push_str(&indented(&format!("Reason: {said}")));
    }
    if !item.ask.is_empty() {
        text.push_str(&indented(&format!("Ask: {}", item.ask.join(", "))));
    }
    text.push_str(&indented(&next(item)));
    text
}

/// The command to go on with.
fn next(item: &Item) -> String {
    let id = item.id;
    match item.section {
        Section::Held => "milepost delivery resume".into(),
        Section::Overdue | Section::Due => format!("milepost milestone complete {id}"),
        Section::NeedsDate => format!("milepost milestone edit {id} --due DATE"),
        Section::NotDelivered => format!("milepost delivery show {id}"),
        Section::WaitsForYes => format!("milepost approval show {id}"),
        Section::Letter => format!("milepost draft show {id}"),
        Section::Closing => format!("milepost deal show {id}"),
    }
}
