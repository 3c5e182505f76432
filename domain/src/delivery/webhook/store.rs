//! Endpoints in the database.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;

use super::{Endpoint, EndpointStatus};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::event::EventRow;
use crate::kernel::id::{EndpointId, EventId, MessageId, WorkspaceId};
use crate::kernel::schema::{audit_heads, endpoints, events, messages};
use crate::kernel::{Conn, Cx, Fault};
use crate::people::reach::{Channel, Topic};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = endpoints)]
#[diesel(treat_none_as_default_value = false)]
struct EndpointRow {
    workspace_id: WorkspaceId,
    id: EndpointId,
    url: String,
    events: String,
    headers: String,
    status: EndpointStatus,
    disabled_why: Option<String>,
    secret_version: i32,
    previous_until: Option<At>,
    cursor: i64,
    created_at: At,
    version: i64,
}

impl EndpointRow {
    fn of(e: &Endpoint, workspace_id: WorkspaceId) -> Result<Self, Fault> {
        let corrupt = |error: serde_json::Error| Fault::Corrupt(error.to_string());
        Ok(Self {
            workspace_id,
            id: e.id,
            url: e.url.clone(),
            events: serde_json::to_string(&e.events).map_err(corrupt)?,
            headers: serde_json::to_string(&e.headers).map_err(corrupt)?,
            status: e.status,
            disabled_why: e.disabled_why.clone(),
            secret_version: e.secret_version,
            previous_until: e.previous_until.map(At),
            cursor: e.cursor,
            created_at: At(e.created_at),
            version: e.version,
        })
    }

