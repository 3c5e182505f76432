//! Looking at a workspace, or at one deal, as somebody who begins the day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use uuid::Uuid;

use super::rules::{self, Duty};
use super::{Briefing, Item, Kind, Section, Urgency};
use crate::assist::draft::{self, DraftState};
use crate::deals::deal::{self, CLOSING_DATE, Deal, DealStatus, PartyRole};
use crate::deals::milestone::{self, Milestone, MilestoneStatus, Origin};
use crate::delivery::outbox::{self, waiting};
use crate::kernel::id::{DealId, DraftId, MemberId};
use crate::kernel::{Cx, No, Problem, Refusal, time};
use crate::people::contact;
use crate::workspace::access::rules::allows;
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::{self, ops as approvals};
use crate::workspace::{member, tenant};

/// Things of one section that are shown.
const MOST: usize = 8;
/// Deals about to close that are looked into; of more than these the last are only counted.
const LOOKED_INTO: i64 = 40;
/// Open milestones of a deal that are named.
const NAMED: usize = 3;
/// People that are named for one thing.
const ASKED: usize = 4;
/// For how long what did not get through stays on the list.
const UNDELIVERED: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Days ahead when nothing is said, and at most.
const USUAL_DAYS: i32 = 7;
const MOST_DAYS: i32 = 30;

/// Which part of the workspace.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskBriefing {
    /// Only this deal.
    pub deal_id: Option<DealId>,
    /// How many days ahead; 1 to 30, 7 when left out.
    pub days: Option<i32>,
}

/// What needs attention: the most urgent first, a few of each section, and how many more there are. What the caller may not
/// read is not on it.
pub fn briefing(cx: &mut Cx<'_>, cmd: &AskBriefing) -> Result<Briefing, No> {
    cx.require(Verb::ReadDeals)?;
    let days = cmd.days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(vec![Problem::new("days", format!("is not between 1 and {MOST_DAYS}."))].into());
    }
    let one = match cmd.deal_id {
        Some(id) => Some(deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?),
        None => None,
    };
    let zone_name = match &one {
        Some(deal) => deal.time_zone.clone(),
        None => tenant::store::find(cx)?.ok_or_else(|| Refusal::not_found("workspace"))?.time_zone,
    };
    let zone = time::zone(&zone_name);
    let today = time::today(cx.now(), &zone);
    let mut day = Day { of: cmd.deal_id, today, zone, items: Vec::new(), totals: BTreeMap::new() };
    let powers = cx.principal().powers;
    // Of a deal that is over, or not begun, nobody is waiting for a milestone.
    if one.as_ref().is_none_or(|deal| deal.status == DealStatus::Active) {
        let until = today.checked_add(Span::new().days(days)).unwrap_or(today);
        day.milestones(cx, until)?;
        day.closings(cx, one.as_ref())?;
    }
    if allows(powers, Verb::ReadDeliveries) {
        day.dispatch(cx)?;
        day.deliveries(cx)?;
    }
    if allows(powers, Verb::ReadApprovals) {
        day.approvals(cx)?;
    }
    if allows(powers, Verb::ReadDrafts) {
        day.letters(cx)?;
    }
    rules::sort(&mut day.items);
    let mut left_out = day.totals.clone();
    for item in &day.items {
        left_out.entry(item.section).and_modify(|left| *left -= 1);
    }
    left_out.retain(|_, left| *left > 0);
    Ok(Briefing {
        as_of: cx.now(),
        today,
        time_zone: zone_name,
        summary: rules::summary(&day.totals),
        items: day.items,
        left_out,
    })
}

/// A day's list while it is made.
struct Day {
    of: Option<DealId>,
    today: Date,
    zone: TimeZone,
    items: Vec<Item>,
    /// How much there is of each section, shown or not.
    totals: BTreeMap<Section, i64>,
}

const OPEN: [MilestoneStatus; 3] =
    [MilestoneStatus::Upcoming, MilestoneStatus::Scheduled, MilestoneStatus::InProgress];

