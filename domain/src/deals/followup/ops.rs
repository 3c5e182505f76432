//! Beginning drafts, writing them between two verbs, closing-week checklists, reading what there is.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{self, File};
use super::view::{DraftDetail, DraftView, version_view, view};
use super::{review, rules, take_back, tell};
use crate::assist::draft::check::{Finding, FindingKind};
use crate::assist::draft::letter::Letter;
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Urgency, Version, WrittenBy, store};
use crate::assist::prompt::{self, Question};
use crate::deals::deal::{self, CLOSING_DATE, Deal, DealStatus, PartyRole};
use crate::deals::milestone;
use crate::delivery::outbox;
use crate::kernel::id::{ApprovalId, BatchId, DealId, DraftId, MilestoneId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, Fault, No, Refusal, Subject};
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval;

/// How long whoever took a draft may write it. Minutes.
const LEASE_MINUTES: i64 = 2;
/// Deals that one sweep for checklists looks at.
const SWEEP: i64 = 500;
/// Whose words a template's are.
pub const TEMPLATE: &str = "Milepost";

pub(super) fn subject(id: DraftId) -> Subject {
    Subject::new("draft", id.0)
}

pub(super) fn missing() -> Refusal {
    Refusal::not_found("draft")
}

pub(super) fn new_draft(cx: &mut Cx<'_>, occasion: String, kind: DraftKind, deal: DealId, to: String) -> Draft {
    Draft {
        id: DraftId(cx.mint()),
        occasion,
        kind,
        deal_id: deal,
        milestone_id: None,
        recipient_role: to,
        urgency: Urgency::Routine,
        state: DraftState::Waiting,
        current: 0,
        approval_id: None,
        lease_until: None,
        created_at: cx.now(),
        settled_at: None,
        batch_id: None,
        send_at: None,
        reason: None,
        version: 1,
    }
}

/// Writes another state of a draft that is held.
pub(super) fn turn(cx: &mut Cx<'_>, draft: &mut Draft, to: DraftState, reason: Option<String>) -> Result<(), No> {
    let event = Event::Moved { before: draft.state, after: to, reason: reason.clone() };
    if matches!(draft.state, DraftState::InReview | DraftState::Blocked) {
        tell::not_asked_any_more(cx, draft)?;
    }
    draft.state = to;
    draft.reason = reason;
    draft.settled_at = to.is_settled().then(|| cx.now());
    if to != DraftState::Writing {
        draft.lease_until = None;
    }
    store::update(cx, draft)?;
    cx.record(subject(draft.id), &event)
}

/// Begins the drafts of a milestone that was just completed, one for each role on its notify list that somebody has, and
/// tells the members whose deal or milestone it is. Part of completing it; the deal is held.
pub(crate) fn completed(cx: &mut Cx<'_>, deal: &Deal, id: MilestoneId) -> Result<(), No> {
    if deal.status != DealStatus::Active {
        return Ok(());
    }
    let file = facts::gather(cx, deal.id)?;
    let Some(done) = file.milestones.iter().find(|m| m.id == id) else { return Ok(()) };
    let occasion = |role: PartyRole| format!("follow_up:{id}:{role}");
    let roles = rules::roles(&done.notify, &file.parties);
    let occasions: Vec<String> = roles.iter().map(|role| occasion(*role)).collect();
    let mut there = store::of_occasions(cx, &occasions)?;
    let mut new = Vec::new();
    // The letters of one completion leave, and are taken back, together.
    let batch = Some(BatchId(cx.mint()));
    for role in roles {
        let urgency = rules::follow_up(&file, done, role).map_or(Urgency::Routine, |follow_up| follow_up.urgency);
        match there.iter_mut().find(|draft| draft.occasion == occasion(role)) {
            // It was withdrawn, or taken back before it left, when the milestone was reopened; or nobody had decided in time.
            Some(draft) if matches!(draft.state, DraftState::Withdrawn | DraftState::Expired) => {
                draft.urgency = urgency;
                (draft.batch_id, draft.send_at) = (batch, None);
                turn(cx, draft, DraftState::Waiting, None)?;
            }
            Some(_) => {}
            None => {
                let mut draft = new_draft(cx, occasion(role), DraftKind::FollowUp, deal.id, role.to_string());
                draft.milestone_id = Some(id);
                draft.urgency = urgency;
                draft.batch_id = batch;
                new.push(draft);
            }
        }
    }
    begun(cx, &new)?;
    tell::of_completion(cx, &file, id, new.len())
}

