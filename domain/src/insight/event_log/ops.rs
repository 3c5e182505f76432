//! Reading and proving the log.

use serde_json::Value;

use super::rules::Walk;
use super::{Entry, Proof, Touched, Verdict, store};
use crate::kernel::column::instant_text;
use crate::kernel::event::EventRow;
use crate::kernel::id::CorrelationId;
use crate::kernel::{Cx, No, Receipt, Subject};
use crate::workspace::access::{Require, Verb};

const BATCH: i64 = 1_000;

/// Walks the whole log of the workspace and says whether it is as it was written.
pub fn verify(cx: &mut Cx<'_>) -> Result<Verdict, No> {
    cx.require(Verb::ReadAudit)?;
    let mut walk = Walk::begin(cx.workspace());
    let mut last = i64::MIN;
    loop {
        let rows = store::after(cx, last, BATCH)?;
        let whole = rows.iter().all(|row| walk.step(row));
        match rows.last() {
            Some(row) if whole => last = row.seq,
            _ => break,
        }
    }
    let head = store::head(cx)?;
    Ok(walk.end(head))
}

/// The events after a number, oldest first, at most 1,000.
pub fn export(cx: &mut Cx<'_>, after: i64) -> Result<Vec<Entry>, No> {
    cx.require(Verb::ReadAudit)?;
    Ok(store::after(cx, after, BATCH)?.into_iter().map(entry).collect())
}

/// What the log says was touched since a number, for whoever shows it; without one, only where the log ends.
pub fn touched(cx: &mut Cx<'_>, after: Option<i64>, most: i64) -> Result<Touched, No> {
    cx.require(Verb::ReadDeals)?;
    let Some(after) = after else {
        let last = store::head(cx)?.map_or(0, |(last, _)| last);
        return Ok(Touched { subjects: Vec::new(), last, more: false });
    };
    let rows = store::after(cx, after, most)?;
    let last = rows.last().map_or(after, |row| row.seq);
    let more = i64::try_from(rows.len()).is_ok_and(|count| count == most);
    let subject = |row: EventRow| {
        let data: Value = serde_json::from_str(&row.data).unwrap_or(Value::Null);
        let deal_id = data.get("deal_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        (Subject { kind: row.subject_kind, id: row.subject_id.0 }, deal_id)
    };
    Ok(Touched { subjects: rows.into_iter().map(subject).collect(), last, more })
}

/// What one command or tool call left in the log, in order, at most 1,000 events.
pub fn of_correlation(cx: &mut Cx<'_>, id: CorrelationId) -> Result<Vec<Entry>, No> {
    cx.require(Verb::ReadAudit)?;
    Ok(store::of_correlation(cx, id, BATCH)?.into_iter().map(entry).collect())
}

/// The proof of a write, read back after its commit; `None` when nothing was changed.
pub fn proof(cx: &mut Cx<'_>, receipts: &[Receipt]) -> Result<Option<Proof>, No> {
    // What the caller did is told last by the verb; what it set off (a new contact) comes before.
    let Some((last, before)) = receipts.split_last() else { return Ok(None) };
    let mut read_back = true;
    for receipt in receipts {
        read_back &= store::has(cx, receipt.sequence, receipt.event_id)?;
    }
    Ok(Some(Proof {
        event_id: last.event_id,
        sequence: last.sequence,
        event: last.event.clone(),
        changed: last.changed.clone(),
        read_back,
        also: before.iter().map(|receipt| receipt.sequence).collect(),
    }))
}

fn entry(row: EventRow) -> Entry {
    let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    Entry {
        sequence: row.seq,
        id: row.id.to_string(),
        at: instant_text(row.at),
        actor: row.actor_name,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id.map(|id| id.to_string()),
        source: row.source,
        correlation_id: row.correlation_id.to_string(),
        subject_kind: row.subject_kind,
        subject_id: row.subject_id.to_string(),
        event: row.event,
        data: json(&row.data),
        personal: row.personal.as_deref().map(json),
        leaf: row.leaf,
        chain: row.chain,
    }
}
