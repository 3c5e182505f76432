//! Reminders as lists, digests, feeds and rehearsals show them.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::ReminderRow;
use crate::both;
use crate::deals::deal::DealStatus;
use crate::deals::reminder::{Kind, Recipient, Record, State};
use crate::delivery::Status;
use crate::delivery::notify::Dropped;
use crate::delivery::settings::rules::MOST_ON_PATH;
use crate::kernel::column::{At, On};
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::kernel::schema::{deals, digest_items, messages, milestones, reminders};
use crate::kernel::{Cx, Fault};

/// Records with their milestones and deals.
macro_rules! in_deals {
    () => {
        reminders::table
            .inner_join(
                milestones::table.on(milestones::workspace_id
                    .eq(reminders::workspace_id)
                    .and(milestones::id.eq(reminders::milestone_id))),
            )
            .inner_join(
                deals::table
                    .on(deals::workspace_id.eq(reminders::workspace_id).and(deals::id.eq(reminders::deal_id))),
            )
    };
}

/// A record as a list shows it.
pub struct Listed {
    pub record: Record,
    pub milestone: String,
    pub deal: String,
    /// Where its message stands.
    pub status: Option<Status>,
    pub why: Option<String>,
}

/// Which records, those with the latest instants first.
pub struct Wanted {
    pub deal: Option<DealId>,
    pub before: Option<(Timestamp, Uuid, String, String)>,
    pub limit: i64,
}

/// At most `limit + 1` records.
pub fn list(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<Listed>, Fault> {
    type Row = (ReminderRow, String, String, Option<Status>, Option<String>);
    let workspace = cx.workspace();
    let rows: Vec<Row> = both!(cx.conn(), |c| {
        let mut query = in_deals!()
            .left_join(
                messages::table.on(messages::workspace_id
                    .eq(reminders::workspace_id)
                    .and(messages::id.nullable().eq(reminders::message_id))),
            )
            .filter(reminders::workspace_id.eq(workspace))
            .order((
                reminders::at.desc(),
                reminders::milestone_id.desc(),
                reminders::kind.desc(),
                reminders::recipient.desc(),
            ))
            .limit(wanted.limit + 1)
            .select((
                ReminderRow::as_select(),
                milestones::title,
                deals::title,
                messages::status.nullable(),
                messages::reason.nullable(),
            ))
            .into_boxed();
        if let Some(deal) = wanted.deal {
            query = query.filter(reminders::deal_id.eq(deal));
        }
        if let Some((at, milestone, kind, recipient)) = &wanted.before {
            let (at, milestone) = (At(*at), MilestoneId(*milestone));
            query =
                query.filter(reminders::at.le(at)).filter(
                    reminders::at.lt(at).or(reminders::milestone_id.lt(milestone)).or(reminders::milestone_id
                        .eq(milestone)
                        .and(reminders::kind.lt(kind.clone()).or(
                            reminders::kind.eq(kind.clone()).and(reminders::recipient.lt(recipient.clone())),
                        ))),
                );
        }
        query.load(c)
    })?;
    rows.into_iter()
        .map(|(row, milestone, deal, status, why)| {
            Ok(Listed { record: row.record()?, milestone, deal, status, why })
        })
        .collect()
}

/// Where the message of a line's digest stands, and its occasion without the channel; of a line that stands in none, why.
#[derive(Default)]
pub struct Line {
    pub status: Option<Status>,
    pub said_on: Option<String>,
    pub dropped: Option<Dropped>,
}

/// The lines with these occasions.
pub fn digest_lines(cx: &mut Cx<'_>, occasions: &[String]) -> Result<HashMap<String, Line>, Fault> {
    type Row = (String, Option<Status>, Option<String>, Option<Dropped>);
    let workspace = cx.workspace();
    let mut found = HashMap::new();
    for some in occasions.chunks(1_000) {
        let rows: Vec<Row> = both!(cx.conn(), |c| {
            digest_items::table
                .left_join(
                    messages::table.on(messages::workspace_id
                        .eq(digest_items::workspace_id)
                        .and(messages::id.nullable().eq(digest_items::message_id))),
                )
                .filter(digest_items::workspace_id.eq(workspace))
                .filter(digest_items::occasion.eq_any(some))
                .select((
                    digest_items::occasion,
                    messages::status.nullable(),
                    messages::occasion.nullable(),
                    digest_items::dropped,
                ))
                .load(c)
        })?;
        found.extend(rows.into_iter().map(|(occasion, status, said_on, dropped)| {
            let said_on = said_on.and_then(|on| Some(on.rsplit_once(':')?.0.to_owned()));
            (occasion, Line { status, said_on, dropped })
        }));
    }
    Ok(found)
}

/// A milestone in a line of a member's digest or feed.
#[derive(Clone, Debug, Queryable)]
pub struct Glanced {
    pub id: MilestoneId,
    pub deal_id: DealId,
    /// The deal's title.
    pub deal: String,
    pub title: String,
    pub due_on: On,
}

/// Open milestones of active deals, due between two days, the earliest first; of a member, those of deals that the member owns
/// and those that the member answers for.
pub fn due_between(
    cx: &mut Cx<'_>,
    whose: Option<MemberId>,
    from: Option<Date>,
    to: Date,
    limit: i64,
) -> Result<Vec<Glanced>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        let mut query = milestones::table
            .inner_join(
                deals::table
                    .on(deals::workspace_id.eq(milestones::workspace_id).and(deals::id.eq(milestones::deal_id))),
            )
            .filter(milestones::workspace_id.eq(workspace))
            .filter(milestones::removed_at.is_null())
            .filter(milestones::ended_at.is_null())
            .filter(milestones::due_on.is_not_null())
            .filter(milestones::sorts_on.le(On(to)))
            .filter(deals::status.eq(DealStatus::Active))
            .order((milestones::sorts_on, milestones::id))
            .limit(limit)
            .select((milestones::id, deals::id, deals::title, milestones::title, milestones::sorts_on))
            .into_boxed();
        if let Some(member) = whose {
            query = query.filter(deals::owner_id.eq(member).or(milestones::responsible_member_id.eq(member)));
        }
        if let Some(from) = from {
            query = query.filter(milestones::sorts_on.ge(On(from)));
        }
        query.load(c)
    })?)
}