fn begun(cx: &mut Cx<'_>, new: &[Draft]) -> Result<usize, No> {
    let added = store::insert(cx, new)?;
    for draft in new.iter().filter(|draft| added.contains(&draft.id)) {
        let event = Event::Begun {
            deal_id: draft.deal_id,
            kind: draft.kind,
            milestone_id: draft.milestone_id,
            recipient_role: draft.recipient_role.clone(),
        };
        cx.record(subject(draft.id), &event)?;
    }
    Ok(added.len())
}

/// A draft that somebody took to write, and what a model may be asked for it.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub draft: DraftId,
    /// The draft's version when it was taken; whoever comes back later than somebody else is not listened to.
    pub version: i64,
    pub question: Question,
}

/// What is to be written, from the deal as it is now.
enum Matter {
    FollowUp(Box<prompt::FollowUp>),
    Checklist(Box<prompt::Checklist>),
}

impl Matter {
    /// The reason when there is nothing to write any more.
    fn of(file: &File, draft: &Draft) -> Result<Self, String> {
        if file.deal.status != DealStatus::Active && file.deal.status != DealStatus::Closed {
            return Err(format!("The deal is {}.", file.deal.status));
        }
        let role: PartyRole = draft.recipient_role.parse()?;
        match draft.kind {
            DraftKind::FollowUp => {
                let done = file.milestones.iter().find(|m| Some(m.id) == draft.milestone_id);
                let told = done.and_then(|done| rules::follow_up(file, done, role));
                told.map(|told| Self::FollowUp(Box::new(told))).ok_or("The milestone is not completed.".into())
            }
            DraftKind::Checklist => {
                let listed = rules::checklist(file, role);
                listed.map(|list| Self::Checklist(Box::new(list))).ok_or("The deal has no closing date.".into())
            }
            DraftKind::Message => Err("Its words come from whoever proposed it.".into()),
        }
    }

    fn question(&self) -> Result<Question, Fault> {
        match self {
            Self::FollowUp(context) => prompt::question(&**context),
            Self::Checklist(context) => prompt::question(&**context),
        }
    }

    fn fallback(&self) -> Result<Letter, Fault> {
        match self {
            Self::FollowUp(context) => prompt::fallback(&**context),
            Self::Checklist(context) => prompt::fallback(&**context),
        }
    }
}

/// Takes the draft that has waited longest, for two minutes; `None` when none waits. Drafts whose reason is gone are
/// withdrawn on the way.
///
/// Part of the drafting loop: between this and [`accept`] a model may be asked.
pub fn begin(cx: &mut Cx<'_>) -> Result<Option<Assignment>, No> {
    cx.require(Verb::ProposeDraft)?;
    while let Some(mut draft) = store::take_waiting(cx)? {
        let file = facts::gather(cx, draft.deal_id)?;
        match Matter::of(&file, &draft) {
            Ok(matter) => {
                let question = matter.question()?;
                draft.lease_until = cx.now().checked_add(SignedDuration::from_mins(LEASE_MINUTES)).ok();
                turn(cx, &mut draft, DraftState::Writing, None)?;
                return Ok(Some(Assignment { draft: draft.id, version: draft.version, question }));
            }
            Err(why) => turn(cx, &mut draft, DraftState::Withdrawn, Some(why))?,
        }
    }
    Ok(None)
}

/// What became of asking for words.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A model's letter, and which model.
    Model { letter: Letter, model: String },
    /// The template writes it; why, when a model was to.
    Template { instead_of_model: Option<String> },
}

