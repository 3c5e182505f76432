//! The outbox in the database.

use diesel::prelude::*;

use crate::both;
use crate::delivery::{Message, Purpose, Status, To};
use crate::kernel::column::At;
use crate::kernel::id::{ApprovalId, BatchId, ContactId, DealId, EndpointId, MemberId, MessageId, WorkspaceId};
use crate::kernel::schema::messages;
use crate::kernel::{Cx, Fault};
use crate::people::reach::{Channel, Topic};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages)]
#[diesel(treat_none_as_default_value = false)]
pub(in crate::delivery) struct MessageRow {
    workspace_id: WorkspaceId,
    id: MessageId,
    occasion: String,
    kind: Topic,
    purpose: Purpose,
    channel: Channel,
    contact_id: Option<ContactId>,
    member_id: Option<MemberId>,
    endpoint_id: Option<EndpointId>,
    address: String,
    destination: String,
    deal_id: Option<DealId>,
    approval_id: Option<ApprovalId>,
    batch_id: Option<BatchId>,
    content: String,
    content_hash: String,
    priority: i32,
    due_at: At,
    expires_at: Option<At>,
    status: Status,
    reason: Option<String>,
    next_at: Option<At>,
    lease_until: Option<At>,
    attempts: i32,
    first_write_at: Option<At>,
    counted_at: Option<At>,
    provider_id: Option<String>,
    settled_at: Option<At>,
    created_at: At,
    version: i64,
}

impl MessageRow {
    pub(in crate::delivery) fn of(m: &Message, workspace_id: WorkspaceId) -> Result<Self, Fault> {
        let (contact_id, member_id, endpoint_id) = match m.to {
            To::Contact(id) => (Some(id), None, None),
            To::Member(id) => (None, Some(id), None),
            To::Endpoint(id) => (None, None, Some(id)),
            To::Team => (None, None, None),
        };
        Ok(Self {
            workspace_id,
            id: m.id,
            occasion: m.occasion.clone(),
            kind: m.topic,
            purpose: m.purpose,
            channel: m.channel,
            contact_id,
            member_id,
            endpoint_id,
            address: m.address.clone(),
            destination: m.destination.clone(),
            deal_id: m.deal_id,
            approval_id: m.approval_id,
            batch_id: m.batch_id,
            content: serde_json::to_string(&m.content).map_err(|error| Fault::Corrupt(error.to_string()))?,
            content_hash: m.content_hash.clone(),
            priority: m.priority,
            due_at: At(m.due_at),
            expires_at: m.expires_at.map(At),
            status: m.status,
            reason: m.reason.clone(),
            next_at: m.next_at.map(At),
            lease_until: m.lease_until.map(At),
            attempts: m.attempts,
            first_write_at: m.first_write_at.map(At),
            counted_at: m.counted_at.map(At),
            provider_id: m.provider_id.clone(),
            settled_at: m.settled_at.map(At),
            created_at: At(m.created_at),
            version: m.version,
        })
    }

    pub(in crate::delivery) fn message(self) -> Result<Message, Fault> {
        let broken = |what: &str| Fault::Corrupt(format!("message {}: {what}", self.id));
        let to = match (self.contact_id, self.member_id, self.endpoint_id) {
            (Some(id), None, None) => To::Contact(id),
            (None, Some(id), None) => To::Member(id),
            (None, None, Some(id)) => To::Endpoint(id),
            (None, None, None) => To::Team,
            _ => return Err(broken("has two recipients")),
        };
        Ok(Message {
            content: serde_json::from_str(&self.content).map_err(|error| broken(&error.to_string()))?,
            to,
            id: self.id,
            occasion: self.occasion,
            topic: self.kind,
            purpose: self.purpose,
            channel: self.channel,
            address: self.address,
            destination: self.destination,
            deal_id: self.deal_id,
            approval_id: self.approval_id,
            batch_id: self.batch_id,
            content_hash: self.content_hash,
            priority: self.priority,
            due_at: self.due_at.0,
            expires_at: self.expires_at.map(|at| at.0),
            status: self.status,
            reason: self.reason,
            next_at: self.next_at.map(|at| at.0),
            lease_until: self.lease_until.map(|at| at.0),
            attempts: self.attempts,
            first_write_at: self.first_write_at.map(|at| at.0),
            counted_at: self.counted_at.map(|at| at.0),
            provider_id: self.provider_id,
            settled_at: self.settled_at.map(|at| at.0),
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

/// Which of these occasions have their message, and which message that is.
pub fn of_occasions(cx: &mut Cx<'_>, occasions: &[&str]) -> Result<Vec<(String, MessageId)>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in occasions.chunks(1_000) {
        found.extend(both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::occasion.eq_any(some))
                .select((messages::occasion, messages::id))
                .load::<(String, MessageId)>(c)
        })?);
    }
    Ok(found)
}

/// Adds messages; those whose occasion has one already are left out. Gives the ids that are new.
pub(in crate::delivery) fn insert(cx: &mut Cx<'_>, new: &[Message]) -> Result<Vec<MessageId>, Fault> {
    let workspace = cx.workspace();
    let rows = new.iter().map(|m| MessageRow::of(m, workspace)).collect::<Result<Vec<_>, _>>()?;
    let mut added = Vec::new();
    // SQLite takes at most 32,766 binds a statement. Its Diesel inserts row by row when conflicts are let pass.
    match cx.conn() {
        crate::kernel::Conn::Pg(c) => {
            for some in rows.chunks(1_000) {
                added.extend(
                    diesel::insert_into(messages::table)
                        .values(some)
                        .on_conflict_do_nothing()
                        .returning(messages::id)
                        .get_results::<MessageId>(&mut **c)?,
                );
            }
        }
        crate::kernel::Conn::Lite(c) => {
            for row in rows {
                let id = row.id;
                let insert = diesel::insert_into(messages::table).values(row).on_conflict_do_nothing();
                if insert.execute(&mut **c)? == 1 {
                    added.push(id);
                }
            }
        }
    }
    Ok(added)
}

pub fn find(cx: &mut Cx<'_>, id: MessageId) -> Result<Option<Message>, Fault> {
    let workspace = cx.workspace();
    let row: Option<MessageRow> = both!(cx.conn(), |c| {
        messages::table.find((workspace, id)).select(MessageRow::as_select()).first(c).optional()
    })?;
    row.map(MessageRow::message).transpose()
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
