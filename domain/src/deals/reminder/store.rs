//! Reminders, and what they rest on, in the database. Everything is asked for many deals at once.

pub mod shown;

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::scene::Heard;
use super::take_back::TOPICS;
use super::{Key, Kind, Record, State};
use crate::both;
use crate::deals::deal::{DealStatus, PartyRole};
use crate::deals::milestone::Responsible;
use crate::delivery::Status;
use crate::delivery::outbox::waiting::MAY_COME_AGAIN;
use crate::kernel::column::{At, On};
use crate::kernel::event::AnyId;
use crate::kernel::id::{ContactId, DealId, MemberId, MessageId, MilestoneId, WorkspaceId};
use crate::kernel::schema::{
    consents, contacts, deal_parties, deals, digest_items, events, messages, milestones, reminders, snoozes,
};
use crate::kernel::{ActorKind, Conn, Cx, Fault, Source};
use crate::people::contact::Contact;
use crate::people::contact::store::ContactRow;
use crate::people::reach::Channel;

/// Milestones that are looked at on PostgreSQL to find deals; those of deals that others hold are skipped.
const LOOKED_AT: i64 = 2_000;

/// Deals with a milestone whose time has come, held until the end of the transaction: as many as together have `limit` such
/// milestones, and one at least. On PostgreSQL those that somebody else holds are left to them.
pub fn hold_due(cx: &mut Cx<'_>, limit: usize) -> Result<Vec<DealId>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let looked_at = match cx.conn() {
        Conn::Pg(_) => LOOKED_AT.max(most),
        // Nobody else holds any, and each that is looked at costs a page.
        Conn::Lite(_) => most,
    };
    let of: Vec<DealId> = both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::attend_at.le(now))
            .order((milestones::attend_at, milestones::id))
            .limit(looked_at)
            .select(milestones::deal_id)
            .load(c)
    })?;
    let mut counts: HashMap<DealId, usize> = HashMap::new();
    let mut due = Vec::new();
    for id in of {
        let count = counts.entry(id).or_default();
        if *count == 0 {
            due.push(id);
        }
        *count += 1;
    }
    let mut sum = 0;
    let few = due.iter().take_while(|id| {
        let room = sum < limit;
        sum += counts.get(*id).copied().unwrap_or_default();
        room
    });
    let enough = few.count();
    if let Conn::Pg(c) = cx.conn() {
        // Those that wait longest are as likely held as the others; any that are free will do. What is held here and not
        // looked at would keep others from it.
        return Ok(deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::id.eq_any(due))
            .order(deals::id)
            .limit(i64::try_from(enough).unwrap_or(i64::MAX))
            .select(deals::id)
            .for_no_key_update()
            .skip_locked()
            .load(&mut **c)?);
    }
    due.truncate(enough);
    Ok(due)
}

/// What reminders need of a deal.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = deals)]
pub struct DealFacts {
    pub id: DealId,
    pub title: String,
    pub address: String,
    pub time_zone: String,
    pub owner_id: Option<MemberId>,
    pub status: DealStatus,
    /// An id of a channel on Discord.
    pub chat_channel: Option<String>,
    pub version: i64,
}

pub fn deals_of(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<Vec<DealFacts>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::id.eq_any(ids))
            .order(deals::id)
            .select(DealFacts::as_select())
            .load(c)
    })?)
}

/// What reminders need of a milestone.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = milestones)]
pub struct MilestoneFacts {
    pub id: MilestoneId,
    pub deal_id: DealId,
    pub title: String,
    pub due_on: Option<On>,
    pub lapses_at: Option<At>,
    pub required: bool,
    pub responsible_role: Responsible,
    pub responsible_member_id: Option<MemberId>,
    pub remind_days_before: Option<i32>,
    pub attend_at: Option<At>,
    pub version: i64,
}

