//! Every word that the command line says. Pure functions: facts in, text out; only the zone of the one who reads is said
//! beforehand, once for the process.

pub mod agent;
pub mod agent_server;
pub mod approval;
pub mod audit;
pub mod bench;
pub mod briefing;
pub mod chat;
pub mod config;
pub mod contact;
pub mod dates;
pub mod deal;
pub mod delivery;
pub mod demo;
pub mod draft;
pub mod endpoint;
pub mod import;
pub mod mcp;
pub mod migrate;
pub mod milestone;
pub mod notification;
pub mod policy;
pub mod preferences;
pub mod reminder;
pub mod search;
pub mod serve;
pub mod settings;
pub mod setup;
pub mod template;
#[cfg(test)]
mod tests;
pub mod token;

use std::path::Path;
use std::sync::OnceLock;

use domain::kernel::way::Way;
use domain::kernel::{Refusal, time};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub const NO_WORKSPACE: &str =
    "There is no workspace here yet. Nothing was changed. Found one with: milepost setup";

pub fn no_database(file: &Path) -> String {
    format!(
        "There is no database at {}. Nothing was changed. Found a workspace with milepost setup, or name the right \
         folder with --data DIR.",
        file.display()
    )
}

/// "Fri 4 Dec 2026"
pub fn day(date: Date) -> String {
    date.strftime("%a %-d %b %Y").to_string()
}

pub fn day_or_none(date: Option<Date>) -> String {
    date.map_or_else(|| "needs a date".into(), day)
}

static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Shows times in this zone from here on; the first word counts.
pub fn read_in(zone: TimeZone) {
    let _ = ZONE.set(zone);
}

/// "Fri 4 Dec 2026, 08:05 CST", in the zone of the one who reads; UTC while nobody said which.
pub fn moment(at: Timestamp) -> String {
    time::moment(at, ZONE.get().unwrap_or(&TimeZone::UTC))
}

/// "today", "in 3 days", "2 days ago"
pub fn away(date: Date, today: Date) -> String {
    let days = today.until((jiff::Unit::Day, date)).map_or(0, |span| span.get_days());
    match days {
        0 => "today".into(),
        1 => "tomorrow".into(),
        -1 => "yesterday".into(),
        2.. => format!("in {days} days"),
        _ => format!("{} days ago", -days),
    }
}

/// "1 deal", "2 deals"
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A capital at the front.
pub fn capital(words: &str) -> String {
    let mut chars = words.trim().chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A capital at the front and a full stop at the end.
pub fn sentence(words: &str) -> String {
    let mut text = capital(words);
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// What the command line has for going on after a refusal.
pub fn way(way: Way) -> Option<&'static str> {
    Some(match way {
        Way::ChangeKeyDates => "milepost deal reschedule",
        Way::SetDueDate => "milepost milestone edit --due",
        Way::Despite => "--despite",
        Way::Repeat => "or repeat it with the same --idempotency-key",
    })
}

/// What was refused, every problem on a line of its own, and what to do next.
pub fn refusal(refusal: &Refusal) -> String {
    if refusal.problems.len() < 2 {
        return format!("{}\n{}", refusal.sentence, refusal.next);
    }
    let mut text =
        String::from(if refusal.details.is_some() { &refusal.sentence } else { "Nothing was changed." });
    for problem in &refusal.problems {
        text.push_str(&format!("\n  {}: {}", problem.field, problem.sentence));
    }
    format!("{text}\n{}", refusal.next)
}

/// Columns as wide as their widest cell, two spaces between them.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let wide = |cell: &str| cell.chars().count();
    let mut widths: Vec<usize> = head.iter().map(|cell| wide(cell)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(wide(cell));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(wide(cell)) + 2));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = String::new();
    if head.iter().any(|cell| !cell.is_empty()) {
        text.push_str(&line(&mut head.iter().copied()));
    }
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// The same, moved in by two spaces. Empty lines stay empty.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// How a list goes on; nothing on the last page.
pub fn next_page(cursor: Option<&str>) -> String {
    cursor.map_or_else(String::new, |cursor| format!("\nMore: the same command with --cursor {cursor}\n"))
}
