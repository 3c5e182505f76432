//! What the clock does: plans what is due, takes back what is no longer so, and notes when to look again.

use std::collections::HashMap;

use jiff::Timestamp;

use super::carry_out::carry_out;
use super::rules::{self, Item, Plan};
use super::scene::{facts, set_up};
use super::store::{self, shown};
use super::take_back::{Reworded, take_back};
use super::view::{self, ReminderView};
use crate::deals::deal;
use crate::delivery::cards;
use crate::delivery::outbox::ops::is_clock_in_doubt;
use crate::delivery::settings::ops::EditSettings;
use crate::delivery::settings::{self, Settings, Stored};
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, No, Refusal};
use crate::workspace::access::{Require, Role, Verb};
use crate::workspace::member::{self, Member, MemberStatus};

/// What one look of the clock did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attended {
    /// Deals that were looked at. When it is any, there may be more.
    pub deals: usize,
    /// Messages that were put into the outbox or into digests.
    pub messages: usize,
    /// Reminders that were recorded as missed or refused.
    pub unsent: usize,
    /// Messages that were taken back.
    pub withdrawn: usize,
}

/// Looks at deals with milestones whose time has come: at as many as have `limit` (64 is a good number) such milestones
/// together, each deal whole, so that nobody waits for long until they may write. Safe to run anywhere, any number of times,
/// at once. With nothing due it costs one look into an index.
pub fn attend(cx: &mut Cx<'_>, limit: usize) -> Result<Attended, No> {
    let deals = store::hold_due(cx, limit)?;
    if deals.is_empty() {
        return Ok(Attended::default());
    }
    attend_to(cx, &deals)
}

/// A milestone or its deal changed: what waits and is no longer so is taken back in this transaction, and what remains of
/// it is planned anew: at once, or, while the clock is in doubt, when somebody has looked at it. Called by every verb that
/// changes a deal, at its end, while it holds the deal.
pub(in crate::deals) fn changed(cx: &mut Cx<'_>, deal: DealId) -> Result<(), No> {
    cards::ops::behind(cx, cards::Kind::Deal, deal.0)?;
    if store::waits(cx, deal)? {
        anew(cx, &[deal])?;
    }
    Ok(())
}

/// Words that reminders repeat changed: what waits with the old ones is taken back in this transaction and comes again with
/// the next sweep. Not before: only then it is known who wrote the new ones. Instead of [`changed`].
pub(in crate::deals) fn reworded(cx: &mut Cx<'_>, deal: DealId, what: Reworded) -> Result<(), No> {
    cards::ops::behind(cx, cards::Kind::Deal, deal.0)?;
    if store::waits(cx, deal)? {
        let (scene, mut cases) = set_up(cx, &[deal])?;
        take_back(cx, &scene, &mut cases, what)?;
    }
    Ok(store::look_soon(cx, deal)?)
}

/// Takes back what is no longer so, and plans anew what may be planned now.
fn anew(cx: &mut Cx<'_>, deals: &[DealId]) -> Result<(), No> {
    if !is_clock_in_doubt(cx)? {
        attend_to(cx, deals)?;
        return Ok(());
    }
    let (scene, mut cases) = set_up(cx, deals)?;
    take_back(cx, &scene, &mut cases, Reworded::Nothing)?;
    let first = |item: &Item| (item.id, rules::first_look(Some(item.due_on), item.lead, Some(item.lapses_at)));
    let looks: Vec<_> = cases.iter().flat_map(|case| &case.items).map(first).collect();
    store::look_next(cx, &looks)?;
    Ok(())
}

/// Changes a member, and looks again at what they own or answer for: what waits for somebody who is out of service now
/// goes to who is there.
pub fn change_member(cx: &mut Cx<'_>, id: MemberId, role: Role, status: MemberStatus) -> Result<Member, No> {
    let member = member::ops::change(cx, id, role, status)?;
    store::look_soon_for(cx, id)?;
    Ok(member)
}

/// Changes settings. Where they say whom reminders and escalations reach, everything is looked at again: what waits and is
/// not wanted any more is taken back, and what is overdue takes the new path.
pub fn change_settings(cx: &mut Cx<'_>, cmd: &EditSettings) -> Result<Stored, No> {
    let before = settings::store::find(cx)?.settings;
    let stored = settings::ops::edit(cx, cmd)?;
    let whom = |of: &Settings| {
        (of.reminders_to_contacts, of.escalation_path.clone(), of.escalate_after_hours, of.team_channel.clone())
    };
    if whom(&before) != whom(&stored.settings) {
        store::look_soon_everywhere(cx)?;
    }
    Ok(stored)
}

/// The clock went back: what was told, missed or refused in what is now the future is looked at again. What did not leave
/// and is not so by the right clock is taken back, so this comes before the outbox mends what waits. Safe to repeat.
pub fn after_clock_went_back(cx: &mut Cx<'_>) -> Result<(), No> {
    for id in store::planned_ahead(cx)? {
        // Held as by everybody who changes what is planned of it.
        if deal::store::hold(cx, id)?.is_some() {
            anew(cx, &[id])?;
        }
    }
    Ok(())
}

fn attend_to(cx: &mut Cx<'_>, deals: &[DealId]) -> Result<Attended, No> {
    let (scene, mut cases) = set_up(cx, deals)?;
    let mut done = Attended { deals: deals.len(), ..Attended::default() };
    done.withdrawn = take_back(cx, &scene, &mut cases, Reworded::Nothing)?;
    let plans: Vec<Plan> = cases.iter().map(|case| rules::plan(&facts(case, &scene))).collect();
    carry_out(cx, &scene, &mut cases, &plans, &mut done)?;
    let looks: HashMap<MilestoneId, Option<Timestamp>> =
        plans.iter().flat_map(|plan| plan.looks.iter().copied()).collect();
    let before: HashMap<MilestoneId, Option<Timestamp>> =
        cases.iter().flat_map(|c| &c.milestones).map(|m| (m.id, m.attend_at.map(|at| at.0))).collect();
    let moved: Vec<_> =
        looks.iter().filter(|(id, at)| before.get(*id) != Some(*at)).map(|(id, at)| (*id, *at)).collect();
    store::look_next(cx, &moved)?;
    let known: Vec<MilestoneId> = looks.into_keys().collect();
    store::forget_others(cx, deals, &known)?;
    Ok(done)
}

/// Which recorded reminders to list. Without a deal: all.
#[derive(Clone, Debug, Default)]
pub struct ListReminders {
    pub deal_id: Option<DealId>,
    pub ask: Ask,
}

/// Every reminder that was planned, and what became of it: those to come and the latest first.
pub fn list(cx: &mut Cx<'_>, cmd: &ListReminders) -> Result<Page<ReminderView>, No> {
    cx.require(Verb::ReadDeliveries)?;
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let before = cmd.ask.after().map_err(|p| vec![p])?;
    if let Some(id) = cmd.deal_id {
        deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let rows = shown::list(cx, &shown::Wanted { deal: cmd.deal_id, before, limit })?;
    let page = Page::cut(rows, limit, |listed| {
        let key = &listed.record.key;
        (listed.record.at, key.milestone.0, key.kind.to_string(), key.recipient.to_string())
    });
    view::views(cx, page)
}