/// All open milestones of these deals that have a date.
pub fn milestones_of(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<Vec<MilestoneFacts>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::deal_id.eq_any(ids))
            .filter(milestones::removed_at.is_null())
            .filter(milestones::ended_at.is_null())
            .filter(milestones::due_on.is_not_null())
            .order((milestones::deal_id, milestones::sorts_on, milestones::id))
            .select(MilestoneFacts::as_select())
            .load(c)
    })?)
}

/// The parties of these deals with their contacts, in the order in which they were added.
pub fn parties_of(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<HashMap<DealId, Vec<(PartyRole, Contact)>>, Fault> {
    type Row = (DealId, PartyRole, ContactRow);
    let workspace = cx.workspace();
    let rows: Vec<Row> = both!(cx.conn(), |c| {
        deal_parties::table
            .inner_join(
                contacts::table.on(contacts::workspace_id
                    .eq(deal_parties::workspace_id)
                    .and(contacts::id.eq(deal_parties::contact_id))),
            )
            .filter(deal_parties::workspace_id.eq(workspace))
            .filter(deal_parties::deal_id.eq_any(ids))
            .order(deal_parties::id)
            .select((deal_parties::deal_id, deal_parties::role, ContactRow::as_select()))
            .load(c)
    })?;
    let mut parties: HashMap<DealId, Vec<(PartyRole, Contact)>> = HashMap::new();
    for (deal, role, contact) in rows {
        parties.entry(deal).or_default().push((role, contact.into()));
    }
    Ok(parties)
}

/// Who of these agreed to text messages and did not take it back.
pub fn agreed_to_sms(cx: &mut Cx<'_>, who: &[ContactId]) -> Result<HashSet<ContactId>, Fault> {
    if who.is_empty() {
        return Ok(HashSet::new());
    }
    let workspace = cx.workspace();
    let found: Vec<ContactId> = both!(cx.conn(), |c| {
        consents::table
            .filter(consents::workspace_id.eq(workspace))
            .filter(consents::contact_id.eq_any(who))
            .filter(consents::channel.eq(Channel::Sms))
            .filter(consents::withdrawn_at.is_null())
            .select(consents::contact_id)
            .load(c)
    })?;
    Ok(found.into_iter().collect())
}

/// Which of these milestones have a title that a program wrote: it was the last to add or retitle them,
/// and no member has confirmed the title since.
pub fn titled_by_agents(cx: &mut Cx<'_>, ids: &[MilestoneId]) -> Result<HashSet<MilestoneId>, Fault> {
    let workspace = cx.workspace();
    let subjects: Vec<AnyId> = ids.iter().map(|id| AnyId(id.0)).collect();
    let mut by_agent = HashMap::new();
    for some in subjects.chunks(1_000) {
        let rows: Vec<(AnyId, String, String, String, String)> = both!(cx.conn(), |c| {
            events::table
                .filter(events::workspace_id.eq(workspace))
                .filter(events::subject_kind.eq("milestone"))
                .filter(events::subject_id.eq_any(some))
                .filter(events::event.eq_any(["milestone.added", "milestone.edited", "milestone.title_confirmed"]))
                .order(events::seq)
                .select((events::subject_id, events::actor_kind, events::source, events::event, events::data))
                .load(c)
        })?;
        for (id, actor, source, event, data) in rows {
            let titled = || {
                let data: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
                data["after"].get("title").is_some()
            };
            if event != "milestone.edited" || titled() {
                let program = actor == ActorKind::Agent.as_str() || source == Source::Mcp.as_str();
                by_agent.insert(MilestoneId(id.0), program);
            }
        }
    }
    Ok(by_agent.into_iter().filter(|(_, agent)| *agent).map(|(id, _)| id).collect())
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = reminders)]
#[diesel(primary_key(workspace_id, milestone_id, kind, recipient, on_date))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct ReminderRow {
    workspace_id: WorkspaceId,
    milestone_id: MilestoneId,
    kind: String,
    recipient: String,
    on_date: On,
    deal_id: DealId,
    due_on: On,
    at: At,
    state: State,
    reason: Option<String>,
    occasion: Option<String>,
    message_id: Option<MessageId>,
    leads: bool,
    round: i32,
    planned_at: At,
}

