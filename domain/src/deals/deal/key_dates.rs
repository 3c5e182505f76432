//! Changing a deal's key dates: planned, shown, then applied whole or not at all.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cascade::{Cascade, Conflict, Dated, Kept, Moved, cascade};
use super::ops::subject;
use super::store::PlanRow;
use super::{Dating, Deal, DealStatus, Event, KeyDates, Moving, intake, store};
use crate::deals::milestone::rules::lapses_at;
use crate::deals::milestone::{self, Milestone};
use crate::deals::{followup, reminder};
use crate::kernel::id::{DealId, MilestoneId, PlanId};
use crate::kernel::way::Way;
use crate::kernel::{Code, Cx, Fault, No, Problem, Refusal, time};
use crate::words;
use crate::workspace::access::{Require, Verb};

/// How long a preview can be applied. Hours.
const KEPT_HOURS: i64 = 24;

words! {
    pub enum PlanKind { Change = "change", Undo = "undo" }
}

words! {
    /// Whose word it is that somebody was asked before a change was applied.
    pub enum Confirmation {
        /// An agent's client program says that the person at it said yes. It proves no person.
        Client = "client",
    }
}

/// What would happen, and the token that makes it happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Preview {
    /// Give this to `key_dates_apply`.
    pub plan_token: PlanId,
    pub deal_id: DealId,
    pub deal_title: String,
    /// The key dates that change, as they are.
    #[schemars(with = "BTreeMap<String, Option<String>>")]
    pub before: BTreeMap<String, Option<Date>>,
    /// The key dates that change, as they would be.
    #[schemars(with = "BTreeMap<String, Option<String>>")]
    pub after: BTreeMap<String, Option<Date>>,
    /// Milestones that get another date.
    pub changes: Vec<Change>,
    /// Milestones that would move by their rule but are pinned, completed or waived.
    pub kept: Vec<Kept>,
    /// Open milestones whose date stays and is now out of order.
    pub conflicts: Vec<Conflict>,
    /// Planned messages that would be cancelled or planned anew, and approved letters that would be taken back.
    pub messages_affected: Vec<String>,
    /// Until when the token holds, as long as the deal does not change. RFC 3339 UTC.
    #[schemars(with = "String")]
    pub expires_at: jiff::Timestamp,
}

/// One milestone's move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Change {
    pub milestone_id: MilestoneId,
    pub title: String,
    /// `null` when it had no date.
    #[schemars(with = "Option<String>")]
    pub old: Option<Date>,
    /// `null` when it needs a date then.
    #[schemars(with = "Option<String>")]
    pub new: Option<Date>,
    pub flags: Vec<super::cascade::Flag>,
}

impl From<&Moved> for Change {
    fn from(moved: &Moved) -> Self {
        Self {
            milestone_id: moved.milestone_id,
            title: moved.title.clone(),
            old: moved.old,
            new: moved.new,
            flags: moved.flags.clone(),
        }
    }
}

/// A change of key dates by name; an empty or absent date takes an optional one away.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ChangeKeyDates {
    pub deal_id: DealId,
    /// New dates YYYY-MM-DD by name, such as {"closing_date": "2027-02-15"}; null removes an optional one.
    pub key_dates: BTreeMap<String, Option<String>>,
}

