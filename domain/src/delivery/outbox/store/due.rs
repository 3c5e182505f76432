//! What is due, found and locked so that dispatchers share it.

use std::collections::HashSet;

use diesel::prelude::*;

use super::MessageRow;
use crate::both;
use crate::delivery::trouble::What;
use crate::delivery::{Message, Priority, Status};
use crate::kernel::column::At;
use crate::kernel::id::MessageId;
use crate::kernel::schema::messages;
use crate::kernel::{Conn, Cx, Fault};
use crate::people::reach::{Channel, Topic};

/// Where a walk through due messages goes on.
pub(in crate::delivery::outbox) type Place = (At, MessageId);

/// Due messages of one priority, the longest due first, locked; those that another dispatcher holds are left out.
pub(in crate::delivery::outbox) fn hold_due(
    cx: &mut Cx<'_>,
    priority: i32,
    after: Option<Place>,
    without: (&[Channel], &[String]),
    limit: usize,
) -> Result<Vec<Message>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let (at, id) = after.unwrap_or((At(jiff::Timestamp::UNIX_EPOCH), MessageId(uuid::Uuid::nil())));
    let rows: Vec<MessageRow> = load_held!(
        cx,
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::priority.eq(priority))
            .filter(messages::next_at.is_not_null())
            .filter(messages::next_at.assume_not_null().le(now))
            .filter(messages::next_at.assume_not_null().ge(at))
            .filter(messages::next_at.assume_not_null().gt(at).or(messages::id.gt(id)))
            .filter(messages::channel.ne_all(without.0))
            .filter(messages::destination.ne_all(without.1))
            .order((messages::next_at, messages::id))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(MessageRow::as_select()),
        for_update,
        skip_locked
    );
    rows.into_iter().map(MessageRow::message).collect()
}

/// Messages of a channel that were claimed and whose lease has ended, the longest ago first, locked; those that another
/// dispatcher holds are left out.
pub(in crate::delivery::outbox) fn hold_stale(
    cx: &mut Cx<'_>,
    channel: Channel,
    without: (&[Channel], &[String]),
    limit: usize,
) -> Result<Vec<Message>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let rows: Vec<MessageRow> = load_held!(
        cx,
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            // As the partial index has it.
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("status = 'sending'"))
            .filter(messages::channel.eq(channel))
            .filter(messages::channel.ne_all(without.0))
            .filter(messages::destination.ne_all(without.1))
            .filter(messages::next_at.assume_not_null().le(now))
            .order((messages::next_at, messages::id))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(MessageRow::as_select()),
        for_update,
        skip_locked
    );
    rows.into_iter().map(MessageRow::message).collect()
}

/// Whether anything is due. A look only: what is due may be somebody else's by the time of a claim.
pub(in crate::delivery::outbox) fn is_anything_due(
    cx: &mut Cx<'_>,
    without: (&[Channel], &[String]),
) -> Result<bool, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    for priority in Priority::ALL {
        let found: Option<MessageId> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::priority.eq(priority as i32))
                .filter(messages::next_at.is_not_null())
                .filter(messages::next_at.assume_not_null().le(now))
                .filter(messages::channel.ne_all(without.0))
                .filter(messages::destination.ne_all(without.1))
                .order((messages::next_at, messages::id))
                .select(messages::id)
                .first(c)
                .optional()
        })?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is shown although all else is held: due alerts in the product. All of them are urgent.
macro_rules! alerts {
    ($workspace:expr, $now:expr) => {
        messages::table
            .filter(messages::workspace_id.eq($workspace))
            .filter(messages::priority.eq(Priority::Urgent as i32))
            .filter(messages::next_at.is_not_null())
            .filter(messages::next_at.assume_not_null().le($now))
            .filter(messages::channel.eq(Channel::InApp))
            .filter(messages::kind.eq(Topic::Alert))
            .order((messages::next_at, messages::id))
    };
}

