//! Drafts and their versions in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::check::Finding;
use super::letter::Words;
use super::{Draft, DraftKind, DraftState, Recipient, Urgency, Version, WrittenBy};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::{ApprovalId, BatchId, DealId, DraftId, MilestoneId, WorkspaceId};
use crate::kernel::schema::{draft_versions, drafts};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::{Conn, Cx, Fault};
use crate::people::reach::Channel;

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = drafts)]
#[diesel(primary_key(workspace_id, id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct DraftRow {
    workspace_id: WorkspaceId,
    id: DraftId,
    occasion: String,
    kind: DraftKind,
    deal_id: DealId,
    milestone_id: Option<MilestoneId>,
    recipient_role: String,
    urgency: Urgency,
    state: DraftState,
    current: i32,
    approval_id: Option<ApprovalId>,
    lease_until: Option<At>,
    created_at: At,
    settled_at: Option<At>,
    version: i64,
    batch_id: Option<BatchId>,
    send_at: Option<At>,
    reason: Option<String>,
}

impl DraftRow {
    fn of(d: &Draft, workspace_id: WorkspaceId) -> Self {
        Self {
            workspace_id,
            id: d.id,
            occasion: d.occasion.clone(),
            kind: d.kind,
            deal_id: d.deal_id,
            milestone_id: d.milestone_id,
            recipient_role: d.recipient_role.clone(),
            urgency: d.urgency,
            state: d.state,
            current: d.current,
            approval_id: d.approval_id,
            lease_until: d.lease_until.map(At),
            created_at: At(d.created_at),
            settled_at: d.settled_at.map(At),
            version: d.version,
            batch_id: d.batch_id,
            send_at: d.send_at.map(At),
            reason: d.reason.clone(),
        }
    }
}

impl From<DraftRow> for Draft {
    fn from(row: DraftRow) -> Self {
        Self {
            id: row.id,
            occasion: row.occasion,
            kind: row.kind,
            deal_id: row.deal_id,
            milestone_id: row.milestone_id,
            recipient_role: row.recipient_role,
            urgency: row.urgency,
            state: row.state,
            current: row.current,
            approval_id: row.approval_id,
            lease_until: row.lease_until.map(|at| at.0),
            created_at: row.created_at.0,
            settled_at: row.settled_at.map(|at| at.0),
            batch_id: row.batch_id,
            send_at: row.send_at.map(|at| at.0),
            reason: row.reason,
            version: row.version,
        }
    }
}

/// Adds drafts; those whose occasion has one already are left out. Gives the ids that are new.
pub fn insert(cx: &mut Cx<'_>, new: &[Draft]) -> Result<Vec<DraftId>, Fault> {
    let workspace = cx.workspace();
    let mut added = Vec::new();
    for draft in new {
        let row = DraftRow::of(draft, workspace);
        let inserted = both!(cx.conn(), |c| {
            diesel::insert_into(drafts::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        if inserted == 1 {
            added.push(draft.id);
        }
    }
    Ok(added)
}

/// Writes a draft that is held and raises its version.
pub fn update(cx: &mut Cx<'_>, draft: &mut Draft) -> Result<(), Fault> {
    let workspace = cx.workspace();
    draft.version += 1;
    let row = DraftRow::of(draft, workspace);
    both!(cx.conn(), |c| diesel::update(drafts::table.find((workspace, draft.id))).set(row).execute(c))?;
    Ok(())
}

pub fn find(cx: &mut Cx<'_>, id: DraftId) -> Result<Option<Draft>, Fault> {
    let workspace = cx.workspace();
    let row: Option<DraftRow> = both!(cx.conn(), |c| {
        drafts::table.find((workspace, id)).select(DraftRow::as_select()).first(c).optional()
    })?;
    Ok(row.map(Into::into))
}

/// The draft, held until the end of the transaction.
pub fn hold(cx: &mut Cx<'_>, id: DraftId) -> Result<Option<Draft>, Fault> {
    let workspace = cx.workspace();
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let held: Option<DraftId> =
            drafts::table.find((workspace, id)).select(drafts::id).for_update().first(&mut **c).optional()?;
        if held.is_none() {
            return Ok(None);
        }
    }
    find(cx, id)
}

/// Which drafts have these occasions.
pub fn of_occasions(cx: &mut Cx<'_>, occasions: &[String]) -> Result<Vec<Draft>, Fault> {
    let workspace = cx.workspace();
    let mut found: Vec<Draft> = Vec::new();
    for some in occasions.chunks(1_000) {
        let rows: Vec<DraftRow> = both!(cx.conn(), |c| {
            drafts::table
                .filter(drafts::workspace_id.eq(workspace))
                .filter(drafts::occasion.eq_any(some))
                .order(drafts::id)
                .select(DraftRow::as_select())
                .load(c)
        })?;
        found.extend(rows.into_iter().map(Into::into));
    }
    Ok(found)
}

/// The drafts about a milestone in one of these states, in order of their ids.
pub fn of_milestone(
    cx: &mut Cx<'_>,
    milestone: MilestoneId,
    states: &[DraftState],
) -> Result<Vec<DraftId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::milestone_id.eq(milestone))
            .filter(drafts::state.eq_any(states))
            .order(drafts::id)
            .select(drafts::id)
            .load(c)
    })?)
}