/// Works out what a change would do and keeps it under a token. Changes nothing of the deal.
pub fn preview(cx: &mut Cx<'_>, cmd: &ChangeKeyDates) -> Result<Preview, No> {
    cx.require(Verb::PreviewKeyDates)?;
    let changes = intake::date_changes(&cmd.key_dates)?;
    let deal = store::hold(cx, cmd.deal_id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    still_going(&deal)?;
    plan(cx, &deal, &changes)
}

fn plan(cx: &mut Cx<'_>, deal: &Deal, changes: &BTreeMap<String, Option<Date>>) -> Result<Preview, No> {
    let milestones = milestone::store::of_deal(cx, deal.id)?;
    let today = time::today(cx.now(), &deal.zone());
    let plan = cascade(&deal.key_dates, changes, &dated(&milestones), today)?;
    store::delete_expired_plans(cx)?;
    let token = keep(cx, deal.id, PlanKind::Change, deal.version, &plan)?;
    let moves: Vec<(MilestoneId, Option<Date>)> =
        plan.changes.iter().map(|moved| (moved.milestone_id, moved.new)).collect();
    let mut preview = shown(deal, token, &plan, expiry(cx));
    preview.messages_affected = reminder::take_back::affected(cx, deal.id, &moves)?;
    let then = moved(milestones, &plan, &deal.zone());
    preview.messages_affected.extend(followup::take_back::affected(cx, deal.id, &plan.after, then)?);
    Ok(preview)
}

/// All of the milestones, as the plan leaves them.
fn moved(mut milestones: Vec<Milestone>, plan: &Cascade, zone: &TimeZone) -> Vec<Milestone> {
    let planned = plan.planned();
    for m in &mut milestones {
        let Some((due_on, origin)) = planned.get(&m.id) else { continue };
        m.due_on = *due_on;
        m.lapses_at = due_on.map(|date| lapses_at(date, zone));
        m.origin = (*origin).clone();
        m.version += 1;
    }
    milestones
}

fn still_going(deal: &Deal) -> Result<(), Refusal> {
    match deal.status {
        DealStatus::Draft | DealStatus::Active => Ok(()),
        ended => Err(Refusal::new(
            Code::WrongState,
            format!("The deal is {ended}, so its key dates cannot change. Nothing was changed."),
            "Create a new deal if the transaction goes on.",
        )),
    }
}

fn keep(
    cx: &mut Cx<'_>,
    deal_id: DealId,
    kind: PlanKind,
    deal_version: i64,
    plan: &Cascade,
) -> Result<PlanId, No> {
    let row = PlanRow {
        workspace_id: cx.workspace(),
        id: PlanId(cx.mint()),
        deal_id,
        kind,
        deal_version,
        body: serde_json::to_string(plan).map_err(|error| Fault::Corrupt(error.to_string()))?,
        made_by: cx.actor().name.clone(),
        made_at: cx.now().into(),
        expires_at: expiry(cx).into(),
        applied_at: None,
    };
    let id = row.id;
    store::insert_plan(cx, row)?;
    Ok(id)
}

fn expiry(cx: &Cx<'_>) -> jiff::Timestamp {
    cx.now() + SignedDuration::from_hours(KEPT_HOURS)
}

fn shown(deal: &Deal, token: PlanId, plan: &Cascade, expires_at: jiff::Timestamp) -> Preview {
    let (before, after) = differing(plan);
    Preview {
        plan_token: token,
        deal_id: deal.id,
        deal_title: deal.title.clone(),
        before,
        after,
        changes: plan.changes.iter().map(Change::from).collect(),
        kept: plan.kept.clone(),
        conflicts: plan.conflicts.clone(),
        messages_affected: Vec::new(),
        expires_at,
    }
}

type Dates = BTreeMap<String, Option<Date>>;

/// The key dates that a plan changes, as they are before it and after it.
fn differing(plan: &Cascade) -> (Dates, Dates) {
    let names = plan.before.keys().chain(plan.after.keys());
    let differ: Vec<&String> = names.filter(|name| plan.before.get(*name) != plan.after.get(*name)).collect();
    let of = |dates: &KeyDates| differ.iter().map(|name| ((*name).clone(), dates.get(*name).copied())).collect();
    (of(&plan.before), of(&plan.after))
}

/// What came of applying a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    Now {
        deal_id: DealId,
        /// Whether it took an earlier change back.
        #[serde(default)]
        undo: bool,
        /// The key dates that changed, as they were.
        #[serde(default)]
        before: Dates,
        /// The same, as they are now.
        #[serde(default)]
        after: Dates,
        applied: Vec<Change>,
        kept: Vec<Kept>,
        /// Applying this restores everything, as long as the deal does not change.
        undo_token: PlanId,
    },
    /// It was applied before; nothing was changed now.
    Already { deal_id: DealId },
    /// The deal changed since. Nothing was applied; here is the plan as it would be now.
    Stale { fresh: Box<Preview> },
}

impl Applied {
    /// A stale plan as the refusal that everybody is told, the fresh preview in its details.
    pub fn or_refuse(self) -> Result<Self, Refusal> {
        let Self::Stale { fresh } = self else { return Ok(self) };
        Err(Refusal {
            details: serde_json::to_value(&fresh).ok(),
            ..Refusal::new(
                Code::Stale,
                "The deal changed since this preview, so nothing was applied. A fresh preview is in the details.",
                format!("Look at the fresh preview, then apply its plan_token {}.", fresh.plan_token),
            )
        })
    }
}

/// What a plan would do, in short: for a question before it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    pub deal_title: String,
    /// The key dates that change: as they are, and as they would be.
    pub before: Dates,
    pub after: Dates,
    /// How many milestones move, and how many would by their rule but stay.
    pub moved: usize,
    pub kept: usize,
    /// The deal's own today.
    pub today: Date,
}

/// The outline of a plan that can be applied; nothing for one that is gone, was applied, or does not fit its deal any more:
/// applying that says so.
pub fn outline(cx: &mut Cx<'_>, token: PlanId) -> Result<Option<Outline>, No> {
    cx.require(Verb::ApplyKeyDates)?;
    let Some(row) = store::find_plan(cx, token)? else { return Ok(None) };
    let Some(deal) = store::find(cx, row.deal_id)? else { return Ok(None) };
    let gone = row.applied_at.is_some() || row.expires_at.0 <= cx.now() || row.deal_version != deal.version;
    if gone || still_going(&deal).is_err() {
        return Ok(None);
    }
    let plan: Cascade = serde_json::from_str(&row.body).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let (before, after) = differing(&plan);
    let today = time::today(cx.now(), &deal.zone());
    let (moved, kept) = (plan.changes.len(), plan.kept.len());
    Ok(Some(Outline { deal_title: deal.title, before, after, moved, kept, today }))
}

/// Makes a previewed change. A plan whose deal has changed since is not applied but planned anew.
pub fn apply(cx: &mut Cx<'_>, token: PlanId) -> Result<Applied, No> {
    apply_confirmed(cx, token, None)
}