/// Open milestones whose delay was escalated to a member, the longest overdue first.
pub fn escalated(cx: &mut Cx<'_>, to: MemberId, limit: i64) -> Result<Vec<Glanced>, Fault> {
    let workspace = cx.workspace();
    let recipient = Recipient::Member(to).to_string();
    let kinds: Vec<String> = (1..=MOST_ON_PATH as u8).map(|step| Kind::Escalation(step).to_string()).collect();
    let mut found: Vec<Glanced> = both!(cx.conn(), |c| {
        reminders::table
            .inner_join(
                milestones::table.on(milestones::workspace_id
                    .eq(reminders::workspace_id)
                    .and(milestones::id.eq(reminders::milestone_id))),
            )
            .inner_join(
                deals::table
                    .on(deals::workspace_id.eq(milestones::workspace_id).and(deals::id.eq(milestones::deal_id))),
            )
            .filter(reminders::workspace_id.eq(workspace))
            .filter(reminders::recipient.eq(recipient))
            .filter(reminders::kind.eq_any(kinds))
            .filter(reminders::state.eq_any([State::Queued, State::Digest]))
            .filter(reminders::on_date.nullable().eq(milestones::due_on))
            .filter(milestones::removed_at.is_null())
            .filter(milestones::ended_at.is_null())
            .filter(deals::status.eq(DealStatus::Active))
            .order((reminders::on_date, milestones::id))
            .limit(limit)
            .select((milestones::id, deals::id, deals::title, milestones::title, milestones::sorts_on))
            .load(c)
    })?;
    // Two steps may have come to the same member.
    found.dedup_by_key(|milestone| milestone.id);
    Ok(found)
}

/// The records whose messages are said on these occasions, with the milestones' titles.
pub fn said_on(cx: &mut Cx<'_>, occasions: &[String]) -> Result<Vec<(Record, String)>, Fault> {
    let workspace = cx.workspace();
    // An occasion begins with its kind and the milestone that it is named after, whose deal has the others too.
    let milestone = |occasion: &String| occasion.split(':').nth(1).and_then(|id| id.parse::<MilestoneId>().ok());
    let mut named: Vec<MilestoneId> = occasions.iter().filter_map(milestone).collect();
    named.sort();
    named.dedup();
    let wanted: HashSet<&String> = occasions.iter().collect();
    let mut found = Vec::new();
    for some in named.chunks(1_000) {
        let in_deals: Vec<DealId> = both!(cx.conn(), |c| {
            milestones::table
                .filter(milestones::workspace_id.eq(workspace))
                .filter(milestones::id.eq_any(some))
                .select(milestones::deal_id)
                .distinct()
                .load(c)
        })?;
        let rows: Vec<(ReminderRow, String)> = both!(cx.conn(), |c| {
            reminders::table
                .inner_join(
                    milestones::table.on(milestones::workspace_id
                        .eq(reminders::workspace_id)
                        .and(milestones::id.eq(reminders::milestone_id))),
                )
                .filter(reminders::workspace_id.eq(workspace))
                .filter(reminders::deal_id.eq_any(in_deals))
                .filter(reminders::occasion.is_not_null())
                .select((ReminderRow::as_select(), milestones::title))
                .load(c)
        })?;
        for (row, title) in rows {
            if row.occasion.as_ref().is_some_and(|occasion| wanted.contains(occasion)) {
                found.push((row.record()?, title));
            }
        }
    }
    Ok(found)
}

/// What was recorded as missed or refused from an instant on.
pub fn refused_since(cx: &mut Cx<'_>, from: Timestamp) -> Result<Vec<Listed>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(ReminderRow, String, String)> = both!(cx.conn(), |c| {
        in_deals!()
            .filter(reminders::workspace_id.eq(workspace))
            .filter(reminders::state.eq_any([State::Missed, State::Refused]))
            .filter(reminders::planned_at.ge(At(from)))
            .select((ReminderRow::as_select(), milestones::title, deals::title))
            .load(c)
    })?;
    rows.into_iter()
        .map(|(row, milestone, deal)| {
            Ok(Listed { record: row.record()?, milestone, deal, status: None, why: None })
        })
        .collect()
}