/// The drafts on a deal in one of these states, in order of their ids.
pub fn of_deal(cx: &mut Cx<'_>, deal: DealId, states: &[DraftState]) -> Result<Vec<Draft>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<DraftRow> = both!(cx.conn(), |c| {
        drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::deal_id.eq(deal))
            .filter(drafts::state.eq_any(states))
            .order(drafts::id)
            .select(DraftRow::as_select())
            .load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The drafts of a deal to one of its parties that nobody has decided about.
pub fn open_to(cx: &mut Cx<'_>, deal: DealId, to: &str) -> Result<Vec<DraftId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::deal_id.eq(deal))
            .filter(drafts::recipient_role.eq(to))
            .filter(drafts::settled_at.is_null())
            .order(drafts::id)
            .select(drafts::id)
            .load(c)
    })?)
}

/// The draft that has waited longest to be written, held; one whose writer's time is up waits as well. Those that
/// somebody else holds are passed over.
pub fn take_waiting(cx: &mut Cx<'_>) -> Result<Option<Draft>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let row: Option<DraftRow> = match cx.conn() {
        Conn::Pg(c) => drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::state.eq(DraftState::Waiting).or(drafts::state.eq(DraftState::Writing)))
            .filter(drafts::lease_until.is_null().or(drafts::lease_until.le(now)))
            .order(drafts::id)
            .select(DraftRow::as_select())
            .for_update()
            .skip_locked()
            .first(&mut **c)
            .optional()?,
        Conn::Lite(c) => drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::state.eq(DraftState::Waiting).or(drafts::state.eq(DraftState::Writing)))
            .filter(drafts::lease_until.is_null().or(drafts::lease_until.le(now)))
            .order(drafts::id)
            .select(DraftRow::as_select())
            .first(&mut **c)
            .optional()?,
    };
    Ok(row.map(Into::into))
}

/// Which drafts, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub deal: Option<DealId>,
    /// Any when empty.
    pub states: Vec<DraftState>,
    pub before: Option<Uuid>,
    pub limit: i64,
}

/// At most `limit + 1` drafts.
pub fn list(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<Draft>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<DraftRow> = both!(cx.conn(), |c| {
        let mut query = drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .order(drafts::id.desc())
            .limit(wanted.limit + 1)
            .select(DraftRow::as_select())
            .into_boxed();
        if let Some(deal) = wanted.deal {
            query = query.filter(drafts::deal_id.eq(deal));
        }
        if !wanted.states.is_empty() {
            query = query.filter(drafts::state.eq_any(wanted.states.clone()));
            if wanted.states.iter().all(|state| !state.is_settled()) {
                // Says the same once more, in the words of the index that holds only these few.
                query = query.filter(drafts::settled_at.is_null());
            }
        }
        if let Some(before) = wanted.before {
            query = query.filter(drafts::id.lt(DraftId(before)));
        }
        query.load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many there are, however many are wanted.
pub fn count(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        let mut query = drafts::table
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::state.eq_any(wanted.states.clone()))
            .into_boxed();
        if wanted.states.iter().all(|state| !state.is_settled()) {
            query = query.filter(drafts::settled_at.is_null());
        }
        if let Some(deal) = wanted.deal {
            query = query.filter(drafts::deal_id.eq(deal));
        }
        query.count().get_result(c)
    })?)
}

