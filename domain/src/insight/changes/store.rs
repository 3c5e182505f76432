//! The log as readers follow it.

use std::collections::HashMap;

use diesel::prelude::*;
use uuid::Uuid;

use crate::both;
use crate::kernel::event::{AnyId, EventRow};
use crate::kernel::id::{DealId, MilestoneId};
use crate::kernel::schema::{approvals, audit_heads, drafts, events, messages, milestones};
use crate::kernel::{Cx, Fault};

/// Which events a reader sees.
#[derive(Clone, Debug)]
pub struct Filter {
    /// By their names; `None` for all there are.
    pub names: Option<Names>,
    pub deal: Option<DealId>,
}

#[derive(Clone, Debug)]
pub struct Names {
    pub these: Vec<&'static str>,
    /// And those that are none of these.
    pub and_none_of: Option<Vec<&'static str>>,
}

/// From which end events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    First,
    Last,
}

/// At most `limit` events with numbers above `after` and not above `upto`.
pub fn between(
    cx: &mut Cx<'_>,
    (after, upto): (i64, i64),
    filter: &Filter,
    from: From,
    limit: i64,
) -> Result<Vec<EventRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        let mut query = events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::seq.gt(after))
            .filter(events::seq.le(upto))
            .limit(limit)
            .select(EventRow::as_select())
            .into_boxed();
        query = match from {
            From::First => query.order(events::seq),
            From::Last => query.order(events::seq.desc()),
        };
        if let Some(Names { these, and_none_of }) = &filter.names {
            query = match and_none_of {
                None => query.filter(events::event.eq_any(these.clone())),
                Some(known) => {
                    query.filter(events::event.eq_any(these.clone()).or(events::event.ne_all(known.clone())))
                }
            };
        }
        if let Some(deal) = filter.deal {
            let of_drafts = || {
                drafts::table
                    .filter(drafts::workspace_id.eq(workspace))
                    .filter(drafts::deal_id.eq(deal))
                    .select(drafts::id)
            };
            let of_milestones = milestones::table
                .filter(milestones::workspace_id.eq(workspace))
                .filter(milestones::deal_id.eq(deal))
                .select(milestones::id);
            let of_messages = messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::deal_id.eq(deal))
                .select(messages::id);
            let of_approvals = approvals::table
                .filter(approvals::workspace_id.eq(workspace))
                .filter(approvals::subject_kind.eq("draft"))
                .filter(approvals::subject_id.eq_any(of_drafts()))
                .select(approvals::id);
            query = query.filter(
                events::subject_kind
                    .eq("deal")
                    .and(events::subject_id.eq(AnyId(deal.0)))
                    .or(events::subject_kind.eq("milestone").and(events::subject_id.eq_any(of_milestones)))
                    .or(events::subject_kind.eq("draft").and(events::subject_id.eq_any(of_drafts())))
                    .or(events::subject_kind.eq("approval").and(events::subject_id.eq_any(of_approvals)))
                    .or(events::subject_kind.eq("message").and(events::subject_id.eq_any(of_messages))),
            );
        }
        query.load(c)
    })?)
}

/// The number of the last event.
pub fn head(cx: &mut Cx<'_>) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    let head: Option<i64> =
        both!(cx.conn(), |c| audit_heads::table.find(workspace).select(audit_heads::seq).first(c).optional())?;
    Ok(head.unwrap_or(0))
}

/// The chain value of the event with this number.
pub fn chain_at(cx: &mut Cx<'_>, sequence: i64) -> Result<Option<String>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| events::table.find((workspace, sequence)).select(events::chain).first(c).optional())?)
}

/// What a subject is called, and the deal that it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub title: Option<String>,
    pub deal: Option<DealId>,
}

/// These milestones, those that were removed too.
pub fn milestones_of(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, Known>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<AnyId> = ids.iter().copied().map(AnyId).collect();
    let rows: Vec<(MilestoneId, String, DealId)> = both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::id.eq_any(&ids))
            .select((milestones::id, milestones::title, milestones::deal_id))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, title, deal)| (id.0, Known { title: Some(title), deal: Some(deal) })).collect())
}

pub fn drafts_of(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, Known>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<AnyId> = ids.iter().copied().map(AnyId).collect();
    let rows: Vec<(AnyId, DealId)> = both!(cx.conn(), |c| {
        drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::id.eq_any(&ids))
            .select((drafts::id, drafts::deal_id))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, deal)| (id.0, Known { title: None, deal: Some(deal) })).collect())
}

/// Approvals have titles, and are about a draft or something else.
pub fn approvals_of(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, Known>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<AnyId> = ids.iter().copied().map(AnyId).collect();
    let rows: Vec<(AnyId, String, String, AnyId)> = both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::id.eq_any(&ids))
            .select((approvals::id, approvals::title, approvals::subject_kind, approvals::subject_id))
            .load(c)
    })?;
    let about: Vec<Uuid> = rows.iter().filter(|(_, _, kind, _)| kind == "draft").map(|(.., id)| id.0).collect();
    let drafts = if about.is_empty() { HashMap::new() } else { drafts_of(cx, &about)? };
    let known = |(id, title, _, about): (AnyId, String, String, AnyId)| {
        (id.0, Known { title: Some(title), deal: drafts.get(&about.0).and_then(|draft| draft.deal) })
    };
    Ok(rows.into_iter().map(known).collect())
}

pub fn messages_of(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, Known>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<AnyId> = ids.iter().copied().map(AnyId).collect();
    let rows: Vec<(AnyId, Option<DealId>)> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::id.eq_any(&ids))
            .select((messages::id, messages::deal_id))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, deal)| (id.0, Known { title: None, deal })).collect())
}