/// The longest due first, locked; those that another dispatcher holds are left out.
pub(in crate::delivery::outbox) fn hold_alerts(cx: &mut Cx<'_>, limit: usize) -> Result<Vec<Message>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<MessageRow> = load_held!(
        cx,
        alerts!(workspace, now).limit(limit).select(MessageRow::as_select()),
        for_update,
        skip_locked
    );
    rows.into_iter().map(MessageRow::message).collect()
}

pub(in crate::delivery::outbox) fn is_alert_due(cx: &mut Cx<'_>) -> Result<bool, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let found: Option<MessageId> =
        both!(cx.conn(), |c| alerts!(workspace, now).select(messages::id).first(c).optional())?;
    Ok(found.is_some())
}

/// Whether something is due that this keeps waiting.
pub(in crate::delivery::outbox) fn is_waited_for(cx: &mut Cx<'_>, what: &What) -> Result<bool, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let found: Option<MessageId> = both!(cx.conn(), |c| {
        let mut query = messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::next_at.is_not_null())
            .filter(messages::next_at.assume_not_null().le(now))
            .select(messages::id)
            .into_boxed();
        query = match what {
            What::Provider(channel) => query.filter(messages::channel.eq(*channel)),
            What::Destination(destination) => query.filter(messages::destination.eq(destination)),
        };
        query.first(c).optional()
    })?;
    Ok(found.is_some())
}

/// What is in flight: which message, whither.
pub(in crate::delivery::outbox) fn in_flight(
    cx: &mut Cx<'_>,
) -> Result<Vec<(MessageId, String, Option<At>)>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("status = 'sending'"))
            .select((messages::id, messages::destination, messages::lease_until))
            .load(c)
    })?)
}

/// Which of these destinations are ours until the transaction ends. On SQLite all of them: there is one writer.
pub(in crate::delivery::outbox) fn lock_destinations(
    cx: &mut Cx<'_>,
    destinations: &[String],
) -> Result<HashSet<String>, Fault> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = diesel::sql_types::Text)]
        destination: String,
        #[diesel(sql_type = diesel::sql_types::Bool)]
        ours: bool,
    }
    let workspace = cx.workspace();
    match cx.conn() {
        Conn::Lite(_) => Ok(destinations.iter().cloned().collect()),
        Conn::Pg(c) => {
            let rows: Vec<Locked> = diesel::sql_query(
                // Such a lock is the whole database's, and another schema of it may hold another installation.
                "SELECT d AS destination, \
                 pg_try_advisory_xact_lock(hashtextextended(current_schema() || $1 || d, 0)) AS ours \
                 FROM unnest($2) AS d",
            )
            .bind::<diesel::sql_types::Text, _>(workspace.to_string())
            .bind::<diesel::sql_types::Array<diesel::sql_types::Text>, _>(destinations)
            .load(&mut **c)?;
            Ok(rows.into_iter().filter(|row| row.ours).map(|row| row.destination).collect())
        }
    }
}

/// Messages of one priority that wait by a clock that has since gone back: made, tried or claimed in what is now the
/// future. In order of when they are looked at next.
pub(in crate::delivery::outbox) fn hold_ahead(
    cx: &mut Cx<'_>,
    priority: i32,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Message>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let (at, id) = after.unwrap_or((now, MessageId(uuid::Uuid::max())));
    let rows: Vec<MessageRow> = load_held!(
        cx,
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::priority.eq(priority))
            .filter(messages::next_at.is_not_null())
            .filter(messages::next_at.assume_not_null().ge(at))
            .filter(messages::next_at.assume_not_null().gt(at).or(messages::id.gt(id)))
            .filter(messages::status.ne(Status::Deferred))
            .filter(messages::attempts.gt(0).or(messages::created_at.gt(now)))
            .order((messages::next_at, messages::id))
            .limit(limit)
            .select(MessageRow::as_select()),
        for_update
    );
    rows.into_iter().map(MessageRow::message).collect()
}
