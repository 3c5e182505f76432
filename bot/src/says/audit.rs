//! The log.

use domain::insight::calls::{CallView, Detail};
use domain::insight::event_log::{Break, Entry, Verdict};

use super::{count, indented, moment, next_page, table};

pub const WHAT_NEXT: &str =
    "Keep the database as it is for who looks into it, and compare it with a backup from before.";

pub fn broken(slug: &str, first: &Break) -> String {
    format!("The log of {slug} is broken at event {}: {} Nothing was changed.", first.sequence, first.what)
}

pub fn whole(verdicts: &[(String, Verdict)]) -> String {
    if verdicts.is_empty() {
        return "There is no workspace, so there is no log.".into();
    }
    let lines = verdicts.iter().map(|(slug, verdict)| {
        let events = count(usize::try_from(verdict.events).unwrap_or(0), "event");
        format!("{slug}: {events}, whole. Head {}\n", verdict.head)
    });
    lines.chain(["Keep the head elsewhere to prove later that nothing before it changed.\n".into()]).collect()
}

pub const CSV_HEAD: &str = "sequence,id,at,actor,actor_kind,actor_id,source,correlation_id,subject_kind,subject_id,event,data,personal,leaf,chain\r\n";

pub fn csv_line(entry: &Entry) -> String {
    let json = |value: &serde_json::Value| value.to_string();
    let fields = [
        entry.sequence.to_string(),
        entry.id.clone(),
        entry.at.clone(),
        entry.actor.clone(),
        entry.actor_kind.clone(),
        entry.actor_id.clone().unwrap_or_default(),
        entry.source.clone(),
        entry.correlation_id.clone(),
        entry.subject_kind.clone(),
        entry.subject_id.clone(),
        entry.event.clone(),
        json(&entry.data),
        entry.personal.as_ref().map(json).unwrap_or_default(),
        entry.leaf.clone(),
        entry.chain.clone(),
    ];
    let fields = fields.map(|field| {
        let quoted = field.contains([',', '"', '\n', '\r']);
        if quoted { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    format!("{}\r\n", fields.join(","))
}

pub fn calls(calls: &[CallView], next_cursor: Option<&str>) -> String {
    if calls.is_empty() {
        return "There are no such calls of tools.\n".into();
    }
    let rows: Vec<_> = calls
        .iter()
        .map(|call| {
            vec![
                at(call),
                call.actor.clone(),
                call.tool.clone(),
                outcome(call).to_owned(),
                if call.changed { "yes" } else { "" }.to_owned(),
                took(call),
                call.id.to_string(),
            ]
        })
        .collect();
    let text = table(&["AT", "BY", "TOOL", "OUTCOME", "CHANGED", "TOOK", "ID"], &rows);
    text + &next_page(next_cursor)
}

pub fn call(found: &Detail) -> String {
    let Detail { call, events } = found;
    let credential = match (call.token_id, call.identity_id) {
        (Some(id), _) => format!("token {id}"),
        (None, Some(id)) => format!("access token of the identity {id}"),
        (None, None) => "none".into(),
    };
    let mut rows = vec![
        ("At", at(call)),
        ("By", format!("{} ({}, through {})", call.actor, call.actor_kind, call.source)),
        ("With", credential),
        ("Tool", call.tool.clone()),
        ("Arguments", format!("SHA-256 {}", call.arguments_hash)),
        ("Request", call.request_id.clone()),
        ("Outcome", outcome(call).to_owned()),
    ];
    if call.duration_ms.is_some() {
        rows.push(("Took", took(call)));
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let mut text = format!("Call {}\n{}", call.id, table(&["", ""], &rows));
    if events.is_empty() {
        return text + "It changed nothing.\n";
    }
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            vec![
                event.sequence.to_string(),
                event.event.clone(),
                format!("{} {}", event.subject_kind, event.subject_id),
            ]
        })
        .collect();
    text.push_str(&format!("It left {} in the log:\n", count(events.len(), "event")));
    text + &indented(&table(&["", "", ""], &rows))
}

fn at(call: &CallView) -> String {
    call.at.parse().map_or_else(|_| call.at.clone(), moment)
}

fn outcome(call: &CallView) -> &str {
    call.outcome.as_deref().unwrap_or("not written down")
}

fn took(call: &CallView) -> String {
    call.duration_ms.map(|ms| format!("{ms} ms")).unwrap_or_default()
}
