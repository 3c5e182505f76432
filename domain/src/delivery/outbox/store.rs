//! The outbox in the database.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::both;
use crate::delivery::notify::verify;
use crate::delivery::policy::Verdict;
use crate::delivery::{Message, Purpose, Status, To, settings};
use crate::kernel::column::{At, instant_text};
use crate::kernel::id::{
    ApprovalId, BatchId, ContactId, DealId, DecisionId, EndpointId, MemberId, MessageId, WorkspaceId,
};
use crate::kernel::id_order::uuid_send;
use crate::kernel::schema::{deals, decisions, delivery_settings, messages};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::{Conn, Cx, Fault};
use crate::people::reach::{Channel, Topic};

/// Loads messages and, on PostgreSQL, locks them until the transaction ends; SQLite has one writer at a time.
macro_rules! load_held {
    ($cx:expr, $query:expr, $($lock:ident),+) => {
        match $cx.conn() {
            Conn::Pg(c) => $query$(.$lock())+.load::<MessageRow>(&mut **c)?,
            Conn::Lite(c) => $query.load::<MessageRow>(&mut **c)?,
        }
    };
}

// After the macro, which they use.
pub(super) mod attempts;
pub(super) mod due;

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
    edits: Option<MessageId>,
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
            edits: m.edits,
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
            workspace: self.workspace_id,
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
            edits: self.edits,
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
        Conn::Pg(c) => {
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
        Conn::Lite(c) => {
            for row in rows {
                let id = row.id;
                let insert = diesel::insert_into(messages::table).values(row).on_conflict_do_nothing();
                if insert.execute(&mut **c)? == 1 {
                    added.push(id);
                }
            }
        }
    }
    let these: HashSet<MessageId> = added.iter().copied().collect();
    let documents: Vec<Document> = new.iter().filter(|m| these.contains(&m.id)).filter_map(document).collect();
    search::put_new(cx, &documents)?;
    Ok(added)
}

/// What a message is found by: its subject. Nobody looks for what programs are told, for a code, or for a message that draws
/// another one anew.
pub fn document(m: &Message) -> Option<Document> {
    if m.channel == Channel::Webhook || m.edits.is_some() || verify::is_secret(m) || m.content.subject.is_empty() {
        return None;
    }
    let (title, text) = (m.content.subject.clone(), String::new());
    Some(Document { kind: "delivery", id: m.id.0, place: Place::Last, title, text })
}

pub fn find(cx: &mut Cx<'_>, id: MessageId) -> Result<Option<Message>, Fault> {
    let workspace = cx.workspace();
    let row: Option<MessageRow> = both!(cx.conn(), |c| {
        messages::table.find((workspace, id)).select(MessageRow::as_select()).first(c).optional()
    })?;
    row.map(MessageRow::message).transpose()
}

/// These messages, in no order.
pub fn find_all(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<MessageRow> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::id.eq_any(some))
                .select(MessageRow::as_select())
                .load(c)
        })?;
        for row in rows {
            found.push(row.message()?);
        }
    }
    Ok(found)
}

/// The edits of a message that wait.
pub(super) fn unsent_edits(cx: &mut Cx<'_>, of: MessageId) -> Result<Vec<MessageId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::edits.eq(of))
            .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
            .order(messages::id)
            .select(messages::id)
            .load(c)
    })?)
}

/// These messages, locked until the transaction ends, in the order of their ids.
pub(in crate::delivery) fn hold(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        macro_rules! these {
            ($order:expr) => {
                messages::table
                    .filter(messages::workspace_id.eq(workspace))
                    .filter(messages::id.eq_any(some))
                    .order($order)
                    .select(MessageRow::as_select())
            };
        }
        let rows: Vec<MessageRow> = match cx.conn() {
            Conn::Pg(c) => these!(uuid_send(messages::id)).for_update().load(&mut **c)?,
            Conn::Lite(c) => these!(messages::id).load(&mut **c)?,
        };
        for row in rows {
            found.push(row.message()?);
        }
    }
    Ok(found)
}

/// The message that a provider knows under this id, locked.
pub(super) fn hold_by_provider(
    cx: &mut Cx<'_>,
    channel: Channel,
    provider_id: &str,
) -> Result<Option<Message>, Fault> {
    let workspace = cx.workspace();
    let row: Option<MessageRow> = load_held!(
        cx,
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::provider_id.eq(provider_id))
            .filter(messages::channel.eq(channel))
            .order(messages::id)
            .select(MessageRow::as_select())
            .limit(1),
        for_update
    )
    .into_iter()
    .next();
    row.map(MessageRow::message).transpose()
}

/// What else waits for the same address on the same channel, locked.
pub(super) fn hold_waiting_for(cx: &mut Cx<'_>, channel: Channel, address: &str) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<MessageRow> = load_held!(
        cx,
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::next_at.is_not_null())
            .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
            .filter(messages::channel.eq(channel))
            .filter(messages::address.eq(address))
            .order(messages::id)
            .limit(1_000)
            .select(MessageRow::as_select()),
        for_update
    );
    rows.into_iter().map(MessageRow::message).collect()
}

