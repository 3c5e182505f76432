//! Following the log.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::store::{self, Filter, From, Known, Names};
use super::{About, By, Change, Changes, Kind, rules};
use crate::deals::deal;
use crate::kernel::event::{EventRow, changed_fields};
use crate::kernel::id::DealId;
use crate::kernel::page::{Ask, Page};
use crate::kernel::{ActorKind, Cx, No, Problem, Refusal};
use crate::workspace::access::rules::allows;
use crate::workspace::access::{Require, Verb};

/// How much of the log one call looks through for what was asked for.
const WINDOW: i64 = 10_000;
/// Letters of a chain value that tell one log from another.
const MARK: usize = 16;

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct AskChanges {
    /// All that the caller may see when empty.
    pub kinds: Vec<Kind>,
    /// Only what is about this deal.
    pub deal_id: Option<DealId>,
    pub ask: Ask,
}

/// What happened after the cursor, the first one first. Without one: the latest events, and the cursor to go on from.
///
/// A call looks through 10,000 events at most, so that with a filter it may find few and still say that there is more.
pub fn since(cx: &mut Cx<'_>, cmd: &AskChanges) -> Result<Changes, No> {
    cx.require(Verb::ReadDeals)?;
    for kind in &cmd.kinds {
        cx.require(rules::right(*kind))?;
    }
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let cursor: Option<(i64, String)> = cmd.ask.after().map_err(|p| vec![p])?;
    if let Some(id) = cmd.deal_id {
        deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let filter = Filter { names: names(cx, &cmd.kinds), deal: cmd.deal_id };
    let head = store::head(cx)?;
    let (rows, next) = match cursor {
        None => {
            let mut rows = store::between(cx, (head - WINDOW, head), &filter, From::Last, limit)?;
            rows.reverse();
            (rows, head)
        }
        Some((after, mark)) => {
            same_log(cx, after, &mark)?;
            let upto = head.min(after.saturating_add(WINDOW));
            let mut rows = store::between(cx, (after, upto), &filter, From::First, limit + 1)?;
            let wanted = usize::try_from(limit).unwrap_or(0);
            let full = rows.len() > wanted;
            rows.truncate(wanted);
            let last = rows.last().filter(|_| full).map(|row| row.seq);
            (rows, last.unwrap_or(upto))
        }
    };
    let mark: String = store::chain_at(cx, next)?.unwrap_or_default().chars().take(MARK).collect();
    let Page { items, next_cursor } = Page::after(rows, Some((next, mark)));
    let changes = told(cx, items)?;
    Ok(Changes { changes, next_cursor: next_cursor.unwrap_or_default(), more: next < head })
}

/// Whether a cursor is of this log. One from before a backup was brought back would pass over what came in the place of
/// what it had seen.
fn same_log(cx: &mut Cx<'_>, after: i64, mark: &str) -> Result<(), No> {
    let chain = store::chain_at(cx, after)?;
    if mark.len() == MARK && chain.is_some_and(|chain| chain.starts_with(mark)) {
        return Ok(());
    }
    let sentence = "is not one that this workspace's log gave out, or the log was brought back from a backup since. \
                    Start again without a cursor, and look at everything anew.";
    Err(vec![Problem::new("cursor", sentence)].into())
}

/// What the caller may see of what was asked for.
fn names(cx: &Cx<'_>, kinds: &[Kind]) -> Option<Names> {
    let powers = cx.principal().powers;
    let kinds = if kinds.is_empty() { Kind::ALL } else { kinds };
    let seen: Vec<Kind> = kinds.iter().copied().filter(|kind| allows(powers, rules::right(*kind))).collect();
    if Kind::ALL.iter().all(|kind| seen.contains(kind)) {
        return None;
    }
    let these = seen.iter().flat_map(|kind| rules::names(*kind)).copied().collect();
    let and_none_of = seen.contains(&Kind::Other).then(|| rules::known().collect());
    Some(Names { these, and_none_of })
}

fn told(cx: &mut Cx<'_>, rows: Vec<EventRow>) -> Result<Vec<Change>, No> {
    let known = known(cx, &rows)?;
    let mut deals: Vec<DealId> = known.values().filter_map(|known| known.deal).collect();
    deals.extend(rows.iter().filter(|row| row.subject_kind == "deal").map(|row| DealId(row.subject_id.0)));
    deals.sort_unstable();
    deals.dedup();
    let titles = deal::store::titles(cx, &deals)?;
    let change = |row: EventRow| {
        let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
        let id = row.subject_id.0;
        let Known { title, deal } = match row.subject_kind.as_str() {
            "deal" => Known { title: titles.get(&DealId(id)).cloned(), deal: Some(DealId(id)) },
            _ => known.get(&id).cloned().unwrap_or_default(),
        };
        let deal_title = deal.filter(|deal| deal.0 != id).and_then(|deal| titles.get(&deal).cloned());
        let name = (row.actor_kind != ActorKind::Contact.as_str()).then_some(row.actor_name);
        Change {
            sequence: row.seq,
            at: row.at,
            summary: rules::summary(&row.event, &data),
            event: row.event,
            subject: About { kind: row.subject_kind, id, title, deal_id: deal, deal_title },
            actor: By { kind: row.actor_kind, name },
            source: row.source,
            changed: changed_fields(&data),
        }
    };
    Ok(rows.into_iter().map(change).collect())
}

/// What the subjects are called, by their ids.
fn known(cx: &mut Cx<'_>, rows: &[EventRow]) -> Result<HashMap<Uuid, Known>, No> {
    let mut found = HashMap::new();
    for (kind, look) in [
        ("milestone", store::milestones_of as fn(&mut Cx<'_>, &[Uuid]) -> _),
        ("draft", store::drafts_of),
        ("approval", store::approvals_of),
        ("message", store::messages_of),
    ] {
        let mut ids: Vec<Uuid> =
            rows.iter().filter(|row| row.subject_kind == kind).map(|row| row.subject_id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            found.extend(look(cx, &ids)?);
        }
    }
    Ok(found)
}
