//! What waits for people, as Markdown.

use domain::kernel::page::{Ask, Page};
use domain::kernel::{Cx, No};
use domain::workspace::approval::ops::{ListApprovals, list};
use domain::workspace::approval::view::ApprovalView;
use jiff::Timestamp;

use super::markdown::{DATA, plain, table};

/// Approvals that are shown.
const MOST: i64 = 50;
/// Names in one place.
const NAMES: usize = 5;

pub(super) fn waiting(cx: &mut Cx<'_>) -> Result<Page<ApprovalView>, No> {
    list(cx, &ListApprovals { ask: Ask { cursor: None, limit: Some(MOST) }, ..ListApprovals::default() })
}

pub(super) fn markdown(page: &Page<ApprovalView>, now: Timestamp) -> String {
    let mut text = format!(
        "# Review queue\n\nOnly people decide, in chat or on the command line; agents do not vote.\n\n{DATA}\n"
    );
    if page.items.is_empty() {
        text.push_str("Nothing waits for anybody.\n");
        return text;
    }
    let rows: Vec<Vec<String>> = page.items.iter().map(|a| row(a, now)).collect();
    let head = ["Waits for", "Since", "Title", "What", "Stage", "Due", "Id"];
    text.push_str(&table(&head, &rows));
    if page.next_cursor.is_some() {
        text.push_str("\nThere are more: approval_list has all of them.\n");
    }
    text
}

fn row(a: &ApprovalView, now: Timestamp) -> Vec<String> {
    let mut names: Vec<String> = a.waiting_for.iter().take(NAMES).map(|named| plain(&named.name)).collect();
    match a.waiting_for.len() {
        0 => names.push("nobody who may decide".into()),
        all if all > NAMES => names.push(format!("{} more", all - NAMES)),
        _ => {}
    }
    let hours = now.duration_since(a.opened_at).as_hours().max(0);
    vec![
        names.join(", "),
        if hours < 48 { format!("{hours} h") } else { format!("{} days", hours / 24) },
        plain(&a.title),
        format!("{} version {}", a.subject_kind, a.subject_version),
        format!("{} of {}", a.stage, a.stages.len()),
        a.due_at.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%MZ").to_string()),
        a.id.to_string(),
    ]
}