/// Where a message goes by now. Everything else of it is written by [`save`].
pub(super) fn readdress(cx: &mut Cx<'_>, m: &Message) -> Result<(), Fault> {
    let key = (cx.workspace(), m.id);
    let to = (
        messages::address.eq(&m.address),
        messages::destination.eq(&m.destination),
        messages::content_hash.eq(&m.content_hash),
    );
    both!(cx.conn(), |c| diesel::update(messages::table.find(key)).set(to).execute(c))?;
    Ok(())
}

/// Writes messages whose versions were raised by one, all in one statement. They must be held.
pub(super) fn save(cx: &mut Cx<'_>, changed: &[Message]) -> Result<(), Fault> {
    for some in changed.chunks(1_000) {
        let at = |at: Option<jiff::Timestamp>| at.map(instant_text);
        let rows: Vec<Value> = some
            .iter()
            .map(|m| {
                json!({
                    "id": m.id, "version": m.version, "status": m.status, "reason": m.reason,
                    "due_at": instant_text(m.due_at), "expires_at": at(m.expires_at), "next_at": at(m.next_at),
                    "lease_until": at(m.lease_until), "attempts": m.attempts,
                    "first_write_at": at(m.first_write_at), "counted_at": at(m.counted_at),
                    "provider_id": m.provider_id, "settled_at": at(m.settled_at),
                })
            })
            .collect();
        let rows = Value::Array(rows).to_string();
        // Many rows, each with values of its own: no expression of Diesel's says that.
        let query = match cx.conn() {
            Conn::Pg(_) => {
                "UPDATE messages AS m SET status = v.status, reason = v.reason, due_at = v.due_at, \
                 expires_at = v.expires_at, next_at = v.next_at, lease_until = v.lease_until, attempts = v.attempts, \
                 first_write_at = v.first_write_at, counted_at = v.counted_at, provider_id = v.provider_id, \
                 settled_at = v.settled_at, version = v.version \
                 FROM json_to_recordset($1::json) AS v (id uuid, version bigint, status text, reason text, \
                 due_at timestamptz, expires_at timestamptz, next_at timestamptz, lease_until timestamptz, \
                 attempts integer, first_write_at timestamptz, counted_at timestamptz, provider_id text, \
                 settled_at timestamptz) \
                 WHERE m.workspace_id = $2 AND m.id = ANY($3) AND m.id = v.id AND m.version = v.version - 1"
            }
            Conn::Lite(_) => {
                // Written out first, so that the planner comes from here to each row by its key, and not the other way round.
                "WITH v AS MATERIALIZED (SELECT value ->> 'id' AS id, value ->> 'version' AS version, value AS new \
                 FROM json_each($1)) \
                 UPDATE messages SET status = new ->> 'status', reason = new ->> 'reason', \
                 due_at = new ->> 'due_at', expires_at = new ->> 'expires_at', next_at = new ->> 'next_at', \
                 lease_until = new ->> 'lease_until', attempts = new ->> 'attempts', \
                 first_write_at = new ->> 'first_write_at', counted_at = new ->> 'counted_at', \
                 provider_id = new ->> 'provider_id', settled_at = new ->> 'settled_at', version = v.version \
                 FROM v WHERE messages.workspace_id = $2 AND messages.id = v.id \
                 AND messages.version = v.version - 1"
            }
        };
        let ids: Vec<MessageId> = some.iter().map(|m| m.id).collect();
        let written = write_rows(cx, query, &rows, &ids)?;
        if written != some.len() {
            return Err(Fault::Corrupt(format!("{} messages were held, {written} could be written", some.len())));
        }
    }
    Ok(())
}

/// Runs an update with rows in JSON; gives how many were written.
///
/// PostgreSQL is told the ids once more, as `$3`: it cannot know how many rows the JSON holds, and would rather read the
/// whole table than look up each.
fn write_rows(cx: &mut Cx<'_>, query: &str, rows: &str, ids: &[MessageId]) -> Result<usize, Fault> {
    use crate::kernel::column::Uuid;
    use diesel::sql_types::{Array, Text};
    let workspace = cx.workspace();
    Ok(match cx.conn() {
        Conn::Pg(c) => diesel::sql_query(query)
            .bind::<Text, _>(rows)
            .bind::<Uuid, _>(workspace)
            .bind::<Array<Uuid>, _>(ids)
            .execute(&mut **c)?,
        Conn::Lite(c) => {
            diesel::sql_query(query).bind::<Text, _>(rows).bind::<Uuid, _>(workspace).execute(&mut **c)?
        }
    })
}