    fn endpoint(self) -> Result<Endpoint, Fault> {
        let broken = |error: serde_json::Error| Fault::Corrupt(format!("endpoint {}: {error}", self.id));
        Ok(Endpoint {
            events: serde_json::from_str(&self.events).map_err(broken)?,
            headers: serde_json::from_str::<BTreeMap<_, _>>(&self.headers).map_err(broken)?,
            id: self.id,
            url: self.url,
            status: self.status,
            disabled_why: self.disabled_why,
            secret_version: self.secret_version,
            previous_until: self.previous_until.map(|at| at.0),
            cursor: self.cursor,
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

pub fn find(cx: &mut Cx<'_>, id: EndpointId) -> Result<Option<Endpoint>, Fault> {
    let workspace = cx.workspace();
    let row: Option<EndpointRow> = both!(cx.conn(), |c| {
        endpoints::table.find((workspace, id)).select(EndpointRow::as_select()).first(c).optional()
    })?;
    row.map(EndpointRow::endpoint).transpose()
}

/// The endpoint, for this transaction alone.
pub fn hold(cx: &mut Cx<'_>, id: EndpointId) -> Result<Option<Endpoint>, Fault> {
    let find = endpoints::table.find((cx.workspace(), id));
    let row: Option<EndpointRow> = match cx.conn() {
        Conn::Pg(c) => find.select(EndpointRow::as_select()).for_update().first(&mut **c).optional(),
        Conn::Lite(c) => find.select(EndpointRow::as_select()).first(&mut **c).optional(),
    }?;
    row.map(EndpointRow::endpoint).transpose()
}

/// All that were not removed, oldest first.
pub fn list(cx: &mut Cx<'_>) -> Result<Vec<Endpoint>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<EndpointRow> = both!(cx.conn(), |c| {
        endpoints::table
            .filter(endpoints::workspace_id.eq(workspace))
            .filter(endpoints::status.ne(EndpointStatus::Removed))
            .order(endpoints::id)
            .select(EndpointRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(EndpointRow::endpoint).collect()
}

/// Those that are active and have not been told of everything, for this transaction alone.
pub fn hold_behind(cx: &mut Cx<'_>, head: i64) -> Result<Vec<Endpoint>, Fault> {
    let find = endpoints::table
        .filter(endpoints::workspace_id.eq(cx.workspace()))
        .filter(endpoints::status.eq(EndpointStatus::Active))
        .filter(endpoints::cursor.lt(head))
        .order(endpoints::id);
    let rows: Vec<EndpointRow> = match cx.conn() {
        Conn::Pg(c) => find.select(EndpointRow::as_select()).for_update().load(&mut **c),
        Conn::Lite(c) => find.select(EndpointRow::as_select()).load(&mut **c),
    }?;
    rows.into_iter().map(EndpointRow::endpoint).collect()
}

/// Whether some active endpoint has not been told of everything.
pub fn is_behind(cx: &mut Cx<'_>) -> Result<bool, Fault> {
    let (workspace, head) = (cx.workspace(), head(cx)?);
    let behind: Option<EndpointId> = both!(cx.conn(), |c| {
        endpoints::table
            .filter(endpoints::workspace_id.eq(workspace))
            .filter(endpoints::status.eq(EndpointStatus::Active))
            .filter(endpoints::cursor.lt(head))
            .select(endpoints::id)
            .first(c)
            .optional()
    })?;
    Ok(behind.is_some())
}

pub fn insert(cx: &mut Cx<'_>, new: &Endpoint) -> Result<(), Fault> {
    let row = EndpointRow::of(new, cx.workspace())?;
    both!(cx.conn(), |c| diesel::insert_into(endpoints::table).values(row).execute(c))?;
    Ok(())
}

/// Writes what may change. The caller holds it.
pub fn update(cx: &mut Cx<'_>, e: &Endpoint) -> Result<(), Fault> {
    let row = EndpointRow::of(e, cx.workspace())?;
    both!(cx.conn(), |c| {
        diesel::update(endpoints::table.find((row.workspace_id, row.id)))
            .set((
                endpoints::events.eq(row.events),
                endpoints::headers.eq(row.headers),
                endpoints::status.eq(row.status),
                endpoints::disabled_why.eq(row.disabled_why),
                endpoints::secret_version.eq(row.secret_version),
                endpoints::previous_until.eq(row.previous_until),
                endpoints::cursor.eq(row.cursor),
                endpoints::version.eq(row.version),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// Remembers how far the log was told to an endpoint.
pub fn advance(cx: &mut Cx<'_>, id: EndpointId, cursor: i64) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(endpoints::table.find((workspace, id))).set(endpoints::cursor.eq(cursor)).execute(c)
    })?;
    Ok(())
}

/// The number of the log's last event; 0 before the first.
pub fn head(cx: &mut Cx<'_>) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    let seq: Option<i64> =
        both!(cx.conn(), |c| audit_heads::table.find(workspace).select(audit_heads::seq).first(c).optional())?;
    Ok(seq.unwrap_or(0))
}

/// The log after an event, in order. It has no gaps, so what is not there yet comes later.
pub fn log_after(cx: &mut Cx<'_>, after: i64, limit: i64) -> Result<Vec<EventRow>, Fault> {
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

/// The occasion of the first message that waits for an endpoint or is under way to it. Messages are made in the order of the
/// log, and ids are in the order of being made.
pub fn first_waiting(cx: &mut Cx<'_>, id: EndpointId) -> Result<Option<String>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::endpoint_id.eq(id))
            .filter(messages::next_at.is_not_null())
            .order(messages::id)
            .select(messages::occasion)
            .first(c)
            .optional()
    })?)
}

/// An event's number in the log.
pub fn sequence(cx: &mut Cx<'_>, event: EventId) -> Result<Option<i64>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::id.eq(event))
            .select(events::seq)
            .first(c)
            .optional()
    })?)
}

/// Those of these messages that draw another one anew.
pub fn edits_among(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<HashSet<MessageId>, Fault> {
    let workspace = cx.workspace();
    let mut found = HashSet::new();
    for some in ids.chunks(1_000) {
        found.extend(both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::id.eq_any(some))
                .filter(messages::edits.is_not_null())
                .select(messages::id)
                .load::<MessageId>(c)
        })?);
    }
    Ok(found)
}

/// By what way and about what these messages are.
pub fn kinds(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<Vec<(MessageId, Channel, Topic)>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in ids.chunks(1_000) {
        found.extend(both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::id.eq_any(some))
                .select((messages::id, messages::channel, messages::kind))
                .load::<(MessageId, Channel, Topic)>(c)
        })?);
    }
    Ok(found)
}
