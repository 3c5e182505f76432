//! Approvals and votes in the database.

use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Approval, ApprovalState, Choice, Vote};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::{ApprovalId, MemberId, WorkspaceId};
use crate::kernel::schema::{approvals, cards, votes};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::{Conn, Cx, Fault};

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = approvals)]
#[diesel(primary_key(workspace_id, id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct ApprovalRow {
    workspace_id: WorkspaceId,
    id: ApprovalId,
    subject_kind: String,
    subject_id: AnyId,
    subject_version: i32,
    content_hash: String,
    covers: String,
    title: String,
    requested_by: String,
    requested_by_name: String,
    author_id: Option<MemberId>,
    stages: String,
    stage: i32,
    state: ApprovalState,
    due_at: Option<At>,
    opened_at: At,
    closed_at: Option<At>,
    closed_by: Option<String>,
    reason: Option<String>,
    version: i64,
    by_rule: bool,
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Corrupt(error.to_string()))
}

impl ApprovalRow {
    fn of(a: &Approval, workspace_id: WorkspaceId) -> Result<Self, Fault> {
        Ok(Self {
            workspace_id,
            id: a.id,
            subject_kind: a.subject_kind.clone(),
            subject_id: AnyId(a.subject_id),
            subject_version: a.subject_version,
            content_hash: a.content_hash.clone(),
            covers: json(&a.covers)?,
            title: a.title.clone(),
            requested_by: a.requested_by.clone(),
            requested_by_name: a.requested_by_name.clone(),
            author_id: a.author,
            stages: json(&a.stages)?,
            stage: i32::try_from(a.stage).unwrap_or(i32::MAX),
            state: a.state,
            due_at: a.due_at.map(At),
            opened_at: At(a.opened_at),
            closed_at: a.closed_at.map(At),
            closed_by: a.closed_by.clone(),
            reason: a.reason.clone(),
            version: a.version,
            by_rule: a.by_rule,
        })
    }

    fn approval(self) -> Result<Approval, Fault> {
        let broken = |what: &str| Fault::Corrupt(format!("approval {}: {what}", self.id));
        let unread = |error: serde_json::Error| broken(&error.to_string());
        let approval = Approval {
            covers: serde_json::from_str(&self.covers).map_err(unread)?,
            stages: serde_json::from_str(&self.stages).map_err(unread)?,
            stage: usize::try_from(self.stage).map_err(|_| broken("is before its first stage"))?,
            id: self.id,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id.0,
            subject_version: self.subject_version,
            content_hash: self.content_hash,
            title: self.title,
            requested_by: self.requested_by,
            requested_by_name: self.requested_by_name,
            author: self.author_id,
            state: self.state,
            due_at: self.due_at.map(|at| at.0),
            opened_at: self.opened_at.0,
            closed_at: self.closed_at.map(|at| at.0),
            closed_by: self.closed_by,
            by_rule: self.by_rule,
            reason: self.reason,
            version: self.version,
        };
        if approval.stage >= approval.stages.len() {
            return Err(Fault::Corrupt(format!("approval {}: is past its last stage", approval.id)));
        }
        Ok(approval)
    }
}