/// A decision in short.
pub(super) type DecisionRow = (DecisionId, MessageId, At, Verdict, Option<String>, Option<At>);

/// The decisions about these messages, in order.
pub(super) fn decisions_of(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<Vec<DecisionRow>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in ids.chunks(1_000) {
        found.extend(both!(cx.conn(), |c| {
            decisions::table
                .filter(decisions::workspace_id.eq(workspace))
                .filter(decisions::message_id.eq_any(some))
                .select((
                    decisions::id,
                    decisions::message_id,
                    decisions::at,
                    decisions::verdict,
                    decisions::code,
                    decisions::until,
                ))
                .load::<DecisionRow>(c)
        })?);
    }
    found.sort_unstable_by_key(|(id, message, ..)| (*message, *id));
    Ok(found)
}

/// What the workspace says of sending, and whether it is held.
pub(super) fn standing(cx: &mut Cx<'_>) -> Result<settings::Stored, Fault> {
    settings::store::find(cx)
}

/// Who owns these deals. Of a deal itself delivery knows no more than that.
pub(super) fn owners_of(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<HashMap<DealId, MemberId>, Fault> {
    let workspace = cx.workspace();
    let mut owners = HashMap::new();
    for some in ids.chunks(1_000) {
        let rows: Vec<(DealId, Option<MemberId>)> = both!(cx.conn(), |c| {
            deals::table
                .filter(deals::workspace_id.eq(workspace))
                .filter(deals::id.eq_any(some))
                .select((deals::id, deals::owner_id))
                .load(c)
        })?;
        owners.extend(rows.into_iter().filter_map(|(deal, owner)| Some((deal, owner?))));
    }
    Ok(owners)
}

/// Holds dispatching, or lets it go on, with a clock that is trusted again. The settings themselves stay as they are.
pub(super) fn set_held(cx: &mut Cx<'_>, held: Option<(jiff::Timestamp, &str)>) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let (since, why) = (held.map(|(at, _)| At(at)), held.map(|(_, why)| why));
    let first = (
        delivery_settings::workspace_id.eq(workspace),
        delivery_settings::body.eq("{}"),
        delivery_settings::version.eq(1_i64),
    );
    both!(cx.conn(), |c| {
        diesel::insert_into(delivery_settings::table).values(first).on_conflict_do_nothing().execute(c)
    })?;
    both!(cx.conn(), |c| {
        diesel::update(delivery_settings::table.find(workspace))
            .set((
                delivery_settings::held_since.eq(since),
                delivery_settings::held_why.eq(why),
                delivery_settings::clock_in_doubt.eq(false),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// Notes, beside a hold, that the clock is not to be trusted.
pub(super) fn doubt_clock(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(delivery_settings::table.find(workspace))
            .set(delivery_settings::clock_in_doubt.eq(true))
            .execute(c)
    })?;
    Ok(())
}

/// Which messages, newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub status: Vec<Status>,
    pub deal: Option<DealId>,
    pub contact: Option<ContactId>,
    pub member: Option<MemberId>,
    pub channel: Option<Channel>,
    pub topic: Option<Topic>,
    /// Of any of these approvals.
    pub approvals: Option<Vec<ApprovalId>>,
    pub batch: Option<BatchId>,
    pub after: Option<MessageId>,
    pub limit: i64,
}

/// At most `limit + 1` messages. Edits are none of their own: they are found where the message that they draw is.
pub(super) fn list(cx: &mut Cx<'_>, wanted: &Filter) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<MessageRow> = both!(cx.conn(), |c| {
        let mut query = messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::edits.is_null())
            .order(messages::id.desc())
            .limit(wanted.limit + 1)
            .select(MessageRow::as_select())
            .into_boxed();
        if !wanted.status.is_empty() {
            query = query.filter(messages::status.eq_any(wanted.status.clone()));
        }
        if let Some(deal) = wanted.deal {
            query = query.filter(messages::deal_id.eq(deal));
        }
        if let Some(contact) = wanted.contact {
            query = query.filter(messages::contact_id.eq(contact));
        }
        if let Some(member) = wanted.member {
            query = query.filter(messages::member_id.eq(member));
        }
        if let Some(channel) = wanted.channel {
            query = query.filter(messages::channel.eq(channel));
        }
        if let Some(topic) = wanted.topic {
            query = query.filter(messages::kind.eq(topic));
        }
        match wanted.approvals.as_deref() {
            None => {}
            // Of one alone the index has the order as well.
            Some([one]) => query = query.filter(messages::approval_id.eq(*one)),
            Some(some) => query = query.filter(messages::approval_id.eq_any(some.to_vec())),
        }
        if let Some(batch) = wanted.batch {
            query = query.filter(messages::batch_id.eq(batch));
        }
        if let Some(after) = wanted.after {
            query = query.filter(messages::id.lt(after));
        }
        query.load(c)
    })?;
    rows.into_iter().map(MessageRow::message).collect()
}