/// Keeps the words, opens their review and tells who is to review them. A model's letter that states what does not stand in
/// the deal gives way to the template's, and what it stated is kept. `None` when somebody else has written the draft since.
pub fn accept(cx: &mut Cx<'_>, assignment: &Assignment, answer: &Answer) -> Result<Option<DraftView>, No> {
    cx.require(Verb::ProposeDraft)?;
    // Everybody holds the deal, then the draft: what the words state stays so until they are kept, or they are taken back.
    let Some(found) = store::find(cx, assignment.draft)? else { return Ok(None) };
    deal::store::hold(cx, found.deal_id)?;
    let held = store::hold(cx, assignment.draft)?;
    let Some(mut draft) = held.filter(|d| d.state == DraftState::Writing && d.version == assignment.version)
    else {
        return Ok(None);
    };
    let file = facts::gather(cx, draft.deal_id)?;
    let matter = match Matter::of(&file, &draft) {
        Ok(matter) => matter,
        Err(why) => {
            turn(cx, &mut draft, DraftState::Withdrawn, Some(why))?;
            return Ok(Some(view(&draft, &file.deal.title, None, cx.is_program())));
        }
    };
    let known = rules::known(&file);
    let (source, letter, made_by, mut findings, instead) = match answer {
        Answer::Model { letter, model } => match letter.checked() {
            Ok(letter) => {
                let found = letter.findings(&known);
                if found.is_empty() {
                    (WrittenBy::Model, letter, model.clone(), Vec::new(), None)
                } else {
                    let noted = found.into_iter().map(|f| Finding { blocks: false, ..f }).collect();
                    let why = format!("{model} stated what does not stand in the deal.");
                    (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), noted, Some(why))
                }
            }
            Err(problems) => {
                let why = problems.iter().map(|p| format!("{}: {}", p.field, p.sentence)).collect::<Vec<_>>();
                let why = format!("{model} gave no letter. {}", why.join(" "));
                (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), Vec::new(), Some(why))
            }
        },
        Answer::Template { instead_of_model } => {
            (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), Vec::new(), instead_of_model.clone())
        }
    };
    if let Some(why) = &instead {
        findings.insert(0, rules::note(FindingKind::Model, why, false));
    }
    if source == WrittenBy::Template {
        // Our own words are held to the same rules: what a template states must stand in the deal.
        findings.extend(letter.findings(&known));
    }
    let words = rules::words(&file, &draft, letter, cx.now());
    let audience = rules::audience(&file, &draft.recipient_role, rules::topic(draft.kind));
    findings.extend(rules::audience_findings(&audience, &draft.recipient_role, &words));
    let version = Version {
        number: draft.current + 1,
        recipients: audience.recipients,
        words,
        content_hash: String::new(),
        source,
        findings,
        made_by,
        made_at: cx.now(),
    };
    let version = review::open(cx, &mut draft, &file, version, None, instead)?;
    Ok(Some(view(&draft, &file.deal.title, Some(&version), cx.is_program())))
}

/// Begins the checklists of the deals that close within a week, once for each client and closing date, and withdraws the
/// undecided ones of a closing that moved. Gives how many were begun. Part of a loop; with nothing due it costs one look at
/// the index of closing dates.
pub fn checklists(cx: &mut Cx<'_>) -> Result<usize, No> {
    cx.require(Verb::ProposeDraft)?;
    let mut count = 0;
    let mut after = None;
    // A day more on either side, since a deal's day is the day of its own zone.
    let today = crate::kernel::time::today(cx.now(), &jiff::tz::TimeZone::UTC);
    let day = |days: i64| today.checked_add(Span::new().days(days)).unwrap_or(today);
    loop {
        let wanted = deal::store::Wanted {
            status: vec![DealStatus::Active],
            closing_from: Some(day(0)),
            closing_to: Some(day(rules::CHECKLIST_DAYS + 1)),
            after,
            limit: SWEEP,
            ..deal::store::Wanted::default()
        };
        let mut closing = deal::store::list(cx, &wanted)?;
        let more = closing.len() > usize::try_from(SWEEP).unwrap_or(0);
        closing.truncate(usize::try_from(SWEEP).unwrap_or(0));
        count += checklists_of(cx, &closing)?;
        match closing.last() {
            Some((id, on)) if more => after = Some((*on, id.0)),
            _ => return Ok(count),
        }
    }
}

