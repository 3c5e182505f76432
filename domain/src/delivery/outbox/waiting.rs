//! Messages that wait, for those who take them back and for those who look ahead.

use diesel::prelude::*;

use super::store::MessageRow;
use crate::both;
use crate::delivery::{Message, Status};
use crate::kernel::column::At;
use crate::kernel::id::{ContactId, DealId, MessageId};
use crate::kernel::schema::messages;
use crate::kernel::{Cx, Fault};
use crate::people::reach::{Channel, Topic};

/// A message that has not left.
#[derive(Clone, Debug)]
pub struct Unsent {
    pub id: MessageId,
    pub occasion: String,
    pub channel: Channel,
    pub address: String,
}

/// The messages about some deals that wait or are held, of these topics.
pub fn unsent(cx: &mut Cx<'_>, deals: &[DealId], topics: &[Topic]) -> Result<Vec<Unsent>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in deals.chunks(1_000) {
        let rows: Vec<(MessageId, String, Channel, String)> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::deal_id.eq_any(some))
                .filter(messages::kind.eq_any(topics))
                .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
                .select((messages::id, messages::occasion, messages::channel, messages::address))
                .load(c)
        })?;
        found.extend(rows.into_iter().map(|(id, occasion, channel, address)| Unsent {
            id,
            occasion,
            channel,
            address,
        }));
    }
    Ok(found)
}

/// The messages to a contact that wait or are deferred, the first asked for at the front; held until the end of the
/// transaction.
pub fn hold_unsent_to(cx: &mut Cx<'_>, contact: ContactId) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<MessageId> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::contact_id.eq(contact))
            .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
            .order(messages::id)
            .select(messages::id)
            .load(c)
    })?;
    let mut held = super::store::hold(cx, &ids)?;
    held.retain(|message| matches!(message.status, Status::Queued | Status::Deferred));
    held.sort_by_key(|message| message.id);
    Ok(held)
}

/// Messages that wait and are due, the longest waiting first, as nobody but a rehearsal takes them: without holding them.
pub(in crate::delivery) fn due_unheld(cx: &mut Cx<'_>, limit: i64) -> Result<Vec<Message>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let rows: Vec<MessageRow> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::next_at.le(now))
            .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
            .order((messages::next_at, messages::id))
            .limit(limit)
            .select(MessageRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(MessageRow::message).collect()
}

/// The instant at which the next message is due.
pub fn next_due(cx: &mut Cx<'_>) -> Result<Option<jiff::Timestamp>, Fault> {
    let workspace = cx.workspace();
    let next: Option<Option<At>> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::next_at.is_not_null())
            .order(messages::next_at)
            .select(messages::next_at)
            .first(c)
            .optional()
    })?;
    Ok(next.flatten().map(|at| at.0))
}
