//! Deals and their dates.

use std::collections::BTreeMap;

use domain::deals::deal::cascade::Flag;
use domain::deals::deal::key_dates::{Applied, Change, Preview};
use domain::deals::deal::view::{DealView, Detail};
use domain::deals::milestone::MilestoneStatus;
use domain::kernel::Problem;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{away, count, day, due, not, status};
use crate::chat::forms::ReadDeal;
use crate::chat::reply::{MOST_TEXT, clipped, plain};

/// "closing_date" as "closing date"
pub fn named(key_date: &str) -> String {
    key_date.replace('_', " ")
}

pub fn deals(deals: &[DealView], more: bool, today: Date) -> String {
    if deals.is_empty() {
        return "No deal matches.".into();
    }
    let mut text = String::new();
    for deal in deals {
        let closing = deal
            .key_dates
            .get("closing_date")
            .map_or_else(String::new, |on| format!(", closes {}", due(Some(*on), today)));
        text.push_str(&format!("- **{}** {}{closing}\n", plain(&deal.title), deal.status));
    }
    if more {
        text.push_str("There are more: name a part of the title or address.\n");
    }
    text
}

pub fn deal(detail: &Detail, today: Date) -> (String, String) {
    let deal = &detail.deal;
    let mut head = format!("**{}** ({})\n{}\n", plain(&deal.title), deal.status, plain(&deal.address));
    for (name, on) in &deal.key_dates {
        head.push_str(&format!(
            "{}: {}\n",
            super::sentence(&plain(&named(name))).trim_end_matches('.'),
            due(Some(*on), today)
        ));
    }
    if let Some(next) = &detail.next_milestone {
        head.push_str(&format!("Next: **{}**, {}\n", plain(&next.title), due(next.due_on, today)));
    }
    if !detail.overdue.is_empty() {
        let late: Vec<String> = detail.overdue.iter().map(|brief| plain(&brief.title)).collect();
        head.push_str(&format!("\u{1f534} OVERDUE: {}\n", late.join(", ")));
    }
    let people: Vec<String> = detail
        .parties
        .iter()
        .map(|party| format!("{} ({})", plain(&party.contact.name), party.role.as_str().replace('_', " ")))
        .collect();
    if !people.is_empty() {
        head.push_str(&format!("People: {}\n", people.join(", ")));
    }
    (head, lines(detail, today))
}

/// Every milestone on a line.
fn lines(detail: &Detail, today: Date) -> String {
    if detail.milestones.is_empty() {
        return "A draft has no milestones yet: `/deal confirm` makes them.".into();
    }
    let line = |m: &domain::deals::milestone::view::MilestoneView| {
        let marks = crate::says::milestone::marks(m);
        let marks = if marks.is_empty() { String::new() } else { format!(" ({marks})") };
        format!("{}: **{}**, {}{marks}\n", status(m.status), plain(&m.title), due(m.due_on, today))
    };
    detail.milestones.iter().map(line).collect()
}

/// Key dates and milestones in order, with today among them.
pub fn timeline(detail: &Detail, today: Date) -> (String, String) {
    let mut text = String::new();
    let mut shown = false;
    for entry in crate::says::deal::entries(detail) {
        if !shown && entry.on.is_none_or(|on| on > today) {
            text.push_str(&format!("\u{25b6} **{}: today**\n", day(today)));
            shown = true;
        }
        let what = entry.status.map_or("\u{1f511} key date", status);
        let title = if entry.status.is_some() { plain(&entry.title) } else { plain(&named(&entry.title)) };
        let on = entry.on.map_or_else(|| "needs a date".into(), |on| format!("{} ({})", day(on), away(on, today)));
        text.push_str(&format!("{on}: **{title}** {what}\n"));
    }
    if !shown {
        text.push_str(&format!("\u{25b6} **{}: today**\n", day(today)));
    }
    (format!("**{}**", plain(&detail.deal.title)), text)
}

/// What would be made of what somebody typed.
pub fn new_deal(ReadDeal { new, also }: &ReadDeal, today: Date) -> (String, String) {
    let state = new.state.as_deref().map_or_else(String::new, |state| format!(", {state}"));
    let mut text = format!(
        "**{}**\n{}{state}\n{} side, {}\n",
        plain(&new.title),
        plain(&new.address),
        plain(&new.side),
        plain(&new.financing)
    );
    for (name, on) in &new.key_dates {
        let on = on.parse::<Date>().map_or_else(|_| plain(on), |on| due(Some(on), today));
        text.push_str(&format!("{}: {on}{}\n", plain(&named(name)), not(also.get(name).copied())));
    }
    for party in &new.parties {
        let ways = [&party.email, &party.phone].into_iter().flatten().map(|way| format!(", {}", plain(way)));
        text.push_str(&format!(
            "{}: {}{}\n",
            party.role.replace('_', " "),
            plain(&party.name),
            ways.collect::<String>()
        ));
    }
    ("Create this deal, with its milestones? Nothing was changed yet.".into(), text)
}

pub fn wrong_deal(problems: &[Problem]) -> String {
    let mut text = String::from("The deal cannot be made so. Nothing was changed, and what you typed is kept.\n");
    for problem in problems.iter().take(20) {
        text.push_str(&format!("- **{}** {}\n", plain(&problem.field), plain(&problem.sentence)));
    }
    text
}

pub fn created(detail: &Detail, by: &str, today: Date) -> String {
    let closing = detail.deal.key_dates.get("closing_date").copied();
    format!(
        "**{}** is created by {}, with {}. It closes {}.",
        plain(&detail.deal.title),
        plain(by),
        count(detail.milestones.len(), "milestone"),
        due(closing, today)
    )
}