impl ReminderRow {
    fn of(record: &Record, workspace_id: WorkspaceId) -> Self {
        Self {
            workspace_id,
            milestone_id: record.key.milestone,
            kind: record.key.kind.to_string(),
            recipient: record.key.recipient.to_string(),
            on_date: On(record.key.on),
            deal_id: record.deal_id,
            due_on: On(record.due_on),
            at: At(record.at),
            state: record.state,
            reason: record.reason.clone(),
            occasion: record.occasion.clone(),
            message_id: record.message_id,
            leads: record.leads,
            round: record.round,
            planned_at: At(record.planned_at),
        }
    }

    fn record(self) -> Result<Record, Fault> {
        let broken = |what: String| Fault::Corrupt(format!("a reminder of {}: {what}", self.milestone_id));
        let kind: Kind = self.kind.parse().map_err(broken)?;
        let recipient = self.recipient.parse().map_err(broken)?;
        Ok(Record {
            key: Key { milestone: self.milestone_id, kind, recipient, on: self.on_date.0 },
            deal_id: self.deal_id,
            due_on: self.due_on.0,
            at: self.at.0,
            state: self.state,
            reason: self.reason,
            occasion: self.occasion,
            message_id: self.message_id,
            leads: self.leads,
            round: self.round,
            planned_at: self.planned_at.0,
        })
    }
}

/// That a milestone was put off.
#[derive(Clone, Debug)]
pub struct Snooze {
    pub until: Date,
    /// When it was due then: one that moved since is not put off any more.
    pub due_on: Date,
    pub by: String,
}

/// What is put off of these deals.
pub fn snoozes_of(cx: &mut Cx<'_>, deals: &[DealId]) -> Result<HashMap<MilestoneId, Snooze>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(MilestoneId, On, On, String)> = both!(cx.conn(), |c| {
        snoozes::table
            .filter(snoozes::workspace_id.eq(workspace))
            .filter(snoozes::deal_id.eq_any(deals))
            .select((snoozes::milestone_id, snoozes::until_on, snoozes::due_on, snoozes::by_name))
            .load(c)
    })?;
    let snooze = |(id, until, due_on, by): (MilestoneId, On, On, String)| {
        (id, Snooze { until: until.0, due_on: due_on.0, by })
    };
    Ok(rows.into_iter().map(snooze).collect())
}

/// Puts a milestone off, in place of how it was put off before.
pub fn put_off(cx: &mut Cx<'_>, id: MilestoneId, deal: DealId, snooze: &Snooze) -> Result<(), Fault> {
    let again = (
        snoozes::until_on.eq(On(snooze.until)),
        snoozes::due_on.eq(On(snooze.due_on)),
        snoozes::by_name.eq(snooze.by.clone()),
        snoozes::snoozed_at.eq(At(cx.now())),
    );
    let key = (snoozes::workspace_id.eq(cx.workspace()), snoozes::milestone_id.eq(id), snoozes::deal_id.eq(deal));
    both!(cx.conn(), |c| {
        diesel::insert_into(snoozes::table)
            .values((key, again.clone()))
            .on_conflict((snoozes::workspace_id, snoozes::milestone_id))
            .do_update()
            .set(again)
            .execute(c)
    })?;
    Ok(())
}

/// Everything that is recorded about these deals.
pub fn records_of(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<Vec<Record>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<ReminderRow> = both!(cx.conn(), |c| {
        reminders::table
            .filter(reminders::workspace_id.eq(workspace))
            .filter(reminders::deal_id.eq_any(ids))
            .select(ReminderRow::as_select())
            .load(c)
    })?;
    rows.into_iter().map(ReminderRow::record).collect()
}

