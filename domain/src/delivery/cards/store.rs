//! Cards in the database.

use std::collections::HashMap;

use diesel::prelude::*;
use uuid::Uuid;

use super::{ASK_AGAIN, Kind, Posted};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::{MessageId, WorkspaceId};
use crate::kernel::schema::cards;
use crate::kernel::{Conn, Cx, Fault};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = cards)]
#[diesel(treat_none_as_default_value = false)]
struct CardRow {
    workspace_id: WorkspaceId,
    message_id: MessageId,
    subject_kind: Kind,
    subject_id: AnyId,
    shows: String,
    as_of: i64,
    face_hash: String,
    edit_id: Option<MessageId>,
    look_at: Option<At>,
    changed_at: At,
    closed_at: Option<At>,
}

impl CardRow {
    fn posted(self) -> Result<Posted, Fault> {
        let broken = |error: serde_json::Error| Fault::Corrupt(format!("card {}: {error}", self.message_id));
        Ok(Posted {
            shows: serde_json::from_str(&self.shows).map_err(broken)?,
            message_id: self.message_id,
            kind: self.subject_kind,
            subject: self.subject_id.0,
            as_of: self.as_of,
            face_hash: self.face_hash,
            edit_id: self.edit_id,
            changed_at: self.changed_at.0,
        })
    }
}

pub(super) fn insert(cx: &mut Cx<'_>, new: &[Posted]) -> Result<(), Fault> {
    let workspace_id = cx.workspace();
    for some in new.chunks(1_000) {
        let row = |posted: &Posted| CardRow {
            workspace_id,
            message_id: posted.message_id,
            subject_kind: posted.kind,
            subject_id: AnyId(posted.subject),
            shows: posted.shows.to_string(),
            as_of: posted.as_of,
            face_hash: posted.face_hash.clone(),
            edit_id: posted.edit_id,
            look_at: None,
            changed_at: At(posted.changed_at),
            closed_at: None,
        };
        let rows: Vec<CardRow> = some.iter().map(row).collect();
        both!(cx.conn(), |c| diesel::insert_into(cards::table).values(rows).execute(c))?;
    }
    Ok(())
}

/// The open cards of a subject are to be looked at.
pub(super) fn behind(cx: &mut Cx<'_>, kind: Kind, subject: Uuid) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::update(cards::table)
            .filter(cards::workspace_id.eq(workspace))
            .filter(cards::subject_kind.eq(kind))
            .filter(cards::subject_id.eq(AnyId(subject)))
            .filter(cards::closed_at.is_null())
            .set(cards::look_at.eq(now))
            .execute(c)
    })?;
    Ok(())
}

/// Cards whose look has come; one that a clock that was ahead put off is due as well.
macro_rules! due {
    ($workspace:expr, $now:expr) => {
        cards::table
            .filter(cards::workspace_id.eq($workspace))
            .filter(cards::look_at.is_not_null())
            .filter(
                cards::look_at
                    .assume_not_null()
                    .le(At($now))
                    .or(cards::look_at.assume_not_null().gt(At($now + ASK_AGAIN + ASK_AGAIN))),
            )
            .order((cards::look_at, cards::message_id))
    };
}

/// Whether a card is behind its subject.
pub(super) fn is_any_behind(cx: &mut Cx<'_>) -> Result<bool, Fault> {
    let (workspace, now) = (cx.workspace(), cx.now());
    let found: Option<MessageId> =
        both!(cx.conn(), |c| due!(workspace, now).select(cards::message_id).first(c).optional())?;
    Ok(found.is_some())
}

/// Cards that are behind, held; on PostgreSQL those that somebody else draws are left to them.
pub(super) fn hold_behind(cx: &mut Cx<'_>, limit: i64) -> Result<Vec<Posted>, Fault> {
    let (workspace, now) = (cx.workspace(), cx.now());
    let rows: Vec<CardRow> = match cx.conn() {
        Conn::Pg(c) => due!(workspace, now)
            .limit(limit)
            .select(CardRow::as_select())
            .for_update()
            .skip_locked()
            .load(&mut **c)?,
        Conn::Lite(c) => due!(workspace, now).limit(limit).select(CardRow::as_select()).load(&mut **c)?,
    };
    rows.into_iter().map(CardRow::posted).collect()
}

/// What becomes of a card that was looked at.
pub(super) enum Looked<'a> {
    /// It says what it said.
    Same {
        as_of: i64,
    },
    Changed {
        as_of: i64,
        face_hash: &'a str,
        edit: MessageId,
    },
    /// Its message has not left.
    Later,
}

pub(super) fn looked(cx: &mut Cx<'_>, id: MessageId, what: &Looked<'_>, over: bool) -> Result<(), Fault> {
    let (key, now) = ((cx.workspace(), id), cx.now());
    let closed_at = over.then_some(At(now));
    both!(cx.conn(), |c| match what {
        Looked::Same { as_of } => diesel::update(cards::table.find(key))
            .set((cards::as_of.eq(*as_of), cards::look_at.eq(None::<At>), cards::closed_at.eq(closed_at)))
            .execute(c),
        Looked::Changed { as_of, face_hash, edit } => diesel::update(cards::table.find(key))
            .set((
                cards::as_of.eq(*as_of),
                cards::face_hash.eq(*face_hash),
                cards::edit_id.eq(*edit),
                cards::changed_at.eq(At(now)),
                cards::look_at.eq(None::<At>),
                cards::closed_at.eq(closed_at),
            ))
            .execute(c),
        Looked::Later =>
            diesel::update(cards::table.find(key)).set(cards::look_at.eq(At(now + ASK_AGAIN))).execute(c),
    })?;
    Ok(())
}

/// The last edits of these cards.
pub(in crate::delivery) fn last_edits(
    cx: &mut Cx<'_>,
    of: &[MessageId],
) -> Result<HashMap<MessageId, MessageId>, Fault> {
    let workspace = cx.workspace();
    let mut last = HashMap::new();
    for some in of.chunks(1_000) {
        let rows: Vec<(MessageId, MessageId)> = both!(cx.conn(), |c| {
            cards::table
                .filter(cards::workspace_id.eq(workspace))
                .filter(cards::message_id.eq_any(some))
                .filter(cards::edit_id.is_not_null())
                .select((cards::message_id, cards::edit_id.assume_not_null()))
                .load(c)
        })?;
        last.extend(rows);
    }
    Ok(last)
}
