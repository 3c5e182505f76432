//! What would become of messages, without a channel: the policy is asked as it is at sending, and what it allows counts as
//! sent. Only of use where nothing is kept ([`crate::kernel::Work::rehearse`]).

use diesel::prelude::*;
use jiff::Timestamp;

use super::outbox::waiting::due_unheld;
use super::policy::{Ruling, gate};
use super::{Message, Status};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::MessageId;
use crate::kernel::schema::messages;
use crate::kernel::{Cx, No};

/// What would become of a message now.
#[derive(Debug)]
pub enum Fate {
    Sent(Message),
    Held { message: Message, until: Timestamp, why: String },
    Refused { message: Message, why: String },
    Expired(Message),
}

/// Decides about everything that is due.
pub fn send_due(cx: &mut Cx<'_>) -> Result<Vec<Fate>, No> {
    const AT_ONCE: i64 = 500;
    let now = cx.now();
    let mut fates = Vec::new();
    loop {
        let due = due_unheld(cx, AT_ONCE)?;
        if due.is_empty() {
            return Ok(fates);
        }
        let (late, due): (Vec<Message>, Vec<Message>) =
            due.into_iter().partition(|message| message.expires_at.is_some_and(|at| at <= now));
        for message in late {
            settle(cx, message.id, Status::Expired, None)?;
            fates.push(Fate::Expired(message));
        }
        for ruling in gate::clear(cx, due)? {
            match ruling {
                Ruling::Go(cleared) => {
                    let message = cleared.message().clone();
                    settle(cx, message.id, Status::Sent, None)?;
                    fates.push(Fate::Sent(message));
                }
                Ruling::Wait { message, until, why } => {
                    // A rule that holds until now or earlier would hold forever.
                    let until = until.max(now + jiff::SignedDuration::from_secs(1));
                    settle(cx, message.id, Status::Deferred, Some(until))?;
                    fates.push(Fate::Held { message, until, why });
                }
                Ruling::No { message, why } => {
                    settle(cx, message.id, Status::Suppressed, None)?;
                    fates.push(Fate::Refused { message, why });
                }
            }
        }
    }
}

fn settle(cx: &mut Cx<'_>, id: MessageId, status: Status, next: Option<Timestamp>) -> Result<(), No> {
    let (workspace, now) = (cx.workspace(), cx.now());
    let settled = status.is_settled().then_some(At(now));
    // What was allowed counts for the caps of what comes after it.
    let counted = (status == Status::Sent).then_some(At(now));
    both!(cx.conn(), |c| {
        diesel::update(messages::table.find((workspace, id)))
            .set((
                messages::status.eq(status),
                messages::next_at.eq(next.map(At)),
                messages::settled_at.eq(settled),
                messages::counted_at.eq(counted),
            ))
            .execute(c)
    })?;
    Ok(())
}