impl Day {
    fn milestones(&mut self, cx: &mut Cx<'_>, until: Date) -> Result<(), No> {
        let limit = MOST as i64 - 1;
        let any = milestone::store::Wanted { deal: self.of, limit, ..milestone::store::Wanted::default() };
        let overdue = milestone::store::Wanted {
            status: vec![MilestoneStatus::Overdue],
            due_to: Some(self.today),
            ..any.clone()
        };
        let due = milestone::store::Wanted { status: OPEN.to_vec(), due_to: Some(until), ..any.clone() };
        let undated = milestone::store::Wanted { status: OPEN.to_vec(), undated: true, ..any };
        for (section, wanted) in [(Section::Overdue, overdue), (Section::Due, due), (Section::NeedsDate, undated)]
        {
            let found = milestone::store::list(cx, &wanted)?;
            let shown = i64::try_from(found.len()).unwrap_or(0);
            let all = if found.len() < MOST { shown } else { milestone::store::count(cx, &wanted)? };
            self.totals.insert(section, all);
            let people = People::of(cx, &found)?;
            for m in found {
                let deal = people.deals.get(&m.deal_id);
                // Its own day, wherever whoever reads this is.
                let today = deal.map_or(self.today, |deal| time::today(cx.now(), &deal.zone()));
                let duty = Duty { required: m.required, responsible: m.responsible };
                let (urgency, why) = match (section, m.due_on) {
                    (Section::Overdue, Some(on)) => rules::overdue(on, today, duty),
                    (_, Some(on)) => rules::due(on, today, duty),
                    (_, None) => rules::needs_date(absent(&m), duty),
                };
                self.items.push(Item {
                    section,
                    urgency,
                    kind: Kind::Milestone,
                    id: m.id.0,
                    ask: people.asked(&m),
                    title: m.title,
                    deal_id: Some(m.deal_id),
                    deal_title: deal.map(|deal| deal.title.clone()),
                    due_on: m.due_on,
                    why,
                    open: Vec::new(),
                    said: None,
                });
            }
        }
        Ok(())
    }

    /// Deals that close soon, or should have closed, as far as something is open on them.
    fn closings(&mut self, cx: &mut Cx<'_>, one: Option<&Deal>) -> Result<(), No> {
        let last = self.today.checked_add(Span::new().days(rules::CLOSING_DAYS)).unwrap_or(self.today);
        let (deals, more) = match one {
            Some(deal) => (vec![deal.clone()], 0),
            None => {
                let wanted = deal::store::Wanted {
                    status: vec![DealStatus::Active],
                    closing_to: Some(last),
                    limit: LOOKED_INTO - 1,
                    ..deal::store::Wanted::default()
                };
                let soonest: Vec<DealId> = deal::store::list(cx, &wanted)?.into_iter().map(|(id, _)| id).collect();
                let looked = i64::try_from(soonest.len()).unwrap_or(0);
                let more =
                    if looked < LOOKED_INTO { 0 } else { deal::store::count(cx, &wanted.status, last)? - looked };
                (deal::store::find_many(cx, &soonest)?, more)
            }
        };
        let (now, mut found) = (cx.now(), Vec::new());
        for deal in deals {
            let Some(on) = deal.key_dates.get(CLOSING_DATE).copied().filter(|on| *on <= last) else { continue };
            let open: Vec<Milestone> =
                milestone::store::of_deal(cx, deal.id)?.into_iter().filter(|m| m.state.is_open()).collect();
            let today = time::today(now, &deal.zone());
            if open.is_empty() && on >= today {
                continue;
            }
            let overdue = open.iter().filter(|m| m.status(now) == MilestoneStatus::Overdue).count();
            let (urgency, why) = rules::closing(on, today, open.len(), overdue);
            let owner = match deal.owner_id {
                Some(id) => member::store::find(cx, id)?,
                None => None,
            };
            found.push(Item {
                section: Section::Closing,
                urgency,
                kind: Kind::Deal,
                id: deal.id.0,
                title: deal.title,
                deal_id: Some(deal.id),
                deal_title: None,
                due_on: Some(on),
                why,
                ask: owner.map(|owner| format!("{} (owner)", owner.name)).into_iter().collect(),
                open: open.into_iter().take(NAMED).map(|m| m.title).collect(),
                said: None,
            });
        }
        self.totals.insert(Section::Closing, i64::try_from(found.len()).unwrap_or(0) + more);
        found.sort_by_key(|item| item.due_on);
        found.truncate(MOST);
        self.items.extend(found);
        Ok(())
    }

