//! Showing messages inside the product, reading them, and marking them as read.

use serde::{Deserialize, Serialize};

use super::store::{self, NotificationRow};
use super::{Event, Notification, subject_of};
use crate::delivery::{Message, To};
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::{MemberId, NotificationId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, Subject};
use crate::workspace::access::{Require, Verb};

/// Shows messages that the gate has let pass, in the transaction that settles them. Part of the outbox's claim.
pub(in crate::delivery) fn show(cx: &mut Cx<'_>, passed: &[Message]) -> Result<(), No> {
    let mut rows = Vec::with_capacity(passed.len());
    for message in passed {
        let To::Member(member_id) = message.to else { continue };
        let (subject_kind, subject_id) = subject_of(message.content.data.as_ref());
        rows.push(NotificationRow {
            workspace_id: cx.workspace(),
            id: NotificationId(cx.mint()),
            message_id: message.id,
            member_id,
            kind: message.topic,
            title: message.content.subject.clone(),
            body: message.content.text.clone(),
            subject_kind,
            subject_id: subject_id.map(AnyId),
            created_at: At(cx.now()),
            read_at: None,
        });
    }
    Ok(store::insert(cx, rows)?)
}

/// Whose feed it is: that of the member who asks.
pub(crate) fn reader(cx: &Cx<'_>) -> Result<MemberId, No> {
    cx.require(Verb::ReadNotifications)?;
    match (cx.actor().kind, cx.actor().id) {
        (ActorKind::Member, Some(id)) => Ok(MemberId(id)),
        _ => Err(Refusal::new(
            Code::Forbidden,
            "Notifications belong to a member, and you are not acting as one. Nothing was changed.",
            "Ask with a member's token, or on the command line with --as EMAIL.",
        )
        .into()),
    }
}

/// A page of a member's feed, newest first.
#[derive(Clone, Debug)]
pub struct Feed {
    pub notifications: Page<Notification>,
    /// Of all, not of this page.
    pub unread: i64,
}

pub fn list(cx: &mut Cx<'_>, only_unread: bool, page: &Ask) -> Result<Feed, No> {
    let member = reader(cx)?;
    let limit = page.limit().map_err(|p| vec![p])?;
    let after = page.after::<NotificationId>().map_err(|p| vec![p])?;
    let rows = store::list(cx, member, only_unread, after, limit)?;
    Ok(Feed { notifications: Page::cut(rows, limit, |n| n.id), unread: store::unread(cx, member)? })
}

pub fn unread(cx: &mut Cx<'_>) -> Result<i64, No> {
    let member = reader(cx)?;
    Ok(store::unread(cx, member)?)
}

/// How many were marked now, and how many are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Marked {
    pub marked: usize,
    pub unread: i64,
}

const MOST: usize = 500;

/// Marks these as read, or all with `None`. What was read stays as it was.
pub fn mark_read(cx: &mut Cx<'_>, ids: Option<&[NotificationId]>) -> Result<Marked, No> {
    let member = reader(cx)?;
    if let Some(ids) = ids {
        if ids.len() > MOST {
            return Err(vec![Problem::new("ids", format!("must be at most {MOST}."))].into());
        }
        let mut asked = ids.to_vec();
        asked.sort_unstable();
        asked.dedup();
        if store::known(cx, member, &asked)?.len() < asked.len() {
            return Err(Refusal::not_found("notification").into());
        }
    }
    let marked = store::mark(cx, member, ids)?;
    if marked > 0 {
        cx.record(Subject::new("member", member.0), &Event::Read { count: marked })?;
    }
    Ok(Marked { marked, unread: store::unread(cx, member)? })
}
