//! Attempts to send a message, and how each ended.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::write_rows;
use crate::both;
use crate::delivery::outbox::Ended;
use crate::kernel::column::{At, instant_text};
use crate::kernel::id::{DecisionId, MessageId, WorkspaceId};
use crate::kernel::schema::attempts;
use crate::kernel::{Conn, Cx, Fault};

#[derive(Clone, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = attempts)]
#[diesel(treat_none_as_default_value = false)]
pub(in crate::delivery::outbox) struct AttemptRow {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    pub number: i32,
    pub decision_id: DecisionId,
    pub started_at: At,
    pub ended_at: Option<At>,
    pub outcome: Option<Ended>,
    pub detail: Option<String>,
    pub provider_status: Option<i32>,
    pub provider_id: Option<String>,
}

pub(in crate::delivery::outbox) fn insert(cx: &mut Cx<'_>, rows: &[AttemptRow]) -> Result<(), Fault> {
    for some in rows.chunks(1_000) {
        let some = some.to_vec();
        both!(cx.conn(), |c| diesel::insert_into(attempts::table).values(some).execute(c))?;
    }
    Ok(())
}

/// All attempts at these messages, in order.
pub(in crate::delivery::outbox) fn of(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<Vec<AttemptRow>, Fault> {
    use crate::kernel::column::Uuid;
    let workspace = cx.workspace();
    let mut found: Vec<AttemptRow> = Vec::new();
    for some in ids.chunks(1_000) {
        found.extend(match cx.conn() {
            // One look at the key for each. Asked for all of them at once, a PostgreSQL that knows little of the table goes
            // through all of the workspace's attempts.
            Conn::Pg(c) => diesel::sql_query(
                "SELECT a.* FROM unnest($2) AS wanted (id), LATERAL (SELECT * FROM attempts \
                 WHERE workspace_id = $1 AND message_id = wanted.id OFFSET 0) AS a",
            )
            .bind::<Uuid, _>(workspace)
            .bind::<diesel::sql_types::Array<Uuid>, _>(some)
            .load(&mut **c)?,
            Conn::Lite(c) => attempts::table
                .filter(attempts::workspace_id.eq(workspace))
                .filter(attempts::message_id.eq_any(some))
                .select(AttemptRow::as_select())
                .load(&mut **c)?,
        });
    }
    found.sort_unstable_by_key(|a| (a.message_id, a.number));
    Ok(found)
}

/// How an attempt ended.
pub(in crate::delivery::outbox) struct End {
    pub message: MessageId,
    pub number: i32,
    pub at: jiff::Timestamp,
    pub outcome: Ended,
    pub detail: Option<String>,
    pub provider_status: Option<i32>,
    pub provider_id: Option<String>,
}

/// Writes how attempts ended, all in one statement.
pub(in crate::delivery::outbox) fn end(cx: &mut Cx<'_>, ends: &[End]) -> Result<(), Fault> {
    for some in ends.chunks(1_000) {
        let rows: Vec<Value> = some
            .iter()
            .map(|e| {
                json!({
                    "message_id": e.message, "number": e.number, "ended_at": instant_text(e.at),
                    "outcome": e.outcome, "detail": e.detail, "provider_status": e.provider_status,
                    "provider_id": e.provider_id,
                })
            })
            .collect();
        let rows = Value::Array(rows).to_string();
        let query = match cx.conn() {
            Conn::Pg(_) => {
                "UPDATE attempts AS a SET ended_at = v.ended_at, outcome = v.outcome, detail = v.detail, \
                 provider_status = v.provider_status, provider_id = v.provider_id \
                 FROM json_to_recordset($1::json) AS v (message_id uuid, number integer, ended_at timestamptz, \
                 outcome text, detail text, provider_status integer, provider_id text) \
                 WHERE a.workspace_id = $2 AND a.message_id = ANY($3) AND a.message_id = v.message_id \
                 AND a.number = v.number"
            }
            Conn::Lite(_) => {
                "WITH v AS MATERIALIZED (SELECT value ->> 'message_id' AS message_id, value ->> 'number' AS number, \
                 value AS new FROM json_each($1)) \
                 UPDATE attempts SET ended_at = new ->> 'ended_at', outcome = new ->> 'outcome', \
                 detail = new ->> 'detail', provider_status = new ->> 'provider_status', \
                 provider_id = new ->> 'provider_id' FROM v WHERE attempts.workspace_id = $2 \
                 AND attempts.message_id = v.message_id AND attempts.number = v.number"
            }
        };
        let ids: Vec<MessageId> = some.iter().map(|e| e.message).collect();
        write_rows(cx, query, &rows, &ids)?;
    }
    Ok(())
}