/// When the next deal comes into its closing week; `None` when none will.
pub fn next_checklist(cx: &mut Cx<'_>) -> Result<Option<Timestamp>, No> {
    /// Deals that one look reads. Those that close on one day differ by their zones alone.
    const AHEAD: i64 = 64;
    let now = cx.now();
    let today = crate::kernel::time::today(now, &jiff::tz::TimeZone::UTC);
    // A day less, since a deal's day is the day of its own zone.
    let mut wanted = deal::store::Wanted {
        status: vec![DealStatus::Active],
        closing_from: today.checked_add(Span::new().days(rules::CHECKLIST_DAYS - 1)).ok(),
        limit: AHEAD,
        ..deal::store::Wanted::default()
    };
    let begins = |deal: &Deal| {
        let on = deal.key_dates.get(CLOSING_DATE)?.checked_sub(Span::new().days(rules::CHECKLIST_DAYS)).ok()?;
        deal.zone().to_zoned(on.at(0, 0, 0, 0)).ok().map(|at| at.timestamp())
    };
    loop {
        let mut closing = deal::store::list(cx, &wanted)?;
        let more = closing.len() > usize::try_from(AHEAD).unwrap_or(0);
        closing.truncate(usize::try_from(AHEAD).unwrap_or(0));
        let ids: Vec<DealId> = closing.iter().map(|(id, _)| *id).collect();
        let first = deal::store::find_many(cx, &ids)?.iter().filter_map(begins).filter(|at| *at > now).min();
        match closing.last() {
            Some((id, on)) if more && first.is_none() => wanted.after = Some((*on, id.0)),
            _ => return Ok(first),
        }
    }
}

fn checklists_of(cx: &mut Cx<'_>, closing: &[(DealId, Date)]) -> Result<usize, No> {
    let ids: Vec<DealId> = closing.iter().map(|(id, _)| *id).collect();
    let now = cx.now();
    let (mut new, mut again) = (Vec::new(), 0);
    let deals = deal::store::find_many(cx, &ids)?;
    let due = |deal: &&Deal| {
        let today = crate::kernel::time::today(now, &deal.zone());
        deal.key_dates.get(CLOSING_DATE).is_some_and(|closing| rules::is_closing_week(today, *closing))
    };
    let occasion = |deal: &Deal, role: PartyRole| {
        let closing = deal.key_dates.get(CLOSING_DATE).map(Date::to_string).unwrap_or_default();
        format!("checklist:{}:{closing}:{role}", deal.id)
    };
    let wanted: Vec<(&Deal, PartyRole)> = deals
        .iter()
        .filter(due)
        .flat_map(|deal| rules::clients(deal.side).iter().map(move |role| (deal, *role)))
        .collect();
    let occasions: Vec<String> = wanted.iter().map(|(deal, role)| occasion(deal, *role)).collect();
    let there = store::of_occasions(cx, &occasions)?;
    let mut batches: BTreeMap<DealId, BatchId> = BTreeMap::new();
    for (deal, role) in wanted {
        let occasion = occasion(deal, role);
        let known = there.iter().find(|draft| draft.occasion == occasion);
        // The closing moved away and back again. What a person took back stays so.
        let back = |draft: &Draft| draft.state == DraftState::Withdrawn && take_back::by_itself(draft);
        if known.is_some_and(|draft| !back(draft)) {
            continue;
        }
        let parties = deal::store::parties(cx, deal.id)?;
        if parties.iter().all(|party| party.role != role) {
            continue;
        }
        for old in store::of_deal(cx, deal.id, &DraftState::OPEN)? {
            if old.kind == DraftKind::Checklist && old.recipient_role == role.as_str() {
                take_back::withdraw(cx, old.id, take_back::CLOSING_MOVED)?;
            }
        }
        let batch = match batches.get(&deal.id) {
            Some(batch) => *batch,
            None => BatchId(cx.mint()),
        };
        batches.insert(deal.id, batch);
        if let Some(draft) = known {
            // Somebody may have been faster.
            if let Some(mut draft) = store::hold(cx, draft.id)?.filter(back) {
                (draft.batch_id, draft.send_at) = (Some(batch), None);
                turn(cx, &mut draft, DraftState::Waiting, None)?;
                again += 1;
            }
            continue;
        }
        let mut draft = new_draft(cx, occasion, DraftKind::Checklist, deal.id, role.to_string());
        draft.urgency = Urgency::Important;
        draft.batch_id = Some(batch);
        new.push(draft);
    }
    Ok(again + begun(cx, &new)?)
}

