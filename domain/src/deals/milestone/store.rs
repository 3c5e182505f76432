//! Milestones in the database.

use diesel::prelude::*;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{Milestone, MilestoneState, MilestoneStatus, OpenState, Responsible, State};
use crate::both;
use crate::deals::deal::{Deal, DealStatus};
use crate::deals::reminder::rules::first_look;
use crate::kernel::column::{At, On};
use crate::kernel::id::{DealId, MemberId, MilestoneId, WorkspaceId};
use crate::kernel::schema::{deals, milestones};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::{Cx, Fault, time};

/// Where a milestone without a date stands in a list: after all others.
const UNDATED: Date = date(9999, 12, 31);

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = milestones)]
#[diesel(primary_key(workspace_id, id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct MilestoneRow {
    workspace_id: WorkspaceId,
    id: MilestoneId,
    deal_id: DealId,
    type_: String,
    title: String,
    due_on: Option<On>,
    sorts_on: On,
    lapses_at: Option<At>,
    state: MilestoneState,
    ended_at: Option<At>,
    ended_by: Option<String>,
    waive_reason: Option<String>,
    required: bool,
    responsible_role: Responsible,
    responsible_member_id: Option<MemberId>,
    remind_days_before: Option<i32>,
    notify: String,
    notes: String,
    evidence: String,
    pinned: bool,
    rule: Option<String>,
    origin: String,
    created_at: At,
    removed_at: Option<At>,
    version: i64,
    attend_at: Option<At>,
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Corrupt(error.to_string()))
}

/// When the clock looks at it next: early rather than late, since the first look works out the rest.
fn attend_at(m: &Milestone) -> Option<jiff::Timestamp> {
    match m.state {
        State::Open(_) => first_look(m.due_on, m.remind_days_before, m.lapses_at),
        State::Completed { .. } | State::Waived { .. } => None,
    }
}

impl MilestoneRow {
    fn of(m: &Milestone, workspace_id: WorkspaceId) -> Result<Self, Fault> {
        let (ended_at, ended_by, waive_reason) = match &m.state {
            State::Open(_) => (None, None, None),
            State::Completed { at, by } => (Some(At(*at)), Some(by.clone()), None),
            State::Waived { at, by, reason } => (Some(At(*at)), Some(by.clone()), reason.clone()),
        };
        Ok(Self {
            workspace_id,
            id: m.id,
            deal_id: m.deal_id,
            type_: m.type_.clone(),
            title: m.title.clone(),
            due_on: m.due_on.map(On),
            sorts_on: On(m.due_on.unwrap_or(UNDATED)),
            lapses_at: m.lapses_at.map(At),
            state: m.state.word(),
            ended_at,
            ended_by,
            waive_reason,
            required: m.required,
            responsible_role: m.responsible,
            responsible_member_id: m.responsible_member,
            remind_days_before: m.remind_days_before,
            notify: json(&m.notify)?,
            notes: m.notes.clone(),
            evidence: json(&m.evidence)?,
            pinned: m.pinned,
            rule: m.rule.as_ref().map(json).transpose()?,
            origin: json(&m.origin)?,
            created_at: At(m.created_at),
            removed_at: None,
            version: m.version,
            attend_at: attend_at(m).map(At),
        })
    }