    fn dispatch(&mut self, cx: &mut Cx<'_>) -> Result<(), No> {
        let dispatch = outbox::ops::dispatch(cx)?;
        let Some(since) = dispatch.held_since else { return Ok(()) };
        let (urgency, why) = rules::held(time::moment(since, &self.zone));
        self.totals.insert(Section::Held, 1);
        self.items.push(Item {
            urgency,
            why,
            said: dispatch.held_why,
            ..plain(Section::Held, Kind::Workspace, cx.workspace().0, "Messages are held".into())
        });
        Ok(())
    }

    fn deliveries(&mut self, cx: &mut Cx<'_>) -> Result<(), No> {
        let since = cx.now() - UNDELIVERED;
        let found = waiting::undelivered(cx, since, self.of, MOST as i64)?;
        let shown = i64::try_from(found.len()).unwrap_or(0);
        let all = if found.len() < MOST { shown } else { waiting::count_undelivered(cx, since, self.of)? };
        self.totals.insert(Section::NotDelivered, all);
        let deals: Vec<DealId> = found.iter().filter_map(|m| m.deal_id).collect();
        let titles = deal::store::titles(cx, &deals)?;
        for m in found {
            let at = m.settled_at.map(|at| time::moment(at, &self.zone));
            let (urgency, why) = rules::not_delivered(m.status, m.channel, m.to, at);
            self.items.push(Item {
                urgency,
                why,
                deal_id: m.deal_id,
                deal_title: m.deal_id.and_then(|id| titles.get(&id).cloned()),
                ..plain(Section::NotDelivered, Kind::Delivery, m.id.0, m.content.subject)
            });
        }
        Ok(())
    }

    fn approvals(&mut self, cx: &mut Cx<'_>) -> Result<(), No> {
        // The longest waiting first, whichever stand on a deal.
        let of_deal = match self.of {
            Some(id) => {
                let waiting = draft::store::of_deal(cx, id, &[DraftState::InReview, DraftState::Blocked])?;
                Some(waiting.into_iter().filter_map(|draft| draft.approval_id).collect::<Vec<_>>())
            }
            None => None,
        };
        let (found, all) = approvals::waiting(cx, of_deal.as_deref(), MOST)?;
        self.totals.insert(Section::WaitsForYes, all);
        let about =
            |a: &approval::view::ApprovalView| (a.subject_kind == "draft").then_some(DraftId(a.subject_id));
        let letters = draft::store::written(cx, &found.iter().filter_map(about).collect::<Vec<_>>())?;
        let titles = deal::store::titles(cx, &letters.iter().map(|(d, _)| d.deal_id).collect::<Vec<_>>())?;
        for a in found {
            let (urgency, why) = rules::waits(a.opened_at, a.due_at, cx.now(), &self.zone);
            let deal = about(&a).and_then(|id| letters.iter().find(|(d, _)| d.id == id)).map(|(d, _)| d.deal_id);
            self.items.push(Item {
                urgency,
                why,
                deal_id: deal,
                deal_title: deal.and_then(|id| titles.get(&id).cloned()),
                ask: named(a.waiting_for.into_iter().map(|named| named.name).collect()),
                ..plain(Section::WaitsForYes, Kind::Approval, a.id.0, a.title)
            });
        }
        Ok(())
    }