/// False when this version of the subject has its approval.
pub fn insert(cx: &mut Cx<'_>, new: &Approval) -> Result<bool, Fault> {
    let row = ApprovalRow::of(new, cx.workspace())?;
    let added = both!(cx.conn(), |c| {
        diesel::insert_into(approvals::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    if added == 1 {
        search::put_new(cx, &[document(new)])?;
    }
    Ok(added == 1)
}

/// What an approval is found by. Its title stays what it is.
pub fn document(approval: &Approval) -> Document {
    let (title, text) = (approval.title.clone(), String::new());
    Document { kind: "approval", id: approval.id.0, place: Place::Third, title, text }
}

/// Writes an approval that is held.
pub fn update(cx: &mut Cx<'_>, approval: &Approval) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let row = ApprovalRow::of(approval, workspace)?;
    both!(cx.conn(), |c| diesel::update(approvals::table.find((workspace, approval.id))).set(row).execute(c))?;
    // Whatever shows it is behind now. Of what that is the workspace knows no more.
    let (id, now) = (AnyId(approval.id.0), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::update(cards::table)
            .filter(cards::workspace_id.eq(workspace))
            .filter(cards::subject_kind.eq("approval"))
            .filter(cards::subject_id.eq(id))
            .filter(cards::closed_at.is_null())
            .set(cards::look_at.eq(now))
            .execute(c)
    })?;
    Ok(())
}

pub fn find(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Option<Approval>, Fault> {
    let workspace = cx.workspace();
    let row: Option<ApprovalRow> = both!(cx.conn(), |c| {
        approvals::table.find((workspace, id)).select(ApprovalRow::as_select()).first(c).optional()
    })?;
    row.map(ApprovalRow::approval).transpose()
}

/// Those of these that are there, in no order.
pub fn find_many(cx: &mut Cx<'_>, ids: &[ApprovalId]) -> Result<Vec<Approval>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<ApprovalRow> = both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::id.eq_any(ids.to_vec()))
            .select(ApprovalRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(ApprovalRow::approval).collect()
}

/// The approval, held until the end of the transaction: of two who vote at once, the second sees the first one's vote.
pub fn hold(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Option<Approval>, Fault> {
    let workspace = cx.workspace();
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let held: Option<ApprovalId> = approvals::table
            .find((workspace, id))
            .select(approvals::id)
            .for_update()
            .first(&mut **c)
            .optional()?;
        if held.is_none() {
            return Ok(None);
        }
    }
    find(cx, id)
}

/// The open approvals of a subject, held, in order of their ids.
pub fn hold_open_of(cx: &mut Cx<'_>, kind: &str, subject: Uuid) -> Result<Vec<Approval>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<ApprovalId> = both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::subject_kind.eq(kind))
            .filter(approvals::subject_id.eq(AnyId(subject)))
            .filter(approvals::closed_at.is_null())
            .order(approvals::id)
            .select(approvals::id)
            .load(c)
    })?;
    let mut open = Vec::new();
    for id in ids {
        open.extend(hold(cx, id)?.filter(|approval| approval.state == ApprovalState::Pending));
    }
    Ok(open)
}

/// All approvals of a subject, the first version first.
pub fn of_subject(cx: &mut Cx<'_>, kind: &str, subject: Uuid) -> Result<Vec<Approval>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<ApprovalRow> = both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::subject_kind.eq(kind))
            .filter(approvals::subject_id.eq(AnyId(subject)))
            .order(approvals::subject_version)
            .select(ApprovalRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(ApprovalRow::approval).collect()
}

/// At most `limit` approvals with ids after `after`, the oldest first; in any state when none is named.
pub fn list(
    cx: &mut Cx<'_>,
    states: &[ApprovalState],
    subject: Option<(&str, Uuid)>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Approval>, Fault> {
    let workspace = cx.workspace();
    let states = states.to_vec();
    let rows: Vec<ApprovalRow> = both!(cx.conn(), |c| {
        let mut query = approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .order(approvals::id)
            .limit(limit)
            .select(ApprovalRow::as_select())
            .into_boxed();
        if states == [ApprovalState::Pending] {
            // Lets the index of open approvals serve.
            query = query.filter(approvals::closed_at.is_null());
        } else if !states.is_empty() {
            query = query.filter(approvals::state.eq_any(states));
        }
        if let Some((kind, id)) = subject {
            query = query.filter(approvals::subject_kind.eq(kind)).filter(approvals::subject_id.eq(AnyId(id)));
        }
        if let Some(after) = after {
            query = query.filter(approvals::id.gt(ApprovalId(after)));
        }
        query.load(c)
    })?;
    rows.into_iter().map(ApprovalRow::approval).collect()
}

pub fn count_open(cx: &mut Cx<'_>) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::closed_at.is_null())
            .count()
            .get_result(c)
    })?)
}

/// Open approvals whose deadline has passed, the longest first.
pub fn lapsed(cx: &mut Cx<'_>, now: Timestamp, limit: i64) -> Result<Vec<ApprovalId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        approvals::table
            .filter(approvals::workspace_id.eq(workspace))
            .filter(approvals::closed_at.is_null())
            .filter(approvals::due_at.le(At(now)))
            .order((approvals::due_at, approvals::id))
            .limit(limit)
            .select(approvals::id)
            .load(c)
    })?)
}

/// Keeps a vote in place of the one that the same member cast in this stage before.
pub fn put_vote(cx: &mut Cx<'_>, id: ApprovalId, vote: &Vote) -> Result<(), Fault> {
    let row = (
        votes::workspace_id.eq(cx.workspace()),
        votes::approval_id.eq(id),
        votes::stage.eq(i32::try_from(vote.stage).unwrap_or(i32::MAX)),
        votes::member_id.eq(vote.member),
        votes::choice.eq(vote.choice),
        votes::feedback.eq(vote.feedback.clone()),
        votes::cast_at.eq(At(vote.cast_at)),
    );
    let again = (
        votes::choice.eq(vote.choice),
        votes::feedback.eq(vote.feedback.clone()),
        votes::cast_at.eq(At(vote.cast_at)),
    );
    both!(cx.conn(), |c| {
        diesel::insert_into(votes::table)
            .values(row)
            .on_conflict((votes::workspace_id, votes::approval_id, votes::stage, votes::member_id))
            .do_update()
            .set(again)
            .execute(c)
    })?;
    Ok(())
}

/// The votes on these approvals, in the order in which they were cast.
pub fn votes_on(cx: &mut Cx<'_>, ids: &[ApprovalId]) -> Result<Vec<(ApprovalId, Vote)>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(ApprovalId, i32, MemberId, Choice, String, At)> = both!(cx.conn(), |c| {
        votes::table
            .filter(votes::workspace_id.eq(workspace))
            .filter(votes::approval_id.eq_any(ids.to_vec()))
            .order((votes::cast_at, votes::member_id))
            .select((
                votes::approval_id,
                votes::stage,
                votes::member_id,
                votes::choice,
                votes::feedback,
                votes::cast_at,
            ))
            .load(c)
    })?;
    let vote = |(id, stage, member, choice, feedback, at): (ApprovalId, i32, MemberId, Choice, String, At)| {
        let stage = usize::try_from(stage).unwrap_or(usize::MAX);
        (id, Vote { stage, member, choice, feedback, cast_at: at.0 })
    };
    Ok(rows.into_iter().map(vote).collect())
}
