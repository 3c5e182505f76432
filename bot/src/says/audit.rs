//! The log.

use domain::insight::event_log::{Break, Entry, Verdict};

use super::count;

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