    fn letters(&mut self, cx: &mut Cx<'_>) -> Result<(), No> {
        let states = vec![DraftState::Blocked, DraftState::Waiting, DraftState::Writing];
        let wanted = draft::store::Wanted { deal: self.of, states, before: None, limit: MOST as i64 - 1 };
        let found = draft::store::list(cx, &wanted)?;
        let shown = i64::try_from(found.len()).unwrap_or(0);
        let all = if found.len() < MOST { shown } else { draft::store::count(cx, &wanted)? };
        self.totals.insert(Section::Letter, all);
        let words = draft::store::written(cx, &found.iter().map(|draft| draft.id).collect::<Vec<_>>())?;
        let titles = deal::store::titles(cx, &found.iter().map(|draft| draft.deal_id).collect::<Vec<_>>())?;
        for draft in found {
            let newest = words.iter().find(|(written, _)| written.id == draft.id).map(|(_, newest)| newest);
            let blocking = newest.map_or(0, |newest| newest.findings.iter().filter(|f| f.blocks).count());
            let (urgency, why) = rules::letter(draft.state, blocking);
            let title = match newest {
                Some(newest) => newest.words.subject.clone(),
                None => rules::unwritten(draft.kind, &draft.recipient_role),
            };
            self.items.push(Item {
                urgency,
                why,
                deal_id: Some(draft.deal_id),
                deal_title: titles.get(&draft.deal_id).cloned(),
                ..plain(Section::Letter, Kind::Draft, draft.id.0, title)
            });
        }
        Ok(())
    }
}

fn plain(section: Section, kind: Kind, id: Uuid, title: String) -> Item {
    Item {
        section,
        urgency: Urgency::Soon,
        kind,
        id,
        title,
        deal_id: None,
        deal_title: None,
        due_on: None,
        why: String::new(),
        ask: Vec::new(),
        open: Vec::new(),
        said: None,
    }
}

/// The key dates that are absent.
fn absent(m: &Milestone) -> &[String] {
    match &m.origin {
        Origin::NeedsDate(undated) => &undated.absent,
        _ => &[],
    }
}

/// The first of them, and how many more there are.
fn named(mut all: Vec<String>) -> Vec<String> {
    if all.len() > ASKED {
        let more = all.len() - ASKED;
        all.truncate(ASKED);
        all.push(format!("and {more} more"));
    }
    all
}

/// Who answers for milestones, and to whom their deals belong.
struct People {
    deals: HashMap<DealId, Deal>,
    members: HashMap<MemberId, String>,
    parties: HashMap<(DealId, PartyRole), Vec<String>>,
}

impl People {
    fn of(cx: &mut Cx<'_>, milestones: &[Milestone]) -> Result<Self, No> {
        let ids: BTreeSet<DealId> = milestones.iter().map(|m| m.deal_id).collect();
        let found = deal::store::find_many(cx, &ids.iter().copied().collect::<Vec<_>>())?;
        let deals: HashMap<DealId, Deal> = found.into_iter().map(|deal| (deal.id, deal)).collect();
        let owners = deals.values().filter_map(|deal| deal.owner_id);
        let all: BTreeSet<MemberId> =
            owners.chain(milestones.iter().filter_map(|m| m.responsible_member)).collect();
        let mut members = HashMap::new();
        for id in all {
            if let Some(member) = member::store::find(cx, id)? {
                members.insert(id, member.name);
            }
        }
        let mut parties: HashMap<(DealId, PartyRole), Vec<String>> = HashMap::new();
        for id in ids {
            let on_it = deal::store::parties(cx, id)?;
            let contacts =
                contact::store::of_ids(cx, &on_it.iter().map(|party| party.contact_id).collect::<Vec<_>>())?;
            for party in on_it {
                let name = contacts.iter().find(|contact| contact.id == party.contact_id).map(|c| c.name.clone());
                parties.entry((id, party.role)).or_default().extend(name);
            }
        }
        Ok(Self { deals, members, parties })
    }

    /// Whoever answers for it, then the deal's owner.
    fn asked(&self, m: &Milestone) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let member = |id: Option<MemberId>| id.and_then(|id| self.members.get(&id));
        all.extend(member(m.responsible_member).map(|name| format!("{name} (responsible)")));
        if let Some(role) = m.responsible.role() {
            let names = self.parties.get(&(m.deal_id, role)).map(Vec::as_slice).unwrap_or_default();
            all.extend(names.iter().map(|name| format!("{name} ({})", role.as_str().replace('_', " "))));
        }
        let owner = self.deals.get(&m.deal_id).and_then(|deal| deal.owner_id);
        all.extend(member(owner.filter(|_| owner != m.responsible_member)).map(|name| format!("{name} (owner)")));
        named(all)
    }
}