/// What came of the messages that are said on these occasions, whatever their channels: the first that left tells, and
/// when none did, the last that ended otherwise. `None` while one may still leave.
pub(super) fn heard(cx: &mut Cx<'_>, bases: &[String]) -> Result<HashMap<String, Option<Heard>>, Fault> {
    let workspace = cx.workspace();
    let mut wanted: Vec<String> =
        bases.iter().flat_map(|base| Channel::ALL.iter().map(move |on| format!("{base}:{on}"))).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found: HashMap<String, Vec<(Status, Option<At>)>> = HashMap::new();
    for some in wanted.chunks(1_000) {
        let rows: Vec<(String, Status, Option<At>)> = both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::occasion.eq_any(some))
                .select((messages::occasion, messages::status, messages::settled_at))
                .load(c)
        })?;
        for (occasion, status, settled_at) in rows {
            let base = occasion.rsplit_once(':').map_or(occasion.as_str(), |(base, _)| base);
            found.entry(base.to_owned()).or_default().push((status, settled_at));
        }
    }
    let heard = |messages: Vec<(Status, Option<At>)>| {
        let left = |status| matches!(status, Status::Sent | Status::Delivered | Status::Read);
        let first = messages.iter().filter(|(status, _)| left(*status)).filter_map(|(_, at)| *at).min();
        let last = messages.iter().map(|(_, at)| *at).collect::<Option<Vec<At>>>();
        match (first, last.and_then(|ends| ends.into_iter().max())) {
            (Some(at), _) => Some(Heard { at: at.0, reached: true }),
            (None, last) => last.map(|at| Heard { at: at.0, reached: false }),
        }
    };
    Ok(found.into_iter().map(|(base, messages)| (base, heard(messages))).collect())
}

/// Whether anything about a deal waits, or may come again, that a change could make untrue.
pub fn waits(cx: &mut Cx<'_>, deal: DealId) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let of_use = messages::expires_at.is_null().or(messages::expires_at.gt(At(cx.now())));
    let waiting = |c: &mut Conn| {
        both!(c, |c| {
            diesel::select(diesel::dsl::exists(
                messages::table
                    .filter(messages::workspace_id.eq(workspace))
                    .filter(messages::deal_id.eq(deal))
                    .filter(messages::kind.eq_any(TOPICS))
                    .filter(
                        messages::status
                            .eq_any([Status::Queued, Status::Deferred])
                            .or(messages::status.eq_any(MAY_COME_AGAIN).and(of_use)),
                    ),
            ))
            .get_result::<bool>(c)
        })
    };
    let kept = |c: &mut Conn| {
        both!(c, |c| {
            diesel::select(diesel::dsl::exists(
                reminders::table
                    .filter(reminders::workspace_id.eq(workspace))
                    .filter(reminders::deal_id.eq(deal))
                    .filter(reminders::state.eq_any([State::Planned, State::Digest])),
            ))
            .get_result::<bool>(c)
        })
    };
    let in_digests = |c: &mut Conn| {
        both!(c, |c| {
            diesel::select(diesel::dsl::exists(
                digest_items::table
                    .filter(digest_items::workspace_id.eq(workspace))
                    .filter(digest_items::deal_id.eq(deal))
                    .filter(digest_items::message_id.is_null())
                    .filter(digest_items::dropped.is_null()),
            ))
            .get_result::<bool>(c)
        })
    };
    Ok(waiting(cx.conn())? || kept(cx.conn())? || in_digests(cx.conn())?)
}

/// Adds records. One that is there already is a fault: nobody is told twice.
pub fn insert(cx: &mut Cx<'_>, new: &[Record]) -> Result<(), Fault> {
    let workspace = cx.workspace();
    // SQLite takes at most 32,766 binds a statement.
    for some in new.chunks(1_000) {
        let rows: Vec<ReminderRow> = some.iter().map(|record| ReminderRow::of(record, workspace)).collect();
        both!(cx.conn(), |c| diesel::insert_into(reminders::table).values(rows).execute(c))?;
    }
    Ok(())
}

pub fn update(cx: &mut Cx<'_>, record: &Record) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let row = ReminderRow::of(record, workspace);
    let key = (workspace, row.milestone_id, row.kind.clone(), row.recipient.clone(), row.on_date);
    both!(cx.conn(), |c| diesel::update(reminders::table.find(key)).set(row).execute(c))?;
    Ok(())
}

