//! A change of key dates: what it moves, keeps and puts out of order.

use domain::deals::deal::cascade::{Flag, KeptWhy};
use domain::deals::deal::key_dates::{Change, Preview};
use domain::kernel::id::PlanId;

use super::{count, day, day_or_none, indented, table};

pub const ALREADY: &str = "This plan was applied before. Nothing was changed now.";

pub fn preview(preview: &Preview) -> String {
    let mut text = format!("{}\n\n", preview.deal_title);
    let dates: Vec<_> = preview
        .after
        .iter()
        .map(|(name, new)| {
            let old = preview.before.get(name).copied().flatten();
            let shown = |date: Option<_>| date.map_or_else(|| "not set".to_owned(), day);
            vec![name.clone(), shown(old), "->".into(), shown(*new)]
        })
        .collect();
    text.push_str(&format!("Key dates\n{}", indented(&table(&["", "", "", ""], &dates))));
    if preview.changes.is_empty() {
        text.push_str("\nNo milestone moves.\n");
    } else {
        text.push_str(&format!("\nMoves {}\n", count(preview.changes.len(), "milestone")));
        text.push_str(&indented(&moves(&preview.changes)));
    }
    if !preview.kept.is_empty() {
        let rows: Vec<_> = preview
            .kept
            .iter()
            .map(|kept| {
                let why = match kept.why {
                    KeptWhy::Pinned => "pinned",
                    KeptWhy::Completed => "completed",
                    KeptWhy::Waived => "waived",
                };
                let would = format!("{why}; its rule says {}", day_or_none(kept.would_be));
                vec![kept.title.clone(), day_or_none(kept.due_on), would]
            })
            .collect();
        text.push_str(&format!("\nKeeps its date\n{}", indented(&table(&["", "", ""], &rows))));
    }
    if !preview.conflicts.is_empty() {
        let rows: Vec<_> = preview
            .conflicts
            .iter()
            .map(|conflict| vec![conflict.title.clone(), day(conflict.due_on), flags(&conflict.flags)])
            .collect();
        text.push_str(&format!("\nOut of order now\n{}", indented(&table(&["", "", ""], &rows))));
    }
    if !preview.messages_affected.is_empty() {
        let lines: String = preview.messages_affected.iter().map(|line| indented(line)).collect();
        text.push_str(&format!("\nMessages\n{lines}"));
    }
    text
}

pub fn how_to_apply(preview: &Preview) -> String {
    format!("Nothing was changed. Apply it with: milepost deal apply {}\n", preview.plan_token)
}

pub fn stale(fresh: &Preview) -> String {
    format!(
        "The deal changed since this was shown, so nothing was applied. As it would be now:\n\n{}\nApply that with: \
         milepost deal apply {}\n",
        preview(fresh),
        fresh.plan_token
    )
}

fn moves(changes: &[Change]) -> String {
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            vec![
                change.title.clone(),
                day_or_none(change.old),
                "->".into(),
                day_or_none(change.new),
                flags(&change.flags),
            ]
        })
        .collect();
    table(&["", "", "", "", ""], &rows)
}

fn flags(flags: &[Flag]) -> String {
    let words = flags.iter().map(|flag| match flag {
        Flag::NeedsAttention => "NEEDS ATTENTION: in the past",
        Flag::AfterClosing => "AFTER CLOSING",
        Flag::BeforeContract => "BEFORE CONTRACT",
        Flag::NeedsDate => "NEEDS A DATE",
    });
    words.collect::<Vec<_>>().join(", ")
}

pub fn applied(moved: &[Change], undo: PlanId) -> String {
    let moved = count(moved.len(), "milestone");
    format!("Applied: {moved} moved. Take it back with: milepost deal apply {undo}\n")
}