    fn milestone(self) -> Result<Milestone, Fault> {
        let broken = |what: &str| Fault::Corrupt(format!("milestone {}: {what}", self.id));
        let ended = || Some((self.ended_at?.0, self.ended_by.clone()?));
        let state = match self.state {
            MilestoneState::Upcoming => State::Open(OpenState::Upcoming),
            MilestoneState::Scheduled => State::Open(OpenState::Scheduled),
            MilestoneState::InProgress => State::Open(OpenState::InProgress),
            MilestoneState::Completed => {
                let (at, by) = ended().ok_or_else(|| broken("completed without a time or a person"))?;
                State::Completed { at, by }
            }
            MilestoneState::Waived => {
                let (at, by) = ended().ok_or_else(|| broken("waived without a time or a person"))?;
                State::Waived { at, by, reason: self.waive_reason.clone() }
            }
        };
        let unread = |error: serde_json::Error| broken(&error.to_string());
        Ok(Milestone {
            state,
            notify: serde_json::from_str(&self.notify).map_err(unread)?,
            evidence: serde_json::from_str(&self.evidence).map_err(unread)?,
            rule: self.rule.as_deref().map(serde_json::from_str).transpose().map_err(unread)?,
            origin: serde_json::from_str(&self.origin).map_err(unread)?,
            id: self.id,
            deal_id: self.deal_id,
            type_: self.type_,
            title: self.title,
            due_on: self.due_on.map(|on| on.0),
            lapses_at: self.lapses_at.map(|at| at.0),
            required: self.required,
            responsible: self.responsible_role,
            responsible_member: self.responsible_member_id,
            remind_days_before: self.remind_days_before,
            notes: self.notes,
            pinned: self.pinned,
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

/// Milestones of one deal.
pub fn insert(cx: &mut Cx<'_>, deal: &Deal, new: &[Milestone]) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let rows = new.iter().map(|m| MilestoneRow::of(m, workspace)).collect::<Result<Vec<_>, _>>()?;
    // SQLite takes at most 32,766 binds a statement.
    for some in rows.chunks(1_000) {
        let some = some.to_vec();
        both!(cx.conn(), |c| diesel::insert_into(milestones::table).values(some).execute(c))?;
    }
    search::put_new(cx, &new.iter().map(|m| document(m, &deal.title)).collect::<Vec<_>>())
}

/// What a milestone is found by: as people name it, with its deal.
pub fn document(m: &Milestone, deal_title: &str) -> Document {
    let title = format!("{deal_title}: {}", m.title);
    let text = format!("{} {}", m.type_, m.notes);
    Document { kind: "milestone", id: m.id.0, place: Place::Second, title, text }
}

/// Its title or its notes are others.
pub fn reworded(cx: &mut Cx<'_>, m: &Milestone, deal: &Deal) -> Result<(), Fault> {
    search::put(cx, &[document(m, &deal.title)])
}

/// Writes a milestone whose version was raised by one; false when somebody was faster.
pub fn update(cx: &mut Cx<'_>, m: &Milestone) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let row = MilestoneRow::of(m, workspace)?;
    let changed = both!(cx.conn(), |c| {
        diesel::update(milestones::table.find((workspace, m.id)))
            .filter(milestones::version.eq(m.version - 1))
            .filter(milestones::removed_at.is_null())
            .set(row)
            .execute(c)
    })?;
    Ok(changed == 1)
}

pub fn remove(cx: &mut Cx<'_>, id: MilestoneId) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::update(milestones::table.find((workspace, id)))
            .set((
                milestones::removed_at.eq(now),
                milestones::attend_at.eq(None::<At>),
                milestones::version.eq(milestones::version + 1),
            ))
            .execute(c)
    })?;
    search::remove(cx, "milestone", &[id.0])
}

pub fn find(cx: &mut Cx<'_>, id: MilestoneId) -> Result<Option<Milestone>, Fault> {
    let workspace = cx.workspace();
    let row: Option<MilestoneRow> = both!(cx.conn(), |c| {
        milestones::table
            .find((workspace, id))
            .filter(milestones::removed_at.is_null())
            .select(MilestoneRow::as_select())
            .first(c)
            .optional()
    })?;
    row.map(MilestoneRow::milestone).transpose()
}

/// Those of these that are there, in no order.
pub fn find_many(cx: &mut Cx<'_>, ids: &[MilestoneId]) -> Result<Vec<Milestone>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<MilestoneRow> = both!(cx.conn(), |c| {
            milestones::table
                .filter(milestones::workspace_id.eq(workspace))
                .filter(milestones::id.eq_any(some))
                .filter(milestones::removed_at.is_null())
                .select(MilestoneRow::as_select())
                .load(c)
        })?;
        for row in rows {
            found.push(row.milestone()?);
        }
    }
    Ok(found)
}

/// All of a deal, in order of their dates; those that need one last.
pub fn of_deal(cx: &mut Cx<'_>, deal: DealId) -> Result<Vec<Milestone>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<MilestoneRow> = both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::deal_id.eq(deal))
            .filter(milestones::removed_at.is_null())
            .order((milestones::sorts_on, milestones::id))
            .select(MilestoneRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(MilestoneRow::milestone).collect()
}

/// Which milestones, by due date.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Without a deal: those of all active deals.
    pub deal: Option<DealId>,
    /// Any when empty.
    pub status: Vec<MilestoneStatus>,
    pub due_from: Option<Date>,
    pub due_to: Option<Date>,
    /// Only those that need a date.
    pub undated: bool,
    pub after: Option<(Date, Uuid)>,
    pub limit: i64,
}

