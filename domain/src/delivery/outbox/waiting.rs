//! Messages that wait, for those who take them back and for those who look ahead.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;

use super::store::MessageRow;
use crate::both;
use crate::delivery::{Message, Status};
use crate::kernel::column::At;
use crate::kernel::id::{ApprovalId, BatchId, ContactId, DealId, MessageId};
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
    standing(cx, deals, topics, &[Status::Queued, Status::Deferred])
}

/// Those whose words may still come, or come again, although nothing of them waits: they are leaving at this moment, or
/// have left and may be found not to have arrived.
pub fn may_come_again(cx: &mut Cx<'_>, deals: &[DealId], topics: &[Topic]) -> Result<Vec<Unsent>, Fault> {
    standing(cx, deals, topics, &MAY_COME_AGAIN)
}

/// See [`may_come_again`].
pub const MAY_COME_AGAIN: [Status; 4] = [Status::Sending, Status::Sent, Status::Delivered, Status::Unknown];

/// As [`may_come_again`], whatever the topic: what goes to one contact about one deal.
pub fn may_come_again_to(cx: &mut Cx<'_>, contact: ContactId, deal: DealId) -> Result<Vec<MessageId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::contact_id.eq(contact))
            .filter(messages::deal_id.eq(deal))
            .filter(messages::status.eq_any(MAY_COME_AGAIN))
            .order(messages::id)
            .select(messages::id)
            .load(c)
    })?)
}

fn standing(cx: &mut Cx<'_>, deals: &[DealId], topics: &[Topic], status: &[Status]) -> Result<Vec<Unsent>, Fault> {
    let now = At(cx.now());
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in deals.chunks(1_000) {
        let rows: Vec<(MessageId, String, Channel, String)> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::deal_id.eq_any(some))
                .filter(messages::edits.is_null())
                .filter(messages::kind.eq_any(topics))
                .filter(messages::status.eq_any(status))
                .filter(
                    messages::expires_at
                        .is_null()
                        .or(messages::expires_at.gt(now))
                        .or(messages::settled_at.is_null()),
                )
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

macro_rules! undelivered {
    ($workspace:ident, $since:ident, $deal:ident) => {{
        let query = messages::table
            .filter(messages::workspace_id.eq($workspace))
            .filter(messages::status.eq_any([Status::Failed, Status::Dead, Status::Unknown]))
            .filter(messages::settled_at.ge(At($since)))
            .filter(messages::member_id.is_null())
            .filter(messages::edits.is_null())
            .into_boxed();
        match $deal {
            Some(deal) => query.filter(messages::deal_id.eq(deal)),
            None => query,
        }
    }};
}

/// What did not get through since then to contacts, programs and the team's channels, the newest first: of one deal, or of
/// all.
pub fn undelivered(
    cx: &mut Cx<'_>,
    since: Timestamp,
    deal: Option<DealId>,
    limit: i64,
) -> Result<Vec<Message>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<MessageRow> = both!(cx.conn(), |c| {
        undelivered!(workspace, since, deal)
            .order(messages::id.desc())
            .limit(limit)
            .select(MessageRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(MessageRow::message).collect()
}

/// How many that are.
pub fn count_undelivered(cx: &mut Cx<'_>, since: Timestamp, deal: Option<DealId>) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| undelivered!(workspace, since, deal).count().get_result(c))?)
}

/// Of the messages that were made on one occasion for different channels: the one that got furthest.
pub fn furthest(cx: &mut Cx<'_>, bases: &[String]) -> Result<HashMap<String, (MessageId, Status)>, Fault> {
    let mut found: HashMap<String, (MessageId, Status)> = HashMap::new();
    for (base, id, _, status) in on_all_channels(cx, bases)? {
        let best = found.entry(base).or_insert((id, status));
        if far(status) > far(best.1) {
            *best = (id, status);
        }
    }
    Ok(found)
}

fn far(status: Status) -> u8 {
    match status {
        Status::Read => 6,
        Status::Delivered => 5,
        Status::Sent => 4,
        Status::Queued | Status::Deferred | Status::Sending => 3,
        Status::Unknown => 2,
        Status::Expired | Status::Cancelled => 1,
        Status::Failed | Status::Dead | Status::Suppressed => 0,
    }
}

/// The messages whose occasions are these with a channel at their end.
pub fn on_all_channels(
    cx: &mut Cx<'_>,
    bases: &[String],
) -> Result<Vec<(String, MessageId, Channel, Status)>, Fault> {
    let workspace = cx.workspace();
    let occasions: Vec<String> = bases
        .iter()
        .flat_map(|base| Channel::ALL.iter().map(move |channel| format!("{base}:{channel}")))
        .collect();
    let mut found = Vec::new();
    for some in occasions.chunks(1_000) {
        let rows: Vec<(String, MessageId, Channel, Status)> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::occasion.eq_any(some))
                .order(messages::id)
                .select((messages::occasion, messages::id, messages::channel, messages::status))
                .load(c)
        })?;
        found.extend(rows.into_iter().filter_map(|(occasion, id, channel, status)| {
            let base = occasion.rsplit_once(':')?.0.to_owned();
            Some((base, id, channel, status))
        }));
    }
    Ok(found)
}