/// As [`apply`]; the log says whose word it is that somebody was asked.
pub fn apply_confirmed(cx: &mut Cx<'_>, token: PlanId, confirmed: Option<Confirmation>) -> Result<Applied, No> {
    cx.require(Verb::ApplyKeyDates)?;
    let gone = || {
        let next = "Preview the change again.".into();
        Way::ChangeKeyDates.on_from(Refusal { next, ..Refusal::not_found("plan") })
    };
    let found = store::find_plan(cx, token)?.ok_or_else(gone)?;
    let deal = store::hold(cx, found.deal_id)?.ok_or_else(gone)?;
    // Somebody may have applied it while we waited for the deal.
    let row = store::find_plan(cx, token)?.ok_or_else(gone)?;
    if row.applied_at.is_some() {
        return Ok(Applied::Already { deal_id: deal.id });
    }
    if row.expires_at.0 <= cx.now() {
        return Err(gone().into());
    }
    still_going(&deal)?;
    let plan: Cascade = serde_json::from_str(&row.body).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let milestones = milestone::store::of_deal(cx, deal.id)?;
    if row.deal_version != deal.version || !plan.still_fits(&deal.key_dates, &dated(&milestones)) {
        return stale(cx, &row, &deal, &plan);
    }
    carry_out(cx, &row, deal, milestones, &plan, confirmed)
}

/// The newest change of a deal's key dates that can still be taken back.
pub fn latest_undo(cx: &mut Cx<'_>, id: DealId) -> Result<Option<PlanId>, No> {
    cx.require(Verb::ApplyKeyDates)?;
    store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    Ok(store::latest_undo(cx, id)?)
}

fn stale(cx: &mut Cx<'_>, row: &PlanRow, deal: &Deal, old: &Cascade) -> Result<Applied, No> {
    if row.kind == PlanKind::Undo {
        let refusal = Refusal::new(
            Code::Stale,
            "The deal changed since, so this change of dates cannot be undone as a whole. Nothing was changed.",
            "Preview the old key dates as a new change.",
        );
        return Err(Way::ChangeKeyDates.on_from(refusal).into());
    }
    let names = old.before.keys().chain(old.after.keys());
    let changes: BTreeMap<String, Option<Date>> = names
        .filter(|name| old.before.get(*name) != old.after.get(*name))
        .map(|name| (name.clone(), old.after.get(name).copied()))
        // What is so already, or gone already, needs no change any more.
        .filter(|(name, date)| deal.key_dates.get(name).copied() != *date)
        .collect();
    if changes.is_empty() {
        let sentence = "these are already the dates: somebody changed them since the preview.";
        return Err(vec![Problem::new("key_dates", sentence)].into());
    }
    Ok(Applied::Stale { fresh: Box::new(plan(cx, deal, &changes)?) })
}

fn carry_out(
    cx: &mut Cx<'_>,
    row: &PlanRow,
    deal: Deal,
    milestones: Vec<Milestone>,
    plan: &Cascade,
    confirmed: Option<Confirmation>,
) -> Result<Applied, No> {
    let zone = deal.zone();
    let touched = plan.planned();
    for m in moved(milestones, plan, &zone).into_iter().filter(|m| touched.contains_key(&m.id)) {
        if !milestone::store::update(cx, &m)? {
            return Err(Refusal::stale("milestone", m.version - 1, m.version).into());
        }
    }
    store::replace_key_dates(cx, deal.id, &plan.after)?;
    let version = store::update(cx, &deal)?;
    reminder::ops::changed(cx, deal.id)?;
    store::mark_applied(cx, row.id)?;
    let inverse = plan.inverse(time::today(cx.now(), &zone));
    let undo_token = keep(cx, deal.id, PlanKind::Undo, version, &inverse)?;
    let event = Event::KeyDatesChanged {
        plan: row.id,
        undo: row.kind == PlanKind::Undo,
        confirmed,
        before: plan.before.clone(),
        after: plan.after.clone(),
        moved: plan
            .changes
            .iter()
            .map(|m| Moving { id: m.milestone_id, title: m.title.clone(), old: m.old, new: m.new })
            .collect(),
        kept: plan
            .kept
            .iter()
            .map(|k| Dating { id: k.milestone_id, title: k.title.clone(), due_on: k.due_on })
            .collect(),
    };
    cx.record(subject(deal.id), &event)?;
    followup::take_back::changed(cx, deal.id, followup::take_back::DATES_MOVED)?;
    let (before, after) = differing(plan);
    Ok(Applied::Now {
        deal_id: deal.id,
        undo: row.kind == PlanKind::Undo,
        before,
        after,
        applied: plan.changes.iter().map(Change::from).collect(),
        kept: plan.kept.clone(),
        undo_token,
    })
}

fn dated(milestones: &[Milestone]) -> Vec<Dated> {
    milestones
        .iter()
        .map(|m| Dated {
            id: m.id,
            title: m.title.clone(),
            state: m.state.clone(),
            pinned: m.pinned,
            due_on: m.due_on,
            origin: m.origin.clone(),
            rule: m.rule.clone(),
        })
        .collect()
}