/// The newest words of a draft.
pub(super) fn newest(cx: &mut Cx<'_>, draft: &Draft) -> Result<Option<Version>, No> {
    let versions = store::versions(cx, &[draft.id])?;
    Ok(versions.into_iter().map(|(_, version)| version).find(|version| version.number == draft.current))
}

pub(super) fn seen(cx: &mut Cx<'_>, draft: &Draft) -> Result<DraftView, No> {
    let titles = deal::store::titles(cx, &[draft.deal_id])?;
    let newest = newest(cx, draft)?;
    let title = titles.get(&draft.deal_id).map(String::as_str).unwrap_or_default();
    Ok(view(draft, title, newest.as_ref(), cx.is_program()))
}

/// One draft with all of its versions, and what became of its messages.
pub fn get(cx: &mut Cx<'_>, id: DraftId) -> Result<DraftDetail, No> {
    cx.require(Verb::ReadDrafts)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    let mask = cx.is_program();
    let versions = store::versions(cx, &[id])?.iter().map(|(_, version)| version_view(version, mask)).collect();
    let approvals = approval::store::of_subject(cx, review::SUBJECT, id.0)?;
    let approvals: Vec<ApprovalId> = approvals.iter().map(|approval| approval.id).collect();
    let messages = outbox::view::of_approvals(cx, &approvals)?;
    Ok(DraftDetail {
        draft: seen(cx, &draft)?,
        reason: draft.reason,
        send_at: draft.send_at,
        batch_id: draft.batch_id,
        versions,
        messages,
    })
}

/// Which drafts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ListDrafts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    /// Those that are not settled when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<DraftState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub limit: Option<i64>,
}

/// Drafts, the newest first.
pub fn list(cx: &mut Cx<'_>, cmd: &ListDrafts) -> Result<Page<DraftView>, No> {
    cx.require(Verb::ReadDrafts)?;
    let ask = Ask { cursor: cmd.cursor.clone(), limit: cmd.limit };
    let limit = ask.limit().map_err(|p| vec![p])?;
    let before = ask.after().map_err(|p| vec![p])?;
    if let Some(deal) = cmd.deal_id {
        deal::store::find(cx, deal)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let states = match cmd.state.as_slice() {
        [] => DraftState::ALL.iter().copied().filter(|state| !state.is_settled()).collect(),
        states => states.to_vec(),
    };
    let rows = store::list(cx, &store::Wanted { deal: cmd.deal_id, states, before, limit })?;
    let ids: Vec<DraftId> = rows.iter().map(|draft| draft.id).collect();
    let deals: Vec<DealId> = rows.iter().map(|draft| draft.deal_id).collect();
    let titles = deal::store::titles(cx, &deals)?;
    let versions = store::versions(cx, &ids)?;
    let mask = cx.is_program();
    let show = |draft: Draft| {
        let newest = versions.iter().find(|(id, v)| *id == draft.id && v.number == draft.current);
        let title = titles.get(&draft.deal_id).map(String::as_str).unwrap_or_default();
        view(&draft, title, newest.map(|(_, version)| version), mask)
    };
    Ok(Page::cut(rows, limit, |draft| draft.id.0).map(show))
}

/// The type of the milestone that a draft is about.
pub(super) fn milestone_type(cx: &mut Cx<'_>, draft: &Draft) -> Result<Option<String>, No> {
    match draft.milestone_id {
        Some(id) => Ok(milestone::store::find(cx, id)?.map(|m| m.type_)),
        None => Ok(None),
    }
}