/// Where a message stands that waits, or that a person can send again.
const MAY_STILL_LEAVE: [Status; 7] = [
    Status::Queued,
    Status::Deferred,
    Status::Sending,
    Status::Failed,
    Status::Dead,
    Status::Expired,
    Status::Unknown,
];

/// A message and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub id: MessageId,
    pub status: Status,
}

impl Standing {
    /// By itself, or because a person tries it again.
    pub fn may_still_leave(self) -> bool {
        MAY_STILL_LEAVE.contains(&self.status)
    }

    pub fn may_have_left(self) -> bool {
        matches!(self.status, Status::Sending | Status::Sent | Status::Delivered | Status::Read | Status::Unknown)
    }
}

/// The messages that these approvals let leave, in the order of their ids.
pub fn of_approvals(cx: &mut Cx<'_>, approvals: &[ApprovalId]) -> Result<Vec<Standing>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(MessageId, Status)> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::approval_id.eq_any(approvals))
            .order(messages::id)
            .select((messages::id, messages::status))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, status)| Standing { id, status }).collect())
}

/// The messages of a batch, in the order of their ids.
pub(super) fn of_batch(cx: &mut Cx<'_>, batch: BatchId) -> Result<Vec<Standing>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(MessageId, Status)> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::batch_id.eq(batch))
            .order(messages::id)
            .select((messages::id, messages::status))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, status)| Standing { id, status }).collect())
}

/// The approvals of a deal under which something may still leave: by itself, or because a person tries it again.
pub fn may_still_leave(cx: &mut Cx<'_>, deal: DealId) -> Result<Vec<ApprovalId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::deal_id.eq(deal))
            .filter(messages::approval_id.is_not_null())
            .filter(messages::status.eq_any(MAY_STILL_LEAVE))
            .order(messages::approval_id)
            .select(messages::approval_id.assume_not_null())
            .distinct()
            .load(c)
    })?)
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
            .filter(messages::edits.is_null())
            .order((messages::next_at, messages::id))
            .limit(limit)
            .select(MessageRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(MessageRow::message).collect()
}

/// The instant at which the next message is due that waits; of what is in flight nobody knows.
pub fn next_due(cx: &mut Cx<'_>) -> Result<Option<Timestamp>, Fault> {
    let workspace = cx.workspace();
    let next: Option<Option<At>> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::next_at.is_not_null())
            .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
            .filter(messages::edits.is_null())
            .order(messages::next_at)
            .select(messages::next_at)
            .first(c)
            .optional()
    })?;
    Ok(next.flatten().map(|at| at.0))
}