/// Notes when each of these milestones needs the next look.
pub fn look_next(cx: &mut Cx<'_>, looks: &[(MilestoneId, Option<Timestamp>)]) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let mut by_instant: BTreeMap<Option<Timestamp>, Vec<MilestoneId>> = BTreeMap::new();
    for (id, at) in looks {
        by_instant.entry(*at).or_default().push(*id);
    }
    for (at, ids) in by_instant {
        for some in ids.chunks(1_000) {
            both!(cx.conn(), |c| {
                diesel::update(milestones::table)
                    .filter(milestones::workspace_id.eq(workspace))
                    .filter(milestones::id.eq_any(some))
                    .set(milestones::attend_at.eq(at.map(At)))
                    .execute(c)
            })?;
        }
    }
    Ok(())
}

/// The deals of which something was decided in what is now the future.
pub fn planned_ahead(cx: &mut Cx<'_>) -> Result<Vec<DealId>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| {
        reminders::table
            .filter(reminders::workspace_id.eq(workspace))
            .filter(reminders::planned_at.gt(now))
            .order(reminders::deal_id)
            .select(reminders::deal_id)
            .distinct()
            .load(c)
    })?)
}

/// Nothing of these deals' milestones but the given ones needs a look any more: they ended, or have no date.
pub fn forget_others(cx: &mut Cx<'_>, ids: &[DealId], but: &[MilestoneId]) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let attended: Vec<MilestoneId> = both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::deal_id.eq_any(ids))
            .filter(milestones::attend_at.is_not_null())
            .select(milestones::id)
            .load(c)
    })?;
    let kept: HashSet<&MilestoneId> = but.iter().collect();
    let gone: Vec<_> = attended.into_iter().filter(|id| !kept.contains(id)).map(|id| (id, None)).collect();
    look_next(cx, &gone)
}

/// The open milestones with a date, and of these the given ones, are looked at with the next sweep. What is looked at before
/// now anyway stays so: this now may be that of a clock that is ahead.
macro_rules! look_at {
    ($c:expr, $workspace:expr, $now:expr, $which:expr) => {
        diesel::update(milestones::table)
            .filter(milestones::workspace_id.eq($workspace))
            .filter(milestones::removed_at.is_null())
            .filter(milestones::ended_at.is_null())
            .filter(milestones::due_on.is_not_null())
            .filter(milestones::attend_at.is_null().or(milestones::attend_at.gt($now)))
            .filter($which)
            .set(milestones::attend_at.eq($now))
            .execute($c)
    };
}

/// Everything of a deal is looked at with the next sweep.
pub fn look_soon(cx: &mut Cx<'_>, deal: DealId) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| look_at!(c, workspace, now, milestones::deal_id.eq(deal)))?;
    Ok(())
}

/// Everything of all deals that are under way is looked at with the next sweeps.
pub fn look_soon_everywhere(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        let active = deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::status.eq(DealStatus::Active))
            .select(deals::id);
        look_at!(c, workspace, now, milestones::deal_id.eq_any(active))
    })?;
    Ok(())
}

/// Everything that a member owns or answers for is looked at with the next sweep.
pub fn look_soon_for(cx: &mut Cx<'_>, member: MemberId) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        let owned = deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::owner_id.eq(member))
            .filter(deals::status.eq(DealStatus::Active))
            .select(deals::id);
        let theirs = milestones::deal_id.eq_any(owned).or(milestones::responsible_member_id.eq(member));
        look_at!(c, workspace, now, theirs)
    })?;
    Ok(())
}

/// When the clock has something to look at next.
pub fn next_look(cx: &mut Cx<'_>) -> Result<Option<Timestamp>, Fault> {
    let workspace = cx.workspace();
    let next: Option<Option<At>> = both!(cx.conn(), |c| {
        milestones::table
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::attend_at.is_not_null())
            .order(milestones::attend_at)
            .select(milestones::attend_at)
            .first(c)
            .optional()
    })?;
    Ok(next.flatten().map(|at| at.0))
}