pub fn ended(detail: &Detail, by: &str, already: bool) -> String {
    let title = plain(&detail.deal.title);
    match already {
        true => format!("{title} is {} already. Nothing was changed.", detail.deal.status),
        false => format!("**{title}** is now {}. By {}.", detail.deal.status, plain(by)),
    }
}

pub fn preview(preview: &Preview) -> (String, String) {
    let head = format!("**{}**: this would change. Nothing was changed yet.", plain(&preview.deal_title));
    let mut text = key_dates(&preview.before, &preview.after);
    if preview.changes.is_empty() {
        text.push_str("No milestone moves.\n");
    }
    preview.changes.iter().for_each(|change| text.push_str(&moved(change)));
    for kept in &preview.kept {
        text.push_str(&format!("{} keeps its date: {}\n", plain(&kept.title), spoken_why(kept.why)));
    }
    for conflict in &preview.conflicts {
        text.push_str(&format!(
            "\u{26a0} {} is then out of order: {}\n",
            plain(&conflict.title),
            flags(&conflict.flags)
        ));
    }
    preview.messages_affected.iter().for_each(|line| text.push_str(&format!("\u{2709} {}\n", plain(line))));
    (head, text)
}

/// Key dates that change, each as it was and as it is then.
fn key_dates(before: &BTreeMap<String, Option<Date>>, after: &BTreeMap<String, Option<Date>>) -> String {
    let shown = |date: Option<Date>| date.map_or_else(|| "not set".into(), day);
    let line = |(name, new): (&String, &Option<Date>)| {
        let old = before.get(name).copied().flatten();
        format!("**{}**: {} \u{2192} **{}**\n", plain(&named(name)), shown(old), shown(*new))
    };
    after.iter().map(line).collect()
}

fn spoken_why(why: domain::deals::deal::cascade::KeptWhy) -> &'static str {
    use domain::deals::deal::cascade::KeptWhy;
    match why {
        KeptWhy::Pinned => "it is pinned",
        KeptWhy::Completed => "it is done",
        KeptWhy::Waived => "it is waived",
    }
}

fn moved(change: &Change) -> String {
    let date = |date: Option<Date>| date.map_or_else(|| "needs a date".into(), day);
    let flags = flags(&change.flags);
    let flags = if flags.is_empty() { String::new() } else { format!(" \u{26a0} {flags}") };
    format!("{}: {} \u{2192} {}{flags}\n", plain(&change.title), date(change.old), date(change.new))
}

fn flags(flags: &[Flag]) -> String {
    let words = flags.iter().map(|flag| match flag {
        Flag::NeedsAttention => "in the past",
        Flag::AfterClosing => "after closing",
        Flag::BeforeContract => "before the contract",
        Flag::NeedsDate => "needs a date",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What a change of key dates did, for the channel; of what was done before, for whoever pressed.
pub fn applied(title: &str, done: &Applied, by: &str, undo: bool) -> String {
    match done {
        Applied::Now { undo, before, after, applied, .. } => {
            let (title, by) = (plain(title), plain(by));
            let first = match undo {
                true => format!("{by} took back a change of the dates of **{title}**."),
                false => format!("{by} changed the dates of **{title}**."),
            };
            let dates = key_dates(before, after);
            let moves: String = applied.iter().take(15).map(moved).collect();
            let more = match applied.len() {
                n if n > 15 => format!("and {} more\n", n - 15),
                _ => String::new(),
            };
            let count = match (applied.len(), undo) {
                (0, _) => "No milestone moved.".to_owned(),
                (n, true) => format!("{} moved back:", count(n, "milestone")),
                (n, false) => format!("{} moved:", count(n, "milestone")),
            };
            format!("{first}\n{dates}{count}\n{moves}{more}")
        }
        Applied::Already { .. } if undo => "This was taken back before. Nothing was changed now.".into(),
        Applied::Already { .. } => "This change was made before. Nothing was changed now.".into(),
        Applied::Stale { .. } => {
            "The deal changed since this was shown, so nothing was changed. As it would be now:".into()
        }
    }
}

/// What the channel read of a change that was taken back, with who did so.
pub fn taken_back(record: &str, by: &str, at: Timestamp) -> String {
    let below = format!("\u{21a9} Taken back by {} <t:{}:R>.", plain(by), at.as_second());
    format!("{}\n{below}", clipped(record.trim_end(), MOST_TEXT - 1 - below.encode_utf16().count()))
}

pub const NO_UNDO: &str = "No change of this deal's key dates can be taken back: there was none in the last day, or something else \
                           changed since. Nothing was changed.";

/// As an option offers it.
pub fn offered_deal(title: &str, status: &str, closing: Option<Date>) -> String {
    let closing = closing.map_or_else(String::new, |on| format!(", closes {}", day(on)));
    offered(title, &format!("{status}{closing}"))
}

/// A name cut so that what stands behind it fits too. Names differ at both ends, so the middle goes.
pub fn offered(name: &str, behind: &str) -> String {
    let name: Vec<char> = name.chars().filter(|c| !c.is_control()).collect();
    let behind: String = behind.chars().take(60).collect();
    let room = 100 - 3 - behind.chars().count();
    let name: String = match name.len() {
        n if n > room => {
            let end = room / 2;
            name[..room - end - 1].iter().chain(&['\u{2026}']).chain(&name[n - end..]).collect()
        }
        _ => name.iter().collect(),
    };
    format!("{name} \u{2013} {behind}")
}

pub fn offered_milestone(title: &str, deal: &str, on: Option<Date>, status: MilestoneStatus) -> String {
    let on = on.map_or_else(|| "needs a date".into(), day);
    let deal: String = deal.chars().take(28).collect();
    offered(title, &format!("{on}, {}, {deal}", crate::says::milestone::status(status)))
}