const OPEN: [MilestoneState; 3] =
    [MilestoneState::Upcoming, MilestoneState::Scheduled, MilestoneState::InProgress];

/// Milestones that are wanted, in no order yet.
macro_rules! wanted {
    ($wanted:ident, $workspace:ident, $now:ident) => {{
        let mut query = milestones::table
            .filter(milestones::workspace_id.eq($workspace))
            .filter(milestones::removed_at.is_null())
            .into_boxed();
        query = match $wanted.deal {
            Some(deal) => query.filter(milestones::deal_id.eq(deal)),
            None => query.filter(diesel::dsl::exists(
                deals::table
                    .filter(deals::workspace_id.eq($workspace))
                    .filter(deals::id.eq(milestones::deal_id))
                    .filter(deals::status.eq(DealStatus::Active)),
            )),
        };
        if let Some(from) = $wanted.due_from {
            // What needs a date stands at the end of every list, but is not due after anything.
            query = query.filter(milestones::sorts_on.ge(On(from))).filter(milestones::due_on.is_not_null());
        }
        if let Some(to) = $wanted.due_to {
            query = query.filter(milestones::sorts_on.le(On(to)));
        }
        if $wanted.undated {
            query = query.filter(milestones::sorts_on.eq(On(UNDATED))).filter(milestones::due_on.is_null());
        }
        if let Some((on, id)) = $wanted.after {
            query = query
                .filter(milestones::sorts_on.ge(On(on)))
                .filter(milestones::sorts_on.gt(On(on)).or(milestones::id.gt(MilestoneId(id))));
        }
        if let Some(filter) = StatusFilter::of(&$wanted.status) {
            if filter.ended.is_empty() {
                // Lets the index of open milestones serve.
                query = query.filter(milestones::ended_at.is_null());
                if filter.open.is_empty() {
                    // What is over was due before tomorrow, wherever it is: the walk along the index ends there.
                    let today = time::today($now.0, &TimeZone::UTC);
                    query = query.filter(milestones::sorts_on.le(On(today.tomorrow().unwrap_or(today))));
                }
            }
            let overdue = if filter.overdue { OPEN.to_vec() } else { Vec::new() };
            query = query.filter(
                milestones::state
                    .eq_any(filter.ended)
                    .or(milestones::state
                        .eq_any(filter.open)
                        .and(milestones::lapses_at.is_null().or(milestones::lapses_at.assume_not_null().gt($now))))
                    .or(milestones::state.eq_any(overdue).and(milestones::lapses_at.assume_not_null().le($now))),
            );
        }
        query
    }};
}

/// At most `limit + 1` milestones, the earliest first.
pub fn list(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<Milestone>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let rows: Vec<MilestoneRow> = both!(cx.conn(), |c| {
        wanted!(wanted, workspace, now)
            .order((milestones::sorts_on, milestones::id))
            .limit(wanted.limit + 1)
            .select(MilestoneRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(MilestoneRow::milestone).collect()
}

/// How many there are, however many are wanted.
pub fn count(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<i64, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| wanted!(wanted, workspace, now).count().get_result(c))?)
}

/// The shown statuses as the stored states that can have them.
struct StatusFilter {
    open: Vec<MilestoneState>,
    ended: Vec<MilestoneState>,
    overdue: bool,
}

impl StatusFilter {
    /// `None` when any will do.
    fn of(wanted: &[MilestoneStatus]) -> Option<Self> {
        let mut filter = Self { open: Vec::new(), ended: Vec::new(), overdue: false };
        for status in wanted {
            match status {
                MilestoneStatus::Upcoming => filter.open.push(MilestoneState::Upcoming),
                MilestoneStatus::Scheduled => filter.open.push(MilestoneState::Scheduled),
                MilestoneStatus::InProgress => filter.open.push(MilestoneState::InProgress),
                MilestoneStatus::Completed => filter.ended.push(MilestoneState::Completed),
                MilestoneStatus::Waived => filter.ended.push(MilestoneState::Waived),
                MilestoneStatus::Overdue => filter.overdue = true,
            }
        }
        (!wanted.is_empty()).then_some(filter)
    }
}

/// The key by which a list goes on after a milestone.
pub fn key(m: &Milestone) -> (Date, Uuid) {
    (m.due_on.unwrap_or(UNDATED), m.id.0)
}
