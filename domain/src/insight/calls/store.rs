//! Calls in the database. Their ids are in the order of their times, so that one index serves every look.

use diesel::prelude::*;

use super::Ended;
use super::ops::ListCalls;
use crate::both;
use crate::kernel::call::CallRow;
use crate::kernel::id::CorrelationId;
use crate::kernel::schema::tool_calls;
use crate::kernel::{Conn, Cx, Fault};

pub fn write(cx: &mut Cx<'_>, ended: &[Ended]) -> Result<(), Fault> {
    let (looks, changes): (Vec<&Ended>, Vec<&Ended>) = ended.iter().partition(|call| call.only_looks);
    let looks: Vec<CallRow> = looks.into_iter().map(|call| call.row.clone()).collect();
    match cx.conn() {
        Conn::Pg(c) => {
            for some in looks.chunks(1_000) {
                diesel::insert_into(tool_calls::table).values(some).on_conflict_do_nothing().execute(&mut **c)?;
            }
        }
        Conn::Lite(c) => {
            for row in looks {
                diesel::insert_into(tool_calls::table).values(row).on_conflict_do_nothing().execute(&mut **c)?;
            }
        }
    }
    // What changed something has its row already; only how it ended is new.
    for Ended { row, .. } in changes {
        let end = (tool_calls::outcome.eq(&row.outcome), tool_calls::duration_ms.eq(row.duration_ms));
        both!(cx.conn(), |c| {
            diesel::insert_into(tool_calls::table)
                .values(row.clone())
                .on_conflict((tool_calls::workspace_id, tool_calls::id))
                .do_update()
                .set(end)
                .execute(c)
        })?;
    }
    Ok(())
}

/// The newest first.
pub fn list(
    cx: &mut Cx<'_>,
    wanted: &ListCalls,
    before: Option<CorrelationId>,
    limit: i64,
) -> Result<Vec<CallRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        let mut calls = tool_calls::table.filter(tool_calls::workspace_id.eq(workspace)).into_boxed();
        if let Some(before) = before {
            calls = calls.filter(tool_calls::id.lt(before));
        }
        if let Some(since) = wanted.since {
            calls = calls.filter(tool_calls::id.ge(CorrelationId::least_at(since)));
        }
        if let Some(until) = wanted.until {
            calls = calls.filter(tool_calls::id.lt(CorrelationId::least_at(until)));
        }
        if let Some(actor) = &wanted.actor {
            calls = calls.filter(tool_calls::actor_name.eq(actor));
        }
        if let Some(token) = wanted.token_id {
            calls = calls.filter(tool_calls::token_id.eq(token));
        }
        if let Some(identity) = wanted.identity_id {
            calls = calls.filter(tool_calls::identity_id.eq(identity));
        }
        if let Some(tool) = &wanted.tool {
            calls = calls.filter(tool_calls::tool.eq(tool));
        }
        if let Some(outcome) = &wanted.outcome {
            calls = calls.filter(tool_calls::outcome.eq(outcome));
        }
        if wanted.changed {
            calls = calls.filter(tool_calls::changed.eq(true));
        }
        calls.order(tool_calls::id.desc()).limit(limit).select(CallRow::as_select()).load(c)
    })?)
}

pub fn find(cx: &mut Cx<'_>, id: CorrelationId) -> Result<Option<CallRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        tool_calls::table.find((workspace, id)).select(CallRow::as_select()).first(c).optional()
    })?)
}

pub fn is_any_before(cx: &mut Cx<'_>, before: CorrelationId) -> Result<bool, Fault> {
    let old =
        tool_calls::table.filter(tool_calls::workspace_id.eq(cx.workspace())).filter(tool_calls::id.lt(before));
    Ok(both!(cx.conn(), |c| diesel::select(diesel::dsl::exists(old)).get_result(c))?)
}

pub fn drop_before(cx: &mut Cx<'_>, before: CorrelationId, most: usize) -> Result<usize, Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        let old: Vec<CorrelationId> = tool_calls::table
            .filter(tool_calls::workspace_id.eq(workspace))
            .filter(tool_calls::id.lt(before))
            .order(tool_calls::id)
            .limit(most as i64)
            .select(tool_calls::id)
            .load(c)?;
        let Some(last) = old.last() else { return Ok(0) };
        Ok(diesel::delete(tool_calls::table)
            .filter(tool_calls::workspace_id.eq(workspace))
            .filter(tool_calls::id.le(*last))
            .execute(c)?)
    })
}

/// The call that has so many newer ones.
pub fn beyond(cx: &mut Cx<'_>, most: i64) -> Result<Option<CorrelationId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        tool_calls::table
            .filter(tool_calls::workspace_id.eq(workspace))
            .order(tool_calls::id.desc())
            .offset(most)
            .limit(1)
            .select(tool_calls::id)
            .first(c)
            .optional()
    })?)
}

pub fn drop_unchanged_to(cx: &mut Cx<'_>, last: CorrelationId, most: usize) -> Result<usize, Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        let old: Vec<CorrelationId> = tool_calls::table
            .filter(tool_calls::workspace_id.eq(workspace))
            .filter(tool_calls::id.le(last))
            .filter(tool_calls::changed.eq(false))
            .order(tool_calls::id)
            .limit(most as i64)
            .select(tool_calls::id)
            .load(c)?;
        let Some(last) = old.last() else { return Ok(0) };
        Ok(diesel::delete(tool_calls::table)
            .filter(tool_calls::workspace_id.eq(workspace))
            .filter(tool_calls::id.le(*last))
            .filter(tool_calls::changed.eq(false))
            .execute(c)?)
    })
}
