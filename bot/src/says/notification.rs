//! A member's feed.

use domain::delivery::feed::Notification;
use domain::delivery::feed::ops::Marked;
use domain::delivery::notify::Section;

use super::{count, indented, moment, next_page, table};

fn unread_line(unread: i64) -> String {
    format!("{} not read yet.\n", count(usize::try_from(unread).unwrap_or(0), "notification"))
}

/// The member's day at a glance, in front of the list.
pub fn sections(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("{}\n", section.title));
        for line in &section.lines {
            text.push_str(&indented(&line.text));
        }
        if section.more > 0 {
            text.push_str(&indented(&format!("and {} more", section.more)));
        }
        text.push('\n');
    }
    text
}

pub fn list(notifications: &[Notification], unread: i64, cursor: Option<&str>) -> String {
    if notifications.is_empty() {
        return format!("There is nothing to show. {}", unread_line(unread));
    }
    let row = |n: &Notification| {
        let new = if n.read_at.is_none() { "new" } else { "" };
        let about = n.subject_kind.clone().unwrap_or_default();
        vec![new.to_owned(), moment(n.created_at), n.title.clone(), about, n.id.to_string()]
    };
    let rows: Vec<_> = notifications.iter().map(row).collect();
    let table = table(&["", "WHEN", "WHAT", "ABOUT", "ID"], &rows);
    format!("{}\n{table}{}", unread_line(unread), next_page(cursor))
}

pub fn marked(marked: &Marked) -> String {
    format!("Marked {} as read. {}", count(marked.marked, "notification"), unread_line(marked.unread))
}
