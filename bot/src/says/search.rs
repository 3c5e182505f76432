//! What was found.

use domain::insight::search::{Hit, Kind};

use super::{day, indented, next_page};

pub fn hits(hits: &[Hit], cursor: Option<&str>) -> String {
    if hits.is_empty() {
        return "Nothing was found. Every word must be the beginning of a word of it; try fewer.".into();
    }
    hits.iter().map(hit).collect::<String>() + &next_page(cursor)
}

fn hit(hit: &Hit) -> String {
    let mut facts = vec![hit.kind.to_string()];
    facts.extend(hit.status.as_deref().map(|status| status.replace('_', " ")));
    facts.extend(hit.due_on.map(|on| match hit.kind {
        Kind::Deal => format!("closing {}", day(on)),
        _ => format!("due {}", day(on)),
    }));
    let mut text = format!("{} ({})\n", hit.title, facts.join(", "));
    if !hit.snippet.is_empty() {
        text.push_str(&indented(&hit.snippet));
    }
    text.push_str(&indented(&open(hit)));
    text
}

/// The command that shows it.
fn open(hit: &Hit) -> String {
    let id = hit.id;
    match hit.kind {
        Kind::Deal => format!("milepost deal show {id}"),
        Kind::Milestone => format!("milepost milestone explain {id}"),
        Kind::Contact => format!("milepost contact show {id}"),
        Kind::Draft => format!("milepost draft show {id}"),
        Kind::Approval => format!("milepost approval show {id}"),
        Kind::Delivery => format!("milepost delivery show {id}"),
        // A template is shown by its name, which stands in what is said of it.
        Kind::Template => "milepost template list".into(),
    }
}