pub fn insert_version(cx: &mut Cx<'_>, draft: DraftId, v: &Version) -> Result<(), Fault> {
    let json = |value: Result<String, serde_json::Error>| value.map_err(|error| Fault::Corrupt(error.to_string()));
    let row = (
        draft_versions::workspace_id.eq(cx.workspace()),
        draft_versions::draft_id.eq(draft),
        draft_versions::version.eq(v.number),
        // Each recipient has a channel of its own; the column is of a time when all had this one.
        draft_versions::channel.eq(Channel::Email),
        draft_versions::recipients.eq(json(serde_json::to_string(&v.recipients))?),
        draft_versions::content.eq(json(serde_json::to_string(&v.words))?),
        draft_versions::content_hash.eq(v.content_hash.clone()),
        draft_versions::source.eq(v.source),
        draft_versions::findings.eq(json(serde_json::to_string(&v.findings))?),
        draft_versions::made_by.eq(v.made_by.clone()),
        draft_versions::made_at.eq(At(v.made_at)),
    );
    both!(cx.conn(), |c| diesel::insert_into(draft_versions::table).values(row).execute(c))?;
    search::put(cx, &[document(draft, &v.words)])
}

/// What a letter is found by: its newest words.
pub fn document(draft: DraftId, words: &Words) -> Document {
    let (title, text) = (words.subject.clone(), words.body.clone());
    Document { kind: "draft", id: draft.0, place: Place::Second, title, text }
}

/// These drafts, each with its newest words; those that nobody has written yet are not among them. In no order.
pub fn written(cx: &mut Cx<'_>, ids: &[DraftId]) -> Result<Vec<(Draft, Version)>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(DraftRow, VersionRow)> = both!(cx.conn(), |c| {
        drafts::table
            .inner_join(
                draft_versions::table.on(draft_versions::workspace_id
                    .eq(drafts::workspace_id)
                    .and(draft_versions::draft_id.eq(drafts::id))
                    .and(draft_versions::version.eq(drafts::current))),
            )
            .filter(drafts::workspace_id.eq(workspace))
            .filter(drafts::id.eq_any(ids.to_vec()))
            .select((
                DraftRow::as_select(),
                (
                    draft_versions::draft_id,
                    draft_versions::version,
                    draft_versions::recipients,
                    draft_versions::content,
                    draft_versions::content_hash,
                    draft_versions::source,
                    draft_versions::findings,
                    draft_versions::made_by,
                    draft_versions::made_at,
                ),
            ))
            .load(c)
    })?;
    rows.into_iter().map(|(draft, newest)| Ok((draft.into(), version(newest)?.1))).collect()
}

type VersionRow = (DraftId, i32, String, String, String, WrittenBy, String, String, At);

/// The versions of these drafts, each draft's first one first.
pub fn versions(cx: &mut Cx<'_>, ids: &[DraftId]) -> Result<Vec<(DraftId, Version)>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<VersionRow> = both!(cx.conn(), |c| {
        draft_versions::table
            .filter(draft_versions::workspace_id.eq(workspace))
            .filter(draft_versions::draft_id.eq_any(ids.to_vec()))
            .order((draft_versions::draft_id, draft_versions::version))
            .select((
                draft_versions::draft_id,
                draft_versions::version,
                draft_versions::recipients,
                draft_versions::content,
                draft_versions::content_hash,
                draft_versions::source,
                draft_versions::findings,
                draft_versions::made_by,
                draft_versions::made_at,
            ))
            .load(c)
    })?;
    rows.into_iter().map(version).collect()
}

fn version(row: VersionRow) -> Result<(DraftId, Version), Fault> {
    let (id, number, recipients, words, content_hash, source, findings, made_by, made_at) = row;
    let unread = |error: serde_json::Error| Fault::Corrupt(format!("draft {id}, version {number}: {error}"));
    let recipients: Vec<Recipient> = serde_json::from_str(&recipients).map_err(unread)?;
    let words: Words = serde_json::from_str(&words).map_err(unread)?;
    let findings: Vec<Finding> = serde_json::from_str(&findings).map_err(unread)?;
    let made_at = made_at.0;
    Ok((id, Version { number, recipients, words, content_hash, source, findings, made_by, made_at }))
}
