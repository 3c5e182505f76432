//! Notifications in the database.

use diesel::prelude::*;

use super::Notification;
use crate::both;
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::{MemberId, MessageId, NotificationId, WorkspaceId};
use crate::kernel::schema::notifications;
use crate::kernel::{Cx, Fault};
use crate::people::reach::Topic;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications)]
#[diesel(treat_none_as_default_value = false)]
pub(super) struct NotificationRow {
    pub workspace_id: WorkspaceId,
    pub id: NotificationId,
    pub message_id: MessageId,
    pub member_id: MemberId,
    pub kind: Topic,
    pub title: String,
    pub body: String,
    pub subject_kind: Option<String>,
    pub subject_id: Option<AnyId>,
    pub created_at: At,
    pub read_at: Option<At>,
}

impl From<NotificationRow> for Notification {
    fn from(row: NotificationRow) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id,
            topic: row.kind,
            title: row.title,
            body: row.body,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id.map(|id| id.0),
            created_at: row.created_at.0,
            read_at: row.read_at.map(|at| at.0),
        }
    }
}

pub(super) fn insert(cx: &mut Cx<'_>, rows: Vec<NotificationRow>) -> Result<(), Fault> {
    for some in rows.chunks(1_000) {
        let some = some.to_vec();
        both!(cx.conn(), |c| diesel::insert_into(notifications::table).values(some).execute(c))?;
    }
    Ok(())
}

/// At most `limit + 1`, newest first.
pub(super) fn list(
    cx: &mut Cx<'_>,
    member: MemberId,
    unread: bool,
    after: Option<NotificationId>,
    limit: i64,
) -> Result<Vec<Notification>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<NotificationRow> = both!(cx.conn(), |c| {
        let mut query = notifications::table
            .filter(notifications::workspace_id.eq(workspace))
            .filter(notifications::member_id.eq(member))
            .order(notifications::id.desc())
            .limit(limit + 1)
            .select(NotificationRow::as_select())
            .into_boxed();
        if unread {
            query = query.filter(notifications::read_at.is_null());
        }
        if let Some(after) = after {
            query = query.filter(notifications::id.lt(after));
        }
        query.load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub(super) fn unread(cx: &mut Cx<'_>, member: MemberId) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        notifications::table
            .filter(notifications::workspace_id.eq(workspace))
            .filter(notifications::member_id.eq(member))
            .filter(notifications::read_at.is_null())
            .count()
            .get_result(c)
    })?)
}

/// Which of these are the member's.
pub(super) fn known(
    cx: &mut Cx<'_>,
    member: MemberId,
    ids: &[NotificationId],
) -> Result<Vec<NotificationId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        notifications::table
            .filter(notifications::workspace_id.eq(workspace))
            .filter(notifications::member_id.eq(member))
            .filter(notifications::id.eq_any(ids))
            .select(notifications::id)
            .load(c)
    })?)
}

/// Marks these, or all, as read; gives how many were not.
pub(super) fn mark(cx: &mut Cx<'_>, member: MemberId, ids: Option<&[NotificationId]>) -> Result<usize, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(match ids {
        Some(ids) => both!(cx.conn(), |c| {
            diesel::update(notifications::table)
                .filter(notifications::workspace_id.eq(workspace))
                .filter(notifications::member_id.eq(member))
                .filter(notifications::read_at.is_null())
                .filter(notifications::id.eq_any(ids))
                .set(notifications::read_at.eq(now))
                .execute(c)
        })?,
        None => both!(cx.conn(), |c| {
            diesel::update(notifications::table)
                .filter(notifications::workspace_id.eq(workspace))
                .filter(notifications::member_id.eq(member))
                .filter(notifications::read_at.is_null())
                .set(notifications::read_at.eq(now))
                .execute(c)
        })?,
    })
}
