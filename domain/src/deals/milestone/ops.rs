//! Adding, editing, completing, waiving and removing milestones; listing and explaining them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{self, Step, Waiver, lapses_at};
use super::view::{self, Explanation, MilestoneView};
use super::{
    ByHand, CUSTOM, Event, Milestone, MilestoneStatus, OpenState, Origin, Responsible, State, explain, store,
};
use crate::deals::deal::rules::check_date;
use crate::deals::deal::{self, Deal, DealStatus, intake};
use crate::deals::reminder::take_back::Reworded;
use crate::deals::{followup, reminder};
use crate::kernel::event::Change;
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Code, Cx, No, Problem, Refusal, Subject, text, time};
use crate::workspace::access::{Require, Verb};
use crate::workspace::member;

const MOST_EVIDENCE: usize = 50;

fn subject(id: MilestoneId) -> Subject {
    Subject::new("milestone", id.0)
}

/// What came of a verb on a milestone that may have been done before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub milestone: MilestoneView,
    /// Set when nothing was changed, and why.
    pub already: Option<String>,
}

/// The milestone and its deal, the deal held until the transaction ends.
fn hold(cx: &mut Cx<'_>, id: MilestoneId, version: Option<i64>) -> Result<(Milestone, Deal), No> {
    let missing = || Refusal::not_found("milestone");
    let deal_id = store::find(cx, id)?.ok_or_else(missing)?.deal_id;
    let deal = deal::store::hold(cx, deal_id)?.ok_or_else(missing)?;
    // Read again: it may have changed while we waited for the deal.
    let milestone = store::find(cx, id)?.ok_or_else(missing)?;
    match version {
        Some(yours) if yours != milestone.version => {
            Err(Refusal::stale("milestone", yours, milestone.version).into())
        }
        _ => Ok((milestone, deal)),
    }
}

/// Milestones move while their deal is active; what is done can still be recorded when it is closed.
fn open_for(deal: &Deal, also_closed: bool) -> Result<(), Refusal> {
    match deal.status {
        DealStatus::Active => Ok(()),
        DealStatus::Closed if also_closed => Ok(()),
        DealStatus::Draft => Err(Refusal::new(
            Code::WrongState,
            "The deal is a draft, so it has no milestones yet. Nothing was changed.",
            "Confirm the deal first.",
        )),
        ended => Err(Refusal::new(
            Code::WrongState,
            format!("The deal is {ended}, so its milestones do not change any more. Nothing was changed."),
            "Create a new deal if the transaction goes on.",
        )),
    }
}

/// Writes the next state of a milestone and raises the deal's version with it.
fn save(cx: &mut Cx<'_>, milestone: Milestone, deal: &Deal) -> Result<MilestoneView, No> {
    let milestone = write(cx, milestone, deal)?;
    reminder::ops::changed(cx, deal.id)?;
    Ok(view::view(&milestone, &deal.title, cx.now()))
}

fn write(cx: &mut Cx<'_>, mut milestone: Milestone, deal: &Deal) -> Result<Milestone, No> {
    milestone.version += 1;
    if !store::update(cx, &milestone)? {
        return Err(Refusal::stale("milestone", milestone.version - 1, milestone.version).into());
    }
    deal::store::update(cx, deal)?;
    Ok(milestone)
}

