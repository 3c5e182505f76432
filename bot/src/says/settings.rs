//! What a workspace says of itself.

use domain::assist::budget::{Day, Level};
use domain::delivery::settings::{Settings, Stored};
use serde_json::Value;

use super::{day, moment, table};

pub fn delivery(stored: &Stored) -> String {
    let document = serde_json::to_value(&stored.settings).unwrap_or_default();
    let usual = serde_json::to_value(Settings::default()).unwrap_or_default();
    let empty = serde_json::Map::new();
    let rows: Vec<Vec<String>> = document
        .as_object()
        .unwrap_or(&empty)
        .iter()
        .map(|(key, value)| {
            let mark = if usual.get(key) == Some(value) { "" } else { "changed" };
            vec![key.clone(), mark.to_owned(), shown(value)]
        })
        .collect();
    let mut text = table(&["SETTING", "", "VALUE"], &rows);
    if let Some(at) = stored.held_since {
        let why = stored.held_why.as_deref().unwrap_or_default();
        text.push_str(&format!("\nNothing is sent since {}: {why}\n", moment(at)));
    }
    text + &format!("\nVersion {}. Change one with: milepost settings delivery set KEY VALUE\n", stored.version)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Object(members) => members.values().rev().map(shown).collect::<Vec<_>>().join(":"),
        Value::Number(number) => number.to_string(),
    }
}

pub fn changed(stored: &Stored, changed: bool) -> String {
    let first = if changed { "The settings are changed." } else { "They stood so already. Nothing was changed." };
    format!("{first}\n\n{}", delivery(stored))
}

/// Which model drafts, and how its day's budget stands.
pub fn model(name: Option<&str>, today: &Day) -> String {
    let spent = format!("{} of {} tokens of {} (UTC)", today.spent, today.daily, day(today.day));
    let (first, second) = match (name, today.level) {
        (None, _) => {
            return format!(
                "No model is set up: the templates write all letters. Set one up under [model] of the settings file \
                 (milepost config init).\nSpent: {spent}.\n"
            );
        }
        (Some(_), Level::Green) => ("drafts letters", "There is enough left."),
        (Some(_), Level::Yellow) => ("drafts letters", "It runs low: answers are kept short."),
        (Some(_), Level::Red) => {
            ("is not asked any more today", "It is spent: the templates write until the next UTC day begins.")
        }
    };
    format!("The model {} {first}.\nSpent: {spent}. {second}\n", name.unwrap_or_default())
}
