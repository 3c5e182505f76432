//! Taking messages back before they leave.

use diesel::prelude::*;

use super::Event;
use super::ops::subject;
use crate::both;
use crate::delivery::Status;
use crate::kernel::column::At;
use crate::kernel::id::{DealId, MessageId};
use crate::kernel::schema::messages;
use crate::kernel::{Cx, Fault, No};
use crate::people::reach::Topic;

/// A message that has not left.
#[derive(Clone, Debug)]
pub struct Unsent {
    pub id: MessageId,
    pub occasion: String,
}

/// The messages about some deals that wait or are held, of these topics.
pub fn unsent(cx: &mut Cx<'_>, deals: &[DealId], topics: &[Topic]) -> Result<Vec<Unsent>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in deals.chunks(1_000) {
        let rows: Vec<(MessageId, String)> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::deal_id.eq_any(some))
                .filter(messages::kind.eq_any(topics))
                .filter(messages::status.eq_any([Status::Queued, Status::Deferred]))
                .select((messages::id, messages::occasion))
                .load(c)
        })?;
        found.extend(rows.into_iter().map(|(id, occasion)| Unsent { id, occasion }));
    }
    Ok(found)
}

/// Cancels those that have not left and tells which they were. What is being sent at this moment is not stopped.
///
/// Part of other verbs, which ask for the right to do so.
pub fn withdraw(cx: &mut Cx<'_>, ids: &[MessageId], why: &str) -> Result<Vec<MessageId>, No> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let mut ids = ids.to_vec();
    ids.sort();
    let mut gone: Vec<MessageId> = Vec::new();
    for some in ids.chunks(1_000) {
        let waiting = [Status::Queued, Status::Deferred];
        // Held in the order of their ids, so that two who take the same back wait in a row and not in a circle.
        if let crate::kernel::Conn::Pg(c) = cx.conn() {
            let _: Vec<MessageId> = messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::id.eq_any(some))
                .order(messages::id)
                .select(messages::id)
                .for_update()
                .load(&mut **c)?;
        }
        gone.extend(both!(cx.conn(), |c| {
            diesel::update(messages::table)
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::id.eq_any(some))
                .filter(messages::status.eq_any(waiting))
                .set((
                    messages::status.eq(Status::Cancelled),
                    messages::reason.eq(why),
                    messages::next_at.eq(None::<At>),
                    messages::settled_at.eq(now),
                    messages::version.eq(messages::version + 1),
                ))
                .returning(messages::id)
                .get_results::<MessageId>(c)
        })?);
    }
    for id in &gone {
        let event = Event::Moved {
            before: Status::Queued,
            after: Status::Cancelled,
            attempt: 0,
            reason: Some(why.to_owned()),
        };
        cx.record(subject(*id), &event)?;
    }
    Ok(gone)
}