fn unchanged(cx: &Cx<'_>, milestone: &Milestone, deal: &Deal) -> Outcome {
    Outcome {
        already: Some(explain::already(&milestone.title, &milestone.state, &deal.zone())),
        milestone: view::view(milestone, &deal.title, cx.now()),
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct CompleteMilestone {
    pub id: MilestoneId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    /// What to remember of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub note: Option<String>,
}

/// Completes a milestone, in whatever order. Completing it again changes nothing and keeps the first time.
pub fn complete(cx: &mut Cx<'_>, cmd: &CompleteMilestone) -> Result<Outcome, No> {
    cx.require(Verb::CompleteMilestone)?;
    let note =
        cmd.note.as_deref().map(|t| text::prose("note", t, text::REASON)).transpose().map_err(|p| vec![p])?;
    let (mut milestone, deal) = hold(cx, cmd.id, cmd.version)?;
    let by = cx.actor().name.clone();
    let state = match rules::complete(&milestone.state, &by, cx.now())? {
        Step::Already(_) => return Ok(unchanged(cx, &milestone, &deal)),
        Step::Now(state) => state,
    };
    open_for(&deal, true)?;
    let event = Event::Completed {
        deal_id: deal.id,
        before: milestone.state.word(),
        after: state.word(),
        days_late: days_late(milestone.due_on, time::today(cx.now(), &deal.zone())),
        note: note.filter(|note| !note.is_empty()),
    };
    milestone.state = state;
    let milestone = save(cx, milestone, &deal)?;
    cx.record(subject(cmd.id), &event)?;
    followup::ops::completed(cx, &deal, cmd.id)?;
    Ok(Outcome { milestone, already: None })
}

/// Civil days after the due date; 0 when in time or without a date.
pub(crate) fn days_late(due_on: Option<Date>, today: Date) -> i32 {
    let late = due_on.and_then(|due_on| due_on.until((jiff::Unit::Day, today)).ok());
    late.map_or(0, |span| span.get_days().max(0))
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct WaiveMilestone {
    pub id: MilestoneId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    /// Why it is not needed. A required milestone is only waived with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}

/// Does without a milestone.
pub fn waive(cx: &mut Cx<'_>, cmd: &WaiveMilestone) -> Result<Outcome, No> {
    cx.require(Verb::WaiveMilestone)?;
    let reason = reason(cmd.reason.as_deref())?;
    let (mut milestone, deal) = hold(cx, cmd.id, cmd.version)?;
    let by = cx.actor().name.clone();
    let waiver = Waiver { required: milestone.required, reason: reason.as_deref(), by: &by, at: cx.now() };
    let state = match rules::waive(&milestone.state, waiver)? {
        Step::Already(_) => return Ok(unchanged(cx, &milestone, &deal)),
        Step::Now(state) => state,
    };
    open_for(&deal, true)?;
    let event = Event::Waived { deal_id: deal.id, before: milestone.state.word(), after: state.word(), reason };
    milestone.state = state;
    let milestone = save(cx, milestone, &deal)?;
    cx.record(subject(cmd.id), &event)?;
    Ok(Outcome { milestone, already: None })
}

fn reason(given: Option<&str>) -> Result<Option<String>, No> {
    let checked = given.map(|t| text::prose("reason", t, rules::MAX_REASON)).transpose().map_err(|p| vec![p])?;
    Ok(checked.filter(|reason| !reason.is_empty()))
}

/// A milestone of the team's own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct AddMilestone {
    pub deal_id: DealId,
    pub title: String,
    /// YYYY-MM-DD in the deal's zone.
    pub due_on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Responsible")]
    pub responsible_role: Option<String>,
    /// Days before the due date, 0 to 365; 2 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub remind_days_before: Option<i32>,
    /// Whether waiving it takes a reason; true when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub required: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub notes: Option<String>,
}

pub fn add(cx: &mut Cx<'_>, cmd: &AddMilestone) -> Result<Outcome, No> {
    cx.require(Verb::AddMilestone)?;
    let mut read = Reading::default();
    let title = read.keep(text::line("title", &cmd.title, text::TITLE));
    let due_on = read.date(&cmd.due_on);
    let responsible = match &cmd.responsible_role {
        Some(role) => read.keep(intake::word("responsible_role", role)),
        None => Some(Responsible::All),
    };
    let remind = read.lead(cmd.remind_days_before.unwrap_or(2));
    let notes = read.keep(text::prose("notes", cmd.notes.as_deref().unwrap_or_default(), text::NOTES));
    let (Some(title), Some(due_on), Some(responsible), Some(notes)) = (title, due_on, responsible, notes) else {
        return Err(read.0.into());
    };
    read.done()?;
    let deal = deal::store::hold(cx, cmd.deal_id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    open_for(&deal, false)?;
    let milestone = Milestone {
        id: MilestoneId(cx.mint()),
        deal_id: deal.id,
        type_: CUSTOM.into(),
        title,
        due_on: Some(due_on),
        lapses_at: Some(lapses_at(due_on, &deal.zone())),
        state: State::Open(OpenState::Upcoming),
        required: cmd.required.unwrap_or(true),
        responsible,
        responsible_member: None,
        remind_days_before: remind,
        notify: Vec::new(),
        notes,
        evidence: Vec::new(),
        pinned: false,
        rule: None,
        origin: Origin::ByHand(ByHand {
            by: cx.actor().name.clone(),
            at: cx.now(),
            reason: None,
            instead_of: None,
        }),
        created_at: cx.now(),
        version: 1,
    };
    store::insert(cx, &deal, std::slice::from_ref(&milestone))?;
    deal::store::update(cx, &deal)?;
    let event =
        Event::Added { deal_id: deal.id, title: milestone.title.clone(), due_on: Some(due_on), responsible };
    cx.record(subject(milestone.id), &event)?;
    Ok(Outcome { milestone: view::view(&milestone, &deal.title, cx.now()), already: None })
}

/// What may change of a milestone. What is left out stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EditMilestone {
    pub id: MilestoneId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub title: Option<String>,
    /// YYYY-MM-DD. A date that is set by hand is pinned: no change of key dates moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_on: Option<String>,
    /// true keeps the date it has; false lets the rule decide again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub pinned: Option<bool>,
    /// How far the work is: upcoming, scheduled or in_progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OpenState")]
    pub status: Option<String>,
    /// true makes a completed or waived milestone upcoming again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub reopen: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Responsible")]
    pub responsible_role: Option<String>,
    /// E-mail address of the responsible member; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub responsible_member_email: Option<String>,
    /// Days before the due date, 0 to 365; -1 turns reminders off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub remind_days_before: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub notes: Option<String>,
    /// Links that show it was done; replaces those there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub evidence: Option<Vec<String>>,
    /// Why the date is set by hand, or why it is reopened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}

impl EditMilestone {
    /// A command that changes nothing yet.
    pub fn of(id: MilestoneId) -> Self {
        Self {
            id,
            version: None,
            title: None,
            due_on: None,
            pinned: None,
            status: None,
            reopen: None,
            responsible_role: None,
            responsible_member_email: None,
            remind_days_before: None,
            notes: None,
            evidence: None,
            reason: None,
        }
    }
}

/// Edits a milestone. With `reopen` first makes it open again; the rest follows in the same transaction.
pub fn edit(cx: &mut Cx<'_>, cmd: &EditMilestone) -> Result<Outcome, No> {
    cx.require(Verb::EditMilestone)?;
    let reason = reason(cmd.reason.as_deref())?;
    let member = responsible_member(cx, cmd.responsible_member_email.as_deref())?;
    let (before, deal) = hold(cx, cmd.id, cmd.version)?;
    open_for(&deal, false)?;
    // Reopening is an event of its own; what was edited besides is told from there.
    let mut reopened = before.clone();
    if cmd.reopen == Some(true)
        && let Step::Now(state) = rules::reopen(&before.state)
    {
        reopened.state = state;
    }
    let was_reopened = reopened.state != before.state;
    let mut next = reopened.clone();
    let mut read = Reading::default();
    edit_fields(cmd, &mut next, &mut read);
    if let Some(member) = member {
        next.responsible_member = member;
    }
    edit_date(cx, cmd, &deal, &mut next, &mut read, reason.as_deref())?;
    read.done()?;
    if let Some(status) = &cmd.status {
        let to: OpenState = intake::word("status", status).map_err(|p| vec![p])?;
        if let Step::Now(state) = rules::set_open_state(&next.state, to)? {
            next.state = state;
        }
    }
    let change = Change::between(&facts(&reopened), &facts(&next));
    let confirmed = cmd.title.is_some() && before.title == next.title && confirm_title(cx, &before)?;
    if change.is_empty() && !was_reopened {
        if confirmed {
            return Ok(Outcome { milestone: view::view(&before, &deal.title, cx.now()), already: None });
        }
        let milestone = view::view(&before, &deal.title, cx.now());
        return Ok(Outcome { milestone, already: Some("It is so already. Nothing was changed.".into()) });
    }
    let (was, is) = (before.state.word(), reopened.state.word());
    if (&next.title, &next.notes) != (&before.title, &before.notes) {
        store::reworded(cx, &next, &deal)?;
    }
    let milestone = if next.title == before.title {
        save(cx, next, &deal)?
    } else {
        let milestone = write(cx, next, &deal)?;
        reminder::ops::reworded(cx, deal.id, Reworded::Milestone(milestone.id))?;
        view::view(&milestone, &deal.title, cx.now())
    };
    if was_reopened {
        let event = Event::Reopened { deal_id: deal.id, before: was, after: is, reason };
        cx.record(subject(cmd.id), &event)?;
        followup::take_back::no_longer_completed(cx, cmd.id, "The milestone was reopened.")?;
    }
    if !change.is_empty() {
        cx.record(subject(cmd.id), &Event::Edited { deal_id: deal.id, change })?;
        followup::take_back::changed(cx, deal.id, followup::take_back::MILESTONE_EDITED)?;
    }
    Ok(Outcome { milestone, already: None })
}

/// A member who gives a milestone the title that it has lets contacts read what a program wrote there.
fn confirm_title(cx: &mut Cx<'_>, milestone: &Milestone) -> Result<bool, No> {
    if cx.is_program() || reminder::store::titled_by_agents(cx, &[milestone.id])?.is_empty() {
        return Ok(false);
    }
    // What was held back for it may be due.
    reminder::store::look_soon(cx, milestone.deal_id)?;
    let event = Event::TitleConfirmed { deal_id: milestone.deal_id, title: milestone.title.clone() };
    cx.record(subject(milestone.id), &event)?;
    Ok(true)
}

fn responsible_member(cx: &mut Cx<'_>, email: Option<&str>) -> Result<Option<Option<MemberId>>, No> {
    match email.map(str::trim) {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(email) => match member::store::find_by_email(cx, &email.to_lowercase())? {
            Some(member) => Ok(Some(Some(member.id))),
            None => {
                let sentence = "is no member of this workspace.";
                Err(vec![Problem::new("responsible_member_email", sentence)].into())
            }
        },
    }
}

fn edit_fields(cmd: &EditMilestone, next: &mut Milestone, read: &mut Reading) {
    if let Some(title) = cmd.title.as_deref().and_then(|t| read.keep(text::line("title", t, text::TITLE))) {
        next.title = title;
    }
    if let Some(notes) = cmd.notes.as_deref().and_then(|t| read.keep(text::prose("notes", t, text::NOTES))) {
        next.notes = notes;
    }
    if let Some(role) =
        cmd.responsible_role.as_deref().and_then(|t| read.keep(intake::word("responsible_role", t)))
    {
        next.responsible = role;
    }
    match cmd.remind_days_before {
        None => {}
        Some(-1) => next.remind_days_before = None,
        Some(days) => next.remind_days_before = read.lead(days),
    }
    if let Some(links) = &cmd.evidence {
        if links.len() > MOST_EVIDENCE {
            read.0.push(Problem::new("evidence", format!("must be at most {MOST_EVIDENCE} links.")));
        }
        let links = links.iter().take(MOST_EVIDENCE).enumerate();
        next.evidence =
            links.filter_map(|(i, link)| read.keep(text::link(&format!("evidence[{i}]"), link))).collect();
    }
}

fn edit_date(
    cx: &Cx<'_>,
    cmd: &EditMilestone,
    deal: &Deal,
    next: &mut Milestone,
    read: &mut Reading,
    reason: Option<&str>,
) -> Result<(), No> {
    let by_hand = |instead_of| {
        let reason = reason.map(str::to_owned);
        Origin::ByHand(ByHand { by: cx.actor().name.clone(), at: cx.now(), reason, instead_of })
    };
    match (&cmd.due_on, cmd.pinned) {
        (Some(_), Some(false)) => {
            read.0.push(Problem::new("pinned", "cannot be false together with a date that is set by hand."));
        }
        (Some(text), _) => {
            let Some(due_on) = read.date(text) else { return Ok(()) };
            let said = next.origin.said_by_rule().map(Box::new);
            next.pinned = next.rule.is_some();
            if next.due_on != Some(due_on) || !matches!(next.origin, Origin::ByHand(_)) {
                next.due_on = Some(due_on);
                next.origin = by_hand(said);
            }
        }
        (None, Some(true)) if !next.pinned => {
            next.pinned = true;
            next.origin = by_hand(next.origin.said_by_rule().map(Box::new));
        }
        (None, Some(false)) if next.pinned => {
            next.pinned = false;
            if let Some(stored) = &next.rule {
                let due = rules::due_on(stored, &deal.key_dates)
                    .map_err(|no_date| vec![Problem::new("pinned", no_date.to_string())])?;
                next.due_on = due.date();
                next.origin = due.into();
            }
        }
        (None, _) => {}
    }
    next.lapses_at = next.due_on.map(|due_on| lapses_at(due_on, &deal.zone()));
    Ok(())
}

/// What an event remembers of an edit. Notes and links may be long; the log says that they changed, and to what.
fn facts(m: &Milestone) -> serde_json::Value {
    serde_json::json!({
        "title": m.title,
        "due_on": m.due_on,
        "pinned": m.pinned,
        "state": m.state.word(),
        "responsible": m.responsible,
        "responsible_member": m.responsible_member,
        "remind_days_before": m.remind_days_before,
        "notes": m.notes,
        "evidence": m.evidence,
    })
}

/// Takes a milestone away. It stays in the log.
pub fn remove(cx: &mut Cx<'_>, id: MilestoneId, version: Option<i64>, why: Option<&str>) -> Result<(), No> {
    cx.require(Verb::RemoveMilestone)?;
    let reason = reason(why)?;
    let (milestone, deal) = hold(cx, id, version)?;
    open_for(&deal, false)?;
    store::remove(cx, id)?;
    deal::store::update(cx, &deal)?;
    reminder::ops::changed(cx, deal.id)?;
    let event = Event::Removed { deal_id: deal.id, title: milestone.title, due_on: milestone.due_on, reason };
    cx.record(subject(id), &event)?;
    followup::take_back::no_longer_completed(cx, id, "The milestone was removed.")?;
    followup::take_back::changed(cx, deal.id, followup::take_back::MILESTONE_REMOVED)
}

/// Which milestones to list. Without a deal: those of all active deals.
#[derive(Clone, Debug, Default)]
pub struct ListMilestones {
    pub deal_id: Option<DealId>,
    pub status: Vec<MilestoneStatus>,
    pub due_from: Option<Date>,
    pub due_to: Option<Date>,
    pub ask: Ask,
}

pub fn list(cx: &mut Cx<'_>, cmd: &ListMilestones) -> Result<Page<MilestoneView>, No> {
    cx.require(Verb::ReadDeals)?;
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let after = cmd.ask.after_date().map_err(|p| vec![p])?;
    if let Some(id) = cmd.deal_id {
        deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let wanted = store::Wanted {
        deal: cmd.deal_id,
        status: cmd.status.clone(),
        due_from: cmd.due_from,
        due_to: cmd.due_to,
        undated: false,
        after,
        limit,
    };
    let page = Page::cut(store::list(cx, &wanted)?, limit, store::key);
    let titles = view::titles(cx, &page.items)?;
    let now = cx.now();
    Ok(page.map(|m| view::view(&m, titles.get(&m.deal_id).map_or("", String::as_str), now)))
}

pub fn get(cx: &mut Cx<'_>, id: MilestoneId) -> Result<MilestoneView, No> {
    cx.require(Verb::ReadDeals)?;
    let (milestone, deal) = look_up(cx, id)?;
    Ok(view::view(&milestone, &deal.title, cx.now()))
}

/// Why a milestone is due when it is.
pub fn explain(cx: &mut Cx<'_>, id: MilestoneId) -> Result<Explanation, No> {
    cx.require(Verb::ReadDeals)?;
    let (milestone, deal) = look_up(cx, id)?;
    Ok(view::explanation(&milestone, &deal, cx.now()))
}

fn look_up(cx: &mut Cx<'_>, id: MilestoneId) -> Result<(Milestone, Deal), No> {
    let milestone = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("milestone"))?;
    let deal = deal::store::find(cx, milestone.deal_id)?.ok_or_else(|| Refusal::not_found("milestone"))?;
    Ok((milestone, deal))
}

/// Reads fields and keeps what is wrong with them.
#[derive(Default)]
struct Reading(Vec<Problem>);

impl Reading {
    fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }

    fn date(&mut self, text: &str) -> Option<Date> {
        let date = self.keep(time::parse_date("due_on", text))?;
        match check_date("due_on", date) {
            None => Some(date),
            Some(problem) => self.keep(Err(problem)),
        }
    }

    fn lead(&mut self, days: i32) -> Option<i32> {
        if !(0..=365).contains(&days) {
            self.0.push(Problem::new("remind_days_before", "must be between 0 and 365 days."));
        }
        Some(days)
    }

    fn done(self) -> Result<(), No> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0.into()) }
    }
}
