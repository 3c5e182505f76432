//! The log in the database.

use diesel::prelude::*;

use crate::both;
use crate::kernel::event::EventRow;
use crate::kernel::id::CorrelationId;
use crate::kernel::schema::{audit_heads, events};
use crate::kernel::{Cx, Fault};

/// Rows with a number above `after`, in order.
pub fn after(cx: &mut Cx<'_>, after: i64, limit: i64) -> Result<Vec<EventRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::seq.gt(after))
            .order(events::seq)
            .limit(limit)
            .select(EventRow::as_select())
            .load(c)
    })?)
}

pub fn of_correlation(cx: &mut Cx<'_>, id: CorrelationId, limit: i64) -> Result<Vec<EventRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::correlation_id.eq(id))
            .order(events::seq)
            .limit(limit)
            .select(EventRow::as_select())
            .load(c)
    })?)
}

/// Whether this event has this place in the log.
pub fn has(cx: &mut Cx<'_>, sequence: i64, id: crate::kernel::id::EventId) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let found: Option<crate::kernel::id::EventId> = both!(cx.conn(), |c| {
        events::table.find((workspace, sequence)).select(events::id).first(c).optional()
    })?;
    Ok(found == Some(id))
}

pub fn head(cx: &mut Cx<'_>) -> Result<Option<(i64, String)>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        audit_heads::table.find(workspace).select((audit_heads::seq, audit_heads::chain)).first(c).optional()
    })?)
}
